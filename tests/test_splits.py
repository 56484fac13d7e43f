from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalmix.data import DataError, Dataset, Protocol, load_dataset, make_dataset, split_dataset
from causalmix.data.splits import allocate

PROTOCOL = Protocol()


def table(counts: list[int], name: str = "made") -> Dataset:
    y = np.repeat([f"c{i}" for i in range(len(counts))], counts)
    rng = np.random.default_rng(0)
    return make_dataset(name, pd.DataFrame({"x": rng.normal(size=len(y))}), rng.permutation(y))


def test_the_numbers_of_a_protocol_are_pythons_own():
    protocol = Protocol(n_folds=np.int64(5), validation_share=np.float32(0.5))
    assert [type(value) for value in (protocol.n_folds, protocol.validation_share)] == [int, float]
    with pytest.raises(DataError, match=r"n_folds is 2\.5; give a whole number"):
        Protocol(n_folds=2.5)


def rows(split) -> list[set]:
    return [set(part.index) for part in (split.X_train, split.X_val, split.X_test)]


@settings(max_examples=40, deadline=None)
@given(
    counts=st.lists(st.integers(1, 60), min_size=2, max_size=6),
    fold=st.integers(0, 9),
    repeat=st.integers(0, 3),
    max_train=st.integers(12, 200),
    max_test=st.integers(6, 40),
)
def test_every_split_is_disjoint_covered_and_within_its_sizes(counts, fold, repeat, max_train, max_test):
    counts = [40, 30, *counts]
    protocol = Protocol(
        max_train_rows=max(max_train, 2 * len(counts)), max_test_rows=max(max_test, len(counts))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split = split_dataset(table(counts), fold, protocol, repeat)
    train, val, test = rows(split)
    assert not (train & val or train & test or val & test)
    assert set(split.y_val) | set(split.y_test) <= set(split.y_train)
    assert len(train) + len(val) <= protocol.max_train_rows
    assert len(test) <= protocol.max_test_rows
    assert len(set(split.y_val)) >= 2 and len(set(split.y_test)) >= 2
    assert (split.X_train.index == split.y_train.index).all()
    again = split_dataset(table(counts), fold, protocol, repeat)
    assert rows(again) == [train, val, test]


@given(
    counts=st.lists(st.integers(0, 200), min_size=1, max_size=8).map(np.array),
    total=st.integers(0, 300),
    minimum=st.integers(0, 3),
)
def test_an_allocation_has_the_right_sum_and_respects_every_bound(counts, total, minimum):
    taken = allocate(counts, total, minimum)
    floor = np.minimum(minimum, counts)
    assert (taken <= counts).all() and (taken >= floor).all()
    assert taken.sum() == max(min(total, counts.sum()), floor.sum())


def test_without_caps_the_folds_partition_the_table_into_equal_parts():
    ds = table([70, 41, 9])
    protocol = Protocol(max_train_rows=10_000, max_test_rows=10_000)
    tests = [split_dataset(ds, fold, protocol).y_test for fold in range(10)]
    assert sorted(i for y in tests for i in y.index) == list(ds.X.index)
    assert {len(y) for y in tests} == {12}
    assert all((y == "c0").sum() == 7 and (y == "c1").sum() in (4, 5) for y in tests)


def test_the_default_protocol_gives_192_training_and_64_validation_rows():
    split = split_dataset(table([900, 300]), 0, PROTOCOL)
    assert (len(split.X_train), len(split.X_val), len(split.X_test)) == (192, 64, 120)
    assert split.y_train.value_counts().tolist() == [144, 48]
    assert split.y_val.value_counts().tolist() == [48, 16]


def test_folds_repeats_and_names_give_other_rows_and_seeds_do_not_leak():
    first = rows(split_dataset(table([60, 60]), 0, PROTOCOL))[2]
    assert rows(split_dataset(table([60, 60]), 1, PROTOCOL))[2].isdisjoint(first)
    assert rows(split_dataset(table([60, 60]), 0, PROTOCOL, repeat=1))[2] != first
    assert rows(split_dataset(table([60, 60], "other"), 0, PROTOCOL))[2] != first


def test_a_class_smaller_than_the_folds_is_reported_where_it_is_absent():
    ds = table([60, 50, 8])
    splits = [split_dataset(ds, fold, PROTOCOL) for fold in range(10)]
    absent = [split for split in splits if "c2" not in set(split.y_test)]
    assert len(absent) == 2
    assert all(
        split.notes == ("class 'c2' (8 rows) has no row in the test part of this fold",) for split in absent
    )
    assert all("c2" in set(split.y_train) and "c2" in set(split.y_val) for split in splits)


def test_a_class_of_one_row_is_never_tested_without_being_trained():
    ds = table([60, 50, 1])
    splits = [split_dataset(ds, fold, PROTOCOL) for fold in range(10)]
    left_out = [split for split in splits if any("left out" in note for note in split.notes)]
    assert len(left_out) == 1
    assert "1 test rows left out: no training row has their class ('c2')" in left_out[0].notes
    assert all("c2" not in set(split.y_test) for split in splits)


def test_every_class_gets_two_rows_in_a_small_training_part():
    split = split_dataset(table([990, 5, 5]), 0, Protocol(max_train_rows=20))
    counts = pd.concat([split.y_train, split.y_val]).value_counts()
    assert counts.min() == 2 and counts.sum() == 20
    assert set(split.y_val) == {"c0", "c1", "c2"}


def test_a_table_without_a_defined_roc_auc_is_refused_with_the_cure():
    with pytest.raises(DataError, match=r"'c1' has 3 rows: merge .* fewer folds"):
        for fold in range(10):
            split_dataset(table([60, 3]), fold, PROTOCOL)


@pytest.mark.parametrize(
    ("fold", "protocol", "message"),
    [
        (10, PROTOCOL, "no fold 10: folds go from 0 to 9"),
        (0, Protocol(n_folds=50), "40 rows, fewer than two for each of 50 folds"),
        (0, Protocol(max_train_rows=5), "max_train_rows=5 leaves no room for the 3 classes"),
        (0, Protocol(max_test_rows=2), "max_test_rows=2 leaves no room"),
    ],
)
def test_an_impossible_request_is_refused(fold, protocol, message):
    with pytest.raises(DataError, match=message):
        split_dataset(table([20, 10, 10]), fold, protocol)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"n_folds": 1}, "n_folds is 1; give at least 2"),
        ({"max_train_rows": 3}, "max_train_rows is 3; give at least 4"),
        ({"max_test_rows": 1}, "max_test_rows is 1; give at least 2"),
        ({"validation_share": 1.0}, "validation_share is 1.0; give a share between 0 and 1"),
        ({"validation_share": 0.0}, "share between 0 and 1"),
    ],
)
def test_a_protocol_that_splits_no_table_is_refused_at_once(numbers, message):
    with pytest.raises(DataError, match=message):
        Protocol(**numbers)


def test_a_split_leaves_the_dataset_alone():
    ds = load_dataset("iris")
    before = ds.X.copy(deep=True)
    split_dataset(ds, 0, PROTOCOL)
    pd.testing.assert_frame_equal(ds.X, before)


def test_every_row_can_be_trained_on_validated_on_and_tested_on():
    ds, protocol = table([30, 20]), Protocol(max_train_rows=20, max_test_rows=4)
    parts = [rows(split_dataset(ds, k % 10, protocol, k // 10)) for k in range(150)]
    assert [set.union(*part) for part in zip(*parts, strict=True)] == [set(ds.X.index)] * 3


def test_the_share_of_validation_rows_does_not_depend_on_the_number_of_classes():
    for n_classes in (2, 5, 10):
        split = split_dataset(table([600 // n_classes] * n_classes), 0, PROTOCOL)
        assert (len(split.X_train), len(split.X_val)) == (192, 64)
