"""Figures of the method claims: what discovery and the fitted SCM did on tables with a known graph."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.figures.mechanisms import plot_deviations
from causalmix.figures.style import ARM_COLOURS, INK, MUTED, say_empty
from causalmix.intervals import cluster_bootstrap

SEARCHES: dict[str, tuple[str, str]] = {
    "auroc": ("PC and FCI", ARM_COLOURS["causalmix"]),
    "pc_auroc": ("PC alone", ARM_COLOURS["default"]),
    "fci_auroc": ("FCI alone", ARM_COLOURS["scm"]),
}
"""Column of the evidence of claim 13 -> name and colour."""


def load_recovery(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the AUROC of the undirected edges per seed and search.

    Returns
    -------
    DataFrame
        ``seed, search, auroc, mean, lower, upper``: the last three per search, seeds resampled.
    """
    rows = []
    for column, (name, _) in SEARCHES.items():
        interval = cluster_bootstrap(evidence[column].to_numpy(), evidence["seed"].to_numpy(), np.mean)
        own = pd.DataFrame({"seed": evidence["seed"], "search": name, "auroc": evidence[column]})
        rows.append(own.assign(mean=interval.value, lower=interval.lower, upper=interval.upper))
    return pd.concat(rows, ignore_index=True)


def plot_recovery(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one dot per simulated table and the mean with its interval, for PC and FCI together and alone."""
    if say_empty(ax, frame, "simulated table"):
        return
    rng = np.random.default_rng(0)
    for row, (name, colour) in enumerate(SEARCHES.values()):
        own = frame[frame["search"] == name]
        height = row + rng.uniform(-0.15, 0.15, len(own))
        ax.scatter(own["auroc"], height, s=16, color=colour, alpha=0.45, linewidths=0)
        first = own.iloc[0]
        ax.plot([first["lower"], first["upper"]], [row, row], color=colour, linewidth=2.5)
        ax.plot(first["mean"], row, "o", color=colour, markersize=8)
    ax.axvline(0.5, color=MUTED, linestyle="--", linewidth=1)
    ax.annotate("chance", (0.5, -0.45), xytext=(4, 0), textcoords="offset points", color=MUTED, fontsize=9)
    ax.set_yticks(range(len(SEARCHES)), [name for name, _ in SEARCHES.values()])
    ax.set_ylim(len(SEARCHES) - 0.5, -0.6)
    ax.set_xlim(min(0.45, frame["auroc"].min() - 0.03), 1.02)
    ax.grid(False, axis="y")
    ax.set_xlabel("AUROC of the edges against the true graph")


def load_strengths(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the mean edge probability on true edges and elsewhere, per seed.

    Returns
    -------
    DataFrame
        ``seed, pairs`` (``true edges`` or ``other pairs``), ``mean_probability``.
    """
    named = evidence.rename(columns={"strength_true": "true edges", "strength_elsewhere": "other pairs"})
    return named.melt("seed", ["true edges", "other pairs"], var_name="pairs", value_name="mean_probability")


def plot_strengths(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw mean edge probabilities, one line per simulated table from the other pairs to the true edges."""
    if say_empty(ax, frame, "simulated table"):
        return
    wide = frame.pivot(index="seed", columns="pairs", values="mean_probability")
    for _, row in wide.iterrows():
        ax.plot([0, 1], [row["other pairs"], row["true edges"]], color=MUTED, linewidth=1, alpha=0.6)
    for place, (pairs, colour) in enumerate(
        [("other pairs", MUTED), ("true edges", ARM_COLOURS["causalmix"])]
    ):
        ax.plot(np.full(len(wide), place), wide[pairs], "o", color=colour, alpha=0.7)
        ax.plot(place, wide[pairs].mean(), "_", color=INK, markersize=26, markeredgewidth=2)
    ax.set_xticks([0, 1], ["pairs without an edge", "true edges"])
    ax.set_xlim(-0.4, 1.4)
    ax.set_ylim(-0.02, 1.02)
    ax.grid(False, axis="x")
    ax.set_ylabel("mean edge probability P[i, j]")


def load_propagation(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the largest deviation of drawn rows from the propagation of their noise, per seed.

    Returns
    -------
    DataFrame
        ``seed, deviation`` (in SDs of the column), ``descendants_only``.
    """
    return evidence[["seed", "deviation", "descendants_only"]].copy()


def plot_propagation(frame: pd.DataFrame, ax: Axes, tolerance: float = 1e-9) -> None:
    """Draw the deviation per simulated table on a logarithmic axis, with the tolerance of the rule."""
    if say_empty(ax, frame, "simulated table"):
        return
    plot_deviations(frame, ax, tolerance, "|drawn - propagated|")
