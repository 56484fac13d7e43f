"""How one column is turned into its canonical form and back: numbers, dates, categories, constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from causalmix.data.date_text import DateText, find_date_text
from causalmix.data.gate import DataError, is_date, is_number, order_labels
from causalmix.seeding import derive_seed

OTHER = "__other__"
MS_PER_DAY = 86_400_000


@dataclass(frozen=True)
class NumberColumn:
    """Integers and floats as float64; integers above 2**53 lose digits."""

    source: Any
    dtype: Any

    def encode(self, column: pd.Series) -> pd.Series:
        """Canonical float64 values, NaN where missing."""
        try:
            values = pd.to_numeric(column).to_numpy(dtype="float64", na_value=np.nan)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"column {self.source!r} held numbers in the training rows, now it does not ({error}); "
                "give it the same type"
            ) from error
        if np.isinf(values).any():
            raise DataError(f"column {self.source!r} holds infinite values; replace them by missing values")
        return pd.Series(values, index=column.index)

    def decode(self, column: pd.Series) -> pd.Series:
        """Back to the column's dtype; integers are rounded and kept within their type's range."""
        if not types.is_integer_dtype(self.dtype):
            return column.astype(self.dtype)
        limits = np.iinfo(getattr(self.dtype, "numpy_dtype", self.dtype))
        rounded = column.round().clip(limits.min, limits.max)
        if isinstance(self.dtype, np.dtype) and column.isna().any():
            return rounded
        top = rounded >= float(limits.max)  # float(2**63 - 1) is 2**63, which would overflow
        whole = rounded.mask(top, 0.0).astype(self.dtype)
        return whole.mask(top, limits.max) if top.any() else whole


@dataclass(frozen=True)
class DateColumn:
    """Dates as float days since 1970, exact to the millisecond; `text` says how a text column writes them."""

    source: Any
    dtype: Any
    text: DateText | None
    missing: Any

    def encode(self, column: pd.Series) -> pd.Series:
        """Canonical float64 days, NaN where missing."""
        dates = self.text.read(column) if self.text else pd.to_datetime(column)
        if isinstance(dates.dtype, pd.ArrowDtype):
            dates = dates.dt.tz_convert("UTC").dt.tz_localize(None) if dates.dt.tz is not None else dates
            dates = dates.astype("datetime64[ns]")
        if dates.dt.tz is not None:
            dates = dates.dt.tz_convert("UTC").dt.tz_localize(None)
        milliseconds = dates.to_numpy().astype("datetime64[ms]").astype("int64")
        days = np.where(dates.isna(), np.nan, milliseconds / MS_PER_DAY)
        return pd.Series(days, index=column.index)

    def decode(self, column: pd.Series) -> pd.Series:
        """Back to dates of the column's resolution and time zone, or to text."""
        milliseconds = (column * MS_PER_DAY).round()
        dates = pd.Series(
            np.where(column.isna(), np.iinfo("int64").min, milliseconds.fillna(0))
            .astype("int64")
            .astype("datetime64[ms]"),
            index=column.index,
        )
        if self.text:
            return self.text.write(dates).where(dates.notna(), self.missing).astype(self.dtype)
        if isinstance(self.dtype, pd.DatetimeTZDtype):
            return (
                dates.astype(np.dtype(f"datetime64[{self.dtype.unit}]"))
                .dt.tz_localize("UTC")
                .astype(self.dtype)
            )
        return dates.astype(self.dtype)


@dataclass(frozen=True)
class CategoryColumn:
    """Booleans, text and categories as text levels.

    Attributes
    ----------
    levels
        Text of the kept training levels, `OTHER` last where rare levels were pooled.
    values
        What each kept level was in the source column.
    pooled, weights
        The pooled source values and their shares of the pooled training rows.
    """

    source: Any
    dtype: Any
    levels: tuple[str, ...]
    values: tuple[Any, ...]
    pooled: tuple[Any, ...]
    weights: tuple[float, ...]
    missing: Any

    def encode(self, column: pd.Series) -> pd.Series:
        """Canonical categories; an unseen level becomes `OTHER` where there is one, else missing."""
        place = {level: i for i, level in enumerate(self.levels)}
        unseen = place[OTHER] if self.pooled else -1
        codes, uniques = pd.factorize(column)
        lookup = np.array([*(place.get(str(value), unseen) for value in uniques), -1])
        canonical = pd.Categorical.from_codes(lookup[codes], categories=pd.Index(self.levels, dtype=object))
        return pd.Series(canonical, index=column.index)

    def decode(self, column: pd.Series) -> pd.Series:
        """Back to source values; `OTHER` becomes a pooled value drawn by training frequency, always alike."""
        text = column.astype(object)
        values = np.empty(len(text), dtype=object)
        values[:] = [self._value_of.get(level, self.missing) for level in text]
        other = np.flatnonzero(text.to_numpy() == OTHER)
        if self.pooled and len(other):
            rng = np.random.default_rng(derive_seed("pooled", str(self.source)))
            values[other] = np.array(self.pooled, dtype=object)[
                rng.choice(len(self.pooled), size=len(other), p=self.weights)
            ]
        restored = pd.Series(values, index=column.index, dtype=object)
        if restored.isna().any() and types.is_bool_dtype(self.dtype) and isinstance(self.dtype, np.dtype):
            return restored.astype("boolean")
        return restored.astype(self.dtype)

    @property
    def _value_of(self) -> dict[str, Any]:
        return dict(zip(self.levels, self.values, strict=False))


