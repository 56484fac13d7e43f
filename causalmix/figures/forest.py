"""Forest plots: one arm minus another per table and over tables, and CausalMixFT against each control."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import PRIMARY_NORMALISATION, normalise_scores
from causalmix.cells import Store
from causalmix.controls import COMPARISON_COLUMNS, compare_with_controls
from causalmix.differences import pool_tables, sign_flip_p, table_differences
from causalmix.figures.scores import AXIS_LABELS
from causalmix.figures.style import INK, MUTED, arm_colour, arm_name, figure_of, grow, say_empty, split_axes
from causalmix.intervals import signed
from causalmix.specs import find_arm


def load_differences(
    store: Store,
    normalisation: str = PRIMARY_NORMALISATION,
    arm: str = "causalmix",
    baseline: str = "default",
) -> pd.DataFrame:
    """Return the difference of two arms per table, and over tables.

    Returns
    -------
    DataFrame
        From `causalmix.differences.table_differences`, the largest difference first, with ``arm, baseline,
        normalisation`` and ``pooled, pooled_lower, pooled_upper`` (mean over tables, tables resampled) and
        ``p_value`` (sign flips), which repeat.

    Raises
    ------
    SpecError
        For an arm that does not exist.
    """
    for name in (arm, baseline):
        find_arm(name)
    scores = normalise_scores(store.runs(), normalisation)
    tables = table_differences(scores, arm, baseline)
    found = pool_tables(tables)  # before sorting: the same resamples as wherever else these tables are pooled
    return tables.sort_values("difference", ascending=False, ignore_index=True).assign(
        arm=arm,
        baseline=baseline,
        normalisation=normalisation,
        pooled=found.value,
        pooled_lower=found.lower,
        pooled_upper=found.upper,
        p_value=sign_flip_p(tables["difference"].to_numpy()),
    )


def plot_differences(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the difference per table with its interval over folds, and the mean over tables as a diamond."""
    if say_empty(ax, frame, "pair of runs of the two arms"):
        return
    first, rows = frame.iloc[0], np.arange(len(frame))
    colours = [arm_colour(first["arm"] if value > 0 else first["baseline"]) for value in frame["difference"]]
    ax.hlines(rows, frame["lower"], frame["upper"], colors=colours, linewidth=1.4, alpha=0.75)
    ax.scatter(frame["difference"], rows, c=colours, s=26, zorder=3)
    last = len(frame) + 0.4
    diamond = (first["pooled_lower"], first["pooled"], first["pooled_upper"], first["pooled"])
    if np.isfinite(diamond).all():
        ax.fill(diamond, [last, last - 0.32, last, last + 0.32], color=INK)
    ax.axhline(len(frame) - 0.3, color=MUTED, linewidth=0.8)
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_yticks([*rows, last], [*frame["dataset"], f"mean over tables ({len(frame)})"])
    grow(ax, len(frame) + 1, per_row=0.27)
    ax.set_ylim(last + 0.7, -0.7)
    ax.grid(False, axis="y")
    ends = frame[["lower", "upper"]].abs().stack()
    reach = 1.1 * max(frame["difference"].abs().max(), ends.quantile(0.8) if len(ends) else 0) or 0.01
    ax.set_xlim(-reach, reach)
    cut = bool((frame[["lower", "upper"]].abs() > reach).any(axis=None))
    label = f"{arm_name(first['arm'])} minus {arm_name(first['baseline'])}: difference of the\n"
    label += AXIS_LABELS[first["normalisation"]].replace(": ", ":\n")
    ax.set_xlabel(label + ("\n(bars: intervals over folds, cut at the edge)" if cut else ""))
    text = f"mean {signed(first['pooled'], first['pooled_lower'], first['pooled_upper'])}"
    tested = f"\np = {first['p_value']:.2g} by sign flips" if np.isfinite(first["p_value"]) else ""
    ax.set_title(text + tested, fontsize=10)


def load_controls(store: Store, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Return CausalMixFT against each other fine-tuned arm, and those against default fine-tuning.

    Returns
    -------
    DataFrame
        From `causalmix.controls.compare_with_controls`, with ``normalisation``.
    """
    runs = store.runs()
    if runs.empty:
        return pd.DataFrame(columns=[*COMPARISON_COLUMNS, "normalisation"])
    return compare_with_controls(runs, normalisation).assign(normalisation=normalisation)


def plot_controls(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw two forests of the same arms: CausalMixFT minus the arm, and the arm minus default.

    On the left a filled dot has a Holm-adjusted p below 0.05; what is on the right was not tested.
    """
    if say_empty(ax, frame, "control"):
        return
    places = _places(frame)
    grow(ax, int(max(places)) + 1, per_row=0.3)
    left, right = split_axes(ax, 2)
    columns = (("difference", "lower", "upper"), ("gain", "gain_lower", "gain_upper"))
    for panel, (value, lower, upper) in zip((left, right), columns, strict=True):
        for place, row in zip(places, frame.to_dict("records"), strict=True):
            colour = arm_colour(row["arm"])
            face = colour if panel is left and row["p_holm"] < 0.05 else "white"
            panel.plot([row[lower], row[upper]], [place] * 2, color=colour, linewidth=2)
            marker = "o" if panel is left else "D"
            panel.plot(row[value], place, marker, color=colour, markerfacecolor=face, markersize=5.5)
        panel.axvline(0, color=INK, linewidth=1)
        panel.set_yticks(places, [arm_name(arm) for arm in frame["arm"]])
        panel.set_ylim(max(places) + 0.7, -0.9)
        panel.grid(False, axis="y")
        panel.locator_params(axis="x", nbins=5)
    for tick, arm in zip(left.get_yticklabels(), frame["arm"], strict=True):
        tick.set_color(arm_colour(arm))
    for group, start in zip(frame["group"].unique(), _starts(frame, places), strict=True):
        left.annotate(group, (0, start - 0.62), (4, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", fontsize=8.5, color=MUTED, va="center",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    right.set_yticklabels([])
    left.set_title("CausalMixFT minus the arm", fontsize=10)
    right.set_title("the arm minus default", fontsize=10)
    figure_of(left).supxlabel(
        f"difference of the {AXIS_LABELS[frame['normalisation'].iloc[0]]}\n"
        "(mean and 95 % interval over tables; left, filled dot: Holm-adjusted p < 0.05; right: not tested)",
        fontsize=9.5,
    )


def _places(frame: pd.DataFrame) -> np.ndarray:
    """Return the height of each row: one apart, with room for a heading before each group."""
    new_group = frame["group"] != frame["group"].shift()
    return np.arange(len(frame)) + 0.8 * new_group.cumsum().to_numpy() - 0.8


def _starts(frame: pd.DataFrame, places: np.ndarray) -> np.ndarray:
    """Return the height of the first row of each group."""
    return places[(frame["group"] != frame["group"].shift()).to_numpy()]
