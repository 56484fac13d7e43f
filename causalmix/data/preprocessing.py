"""A reversible encoding of mixed tables, fitted on training rows only.

Three forms of one table: the raw frame; the *canonical* frame (float64 numbers, text categories, missing
values kept), on which graphs and generators work; and the float32 matrix that a foundation model reads.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalmix.data.columns import CategoryColumn, Column, ConstantColumn, fit_column
from causalmix.data.gate import DataError
from causalmix.data.rescaling import find_rescaling, to_float32

MAX_LEVELS = 30


class TablePreprocessor:
    """Turns raw tables into canonical ones, back, and into a matrix.

    Parameters
    ----------
    max_levels
        A categorical column keeps at most this many levels, one of which is then "__other__". Ours.

    Attributes
    ----------
    columns
        Names of the canonical columns, in the order of the training table.
    categorical
        Those of them that are categories.
    report
        What was done to which column.

    Examples
    --------
    >>> train = pd.DataFrame({"age": [31, 45, 28], "city": ["A", "B", None], "unit": ["cm"] * 3})
    >>> prep = TablePreprocessor().fit(train)
    >>> prep.transform(train)["age"].tolist(), prep.report
    ([31.0, 45.0, 28.0], ("column 'unit': constant cm: left out",))
    >>> prep.encode(prep.transform(train)).tolist()
    [[31.0, 0.0], [45.0, 1.0], [28.0, 2.0]]
    >>> prep.inverse_transform(prep.transform(train)).equals(train)
    True
    """

    columns: tuple[str, ...]
    categorical: tuple[str, ...]
    report: tuple[str, ...]

    def __init__(self, max_levels: int = MAX_LEVELS) -> None:
        if max_levels < 2:
            raise DataError(f"max_levels is {max_levels}; a categorical column needs at least 2")
        self.max_levels = max_levels

    def fit(self, X_train: pd.DataFrame) -> TablePreprocessor:
        """Learn types, levels, medians and scales from the training rows.

        Parameters
        ----------
        X_train
            (n_rows, n_features) raw frame.

        Raises
        ------
        DataError
            For no rows, repeated column names, infinities, or when every column is constant.
        """
        names = [str(column) for column in X_train.columns]
        if len(X_train) == 0:
            raise DataError("the training table has no rows; give at least two")
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise DataError(f"several columns are called {', '.join(map(repr, repeated))}; rename them")
        fitted = {name: fit_column(X_train.iloc[:, i], self.max_levels) for i, name in enumerate(names)}
        self._fitted: dict[str, Column] = {name: column for name, (column, _) in fitted.items()}
        self._labels = X_train.columns
        self.columns = tuple(n for n, c in self._fitted.items() if not isinstance(c, ConstantColumn))
        self.categorical = tuple(n for n, c in self._fitted.items() if isinstance(c, CategoryColumn))
        if not self.columns:
            raise DataError(
                f"every column is constant in the training rows ({', '.join(names)}); "
                "give a column that varies"
            )
        canonical = self.transform(X_train)
        self._medians = {n: float(canonical[n].median()) for n in self.columns if n not in self.categorical}
        rescaled = {n: find_rescaling(canonical[n].dropna().to_numpy(), m) for n, m in self._medians.items()}
        self._rescalings = {name: rescaling for name, (rescaling, _) in rescaled.items()}
        words = {n: (word, rescaled.get(n, (None, ""))[1]) for n, (_, word) in fitted.items()}
        self.report = tuple(f"column {n!r}: {'; '.join(filter(None, w))}" for n, w in words.items() if any(w))
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The canonical frame of any rows; columns that `fit` did not see are ignored.

        Parameters
        ----------
        X
            (n_rows, n_features) raw frame with the columns of the training table.

        Returns
        -------
        DataFrame
            (n_rows, len(columns)); float64 with NaN, or categories of the training levels. An unseen level is
            "__other__" where levels were pooled, else missing.

        Raises
        ------
        DataError
            For an absent column, or text where the training rows had numbers.
        """
        raw = {str(column): place for place, column in enumerate(X.columns)}
        absent = [name for name in self._names() if name not in raw]
        if absent:
            raise DataError(
                f"the table lacks the columns {', '.join(map(repr, absent))} of the training rows; add them"
            )
        parts = {
            name: column.encode(X.iloc[:, raw[name]])
            for name, column in self._fitted.items()
            if not isinstance(column, ConstantColumn)
        }
        return pd.DataFrame(parts, index=X.index, columns=list(self.columns))

    def inverse_transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Raw rows with the columns, order and types of the training table.

        Integers are rounded, dates are exact to the millisecond, constants are put back, and "__other__"
        becomes one of the pooled levels, drawn by training frequency and always alike. Missing values in a
        column whose type cannot hold them give float64 (integers) or boolean (booleans).

        Raises
        ------
        DataError
            When the frame lacks a canonical column.
        """
        self._check_canonical(frame)
        parts = [
            column.restore(frame.index) if isinstance(column, ConstantColumn) else column.decode(frame[name])
            for name, column in self._fitted.items()
        ]
        raw = pd.concat(parts, axis=1)
        raw.columns = self._labels
        return raw

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """The matrix that a foundation model reads.

        Parameters
        ----------
        frame
            (n_rows, len(columns)) canonical frame.

        Returns
        -------
        ndarray
            (n_rows, len(columns)) float32 without NaN: numbers with missing values replaced by the training
            median, centred and scaled where float32 could not tell the training values apart otherwise;
            ordinal codes for levels, and the code after the last level for a missing one.
        """
        self._check_canonical(frame)
        matrix = np.empty((len(frame), len(self.columns)), dtype=np.float32)
        for j, name in enumerate(self.columns):
            column = self._fitted[name]
            if isinstance(column, CategoryColumn):
                codes = pd.Index(column.levels, dtype=object).get_indexer(
                    pd.Index(frame[name].astype(object))
                )
                matrix[:, j] = np.where(codes < 0, len(column.levels), codes)
            else:
                values = frame[name].to_numpy(dtype="float64")
                filled = np.where(np.isnan(values), self._medians[name], values)
                rescaling = self._rescalings[name]
                matrix[:, j] = to_float32(filled if rescaling is None else rescaling.apply(filled))
        return matrix

    def _names(self) -> tuple[str, ...]:
        if not hasattr(self, "columns"):
            raise DataError(
                "this TablePreprocessor knows no table yet; call fit with the training rows first"
            )
        return tuple(self._fitted)

    def _check_canonical(self, frame: pd.DataFrame) -> None:
        self._names()
        absent = [name for name in self.columns if name not in frame]
        if absent:
            raise DataError(
                f"the canonical frame lacks the columns {', '.join(map(repr, absent))}; "
                "pass what transform returns"
            )


class TargetEncoder:
    """Labels as codes 0 to n_classes - 1.

    Attributes
    ----------
    classes_
        (n_classes,) text labels of the training rows, in code order.

    Examples
    --------
    >>> encoder = TargetEncoder().fit(pd.Series(["no", "yes", "no"]))
    >>> encoder.transform(pd.Series(["yes", "no"])).tolist()
    [1, 0]
    """

    classes_: np.ndarray

    def fit(self, y_train: pd.Series) -> TargetEncoder:
        """Learn the classes of the training rows: the order of a category dtype, else sorted."""
        labels = y_train.astype(object).map(str)
        if isinstance(y_train.dtype, pd.CategoricalDtype):
            present = set(labels)
            order = [str(level) for level in y_train.cat.categories if str(level) in present]
        else:
            order = sorted(set(labels))
        self.classes_ = np.array(order, dtype=object)
        return self

    def transform(self, y: pd.Series) -> np.ndarray:
        """(n_rows,) int64 codes.

        Raises
        ------
        DataError
            For a label that the training rows do not have.
        """
        labels = y.astype(object).map(str)
        codes = pd.Index(self.classes_).get_indexer(pd.Index(labels))
        if (codes < 0).any():
            unseen = sorted(set(labels[codes < 0]))
            raise DataError(
                f"labels {', '.join(map(repr, unseen))} are not among the training rows; leave their rows out"
            )
        return codes.astype(np.int64)

    def inverse_transform(self, codes: np.ndarray) -> np.ndarray:
        """(n_rows,) text labels of codes."""
        return self.classes_[np.asarray(codes, dtype=int)]
