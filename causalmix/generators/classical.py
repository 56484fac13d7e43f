"""Well-known generators to compare with: the bootstrap, SMOTE for mixed tables, a Gaussian copula.

References
----------
Efron (1979), *Bootstrap methods: another look at the jackknife*, Annals of Statistics 7.
Chawla et al. (2002), *SMOTE: synthetic minority over-sampling technique*, JAIR 16 (SMOTE, SMOTE-NC, SMOTE-N).
Patki, Wedge, Veeramachaneni (2016), *The Synthetic Data Vault*, DSAA (the copula with categorical columns).
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from causalmix.causal.schema import is_continuous
from causalmix.generators.base import GeneratorError
from causalmix.generators.table import TableGenerator, share_out


class BootstrapGenerator(TableGenerator):
    """Draw real rows with replacement: more rows, nothing new in them.

    Examples
    --------
    >>> train = pd.DataFrame({"a": [1.0, 2.0, 8.0, 9.0], "y": pd.Categorical(["no", "no", "yes", "yes"])})
    >>> BootstrapGenerator().fit(train, "y", seed=0).sample(3)["a"].isin(train["a"]).all()
    np.True_
    """

    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        return self._train.iloc[rng.integers(0, len(self._train), size=n)]


class CopulaGenerator(TableGenerator):
    """Draw from a Gaussian copula with the empirical margins.

    Ranks are taken with ties broken at random, levels in the order of their frequency, so a discrete column
    is a latent normal variable cut into intervals. Continuous columns are linear between neighbouring
    training values.

    Parameters
    ----------
    shrinkage : float
        Weight of the identity in the latent correlation matrix, in (0, 1].

    Examples
    --------
    >>> a = np.arange(40.0)
    >>> train = pd.DataFrame({"a": a, "b": -a, "y": pd.Categorical(np.where(a > 20, "yes", "no"))})
    >>> rows = CopulaGenerator().fit(train, "y", seed=0).sample(100)
    >>> bool(rows["a"].corr(rows["b"]) < -0.9)
    True
    """

    def __init__(self, shrinkage: float = 0.02) -> None:
        super().__init__()
        if not 0 < shrinkage <= 1:
            raise ValueError(f"shrinkage must lie in (0, 1], got {shrinkage}")
        self.shrinkage = shrinkage

    def _learn(self) -> None:
        rng = np.random.default_rng(self._seed)
        values = self._table.values
        n, d = values.shape
        scores = np.empty((n, d))
        self._sorted = np.empty((n, d))
        for j in range(d):
            keys = self._by_frequency(values[:, j]) if self._table.levels[j] is not None else values[:, j]
            order = np.lexsort(np.stack((rng.random(n), keys)))  # ties at random
            scores[order, j] = ndtri((np.arange(n) + 0.5) / n)
            self._sorted[:, j] = values[order, j]
        correlation = (1 - self.shrinkage) * (scores.T @ scores) / (scores**2).sum(axis=0)
        self._factor = np.linalg.cholesky(correlation + self.shrinkage * np.eye(d))

    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        latent = rng.standard_normal((n, len(self._factor))) @ self._factor.T
        position = ndtr(latent) * len(self._sorted)  # (n, d), in [0, n_train]
        drawn = np.empty(latent.shape)
        places = np.arange(len(self._sorted))
        for j, ordered in enumerate(self._sorted.T):
            if self._table.levels[j] is None and is_continuous(ordered):
                drawn[:, j] = np.interp(position[:, j] - 0.5, places, ordered)
            else:
                drawn[:, j] = ordered[np.minimum(position[:, j].astype(int), len(ordered) - 1)]
        return self._hide(self._table.decode(drawn), rng)

    @staticmethod
    def _by_frequency(codes: np.ndarray) -> np.ndarray:
        """(n,) place of each code when levels are ordered from frequent to rare."""
        counts = np.bincount(codes.astype(int))
        return np.argsort(np.argsort(-counts, kind="stable"))[codes.astype(int)]


class SmotencGenerator(TableGenerator):
    """Draw between neighbours of one class with imbalanced-learn: SMOTE-NC, SMOTE or SMOTE-N by column types.

    Every class keeps its share of the rows. Numbers are standardised for the distances. A class of one row,
    which has no neighbour, gives copies of that row.

    Parameters
    ----------
    k_neighbors : int
        Neighbours to choose from; fewer in a class of fewer rows.
    """

    def __init__(self, k_neighbors: int = 5) -> None:
        super().__init__()
        if k_neighbors < 1:
            raise ValueError(f"k_neighbors must be at least 1, got {k_neighbors}")
        self.k_neighbors = k_neighbors

    def _learn(self) -> None:
        if importlib.util.find_spec("imblearn") is None:
            raise GeneratorError(
                "generator 'smotenc' needs the package imbalanced-learn: pip install 'causalmix[baselines]'"
            )
        if len(np.unique(self._table.classes)) < 2:
            raise GeneratorError("SMOTE needs two classes in the training rows, and there is one")
        if self._train.shape[1] < 2:
            raise GeneratorError("SMOTE needs a feature beside the target; add a column")

    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        table = self._table
        scaled, mean, scale = table.standardise()
        mean, scale = np.where(table.is_categorical, 0.0, mean), np.where(table.is_categorical, 1.0, scale)
        features = np.delete(np.where(table.is_categorical, table.values, scaled), table.target, axis=1)
        levels, counts = np.unique(table.classes, return_counts=True)
        parts = []
        for level, share in zip(levels, share_out(counts, n), strict=True):
            if share:
                drawn = self._draw_class(features, table.classes == level, int(share), rng)
                parts.append(np.insert(drawn, table.target, level, axis=1))
        return self._hide(table.decode(np.concatenate(parts) * scale + mean), rng)

    def _draw_class(
        self, features: np.ndarray, member: np.ndarray, share: int, rng: np.random.Generator
    ) -> np.ndarray:
        """(share, d - 1) new rows of one class."""
        size = int(member.sum())
        seed = int(rng.integers(2**31))
        if size == 1:
            return np.repeat(features[member], share, axis=0)
        sampler = self._sampler(
            random_state=seed,
            k_neighbors=min(self.k_neighbors, size - 1),
            sampling_strategy={1: size + share},
        )
        resampled, _ = sampler.fit_resample(features, member.astype(int))
        return np.asarray(resampled, dtype=np.float64)[len(features) :]

    def _sampler(self, **settings: Any) -> Any:
        """The member of the SMOTE family that fits the column types."""
        from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC

        categorical = np.delete(self._table.is_categorical, self._table.target)
        if categorical.all():
            return SMOTEN(**settings)
        if not categorical.any():
            return SMOTE(**settings)
        return SMOTENC(categorical_features=np.flatnonzero(categorical).tolist(), **settings)
