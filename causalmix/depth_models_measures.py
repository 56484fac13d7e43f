"""The dial against its controls with two models, in the measures of stability that their rules leave out."""

from __future__ import annotations

import pandas as pd

from causalmix.depth_contrasts import measures_against_controls
from causalmix.depth_tests import PRIMARY_MEASURE
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
