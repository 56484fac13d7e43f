"""Failed runs: how many per generator and table, and why."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.cells import Store
from causalmix.failures import count_failures
from causalmix.figures.style import INK, MUTED, draw_heatmap, figure_of, grow, say_empty

LETTERS = "abcdefgh"
"""Marks of the reasons that the figure lists; its data holds all of them."""


def load_failures(store: Store) -> pd.DataFrame:
    """Return the runs per generator and table, by the reason why they failed.

    Returns
    -------
    DataFrame
        From `causalmix.failures.count_failures`.
    """
    return count_failures(store.runs())


def plot_failures(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw tables with failures by generators: failed of all runs and a letter per reason, listed below."""
    if say_empty(ax, frame, "run"):
        return
    failed = frame[frame["n_failed"] > 0]
    if failed.empty:
        _say_none(frame, ax)
        return
    tables, generators = sorted(failed["dataset"].unique()), sorted(frame["generator"].unique())
    letters = dict(zip(failed["reason"].unique(), LETTERS, strict=False))
    shares = np.full((len(tables), len(generators)), np.nan)
    texts = np.full(shares.shape, "", dtype=object)
    for (table, generator), own in failed.groupby(["dataset", "generator"], observed=True):
        row, column = tables.index(table), generators.index(generator)
        n_failed, n_runs = own["n_failed"].sum(), own["n_runs"].iloc[0]
        shares[row, column] = n_failed / n_runs
        marks = " ".join(sorted({letters.get(reason, "…") for reason in own["reason"]}))
        texts[row, column] = f"{n_failed} of {n_runs}: {marks}"
    draw_heatmap(
        ax, shares, texts, rows=tables, columns=generators, limits=(0, 1.6), cmap="Oranges", fontsize=8.5
    )
    grow(ax, len(tables) + 2 * len(letters))
    lines = [textwrap.fill(f"{letter}: {reason}", 75) for reason, letter in letters.items()]
    ax.set_xlabel("failed runs by generator\n" + "\n".join(lines), fontsize=8.5, color=MUTED)


def _say_none(frame: pd.DataFrame, ax: Axes) -> None:
    """Write that no run failed, and of how many."""
    figure_of(ax).set_figheight(1.5)
    n_runs = frame.drop_duplicates(["generator", "dataset"])["n_runs"].sum()
    n_arms = len(set(" ".join(frame["arms"]).split()))
    text = f"No run failed:\nall {n_runs} finished (arms: {n_arms}, tables: {frame['dataset'].nunique()})."
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize=12, color=INK, transform=ax.transAxes)
    ax.set_axis_off()
