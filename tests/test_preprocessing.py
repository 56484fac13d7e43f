from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalmix.data import DataError, TablePreprocessor, TargetEncoder
from causalmix.data.columns import OTHER
from tests.mixed_tables import mixed_tables


@settings(max_examples=150, deadline=None)
@given(mixed_tables())
def test_any_mixed_table_comes_back_as_it_was(table):
    before = table.copy(deep=True)
    prep = TablePreprocessor().fit(table)
    canonical = prep.transform(table)
    frozen = canonical.copy(deep=True)
    restored = prep.inverse_transform(canonical)
    pooled = {
        name
        for name in prep.categorical
        if OTHER in canonical[name].cat.categories and "pooled" in str(prep.report)
    }
    for column in table:
        ours, theirs = restored[column], table[column]
        assert ours.dtype == theirs.dtype
        if column in pooled:
            same = canonical[column] != OTHER
            ours, theirs = ours[same], theirs[same]
        pd.testing.assert_series_equal(ours, theirs, check_exact=True)
    assert list(restored) == list(table)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(canonical, frozen)


@settings(max_examples=80, deadline=None)
@given(mixed_tables(), st.data())
def test_any_rows_are_encoded_without_gaps(table, data):
    n_train = data.draw(st.integers(1, len(table)))
    train = table.iloc[:n_train].assign(second=np.arange(n_train) % 2 + 0.0) if n_train > 1 else table
    prep = TablePreprocessor(max_levels=5).fit(train)
    canonical = prep.transform(table.assign(second=0.0))
    matrix = prep.encode(canonical)
    assert matrix.shape == (len(table), len(prep.columns)) and matrix.dtype == np.float32
    assert np.isfinite(matrix).all()
    assert all(len(canonical[name].cat.categories) <= 5 for name in prep.categorical)
    assert all(canonical[name].dtype == "float64" for name in set(prep.columns) - set(prep.categorical))
    assert len(prep.inverse_transform(canonical)) == len(table)


def test_the_canonical_frame_has_numbers_and_text_levels(mixed_table):
    prep = TablePreprocessor().fit(mixed_table)
    canonical = prep.transform(mixed_table)
    assert prep.columns == ("age", "income", "member", "city", "since", "size", "visits")
    assert prep.categorical == ("member", "city", "size")
    assert canonical["member"].cat.categories.tolist() == ["False", "True"]
    assert canonical["size"].cat.categories.tolist() == ["S", "M", "L"]
    assert canonical["visits"].dtype == "float64" and canonical["visits"].isna().sum() > 0
    assert (canonical.index == mixed_table.index).all()


def test_a_constant_column_is_left_out_reported_and_put_back(mixed_table):
    prep = TablePreprocessor().fit(mixed_table)
    assert "column 'currency': constant CHF: left out" in prep.report
    assert (prep.inverse_transform(prep.transform(mixed_table))["currency"] == "CHF").all()


def test_a_column_of_missing_values_is_left_out_and_put_back():
    table = pd.DataFrame({"a": [1, 2], "b": [np.nan, np.nan], "c": pd.array([None, None], dtype="string")})
    prep = TablePreprocessor().fit(table)
    assert prep.columns == ("a",)
    pd.testing.assert_frame_equal(prep.inverse_transform(prep.transform(table)), table)


def test_one_value_or_missing_is_kept_as_a_category():
    table = pd.DataFrame({"a": [1, 2, 3], "b": [7.0, np.nan, 7.0]})
    prep = TablePreprocessor().fit(table)
    assert prep.categorical == ("b",)
    pd.testing.assert_frame_equal(prep.inverse_transform(prep.transform(table)), table)


