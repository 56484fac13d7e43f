"""What the table generators share: coding a table, sharing out rows, and the way back."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from causalmix.causal.schema import MISSING
from causalmix.generators.table import CodedTable, draw_members, draw_partners, share_out
from tests.canonical_tables import TARGET, canonical_tables


@settings(max_examples=30, deadline=None, derandomize=True)
@given(canonical_tables())
def test_a_coded_table_decodes_to_itself_where_nothing_was_missing(train):
    table = CodedTable.of(train, TARGET)
    decoded = table.decode(table.values)
    observed = train.notna() | table.is_categorical  # only numbers are imputed
    pd.testing.assert_frame_equal(decoded.where(observed), train.where(observed), check_index_type=False)


def test_a_missing_level_is_the_level_after_the_last():
    frame = pd.DataFrame({"c": pd.Categorical(["b", None, "a"]), "y": pd.Categorical(["no", "yes", "no"])})
    table = CodedTable.of(frame, "y")
    assert table.levels[0] == ("a", "b", MISSING)
    assert table.values[:, 0].tolist() == [1.0, 2.0, 0.0]


def test_a_level_that_no_row_has_is_never_decoded():
    level = pd.Categorical(["a", "c", "a"], categories=["a", "b", "c"])
    table = CodedTable.of(pd.DataFrame({"c": level, "y": pd.Categorical(["no", "yes", "no"])}), "y")
    assert set(table.decode(np.array([[-3.0, 0.0], [0.6, 0.0], [9.0, 1.0]]))["c"]) == {"a", "c"}


@given(st.lists(st.integers(1, 50), min_size=1, max_size=10), st.integers(0, 200))
def test_shares_sum_to_the_rows_and_differ_from_proportion_by_less_than_one(counts, n):
    counts = np.array(counts)
    shares = share_out(counts, n)
    assert shares.sum() == n
    assert (np.abs(shares - n * counts / counts.sum()) < 1).all()


def test_every_row_of_a_class_is_drawn_before_one_comes_again():
    classes = np.array([0] * 6 + [1] * 2)
    drawn = draw_members(classes, 16, np.random.default_rng(0))
    assert np.bincount(drawn).tolist() == [2] * 8


def test_partners_are_of_the_same_class():
    classes = np.array([0, 1, 0, 1, 2])
    of = np.arange(5).repeat(20).reshape(10, 10)
    partners = draw_partners(classes, of, np.random.default_rng(0))
    assert (classes[partners] == classes[of]).all()
