"""Prediction models of the structural causal model: what turns the parents of a node into its mean or odds.

Plain scikit-learn: numeric parents are standardised, categorical parents one-hot encoded with the levels of
the training rows. `scm` plugs these models into dowhy's mechanisms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge


def unit_of(values: np.ndarray) -> float:
    """Return a divisor that keeps squares and sums of `values` finite: 1 but for astronomic numbers.

    Examples
    --------
    >>> unit_of(np.array([1.0, -2e6])), unit_of(np.array([1.0, -1e300]))
    (1.0, 1e+300)
    """
    peak = float(np.abs(values).max(initial=0.0))
    return peak if peak > 1e100 else 1.0


class ParentEncoder:
    """Encode parent values, given as dowhy passes them, as a real matrix.

    Fitted on ``X`` of shape (n, p) and dtype object or float; a column of strings is categorical.
    """

    def fit(self, X: np.ndarray) -> ParentEncoder:
        """Remember the levels of string columns, the mean and scale of numeric ones."""
        self._levels: list[np.ndarray | None] = []
        self._centre: list[tuple[float, float]] = []
        for column in X.T:
            if isinstance(column[0], str):
                self._levels.append(np.unique(column.astype(str)))
                self._centre.append((0.0, 1.0))
            else:
                values = column.astype(np.float64)
                unit = unit_of(values)
                self._levels.append(None)
                scale = float((values / unit).std()) * unit or 1.0
                self._centre.append((float((values / unit).mean()) * unit, scale))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the encoded parents, shape (n, k) with k >= p; an unseen level is all zeros."""
        blocks = []
        for column, levels, (mean, scale) in zip(X.T, self._levels, self._centre, strict=True):
            if levels is None:
                blocks.append((column.astype(np.float64)[:, None] - mean) / scale)
            else:
                blocks.append((column.astype(str)[:, None] == levels[None, :]).astype(np.float64))
        return np.hstack(blocks)


@dataclass(frozen=True)
class MechanismFamily:
    """A regressor for numeric and a classifier for categorical nodes, both made afresh per node."""

    regressor: Callable[[], BaseEstimator]
    classifier: Callable[[], BaseEstimator]


_LIGHT_BOOSTING: dict[str, Any] = {
    "max_iter": 50,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 5,
    "early_stopping": False,
    "random_state": 0,
}
"""Light settings for tables of tens to hundreds of rows. Ours."""


MECHANISMS: dict[str, MechanismFamily] = {
    "linear": MechanismFamily(
        regressor=lambda: Ridge(alpha=1.0),
        classifier=lambda: LogisticRegression(C=1.0, max_iter=200),
    ),
    "hist_gradient_boosting": MechanismFamily(
        regressor=lambda: HistGradientBoostingRegressor(**_LIGHT_BOOSTING),
        classifier=lambda: HistGradientBoostingClassifier(**_LIGHT_BOOSTING),
    ),
}
"""Mechanism families by name."""


def classifier_for(family: MechanismFamily, labels: np.ndarray) -> BaseEstimator:
    """Return a fresh classifier; the constant one where the labels have a single level."""
    if len(np.unique(labels)) < 2:
        return DummyClassifier(strategy="prior")
    return family.classifier()
