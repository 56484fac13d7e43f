"""Shapes that figures over simulated tables share: values per seed, pairs of them, deviations from zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.figures.style import ARM_COLOURS, INK, MUTED
from causalmix.intervals import cluster_bootstrap


def stack_with_intervals(
    evidence: pd.DataFrame, names: Mapping[str, str], kind: str, value: str
) -> pd.DataFrame:
    """Return columns of the evidence one below the other, each with its mean and interval, seeds resampled.

    Parameters
    ----------
    evidence : DataFrame
        One row per seed.
    names : dict of str to str
        Column of the evidence -> its name in the column ``kind``.
    kind, value : str
        Names of the two columns of the result.

    Returns
    -------
    DataFrame
        ``seed, <kind>, <value>, mean, lower, upper``: the last three per kind.
    """
    parts = []
    for column, name in names.items():
        interval = cluster_bootstrap(evidence[column].to_numpy(), evidence["seed"].to_numpy(), np.mean)
        own = pd.DataFrame({"seed": evidence["seed"], kind: name, value: evidence[column]})
        parts.append(own.assign(mean=interval.value, lower=interval.lower, upper=interval.upper))
    return pd.concat(parts, ignore_index=True)


def plot_stacked(frame: pd.DataFrame, ax: Axes, kind: str, value: str, colours: Sequence[str]) -> None:
    """Draw a row per kind: one dot per seed, and the mean with its interval."""
    rng = np.random.default_rng(0)
    kinds = list(dict.fromkeys(frame[kind]))
    for row, (name, colour) in enumerate(zip(kinds, colours, strict=True)):
        own = frame[frame[kind] == name]
        height = row + rng.uniform(-0.15, 0.15, len(own))
        ax.scatter(own[value], height, s=16, color=colour, alpha=0.5, linewidths=0)
        first = own.iloc[0]
        ax.plot([first["lower"], first["upper"]], [row, row], color=colour, linewidth=2.5)
        ax.plot(first["mean"], row, "o", color=colour, markersize=8)
    ax.set_yticks(range(len(kinds)), kinds)
    ax.set_ylim(len(kinds) - 0.5, -0.6)
    ax.grid(False, axis="y")


def plot_paired(wide: pd.DataFrame, ax: Axes, labels: Mapping[str, str], colours: Sequence[str]) -> None:
    """Draw two columns side by side: a line per seed from one to the other, and the means.

    Parameters
    ----------
    wide : DataFrame
        One row per seed.
    labels : dict of str to str
        The two columns, left one first -> what stands below them.
    """
    for _, row in wide.iterrows():
        ax.plot([0, 1], [row[name] for name in labels], color=MUTED, linewidth=1, alpha=0.6)
    for place, (name, colour) in enumerate(zip(labels, colours, strict=True)):
        ax.plot(np.full(len(wide), place), wide[name], "o", color=colour, alpha=0.7)
        ax.plot(place, wide[name].mean(), "_", color=INK, markersize=26, markeredgewidth=2)
    ax.set_xticks([0, 1], list(labels.values()))
    ax.set_xlim(-0.4, 1.4)
    ax.grid(False, axis="x")


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
    ax.set_ylabel("in SDs of the column", fontsize=9)
    ax.set_title(f"largest {what}\n(exact agreement is drawn at {floor:.0e})", fontsize=9)