def test_rare_levels_are_pooled_and_drawn_back_by_frequency():
    levels = ["often"] * 60 + ["rare"] * 9 + [f"once {i}" for i in range(31)]
    table = pd.DataFrame({"a": np.arange(100), "b": levels})
    prep = TablePreprocessor(max_levels=3).fit(table)
    canonical = prep.transform(table)
    assert canonical["b"].cat.categories.tolist() == ["often", "rare", OTHER]
    assert "column 'b': 31 rare levels of 33 pooled" in prep.report
    restored = prep.inverse_transform(canonical)["b"]
    assert restored[canonical["b"] == OTHER].str.startswith("once").all()
    assert restored.equals(prep.inverse_transform(canonical)["b"])


def test_an_unseen_level_is_other_where_levels_were_pooled_and_else_missing():
    table = pd.DataFrame({"few": list("abababab"), "many": list("aabcdefg")})
    canonical = (
        TablePreprocessor(max_levels=3).fit(table).transform(pd.DataFrame({"few": ["z"], "many": ["z"]}))
    )
    assert canonical["few"].isna().all()
    assert canonical["many"].tolist() == [OTHER]


def test_dates_are_days_and_come_back_with_their_time_zone():
    dates = pd.date_range("2024-03-30 12:00:01.250", periods=4, freq="9h", tz="Europe/Zurich")
    table = pd.DataFrame({"day": ["1970-01-02", "2013-01-11", None, "1999-12-31"], "moment": dates})
    prep = TablePreprocessor().fit(table)
    canonical = prep.transform(table)
    assert canonical["day"].iloc[0] == 1.0 and prep.categorical == ()
    pd.testing.assert_frame_equal(prep.inverse_transform(canonical), table)


def test_arrow_columns_come_back_as_they_were(mixed_table):
    table = mixed_table.drop(columns="size").convert_dtypes(dtype_backend="pyarrow")
    moments = table["since"].astype("timestamp[us, tz=Europe/Zurich][pyarrow]")
    table = table.assign(moment=moments)
    prep = TablePreprocessor().fit(table)
    assert prep.categorical == ("member", "city")
    pd.testing.assert_frame_equal(prep.inverse_transform(prep.transform(table)), table)


def test_sparse_columns_are_made_dense():
    table = pd.DataFrame({"a": pd.arrays.SparseArray([0, 1, 0, 2])})
    prep = TablePreprocessor().fit(table)
    assert prep.inverse_transform(prep.transform(table))["a"].tolist() == [0, 1, 0, 2]


def test_text_that_only_looks_like_dates_stays_text():
    table = pd.DataFrame({"a": ["2024-02-31", "2024-02-01", "9999-99-99"]})
    assert TablePreprocessor().fit(table).categorical == ("a",)


MOMENTS = {
    "as pandas writes them": ("2024-01-01 00:00:00", "2024-01-01 06:30:15", "2024-01-01 06:30:16"),
    "with a T": ("2024-01-01T00:00:00", "2024-01-01T06:30:15", "2024-01-01T06:30:16"),
    "to the minute": ("2024-01-01 00:00", "2024-01-01 06:30", "2024-01-01 06:31"),
    "tenths": ("2024-01-01 00:00:00.0", "2024-01-01 06:30:15.5", "2024-01-01 06:30:15.6"),
    "milliseconds": ("2024-01-01 00:00:00.000", "2024-01-01 06:30:15.123", "2024-01-01 06:30:15.124"),
    "six digits": ("2024-01-01 00:00:00.000000", "2024-01-01 06:30:15.123000", "2024-01-01 06:30:15.124000"),
    "nine digits": tuple(f"2024-01-01 06:30:15.{i:03}000000" for i in range(3)),
}


