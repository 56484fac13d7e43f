"""One table's causal graph with its edge probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from causalmix.cells import Store
from causalmix.data import DataError
from causalmix.experiment import draw_graphs
from causalmix.figures.style import ARM_COLOURS, INK, MUTED, say_empty
from causalmix.folds import Fold, prepare_fold
from causalmix.rows import spec_of_row
from causalmix.specs import RunSpec
from causalmix.study_view import StudyView

SHOWN = 0.2
"""Edges with a lower probability are in the table but not drawn."""

LEGIBLE = 8
"""Number of features for which the graph is easiest to read: the default table is the nearest to it."""


STAND_IN = RunSpec("stand-in", "bundled", "wine", fold=0, arm="causalmix")
"""The table that is always there: shown where those of the study cannot be had."""


BEND = 0.12
"""How far an arrow bends, as a share of its length."""

ALONG = (0.35, 0.28, 0.42, 0.22, 0.5, 0.57, 0.64)
"""Where on its arrow a number may stand, from the cause on, the best place first."""

NUMBER = np.array([0.2, 0.09])
"""Width and height of a number, in units of the axes."""

COLUMNS = ["suite", "dataset", "fold", "n_rows", "target", "cause", "effect", "probability"]


def load_causal_graph(
    store: Store, dataset: str = "", fold: int = 0, data: str | Path | None = None
) -> pd.DataFrame:
    """Run causal discovery on the training rows of one fold of a study's table, as its runs do.

    Parameters
    ----------
    store : Store
    dataset : str
        A table of the study; by default the one whose number of features is nearest to `LEGIBLE`, or
        `STAND_IN` where that table cannot be had here.
    fold : int
    data : path, optional
        Folder of the benchmark's tables.

    Returns
    -------
    DataFrame
        One row per ordered pair of columns, constant and repeated ones left out: ``suite, dataset, fold,
        n_rows, target, cause, effect, probability``.

    Raises
    ------
    ValueError
        When the study has no such table.
    DataError
        When the named table cannot be had here.
    """
    runs = store.runs()
    if runs.empty:
        return pd.DataFrame(columns=COLUMNS)
    if dataset and dataset not in set(runs["dataset"]):
        known = ", ".join(sorted(runs["dataset"].unique()))
        raise ValueError(f"the study has no table {dataset!r}; it has {known}")
    own = runs[runs["dataset"] == (dataset or legible_dataset(runs))]
    row = {str(name): value for name, value in own.to_dict("records")[0].items()}
    spec = replace(spec_of_row(row), fold=fold, arm=STAND_IN.arm)
    spec, prepared = prepare_or_stand_in(spec, data, needed=bool(dataset))
    edges = draw_graphs(prepared, spec).edge_probabilities
    assert edges is not None  # the arm discovers them
    long = edges.to_frame().rename_axis("cause").reset_index()
    long = long.melt("cause", var_name="effect", value_name="probability")
    about: dict[str, Any] = {
        "suite": spec.suite,
        "dataset": spec.dataset,
        "fold": spec.fold,
        "n_rows": len(prepared.train),
        "target": prepared.target,
    }
    pairs = long[long["cause"] != long["effect"]].reset_index(drop=True).assign(**about)
    return pairs[COLUMNS]


def legible_dataset(runs: pd.DataFrame) -> str:
    """Return the table whose number of features is nearest to `LEGIBLE`; the first by name where two are."""
    features = runs.groupby("dataset", observed=True)["n_features"].first().dropna()
    return str((features - LEGIBLE).abs().sort_values(kind="stable").index[0])


def plot_causal_graph(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the columns on a circle, the target at the top; an arrow's strength is its probability."""
    if say_empty(ax, frame, "pair of columns"):
        return
    target = frame["target"].iloc[0]
    names = [target, *sorted(set(frame["cause"]) - {target})]
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    places = dict(zip(names, np.column_stack([np.cos(angles), np.sin(angles)]), strict=True))
    numbers: list[np.ndarray] = []
    for _, edge in frame[frame["probability"] >= SHOWN].sort_values("probability").iterrows():
        ends = places[edge["cause"]], places[edge["effect"]]
        numbers.append(place_number(*ends, numbers))
        _draw_edge(ax, *ends, numbers[-1], edge["probability"], edge["effect"] == target)
    for name, (x, y) in places.items():
        colour = ARM_COLOURS["causalmix"] if name == target else INK
        ax.plot(x, y, "o", markersize=11, color=colour, zorder=3)
        side = "left" if x > 0.15 else "right" if x < -0.15 else "center"
        offset = (12 * np.sign(x) if side != "center" else 0, 14 * np.sign(y) if side == "center" else 0)
        text = f"{name} (target)" if name == target else str(name)
        ax.annotate(
            text,
            (x, y),
            xytext=offset,
            textcoords="offset points",
            ha=side,
            va="center",
            color=colour,
            fontsize=9,
        )
    ax.set_xlim(-2.0, 2.0)
    ax.set_ylim(-1.35, 1.35)
    ax.set_axis_off()
    first = frame.iloc[0]
    title = f"{first['dataset']} ({first['suite']}), fold {first['fold']}, {first['n_rows']} training rows"
    ax.set_title(title)
    note = f"width and number: probability of the edge; below {SHOWN:g} not drawn"
    ax.text(0.5, -0.02, note, transform=ax.transAxes, ha="center", color=MUTED, fontsize=8.5)


