"""Figures of arms side by side: for two models, three rules that select a step, or two sets of tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import PRIMARY_NORMALISATION, unit_scores
from causalmix.cells import Store
from causalmix.figures.scores import AXIS_LABELS, summarise_arms
from causalmix.figures.style import INK, label_arms, label_figure, order_arms, say_empty, split_axes
from causalmix.incomplete import ALL, WHOLE, whole_only
from causalmix.resampling import Statistic
from causalmix.selection import SELECTIONS, Reselected
from causalmix.study_view import StudyView

MARKS = ((INK, "o"), ("#8A8F98", "s"), ("#B4552D", "D"))
"""Colour and marker of the first, second and third of what is compared."""

MEASURES: dict[str, Statistic] = {"median": np.median, "mean": np.mean}
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
    stores = [(next(iter(store.runs()["model"]), ""), store) for store in (first, second)]
    return _side_by_side(stores, "model", normalisation)


def load_selections(store: Store, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Return median and mean of the normalised score of each arm, for each of `SELECTIONS`.

    Returns
    -------
    DataFrame
        ``measure`` (``median`` or ``mean`` over runs), ``selection, arm, value``, ``lower, upper`` (tables
        resampled), ``n_runs, n_datasets, normalisation``.
    """
    stores = [(selection, Reselected(store, selection)) for selection in SELECTIONS]
    return _side_by_side(stores, "selection", normalisation)


def load_completeness(study: StudyView, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Return median and mean of the normalised score of each arm, with and without incomplete tables.

    Returns
    -------
    DataFrame
        As `load_selections`, with ``tables`` (`causalmix.incomplete.ALL` or ``WHOLE``) for ``selection``.
    """
    return _side_by_side([(ALL, study), (WHOLE, whole_only(study))], "tables", normalisation)


def _side_by_side(stores: Sequence[tuple[str, Store]], column: str, normalisation: str) -> pd.DataFrame:
    parts = []
    for name, store in stores:
        scores = unit_scores(store.runs(), normalisation)
        parts.append(summarise_arms(scores, MEASURES).assign(**{column: name}))
    columns = [{"model": column}.get(name, name) for name in COLUMNS]
    return pd.concat(parts, ignore_index=True).assign(normalisation=normalisation)[columns]


def plot_models(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one panel per measure: a row per arm, a mark with its interval per model."""
    if not say_empty(ax, frame, "run of both models"):
        _draw_side_by_side(frame, "model", ax)


def plot_selections(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one panel per measure: a row per arm, a mark with its interval per rule of selection."""
    if not say_empty(ax, frame, "fine-tuning run"):
        _draw_side_by_side(frame, "selection", ax)


def plot_completeness(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one panel per measure: a row per arm, a mark with its interval with and without some tables."""
    if not say_empty(ax, frame, "fine-tuning run"):
        _draw_side_by_side(frame, "tables", ax)


def _draw_side_by_side(frame: pd.DataFrame, column: str, ax: Axes) -> None:
    arms, compared = order_arms(frame["arm"]), list(dict.fromkeys(frame[column]))
    shifts = np.linspace(-0.14, 0.14, len(compared)) * (len(compared) - 1)
    panels = split_axes(ax, len(MEASURES))
    for panel, measure in zip(panels, MEASURES, strict=True):
        for name, (colour, marker), shift in zip(compared, MARKS, shifts, strict=False):
            own = frame[(frame["measure"] == measure) & (frame[column] == name)]
            place = own["arm"].map(arms.index) + shift
            panel.hlines(place, own["lower"], own["upper"], color=colour, linewidth=2)
            panel.plot(own["value"], place, marker, color=colour, label=name)
        panel.axvline(0, color=INK, linewidth=1)
        label_arms(panel, arms)
        panel.locator_params(axis="x", nbins=5)
        panel.set_title(f"{measure} over tables and folds")
    panels[-1].tick_params(labelleft=False)
    label_figure(panels[0], x=AXIS_LABELS[frame["normalisation"].iloc[0]])
    handles, names = panels[0].get_legend_handles_labels()
    panels[0].figure.legend(handles, names, loc="outside upper left", ncols=len(compared), frameon=False)
