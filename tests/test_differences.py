"""Paired differences: per table with its interval, over tables by the bootstrap, tested by sign flips."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalmix.differences import pool_tables, sign_flip_p, table_differences


def make_scores(differences: dict[str, list[float]]) -> pd.DataFrame:
    """Scores of two arms whose differences per table and fold are given."""
    rows = [
        (dataset, fold, 0, arm, 0.5 + (value if arm == "causalmix" else 0.0))
        for dataset, values in differences.items()
        for fold, value in enumerate(values)
        for arm in ("default", "causalmix")
    ]
    return pd.DataFrame(rows, columns=["dataset", "fold", "repeat", "arm", "score"])


def test_the_interval_of_a_table_is_students():
    values = [0.1, 0.3, 0.2, 0.25]
    row = table_differences(make_scores({"a": values, "b": [0.4]}), "causalmix", "default").set_index(
        "dataset"
    )
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert row.loc["a", ["lower", "upper"]].tolist() == pytest.approx([expected.low, expected.high])
    assert row["n_pairs"].tolist() == [4, 1] and row.loc["b", ["lower", "upper"]].isna().all()


def test_every_table_has_the_same_weight_whatever_its_folds():
    tables = table_differences(make_scores({"a": [0.0] * 9, "b": [0.3]}), "causalmix", "default")
    assert pool_tables(tables).value == pytest.approx(0.15)


def test_an_interval_over_tables_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        tables = pd.DataFrame({"dataset": range(29), "difference": rng.normal(0.1, 0.2, 29)})
        found = pool_tables(tables)
        covered += found.lower <= 0.1 <= found.upper
    assert 50 <= covered <= 60


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_an_interval_over_many_tables_is_that_of_the_normal_distribution_at_its_level(level):
    values = np.random.default_rng(1).normal(0.1, 0.2, 200)
    found = pool_tables(pd.DataFrame({"dataset": range(200), "difference": values}), confidence=level)
    expected = stats.norm.interval(level, values.mean(), values.std() / np.sqrt(200))
    assert (found.lower, found.upper) == pytest.approx(expected, abs=0.1 * (expected[1] - expected[0]))


def test_one_table_says_nothing_about_others():
    found = pool_tables(pd.DataFrame({"dataset": ["a"], "difference": [0.3]}))
    assert found.value == 0.3 and np.isnan(found.lower) and np.isnan(sign_flip_p(np.array([0.3])))


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_difference_that_is_missing_leaves_no_sign_flip_p(odd):
    assert np.isnan(sign_flip_p(np.array([1.0, 2.0, odd, 3.0])))


def test_the_sign_flip_test_counts_all_flips_exactly():
    values = np.array([3.0, -1.0, 2.0, 0.5])
    flips = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T
    means = (flips * values).mean(axis=1)
    two_sided = 2 * (means >= values.mean() - 1e-12).mean()
    assert sign_flip_p(values) == pytest.approx(two_sided)
    assert sign_flip_p(values) == sign_flip_p(-values)


def test_the_sign_flip_p_of_many_tables_that_agree_is_small_but_never_0():
    values = np.linspace(0.1, 0.4, 20)
    assert 0 < sign_flip_p(values) <= 1e-3 and sign_flip_p(-values) == pytest.approx(sign_flip_p(values))
