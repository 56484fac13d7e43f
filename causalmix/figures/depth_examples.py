"""One discovered graph of one table, and what the dial makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch

from causalmix.causal.dags import node_depths, structural_depth
from causalmix.causal.dial import limit_depth
from causalmix.cells import Store
from causalmix.depth_dial import DIAL, FULL
from causalmix.experiment import draw_graphs
from causalmix.figures.dial import SETTINGS
from causalmix.figures.graph import legible_dataset, prepare_or_stand_in
from causalmix.figures.style import ARM_COLOURS, INK, STYLE, grow, label_figure, say_empty
from causalmix.rows import spec_of_row


def load_depth_examples(
    store: Store, dataset: str = "", fold: int = 0, data: str | Path | None = None
) -> pd.DataFrame:
    """Discover the DAGs of one run of a study again and cut the deepest to each setting of the dial.

    Parameters
    ----------
    store : Store
    dataset : str
        A table of the study; by default the one with the most legible number of features, or
        `causalmix.figures.graph.STAND_IN` where that table cannot be had here.
    fold : int
    data : path, optional
        Folder of the benchmark's tables.

    Returns
    -------
    DataFrame
        One row per setting and column: ``suite, dataset, fold, n_rows, target, dag`` (its number within the
        run), ``setting, depth, n_edges`` (of the cut graph), ``column, layer`` (edges on the longest path
        that ends in the column), ``parents`` (JSON list).

    Raises
    ------
    ValueError
        When the study has no such table or fold.
    DataError
        When the named table cannot be had here.
    """
    runs = store.runs()
    runs = runs[runs["arm"].isin([f"{DIAL}{FULL}", "causalmix"])]
    if runs.empty:
        return pd.DataFrame(columns=["setting", "column"])
    named = dataset or legible_dataset(runs)
    own = runs[(runs["dataset"] == named) & (runs["fold"] == fold)]
    if own.empty:
        known = ", ".join(sorted(runs["dataset"].unique()))
        raise ValueError(f"the study has no run on fold {fold} of {named!r}; its tables: {known}")
    row = {str(name): value for name, value in own.to_dict("records")[0].items()}
    spec, prepared = prepare_or_stand_in(spec_of_row(row), data, needed=bool(dataset))
    dags = draw_graphs(prepared, spec).dags
    number = max(range(len(dags)), key=lambda k: structural_depth(dags[k]))
    about = {
        "suite": spec.suite,
        "dataset": spec.dataset,
        "fold": spec.fold,
        "n_rows": len(prepared.train),
        "target": prepared.target,
        "dag": number,
    }
    rows = []
    for setting in SETTINGS:
        cut = dags[number] if setting == FULL else limit_depth(dags[number], int(setting))
        graph = {"setting": setting, "depth": structural_depth(cut), "n_edges": cut.number_of_edges()}
        for column, layer in node_depths(cut).items():
            parents = json.dumps([str(parent) for parent in cut.predecessors(column)])
            rows.append({**about, **graph, "column": str(column), "layer": layer, "parents": parents})
    return pd.DataFrame(rows)


def plot_depth_examples(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the graph at each setting: a row per column of the table, placed from left to right by depth."""
    if say_empty(ax, frame, "CausalMixFT run with a graph"):
        return
    target = frame["target"].iloc[0]
    whole = frame[frame["setting"] == FULL].sort_values(["layer", "column"])
    row_of = {column: row for row, column in enumerate(whole["column"])}
    grow(ax, len(row_of))
    depths = {str(row["setting"]): int(row["depth"]) for _, row in frame.iterrows()}
    for panel, setting in zip(_panels_as_wide_as_deep(ax, depths), SETTINGS, strict=True):
        own = frame[frame["setting"] == setting]
        places = {row["column"]: (row["layer"], row_of[row["column"]]) for _, row in own.iterrows()}
        for _, row in own.iterrows():
            for parent in json.loads(row["parents"]):
                colour = ARM_COLOURS["causalmix"] if row["column"] == target else ARM_COLOURS["default"]
                _draw_arrow(panel, places[parent], places[row["column"]], colour)
        for column, (layer, height) in places.items():
            colour, marker = (ARM_COLOURS["causalmix"], "D") if column == target else (INK, "o")
            panel.plot(layer, height, marker, markersize=6, color=colour, zorder=3)
        panel.set_xlim(-0.5, depths[setting] + 0.5)
        panel.set_ylim(len(row_of) - 0.4, -0.6)
        panel.set_xticks(range(depths[setting] + 1))
        panel.set_yticks(range(len(row_of)), [])
        panel.set_title(f"{setting}\n{own['n_edges'].iloc[0]}", loc="center", fontsize=9)
    _name_rows(panel.figure.axes[0], row_of, target)
    first = frame.iloc[0]
    about = f"{first['dataset']}, fold {first['fold']}: one graph (◆ target)"
    label_figure(panel, title=about, x="edges on the longest path to the column")


def _panels_as_wide_as_deep(ax: Axes, depths: Mapping[str, int]) -> list[Axes]:
    spec, figure = ax.get_subplotspec(), ax.figure
    assert spec is not None
    grid = spec.subgridspec(1, len(SETTINGS), width_ratios=[depths[k] + 1.5 for k in SETTINGS], wspace=0.03)
    ax.remove()
    with mpl.rc_context(STYLE):
        return [figure.add_subplot(grid[0, k]) for k in range(len(SETTINGS))]


def _name_rows(ax: Axes, row_of: Mapping[str, int], target: str) -> None:
    """Write the columns' names at the left of the first panel, and what the numbers above the panels are."""
    ax.annotate(
        "cut to depth ≤\nedges left",
        (0, 1),
        xytext=(-10, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=9,
    )
    ax.set_yticks(range(len(row_of)), [f"{name} ◆" if name == target else name for name in row_of])
    for name, label in zip(row_of, ax.get_yticklabels(), strict=True):
        label.set_color(ARM_COLOURS["causalmix"] if name == target else INK)


def _draw_arrow(ax: Axes, start: tuple[int, int], end: tuple[int, int], colour: str) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=9, shrinkA=4, shrinkB=4, linewidth=1.1, color=colour,
            alpha=0.8, zorder=2,
        )
    )  # fmt: skip