@pytest.mark.parametrize("values", MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize("dtype", ["object", "string", "string[pyarrow]"])
def test_text_with_a_time_of_day_is_read_as_days_and_comes_back_in_its_form(values, dtype):
    table = pd.DataFrame({"when": pd.Series([*values, None], dtype=dtype)})
    prep = TablePreprocessor().fit(table)
    canonical = prep.transform(table)
    assert prep.categorical == () and canonical["when"].dtype == "float64"
    expected = pd.Series(pd.to_datetime(list(values))) - pd.Timestamp("1970-01-01")
    assert canonical["when"].iloc[:3].tolist() == pytest.approx(expected / pd.Timedelta("1D"), abs=1e-11)
    pd.testing.assert_frame_equal(prep.inverse_transform(canonical), table)


def test_what_pandas_writes_of_a_datetime_is_no_category(tmp_path):
    moments = pd.date_range("2024-01-01", periods=200, freq="97min")
    pd.DataFrame({"when": moments, "size": range(200)}).to_csv(tmp_path / "t.csv", index=False)
    prep = TablePreprocessor().fit(pd.read_csv(tmp_path / "t.csv"))
    assert prep.categorical == ()
    assert "column 'when': ISO date and time: read as days since 1970" in prep.report


def test_a_drawn_moment_is_rounded_to_the_finest_unit_of_its_column():
    prep = TablePreprocessor().fit(pd.DataFrame({"when": ["1970-01-02 12:00", "1970-01-02", "1970-01-03"]}))
    assert prep.transform(pd.DataFrame({"when": ["1970-01-02"]}))["when"].tolist() == [1.0]
    drawn = prep.inverse_transform(pd.DataFrame({"when": [1.5 + 40 / 86_400, 1.99999, np.nan]}))
    assert drawn["when"].iloc[:2].tolist() == ["1970-01-02 12:01", "1970-01-03 00:00"]
    assert drawn["when"].isna().tolist() == [False, False, True]


def test_later_text_that_is_no_moment_is_missing():
    prep = TablePreprocessor().fit(pd.DataFrame({"when": ["1970-01-02 12:00", "1970-01-03 00:00"]}))
    later = ["1970-01-02T12:00:00", "soon", "1970-01-02 12:00+01:00", "1970-01-32 12:00", None]
    canonical = prep.transform(pd.DataFrame({"when": later}))["when"]
    assert canonical.iloc[0] == 1.5 and canonical.iloc[1:].isna().all()


def test_integers_are_rounded_and_kept_in_range():
    table = pd.DataFrame({"small": np.array([0, 100], dtype="int8"), "big": [0, 2**62]})
    prep = TablePreprocessor().fit(table)
    drawn = pd.DataFrame({"small": [1.6, 900.0], "big": [2.4, 1e300]})
    restored = prep.inverse_transform(drawn)
    assert restored["small"].tolist() == [2, 127] and restored["small"].dtype == "int8"
    assert restored["big"].tolist() == [2, 2**63 - 1] and restored["big"].dtype == "int64"


def test_drawn_missing_values_find_a_type_that_holds_them():
    table = pd.DataFrame({"n": [1, 2], "b": [True, False]})
    prep = TablePreprocessor().fit(table)
    drawn = prep.transform(table)
    drawn.iloc[0] = None
    restored = prep.inverse_transform(drawn)
    assert restored["n"].tolist()[1] == 2.0 and restored["n"].isna().iloc[0]
    assert restored["b"].dtype == "boolean" and restored["b"].isna().iloc[0]


def test_missing_values_are_encoded_from_the_training_rows_only():
    train = pd.DataFrame({"n": [1.0, 2.0, 9.0, np.nan], "c": ["b", "a", None, "a"]})
    prep = TablePreprocessor().fit(train)
    later = pd.DataFrame({"n": [np.nan, 1e300], "c": [None, "a"]})
    matrix = prep.encode(prep.transform(later))
    assert matrix[:, 1].tolist() == [2.0, 0.0]
    assert matrix[0, 0] == 2.0 and np.isfinite(matrix[1, 0])


@pytest.mark.parametrize(
    "values",
    [
        1.7e12 + 1000.0 * np.arange(200),
        pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(200), unit="s"),
        [f"2024-01-01 00:{i // 60:02}:{i % 60:02}" for i in range(200)],
        np.arange(200) * 1e36 + 1e39,
        np.arange(200) * 1e-50,
    ],
    ids=["milliseconds since 1970", "moments", "moments as text", "beyond float32", "below float32"],
)
def test_values_that_float32_cannot_tell_apart_are_centred_and_scaled(values):
    table = pd.DataFrame({"when": values, "size": np.arange(200) * 1.1})
    prep = TablePreprocessor().fit(table)
    canonical = prep.transform(table)
    matrix = prep.encode(canonical)
    assert len(np.unique(matrix[:, 0])) == 200 and (np.diff(matrix[:, 0]) > 0).all()
    assert matrix[[0, -1], 0].tolist() == [-1.0, 1.0]
    assert [line.split(": ")[0] for line in prep.report] == ["column 'when'"]
    assert "of 200 values apart: centred and scaled" in prep.report[0]
    assert (matrix[:, 1] == table["size"].to_numpy(dtype=np.float32)).all()
    pd.testing.assert_frame_equal(prep.inverse_transform(canonical), table)


