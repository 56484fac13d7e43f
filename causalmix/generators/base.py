"""What every generator of synthetic rows offers, and how it says that it cannot serve a table."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from causalmix.causal.dags import GraphStatistics
from causalmix.causal.schema import MISSING


class GeneratorError(RuntimeError):
    """A generator cannot serve a table; the message is the reason that the record shows."""


@runtime_checkable
class Generator(Protocol):
    """A generator of synthetic rows.

    A canonical frame has float64 columns (NaN = missing) and ``category`` columns with string levels; see
    `causalmix.data.TablePreprocessor`.

    Attributes
    ----------
    graphs : tuple of GraphStatistics
        One per DAG used; empty for generators without graphs.
    metadata : dict
        What else is worth recording, JSON-ready.
    """

    graphs: tuple[GraphStatistics, ...]
    metadata: dict[str, Any]

    def fit(self, train: pd.DataFrame, target: str, seed: int) -> Generator:
        """Learn from a canonical frame of shape (n, d), target column included.

        Raises
        ------
        GeneratorError
            If the generator cannot serve this table.
        """

    def sample(self, n: int) -> pd.DataFrame:
        """Return n rows with the columns, dtypes and category sets of `train`, inside its numeric range.

        The same fitted generator gives the same rows for the same n.
        """


def check_training_table(train: pd.DataFrame, target: str) -> None:
    """Raise GeneratorError, naming the column, unless `train` is canonical with a categorical target."""
    if target not in train.columns:
        raise GeneratorError(f"target {target!r} is not a column of the training table {list(train.columns)}")
    if len(train) < 4:
        raise GeneratorError(f"a generator needs at least 4 training rows, got {len(train)}")
    for name, dtype in train.dtypes.items():
        is_canonical = dtype == "float64" or isinstance(dtype, pd.CategoricalDtype)
        if not is_canonical:
            raise GeneratorError(
                f"column {name!r} has dtype {dtype}; a canonical frame has float64 and category columns: "
                f"pass the table through TablePreprocessor first"
            )
        if dtype == "float64" and np.isinf(train[name]).any():
            raise GeneratorError(f"column {name!r} holds infinite values; replace them by missing values")
        if isinstance(dtype, pd.CategoricalDtype) and MISSING in dtype.categories:
            raise GeneratorError(
                f"column {name!r} has the level {MISSING!r}, which is reserved for missing values; "
                f"rename it, or make it missing"
            )
    if not isinstance(train[target].dtype, pd.CategoricalDtype):
        raise GeneratorError(
            f"target {target!r} must be categorical with text labels, not {train[target].dtype}"
        )
    if train[target].isna().any():
        raise GeneratorError(f"target {target!r} has missing labels; drop those rows first")


def check_can_draw(generator: Generator, n: int, *, is_fitted: bool) -> None:
    """Raise RuntimeError unless the generator is fitted, ValueError for a negative number of rows."""
    if not is_fitted:
        name = type(generator).__name__
        raise RuntimeError(f"this {name} is not fitted yet; call fit(train, target, seed) first")
    if n < 0:
        raise ValueError(f"cannot draw {n} rows; ask for 0 or more")
