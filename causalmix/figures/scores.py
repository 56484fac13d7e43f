"""Figures of normalised scores: distribution of improvements, spread, and what the normalisation does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import iqr

from causalmix.analysis import (
    PRIMARY_NORMALISATION,
    improvement_summary,
    normalise_scores,
    unit_scores,
)
from causalmix.cells import Store
from causalmix.figures.style import (
    INK,
    MUTED,
    arm_colour,
    arm_name,
    label_arms,
    mark_published,
    order_arms,
    say_empty,
)
from causalmix.intervals import cluster_bootstrap, signed
from causalmix.resampling import Statistic, sample_sd

AXIS_LABELS: dict[str, str] = {
    "error_removed": "normalised score: share of the remaining error removed",
    "difference": "change of test ROC-AUC",
    "largest_change": "change of test ROC-AUC / largest change of the fold",
    "dataset_sd": "change of test ROC-AUC / SD of the dataset",
}
"""Axis label per normalisation."""


def load_improvements(
    store: Store, normalisation: str = PRIMARY_NORMALISATION, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return one normalised score per dataset, fold and fine-tuned arm (of ``arms``, if given).

    Returns
    -------
    DataFrame
        ``dataset, fold, arm, score, n_repeats, normalisation, arm_median, arm_lower, arm_upper``: the last
        three are the arm's median and its interval (datasets resampled).
    """
    runs = store.runs()
    shown = [arm for arm in order_arms(runs["arm"]) if arm in (arms or set(runs["arm"]) - {"zero_shot"})]
    scores = unit_scores(runs, normalisation, shown).assign(normalisation=normalisation)
    summary = improvement_summary(runs, normalisation, shown)[["arm", "median", "lower", "upper"]]
    renamed = summary.rename(columns={name: f"arm_{name}" for name in ("median", "lower", "upper")})
    return scores.merge(renamed, on="arm", how="left")


def plot_improvements(
    frame: pd.DataFrame,
    ax: Axes,
    reference: float | None = None,
    references: Mapping[str, float] | None = None,
) -> None:
    """Draw each arm's distribution: box, one dot per dataset and fold, median with its interval.

    Parameters
    ----------
    frame : DataFrame
        From `load_improvements`.
    ax : Axes
    reference : float, optional
        A published median to mark.
    references : mapping, optional
        Published medians per arm, each marked on the arm's own row.
    """
    if say_empty(ax, frame, "fine-tuning run"):
        return
    arms = order_arms(frame["arm"])
    rng = np.random.default_rng(0)
    for row, arm in enumerate(arms):
        _draw_distribution(ax, frame[frame["arm"] == arm], row, arm_colour(arm), rng)
    ax.axvline(0, color=INK, linewidth=1)
    if reference is not None:
        ax.axvline(reference, color=MUTED, linewidth=1, linestyle="--", label=f"published {reference:+.2f}")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    mark_published(ax, arms, references)
    label_arms(ax, arms)
    ax.text(1.01, 1, "median [95 %]", transform=ax.transAxes, va="bottom", fontsize=8.5, color=MUTED)
    ax.set_xlim(*middle_limits(frame["score"]))
    outside = say_outside(frame["score"], ax.get_xlim(), "runs")
    ax.set_xlabel(AXIS_LABELS[frame["normalisation"].iloc[0]] + outside)


def _draw_distribution(ax: Axes, own: pd.DataFrame, row: int, colour: str, rng: np.random.Generator) -> None:
    """Draw one arm's box, dots, interval of the median, and both numbers on the right."""
    line = {"color": colour, "linewidth": 1.4}
    ax.boxplot(
        own["score"],
        positions=[row],
        orientation="horizontal",
        widths=0.55,
        showfliers=False,
        medianprops=line,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
    )
    height = row + rng.uniform(-0.18, 0.18, len(own))
    ax.scatter(own["score"], height, s=12, color=colour, alpha=0.45, linewidths=0)
    median, *ends = own[["arm_median", "arm_lower", "arm_upper"]].iloc[0]
    ax.plot(ends, [row + 0.38] * 2, color=colour, linewidth=3, solid_capstyle="butt")
    text, place = signed(median, *ends), ax.get_yaxis_transform()
    ax.text(1.01, row, text, transform=place, va="center", fontsize=8.5, color=colour)


