"""Intervals and p values, each computed a second way."""

from __future__ import annotations

import warnings
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from causalmix import resampling
from causalmix.intervals import bca_interval, cluster_bootstrap, correlate, mean_interval, permutation_p
from causalmix.resampling import sample_sd


def test_a_bca_interval_is_corrected_for_bias_and_skewness_as_efron_writes_it():
    values = np.exp(1.2 * stats.norm.ppf((np.arange(20) + 0.5) / 20))
    found = bca_interval(values)
    draws = np.random.default_rng(1).choice(values, size=(20_000, 20)).mean(axis=1)
    bias = stats.norm.ppf((draws < values.mean()).mean())
    left_out = (values.sum() - values) / 19
    lean = left_out.mean() - left_out
    skewness = (lean**3).sum() / (6 * (lean**2).sum() ** 1.5)
    corners = bias + stats.norm.ppf([0.025, 0.975])
    ends = np.quantile(draws, stats.norm.cdf(bias + corners / (1 - skewness * corners)))
    assert list(found) == pytest.approx(list(ends), abs=0.04 * (ends[1] - ends[0]))


def test_a_statistic_that_many_resamples_do_not_define_has_no_interval():
    def ratio(of: np.ndarray, to: np.ndarray, axis: int) -> np.ndarray:
        spread = np.ptp(to, axis)
        return np.ptp(of, axis) / np.where(spread > 0, spread, np.nan)

    clusters, rows = np.repeat([0, 1, 2], 2), np.array([[0, 1], [1, 1], [0, 1], [2, 1], [1, 1], [3, 4.0]])
    rare = cluster_bootstrap(rows, clusters, ratio, resamples=500)
    assert np.isfinite(rare.value) and np.isnan([rare.lower, rare.upper]).all()
    common = cluster_bootstrap(np.column_stack([rows[:, 0], [1, 2] * 3]), clusters, ratio, resamples=500)
    assert np.isfinite([common.lower, common.upper]).all()


@pytest.mark.parametrize(
    "sizes", [[3, 3, 3, 3, 3], [1, 4, 2, 9, 1, 7], [1] * 12], ids=["equal", "unequal", "single"]
)
@pytest.mark.parametrize("statistic", [np.mean, np.median, sample_sd])
def test_an_interval_is_that_of_a_loop_over_resamples(sizes, statistic, monkeypatch):
    monkeypatch.setattr(resampling, "_BLOCK", 100)
    rng = np.random.default_rng(4)
    clusters = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    values, draws = rng.normal(size=(len(clusters), 2)), np.random.default_rng(9)
    members = [values[clusters == name] for name in range(len(sizes))]
    looped = []
    for _ in range(300):
        resample = np.concatenate([members[i] for i in draws.integers(len(sizes), size=len(sizes))])
        looped.append(statistic(resample[:, 1]) - statistic(resample[:, 0]))
    found = cluster_bootstrap(
        values,
        clusters,
        lambda first, second, axis: statistic(second, axis=axis) - statistic(first, axis=axis),
        resamples=300,
        seed=9,
    )
    assert [found.lower, found.upper] == pytest.approx(np.percentile(looped, [2.5, 97.5]), abs=1e-12)


def test_an_interval_that_is_not_defined_is_nan_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = correlate(np.array([1.0, 1.0, 3.0, 3.0]), np.arange(4.0))  # without any pair the rho is one
    assert 0.8 < found.rho < 1 and np.isnan([found.lower, found.upper]).all() and 0 < found.p_value < 1


@pytest.mark.parametrize("sign", [1, -1])
def test_the_permutation_p_counts_rising_and_falling_orders_that_are_as_extreme(sign):
    x, y = np.arange(6.0), sign * np.array([10.0, 30.0, 20.0, 60.0, 40.0, 50.0])
    observed = stats.spearmanr(x, y).statistic
    every = np.array([stats.pearsonr(x, order).statistic for order in permutations(range(6))])
    exact = (np.abs(every) >= abs(observed) - 1e-12).mean()
    assert permutation_p(x, y) == pytest.approx(exact, abs=0.01)


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    rng = np.random.default_rng(0)
    values, other, tables = rng.normal(size=24), rng.normal(size=24), np.repeat(range(8), 3)
    for found in (
        lambda seed: cluster_bootstrap(values, tables, np.mean, resamples=200, seed=seed),
        lambda seed: mean_interval(values, resamples=200, seed=seed),
        lambda seed: bca_interval(values, resamples=200, seed=seed),
        lambda seed: permutation_p(values, other, permutations=500, seed=seed),
        lambda seed: correlate(values, other, resamples=200, permutations=500, seed=seed),
    ):
        assert found(1) == found(1) != found(2)


def test_the_permutation_p_depends_on_the_order_of_the_values_alone():
    x, y = np.random.default_rng(1).normal(size=(2, 9))
    p_value = permutation_p(x, y)
    assert permutation_p(np.exp(3 * x), y) == permutation_p(x, y**3) == p_value
