"""Figures of the claims about fitted SCMs: where drawn rows lie, additivity, what mechanisms predict."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.figures.style import ARM_COLOURS, INK, MUTED, say_empty
from causalmix.intervals import cluster_bootstrap


def load_distances(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the distance of the drawn rows from their own and from the other table, per seed (claim 12).

    Returns
    -------
    DataFrame
        ``seed, table`` (``fitted to`` or ``other``), ``distance``.
    """
    named = evidence.rename(columns={"distance_own": "fitted to", "distance_other": "other"})
    return named.melt("seed", ["fitted to", "other"], var_name="table", value_name="distance")


def plot_distances(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw both distances, one line per pair of simulated tables: it should rise."""
    if say_empty(ax, frame, "simulated table"):
        return
    wide = frame.pivot(index="seed", columns="table", values="distance")
    for _, row in wide.iterrows():
        ax.plot([0, 1], [row["fitted to"], row["other"]], color=MUTED, linewidth=1, alpha=0.6)
    for place, (table, colour) in enumerate([("fitted to", ARM_COLOURS["scm"]), ("other", MUTED)]):
        ax.plot(np.full(len(wide), place), wide[table], "o", color=colour, alpha=0.7)
        ax.plot(place, wide[table].mean(), "_", color=INK, markersize=26, markeredgewidth=2)
    ax.set_xticks([0, 1], ["the table it was fitted to", "another table, same columns"])
    ax.set_xlim(-0.4, 1.4)
    ax.set_ylim(bottom=0)
    ax.grid(False, axis="x")
    ax.set_ylabel("distance of the drawn rows\n(Frobenius, Spearman matrices)")


def load_additivity(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the largest deviation from additive noise per seed (claim 15).

    Returns
    -------
    DataFrame
        ``seed, deviation`` (in SDs of the column), ``acyclic, n_nodes, bounded_share``.
    """
    return evidence[["seed", "deviation", "acyclic", "n_nodes", "bounded_share"]].copy()


def plot_additivity(frame: pd.DataFrame, ax: Axes, tolerance: float = 1e-9) -> None:
    """Draw the deviation per simulated table on a logarithmic axis, with the tolerance of the rule."""
    if say_empty(ax, frame, "simulated table"):
        return
    plot_deviations(frame, ax, tolerance, "|f(parents, noise) - f(parents, 0) - noise|")


def plot_deviations(frame: pd.DataFrame, ax: Axes, tolerance: float, what: str) -> None:
    """Draw ``deviation`` per seed on a logarithmic axis; exact zeros lie at the bottom."""
    floor = tolerance * 1e-8
    ax.plot(frame["seed"], frame["deviation"].clip(lower=floor), "o", color=ARM_COLOURS["scm"], markersize=7)
    ax.axhline(tolerance, color=MUTED, linestyle="--", linewidth=1)
    ax.annotate(
        "tolerance",
        (0.99, tolerance),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        color=MUTED,
        fontsize=9,
    )
    ax.set_yscale("log")
    ax.set_ylim(floor / 3, max(1.0, 3 * frame["deviation"].max()))
    ax.set_xticks(sorted(frame["seed"]))
    ax.set_xlabel("simulated table (seed)")
    ax.set_ylabel(f"largest {what}, in SDs\n(exact agreement is drawn at {floor:.0e})", fontsize=9)


def load_predictions(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return what the mechanisms explain of new rows, per seed (claim 16).

    Returns
    -------
    DataFrame
        ``seed, mechanism, gain, mean, lower, upper``: R2 of the regressors, accuracy over that of the
        majority class of the classifiers; the last three per mechanism, seeds resampled.
    """
    names = {"r2": "regressors: R2", "accuracy_gain": "classifiers: accuracy\nabove majority class"}
    rows = []
    for column, name in names.items():
        interval = cluster_bootstrap(evidence[column].to_numpy(), evidence["seed"].to_numpy(), np.mean)
        own = pd.DataFrame({"seed": evidence["seed"], "mechanism": name, "gain": evidence[column]})
        rows.append(own.assign(mean=interval.value, lower=interval.lower, upper=interval.upper))
    return pd.concat(rows, ignore_index=True)


def plot_predictions(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one dot per simulated table and the mean with its interval, for both kinds of mechanism."""
    if say_empty(ax, frame, "simulated table"):
        return
    rng = np.random.default_rng(0)
    kinds = list(dict.fromkeys(frame["mechanism"]))
    for row, kind in enumerate(kinds):
        own, colour = frame[frame["mechanism"] == kind], ARM_COLOURS[("scm", "causalmix")[row]]
        ax.scatter(
            own["gain"], row + rng.uniform(-0.12, 0.12, len(own)), s=16, color=colour, alpha=0.5, linewidths=0
        )
        first = own.iloc[0]
        ax.plot([first["lower"], first["upper"]], [row, row], color=colour, linewidth=2.5)
        ax.plot(first["mean"], row, "o", color=colour, markersize=8)
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_yticks(range(len(kinds)), kinds)
    ax.set_ylim(len(kinds) - 0.5, -0.5)
    ax.set_xlim(min(-0.05, frame["gain"].min() - 0.05), 1.0)
    ax.grid(False, axis="y")
    ax.set_xlabel("what the mechanisms explain of rows that they were not fitted to")
