"""Figures of simulated tables whose graph is known: recovery of the depth, and what the true graph gains."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.claims import Store
from causalmix.depth_contrasts import DISCOVERED, RANDOM, TRUE, graph_contrasts
from causalmix.figures.depth import MEASURE_LABELS
from causalmix.figures.style import ARM_COLOURS, INK, MUTED, say_empty
from causalmix.intervals import spearman

BASELINES: dict[str, tuple[str, str, str]] = {
    DISCOVERED: ("true minus discovered graph", ARM_COLOURS["causalmix"], "o"),
    RANDOM: ("true minus random graph of its depth and shape", ARM_COLOURS["random_dag_mix"], "s"),
}
"""What the true graph is compared with: label, colour, marker."""


def load_graph_contrasts(store: Store) -> pd.DataFrame:
    """Return the paired comparisons of the true graph, see `causalmix.depth_contrasts.graph_contrasts`."""
    there = {TRUE, *BASELINES} <= set(store.runs()["arm"])
    return graph_contrasts(store) if there else pd.DataFrame(columns=["baseline", "outcome", "effect"])


def plot_graph_contrasts(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the standardised paired differences with their intervals, one row per outcome."""
    if say_empty(ax, frame, "arm causalmix@graph=true"):
        return
    outcomes = list(dict.fromkeys(frame["outcome"]))
    for shift, (baseline, (label, colour, marker)) in zip((-0.13, 0.13), BASELINES.items(), strict=True):
        own = frame[frame["baseline"] == baseline]
        rows = own["outcome"].map(outcomes.index) + shift
        ax.hlines(rows, own["lower"], own["upper"], color=colour, linewidth=2)
        ax.plot(own["effect"], rows, marker, color=colour, label=label)
    ax.axvline(0, color=INK, linewidth=0.8)
    names = {**MEASURE_LABELS, "score": "normalised score"}
    ax.set_yticks(range(len(outcomes)), [names[outcome].split(" [")[0] for outcome in outcomes])
    ax.set_ylim(len(outcomes) - 0.5, -0.5)
    ax.grid(False, axis="y")
    n = int(frame["n"].max())
    ax.set_xlabel(f"paired difference, in SDs over {n} tables")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)


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
