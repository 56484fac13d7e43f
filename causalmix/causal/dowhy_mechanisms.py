"""The mechanisms of a structural causal model as dowhy wants them: one per node of the graph.

Ours, beyond dowhy: a numeric node is clipped to the training range and rounded where its training values are
integers *inside its mechanism*, so children see the value that is returned; continuous root nodes are drawn
from the linearly interpolated empirical distribution instead of copies of training values.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
from dowhy import gcm
from dowhy.gcm.ml import ClassificationModel, PredictionModel
from sklearn.base import BaseEstimator

from causalmix.causal.mechanisms import MechanismFamily, ParentEncoder, classifier_for, unit_of
from causalmix.causal.schema import is_continuous, is_integer_valued, is_numeric


class InterpolatedDistribution(gcm.stochastic_models.EmpiricalDistribution):
    """Empirical distribution of a continuous column, linear between neighbouring training values.

    Never leaves the training range; a value that many rows share keeps its mass.
    """

    def draw_samples(self, num_samples: int) -> np.ndarray:
        """Draw by inverting the interpolated distribution function, shape (num_samples, 1)."""
        values = np.sort(np.asarray(self.data, dtype=np.float64).ravel())
        position = np.random.uniform(0, len(values) - 1, num_samples)  # noqa: NPY002 (dowhy draws globally)
        return np.interp(position, np.arange(len(values)), values)[:, None]

    def clone(self) -> InterpolatedDistribution:
        """Return an unfitted copy."""
        return InterpolatedDistribution()


class BoundedNoiseModel(gcm.AdditiveNoiseModel):
    """Additive noise model whose value is clipped to the training range and rounded for integers."""

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        """Fit f and the noise; remember the range of Y and whether all its values are integers."""
        values = np.asarray(Y, dtype=np.float64)
        self._low, self._high = float(values.min()), float(values.max())
        self._integer = is_integer_valued(values)
        super().fit(X, values)

    def evaluate_unbounded(self, parent_samples: np.ndarray, noise_samples: np.ndarray) -> np.ndarray:
        """Return ``f(parents) + noise``, shape (n, 1)."""
        return super().evaluate(parent_samples, noise_samples)

    def evaluate(self, parent_samples: np.ndarray, noise_samples: np.ndarray) -> np.ndarray:
        """Return ``clip(round(f(parents) + noise))``, shape (n, 1)."""
        value = self.evaluate_unbounded(parent_samples, noise_samples)
        if self._integer:
            value = np.round(value)
        return np.clip(value, self._low, self._high)

    def clone(self) -> BoundedNoiseModel:
        """Return an unfitted copy."""
        return BoundedNoiseModel(self.prediction_model.clone(), self.noise_model.clone())


class Regression(PredictionModel):
    """dowhy's view of a regressor on encoded parents."""

    def __init__(self, family: MechanismFamily) -> None:
        self._family = family

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        self._encoder = ParentEncoder().fit(X)
        self._estimator: BaseEstimator = self._family.regressor()
        values = np.asarray(Y, dtype=np.float64).ravel()
        self._unit = unit_of(values)
        self._estimator.fit(self._encoder.transform(X), values / self._unit)

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self._estimator.predict(self._encoder.transform(X))[:, None] * self._unit

    def clone(self) -> Regression:
        return Regression(self._family)


class Classification(ClassificationModel):
    """dowhy's view of a classifier on encoded parents."""

    def __init__(self, family: MechanismFamily) -> None:
        self._family = family

    def fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        labels = np.asarray(Y).ravel().astype(str)
        self._encoder = ParentEncoder().fit(X)
        self._estimator = classifier_for(self._family, labels)
        self._estimator.fit(self._encoder.transform(X), labels)

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self._estimator.predict(self._encoder.transform(X))[:, None]

    def predict_probabilities(self, X: np.ndarray) -> np.ndarray:
        p = self._estimator.predict_proba(self._encoder.transform(X))
        p[:, -1] += 1.0 - p.sum(axis=1)  # ends at 1 exactly: a noise of 1 - eps must find its level
        return p

    @property
    def classes(self) -> list[str]:
        return [str(level) for level in self._estimator.classes_]

    def clone(self) -> Classification:
        return Classification(self._family)


def mechanism_for(
    node: str, graph: nx.DiGraph, filled: pd.DataFrame, family: MechanismFamily
) -> gcm.causal_mechanisms.ConditionalStochasticModel | gcm.causal_mechanisms.StochasticModel:
    """Regressor for a numeric node, classifier for a categorical one, empirical distribution for a root."""
    numeric = is_numeric(filled[node])
    if graph.in_degree(node) == 0:
        continuous = numeric and is_continuous(filled[node].to_numpy())
        return InterpolatedDistribution() if continuous else gcm.EmpiricalDistribution()
    return BoundedNoiseModel(Regression(family)) if numeric else gcm.ClassifierFCM(Classification(family))
