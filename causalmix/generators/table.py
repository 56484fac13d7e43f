"""What the generators other than the causal one share: a training table as numbers, and the way back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from causalmix.causal.dags import GraphStatistics
from causalmix.causal.schema import MISSING, TableSchema, is_integer_valued, is_numeric
from causalmix.generators.base import check_can_draw, check_training_table
from causalmix.seeding import derive_seed

LARGE = 2.0**500
"""Numbers above are divided by it for their standard deviation: the squares of larger ones overflow."""


@dataclass(frozen=True)
class CodedTable:
    """A canonical frame of n rows and d columns as a complete matrix.

    A numeric column is itself, with the median where a value is missing; a categorical column becomes the
    codes of the levels that occur in it, a missing value being the level after the last.

    Attributes
    ----------
    schema : TableSchema
        Dtypes and numeric missingness of the training rows.
    values : (n, d) float array
    levels : tuple, length d
        Per categorical column its levels in code order, `MISSING` last where it occurs; None for numbers.
    target : int
        Place of the target column.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1.0, np.nan, 3.0], "y": pd.Categorical(["no", "yes", "no"])})
    >>> table = CodedTable.of(frame, "y")
    >>> table.values.tolist()
    [[1.0, 0.0], [1.0, 1.0], [3.0, 0.0]]
    >>> table.decode(np.array([[7.0, 0.8]]))["a"].tolist()
    [3.0]
    """

    schema: TableSchema = field(repr=False)
    values: np.ndarray = field(repr=False)
    levels: tuple[tuple[str, ...] | None, ...]
    target: int

    @classmethod
    def of(cls, train: pd.DataFrame, target: str) -> CodedTable:
        """Code a canonical frame that holds the categorical column `target`."""
        schema = TableSchema.of(train, target)
        filled = schema.fill(train)
        levels: list[tuple[str, ...] | None] = []
        columns = []
        for name in train.columns:
            if is_numeric(train[name]):
                levels.append(None)
                columns.append(filled[name].fillna(0.0).to_numpy(dtype=np.float64))  # 0: missing throughout
                continue
            order = [*map(str, train[name].cat.categories), MISSING]
            present = set(filled[name])
            kept = tuple(level for level in order if level in present)
            levels.append(kept)
            columns.append(pd.Index(kept, dtype=object).get_indexer(pd.Index(filled[name])).astype(float))
        return cls(schema, np.column_stack(columns), tuple(levels), list(train.columns).index(target))

    @property
    def is_categorical(self) -> np.ndarray:
        """(d,) bool."""
        return np.array([levels is not None for levels in self.levels])

    @property
    def classes(self) -> np.ndarray:
        """(n,) int: class code of each training row."""
        return self.values[:, self.target].astype(int)

    def decode(self, values: np.ndarray) -> pd.DataFrame:
        """Complete rows from numbers, each inside the range and among the levels of its training column.

        Parameters
        ----------
        values : (m, d) array
            Clipped to the training range; rounded in categorical and whole-numbered columns.

        Returns
        -------
        DataFrame, shape (m, d)
            Columns, dtypes and category sets of the training frame; numbers are never missing here.
        """
        bounded = np.clip(values, self.values.min(axis=0), self.values.max(axis=0))
        columns = {}
        for j, (name, levels) in enumerate(zip(self.schema.template.columns, self.levels, strict=True)):
            if levels is not None:
                columns[name] = np.array(levels, dtype=object)[np.rint(bounded[:, j]).astype(int)]
            elif is_integer_valued(self.values[:, j]):
                columns[name] = np.rint(bounded[:, j])
            else:
                columns[name] = bounded[:, j]
        return self.schema.cast(pd.DataFrame(columns))

    def units(self) -> np.ndarray:
        """What to divide the columns by, (d,), so that squares of their numbers are finite; mostly 1."""
        return np.where(np.abs(self.values).max(axis=0) > LARGE, LARGE, 1.0)

    def standardise(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The matrix with mean 0 and standard deviation 1 per column, those means, those deviations."""
        unit = self.units()
        values = self.values / unit
        mean, scale = values.mean(axis=0), values.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        return (values - mean) / scale, mean * unit, scale * unit


class TableGenerator(ABC):
    """A generator that works on a `CodedTable`; a subclass says what it learns and how it draws.

    Attributes
    ----------
    graphs : tuple
        Empty: no causal graph is involved.
    metadata : dict
        What else is worth recording, JSON-ready.
    """

    def __init__(self) -> None:
        self.graphs: tuple[GraphStatistics, ...] = ()
        self.metadata: dict[str, Any] = {}
        self._is_fitted = False

    def fit(self, train: pd.DataFrame, target: str, seed: int) -> Self:
        """Learn from a canonical frame of shape (n, d), target column included; it is not changed.

        Raises
        ------
        GeneratorError
            If the generator cannot serve this table.
        """
        check_training_table(train, target)
        self._is_fitted = False
        self._seed = seed
        self._train = train.copy()
        self._table = CodedTable.of(train, target)
        self.metadata = {}
        self._learn()
        self._is_fitted = True
        return self

    def sample(self, n: int) -> pd.DataFrame:
        """Draw n rows with the columns, dtypes and category sets of the training frame.

        Returns
        -------
        DataFrame, shape (n, d)
            The same n gives the same rows.
        """
        check_can_draw(self, n, is_fitted=self._is_fitted)
        if n == 0:
            return self._table.schema.template.copy()
        rows = self._draw(n, np.random.default_rng(derive_seed(self._seed, "rows")))
        return rows.reset_index(drop=True)

    def _learn(self) -> None:
        """What `fit` does beyond coding the table; nothing for generators that only look at the rows."""
        return

    @abstractmethod
    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Draw n >= 1 canonical rows, missing values included."""

    def _hide(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Hide numbers as in a random training row of the same class."""
        return self._table.schema.mask(rows, rng)


def share_out(counts: np.ndarray, n: int) -> np.ndarray:
    """Split n rows in proportion to counts, the largest remainders first.

    Parameters
    ----------
    counts : (k,) int array
    n : int

    Returns
    -------
    (k,) int array
        Sums to n.

    Examples
    --------
    >>> share_out(np.array([6, 3, 1]), 5)
    array([3, 2, 0])
    """
    ideal = counts * (n / counts.sum())
    taken = np.floor(ideal).astype(int)
    most = np.argsort(taken - ideal, kind="stable")[: n - taken.sum()]
    taken[most] += 1
    return taken


def draw_members(classes: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n training rows so that every class keeps its share, evenly within the class.

    Parameters
    ----------
    classes : (n_train,) int array
    n : int
    rng : numpy.random.Generator

    Returns
    -------
    (n,) int array
        Row numbers, class after class; no row comes up again before all of its class have.
    """
    levels, counts = np.unique(classes, return_counts=True)
    parts = []
    for level, share in zip(levels, share_out(counts, n), strict=True):
        members = np.flatnonzero(classes == level)
        rounds = -(-int(share) // len(members))
        shuffled = [rng.permutation(members) for _ in range(rounds)]
        parts.append(np.concatenate([*shuffled, np.empty(0, dtype=int)])[:share].astype(int))
    return np.concatenate(parts)


def draw_partners(classes: np.ndarray, of: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw for each of the training rows `of` (any shape) a random training row of the same class."""
    partners = np.empty_like(of)
    for level in np.unique(classes[of]):
        same = classes[of] == level
        partners[same] = rng.choice(np.flatnonzero(classes == level), size=int(same.sum()))
    return partners
