"""Figure of the dial under two models: depth and stability for each, and table by table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.depth_models import compare_models, decide_each, table_correlations
from causalmix.depth_tests import mean_over_datasets
from causalmix.figures.dial import BAND, smallest_effect
from causalmix.figures.models import MARKS
from causalmix.figures.style import INK, MUTED, say_empty, split_axes
from causalmix.two_models import Pair

DIFFERENCE = "difference"
COLUMNS = ["series", "dataset", "value", "mean", "lower", "upper", "smallest"]


def load_depth_models(studies: Pair) -> pd.DataFrame:
    """Return the correlation of depth and tail volatility along the dial, per model and table.

    Returns
    -------
    DataFrame
        ``series`` (a model, or ``difference``: the second minus the first, where both have runs), ``dataset,
        value``; ``mean, lower, upper`` over tables repeat, for a model those of claim 19, as does
        ``smallest``, the smallest effect of interest.
    """
    frames = []
    for study, verdict in zip(studies, decide_each(studies), strict=True):
        tables = table_correlations(study).groupby("dataset", observed=True)["rho"].mean().reset_index()
        ends = dict(zip(("mean", "lower", "upper"), (verdict.value, *verdict.interval), strict=True))
        frames.append(tables.assign(series=study.model, **ends))
    pairs = compare_models(studies)
    found = mean_over_datasets(pairs, seed=0)
    ends = {"mean": found["effect"], "lower": found["lower"], "upper": found["upper"]}
    frames.append(pairs.assign(series=DIFFERENCE, **ends))
    rows = [frame.rename(columns={"rho": "value"}) for frame in frames if len(frame)]
    whole = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=COLUMNS)
    return whole.assign(smallest=smallest_effect())[COLUMNS]


def plot_depth_models(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the mean of each model with its interval and its tables; beside it a point per table of both."""
    if say_empty(ax, frame, "arm causalmix@depth=… of two models"):
        return
    left, right = split_axes(ax, 2)
    series = list(dict.fromkeys(frame["series"]))
    left.axvspan(-frame["smallest"].iloc[0], frame["smallest"].iloc[0], color=BAND, zorder=0)
    for place, (name, (colour, marker)) in enumerate(zip(series, MARKS, strict=False)):
        own = frame[frame["series"] == name]
        first = own.iloc[0]
        spread = np.linspace(0.12, 0.36, len(own))
        left.scatter(own["value"], place + spread, s=9, color=colour, alpha=0.6, linewidths=0)
        left.plot([first["lower"], first["upper"]], [place, place], color=colour, linewidth=2)
        left.plot([first["mean"]], [place], marker, color=colour)
    left.axvline(0, color=INK, linewidth=0.8)
    left.set_xlim(-1.05, 1.05)
    left.set_yticks(range(len(series)), series)
    left.set_ylim(len(series) - 0.4, -0.4)
    left.set_xlabel("correlation of depth\nand tail volatility")
    _draw_pairs(right, frame, series)


def _draw_pairs(ax: Axes, frame: pd.DataFrame, series: list[str]) -> None:
    models = [name for name in series if name != DIFFERENCE]
    wide = frame.pivot(index="dataset", columns="series", values="value")
    both = wide.reindex(columns=models).dropna()
    if len(models) == 2:
        ax.scatter(both[models[0]], both[models[1]], s=26, color=INK, alpha=0.7, linewidths=0)
        ax.set_ylabel(models[1])
    ax.axline((0, 0), slope=1, color=MUTED, linewidth=0.8, linestyle=":")
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xticks=(-1, -0.5, 0, 0.5, 1), yticks=(-1, -0.5, 0, 0.5, 1))
    ax.set_xlabel(models[0])
    ax.set_title("table by table", fontsize=10)
