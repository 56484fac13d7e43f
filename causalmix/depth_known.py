"""Simulated tables whose causal graph is known: what the true graph does for stability and score.

Exploratory: none of this was among the tests that were fixed before the runs. Free of torch.
"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd

from causalmix.analysis import normalise_scores, paired_differences
from causalmix.cells import Store
from causalmix.depth_dial import mean_over_datasets
from causalmix.depth_tests import PRIMARY_MEASURE, known_scm, measurements
from causalmix.differences import holm
from causalmix.intervals import bca_interval, signed
from causalmix.stability import STABILITY_MEASURES, name_measure

OUTCOMES = (*STABILITY_MEASURES, "score")
"""What two arms are compared in: the stability measures of a run, and its normalised score."""

TRUE, DISCOVERED, RANDOM = "causalmix@graph=true", "causalmix", "causalmix@graph=random_depth"


def compare_arms(store: Store, arm: str, baseline: str, outcome: str, seed: int = 0) -> dict[str, float]:
    """Compare two arms, paired by table, fold and repeat; tables are the units.

    Parameters
    ----------
    outcome : str
        One of `OUTCOMES`.

    Returns
    -------
    dict
        ``difference`` (arm minus baseline, mean over tables, unit of the outcome) with its BCa interval
        ``difference_lower, difference_upper``; ``effect, lower, upper``: the same in SDs of the tables'
        differences; ``p_value`` (sign-flip), ``n`` (tables).
    """
    if outcome == "score":
        values = normalise_scores(store.runs()).rename(columns={"score": "value"})
    else:
        values = measurements(store.runs(), store.trajectories(), outcome)
    pairs = paired_differences(values, arm, baseline, column="value")
    means = pairs.groupby("dataset", observed=True)["difference"].mean()
    found = mean_over_datasets(means.rename("rho").reset_index(), seed)
    raw = {
        f"difference{end}": found[name]
        for end, name in (("", "effect"), ("_lower", "lower"), ("_upper", "upper"))
    }
    spread = means.std()
    if not spread > 0:
        nothing = float("nan")
        return {
            **raw,
            "effect": nothing,
            "lower": nothing,
            "upper": nothing,
            "p_value": nothing,
            "n": len(means),
        }
    lower, upper = bca_interval(means.to_numpy(), _standardised_mean, seed=seed)
    return {**found, **raw, "effect": means.mean() / spread, "lower": lower, "upper": upper}


def graph_contrasts(known: Store) -> pd.DataFrame:
    """Compare the true graphs of simulated tables with discovered and with random ones.

    Returns
    -------
    DataFrame
        ``baseline`` (`DISCOVERED` or `RANDOM`), ``outcome``, the quantities of `compare_arms` and ``p_holm``,
        adjusted over the comparisons that could be made.
    """
    rows = [
        {"baseline": baseline, "outcome": outcome, **compare_arms(known, TRUE, baseline, outcome)}
        for baseline in (DISCOVERED, RANDOM)
        for outcome in OUTCOMES
    ]
    frame = pd.DataFrame(rows).dropna(subset=["p_value"]).reset_index(drop=True)
    return frame.assign(p_holm=holm(frame["p_value"]))


def set_depth_correlations(known: Store, measure: str = PRIMARY_MEASURE) -> pd.DataFrame:
    """Correlate the depth that was set with a measure, for runs on graphs that have it and on others.

    Returns
    -------
    DataFrame
        ``arm`` (`TRUE`, `RANDOM`, `DISCOVERED`), ``rho, lower, upper, p_value, n`` (tables), see
        `causalmix.depth_tests.known_scm`.
    """
    table = measurements(known.runs(), known.trajectories(), measure)
    rows = [{"arm": arm, **asdict(known_scm(table, arm=arm))} for arm in (TRUE, RANDOM, DISCOVERED)]
    return pd.DataFrame(rows).dropna(subset=["p_value"]).reset_index(drop=True)


def say_set_depth(found: pd.DataFrame) -> str:
    """Say what `set_depth_correlations` found; nothing where no runs are on the true graphs."""
    if TRUE not in set(found["arm"]):
        return ""
    words = {
        TRUE: "on the true graphs, which have it",
        RANDOM: "on random ones of that depth",
        DISCOVERED: "on discovered ones, which need not have it (the secondary test of claim 19)",
    }
    parts = [
        f"{signed(row['rho'], row['lower'], row['upper'])} {words[row['arm']]}, p {row['p_value']:.2g}"
        for row in found.to_dict("records")
    ]
    return (
        f"Over {int(found['n'].max())} simulated tables the correlation of the depth that was set with *"
        f"{name_measure(PRIMARY_MEASURE)}* is {'; '.join(parts)}. All but the secondary test are "
        "exploratory, and none is adjusted."
    )


def _standardised_mean(differences: np.ndarray, axis: int = -1) -> np.ndarray:
    """Mean in SDs; 0 for a resample whose differences are all alike."""
    spread = np.std(differences, axis, ddof=1)
    return np.mean(differences, axis) / np.where(spread > 0, spread, np.inf)
