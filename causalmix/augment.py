"""Synthetic rows for one's own table, with scikit-learn's conventions.

In two points the rows are closer to the table than those of the book's studies, whose arms stay as they were
recorded: missing numbers are imputed before the models are fitted, and a number with two values is modelled
as a category (an additive noise model gives it back its old value almost whatever its parents say).
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from causalmix.causal.schema import is_numeric
from causalmix.data import TablePreprocessor
from causalmix.data.gate import check_column
from causalmix.generators.causal import CausalGenerator
from causalmix.mixing import n_synthetic_rows

_TARGET = "__target__"


class CausalMixAugmenter(BaseEstimator):
    """Make synthetic rows of a classification table with CausalMix.

    Parameters
    ----------
    synthetic_ratio : float
        Synthetic rows per real row, at least 0.
    n_dags : int
        Number of causal graphs that are drawn and fitted.
    missing : {"imputed", "median"}
        What stands for missing numbers while the models are fitted: numbers drawn from what the other columns
        say, which keeps spreads and correlations, or the column's median, as in the book's studies.
    random_state : int, numpy.random.RandomState or None
        Seed; an int gives the same rows every time.

    Attributes
    ----------
    generator_ : CausalGenerator
        The fitted generator, with its graphs.
    preprocessor_ : TablePreprocessor
        The fitted encoding of the table.
    classes_ : ndarray, shape (n_classes,)
        Class labels.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str
        Their names, for a DataFrame with text names.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> X_synth, y_synth = CausalMixAugmenter(n_dags=2, random_state=0).fit(X, y).sample()
    >>> X_synth.shape, y_synth.dtype
    ((150, 4), dtype('int64'))
    """

    def __init__(
        self,
        synthetic_ratio: float = 1.0,
        n_dags: int = 5,
        missing: str = "imputed",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.synthetic_ratio = synthetic_ratio
        self.n_dags = n_dags
        self.missing = missing
        self.random_state = random_state

    def fit(self, X: pd.DataFrame | np.ndarray, y: pd.Series | np.ndarray) -> CausalMixAugmenter:
        """Discover the causal graph of the table and fit structural causal models to it.

        Parameters
        ----------
        X : DataFrame or ndarray, shape (n, d)
            Mixed types and missing values are welcome; not changed.
        y : Series or ndarray, shape (n,)
            Class labels, none missing.

        Raises
        ------
        ValueError
            If lengths differ, a label is missing, labels are of several types, there is one class only, or y
            is not a classification target. `causalmix.data.DataError`, a ValueError, for a column that cannot
            be used.
        GeneratorError
            If the generator cannot serve the table, for instance for want of rows.
        """
        n_synthetic_rows(0, self.synthetic_ratio)
        generator = CausalGenerator(n_dags=self.n_dags, missing=self.missing)
        self._note_names(X)
        X, y = _as_frame(X).copy(), _as_series(y)
        if len(X) != len(y):
            raise ValueError(f"X has {len(X)} rows and y has {len(y)}; they must agree")
        for position, (_, column) in enumerate(X.items()):
            X.isetitem(position, check_column("X", column).array)
        if y.isna().any():
            raise ValueError(f"y has {int(y.isna().sum())} missing labels; drop those rows first")
        labels = pd.Series(y.to_numpy()).infer_objects().to_numpy()  # numbers among objects are numbers
        if types.infer_dtype(labels).startswith("mixed"):
            raise ValueError("y holds labels of several types; turn them all into text, e.g. y.astype(str)")
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has the single class {self.classes_[0]!r}; two or more are needed")
        self.preprocessor_ = TablePreprocessor().fit(X)
        train = self.preprocessor_.transform(X)
        if _TARGET in train.columns:
            raise ValueError(f"the column name {_TARGET!r} is reserved; rename that column of X")
        levels = pd.Index([str(code) for code in range(len(self.classes_))])
        train[_TARGET] = pd.Categorical.from_codes(codes, categories=levels)
        self._y_name, self._y_dtype, self._n_real = y.name, y.dtype, len(X)
        self.n_features_in_ = X.shape[1]
        self._two_valued = [name for name in train if is_numeric(train[name]) and train[name].nunique() == 2]
        for name in self._two_valued:
            train[name] = train[name].map(repr, na_action="ignore").astype("category")
        self.generator_ = generator.fit(train, _TARGET, seed=self._seed())
        return self

    def sample(self, n: int | None = None) -> tuple[pd.DataFrame, pd.Series]:
        """Draw synthetic rows.

        Parameters
        ----------
        n : int, optional
            Number of rows; by default ``round(synthetic_ratio * n_real)``.

        Returns
        -------
        X_synth : DataFrame, shape (n, d)
            Columns, order and dtypes of X; rows are numbered from 0. A column of Python objects of one type
            has that type.
        y_synth : Series, shape (n,)
            Labels with the dtype of y.
        """
        check_is_fitted(self, "generator_")
        n = n_synthetic_rows(self._n_real, self.synthetic_ratio) if n is None else n
        rows = self.generator_.sample(n).astype(dict.fromkeys(self._two_valued, np.float64))
        codes = rows.pop(_TARGET).cat.codes.to_numpy()
        labels = pd.Series(self.classes_[codes], name=self._y_name).astype(self._y_dtype)
        return self.preprocessor_.inverse_transform(rows), labels

    def fit_resample(
        self, X: pd.DataFrame | np.ndarray, y: pd.Series | np.ndarray
    ) -> tuple[pd.DataFrame, pd.Series]:
        """Fit and return the real rows followed by the synthetic ones (imbalanced-learn's convention).

        Returns
        -------
        X_resampled : DataFrame, shape (n + round(synthetic_ratio * n), d)
        y_resampled : Series, same length
        """
        self.fit(X, y)
        X_synth, y_synth = self.sample()
        X_real, y_real = _as_frame(X), _as_series(y)
        X_all = (
            pd.concat([X_real, X_synth], ignore_index=True) if len(X_synth) else X_real.reset_index(drop=True)
        )
        y_all = (
            pd.concat([y_real, y_synth], ignore_index=True) if len(y_synth) else y_real.reset_index(drop=True)
        )
        y_all.name = y_real.name
        return X_all, y_all

    def _note_names(self, X: pd.DataFrame | np.ndarray) -> None:
        """Set ``feature_names_in_``, or remove that of an earlier table where this one has no text names."""
        if isinstance(X, pd.DataFrame) and all(isinstance(name, str) for name in X.columns):
            self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        else:
            self.__dict__.pop("feature_names_in_", None)

    def _seed(self) -> int:
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))


def _as_frame(X: pd.DataFrame | np.ndarray) -> pd.DataFrame:
    """X as a DataFrame; the columns of an array are called x0, x1, ..."""
    if isinstance(X, pd.DataFrame):
        return X
    values = np.asarray(X)
    if values.ndim != 2:
        raise ValueError(f"X must have two dimensions (rows, columns), got shape {values.shape}")
    return pd.DataFrame(values, columns=[f"x{j}" for j in range(values.shape[1])])


def _as_series(y: pd.Series | np.ndarray) -> pd.Series:
    if isinstance(y, pd.Series):
        return y
    values = np.asarray(y)
    if values.ndim != 1:
        raise ValueError(f"y must have one dimension, got shape {values.shape}")
    return pd.Series(values, name="target")