def load_spread(store: Store, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Return the standard deviation and interquartile range of each fine-tuned arm with intervals.

    Returns
    -------
    DataFrame
        ``arm, measure`` (``standard deviation`` or ``interquartile range``), ``value, lower, upper, n_runs,
        normalisation``.
    """
    spreads = {"standard deviation": sample_sd, "interquartile range": iqr}
    frame = summarise_arms(unit_scores(store.runs(), normalisation), spreads)
    return frame.drop(columns="n_datasets").assign(normalisation=normalisation)


def summarise_arms(scores: pd.DataFrame, statistics: Mapping[str, Statistic]) -> pd.DataFrame:
    """Return each statistic of each fine-tuned arm's scores with its interval (datasets resampled).

    Parameters
    ----------
    scores : DataFrame
        From `causalmix.analysis.unit_scores`.
    statistics : mapping
        Name of a measure to the function that computes it.

    Returns
    -------
    DataFrame
        ``arm, measure, value, lower, upper, n_runs, n_datasets``, arm by arm.
    """
    rows = []
    for arm in [name for name in order_arms(scores["arm"]) if name != "zero_shot"]:
        own = scores[scores["arm"] == arm]
        values, datasets = own["score"].to_numpy(), own["dataset"].to_numpy()
        for measure, statistic in statistics.items():
            found = cluster_bootstrap(values, datasets, statistic)
            rows.append(
                (arm, measure, found.value, found.lower, found.upper, len(own), own["dataset"].nunique())
            )
    columns = ["arm", "measure", "value", "lower", "upper", "n_runs", "n_datasets"]
    return pd.DataFrame(rows, columns=columns)


def plot_spread(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw each arm's spread with its interval: standard deviation filled, interquartile range open."""
    if say_empty(ax, frame, "fine-tuning run"):
        return
    arms = order_arms(frame["arm"])
    marks = {"standard deviation": (-0.12, "o", True), "interquartile range": (0.12, "s", False)}
    for measure, (shift, marker, filled) in marks.items():
        own = frame[frame["measure"] == measure].set_index("arm")
        for row, arm in enumerate(arms):
            colour = arm_colour(arm)
            ax.plot(own.loc[arm, ["lower", "upper"]], [row + shift] * 2, color=colour, linewidth=2)
            face = colour if filled else "white"
            ax.plot([own["value"][arm]], [row + shift], marker, color=colour, markerfacecolor=face)
        ax.plot([], [], marker, color=INK, markerfacecolor=INK if filled else "white", label=measure)
    label_arms(ax, arms)
    ax.set_xlim(left=0)
    ax.set_xlabel(f"spread over tables and folds of\n{AXIS_LABELS[frame['normalisation'].iloc[0]]}")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False)


def load_baseline(store: Store, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Return the change of ROC-AUC of each run beside its normalised score.

    Returns
    -------
    DataFrame
        ``dataset, fold, repeat, arm, selected_step, change, score, normalisation``.
    """
    scores = normalise_scores(store.runs(), normalisation).assign(normalisation=normalisation)
    columns = ["dataset", "fold", "repeat", "arm", "selected_step", "change", "score", "normalisation"]
    return scores[columns].dropna(subset=["score"]).reset_index(drop=True)


def plot_baseline(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw score against change: no change sits at the origin, under every arm."""
    if say_empty(ax, frame, "finished run"):
        return
    for arm in order_arms(frame["arm"]):
        own = frame[frame["arm"] == arm]
        on_top = 3 if arm == "zero_shot" else 2
        ax.scatter(
            own["change"],
            own["score"],
            s=18,
            color=arm_colour(arm),
            alpha=0.6,
            label=arm_name(arm),
            zorder=on_top,
        )
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_ylim(*middle_limits(frame["score"]))
    ax.set_xlabel("test ROC-AUC minus zero-shot ROC-AUC")
    outside = say_outside(frame["score"], ax.get_ylim(), "runs").replace(" (", "\n(")
    ax.set_ylabel(AXIS_LABELS[frame["normalisation"].iloc[0]].replace(": ", ":\n") + outside)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def middle_limits(values: pd.Series, *inside: pd.Series) -> tuple[float, float]:
    """Return axis limits that hold the middle 96 % of the values, all of ``inside`` and 0, with a margin."""
    low, high = np.percentile(values, [2, 98])
    low = np.nanmin([low, 0, *(ends.min() for ends in inside)])
    high = np.nanmax([high, 0, *(ends.max() for ends in inside)])
    margin = 0.08 * (high - low) or 0.01
    return low - margin, high + margin


def say_outside(values: pd.Series, limits: tuple[float, float], noun: str) -> str:
    """Return how many of the values an axis with these limits cuts off, to follow its label.

    Examples
    --------
    >>> [say_outside(pd.Series(values), (-1, 2), "dots") for values in ([0.0, 1.0, 9.0], [0.0])]
    [' (1 of 3 dots lie outside)', '']
    """
    hidden = int((~values.between(*limits)).sum())
    return f" ({hidden} of {len(values)} {noun} lie outside)" if hidden else ""
