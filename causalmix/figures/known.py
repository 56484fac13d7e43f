"""Figures of simulated tables whose graph is known: recovery of the depth, and what the true graph gains."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.cells import Store
from causalmix.depth_known import DISCOVERED, RANDOM, TRUE, graph_contrasts
from causalmix.figures.style import ARM_COLOURS, INK, MUTED, say_empty, split_axes
from causalmix.intervals import correlate
from causalmix.stability import MEASURE_LABELS

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
        The same rows with ``rho, rho_lower, rho_upper``: Spearman of true and recovered depth over all tables
        and its BCa interval.
    """
    found = correlate(recovered["true_depth"].to_numpy(), recovered["depth"].to_numpy())
    return recovered.assign(rho=found.rho, rho_lower=found.lower, rho_upper=found.upper)


def plot_depth_recovery(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw recovered depth and the edges' F1 scores, one below the other, over the true depth of a table."""
    if say_empty(ax, frame, "simulated table"):
        return
    above, below = split_axes(ax, 2, n_columns=1)
    shift = np.random.default_rng(0).uniform(-0.18, 0.18, len(frame))
    _draw_means(
        above, frame, "depth", shift, ARM_COLOURS["causalmix"], "o", "recovered, mean over sampled DAGs"
    )
    most = max(frame["true_depth"].max(), frame["depth"].max()) + 0.5
    above.plot([0, most], [0, most], color=MUTED, linestyle="--", linewidth=1, label="as deep as the truth")
    above.set_ylim(0, most)
    above.set_ylabel("depth")
    first = frame.iloc[0]
    ends = (
        f" [{first['rho_lower']:+.2f}, {first['rho_upper']:+.2f}]" if np.isfinite(first["rho_lower"]) else ""
    )
    above.set_title(f"Spearman {first['rho']:+.2f}{ends}, {len(frame)} simulated tables", fontsize=10)
    _draw_means(below, frame, "skeleton_f1", shift, ARM_COLOURS["default"], "s", "edges, whichever way round")
    _draw_means(below, frame, "directed_f1", shift, ARM_COLOURS["scm"], "^", "edges the right way round")
    below.set_ylim(0, 1)
    below.set_ylabel("F1 score against the true graph")
    below.set_xlabel("depth of the true graph")
    for panel in (above, below):
        panel.set_xlim(0.5, frame["true_depth"].max() + 0.5)
        panel.legend(loc="lower right" if panel is below else "upper left", fontsize=8.5, frameon=False)


def _draw_means(
    ax: Axes, frame: pd.DataFrame, column: str, shift: np.ndarray, colour: str, marker: str, label: str
) -> None:
    """Draw a dot per table and the mean per true depth."""
    ax.scatter(
        frame["true_depth"] + shift, frame[column], marker=marker, s=16, color=colour, alpha=0.4, linewidths=0
    )
    means = frame.groupby("true_depth")[column].mean()
    ax.plot(means.index, means, marker, linestyle="-", markersize=5, color=colour, linewidth=2, label=label)
