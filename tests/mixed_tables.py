"""A hypothesis strategy for small tables of every kind of column."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
from hypothesis import strategies as st

TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Z")), max_size=6)
LARGE = 2**53
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DATES = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2250, 1, 1)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
VALUES = {
    "int64": st.integers(-LARGE, LARGE),
    "int8": st.integers(-128, 127),
    "uint8": st.integers(0, 255),
    "float64": FLOATS,
    "float32": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "object": TEXT,
    "string": TEXT,
    "boolean": st.booleans(),
    "Int64": st.integers(-LARGE, LARGE),
    "Float64": FLOATS,
    "category": st.sampled_from(["a", "b", "c", "__other__", ""]),
    "datetime64[ns]": DATES,
    "datetime64[ns, Europe/Zurich]": DATES,
    "iso date": st.dates(datetime.date(1700, 1, 1), datetime.date(2250, 1, 1)).map(str),
    "iso time": DATES.map(lambda moment: moment.isoformat(sep=" ", timespec="milliseconds")),
    "number category": st.integers(0, 5),
}
WITHOUT_MISSING = ("int64", "int8", "uint8", "bool")


@st.composite
def columns(draw: st.DrawFn, n_rows: int) -> pd.Series:
    """One column: any type, perhaps missing values, perhaps constant."""
    kind = draw(st.sampled_from(sorted(VALUES)))
    element = VALUES[kind]
    if draw(st.integers(0, 5)) == 0:
        element = st.just(draw(element))
    if kind not in WITHOUT_MISSING and draw(st.booleans()):
        element = st.one_of(st.none(), element)
    values = draw(st.lists(element, min_size=n_rows, max_size=n_rows))
    if kind == "datetime64[ns, Europe/Zurich]":
        return pd.Series(pd.to_datetime(values, utc=True)).astype(kind)
    dtype = {"iso date": "object", "iso time": "object", "number category": "category"}.get(kind, kind)
    return pd.Series(values, dtype=dtype)


@st.composite
def mixed_tables(draw: st.DrawFn, max_rows: int = 40, max_columns: int = 6) -> pd.DataFrame:
    """A table with at least one column that varies."""
    n_rows = draw(st.integers(2, max_rows))
    drawn = draw(st.lists(columns(n_rows), min_size=1, max_size=max_columns))
    table = pd.DataFrame({f"column {i}": column for i, column in enumerate(drawn)})
    return table.assign(anchor=np.arange(n_rows)).set_axis(np.arange(n_rows) * 2 + 5)
