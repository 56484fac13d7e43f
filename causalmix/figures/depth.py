"""Figures of the depth study: depth against stability, the dial, agreement of the measures, recovery."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import CELL, run_gaps
from causalmix.claims import Store
from causalmix.depth_tests import (
    CONTROL,
    DIAL,
    FULL,
    PRIMARY_MEASURE,
    between_datasets,
    measurements,
    uncut,
)
from causalmix.figures.style import ARM_COLOURS, INK, MUTED, say_empty, split_axes
from causalmix.intervals import cluster_bootstrap, spearman
from causalmix.stability import STABILITY_MEASURES

MEASURE_LABELS: dict[str, str] = {
    "tail_volatility": "tail volatility [nats]",
    "early_stopping_regret": "early-stopping regret [ROC-AUC]",
    "validation_test_gap": "validation-test gap",
    "steps_to_best": "steps to best",
    "fold_dispersion": "spread over folds",
}
"""Axis label per stability measure; lower is steadier for all of them."""

SETTINGS = ("0", "1", "2", "3", FULL)
"""Settings of the dial in order."""

LINES: dict[str, tuple[str, str, str]] = {
    "dial": ("cut to the depth", ARM_COLOURS["causalmix"], "-"),
    "control": ("as many edges lost, depth kept", MUTED, "--"),
}
"""Series of the dial: label, colour, line style."""


def load_depth_stability(store: Store, measure: str = "") -> pd.DataFrame:
    """Return depth and stability per table, means over its CausalMixFT runs.

    Parameters
    ----------
    store : Store
    measure : str
        One of ``causalmix.depth_tests.MEASURES``; empty: those of one run, each.

    Returns
    -------
    DataFrame
        ``measure, dataset, depth, value, value_sd, n_runs, rho, rho_lower, rho_upper, p_value``: the last
        four (Spearman between tables, BCa interval, permutation p) repeat per measure.
    """
    runs, trajectories = store.runs(), store.trajectories()
    frames = []
    for name in [measure] if measure else list(STABILITY_MEASURES):
        table = measurements(runs, trajectories, name)
        grouped = uncut(table).groupby("dataset", observed=True)
        points = grouped.agg(depth=("depth", "mean"), value=("value", "mean"), value_sd=("value", "std"))
        found = between_datasets(table)
        correlation = {"rho": found.rho, "rho_lower": found.lower, "rho_upper": found.upper}
        counted = points.assign(n_runs=grouped.size(), **correlation, p_value=found.p_value)
        frames.append(counted.reset_index().assign(measure=name))
    columns = ["measure", "dataset", "depth", "value", "value_sd", "n_runs"]
    return pd.concat(frames, ignore_index=True)[[*columns, "rho", "rho_lower", "rho_upper", "p_value"]]


def plot_depth_stability(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one point per table, its bar the SD over runs, one panel per measure."""
    if say_empty(ax, frame, "CausalMixFT run with a graph"):
        return
    measures = list(dict.fromkeys(frame["measure"]))
    for panel, measure in zip(split_axes(ax, len(measures)), measures, strict=True):
        own = frame[frame["measure"] == measure]
        panel.errorbar(
            own["depth"],
            own["value"],
            yerr=own["value_sd"].fillna(0),
            fmt="o",
            markersize=5,
            color=ARM_COLOURS["causalmix"],
            ecolor="#f0b48a",
            elinewidth=1,
        )
        first = own.iloc[0]
        panel.set_title(f"{_describe(first)}, {len(own)} tables", fontsize=9)
        panel.set_xlabel(
            "structural depth" if len(measures) > 1 else "structural depth, mean over DAGs and folds"
        )
        panel.set_ylabel(MEASURE_LABELS[measure])


def _describe(row: pd.Series) -> str:
    if not np.isfinite(row["rho"]):
        return "no correlation: constant"
    ends = f" [{row['rho_lower']:+.2f}, {row['rho_upper']:+.2f}]" if np.isfinite(row["rho_lower"]) else ""
    return f"Spearman {row['rho']:+.2f}{ends}"


def load_dial(store: Store, measure: str = PRIMARY_MEASURE) -> pd.DataFrame:
    """Return the change of a stability measure against uncut graphs, paired by table, fold and repeat.

    Returns
    -------
    DataFrame
        ``measure, series`` (``dial`` or ``control``), ``setting`` (``0 … 3, full``), ``dataset, depth,
        change``: means over the dataset's blocks; ``mean, lower, upper`` over datasets (resampled) repeat per
        series and setting.
    """
    columns = ["measure", "series", "setting", "dataset", "depth", "change", "mean", "lower", "upper"]
    table = measurements(store.runs(), store.trajectories(), measure)
    base = table[table["arm"] == f"{DIAL}{FULL}"][[*CELL, "value"]].rename(columns={"value": "uncut"})
    frames = []
    for series, prefix in (("dial", DIAL), ("control", CONTROL)):
        if not table["arm"].str.startswith(prefix).any():
            continue
        own = table[table["arm"].str.startswith((prefix, f"{DIAL}{FULL}"))].merge(base, on=CELL)
        own = own.assign(change=own["value"] - own["uncut"], setting=own["arm"].str.split("=").str[-1])
        means = own.groupby(["setting", "dataset"], observed=True)[["depth", "change"]].mean().reset_index()
        for _, points in means.groupby("setting", observed=True):
            ends = cluster_bootstrap(points["change"].to_numpy(), points["dataset"].to_numpy(), np.mean)
            summary = {"mean": ends.value, "lower": ends.lower, "upper": ends.upper}
            frames.append(points.assign(series=series, **summary))
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    return frame.assign(measure=measure)[columns]


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
        ends = np.abs(own[["lower", "upper"]].fillna(0).to_numpy().T - own["mean"].to_numpy())
        ax.errorbar(
            own["place"] + shift,
            own["mean"],
            yerr=np.where(own["lower"].isna(), 0, ends),
            fmt="o",
            linestyle=style,
            color=colour,
            capsize=3,
            label=label,
        )
    points = frame[frame["series"] == "dial"]
    places = points["setting"].map(SETTINGS.index) - 0.06
    ax.scatter(places, points["change"], s=9, color=ARM_COLOURS["causalmix"], alpha=0.3, linewidths=0)
    ax.axhline(0, color=INK, linewidth=0.8)
    low, high = np.percentile(frame["change"], [2, 98])
    low = min(low, summary["lower"].min(), 0)
    high = max(high, summary["upper"].max(), 0)
    margin = 0.08 * (high - low) or 0.01
    ax.set_ylim(low - margin, high + margin)
    ax.set_xticks(range(len(SETTINGS)), SETTINGS)
    ax.set_xlabel("depth that the graphs are cut to")
    measure = frame["measure"].iloc[0]
    ax.set_ylabel(f"{MEASURE_LABELS[measure]}:\nchange against uncut graphs")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False)


