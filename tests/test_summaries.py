"""Scores, gaps and depth, summarised per unit, arm and table: answers worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalmix.analysis import (
    correlate_depth_stability,
    depth_and_stability,
    improvement_summary,
    normalise_scores,
    paired_differences,
    unit_scores,
    validation_test_gap,
)
from tests.by_hand import make_store


def make_runs(*rows: tuple) -> pd.DataFrame:
    """Runs from (dataset, fold, repeat, arm, gain over a zero-shot ROC-AUC of 0.5)."""
    runs = pd.DataFrame(rows, columns=["dataset", "fold", "repeat", "arm", "gain"])
    return runs.assign(test_auc=0.5 + runs["gain"], zero_shot_auc=0.5, status="ok")


def test_the_largest_change_is_that_of_the_own_fold():
    runs = make_runs(
        ("a", 0, 0, "x", 0.1), ("a", 0, 0, "y", -0.2), ("a", 1, 0, "x", 0.1), ("a", 1, 0, "y", 0.4)
    )
    assert normalise_scores(runs, "largest_change")["score"].tolist() == pytest.approx([0.5, -1, 0.25, 1])


def test_the_largest_change_is_that_of_the_own_repeat():
    runs = make_runs(
        ("a", 0, 0, "x", 0.1), ("a", 0, 0, "y", -0.2), ("a", 0, 1, "x", 0.1), ("a", 0, 1, "y", 0.4)
    )
    assert normalise_scores(runs, "largest_change")["score"].tolist() == pytest.approx([0.5, -1, 0.25, 1])


def test_the_score_of_an_arm_does_not_depend_on_which_arms_are_looked_at():
    runs = make_runs(("a", 0, 0, "x", 0.1), ("a", 0, 0, "y", -0.2))
    assert unit_scores(runs, "largest_change", ["x"])["score"].tolist() == pytest.approx([0.5])


def test_repeats_of_a_fold_are_averaged_and_counted():
    runs = make_runs(("a", 0, 0, "x", 0.1), ("a", 0, 1, "x", 0.3), ("a", 1, 0, "x", 0.4))
    units = unit_scores(runs, "difference")
    assert units["score"].tolist() == pytest.approx([0.2, 0.4]) and units["n_repeats"].tolist() == [2, 1]


def test_the_plus_minus_of_a_summary_is_the_sd_over_runs():
    runs = make_runs(*[("abc"[i], 0, 0, "x", gain) for i, gain in enumerate((0.1, 0.2, 0.3))])
    (summary,) = improvement_summary(runs, "difference", resamples=50).to_dict("records")
    assert (summary["median"], summary["sd"], summary["iqr"]) == pytest.approx((0.2, 0.1, 0.1))


def test_the_interval_of_a_summary_has_the_level_that_was_asked_for():
    """Of a normal distribution half lies within 0.67 standard errors and 95 % within 1.96."""
    gains = np.random.default_rng(0).normal(0.1, 0.1, size=80)
    runs = make_runs(*[(f"t{i}", 0, 0, "x", gain) for i, gain in enumerate(gains)])
    half, most = (
        improvement_summary(runs, "difference", resamples=1000, confidence=level).iloc[0]
        for level in (0.5, 0.95)
    )
    widths = [row["upper"] - row["lower"] for row in (half, most)]
    assert widths[1] / widths[0] == pytest.approx(1.96 / 0.67, rel=0.3)


def test_arms_are_paired_within_their_own_repeat():
    rows = [(0, "y", 0.0), (0, "x", 0.1), (1, "y", 0.2), (1, "x", 0.5)]
    runs = make_runs(*[("a", 0, repeat, arm, gain) for repeat, arm, gain in rows])
    pairs = paired_differences(runs, "x", "y", "gain")
    assert pairs["difference"].tolist() == pytest.approx([0.1, 0.3])


# Validation against test


def test_runs_without_a_gap_are_counted_and_have_no_part_in_the_median():
    gaps = {"a": 0.5, "b": 2.0, "c": 0.5, "d": None, "e": None}
    store = make_store({"dataset": name, "arm": "default", "gap": gap} for name, gap in gaps.items())
    (row,) = validation_test_gap(store.trajectories(), resamples=50).to_dict("records")
    assert (row["n_runs"], row["n_undefined"]) == (3, 2) and row["median"] == pytest.approx(0.5)


def test_folds_that_repeat_each_other_do_not_narrow_the_interval_of_a_gap():
    gaps = (0.0, 0.5, 0.5, 1.5, 2.0, 2.0)

    def interval(n_folds: int) -> list[float]:
        rows = [
            {"dataset": f"t{i}", "fold": fold, "arm": "default", "gap": gap}
            for i, gap in enumerate(gaps)
            for fold in range(n_folds)
        ]
        summary = validation_test_gap(make_store(rows).trajectories(), resamples=300)
        return summary[["lower", "upper"]].iloc[0].tolist()

    assert interval(n_folds=8) == pytest.approx(interval(n_folds=1))


# Depth and stability


def test_runs_without_a_graph_have_no_depth_to_compare():
    rows = [{"dataset": "a", "arm": "causalmix"}, {"dataset": "a", "arm": "default", "depth": np.nan}]
    store = make_store(rows)
    assert depth_and_stability(store.runs(), store.trajectories())["arm"].tolist() == ["causalmix"]


def test_tables_are_correlated_by_their_means_over_folds_and_by_one_arm_alone():
    """Deeper tables are steadier on average; their first folds and the other arm say the opposite."""
    rows = [
        {"dataset": f"t{i}", "fold": fold, "arm": arm, "depth": i + 1.0, "regret": regret}
        for i in range(6)
        for fold, arm, regret in (
            (0, "causalmix", 0.1 + 0.01 * i),
            (1, "causalmix", 0.4 - 0.03 * i),
            (0, "scm", 0.2 * i),
        )
    ]
    store = make_store(rows)
    found = correlate_depth_stability(store.runs(), store.trajectories(), measure="early_stopping_regret")
    assert found.rho == -1 and found.n == 6
