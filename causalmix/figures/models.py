"""Figure of two models side by side: what each arm of fine-tuning does to either."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import PRIMARY_NORMALISATION, unit_scores
from causalmix.claims import Store
from causalmix.figures.scores import AXIS_LABELS, summarise_arms
from causalmix.figures.style import INK, label_arms, label_figure, order_arms, say_empty, split_axes

MODEL_STYLES = ((INK, "o", -0.14), ("#8A8F98", "s", 0.14))
"""Colour, marker and shift of the first and the second model."""

MEASURES: dict[str, Callable[[np.ndarray], float]] = {"median": np.median, "mean": np.mean}
COLUMNS = ["measure", "model", "arm", "value", "lower", "upper", "n_runs", "n_datasets", "normalisation"]


def load_models(first: Store, second: Store, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Return median and mean of the normalised score of each arm, for two models.

    Parameters
    ----------
    first, second : Store
        Of one model each; `causalmix.two_models.share_cells` makes them comparable.
    normalisation : str

    Returns
    -------
    DataFrame
        ``measure`` (``median`` or ``mean`` over runs), ``model, arm, value``, ``lower, upper`` (tables
        resampled), ``n_runs, n_datasets, normalisation``.
    """
    parts = []
    for store in (first, second):
        runs = store.runs()
        part = summarise_arms(unit_scores(runs, normalisation), MEASURES)
        parts.append(part.assign(model=next(iter(runs["model"]), ""), normalisation=normalisation))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def plot_models(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one panel per measure: a row per arm, a mark with its interval per model."""
    if say_empty(ax, frame, "run of both models"):
        return
    arms, models = order_arms(frame["arm"]), list(dict.fromkeys(frame["model"]))
    panels = split_axes(ax, len(MEASURES))
    for panel, measure in zip(panels, MEASURES, strict=True):
        for model, (colour, marker, shift) in zip(models, MODEL_STYLES, strict=False):
            own = frame[(frame["measure"] == measure) & (frame["model"] == model)]
            place = own["arm"].map(arms.index) + shift
            panel.hlines(place, own["lower"], own["upper"], color=colour, linewidth=2)
            panel.plot(own["value"], place, marker, color=colour, label=model)
        panel.axvline(0, color=INK, linewidth=1)
        label_arms(panel, arms)
        panel.set_title(f"{measure} over tables and folds")
    panels[-1].tick_params(labelleft=False)
    label_figure(panels[0], x=AXIS_LABELS[frame["normalisation"].iloc[0]])
    handles, names = panels[0].get_legend_handles_labels()
    panels[0].figure.legend(handles, names, loc="outside upper left", ncols=2, frameon=False)
