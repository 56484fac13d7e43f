"""One style for all figures: a fixed colour and name per arm, a white card that also reads in dark mode.

The palette is that of Okabe and Ito (colour-blind safe; its yellow is left out, it fails on white). Figures
keep their white ground with dark ink whatever the page's theme, so that a figure looks the same in the book,
in print and on its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, MUTED, GRID = "#1f2328", "#6b7280", "#e5e7eb"

ARM_COLOURS: dict[str, str] = {
    "zero_shot": "#6b7280",
    "default": "#0072B2",
    "causalmix": "#D55E00",
    "scm": "#009E73",
    "ctgan": "#CC79A7",
    "tabebm": "#E69F00",
    "table_augment": "#56B4E9",
    "mixed_model": "#7A4FA3",
    "bootstrap_mix": "#8C6D31",
    "independent_mix": "#4D4D4D",
    "random_dag_mix": "#A50F15",
    "smotenc": "#3B7A57",
    "copula": "#1B4F72",
}
"""One colour per arm; a mixed control (``ctgan_mix``) has the colour of its generator."""

ARM_NAMES: dict[str, str] = {
    "zero_shot": "zero-shot",
    "default": "default",
    "causalmix": "CausalMixFT",
    "scm": "SCM",
    "ctgan": "CTGAN",
    "tabebm": "TabEBM",
    "table_augment": "TableAugment",
    "mixed_model": "MixedModel",
    "bootstrap": "bootstrap",
    "independent": "independent",
    "random_dag": "random DAG",
    "smotenc": "SMOTENC",
    "copula": "copula",
    "causalmix@depth": "CausalMixFT, depth",
    "causalmix@edges": "CausalMixFT, edges as depth",
    "causalmix@graph": "CausalMixFT, graph",
}
"""Generators and arms as the paper writes them; the last three are followed by their setting."""

STYLE: dict[Any, Any] = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "svg.hashsalt": "causalmix",
    "svg.fonttype": "path",
}
"""matplotlib settings of every figure."""


SIZES: dict[str, tuple[float, float]] = {
    "short": (7.0, 3.2),
    "normal": (7.0, 4.2),
    "tall": (7.5, 6.0),
    "column": (5.2, 6.4),
}
"""Width and height of a figure in inches; a column keeps its text large on a phone."""


ROOMY = 8
"""Number of rows that the figure sizes have room for."""


def arm_colour(arm: str) -> str:
    """Return the fixed colour of an arm, or of the source of its rows.

    Examples
    --------
    >>> arm_colour("causalmix") == arm_colour("causalmix@depth=2"), arm_colour("ctgan_mix")
    (True, '#CC79A7')
    >>> arm_colour("bootstrap") == arm_colour("bootstrap_mix")
    True
    """
    base = arm.split("@")[0]
    names = (base, base.removesuffix("_mix"), f"{base}_mix")
    return next((ARM_COLOURS[name] for name in names if name in ARM_COLOURS), INK)


def arm_name(arm: str) -> str:
    """Return an arm as figures and tables write it.

    Examples
    --------
    >>> arm_name("causalmix"), arm_name("ctgan_mix"), arm_name("causalmix@depth=2")
    ('CausalMixFT', 'CTGAN + real', 'CausalMixFT, depth 2')
    """
    if arm in ARM_NAMES:
        return ARM_NAMES[arm]
    base, _, setting = arm.partition("=")
    if setting and base in ARM_NAMES:
        return f"{ARM_NAMES[base]} {setting.replace('_', ' ')}"
    generator = arm.removesuffix("_mix")
    return f"{ARM_NAMES[generator]} + real" if generator != arm and generator in ARM_NAMES else arm


def order_arms(arms: Iterable[str]) -> list[str]:
    """Return arms in the order of `ARM_COLOURS`, unknown ones last by name."""
    known = list(ARM_COLOURS)
    return sorted(set(arms), key=lambda arm: (known.index(arm) if arm in known else len(known), arm))


def split_axes(ax: Axes, n_panels: int, n_columns: int = 2) -> list[Axes]:
    """Return ``n_panels`` axes in the place of one, row by row; the axes itself where one is asked for."""
    spec = ax.get_subplotspec()
    if n_panels <= 1 or spec is None:
        return [ax]
    n_columns = min(n_panels, n_columns)
    grid = spec.subgridspec(-(-n_panels // n_columns), n_columns)
    figure = ax.figure
    ax.remove()
    with mpl.rc_context(STYLE):
        return [figure.add_subplot(grid[k // n_columns, k % n_columns]) for k in range(n_panels)]


def new_figure(size: str = "normal") -> tuple[Figure, Axes]:
    """Return a figure in the shared style and its axes.

    The figure belongs to no window and no global state, so nothing needs to be closed.

    Parameters
    ----------
    size : str
        A key of `SIZES`.

    Raises
    ------
    ValueError
        For an unknown size.

    Examples
    --------
    >>> fig, ax = new_figure("short")
    >>> fig.get_size_inches().tolist()
    [7.0, 3.2]
    """
    if size not in SIZES:
        raise ValueError(f"unknown figure size {size!r}: choose one of {', '.join(SIZES)}")
    with mpl.rc_context(STYLE):
        fig = Figure(figsize=SIZES[size], layout="constrained")
        FigureCanvasAgg(fig)
        return fig, fig.subplots()


def save_figure(fig: Figure, path: str | os.PathLike) -> tuple[Path, Path]:
    """Write ``<path>.png`` and ``<path>.svg``; the same figure gives the same bytes.

    Returns
    -------
    tuple of Path
        The PNG and the SVG.
    """
    base = Path(path)
    base.parent.mkdir(parents=True, exist_ok=True)
    png, svg = base.with_name(base.name + ".png"), base.with_name(base.name + ".svg")
    with mpl.rc_context(STYLE):
        fig.savefig(png, dpi=150, metadata={"Software": None})
        fig.savefig(svg, metadata={"Date": None, "Creator": None})
    return png, svg


def label_arms(ax: Axes, arms: Iterable[str]) -> None:
    """Name the arms along the vertical axis, each in its colour, the first one on top.

    With more than `ROOMY` arms the figure grows.
    """
    names = list(arms)
    grow(ax, len(names))
    ax.set_yticks(range(len(names)), [arm_name(arm) for arm in names])
    for tick, arm in zip(ax.get_yticklabels(), names, strict=True):
        tick.set_color(arm_colour(arm))
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(False, axis="y")


def draw_heatmap(
    ax: Axes,
    values: np.ndarray,
    texts: np.ndarray,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    limits: tuple[float, float],
    cmap: str = "PuOr_r",
    rotation: float = 30,
    fontsize: float = 9,
) -> None:
    """Draw a matrix as coloured cells with a text in each (`seaborn.heatmap`); a NaN leaves its cell empty.

    Parameters
    ----------
    values, texts : (R, C) arrays
        Number behind the colour, and what is written.
    rows, columns : sequence of str
        Names along the axes; those of arms get their colour.
    limits : (float, float)
        Values at the ends of the colour map.
    """
    import seaborn

    ends = {"vmin": limits[0], "vmax": limits[1], "cmap": cmap}
    seaborn.heatmap(values, annot=texts, fmt="", cbar=False, annot_kws={"size": fontsize}, ax=ax, **ends)
    ax.set_xticklabels([arm_name(name) for name in columns], rotation=rotation, ha="right")
    ax.set_yticklabels([arm_name(name) for name in rows], rotation=0)
    for ticks, names in ((ax.get_xticklabels(), columns), (ax.get_yticklabels(), rows)):
        for tick, name in zip(ticks, names, strict=True):
            tick.set_color(arm_colour(name))
    ax.grid(False)


def mark_published(ax: Axes, arms: Sequence[str], references: Mapping[str, float] | None) -> bool:
    """Mark published values on the rows of their arms; return whether there was one to mark."""
    marked = [(value, arms.index(arm)) for arm, value in (references or {}).items() if arm in arms]
    if marked:
        values, rows = zip(*marked, strict=True)
        ax.plot(values, rows, "D", markersize=6, color=INK, markerfacecolor="white", zorder=5)
        ax.lines[-1].set_label("published median")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False)
    return bool(marked)


def figure_of(ax: Axes) -> Figure:
    """Return the figure that the axes belong to."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("the axes belong to no figure: take those of new_figure()")
    return figure


def grow(ax: Axes, n_rows: int, per_row: float = 0.38) -> None:
    """Make the figure higher where it has more than `ROOMY` rows, of ``per_row`` inches each."""
    figure = figure_of(ax)
    if n_rows > ROOMY:
        figure.set_figheight(max(figure.get_figheight(), 1.2 + per_row * n_rows))


def label_figure(ax: Axes, *, title: str = "", x: str = "", y: str = "") -> None:
    """Give the figure that an axes belongs to a title and axis labels of its own, shared by its panels."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    for write, text in ((figure.suptitle, title), (figure.supxlabel, x), (figure.supylabel, y)):
        if text:
            write(text, fontsize=10, color=INK)


def say_empty(ax: Axes, frame: pd.DataFrame, what: str) -> bool:
    """Write that there is nothing to show into the axes, where that is so; return whether it is."""
    if len(frame):
        return False
    ax.text(
        0.5,
        0.5,
        f"not run yet, or failed: no {what} in this study",
        ha="center",
        va="center",
        transform=ax.transAxes,
        color=MUTED,
    )
    ax.set_axis_off()
    return True
