"""Figures of depth and stability as observed: between tables, within tables, agreement of the measures."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import run_gaps
from causalmix.cells import Store
from causalmix.depth_contrasts import measurements_by_rows
from causalmix.depth_tests import MEASURES, between_datasets, measurements_of_all, mixed_model, uncut
from causalmix.figures.style import ARM_COLOURS, INK, MUTED, draw_heatmap, grow, say_empty, split_axes
from causalmix.intervals import bca_interval, spearman
from causalmix.stability import MEASURE_LABELS, STABILITY_MEASURES, name_measure


def load_depth_stability(store: Store, measure: str = "") -> pd.DataFrame:
    """Return depth and stability per table, means over its CausalMixFT runs.

    Parameters
    ----------
    store : Store
    measure : str
        One of ``causalmix.depth_tests.MEASURES``; empty: each.

    Returns
    -------
    DataFrame
        ``measure, dataset, depth, depth_sd, value, value_sd, n_runs, rho, rho_lower, rho_upper, p_value``:
        the last four (Spearman between tables, BCa interval, permutation p) repeat per measure.
    """
    wanted = (measure,) if measure else MEASURES
    frames = []
    for name, table in measurements_of_all(store.runs(), store.trajectories(), wanted).items():
        grouped = uncut(table).groupby("dataset", observed=True)
        points = grouped.agg(
            depth=("depth", "mean"),
            depth_sd=("depth", "std"),
            value=("value", "mean"),
            value_sd=("value", "std"),
        )
        found = between_datasets(table)
        correlation = {"rho": found.rho, "rho_lower": found.lower, "rho_upper": found.upper}
        counted = points.assign(n_runs=grouped.size(), **correlation, p_value=found.p_value)
        frames.append(counted.reset_index().assign(measure=name))
    columns = ["measure", "dataset", "depth", "depth_sd", "value", "value_sd", "n_runs"]
    return pd.concat(frames, ignore_index=True)[[*columns, "rho", "rho_lower", "rho_upper", "p_value"]]


def plot_depth_stability(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one point per table, its bars the SD over runs, one panel per measure."""
    if say_empty(ax, frame, "CausalMixFT run with a graph"):
        return
    measures = list(dict.fromkeys(frame["measure"]))
    grow(ax, 7 * -(-len(measures) // 2))
    for panel, measure in zip(split_axes(ax, len(measures)), measures, strict=True):
        own = frame[frame["measure"] == measure]
        panel.errorbar(
            own["depth"],
            own["value"],
            xerr=own["depth_sd"].fillna(0),
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


def load_agreement(store: Store) -> pd.DataFrame:
    """Return the correlation of the stability measures of a run with each other.

    Returns
    -------
    DataFrame
        ``first, second, rho, lower, upper, n_datasets``: Spearman over the fine-tuning runs of a dataset,
        mean over the datasets where both measures vary, with a BCa interval over them.
    """
    measures = run_gaps(store.trajectories())
    tuned = measures[measures["arm"] != "zero_shot"]
    rows = []
    for first, second in product(STABILITY_MEASURES, repeat=2):
        found = [
            round(spearman(pair[0], pair[1]), 12)
            for _, own in tuned.groupby("dataset", observed=True)
            for pair in [own[[first, second]].dropna().to_numpy().T]
        ]
        defined = [rho for rho in found if np.isfinite(rho)]
        rho = float(np.mean(defined)) if defined else np.nan
        lower, upper = bca_interval(np.array(defined))
        ends = {"rho": rho, "lower": lower, "upper": upper, "n_datasets": len(defined)}
        rows.append({"first": first, "second": second, **ends})
    columns = ["first", "second", "rho", "lower", "upper", "n_datasets"]
    return pd.DataFrame(rows if len(tuned) else [], columns=columns)


def plot_agreement(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the correlation matrix with its numbers and their intervals."""
    if say_empty(ax, frame, "trajectory"):
        return
    names = list(dict.fromkeys(frame["first"]))
    matrix, low, high = (
        frame.pivot(index="first", columns="second", values=name).loc[names, names].to_numpy()
        for name in ("rho", "lower", "upper")
    )
    texts = np.char.mod("%+.2f", matrix).astype(object)
    for row, column in np.argwhere(np.isfinite(low) & ~np.eye(len(names), dtype=bool)):
        texts[row, column] += f"\n[{low[row, column]:+.2f}, {high[row, column]:+.2f}]"
    labels = [name_measure(name) for name in names]
    draw_heatmap(ax, matrix, texts, rows=labels, columns=labels, limits=(-1, 1), rotation=20)
    ax.set_xlabel("lower is steadier, for all of them")
    ax.set_title(f"Spearman within tables, mean over {frame['n_datasets'].max()} tables", fontsize=10)


TERM_LABELS: dict[str, str] = {
    "depth": "structural depth",
    "depth_within": "depth, centred",
    "n_edges": "edges",
    "log_rows": "log rows",
    "n_features": "features",
}
"""Terms of the mixed model as figures write them."""


def load_within(store: Store, measure: str = "") -> pd.DataFrame:
    """Return the mixed model of each stability measure over the uncut CausalMixFT runs.

    Parameters
    ----------
    store : Store
        Of one or several row limits.
    measure : str
        A measure of one run; empty: each.

    Returns
    -------
    DataFrame
        ``measure, term, effect, lower, upper, p_value, slope, n``, see `causalmix.depth_tests.mixed_model`;
        the term ``depth_within`` is the depth of the model that is centred within tables.
    """
    names = [measure] if measure else list(STABILITY_MEASURES)
    frames = [_within(measurements_by_rows(store, name)).assign(measure=name) for name in names]
    found = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    return found[["measure", *(name for name in found.columns if name != "measure")]]


def _within(table: pd.DataFrame) -> pd.DataFrame:
    """Return the terms of the mixed model, and the depth of the one that is centred within tables."""
    centred = mixed_model(table, centred=True)
    depth = centred[centred["term"] == "depth"].assign(term="depth_within")
    return pd.concat([frame for frame in (mixed_model(table), depth) if len(frame)] or [depth])


def plot_within(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the effects of depth and of the covariates with their intervals, one block per measure."""
    if say_empty(ax, frame, "CausalMixFT run with a graph"):
        return
    measures = list(dict.fromkeys(frame["measure"]))
    terms = [term for term in TERM_LABELS if term in set(frame["term"])]
    places, names = [], []
    for block, measure in enumerate(measures):
        own = frame[frame["measure"] == measure].set_index("term")
        start = block * (len(terms) + 1.2)
        ax.text(
            0,
            start - 0.75,
            name_measure(measure),
            transform=ax.get_yaxis_transform(),
            fontsize=10,
            weight="bold",
            va="center",
        )
        for row, term in enumerate(name for name in terms if name in own.index):
            colour = ARM_COLOURS["causalmix"] if term.startswith("depth") else MUTED
            ax.plot(own.loc[term, ["lower", "upper"]], [start + row] * 2, color=colour, linewidth=2)
            ax.plot([own["effect"][term]], [start + row], "o", color=colour)
            places.append(start + row)
            names.append(TERM_LABELS[term])
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_yticks(places, names)
    ax.set_ylim(max(places) + 0.6, -1.3)
    ax.grid(False, axis="y")
    ax.set_xlabel(f"SDs of the measure per SD of the term,\n{int(frame['n'].max())} runs")
