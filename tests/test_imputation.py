"""Missing numbers are drawn from what the other columns say, and nothing else is changed."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalmix.causal.imputation import impute_numbers
from tests.simulated_tables import awkward_table


def test_only_missing_numbers_are_changed_and_whole_numbers_stay_whole_and_in_range():
    rng = np.random.default_rng(0)
    count = rng.integers(0, 9, 200).astype(float)
    table = pd.DataFrame({"count": count, "level": pd.Categorical(rng.choice(["a", "b"], 200))})
    table["twice"], holes = 2 * count + rng.normal(size=200), rng.random(200) < 0.3
    table.loc[holes, "count"] = np.nan
    table.loc[rng.random(200) < 0.2, "level"] = np.nan
    before = table.copy()
    imputed = impute_numbers(table, seed=1)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(imputed.drop(columns="count"), table.drop(columns="count"))
    assert imputed["count"][~holes].equals(table["count"][~holes])
    drawn = imputed["count"][holes]
    assert set(drawn) <= set(range(9)) and drawn.nunique() > 5
    assert np.corrcoef(drawn, count[holes])[0, 1] > 0.9


def test_a_category_says_what_its_missing_numbers_are_like():
    rng = np.random.default_rng(0)
    group = rng.choice(["low", "high", "none"], 300)
    number = np.where(group == "low", -5, 5) + rng.normal(size=300)
    table = pd.DataFrame({"number": number, "group": pd.Categorical(group).set_categories(["low", "high"])})
    table["number"] = table["number"].mask(rng.random(300) < 0.4)
    holes = table["number"].isna()
    drawn = impute_numbers(table, seed=0)["number"][holes]
    assert drawn[group[holes] == "low"].mean() < -3 and drawn[group[holes] == "none"].mean() > 3


def test_the_seed_decides_what_is_drawn():
    table = pd.DataFrame({"a": np.arange(40.0), "b": np.r_[np.arange(30.0), [np.nan] * 10]})
    first, again, other = (impute_numbers(table, seed) for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)


@pytest.mark.filterwarnings("error")
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_numbers_are_completed_inside_their_range(data):
    numbers = st.floats(-1e300, 1e300) | st.sampled_from([0.0, 1.0, np.nan])
    size = data.draw(st.integers(2, 12))
    columns = {name: data.draw(st.lists(numbers, min_size=size, max_size=size)) for name in "abc"}
    table = pd.DataFrame({name: values for name, values in columns.items() if not np.isnan(values).all()})
    imputed = impute_numbers(table, seed=0)
    assert not imputed.isna().to_numpy().any()
    assert (imputed.min() >= table.min()).all() and (imputed.max() <= table.max()).all()


def test_the_columns_that_break_things_can_be_imputed():
    table = awkward_table()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        imputed = impute_numbers(table, seed=0)
    assert not imputed.select_dtypes("float").isna().to_numpy().any()
