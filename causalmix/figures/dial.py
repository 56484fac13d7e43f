"""Figures of the dial: dose and response, the same at several row limits, and tables without a cause."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import CELL
from causalmix.cells import Store
from causalmix.depth_contrasts import (
    dial_by_rows,
    isolation_and_effect,
    measurements_by_rows,
    target_isolation,
    trend_over_rows,
)
from causalmix.depth_dial import CONTROL, DIAL, FULL
from causalmix.depth_tests import PRIMARY_MEASURE, measurements
from causalmix.figures.scores import middle_limits, say_outside
from causalmix.figures.style import ARM_COLOURS, INK, MUTED, label_figure, say_empty, split_axes
from causalmix.intervals import bca_interval, cluster_bootstrap
from causalmix.rules import load_claims
from causalmix.stability import MEASURE_LABELS, name_measure

SETTINGS = ("0", "1", "2", "3", FULL)
"""Settings of the dial in order."""

LINES: dict[str, tuple[str, str, str]] = {
    "dial": ("cut to the depth", ARM_COLOURS["causalmix"], "-"),
    "control": ("as many edges lost, depth kept", MUTED, "--"),
}
"""Series of the dial: label, colour, line style."""

MATCHED = 0.5
"""Share of blocks in which a control must have as many edges as the dial; below it is drawn hollow."""

BAND = "#e9eef5"
"""Colour of the band of effects that are smaller than the smallest of interest."""

UNMATCHED_LABEL = "hollow: cannot lose as many, one longest path is left"


def load_dial(store: Store, measure: str = PRIMARY_MEASURE) -> pd.DataFrame:
    """Return the change of a stability measure against uncut graphs, paired by table, fold and repeat.

    Returns
    -------
    DataFrame
        ``measure, series`` (``dial`` or ``control``), ``setting`` (``0 … 3, full``), ``dataset, depth,
        n_edges, uncut`` (value on uncut graphs), ``change``: means over the dataset's blocks; ``mean, lower,
        upper`` over datasets (resampled) and ``matched_share`` (blocks with as many edges as the dial at the
        same setting) repeat per series and setting.
    """
    return dial_changes(measurements(store.runs(), store.trajectories(), measure)).assign(measure=measure)


def dial_changes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the frame of `load_dial` for the measurements of one row limit."""
    columns = [
        "series",
        "setting",
        "dataset",
        "depth",
        "n_edges",
        "uncut",
        "change",
        "mean",
        "lower",
        "upper",
    ]
    table = table.assign(setting=table["arm"].str.split("=").str[-1])
    base = table[table["arm"] == f"{DIAL}{FULL}"][[*CELL, "value"]].rename(columns={"value": "uncut"})
    dial = table[table["arm"].str.startswith(DIAL)][[*CELL, "setting", "n_edges"]]
    frames = []
    for series, prefix in (("dial", DIAL), ("control", CONTROL)):
        if not table["arm"].str.startswith(prefix).any():
            continue
        own = table[table["arm"].str.startswith((prefix, f"{DIAL}{FULL}"))].merge(base, on=CELL)
        own = own.merge(dial, on=[*CELL, "setting"], suffixes=("", "_dial"))
        own = own.assign(change=own["value"] - own["uncut"], matched=own["n_edges"] == own["n_edges_dial"])
        for setting, blocks in own.groupby("setting", observed=True):
            grouped = blocks.groupby("dataset", observed=True)
            points = grouped[["depth", "n_edges", "uncut", "change"]].mean().reset_index()
            ends = cluster_bootstrap(points["change"].to_numpy(), points["dataset"].to_numpy(), np.mean)
            summary = {"mean": ends.value, "lower": ends.lower, "upper": ends.upper}
            about = {"series": series, "setting": setting, "matched_share": blocks["matched"].mean()}
            frames.append(points.assign(**summary, **about))
    found = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return found.reindex(columns=[*columns, "matched_share"])