@dataclass(frozen=True)
class ConstantColumn:
    """A column that says nothing in the training rows: left out, and put back as it was."""

    source: Any
    dtype: Any
    value: Any

    def restore(self, index: pd.Index) -> pd.Series:
        """The same value in every row."""
        return pd.Series([self.value] * len(index), index=index, dtype=self.dtype)


Column = NumberColumn | DateColumn | CategoryColumn | ConstantColumn


def fit_column(column: pd.Series, max_levels: int) -> tuple[Column, str]:
    """Choose and fit the form of one training column.

    Returns
    -------
    tuple
        The fitted column and what was done to it ("" where nothing deserves a word).
    """
    if isinstance(column.dtype, pd.SparseDtype):
        column = column.astype(column.dtype.subtype)
    present = column.dropna()
    if present.empty:
        missing = column.iloc[0]
        return ConstantColumn(column.name, column.dtype, missing), "all values missing: left out"
    distinct = present.astype(object).map(str).nunique() if column.dtype == object else present.nunique()
    if distinct == 1 and len(present) == len(column):
        return ConstantColumn(
            column.name, column.dtype, present.iloc[0]
        ), f"constant {present.iloc[0]}: left out"
    if distinct == 1:
        return _fit_levels(column, max_levels)[0], "one value or missing: read as a category"
    if is_date(column):
        return DateColumn(column.name, column.dtype, None, pd.NaT), "date: read as days since 1970"
    form = find_date_text(present)
    if form is not None:
        kind = "ISO date and time" if form.separator else "ISO date"
        fitted = DateColumn(column.name, column.dtype, form, _missing_marker(column))
        return fitted, f"{kind}: read as days since 1970"
    if is_number(column):
        return NumberColumn(column.name, column.dtype), ""
    return _fit_levels(column, max_levels)


def _missing_marker(column: pd.Series) -> Any:
    """None, NaN or NA: whichever the column uses."""
    absent = column[column.isna()]
    return None if absent.empty else absent.iloc[0]


def _fit_levels(column: pd.Series, max_levels: int) -> tuple[CategoryColumn, str]:
    """Order the training levels, and pool the rarest where there are more than `max_levels`."""
    present = column.dropna().astype(object)
    text = present.map(str)
    value_of = dict(zip(text, present, strict=True))
    counts = text.value_counts()
    ordered = _order_levels(column, list(counts.index))
    kept = ordered
    if len(ordered) > max_levels:
        rank = {level: place for place, level in enumerate(ordered)}
        by_count = sorted((x for x in ordered if x != OTHER), key=lambda x: (-counts[x], rank[x]))
        kept = sorted(by_count[: max_levels - 1], key=rank.__getitem__)
    pooled = [level for level in ordered if level not in set(kept)]
    weights = counts[pooled].to_numpy(dtype=float)
    fitted = CategoryColumn(
        column.name,
        column.dtype,
        (*kept, *([OTHER] if pooled else [])),
        tuple(value_of[level] for level in kept),
        tuple(value_of[level] for level in pooled),
        tuple(weights / weights.sum()) if pooled else (),
        _missing_marker(column),
    )
    return fitted, f"{len(pooled):,} rare levels of {len(ordered):,} pooled" if pooled else ""


def _order_levels(column: pd.Series, levels: list[str]) -> list[str]:
    """An ordered category's own order; else numbers by value and text by alphabet."""
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        own = {str(level): place for place, level in enumerate(column.cat.categories)}
        return sorted(levels, key=own.__getitem__)
    return sorted(levels, key=order_labels)
