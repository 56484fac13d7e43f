"""Arms against each other: the critical-difference diagram and the win-rate matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import NORMALISATIONS, PRIMARY_NORMALISATION
from causalmix.cells import Store
from causalmix.figures.style import INK, MUTED, arm_colour, arm_name, draw_heatmap, figure_of, say_empty
from causalmix.ranking import cliques, pairwise_tests, rank_arms, score_matrix, win_rates

CLIQUE_STYLES = {
    "nemenyi": ("not told apart by Nemenyi's test", INK, "-"),
    "wilcoxon": ("not told apart by Wilcoxon's test with Holm's adjustment", MUTED, (0, (1.2, 0.6))),
}
"""Kinds of bars: label, colour, line style."""


def load_critical_difference(
    store: Store, normalisation: str = PRIMARY_NORMALISATION, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the pairwise tests of the fine-tuned arms (among ``arms``, if given) over datasets.

    Returns
    -------
    DataFrame
        From `causalmix.ranking.pairwise_tests`.
    """
    runs = store.runs()
    return pairwise_tests(runs, normalisation, _tuned(runs, arms))


def say_pairs_apart(store: Store, arms: Sequence[str] | None = None) -> str:
    """Name the pairs that Wilcoxon's test tells apart under each normalisation, and under some only."""
    named: dict[str, list[str]] = {}
    for normalisation in NORMALISATIONS:
        frame = load_critical_difference(store, normalisation, arms)
        for row in frame[frame["wilcoxon"]].to_dict("records"):
            pair = f"{arm_name(row['arm'])} from {arm_name(row['against'])}"
            named.setdefault(pair, []).append(normalisation)
    each = [pair for pair, under in named.items() if len(under) == len(NORMALISATIONS)]
    some = [
        f"{pair} ({', '.join(under)})" for pair, under in named.items() if len(under) < len(NORMALISATIONS)
    ]
    return (
        f"Wilcoxon's test with Holm's adjustment tells apart, under each of the {len(NORMALISATIONS)} "
        f"normalisations: {'; '.join(each) or 'no pair'}. Under some only: {'; '.join(some) or 'no pair'}."
    )


