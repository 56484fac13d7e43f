"""Simulated tables whose graph is known: what the true graph does, and what goes with depth that was set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from causalmix import depth_known
from causalmix.data.known_scm import KNOWN_SCM
from causalmix.depth_known import (
    DISCOVERED,
    RANDOM,
    TRUE,
    compare_arms,
    graph_contrasts,
    say_set_depth,
    set_depth_correlations,
)
from causalmix.depth_known_rule import load_rule, read_new_folds, say_new_folds
from causalmix.notebook import open_study
from tests.by_hand import make_store
from tests.recorded import KNOWN_LIFTS, make_study


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "known"
    return make_study(folder, lifts=KNOWN_LIFTS, datasets=tuple(f"t{i}" for i in range(12)), noise=0.005)


def test_a_better_score_of_the_true_graph_is_found_with_its_size(known):
    found = compare_arms(known, TRUE, DISCOVERED, "score")
    assert found["difference_lower"] > 0 and found["lower"] > 0.5 and found["p_value"] < 0.01
    assert found["n"] == 12 and 0.03 < found["difference"] < 0.15  # 0.02 ROC-AUC of the error that remains


def test_two_arms_that_are_alike_do_not_differ(known):
    found = compare_arms(known, RANDOM, DISCOVERED, "score")
    assert found["difference_lower"] < 0 < found["difference_upper"]


def test_a_comparison_changes_its_sign_with_its_sides(known):
    there, back = (compare_arms(known, *arms, "score") for arms in ((TRUE, RANDOM), (RANDOM, TRUE)))
    assert there["effect"] == pytest.approx(-back["effect"])


def test_all_comparisons_of_the_true_graph_are_adjusted_together(known):
    frame = graph_contrasts(known)
    assert set(frame["baseline"]) == {DISCOVERED, RANDOM}
    assert not frame.duplicated(["baseline", "outcome"]).any()
    assert {"tail_volatility", "score"} <= set(frame["outcome"])
    assert (frame["p_holm"] >= frame["p_value"]).all()
    assert frame["p_holm"].to_numpy() == pytest.approx(multipletests(frame["p_value"], method="holm")[1])


def test_the_depth_that_was_set_is_correlated_with_the_runs_of_each_arm_apart(monkeypatch):
    names = list(KNOWN_SCM)[:24]
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        [
            {
                "dataset": name,
                "fold": 0,
                "repeat": 0,
                "arm": arm,
                "value": slope * KNOWN_SCM[name].depth + noise,
            }
            for name in names
            for arm, slope in ((TRUE, -1.0), (DISCOVERED, 0.0), (RANDOM, 1.0))
            for noise in [rng.normal(0, 0.3)]
        ]
    )
    monkeypatch.setattr(depth_known, "measurements", lambda runs, trajectories, measure: table)
    found = set_depth_correlations(make_store([])).set_index("arm")
    assert found.loc[TRUE, "rho"] < -0.9 and found.loc[RANDOM, "rho"] > 0.9
    assert found.loc[DISCOVERED, "lower"] < 0 < found.loc[DISCOVERED, "upper"]
    said = say_set_depth(found.reset_index())
    assert "Over 24 simulated tables" in said and said.index("on the true graphs") < said.index(
        "on discovered ones"
    )
    assert say_set_depth(found.drop(index=TRUE).reset_index()) == ""


def test_new_folds_are_read_by_the_written_rule_once_all_their_runs_are_there(tmp_path):
    rule = load_rule()
    lifts = {TRUE: 0.06, DISCOVERED: 0.04}
    known = open_study(str(make_study(tmp_path / "known", lifts=lifts, datasets=tuple(KNOWN_SCM)).root))
    (row,) = read_new_folds(known).to_dict("records")
    by_hand = set_depth_correlations(known.only_folds(rule.folds), rule.measure).set_index("arm")
    assert row["arm"] == TRUE and row["rho"] == by_hand.loc[TRUE, "rho"] and row["n"] == len(KNOWN_SCM)
    assert row["rho"] != set_depth_correlations(known).set_index("arm").loc[TRUE, "rho"]
    assert row["outcome"] == rule.outcome(row["lower"], row["upper"])
    said = say_new_folds(known, read_new_folds(known))
    assert said.startswith(f"**{rule.question}** {rule.answers[row['outcome']]} On folds 1 and 2, which")

    begun = open_study(
        str(make_study(tmp_path / "begun", lifts=lifts, datasets=("scm-depth1-linear-low",)).root)
    )
    assert read_new_folds(begun).empty
    assert "Not tested: the study begun holds 2 of the 96 runs" in say_new_folds(begun, read_new_folds(begun))


@pytest.mark.parametrize(
    ("lower", "upper", "outcome"),
    [
        (-0.6, -0.01, "holds"),
        (-0.19, -0.01, "holds"),
        (-0.19, 0.1, "does not hold"),
        (0.1, 0.4, "does not hold"),
        (-0.21, 0.1, "undecided"),
        (float("nan"), float("nan"), "undecided"),
    ],
)
def test_the_outcome_for_an_interval_is_the_one_that_the_rule_says(lower, upper, outcome):
    rule = load_rule()
    assert rule.outcome(lower, upper) == outcome and set(rule.answers) == {
        "holds",
        "does not hold",
        "undecided",
    }
