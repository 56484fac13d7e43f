"""What a synthetic row must look like: column types, category sets and missingness of the training table."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

MISSING = "__missing__"
"""Level that stands for a missing categorical value inside a structural causal model."""

MISSING_NUMBERS = ("median", "imputed")
"""What stands for missing numbers while a structural causal model is fitted."""


def is_numeric(column: pd.Series) -> bool:
    """Whether a column of a canonical frame is numeric (the others are categorical)."""
    return pd.api.types.is_float_dtype(column.dtype)


def is_integer_valued(values: np.ndarray) -> bool:
    """Whether all of the (observed) values are whole numbers."""
    return bool(np.all(values == np.round(values)))


def is_continuous(values: np.ndarray) -> bool:
    """Whether values look like a continuous variable: not whole numbers, and at least half distinct. Ours."""
    return not is_integer_valued(values) and len(np.unique(values)) >= len(values) / 2


@dataclass(frozen=True)
class TableSchema:
    """Types and missingness of a training table of n rows and d columns.

    Parameters
    ----------
    template : DataFrame, shape (0, d)
        Column order and dtypes, category sets included.
    masks : ndarray of bool, shape (n, d)
        Where the *numeric* values of the training rows were missing.
    target : str or None
        Name of the target column.
    classes : ndarray of str, shape (n,), or None
        Target of the training rows.
    """

    template: pd.DataFrame = field(repr=False)
    masks: np.ndarray = field(repr=False)
    target: str | None = None
    classes: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def of(cls, train: pd.DataFrame, target: str | None = None) -> TableSchema:
        """Read the schema of a canonical frame; missingness is kept per class of a categorical `target`."""
        masks = np.array([train[c].isna() & is_numeric(train[c]) for c in train.columns]).T
        per_class = target is not None and not is_numeric(train[target])
        classes = train[target].astype(object).where(train[target].notna(), MISSING) if per_class else None
        return cls(train.iloc[:0].copy(), masks, target, None if classes is None else classes.to_numpy())

    def fill(self, train: pd.DataFrame) -> pd.DataFrame:
        """Return `train` without missing values, for fitting.

        Numeric: the median (the lower one, an observed value). Categorical: str, with `MISSING` as a level.
        """
        filled = {}
        for name in train.columns:
            column = train[name]
            if is_numeric(column):
                filled[name] = column.fillna(column.quantile(0.5, interpolation="lower"))
            else:
                filled[name] = column.astype(object).where(column.notna(), MISSING)
        return pd.DataFrame(filled)

    def cast(self, drawn: pd.DataFrame) -> pd.DataFrame:
        """Return drawn values with the template's order and dtypes; `MISSING` becomes missing."""
        columns = {}
        for name, dtype in self.template.dtypes.items():
            values = drawn[name]
            if isinstance(dtype, pd.CategoricalDtype):
                columns[name] = pd.Series(pd.Categorical(values.where(values != MISSING), dtype=dtype))
            else:
                columns[name] = values.astype(dtype)
        return pd.DataFrame(columns)

    def mask(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Hide numeric values as in a training row of the same class, drawn per row (any row without target).

        Categorical missingness is not touched: its level is part of the model.
        """
        if not self.masks.any():
            return rows
        donors = rng.integers(0, len(self.masks), size=len(rows))
        if self.classes is not None:
            labels = rows[self.target].astype(object).where(rows[self.target].notna(), MISSING).to_numpy()
            for level in pd.unique(self.classes):
                members, same = np.flatnonzero(self.classes == level), np.flatnonzero(labels == level)
                donors[same] = members[rng.integers(0, len(members), size=len(same))]
        return rows.mask(self.masks[donors])
