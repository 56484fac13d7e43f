"""Columns that carry nothing of their own: constants, and columns that repeat another one.

A constant column keeps every edge in a constraint-based search (its p-values are NaN) and a repeated column
makes the correlation matrix singular, so both are set aside before discovery and restored after sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Redundancy:
    """The redundant columns of a canonical frame.

    Parameters
    ----------
    constants : dict of str to object
        Constant columns and their value (NaN for a column that is missing throughout).
    repeats : dict of str to tuple of (str, dict or None)
        Columns that repeat another column: the name of that column and, for categorical columns, the
        one-to-one translation of its levels. Missing values must coincide.
    """

    constants: dict[str, object] = field(default_factory=dict)
    repeats: dict[str, tuple[str, dict[str, str] | None]] = field(default_factory=dict)

    def reduce(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return `frame` without the redundant columns."""
        return frame.drop(columns=[*self.constants, *self.repeats])

    def restore(self, reduced: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
        """Put the redundant columns back, with the column order and dtypes of `like`."""
        columns = {}
        values: Sequence[object] | np.ndarray
        for name in like.columns:
            if name in self.constants:
                values = [self.constants[name]] * len(reduced)
            elif name in self.repeats:
                source, translation = self.repeats[name]
                values = reduced[source].to_numpy()
                if translation is not None:
                    values = list(reduced[source].astype(object).map(translation))
            else:
                values = reduced[name].to_numpy()
            columns[name] = pd.Series(values, index=reduced.index, dtype=like[name].dtype)
        return pd.DataFrame(columns, index=reduced.index)


def find_redundant_columns(frame: pd.DataFrame, keep: str | None = None) -> Redundancy:
    """Find constant columns and columns that repeat another one.

    Parameters
    ----------
    frame : DataFrame, shape (n, d)
        Canonical frame: float64 columns and ``category`` columns with string levels.
    keep : str, optional
        Column that is never called redundant (the target); a column that repeats it is.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [3.0, 3.0]})
    >>> found = find_redundant_columns(frame)
    >>> found.constants, list(found.repeats)
    ({'c': np.float64(3.0)}, ['b'])
    """
    constants: dict[str, object] = {}
    repeats: dict[str, tuple[str, dict[str, str] | None]] = {}
    first_with: dict[bytes, str] = {}
    names = [keep, *frame.columns.drop(keep)] if keep is not None else list(frame.columns)
    for name in names:
        codes, levels = pd.factorize(frame[name], sort=False)
        if name != keep and len(levels) + (codes < 0).any() <= 1:
            constants[name] = levels[0] if len(levels) else np.nan
            continue
        categorical = isinstance(frame[name].dtype, pd.CategoricalDtype)
        content = codes.astype(np.int64).tobytes() if categorical else _numeric_bytes(frame[name])
        source = first_with.setdefault(content, name)
        if source != name:
            repeats[name] = (source, _translate(frame, source, name) if categorical else None)
    return Redundancy(constants, repeats)


def _numeric_bytes(column: pd.Series) -> bytes:
    """Bytes of a numeric column, equal for equal values (-0.0 and 0.0, and all NaN, are the same)."""
    values = column.to_numpy(dtype=np.float64) + 0.0
    return b"numeric" + np.where(np.isnan(values), np.nan, values).tobytes()


def _translate(frame: pd.DataFrame, source: str, name: str) -> dict[str, str]:
    """Map each observed level of `source` to the level of `name` in the same rows."""
    pairs = frame[[source, name]].dropna().drop_duplicates()
    return dict(zip(pairs[source].astype(str), pairs[name].astype(str), strict=True))