def plot_dial(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the dose-response: mean change with its interval per setting, the dial beside its controls."""
    if say_empty(ax, frame, "arm causalmix@depth=…"):
        return
    summary = frame.drop_duplicates(["series", "setting"])
    for shift, (series, (label, colour, style)) in zip((-0.06, 0.06), LINES.items(), strict=True):
        own = summary[summary["series"] == series]
        own = own.assign(place=own["setting"].map(SETTINGS.index)).sort_values("place")
        if own.empty:
            continue
        ax.plot(own["place"] + shift, own["mean"], linestyle=style, color=colour, label=label, zorder=2)
        draw_intervals(ax, own["place"] + shift, own, colour, own["matched_share"] >= MATCHED)
    if (summary["matched_share"] < MATCHED).any():
        ax.plot([], [], "o", color=MUTED, markerfacecolor="white", label=UNMATCHED_LABEL)
    points = frame[frame["series"] == "dial"]
    places = points["setting"].map(SETTINGS.index) - 0.06
    ax.scatter(places, points["change"], s=9, color=ARM_COLOURS["causalmix"], alpha=0.3, linewidths=0)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_ylim(*middle_limits(frame["change"], summary["lower"], summary["upper"]))
    outside = say_outside(points["change"], ax.get_ylim(), "dots")
    ax.set_xticks(range(len(SETTINGS)), SETTINGS)
    ax.set_xlabel(f"depth that the graphs are cut to{outside}")
    measure = frame["measure"].iloc[0]
    ax.set_ylabel(f"{MEASURE_LABELS[measure]}:\nchange against uncut graphs")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)


def draw_intervals(
    ax: Axes, places: pd.Series, summary: pd.DataFrame, colour: str, filled: pd.Series | bool = True
) -> None:
    """Draw ``mean`` with ``lower`` and ``upper`` at the places; hollow where not filled."""
    for place, (_, row), solid in zip(
        places, summary.iterrows(), np.broadcast_to(filled, len(summary)), strict=True
    ):
        if np.isfinite(row["lower"]):
            ax.plot([place, place], [row["lower"], row["upper"]], color=colour, linewidth=1.6, zorder=2)
        face = colour if solid else "white"
        ax.plot([place], [row["mean"]], "o", color=colour, markerfacecolor=face, zorder=3)


def load_low_data(store: Store, measure: str = PRIMARY_MEASURE) -> pd.DataFrame:
    """Return the effect of depth at each row limit of a study.

    Returns
    -------
    DataFrame
        ``measure, quantity, series, max_train_rows, dataset, value, mean, lower, upper, trend, trend_lower,
        trend_upper, trend_p, smallest, n_folds``. The quantity ``correlation`` is that of claim 19 (BCa
        interval over tables; the trend is its change per doubling of the rows, smallest the smallest effect
        of interest, n_folds the number of folds that a table has at most); the quantity ``change`` is that of
        `load_dial`, with the series ``dial 0``, ``dial 1``, ``control 1``.
    """
    columns = ["quantity", "series", "max_train_rows", "dataset", "value", "mean", "lower", "upper"]
    table = measurements_by_rows(store, measure)
    if table.empty or not table["arm"].str.startswith(DIAL).any():
        return pd.DataFrame(columns=["measure", *columns])
    correlations = dial_by_rows(table)
    trend = trend_over_rows(correlations)
    frames = []
    for _, own in correlations.groupby("max_train_rows"):
        lower, upper = bca_interval(own["rho"].to_numpy())
        ends = {"mean": own["rho"].mean(), "lower": lower, "upper": upper}
        named = own.rename(columns={"rho": "value"})
        frames.append(named.assign(quantity="correlation", series="dial", **ends))
    for limit, own in table.groupby("max_train_rows"):
        changes = dial_changes(own).rename(columns={"change": "value"})
        changes = changes[changes["setting"] != FULL]
        series = changes["series"] + " " + changes["setting"]
        frames.append(changes.assign(quantity="change", series=series, max_train_rows=limit))
    found = pd.concat([frame[columns] for frame in frames], ignore_index=True).assign(measure=measure)
    slope = {"trend": trend["effect"], "trend_lower": trend["lower"], "trend_upper": trend["upper"]}
    n_folds = table.groupby("dataset", observed=True)["fold"].nunique().max()
    about = {"trend_p": trend["p_value"], "smallest": smallest_effect(), "n_folds": n_folds}
    return found[["measure", *columns]].assign(**slope, **about)


def smallest_effect() -> float:
    """Return the smallest correlation of interest, as claims.yml fixes it for claim 19."""
    return float(load_claims()["19"].estimand["smallest_effect"])


LOW_DATA_LINES: dict[str, tuple[str, str, str]] = {
    "dial 0": ("cut to depth 0", "#0072B2", "-"),
    "dial 1": ("cut to depth 1", ARM_COLOURS["causalmix"], "-"),
    "control 1": ("as many edges lost as at depth 1, depth kept", MUTED, "--"),
}
"""Series of the change at several row limits: label, colour, line style."""


def plot_low_data(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the effect of depth over the number of training rows: correlation above, changes below."""
    if say_empty(ax, frame, "arm causalmix@depth=…"):
        return
    limits = sorted(frame["max_train_rows"].unique())
    above, below = split_axes(ax, 2, n_columns=1)
    own = frame[frame["quantity"] == "correlation"]
    _draw_over_rows(above, own, limits, {"dial": ("", ARM_COLOURS["causalmix"], "-")})
    above.axhspan(-own["smallest"].iloc[0], own["smallest"].iloc[0], color=BAND, zorder=0)
    above.set_ylim(-1.05, 1.05)
    above.set_ylabel("correlation of depth and\n" + name_measure(frame["measure"].iloc[0]))
    above.set_title(_describe_trend(own.iloc[0]), fontsize=9.5)
    changes = frame[frame["quantity"] == "change"]
    _draw_over_rows(below, changes, limits, LOW_DATA_LINES)
    below.set_ylim(*middle_limits(changes["value"], changes["lower"], changes["upper"]))
    below.set_ylabel(f"{MEASURE_LABELS[frame['measure'].iloc[0]]}:\nchange against uncut graphs")
    below.set_xlabel("rows for training and validation, at most")
    below.legend(loc="lower left", bbox_to_anchor=(0, 1.0), fontsize=8.5, frameon=False)


def _draw_over_rows(
    ax: Axes, frame: pd.DataFrame, limits: list[int], lines: dict[str, tuple[str, str, str]]
) -> None:
    for k, (series, (label, colour, style)) in enumerate(lines.items()):
        shift = 0.08 * (k - (len(lines) - 1) / 2)
        own = frame[frame["series"] == series]
        summary = own.drop_duplicates("max_train_rows").sort_values("max_train_rows")
        places = summary["max_train_rows"].map(limits.index) + shift
        ax.plot(places, summary["mean"], linestyle=style, color=colour, label=label)
        draw_intervals(ax, places, summary, colour)
        dots = own["max_train_rows"].map(limits.index) + shift
        ax.scatter(dots, own["value"], s=9, color=colour, alpha=0.3, linewidths=0)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_xticks(range(len(limits)), [f"{limit}" for limit in limits])


def _describe_trend(row: pd.Series) -> str:
    band = "band: smaller than the smallest effect of interest"
    if not np.isfinite(row["trend"]):
        return band
    ends = f"[{row['trend_lower']:+.2f}, {row['trend_upper']:+.2f}]"
    return f"change per doubling of the rows {row['trend']:+.2f} {ends}\n{band}"


def load_isolation(store: Store, measure: str = PRIMARY_MEASURE) -> pd.DataFrame:
    """Return how many uncut DAGs leave the target on its own, and the dial's effect, per table.

    Returns
    -------
    DataFrame
        ``measure, dataset, n_dags, n_isolated, share, rho`` (along the dial); ``correlation, lower, upper,
        p_value``, of share and rho over tables, the same after ``size_`` of share and the size of rho, and
        ``smallest`` (effect of interest) repeat.
    """
    tables = target_isolation(store, store.graphs(), measure)
    ends: dict[str, float] = {}
    for start, found in zip(("", "size_"), isolation_and_effect(tables), strict=True):
        ends |= {f"{start}correlation": found.rho, f"{start}lower": found.lower}
        ends |= {f"{start}upper": found.upper, f"{start}p_value": found.p_value}
    tables = tables.sort_values("share", ignore_index=True)
    return tables.assign(measure=measure, **ends, smallest=smallest_effect())


def plot_isolation(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the share per table as bars, and the dial's correlation beside each."""
    if say_empty(ax, frame, "arm causalmix@depth=full"):
        return
    left, right = split_axes(ax, 2)
    rows = range(len(frame))
    left.barh(rows, frame["share"], color=ARM_COLOURS["causalmix"], height=0.6)
    left.set_yticks(rows, frame["dataset"], fontsize=8.5)
    left.set_xlim(0, 1)
    left.set_xlabel("share of graphs\nwithout an edge\nof the target")
    right.scatter(frame["rho"], rows, s=34, color=INK)
    right.axvspan(-frame["smallest"].iloc[0], frame["smallest"].iloc[0], color=BAND, zorder=0)
    right.axvline(0, color=INK, linewidth=0.8)
    right.set_yticks(rows, [])
    right.set_ylim(left.get_ylim())
    right.set_xlim(-1.05, 1.05)
    measure = name_measure(frame["measure"].iloc[0])
    right.set_xlabel(f"correlation\nof depth and\n{measure}")
    first = frame.iloc[0]
    if np.isfinite(first["lower"]):
        ends = f"[{first['lower']:+.2f}, {first['upper']:+.2f}]"
        text = f"share and correlation: Spearman {first['correlation']:+.2f} {ends}"
        label_figure(left, title=text)
