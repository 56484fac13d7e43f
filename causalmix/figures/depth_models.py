"""Figure of the dial under two models: depth and stability for each, and table by table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.depth_dial import differences_from_controls, mean_over_datasets
from causalmix.depth_models import compare_models, table_correlations, tail_volatility
from causalmix.figures.dial import BAND, smallest_effect
from causalmix.figures.models import MARKS
from causalmix.figures.style import INK, MUTED, say_empty, split_axes
from causalmix.two_models import Pair
from causalmix.verdicts import Verdict

DIFFERENCE = "difference"
AGAINST = ", minus controls"
"""Ending of the series that tells depth from the number of edges, after the name of a model."""

COLUMNS = ["series", "dataset", "value", "mean", "lower", "upper", "smallest"]


def load_depth_models(studies: Pair, verdicts: tuple[Verdict, Verdict]) -> pd.DataFrame:
    """Return the correlation of depth and tail volatility along the dial, per model and table.

    Parameters
    ----------
    studies : pair of StudyView
    verdicts : pair of Verdict
        From `causalmix.depth_models.decide_each`.

    Returns
    -------
    DataFrame
        ``series`` (a model; ``difference``: the second minus the first, where both have runs; a model
        `AGAINST` its controls), ``dataset, value``; ``mean, lower, upper`` over tables repeat, for a model
        those of claim 19, as does ``smallest``, the smallest effect of interest.
    """
    frames = []
    for study, verdict in zip(studies, verdicts, strict=True):
        tables = table_correlations(study).groupby("dataset", observed=True)["rho"].mean().reset_index()
        ends = dict(zip(("mean", "lower", "upper"), (verdict.value, *verdict.interval), strict=True))
        frames.append(tables.assign(series=study.model, **ends))
    pairs = compare_models(studies)
    frames.append(_with_mean(pairs, DIFFERENCE))
    for study in studies:
        blocks = differences_from_controls(tail_volatility(study))
        frames.append(_with_mean(blocks, f"{study.model}{AGAINST}"))
    rows = [frame.rename(columns={"rho": "value"}) for frame in frames if len(frame)]
    whole = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=COLUMNS)
    return whole.assign(smallest=smallest_effect())[COLUMNS]


def _with_mean(blocks: pd.DataFrame, series: str) -> pd.DataFrame:
    """Return the mean ``rho`` of every table, and beside it their mean with its interval."""
    found = mean_over_datasets(blocks, seed=0)
    tables = blocks.groupby("dataset", observed=True)["rho"].mean().reset_index()
    return tables.assign(series=series, mean=found["effect"], lower=found["lower"], upper=found["upper"])


def plot_depth_models(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw every series with its mean, interval and tables; beside it a point per table of both models."""
    if say_empty(ax, frame, "arm causalmix@depth=… of two models"):
        return
    left, right = split_axes(ax, 2)
    series = list(dict.fromkeys(frame["series"]))
    left.axvspan(-frame["smallest"].iloc[0], frame["smallest"].iloc[0], color=BAND, zorder=0)
    models = _models(series)
    for place, name in enumerate(series):
        own = frame[frame["series"] == name]
        model = name.removesuffix(AGAINST)
        colour, marker = MARKS[models.index(model) if model in models else -1]
        first = own.iloc[0]
        spread = np.linspace(0.12, 0.36, len(own))
        left.scatter(own["value"], place + spread, s=9, color=colour, alpha=0.6, linewidths=0)
        left.plot([first["lower"], first["upper"]], [place, place], color=colour, linewidth=2)
        left.plot([first["mean"]], [place], marker, color=colour, mfc="white" if name != model else colour)
    left.axvline(0, color=INK, linewidth=0.8)
    reach = 1.05 * max(1.0, frame["value"].abs().max())  # a difference of two correlations can pass 1
    left.set_xlim(-reach, reach)
    left.set_yticks(range(len(series)), [name.replace(", ", ",\n") for name in series])
    left.set_ylim(len(series) - 0.4, -0.4)
    left.set_xlabel("correlation of depth\nand tail volatility")
    _draw_pairs(right, frame, series)


def _draw_pairs(ax: Axes, frame: pd.DataFrame, series: list[str]) -> None:
    models = _models(series)
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


def _models(series: list[str]) -> list[str]:
    return [name for name in series if name != DIFFERENCE and not name.endswith(AGAINST)]
