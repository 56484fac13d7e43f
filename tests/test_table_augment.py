"""TableAugment: label-preserving changes of real rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalmix.generators.table_augment import TableAugmentGenerator


@pytest.fixture
def train() -> pd.DataFrame:
    """Two classes far apart; `a` is missing in half of the rows of "no"."""
    n = 40
    positive = np.arange(n) % 2 == 1
    a = np.linspace(0, 1, n) + 100 * positive
    a[::4] = np.nan
    level = pd.Categorical(np.where(positive, "up", "down"))
    return pd.DataFrame({"a": a, "level": level, "y": pd.Categorical(np.where(positive, "yes", "no"))})


def test_rows_stay_within_their_class(train):
    rows = TableAugmentGenerator().fit(train, "y", seed=0).sample(80)
    assert (rows.loc[rows["y"] == "yes", "a"] > 99).all()
    assert (rows.loc[rows["y"] == "no", "a"].dropna() < 2).all()
    assert (rows["level"] == np.where(rows["y"] == "yes", "up", "down")).all()


def test_classes_keep_their_shares_and_missingness(train):
    rows = TableAugmentGenerator().fit(train, "y", seed=0).sample(80)
    assert rows["y"].value_counts().to_dict() == {"no": 40, "yes": 40}
    assert 0.3 < rows.loc[rows["y"] == "no", "a"].isna().mean() < 0.7
    assert not rows.loc[rows["y"] == "yes", "a"].isna().any()


def test_without_noise_swaps_and_mixup_the_rows_are_the_real_ones(train):
    rows = TableAugmentGenerator(noise=0, swap=0, mixup=0).fit(train, "y", seed=0).sample(len(train))
    pd.testing.assert_frame_equal(
        rows.sort_values(["y", "a"], ignore_index=True), train.sort_values(["y", "a"], ignore_index=True)
    )


def test_numbers_whose_squares_overflow_are_served_as_any_other(train):
    huge = train.assign(a=train["a"] * 1e300)
    rows, usual = (TableAugmentGenerator().fit(table, "y", seed=0).sample(80) for table in (huge, train))
    np.testing.assert_allclose(rows["a"] / 1e300, usual["a"], rtol=1e-9)


def test_with_noise_no_number_is_a_copy(train):
    rows = TableAugmentGenerator(swap=0, mixup=0).fit(train, "y", seed=0).sample(len(train))
    inner = rows["a"].dropna().between(0.1, 0.9)
    assert not set(rows["a"].dropna()[inner]) & set(train["a"])


@pytest.mark.parametrize("params", [{"noise": -1}, {"swap": 2}, {"mixup": -0.1}])
def test_a_parameter_outside_its_range_is_refused(params):
    with pytest.raises(ValueError, match="noise and mixup must be at least 0"):
        TableAugmentGenerator(**params)
