"""Figures of the claims about fitted SCMs: where drawn rows lie, additivity, what mechanisms predict."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from causalmix.figures.simulated import plot_deviations, plot_paired, plot_stacked, stack_with_intervals
from causalmix.figures.style import ARM_COLOURS, INK, MUTED, say_empty


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
    labels = {"fitted to": "the table it was fitted to", "other": "another table, same columns"}
    wide = frame.pivot(index="seed", columns="table", values="distance")
    plot_paired(wide, ax, labels, (ARM_COLOURS["scm"], MUTED))
    ax.set_ylim(bottom=0)
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


def load_predictions(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return what the mechanisms explain of new rows, per seed (claim 16).

    Returns
    -------
    DataFrame
        ``seed, mechanism, gain, mean, lower, upper``: R2 of the regressors, accuracy over that of the
        majority class of the classifiers; the last three per mechanism, seeds resampled.
    """
    names = {"r2": "regressors: R2", "accuracy_gain": "classifiers: accuracy\nabove majority class"}
    return stack_with_intervals(evidence, names, "mechanism", "gain")


def plot_predictions(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one dot per simulated table and the mean with its interval, for both kinds of mechanism."""
    if say_empty(ax, frame, "simulated table"):
        return
    plot_stacked(frame, ax, "mechanism", "gain", (ARM_COLOURS["scm"], ARM_COLOURS["causalmix"]))
    ax.axvline(0, color=INK, linewidth=1)
    ax.set_xlim(min(-0.05, frame["gain"].min() - 0.05), 1.0)
    ax.set_xlabel("what the mechanisms explain of rows that they were not fitted to")