def load_agreement(store: Store) -> pd.DataFrame:
    """Return the correlation of the stability measures of a run with each other.

    Returns
    -------
    DataFrame
        ``first, second, rho, n_datasets``: Spearman over the fine-tuning runs of a dataset, mean over the
        datasets where both measures vary.
    """
    measures = run_gaps(store.trajectories())
    tuned = measures[measures["arm"] != "zero_shot"]
    rows = []
    for first, second in product(STABILITY_MEASURES, repeat=2):
        found = [
            spearman(pair[0], pair[1])
            for _, own in tuned.groupby("dataset", observed=True)
            for pair in [own[[first, second]].dropna().to_numpy().T]
        ]
        defined = [rho for rho in found if np.isfinite(rho)]
        rho = float(np.mean(defined)) if defined else np.nan
        rows.append({"first": first, "second": second, "rho": rho, "n_datasets": len(defined)})
    return pd.DataFrame(rows if len(tuned) else [], columns=["first", "second", "rho", "n_datasets"])


def plot_agreement(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the correlation matrix with its numbers."""
    if say_empty(ax, frame, "trajectory"):
        return
    names = list(dict.fromkeys(frame["first"]))
    matrix = frame.pivot(index="first", columns="second", values="rho").loc[names, names].to_numpy()
    ax.imshow(matrix, cmap="PuOr_r", vmin=-1, vmax=1, aspect="auto")
    for row, column in np.ndindex(matrix.shape):
        value = matrix[row, column]
        text = f"{value:+.2f}" if np.isfinite(value) else "–"
        ax.text(column, row, text, ha="center", va="center", color="white" if abs(value) > 0.7 else INK)
    labels = [MEASURE_LABELS[name].split(" [")[0] for name in names]
    ax.set_xticks(range(len(names)), labels, rotation=20, ha="right")
    ax.set_yticks(range(len(names)), labels)
    ax.grid(False)
    ax.set_xlabel("lower is steadier, for all of them")
    ax.set_title(f"Spearman within tables, mean over {frame['n_datasets'].max()} tables", fontsize=10)


def load_depth_recovery(recovered: pd.DataFrame) -> pd.DataFrame:
    """Return recovered and true depth per simulated table with their correlation.

    Parameters
    ----------
    recovered : DataFrame
        From ``causalmix.depth_recovery.recover_depths``.

    Returns
    -------
    DataFrame
        The same rows with ``rho``: Spearman of true and recovered depth over all tables.
    """
    rho = (
        spearman(recovered["true_depth"].to_numpy(), recovered["depth"].to_numpy())
        if len(recovered)
        else np.nan
    )
    return recovered.assign(rho=rho)


def plot_depth_recovery(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw recovered against true depth, one dot per table, filled by the F1 score of its edges."""
    if say_empty(ax, frame, "simulated table"):
        return
    rng = np.random.default_rng(0)
    for marker, (noise, own) in zip("os^", frame.groupby("noise", observed=True), strict=False):
        place = own["true_depth"] + rng.uniform(-0.18, 0.18, len(own))
        dots = ax.scatter(
            place,
            own["depth"],
            c=own["skeleton_f1"],
            marker=marker,
            s=34,
            cmap="viridis_r",
            vmin=0,
            vmax=1,
            edgecolors="white",
            linewidths=0.5,
        )
        ax.scatter([], [], marker=marker, color=INK, label=f"{noise} noise")
    most = max(frame["true_depth"].max(), frame["depth"].max()) + 0.5
    ax.plot([0, most], [0, most], color=MUTED, linestyle="--", linewidth=1, label="recovered exactly")
    means = frame.groupby("true_depth")["depth"].mean()
    ax.plot(means.index, means, color=ARM_COLOURS["causalmix"], linewidth=2, label="mean")
    ax.figure.colorbar(dots, ax=ax, label="F1 score of the undirected edges")
    ax.set_xlim(0.5, frame["true_depth"].max() + 0.5)
    ax.set_ylim(0, most)
    ax.set_xlabel("depth of the true graph")
    ax.set_ylabel("depth recovered, mean over sampled DAGs")
    ax.set_title(f"Spearman {frame['rho'].iloc[0]:+.2f}, {len(frame)} simulated tables", fontsize=10)
    ax.legend(loc="upper left", fontsize=8.5, frameon=False)
