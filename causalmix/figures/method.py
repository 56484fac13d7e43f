"""Figures of the method claims: what discovery and the fitted SCM did on tables with a known graph."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from causalmix.figures.simulated import plot_deviations, plot_paired, plot_stacked, stack_with_intervals
from causalmix.figures.style import ARM_COLOURS, MUTED, say_empty

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
    names = {column: name for column, (name, _) in SEARCHES.items()}
    return stack_with_intervals(evidence, names, "search", "auroc")


def plot_recovery(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one dot per simulated table and the mean with its interval, for PC and FCI together and alone."""
    if say_empty(ax, frame, "simulated table"):
        return
    plot_stacked(frame, ax, "search", "auroc", [colour for _, colour in SEARCHES.values()])
    ax.axvline(0.5, color=MUTED, linestyle="--", linewidth=1)
    ax.annotate("chance", (0.5, -0.45), xytext=(4, 0), textcoords="offset points", color=MUTED, fontsize=9)
    ax.set_xlim(min(0.45, frame["auroc"].min() - 0.03), 1.02)
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
    labels = {"other pairs": "pairs without an edge", "true edges": "true edges"}
    wide = frame.pivot(index="seed", columns="pairs", values="mean_probability")
    plot_paired(wide, ax, labels, (MUTED, ARM_COLOURS["causalmix"]))
    ax.set_ylim(-0.02, 1.02)
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
