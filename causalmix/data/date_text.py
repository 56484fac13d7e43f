"""Dates that a table holds as text, in the forms of ISO 8601 that pandas writes: by day, minute or finer."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd
from pandas.api import types

ISO_DATE = "%Y-%m-%d"
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?")
_UNITS = {10: "D", 16: "min", 19: "s", 21: "100ms", 22: "10ms"}  # by length; longer ones hold milliseconds


@dataclass(frozen=True)
class DateText:
    """How a column writes its dates.

    Attributes
    ----------
    separator
        Between the date and the time of day: " " or "T", "" where no value has a time of day.
    length
        Characters of the finest value: 10 for days, 16 for minutes, 19 for seconds, more for fractions.

    Examples
    --------
    >>> moments = pd.Series(["2024-03-01 07:30", "2024-03-01 19:45"])
    >>> form = find_date_text(moments)
    >>> form
    DateText(separator=' ', length=16)
    >>> form.write(form.read(moments) + pd.Timedelta("40s")).tolist()
    ['2024-03-01 07:31', '2024-03-01 19:46']
    """

    separator: str
    length: int

    def read(self, column: pd.Series) -> pd.Series:
        """Dates without a time zone; NaT for what is no date of this kind."""
        if not self.separator:
            return pd.to_datetime(column, format=ISO_DATE, errors="coerce")
        text = column.astype(object)
        known = text.map(lambda value: isinstance(value, str) and _ISO.fullmatch(value) is not None)
        return pd.to_datetime(text.where(known.astype(bool)), format="ISO8601", errors="coerce")

    def write(self, dates: pd.Series) -> pd.Series:
        """Text of object dtype, rounded to the finest unit that the column has; milliseconds at most."""
        rounded = dates.dt.round(_UNITS.get(self.length, "ms")).dt
        if not self.separator:
            return rounded.strftime(ISO_DATE).astype(object)
        times = {16: "%H:%M", 19: "%H:%M:%S"}
        written = rounded.strftime(f"{ISO_DATE}{self.separator}{times.get(self.length, '%H:%M:%S.%f')}")
        if self.length in times:
            return written.astype(object)
        surplus = 26 - self.length  # %f has six digits
        return (written.str.slice(stop=-surplus) if surplus > 0 else written + "0" * -surplus).astype(object)


def find_date_text(present: pd.Series) -> DateText | None:
    """How a column without missing values writes its dates; None where not every value is one."""
    if isinstance(present.dtype, pd.CategoricalDtype) or types.infer_dtype(present) != "string":
        return None
    text = present.astype(object)
    if not all(_ISO.fullmatch(value) for value in text):
        return None
    finest = max(text, key=len)
    form = DateText(finest[10:11], len(finest))
    return form if bool(form.read(text).notna().all()) else None