def plot_critical_difference(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the arms on the axis of average ranks; a bar joins arms that a test does not tell apart.

    The ranks are those of the table averages: the tests take tables as their units.
    The bar on top is Nemenyi's critical difference. Below the axis: solid bars for Nemenyi's test, dashed
    ones for Wilcoxon's with Holm's adjustment.
    """
    if say_empty(ax, frame, "pair of fine-tuned arms on two tables"):
        return
    ranks = {**dict(zip(frame["arm"], frame["rank"], strict=True)),
             **dict(zip(frame["against"], frame["rank_against"], strict=True))}  # fmt: skip
    order = sorted(ranks, key=lambda arm: ranks[arm])
    difference = frame["critical_difference"].iloc[0]
    left = np.floor(min(ranks.values()))
    right = max(np.ceil(max(ranks.values())), np.ceil(left + difference))
    _draw_rank_axis(ax, left, right, difference)
    below = _draw_cliques(ax, frame, order, ranks)
    half = (len(order) + 1) // 2
    for place, arm in enumerate(order):
        row = place if place < half else len(order) - 1 - place
        end, side = (left - 0.03 * (right - left), "right") if place < half else (right, "left")
        height = below + 0.62 * row + 0.4
        ax.plot([ranks[arm], ranks[arm], end], [0, height, height], color=arm_colour(arm), linewidth=1.3)
        ax.text(
            end, height, f" {arm_name(arm)} {ranks[arm]:.2f} ", color=arm_colour(arm), ha=side, va="center"
        )
    top, bottom = -1.65, below + 0.62 * half + 0.1
    ax.set_ylim(bottom, top)
    margin = 0.42 * (right - left)
    ax.set_xlim(left - margin, right + margin)
    figure_of(ax).set_figheight(0.9 + 0.46 * (bottom - top))


def _draw_rank_axis(ax: Axes, left: float, right: float, difference: float) -> None:
    """Draw the scale of ranks with its ticks above it, and the critical difference on top."""
    ax.set_axis_off()
    ax.plot([left, right], [0, 0], color=INK, linewidth=1)
    for rank in np.arange(left, right + 1):
        ax.plot([rank, rank], [-0.14, 0], color=INK, linewidth=1)
        ax.text(rank, -0.2, f"{rank:.0f}", ha="center", va="bottom", fontsize=9)
    ax.plot([left, left + difference], [-0.95, -0.95], color=INK, linewidth=1.5)
    for end in (left, left + difference):
        ax.plot([end, end], [-1.05, -0.85], color=INK, linewidth=1.5)
    ax.text(left, -1.12, f"critical difference {difference:.2f}", va="bottom", fontsize=9)


def _draw_cliques(ax: Axes, frame: pd.DataFrame, order: Sequence[str], ranks: dict[str, float]) -> float:
    """Draw the bars below the axis; return how far down they reach."""
    height = 0.0
    for test, (label, colour, style) in CLIQUE_STYLES.items():
        apart = frame.loc[frame[test], ["arm", "against"]].itertuples(index=False, name=None)
        for group in cliques(order, apart):
            if len(group) < 2:
                continue
            height += 0.26
            ends = [ranks[group[0]] - 0.02, ranks[group[-1]] + 0.02]
            ax.plot(ends, [height] * 2, color=colour, linestyle=style, linewidth=4, solid_capstyle="butt")
        ax.plot([], [], color=colour, linestyle=style, linewidth=4, label=label)
    first = frame.iloc[0]
    about = f"Friedman p = {first['friedman_p']:.2g}, " if np.isfinite(first["friedman_p"]) else ""
    about += f"{first['n_datasets']} tables"
    ax.set_title(f"rank of the table averages (1 is best); {about}", fontsize=10)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), frameon=False)
    return height


def load_win_rates(
    store: Store, normalisation: str = PRIMARY_NORMALISATION, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return how often each fine-tuned arm (among ``arms``, if given) beats each other one.

    Returns
    -------
    DataFrame
        ``arm, against, win_rate, n_cells``: share of (table, fold, repeat) cells in which ``arm`` scores
        higher, a tie counted half, failed runs as lost. Arms by average rank, the best first.
    """
    runs = store.runs()
    shown = _tuned(runs, arms)
    if len(shown) < 2:
        return pd.DataFrame(columns=["arm", "against", "win_rate", "n_cells"])
    order = list(rank_arms(runs, normalisation, shown).mean().sort_values(kind="stable").index)
    table = win_rates(runs, normalisation, order).loc[order, order]
    long = pd.DataFrame({"win_rate": table.stack()}).reset_index()
    return long.assign(n_cells=len(score_matrix(runs, normalisation, order)))


def plot_win_rates(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the matrix of win rates in per cent: the row's arm against the column's."""
    if say_empty(ax, frame, "pair of fine-tuned arms"):
        return
    arms = list(dict.fromkeys(frame["arm"]))
    matrix = frame.pivot(index="arm", columns="against", values="win_rate").loc[arms, arms].to_numpy(float)
    texts = np.char.mod("%.0f", 100 * matrix)
    draw_heatmap(ax, matrix, texts, rows=arms, columns=arms, limits=(0, 1), fontsize=10)
    ax.set_xlabel("against")
    ax.set_title(f"cells (table, fold) won by the row's arm, in % of {frame['n_cells'].iloc[0]}", fontsize=10)


def _tuned(runs: pd.DataFrame, arms: Sequence[str] | None) -> list[str]:
    """Return the fine-tuned arms of the runs, among ``arms`` if given."""
    return [arm for arm in runs["arm"].unique() if arm in (arms or set(runs["arm"]) - {"zero_shot"})]
