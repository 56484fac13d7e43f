"""Score against cost: what an arm gains for the seconds that it takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from causalmix.analysis import PRIMARY_NORMALISATION, unit_scores
from causalmix.cells import Store
from causalmix.figures.scores import AXIS_LABELS
from causalmix.figures.style import INK, MUTED, arm_colour, arm_name, order_arms, say_empty
from causalmix.intervals import cluster_bootstrap


def load_cost(store: Store, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Return the mean normalised score of each arm beside the seconds that a run of it takes.

    Returns
    -------
    DataFrame
        ``arm, score, lower, upper`` (mean over tables of the table's mean, tables resampled),
        ``seconds_generate, seconds_finetune, seconds`` (means over finished runs, one worker), ``n_runs,
        pareto`` (no arm is both cheaper and better), ``normalisation, device``.
    """
    runs = store.runs()
    finished = runs[runs["status"] == "ok"]
    scores = unit_scores(runs, normalisation)
    stages = finished.groupby("arm", observed=True)[["seconds_generate", "seconds_finetune"]].mean().fillna(0)
    rows = []
    for arm in order_arms(scores["arm"]):
        tables = scores[scores["arm"] == arm].groupby("dataset", observed=True)["score"].mean()
        found = cluster_bootstrap(tables.to_numpy(), tables.index.to_numpy(), np.mean)
        ends = {"score": found.value, "lower": found.lower, "upper": found.upper}
        rows.append({"arm": arm, **ends, "n_runs": int((finished["arm"] == arm).sum())})
    frame = pd.DataFrame(rows, columns=["arm", "score", "lower", "upper", "n_runs"])
    frame = frame.join(stages.assign(seconds=stages.sum(axis=1)), on="arm")
    devices = " and ".join(sorted(set(finished["device"].dropna())))
    front = [not _dominated(frame, *pair) for pair in zip(frame["seconds"], frame["score"], strict=True)]
    return frame.assign(pareto=front, normalisation=normalisation, device=devices)


def plot_cost(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw score against seconds per run; the line joins the arms that no other one beats in both."""
    if say_empty(ax, frame, "finished run"):
        return
    front = frame[frame["pareto"]].sort_values("seconds")
    ax.step(front["seconds"], front["score"], where="post", color=MUTED, linewidth=1.2, linestyle="--")
    ax.lines[-1].set_label("Pareto front")
    for row in frame.to_dict("records"):
        colour = arm_colour(row["arm"])
        ax.plot([row["seconds"]] * 2, [row["lower"], row["upper"]], color=colour, linewidth=1.5, alpha=0.6)
        face = colour if row["pareto"] else "white"
        ax.plot(row["seconds"], row["score"], "o", color=colour, markerfacecolor=face, markersize=8)
    low, high = ax.get_ylim()
    places = _spread(frame["score"].to_numpy(), 0.062 * (high - low))
    places += max(low - places.min(), 0) - max(places.max() - high, 0)
    for place, row in zip(places, frame.to_dict("records"), strict=True):
        ax.annotate(
            f"{arm_name(row['arm'])}  {row['seconds']:.3g} s",
            (row["seconds"], row["score"]),
            xytext=(1.03, place),
            textcoords=("axes fraction", "data"),
            color=arm_colour(row["arm"]),
            va="center",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": arm_colour(row["arm"]), "linewidth": 0.6, "alpha": 0.6},
        )
    ax.axhline(0, color=INK, linewidth=0.8)
    if frame["seconds"].min() > 0:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(f"seconds per run, generation and fine-tuning (log scale, {frame['device'].iloc[0]})")
    ax.set_ylabel(f"mean {AXIS_LABELS[frame['normalisation'].iloc[0]]}".replace(": ", ":\n"))
    ax.legend(loc="upper left", bbox_to_anchor=(0, 1.12), frameon=False)


def _dominated(frame: pd.DataFrame, seconds: float, score: float) -> bool:
    """Return whether some arm is at least as cheap and as good as this, and better in one of the two."""
    no_worse = (frame["seconds"] <= seconds) & (frame["score"] >= score)
    better = (frame["seconds"] < seconds) | (frame["score"] > score)
    return bool((no_worse & better).any())


def _spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Return the heights moved apart to at least ``gap``, in their order, around their middle.

    Examples
    --------
    >>> _spread(np.array([0.0, 0.0, 5.0]), 1.0).tolist()
    [-0.5, 0.5, 5.0]
    """
    order = np.argsort(heights, kind="stable")
    places = heights[order].astype(float)
    for _ in range(100):
        for upper in range(1, len(places)):
            overlap = gap - (places[upper] - places[upper - 1])
            if overlap > 1e-9:
                places[upper - 1] -= overlap / 2
                places[upper] += overlap / 2
    moved = np.empty_like(places)
    moved[order] = places
    return moved