def test_later_rows_are_centred_as_the_training_rows_are():
    train = pd.DataFrame({"when": [*(1.7e12 + 1000.0 * np.arange(201)), np.nan]})
    prep = TablePreprocessor().fit(train)
    later = prep.transform(pd.DataFrame({"when": [1.7e12 + 400_000.0, 1.7e12 + 100_000.0, np.nan, 1e308]}))
    assert prep.encode(later)[:3, 0].tolist() == [3.0, 0.0, 0.0]
    assert np.isfinite(prep.encode(later)).all()


@pytest.mark.parametrize("values", [np.arange(200) + 1e5, np.random.default_rng(0).lognormal(size=200)])
def test_values_that_float32_tells_apart_are_encoded_as_they_are(values):
    prep = TablePreprocessor().fit(pd.DataFrame({"a": values}))
    matrix = prep.encode(prep.transform(pd.DataFrame({"a": values})))
    assert (matrix[:, 0] == values.astype(np.float32)).all() and prep.report == ()


def test_levels_are_ordered_by_value_and_not_by_their_order_in_the_category():
    column = pd.Categorical(["10", "9", "2"], categories=["10", "2", "9"])
    prep = TablePreprocessor().fit(pd.DataFrame({"a": column}))
    assert prep.transform(pd.DataFrame({"a": column}))["a"].cat.categories.tolist() == ["2", "9", "10"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"a": [1, 1]}), "every column is constant.*a column that varies"),
        (pd.DataFrame({"a": []}), "no rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "several columns are called 'a'"),
        (pd.DataFrame({"a": [1.0, np.inf]}), "column 'a' holds infinite values"),
    ],
    ids=["constant", "no rows", "repeated", "infinite"],
)
def test_a_table_that_cannot_be_fitted_is_refused(table, message):
    with pytest.raises(DataError, match=message):
        TablePreprocessor().fit(table)


def test_rows_that_do_not_fit_the_training_rows_are_refused():
    prep = TablePreprocessor().fit(pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
    with pytest.raises(DataError, match="lacks the columns 'b'"):
        prep.transform(pd.DataFrame({"a": [1]}))
    with pytest.raises(DataError, match="column 'a' held numbers"):
        prep.transform(pd.DataFrame({"a": ["x"], "b": [1]}))
    with pytest.raises(DataError, match="lacks the columns 'a'"):
        prep.encode(pd.DataFrame({"b": [1.0]}))
    with pytest.raises(DataError, match="call fit"):
        TablePreprocessor().transform(pd.DataFrame({"a": [1]}))
    with pytest.raises(DataError, match="at least 2"):
        TablePreprocessor(max_levels=1)


def test_labels_become_codes_and_come_back():
    y = pd.Series(pd.Categorical(["yes", "no", "yes"], categories=["no", "perhaps", "yes"]))
    encoder = TargetEncoder().fit(y)
    codes = encoder.transform(y)
    assert encoder.classes_.tolist() == ["no", "yes"]
    assert codes.tolist() == [1, 0, 1] and codes.dtype == np.int64
    assert encoder.inverse_transform(codes).tolist() == ["yes", "no", "yes"]
    with pytest.raises(DataError, match="'perhaps' are not among the training rows"):
        encoder.transform(pd.Series(["perhaps"]))
