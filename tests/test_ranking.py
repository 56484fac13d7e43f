"""Ranks, win rates and tests between arms on hand-worked tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalmix.analysis import NORMALISATIONS
from causalmix.ranking import (
    PAIR_COLUMNS,
    friedman_p,
    holm_wilcoxon,
    pairwise_tests,
    rank_arms,
    score_matrix,
    win_rates,
)


def make_runs(scores: dict[str, list[float]]) -> pd.DataFrame:
    """A run per arm on tables t0, t1, ... with these test ROC-AUCs; NaN for a run that failed."""
    rows = [(f"t{i}", arm, value) for arm, values in scores.items() for i, value in enumerate(values)]
    runs = pd.DataFrame(rows, columns=["dataset", "arm", "test_auc"])
    status = np.where(runs["test_auc"].isna(), "failed", "ok")
    return runs.assign(fold=0, repeat=0, zero_shot_auc=0.2, status=status)


def test_scores_that_differ_by_a_rounding_error_are_a_tie():
    runs = make_runs({"x": [0.3], "y": [0.1 + 0.2], "z": [0.25]})
    assert rank_arms(runs).loc["t0"].to_dict() == {"x": 1.5, "y": 1.5, "z": 3}
    rates = win_rates(runs)
    assert rates.loc["x", "y"] == rates.loc["y", "x"] == 0.5 and rates.loc["x", "z"] == 1


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_a_score_does_not_depend_on_which_arms_are_compared(normalisation):
    runs = make_runs({"x": [0.3, 0.5], "y": [0.4, 0.35], "z": [0.9, 0.1]})
    both, everyone = (score_matrix(runs, normalisation, arms) for arms in (["x", "y"], None))
    pd.testing.assert_frame_equal(both, everyone[["x", "y"]])


def test_tables_on_which_two_arms_differ_by_a_rounding_error_alone_have_no_part_in_wilcoxons_test():
    gains = [0.01, 0.02, 0.03, -0.04, 0.05]
    without = pairwise_tests(make_runs({"x": [0.5 + gain for gain in gains], "y": [0.5] * 5}))
    beside = pairwise_tests(
        make_runs({"x": [0.5 + gain for gain in gains] + [0.3] * 2, "y": [0.5] * 5 + [0.1 + 0.2] * 2})
    )
    assert beside["p_value"].tolist() == pytest.approx(without["p_value"].tolist())


def test_a_run_that_failed_loses_against_those_that_finished():
    rates = win_rates(make_runs({"x": [0.9, np.nan, np.nan, 0.9], "y": [0.8, 0.8, np.nan, 0.8]}))
    assert rates.loc["x", "y"] == pytest.approx((2 + 0.5) / 4)
    assert rates.loc["y", "x"] == pytest.approx((1 + 0.5) / 4)


def test_six_tables_tell_two_arms_apart_but_not_each_pair_of_three():
    """Six of six tables have p = 2 / 2**6 < 0.05; of three such pairs, Holm asks for a third of 0.05."""
    steps = np.arange(6) / 100
    three = {"best": 0.9 + steps, "middle": 0.7 + 2 * steps, "worst": 0.4 + 5 * steps}
    alone = pairwise_tests(make_runs({arm: list(three[arm]) for arm in ("best", "worst")}))
    together = pairwise_tests(make_runs({arm: list(values) for arm, values in three.items()}))
    assert alone["p_value"].tolist() == pytest.approx([2 / 64]) and alone["wilcoxon"].tolist() == [True]
    assert together["p_value"].tolist() == pytest.approx([2 / 64] * 3)
    assert not together["wilcoxon"].any()


def test_one_table_tests_nothing_and_two_are_too_few_for_friedman():
    runs = make_runs({"x": [0.9], "y": [0.8], "z": [0.7]})
    assert pairwise_tests(runs).empty and [*pairwise_tests(runs).columns] == PAIR_COLUMNS
    ranks = pd.DataFrame({"x": [1.0, 1.0, 1.0], "y": [2.0, 2.0, 2.0], "z": [3.0, 3.0, 3.0]})
    assert np.isnan(friedman_p(ranks[:2])) and friedman_p(ranks) == pytest.approx(np.exp(-3))


def test_arms_are_compared_by_their_mean_over_the_folds_of_a_table():
    cells = pd.MultiIndex.from_product([["t0", "t1", "t2"], [0, 1, 2]], names=["dataset", "fold"])
    (test,) = holm_wilcoxon(pd.DataFrame({"x": [0, 0, 3] * 3, "y": 0.0}, index=cells)).to_dict("records")
    assert test["median_difference"] == 1 and test["p_value"] == pytest.approx(2 / 2**3)


def test_two_arms_with_one_table_in_common_are_not_tested():
    (test,) = holm_wilcoxon(pd.DataFrame({"x": [0.9, np.nan], "y": [0.8, 0.7]})).to_dict("records")
    assert np.isnan(test["p_value"]) and test["median_difference"] == pytest.approx(0.1)


def test_no_arm_beats_itself():
    rates = win_rates(make_runs({"x": [0.9, 0.8], "y": [0.8, 0.9]}))
    assert np.isnan(np.diag(rates)).all() and rates.notna().sum().sum() == 2
