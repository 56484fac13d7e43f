"""Figures of the generators: how good their rows are on real tables, and what they cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.figures.style import (
    MUTED,
    arm_colour,
    arm_name,
    label_arms,
    order_arms,
    say_empty,
    split_axes,
)
from causalmix.intervals import mean_interval
from causalmix.quality import MEASURES, REFERENCES

QUALITY_LABELS: dict[str, str] = {
    "quality_score": "quality score of sdmetrics\n(best: 1)",
    "skeleton_f1": "F1 of the discovered skeleton\n(best: 1)",
    "ci_agreement": "independences decided alike\n(best: 1)",
    "tstr_auc": "ROC-AUC on real rows, trained on synthetic\n(dashed: trained on real rows)",
    "detection_auc": "ROC-AUC of telling them from real rows\n(best: 0.5, dashed)",
    "closest_record": "distance to the closest real record\n(dashed: unseen real rows)",
}
"""Axis label per measure of ``causalmix.quality``."""

COST_LABELS: dict[str, str] = {
    "seconds_fit": "CPU-seconds to fit",
    "seconds_per_1000": "CPU-seconds per 1,000 rows",
    "peak_mb": "peak memory above the start [MB]",
}
"""Axis label per measured cost."""

FLOORS = {"seconds_fit": 1e-3, "seconds_per_1000": 1e-3, "peak_mb": 0.1}
"""Smaller costs are drawn there: the clock and the memory's pages are no finer."""


def load_quality(scores: pd.DataFrame) -> pd.DataFrame:
    """Return each measure of quality per table and generator, with the generator's mean and interval.

    Parameters
    ----------
    scores : DataFrame
        ``scores.csv`` of ``benchmarks/quality.py``: one row per table, fold and generator.

    Returns
    -------
    DataFrame
        ``measure, generator, dataset, value`` (mean over folds), ``mean, lower, upper`` (over tables, tables
        resampled), ``reference`` (mean of the measure for real rows, NaN where there is none), ``n_tables``.
    """
    columns = ["measure", "generator", "dataset", "value", "mean", "lower", "upper", "reference", "n_tables"]
    parts = []
    for measure in MEASURES if len(scores) else ():
        per_table = scores.dropna(subset=[measure]).groupby(["generator", "dataset"], observed=True)
        means = per_table[[measure, *filter(None, [REFERENCES.get(measure)])]].mean().reset_index()
        for generator in order_arms(means["generator"]):
            own = means[means["generator"] == generator].rename(columns={measure: "value"})
            found = mean_interval(own["value"].to_numpy())
            ends = {"mean": found.value, "lower": found.lower, "upper": found.upper}
            reference = own[REFERENCES[measure]].mean() if measure in REFERENCES else np.nan
            parts.append(own.assign(measure=measure, **ends, reference=reference, n_tables=len(own)))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return frame.reindex(columns=columns)


def summarise_quality(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each measure and generator with its interval, as ``summary.csv`` has it.

    Returns
    -------
    DataFrame
        ``measure, generator, mean, lower, upper, reference, n_tables``, see `load_quality`.
    """
    columns = ["measure", "generator", "mean", "lower", "upper", "reference", "n_tables"]
    return load_quality(scores)[columns].drop_duplicates(["measure", "generator"]).reset_index(drop=True)


def plot_quality(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one panel per measure: a dot per table, the mean and its interval per generator."""
    if say_empty(ax, frame, "table measured"):
        return
    generators, measures = order_arms(frame["generator"]), list(dict.fromkeys(frame["measure"]))
    for number, panel in enumerate(split_axes(ax, len(measures))):
        own = frame[frame["measure"] == measures[number]]
        best = {"detection_auc": 0.5}.get(measures[number], own["reference"].mean())
        if np.isfinite(best):
            panel.axvline(best, color=MUTED, linestyle="--", linewidth=1)
        for row, generator in enumerate(generators):
            points, colour = own[own["generator"] == generator], arm_colour(generator)
            if points.empty:
                continue
            first = points.iloc[0]
            panel.scatter(
                points["value"], np.full(len(points), row), s=9, color=colour, alpha=0.35, linewidths=0
            )
            panel.plot([first["lower"], first["upper"]], [row, row], color=colour, linewidth=2.5)
            panel.plot(first["mean"], row, "o", color=colour, markersize=6, markeredgecolor="white")
        label_arms(panel, generators)
        if number % 2:
            panel.set_yticklabels([])
        panel.set_xlabel(QUALITY_LABELS[measures[number]], fontsize=9)


def load_generator_cost(cases: pd.DataFrame) -> pd.DataFrame:
    """Return each cost per table and generator beside the table's width.

    Parameters
    ----------
    cases : DataFrame
        ``cost.csv`` of ``benchmarks/generator_cost.py``: one row per table and generator.

    Returns
    -------
    DataFrame
        ``cost, generator, dataset, n_features, n_rows, value``.
    """
    columns = ["cost", "generator", "dataset", "n_features", "n_rows", "value"]
    if cases.empty:
        return pd.DataFrame(columns=columns)
    keys = ["generator", "dataset", "n_features", "n_rows"]
    long = cases.melt(keys, list(COST_LABELS), var_name="cost", value_name="value")
    return long[columns].dropna(subset=["value"]).reset_index(drop=True)


def summarise_cost(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the median cost of each generator over the tables on which all of them were measured.

    Returns
    -------
    DataFrame
        ``generator, n_tables`` and a column per key of `COST_LABELS`.
    """
    if cases.empty:
        return pd.DataFrame(columns=["generator", "n_tables", *COST_LABELS])
    measured = cases.dropna(subset=list(COST_LABELS))
    per_table = measured.groupby("dataset")["generator"].nunique()
    common = per_table.index[per_table == measured["generator"].nunique()]
    grouped = measured[measured["dataset"].isin(common)].groupby("generator")[list(COST_LABELS)]
    medians = grouped.median().assign(n_tables=len(common)).reset_index()
    ordered = medians.set_index("generator").loc[order_arms(medians["generator"])].reset_index()
    return ordered[["generator", "n_tables", *COST_LABELS]]


def plot_generator_cost(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw each cost against the width: a dot per table, a line through the medians of similar widths."""
    if say_empty(ax, frame, "generator measured"):
        return
    generators = order_arms(frame["generator"])
    *panels, legend = split_axes(ax, len(COST_LABELS) + 1)
    for panel, (cost, label) in zip(panels, COST_LABELS.items(), strict=True):
        for generator in generators:
            own = frame[(frame["cost"] == cost) & (frame["generator"] == generator)]
            own = own.assign(value=own["value"].clip(lower=FLOORS[cost]))
            colour = arm_colour(generator)
            panel.scatter(own["n_features"], own["value"], s=9, color=colour, alpha=0.35, linewidths=0)
            similar = own.groupby(np.round(2 * np.log2(own["n_features"])))[["n_features", "value"]].median()
            panel.plot(similar["n_features"], similar["value"], color=colour, label=arm_name(generator))
        panel.set_xscale("log")
        panel.set_yscale("log")
        widths = [width for width in (5, 10, 20, 50, 100) if width <= 1.5 * frame["n_features"].max()]
        panel.set_xticks(widths, [f"{width}" for width in widths])
        panel.set_xticks([], minor=True)
        panel.set_xlabel("features of the table")
        panel.set_ylabel(label)
    legend.set_axis_off()
    legend.legend(*panels[0].get_legend_handles_labels(), loc="center left", frameon=False)