def prepare_or_stand_in(spec: RunSpec, data: str | Path | None, needed: bool) -> tuple[RunSpec, Fold]:
    """Return the fold of ``spec``; that of `STAND_IN` where its table cannot be had and is not needed."""
    try:
        return spec, prepare_fold(spec, data)
    except DataError:
        if needed:
            raise
        return STAND_IN, prepare_fold(STAND_IN)


def provenance_of_table(study: StudyView, frame: pd.DataFrame) -> str:
    """Return the line of provenance of a figure of one table: the study's, or what stands in for it."""
    runs = study.runs()
    if frame.empty or frame["dataset"].iloc[0] in set(runs["dataset"]):
        return study.provenance()
    return (
        f"Table {frame['dataset'].iloc[0]} of scikit-learn, in the place of one of the study {study.name} "
        "that could not be had where this page was made: no recorded run is shown."
    )


def place_number(start: np.ndarray, end: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Return where on its arrow an edge's number stands: nearer to the cause, and free of the other numbers.

    Parameters
    ----------
    start, end : (2,) arrays
        Places of cause and effect.
    others : sequence of (2,) arrays
        The numbers that are placed already.
    """
    bent = (start + end) / 2 + BEND * np.array([end[1] - start[1], start[0] - end[0]])
    best, room = start, -1.0
    for t in ALONG:
        place = (1 - t) ** 2 * start + 2 * t * (1 - t) * bent + t**2 * end
        nearest = min((float(np.abs((place - other) / NUMBER).max()) for other in others), default=1.0)
        if nearest >= 1:
            return place
        best, room = (place, nearest) if nearest > room else (best, room)
    return best


def _draw_edge(
    ax: Axes, start: np.ndarray, end: np.ndarray, place: np.ndarray, probability: float, to_target: bool
) -> None:
    colour = ARM_COLOURS["causalmix"] if to_target else ARM_COLOURS["default"]
    arrow = FancyArrowPatch(
        (float(start[0]), float(start[1])),
        (float(end[0]), float(end[1])),
        arrowstyle="-|>",
        mutation_scale=12,
        shrinkA=8,
        shrinkB=8,
        connectionstyle=f"arc3,rad={BEND}",
        linewidth=0.4 + 2.6 * probability,
        alpha=0.25 + 0.7 * probability,
        color=colour,
        zorder=2,
    )
    ax.add_patch(arrow)
    x, y = place
    box = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75}
    ax.text(
        x, y, f"{probability:.2f}", fontsize=7, color=colour, ha="center", va="center", bbox=box, zorder=4
    )
