"""The dial and its controls with two models, beside the rules: in other measures, and on all folds."""

from __future__ import annotations

import pandas as pd

from causalmix.depth_contrasts import measures_against_controls
from causalmix.depth_dial import dial, dial_against_controls
from causalmix.depth_tests import PRIMARY_MEASURE, measurements
from causalmix.markdown import cards
from causalmix.rules import with_ends
from causalmix.stability import name_measure
from causalmix.two_models import Pair

COLUMNS = ["measure", "model", "effect", "lower", "upper", "p_value", "n"]


def compare_measures(studies: Pair) -> pd.DataFrame:
    """Return by how much the dial's correlation exceeds its controls', per measure and model.

    Parameters
    ----------
    studies : pair of StudyView
        The dial with the model of the book, and with another, on folds that both have.

    Returns
    -------
    DataFrame
        ``measure`` (all but the primary one), ``model``, and what
        `causalmix.depth_dial.dial_against_controls` finds.
    """
    found = [
        measures_against_controls(study).assign(model=study.model) for study in studies if len(study.runs())
    ]
    whole = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)
    return whole.loc[whole["measure"] != PRIMARY_MEASURE, COLUMNS]


def describe_measures(found: pd.DataFrame) -> str:
    """Say what `compare_measures` found for both models; nothing without three tables of each."""
    whole, rows = found.dropna(subset=["effect"]), []
    for measure, own in whole.groupby("measure", sort=False):
        values = [with_ends(*row) for row in own[["effect", "lower", "upper"]].to_numpy()]
        if len(values) == 2:
            rows.append([name_measure(str(measure)), *values])
    if not rows:
        return ""
    models = [f"`{model}`" for model in dict.fromkeys(whole["model"])]
    return (
        "Under no rule: the correlation along the dial minus that along the controls in each other measure "
        "of stability, on the folds of the first two rules. These intervals are not adjusted for their "
        f"number.\n\n{cards(['Measure', *models], rows)}"
    )


def on_all_folds(studies: Pair) -> pd.DataFrame:
    """Return the dial's correlation with the primary measure, and its excess over the controls', per model.

    Parameters
    ----------
    studies : pair of StudyView
        With all folds that were run.

    Returns
    -------
    DataFrame
        ``model, test`` (``dial``, ``dial_against_controls``), ``n_folds`` and the quantities of
        `causalmix.depth_dial.dial`; no row with fewer than three tables.
    """
    rows = []
    for study in studies:
        runs = study.runs()
        if not len(runs):
            continue
        about = {"model": study.model, "n_folds": runs["fold"].nunique()}
        table = measurements(runs, study.trajectories(), PRIMARY_MEASURE)
        rows += [
            {**about, "test": "dial", **dial(table)},
            {**about, "test": "dial_against_controls", **dial_against_controls(table)},
        ]
    columns = ["model", "test", "n_folds", "effect", "lower", "upper", "p_value", "n"]
    return pd.DataFrame(rows, columns=columns).dropna(subset=["effect"]).reset_index(drop=True)
