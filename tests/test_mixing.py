"""Mixing real and synthetic rows: counts, order, and nothing changed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalmix.data import DataError
from causalmix.mixing import mix_rows, n_synthetic_rows


def table(start: int, n: int) -> pd.DataFrame:
    """n rows whose numbers tell them apart."""
    number = np.arange(start, start + n, dtype="float64")
    level = pd.Categorical(np.where(number % 2, "odd", "even"), categories=["even", "odd"])
    return pd.DataFrame({"number": number, "level": level}, index=np.arange(n) * 2 + 9)


@settings(max_examples=80, deadline=None)
@given(
    n_real=st.integers(1, 40),
    n_spare=st.integers(0, 9),
    ratio=st.floats(0, 4),
    seed=st.integers(0, 2**32 - 1),
)
def test_all_real_rows_and_the_asked_number_of_synthetic_ones_are_in_the_pool(n_real, n_spare, ratio, seed):
    n_wanted = round(ratio * n_real)
    real, synthetic = table(0, n_real), table(1000, n_wanted + n_spare)
    before = real.copy(), synthetic.copy()
    pool = mix_rows(real, synthetic, ratio, np.random.default_rng(seed))
    drawn = pool.loc[pool["number"] >= 1000, "number"]
    assert sorted(pool.loc[pool["number"] < 1000, "number"]) == list(range(n_real))
    assert len(drawn) == n_wanted == drawn.nunique()
    assert set(drawn) <= set(synthetic["number"])
    assert pool.dtypes.to_dict() == real.dtypes.to_dict()
    assert ((pool.index < n_real) == (pool["number"] < 1000)).all()
    assert pool.index.is_unique
    pd.testing.assert_frame_equal(real, before[0])
    pd.testing.assert_frame_equal(synthetic, before[1])


def test_changing_the_pool_does_not_change_the_real_rows():
    real = table(0, 5)
    pool = mix_rows(real, table(1000, 0), 0.0, np.random.default_rng(0))
    pool["number"] = -1.0
    pool.iloc[0, 1] = "odd"
    pd.testing.assert_frame_equal(real, table(0, 5))


def test_the_rows_are_shuffled_and_the_same_generator_state_gives_the_same_pool():
    pools = [mix_rows(table(0, 30), table(1000, 50), 1.0, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    pd.testing.assert_frame_equal(pools[0], pools[1])
    assert not pools[0]["number"].equals(pools[2]["number"])
    assert 5 < (pools[0]["number"].head(30) < 1000).sum() < 25


def test_every_synthetic_row_can_be_chosen():
    rng = np.random.default_rng(0)
    chosen = [mix_rows(table(0, 4), table(1000, 8), 0.5, rng)["number"].max() for _ in range(200)]
    assert len(set(chosen)) == 7  # the larger of two out of eight


@pytest.mark.parametrize(
    ("n_real", "ratio", "n"), [(192, 1.0, 192), (3, 0.5, 2), (5, 0.5, 2), (10, 0, 0), (7, 0.05, 0)]
)
def test_halves_round_to_even(n_real, ratio, n):
    assert n_synthetic_rows(n_real, ratio) == n


def test_a_ratio_that_gives_too_few_rows_is_refused_with_one_that_does_not():
    with pytest.raises(DataError, match=r"ratio 0\.001 of 108 .*gives 0 .*to 0\.00926"):
        n_synthetic_rows(108, 0.001, least=1)
    assert n_synthetic_rows(108, 0.00926, least=1) == 1


@pytest.mark.parametrize("ratio", [-0.1, float("nan"), float("inf")])
def test_a_ratio_that_is_no_ratio_is_refused(ratio):
    with pytest.raises(ValueError, match="finite and not negative"):
        mix_rows(table(0, 3), table(0, 3), ratio, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("synthetic", "message"),
    [
        (table(0, 2), "needs 3 synthetic rows, got 2: sample more rows or lower the ratio"),
        (table(0, 3).drop(columns="level"), r"differ in \['level'\]"),
        (table(0, 3)[["level", "number"]], r"same columns in one order; their orders differ: take"),
        (table(0, 3).astype({"number": "int64"}), r"columns \['number'\]"),
        (table(0, 3).astype({"level": "object"}), r"columns \['level'\]"),
    ],
)
def test_synthetic_rows_that_do_not_fit_are_refused_with_the_reason(synthetic, message):
    with pytest.raises(ValueError, match=message):
        mix_rows(table(0, 3), synthetic, 1.0, np.random.default_rng(0))
