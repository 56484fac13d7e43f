"""Columns of a user's table that may not be what they look like."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from pandas.api import types

from causalmix.data.date_text import DateText, find_date_text

_LOOKS_LIKE_A_DATE = (
    r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4}|\d{1,2}/\d{1,2}/\d{2})(?:\D.*)?"
)


def note_columns(X: pd.DataFrame, declared: Collection[str] = ()) -> tuple[str, ...]:
    """Say which columns look like row numbers, dates or numbers, and what to do if they are.

    Parameters
    ----------
    X
        (n_rows, n_features) raw frame.
    declared
        Columns that the user declared to be categories: there is nothing to say about them.

    Examples
    --------
    >>> note_columns(pd.DataFrame({"age": ["31", "?", "45"]}))[0].split(";")[0]
    "column 'age': held as text because of '?', though 2 of 3 values are numbers"
    """
    words = [(name, _note(column)) for name, column in X.items() if name not in declared]
    return tuple(f"column {name!r}: {word}" for name, word in words if word)


def note_labels(y: pd.Series) -> tuple[str, ...]:
    """Say which labels differ only by the blanks around them, and what to do if they are one class.

    Parameters
    ----------
    y
        (n_rows,) raw labels of a named target.

    Examples
    --------
    >>> note_labels(pd.Series(["yes", "no", " yes"], name="answer"))[0].split(";")[0]
    "target 'answer': ' yes', 'yes' differ only by the blanks around them but count as several classes"
    """
    labels = sorted({label for label in y.dropna().unique() if isinstance(label, str)})
    groups: dict[str, list[str]] = {}
    for label in labels:
        groups.setdefault(label.strip(), []).append(label)
    return tuple(
        f"target {y.name!r}: {', '.join(map(repr, alike))} differ only by the blanks around them but count "
        "as several classes; if they are one class, remove the blanks"
        for alike in groups.values()
        if len(alike) > 1
    )


def _note(column: pd.Series) -> str:
    if types.is_integer_dtype(column.dtype):
        return _note_row_number(column)
    present = column.dropna()
    is_text = column.dtype == object or isinstance(column.dtype, pd.StringDtype)
    if not is_text or present.empty or types.infer_dtype(present) != "string":
        return ""
    text = present.astype(object)
    return _note_dates(text) or _note_numbers(text)


def _note_row_number(column: pd.Series) -> str:
    values = column.to_numpy(dtype=float, na_value=np.nan)
    if len(values) < 2 or not (np.diff(values) == 1).all():
        return ""
    return (
        f"it runs from {values[0]:.0f} to {values[-1]:.0f} in the order of the rows; if it numbers them, "
        "drop it: where rows are sorted by class it gives the class away"
    )


def _note_dates(text: pd.Series) -> str:
    """A word where most values look like dates but the column cannot be read as dates."""
    looks = text.str.fullmatch(_LOOKS_LIKE_A_DATE)
    if 2 * looks.sum() <= len(text) or find_date_text(text) is not None:
        return ""
    unread = text[DateText(" ", 19).read(text).isna()].iloc[0]
    return (
        f"held as text because of {unread!r}, though {looks.sum():,} of {len(text):,} values look like "
        "dates; if it is a date, write 2024-03-01 or 2024-03-01 07:30:15, without a time zone and of the "
        "years 1678 to 2261, and leave missing ones empty"
    )


def _note_numbers(text: pd.Series) -> str:
    """A word where most values are numbers, perhaps with thousands commas, but not all are plain ones."""
    plain = pd.to_numeric(text, errors="coerce").notna()
    numbers = pd.to_numeric(text.str.replace(",", ""), errors="coerce").notna()
    if 2 * numbers.sum() <= len(text) or plain.all():
        return ""
    return (
        f"held as text because of {text[~plain].iloc[0]!r}, though {numbers.sum():,} of {len(text):,} values "
        "are numbers; if it is a number, write it with a decimal point and without thousands commas, and "
        "leave missing ones empty"
    )
