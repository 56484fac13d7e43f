"""What a synthetic row must look like: column types, category sets and missingness of the training table."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

MISSING = "__missing__"
"""Level that stands for a missing categorical value inside a structural causal model."""

MISSING_NUMBERS = ("median", "available")
"""Missing numbers, for fitting: the median in their place, or without the rows that lack them."""

ROWS_PER_PARENT = 10
"""`available_cases` leaves out rows with a gap in a parent only where so many per parent remain. Ours."""


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


def available_cases(train: pd.DataFrame, filled: pd.DataFrame, node: str, parents: list[str]) -> pd.DataFrame:
    """Return the rows in which a node and its parents are observed, to fit its mechanism on.

    A numeric node is never fitted on a value that was filled in. A gap in a parent is tolerated, and filled,
    where leaving its rows out would leave fewer than `ROWS_PER_PARENT` rows per parent, or would lose a level
    of a categorical node.

    Parameters
    ----------
    train, filled : DataFrame, shape (n, d)
        The rows with their gaps, and the same rows from `TableSchema.fill`.
    node : str
    parents : list of str

    Returns
    -------
    DataFrame, shape (m, d)
        Some of the rows of `filled`.

    Examples
    --------
    >>> train = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [np.nan, 5.0, 6.0]})
    >>> available_cases(train, TableSchema.of(train).fill(train), "b", [])["b"].tolist()
    [5.0, 6.0]
    """
    gaps = pd.DataFrame({name: train[name].isna() & is_numeric(train[name]) for name in [node, *parents]})
    own = filled[~gaps[node].to_numpy()]
    complete = filled[~gaps.any(axis=1).to_numpy()]
    too_few = len(complete) < ROWS_PER_PARENT * len(parents)
    loses_level = not is_numeric(train[node]) and complete[node].nunique() < own[node].nunique()
    return own if too_few or loses_level else complete
