"""The one gate through which every table enters: what a `Dataset` is, and what is turned away."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from causalmix.causal.schema import MISSING

MAX_CLASSES = 10  # outputs of the foundation models (Mitra and ours)
MIN_ROWS = 20  # ours: two rows for each of ten folds

_CURES_OF_A_TYPE = {
    "bytes": "decode it to text",
    "timedelta": "turn it into a number, e.g. seconds with .dt.total_seconds()",
    "timedelta64": "turn it into a number, e.g. seconds with .dt.total_seconds()",
    "period": "turn it into dates with .dt.to_timestamp()",
    "complex": "split it into two real columns",
}


class DataError(ValueError):
    """A table that cannot be used; the message names the column or file and the cure."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A classification table that has passed the gate.

    Attributes
    ----------
    name
        Name within its suite, or the stem of the user's file.
    X
        (n_rows, n_features) frame; every column is numeric, boolean, text, categorical or a date.
    y
        (n_rows,) labels, category dtype with text levels, no missing values, 2 to 10 classes.
    categorical
        Names of the columns that are not numbers or dates.
    fingerprint
        16 hex characters of a sha256 over names, types and values of X and y.
    notes
        What a reader of a result on this table has to know, e.g. that rows are missing.
    """

    name: str
    X: pd.DataFrame
    y: pd.Series
    categorical: tuple[str, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()


def make_dataset(
    name: str,
    X: pd.DataFrame | np.ndarray,
    y: pd.Series | np.ndarray | Sequence[Any] | None,
    categorical: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> Dataset:
    """Validate a table once and for all.

    Parameters
    ----------
    name
        What the table is called; splits are derived from it.
    X
        (n_rows, n_features) features. It is copied, never changed.
    y
        (n_rows,) labels, matched to X by position.
    categorical
        Columns that are categories although they look like numbers; they become category dtype.
    notes
        Kept in `Dataset.notes`.

    Raises
    ------
    DataError
        Naming the column and the cure: no target, missing or single-class target, more than 10 classes,
        fewer than 20 rows, no features, duplicate column names, infinities, a column of missing values
        only, a column of several types or time zones, the reserved level "__missing__".

    Examples
    --------
    >>> table = pd.DataFrame({"age": range(40), "city": ["A", "B"] * 20})
    >>> make_dataset("people", table, [0, 1] * 20).categorical
    ('city',)
    """
    frame = X.copy() if isinstance(X, pd.DataFrame) else pd.DataFrame(X).add_prefix("x")
    frame.columns = [str(column) for column in frame.columns]
    _check_shape(name, frame, y)
    labels = _check_target(name, frame, y)
    for column in categorical or ():
        if column not in frame:
            raise DataError(
                f"table {name!r}: the categorical column {column!r} is not in the table; "
                f"its columns are {', '.join(frame.columns)}"
            )
        frame[column] = frame[column].astype("category")
    for column in frame.columns:
        frame[column] = check_column(f"table {name!r}", frame[column])
    kinds = tuple(str(column) for column in frame if not (is_number(frame[column]) or is_date(frame[column])))
    return Dataset(name, frame, labels, kinds, fingerprint(frame, labels), tuple(notes))


def fingerprint(X: pd.DataFrame, y: pd.Series) -> str:
    """16 hex characters that change with any name, type or value, and the order of ordered categories."""
    digest = hashlib.sha256()
    for column in [*(X[name] for name in X), y]:
        digest.update(f"{column.name}\0{column.dtype.name}\0".encode())
        if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
            digest.update("\0".join(map(str, column.cat.categories)).encode())
        digest.update(pd.util.hash_pandas_object(column, index=False).to_numpy().astype("<u8").tobytes())
    return digest.hexdigest()[:16]


def is_number(column: pd.Series) -> bool:
    """Whether a column holds integers or floats."""
    return types.is_numeric_dtype(column) and not types.is_bool_dtype(column)


def is_date(column: pd.Series) -> bool:
    """Whether a column holds dates, be it pandas' own or Arrow's."""
    return getattr(column.dtype, "kind", "") == "M"


def _check_shape(name: str, X: pd.DataFrame, y: Any) -> None:
    if y is None:
        raise DataError(f"table {name!r} has no target: name the column to predict, e.g. --target income")
    if X.shape[1] == 0:
        raise DataError(f"table {name!r} has no features: give at least one column besides the target")
    repeated = X.columns[X.columns.duplicated()].unique()
    if len(repeated):
        raise DataError(
            f"table {name!r}: several columns are called {', '.join(map(repr, repeated))}; rename them"
        )
    if np.ndim(y) != 1:
        raise DataError(
            f"table {name!r}: the target has shape {np.shape(y)}; give one column of labels, e.g. y[:, 0]"
        )
    if len(X) != len(y):
        raise DataError(
            f"table {name!r}: {len(X)} rows of features but {len(y)} labels; give one label per row"
        )
    if len(X) < MIN_ROWS:
        raise DataError(f"table {name!r} has {len(X)} rows; at least {MIN_ROWS} are needed, add rows")


def _check_target(name: str, X: pd.DataFrame, y: Any) -> pd.Series:
    """Labels as text categories in a stable order."""
    target = str(getattr(y, "name", None) or "target")
    if target in X:
        raise DataError(
            f"table {name!r}: {target!r} is both the target and a feature; drop or rename the feature"
        )
    values = y.array if isinstance(y, pd.Series) else y
    series = pd.Series(values, index=X.index, name=target)
    if series.isna().any():
        raise DataError(
            f"table {name!r}: the target {target!r} is missing in {int(series.isna().sum()):,} of "
            f"{len(series):,} rows; drop these rows or fill in their labels"
        )
    kinds = series.cat.categories if isinstance(series.dtype, pd.CategoricalDtype) else series
    if types.infer_dtype(kinds).startswith("mixed") and types.infer_dtype(kinds) != "mixed-integer-float":
        raise DataError(
            f"table {name!r}: the target {target!r} holds labels of several types "
            f"({_examples(kinds)}); turn them all into text"
        )
    if any(isinstance(value, float | np.floating) and math.isinf(value) for value in pd.unique(kinds)):
        raise DataError(f"table {name!r}: the target {target!r} holds infinite values; drop these rows")
    text = _refuse_reserved_level(f"table {name!r}, target {target!r}", series.astype(object).map(_label))
    classes = sorted(text.unique(), key=order_labels)
    if len(classes) < 2:
        raise DataError(
            f"table {name!r}: the target {target!r} has one class only ({classes[0]!r}); "
            "give rows of at least two classes, or choose another target"
        )
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"table {name!r}: the target {target!r} has {len(classes):,} classes, the models tell at "
            f"most {MAX_CLASSES} apart; merge rare classes, or put a numeric target into bins"
        )
    return text.astype(pd.CategoricalDtype(classes))


def _label(value: Any) -> str:
    """A label as text; 1.0 reads as 1."""
    return str(int(value)) if isinstance(value, float | np.floating) and value == int(value) else str(value)


def order_labels(text: str) -> tuple[float, str]:
    """Sorting key: numbers by value, then text by alphabet."""
    try:
        number = float(text)
    except ValueError:
        number = math.inf
    return (number if math.isfinite(number) else math.inf, text)


def check_column(table: str, column: pd.Series) -> pd.Series:
    """Return the column with a type that the rest of the house knows.

    Parameters
    ----------
    table
        What messages call the table.
    column
        One feature; not changed.

    Raises
    ------
    DataError
        Naming the column and the cure: infinities, missing values only, several types or time zones, an
        unknown type, or the reserved level "__missing__".

    Examples
    --------
    >>> check_column("X", pd.Series([1, 2.5], dtype=object)).dtype
    dtype('float64')
    """
    where = f"{table}, column {column.name!r}"
    if column.isna().all():
        raise DataError(f"{where}: all values are missing; drop the column")
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _check_levels(where, column)
    if isinstance(column.dtype, pd.SparseDtype):
        column = column.astype(column.dtype.subtype)
    kind = types.infer_dtype(column, skipna=True)
    if kind in _CURES_OF_A_TYPE:
        raise DataError(f"{where}: values of type {kind} are not supported; {_CURES_OF_A_TYPE[kind]}")
    if column.dtype == object:
        column = _settle_objects(where, column, kind)
    if is_number(column):
        infinite = np.isinf(column.to_numpy(dtype=float, na_value=np.nan))
        if infinite.any():
            raise DataError(
                f"{where}: {int(infinite.sum()):,} values are infinite; replace them by a number or by "
                "a missing value, e.g. X.replace([np.inf, -np.inf], np.nan)"
            )
    return column if is_number(column) or is_date(column) else _refuse_reserved_level(where, column)


def _settle_objects(where: str, column: pd.Series, kind: str) -> pd.Series:
    """Give an object column of one Python type its proper dtype."""
    if kind in ("string", "boolean"):
        return column
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return pd.to_numeric(column)
    if kind in ("date", "datetime", "datetime64"):
        try:
            return pd.to_datetime(column)
        except (pd.errors.OutOfBoundsDatetime, OverflowError) as error:
            raise DataError(
                f"{where}: holds a date that is out of bounds ({error}); correct it, make it missing, or "
                "turn the column into a number, e.g. the year"
            ) from error
        except ValueError as error:
            raise DataError(
                f"{where}: holds several time zones; use one: pd.to_datetime(X[{column.name!r}], utc=True)"
            ) from error
    raise DataError(
        f"{where}: holds values of several types ({_examples(column)}); turn them all into one type, "
        f"e.g. X[{column.name!r}] = X[{column.name!r}].astype(str)"
    )


def _check_levels(where: str, column: pd.Series) -> pd.Series:
    levels = column.cat.categories
    if types.infer_dtype(levels).startswith("mixed") and types.infer_dtype(levels) != "mixed-integer-float":
        raise DataError(
            f"{where}: its categories are of several types ({_examples(levels)}); turn them all into "
            "text, e.g. with .astype(str).astype('category')"
        )
    return _refuse_reserved_level(where, column)


def _refuse_reserved_level(where: str, values: pd.Series) -> pd.Series:
    if (values == MISSING).any():
        raise DataError(
            f"{where}: the level {MISSING!r} is reserved for missing values; rename it, or make it missing"
        )
    return values


def _examples(values: Any) -> str:
    """One value per Python type, for a message."""
    seen: dict[str, Any] = {}
    for value in pd.Series(values).dropna().astype(object):
        seen.setdefault(type(value).__name__, value)
    return ", ".join(f"{kind} {value!r}" for kind, value in list(seen.items())[:3])
