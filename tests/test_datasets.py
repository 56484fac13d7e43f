from __future__ import annotations

import datetime
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from causalmix.causal.schema import MISSING
from causalmix.data import DataError, load_dataset, load_table, make_dataset
from causalmix.data.datasets import SUITES
from causalmix.data.gate import MAX_CLASSES, MIN_ROWS, fingerprint

N = 40
Y = ["no", "yes"] * (N // 2)


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"age": np.arange(N), **columns})


def test_a_mixed_table_passes_and_is_not_changed(mixed_table, labels):
    before = mixed_table.copy(deep=True)
    ds = make_dataset("people", mixed_table, labels)
    pd.testing.assert_frame_equal(mixed_table, before)
    assert ds.X is not mixed_table
    assert ds.categorical == ("member", "city", "size", "currency")
    assert ds.y.cat.categories.tolist() == ["no", "perhaps", "yes"]
    assert ds.y.name == "answer" and (ds.y.index == ds.X.index).all()


BAD_TABLES = {
    "no target": (frame(), None, "no target"),
    "missing labels": (frame(), [None, *Y[1:]], "missing in 1 of 40 rows"),
    "one class": (frame(), ["yes"] * N, "one class only"),
    "too many classes": (frame(), np.arange(N), f"40 classes.*{MAX_CLASSES}.*merge"),
    "labels of several types": (frame(), [1, "a"] * (N // 2), "several types"),
    "infinite labels": (frame(), [1.0, np.inf] * (N // 2), "infinite"),
    "infinite labels among objects": (frame(), pd.Series([1.0, np.inf] * (N // 2), dtype=object), "infinite"),
    "labels in a column": (frame(), np.array(Y)[:, None], r"shape \(40, 1\); give one column"),
    "a date of the year 1": (frame(since=[datetime.date(1, 1, 1)] * N), Y, "'since': .*out of bounds"),
    "too few rows": (frame()[: MIN_ROWS - 1], Y[: MIN_ROWS - 1], f"19 rows; at least {MIN_ROWS}"),
    "no rows": (frame()[:0], [], "0 rows"),
    "no features": (pd.DataFrame(index=range(N)), Y, "no features"),
    "row counts differ": (frame(), Y[1:], "40 rows of features but 39 labels"),
    "all missing": (frame(weight=np.nan), Y, "'weight'.*all values are missing; drop"),
    "infinities": (frame(weight=[np.inf] + [1.0] * (N - 1)), Y, "'weight': 1 values are infinite.*replace"),
    "mixed types": (frame(code=[3, "abc"] * (N // 2)), Y, r"'code'.*several types \(int 3, str 'abc'\)"),
    "mixed categories": (frame(code=pd.Categorical([3, "abc"] * (N // 2))), Y, "'code'.*several types"),
    "bytes": (frame(code=[b"a", b"b"] * (N // 2)), Y, "'code'.*bytes.*decode"),
    "durations": (frame(wait=pd.to_timedelta(range(N), unit="s")), Y, "'wait'.*seconds"),
    "repeated names": (pd.concat([frame(), frame()], axis=1), Y, "several columns are called 'age'; rename"),
    "several time zones": (
        frame(
            when=pd.Series([pd.Timestamp("2020", tz=zone) for zone in ("UTC", "Europe/Zurich")] * (N // 2))
        ),
        Y,
        r"'when': holds several time zones.*utc=True",
    ),
    "dates with and without a time zone": (
        frame(when=pd.Series([pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC")] * (N // 2))),
        Y,
        "'when': holds several time zones",
    ),
    "the level of missing values": (frame(town=["A", MISSING] * (N // 2)), Y, f"'town'.*'{MISSING}'.*rename"),
    "the level of missing values among categories": (
        frame(town=pd.Categorical(["A", MISSING] * (N // 2))),
        Y,
        f"'town'.*'{MISSING}'.*rename",
    ),
    "the level of missing values as a label": (frame(), ["no", MISSING] * (N // 2), f"'target'.*'{MISSING}'"),
    "target among features": (frame(answer=1), pd.Series(Y, name="answer"), "'answer' is both"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_gets_an_error_that_names_the_fault_and_the_cure(case):
    X, y, message = BAD_TABLES[case]
    with pytest.raises(DataError, match=message):
        make_dataset("people", X, y)


def test_an_unknown_categorical_column_is_refused():
    with pytest.raises(DataError, match=r"'cty'.*its columns are age"):
        make_dataset("people", frame(), Y, categorical=["cty"])


def test_columns_declared_categorical_become_categories():
    ds = make_dataset("people", frame(zone=[1, 2] * (N // 2)), Y, categorical=["zone"])
    assert ds.categorical == ("zone",)
    assert ds.X["zone"].dtype == "category"


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, None], "float64"),
        ([Decimal("1.5"), Decimal("2")], "float64"),
        ([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)], "datetime64[ns]"),
        ([True, None], "object"),
    ],
    ids=["integers", "decimals", "dates", "booleans"],
)
def test_objects_of_one_python_type_get_their_proper_type(values, dtype):
    column = pd.Series(values * (N // 2), dtype=object)
    assert make_dataset("people", frame(extra=column), Y).X["extra"].dtype == dtype


def test_an_array_gets_column_names():
    assert list(make_dataset("array", np.random.default_rng(0).normal(size=(N, 2)), Y).X) == ["x0", "x1"]


@pytest.mark.parametrize("labels", [[0, 1], [0.0, 1.0], ["0", "1"], pd.Categorical([0, 1])])
def test_labels_read_the_same_whatever_their_type(labels):
    y = pd.Series(labels).repeat(N // 2)
    assert make_dataset("people", frame(), y).y.cat.categories.tolist() == ["0", "1"]


def test_numeric_labels_are_ordered_by_value():
    y = [10, 9, 2, 1] * (N // 4)
    assert make_dataset("people", frame(), y).y.cat.categories.tolist() == ["1", "2", "9", "10"]


def test_the_fingerprint_changes_with_names_types_and_values_only():
    X, y = frame(city=pd.Categorical(["A", "B"] * (N // 2))), pd.Series(Y, name="answer")
    same = X.assign(city=X["city"].cat.reorder_categories(["B", "A"]))
    others = [
        X.rename(columns={"age": "years"}),
        X.astype({"age": float}),
        X.assign(age=X["age"] + (X["age"] == 3)),
    ]
    assert fingerprint(same, y) == fingerprint(X, y)
    assert len({fingerprint(other, y) for other in [X, *others]}) == 4
    assert fingerprint(X, pd.Series(Y[::-1], name="answer")) != fingerprint(X, y)
    assert len(fingerprint(X, y)) == 16


def test_the_fingerprint_changes_with_the_order_of_ordered_categories():
    def table(levels: list[str], values: list[str], ordered: bool = True) -> pd.DataFrame:
        return frame(dose=pd.Categorical(values * (N // 2), categories=levels, ordered=ordered))

    y, values = pd.Series(Y), ["low", "high"]
    tables = [table(levels, values) for levels in (["low", "high"], ["high", "low"])]
    assert fingerprint(tables[0], y) == fingerprint(table(["low", "high"], values), y)
    assert len({fingerprint(X, y) for X in [*tables, table(["low", "high"], values, ordered=False)]}) == 3


def test_the_fingerprint_of_a_table_without_ordered_categories_never_changes():
    X = frame(city=pd.Categorical(["A", "B"] * (N // 2)))
    assert fingerprint(X, pd.Series(Y, name="answer")) == "804e708099125093"


@pytest.mark.parametrize("name", SUITES["bundled"].datasets)
def test_each_bundled_table_loads(name):
    ds = load_dataset(name)
    assert ds.name == name and len(ds.X) == len(ds.y) >= 150
    assert ds.fingerprint == load_dataset(name, suite="bundled").fingerprint


def test_an_unknown_dataset_or_suite_gets_a_suggestion():
    with pytest.raises(DataError, match="did you mean 'wine'"):
        load_dataset("wines")
    with pytest.raises(DataError, match="no suite 'bundles'; choose one of bundled, tabarena33"):
        load_dataset("wine", suite="bundles")
    with pytest.raises(DataError, match="no dataset 'wine' in tabarena33"):
        load_dataset("wine", suite="tabarena33")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_users_own_file_is_read(tmp_path, ending):
    table = frame(city=["A", "B"] * (N // 2), answer=Y)
    path = tmp_path / f"people.{ending}"
    table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    ds = load_table(path, target="answer")
    assert ds.name == "people" and list(ds.X) == ["age", "city"] and ds.categorical == ("city",)


def test_a_wrong_target_names_the_nearest_column(tmp_path):
    frame(answer=Y).to_csv(tmp_path / "people.csv", index=False)
    with pytest.raises(DataError, match=r"no target column 'anwser' \(did you mean 'answer'\?\)"):
        load_table(tmp_path / "people.csv", target="anwser")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("absent.csv", None, "absent.csv does not exist"),
        ("people.xlsx", "x", "neither .csv nor .parquet"),
        ("broken.parquet", "not a table", "broken.parquet cannot be read"),
        ("empty.csv", "", "empty.csv cannot be read"),
        ("blank lines.csv", "\n \nage,age,answer\n" + "1,2,no\n3,4,yes\n" * 20, "columns are called 'age'"),
        ("semicolons.csv", "age;size;answer\n" + "1;2,5;no\n3;4,5;yes\n" * 20, r"by semicolons.*sep=';'"),
        ("tabs.csv", "age\tanswer\n" + "1\tno\n3\tyes\n" * 20, r"separated by tabs.*sep='\\t'"),
        ("commas.csv", "age,size,answer\n" + "1,2,no,\n3,4,yes,\n" * 20, "rows end in an extra comma"),
        ("names.csv", "age,answer\n" + "Ann,1,no\nBob,3,yes\n" * 20, "first row begins with 'Ann'; give"),
        ("index.csv", ",age,answer\n" + "0,1,no\n1,3,yes\n" * 20, "first column has no name.*index=False"),
        ("r.csv", '"","age","answer"\n' + '"1",1,"no"\n"2",3,"yes"\n' * 20, "looks like a row number"),
        (
            "labels.csv",
            "age,answer\n" + "1,None\n2,NA\n3,None\n4,some\n5,\n" * 20,
            r"'answer' holds 'None' in 40 rows, 'NA' in 20 rows, which is read as missing.*Parquet",
        ),
        ("gaps.csv", "age,answer\n" + "1,no\n2,yes\n3,\n" * 20, "missing in 20 of 60 rows; drop these rows"),
        (
            "cut.csv",
            "age,size,answer\n" + "1,2,no\n3,4,yes\n" * 20 + "5,6",
            "line 42: 2 fields.*complete",
        ),
        (
            "break.csv",
            'town,size,answer\n"A\n\nB",2,no\n' + "A,1,no\nB,3,yes\n" * 20 + "A\nB,3,yes\n",
            "line 45: 1 fields, but the header has 3; .* in double quotes",
        ),
        ("quote.csv", 'town,answer\n"A,no\n' + "B,yes\n" * 30_000 + '"', "quote.csv cannot be read .*field"),
        ("twice.csv", "age,age,answer\n" + "1,2,no\n3,4,yes\n" * 20, "several columns are called 'age'"),
    ],
)
def test_a_bad_file_is_named(tmp_path, file, content, message):
    if content is not None:
        (tmp_path / file).write_text(content)
    with pytest.raises(DataError, match=message):
        load_table(tmp_path / file, target="answer")


def test_blank_lines_and_quoted_line_breaks_of_a_csv_are_no_short_rows(tmp_path):
    content = "town,answer\r\n\r\n" + '"A\r\n\r\nB",no\r\n  \r\n"C, D",yes\r\n' * 20 + "\r\n"
    (tmp_path / "people.csv").write_bytes(content.encode())
    ds = load_table(tmp_path / "people.csv", "answer")
    assert len(ds.X) == 40 and set(ds.X["town"]) == {"A\r\n\r\nB", "C, D"}


@pytest.mark.parametrize("name", ["code", "answer"])
def test_a_named_index_of_a_parquet_file_is_refused_as_it_would_be_lost(tmp_path, name):
    table = frame(code=["a", "b"] * (N // 2), answer=Y)
    table.set_index(name).to_parquet(tmp_path / "people.parquet")
    with pytest.raises(DataError, match=rf"'{name}' is the table's index, not a column.*reset_index\(\)"):
        load_table(tmp_path / "people.parquet", "answer")


def test_an_index_without_a_name_is_no_fault(tmp_path):
    frame(answer=Y)[::-1].to_parquet(tmp_path / "people.parquet")
    assert list(load_table(tmp_path / "people.parquet", "answer").X) == ["age"]


def test_labels_that_differ_only_by_blanks_around_them_are_noted(tmp_path):
    table = pd.DataFrame({"size": [3, 1] * (N // 2), "answer": ["no", "yes", " yes", "maybe"] * (N // 4)})
    table.to_csv(tmp_path / "people.csv", index=False)
    ds = load_table(tmp_path / "people.csv", "answer")
    (note,) = ds.notes
    assert "target 'answer': ' yes', 'yes' differ only by the blanks around them" in note
    assert ds.y.cat.categories.tolist() == [" yes", "maybe", "no", "yes"]


def test_a_class_called_none_is_kept_in_parquet(tmp_path):
    frame(answer=["None", "some"] * (N // 2)).to_parquet(tmp_path / "people.parquet")
    assert load_table(tmp_path / "people.parquet", "answer").y.cat.categories.tolist() == ["None", "some"]


def test_the_index_that_pandas_wrote_twice_is_refused(tmp_path):
    path = tmp_path / "people.csv"
    frame(answer=Y).to_csv(path)
    pd.read_csv(path).to_csv(path)
    with pytest.raises(DataError, match=r"pandas calls it 'Unnamed: 0.1'"):
        load_table(path, target="answer")


def test_the_types_of_a_column_do_not_hang_on_the_size_of_its_file(tmp_path):
    """pandas reads a long file in parts, and numbers and text of one column in different types."""
    n = 600_000
    table = pd.DataFrame({"code": ["A1"] + ["17"] * (n - 1), "answer": Y[:2] * (n // 2)})
    table.to_csv(tmp_path / "people.csv", index=False)
    ds = load_table(tmp_path / "people.csv", target="answer")
    assert ds.categorical == ("code",) and ds.X["code"].nunique() == 2


DOUBTFUL = {
    "row number": (np.arange(N) + 7, "it runs from 7 to 46 in the order of the rows.*drop it"),
    "question marks": (
        ["?", "1.5", "2", "-3"] * (N // 4),
        r"because of '\?', though 30 of 40 values are num",
    ),
    "thousands": (["1,200", "1,300.5", "200"] * 13 + ["1"], "because of '1,200', though 40 of 40.*commas"),
    "dates": (["01/05/2023", "01/06/2023"] * (N // 2), "'01/05/2023', though 40 of 40.*write 2024-03-01"),
    "dotted dates": (["1.5.2023", "2.5.2023 10:00"] * (N // 2), "'1.5.2023', though 40 of 40.*look like d"),
    "time zones": (["2024-01-01 10:00+02:00", "2024-01-02 10:00Z"] * (N // 2), "without a time zone"),
    "far future": (["2024-01-01", "9999-12-31"] * (N // 2), "'9999-12-31'.*of the years 1678 to 2261"),
    "gaps": (["2024-01-01", "2024-01-02 10:00", "unknown"] * 13 + [None], "'unknown', though 26 of 39"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_a_doubtful_column_of_a_users_table_is_noted_with_what_to_do(tmp_path, case):
    values, message = DOUBTFUL[case]
    frame(doubtful=values, answer=Y).drop(columns="age").to_csv(tmp_path / "people.csv", index=False)
    (note,) = load_table(tmp_path / "people.csv", target="answer").notes
    assert note.startswith("column 'doubtful': ") and re.search(message, note)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(N)[::-1],
        np.arange(N) * 2,
        np.arange(N) + 0.5,
        ["v1.2.3", "v1.10.3"] * (N // 2),
        ["1.2.3", "10.20.30"] * (N // 2),
        ["2024-01-01", "2024-01-02 10:00"] * (N // 2),
        ["7", "x", "y", "z"] * (N // 4),
        [True, False] * (N // 2),
    ],
    ids=["falling", "even", "halves", "versions", "dotted versions", "dates", "text", "truth values"],
)
def test_a_column_that_is_what_it_looks_like_is_not_noted(tmp_path, values):
    frame(plain=values, answer=Y).drop(columns="age").to_csv(tmp_path / "people.csv", index=False)
    assert load_table(tmp_path / "people.csv", target="answer").notes == ()


def test_nothing_is_noted_of_numbers_written_as_text_or_columns_declared_categorical(tmp_path):
    path = tmp_path / "people.parquet"
    table = frame(zone=["1", "2"] * (N // 2), code=["1", "?"] * (N // 2), answer=Y)
    table.assign(part=table["zone"].astype("category")).to_parquet(path)
    ds = load_table(path, target="answer", categorical=("code", "age"))
    assert ds.notes == () and ds.categorical == ("age", "zone", "code", "part")
