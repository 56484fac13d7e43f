"""Degenerate-Gaussian conditional-independence test for tables of mixed column types.

Each column becomes a block of real columns: a numeric one its normal scores, a categorical one an indicator
per level but one. Blocks X and Y are tested for independence given blocks Z with the likelihood-ratio test
of a multivariate normal (Wilks' lambda) under Bartlett's chi-square approximation.

References
----------
Andrews, Ramsey, Cooper (2019), *Learning high-dimensional directed acyclic graphs with mixed data-types*,
PMLR 104 (the degenerate Gaussian embedding).
Mardia, Kent, Bibby (1979), *Multivariate Analysis*, section 5.3.2 (Bartlett's approximation).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.linalg.lapack import dpotrf
from scipy.special import gammaincc, ndtri
from scipy.stats import rankdata

_RIDGE = 1e-4


def embed_column(column: pd.Series, max_levels: int = 8, min_count: int = 4) -> np.ndarray:
    """Return the block of standardised columns that stands for one column of a canonical frame.

    Parameters
    ----------
    column : Series, length n
        Numeric (NaN = missing) or ``category`` dtype.
    max_levels : int
        Number of levels of a categorical column that get an indicator of their own or serve as the
        reference; rarer levels are pooled. Missing is a level.
    min_count : int
        Rows that a level needs in order not to be pooled.

    Returns
    -------
    ndarray, shape (n, k)
        Zero mean, unit variance. k = 0 for a column without variation in these rows. Missing numeric values
        get the score 0, the middle of a normal distribution.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        block = _indicators(column.cat.codes.to_numpy(), max_levels, min_count)
    else:
        block = np.nan_to_num(normal_scores(column.to_numpy(dtype=np.float64)))[:, None]
    block = block - block.mean(axis=0)
    scale = block.std(axis=0)
    varies = scale > 1e-12
    return block[:, varies] / scale[varies]


def _indicators(codes: np.ndarray, max_levels: int, min_count: int) -> np.ndarray:
    """Indicators of the frequent levels but the most frequent one; rare levels are pooled into one."""
    levels, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    frequent = [levels[k] for k in order[:max_levels] if counts[k] >= min_count]
    if len(frequent) < 2:
        frequent = [levels[k] for k in order[:2]]
    indicators = [codes == level for level in frequent[1:]]
    rare = ~np.isin(codes, frequent)
    if rare.any():
        indicators.append(rare)
    return np.array(indicators, dtype=np.float64).reshape(len(indicators), len(codes)).T


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Return the normal scores of the mid-ranks of the observed values, NaN where missing; shape (n,)."""
    scores = np.full(len(values), np.nan)
    observed = ~np.isnan(values)
    if observed.any():
        scores[observed] = ndtri(rankdata(values[observed]) / (observed.sum() + 1))
    return scores


class DegenerateGaussianTest:
    """Conditional-independence test on the columns of one (sub)sample of a mixed table.

    All tests on one object share a cache of log-determinants and of p-values, so PC and FCI on the same
    rows pay once.

    Parameters
    ----------
    frame : DataFrame, shape (n, d)
        Canonical frame: float64 and ``category`` columns.

    Attributes
    ----------
    informative : ndarray of bool, shape (d,)
        False for a column without variation in these rows; it must not enter a search.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=500)
    >>> frame = pd.DataFrame({"x": x, "m": x + rng.normal(size=500)})
    >>> frame["y"] = frame["m"] + rng.normal(size=500)
    >>> test = DegenerateGaussianTest(frame)
    >>> test.p_value(0, 2) < 0.001 < test.p_value(0, 2, [1])
    True
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        blocks = [embed_column(frame[name]) for name in frame.columns]
        ends = np.cumsum([block.shape[1] for block in blocks])
        starts = ends - [block.shape[1] for block in blocks]
        self._columns = [list(range(a, b)) for a, b in zip(starts, ends, strict=True)]
        self._n_rows = len(frame)
        embedded = np.hstack(blocks) if blocks else np.zeros((len(frame), 0))
        self._correlation = embedded.T @ embedded / max(len(frame), 1) + _RIDGE * np.eye(embedded.shape[1])
        self._log_determinants: dict[tuple[int, ...], float] = {(): 0.0}
        self._p_values: dict[tuple[int, int, tuple[int, ...]], float] = {}
        self.informative = np.array([block.shape[1] > 0 for block in blocks], dtype=bool)

    def p_value(self, x: int, y: int, given: Iterable[int] = ()) -> float:
        """Return the p-value of "column x is independent of column y given the columns `given`".

        1.0 where the rows are too few for the conditioning set: no evidence, no edge.
        """
        x, y = (int(x), int(y)) if x < y else (int(y), int(x))
        z = tuple(sorted({int(k) for k in given}))
        key = (x, y, z)
        p = self._p_values.get(key)
        if p is None:
            p = self._p_values[key] = self._likelihood_ratio(x, y, z)
        return p

    def _likelihood_ratio(self, x: int, y: int, z: tuple[int, ...]) -> float:
        """Wilks' lambda of the partial covariance of blocks x and y, Bartlett's chi-square."""
        p, q = len(self._columns[x]), len(self._columns[y])
        n_given = sum(len(self._columns[k]) for k in z)
        factor = self._n_rows - 1 - n_given - (p + q + 1) / 2
        if factor <= 1 or p * q == 0:
            return 1.0
        log_lambda = (
            self._log_determinant((x, y, *z))
            + self._log_determinant(z)
            - self._log_determinant((x, *z))
            - self._log_determinant((y, *z))
        )
        statistic = max(-factor * log_lambda, 0.0)
        return float(gammaincc(p * q / 2, statistic / 2))

    def _log_determinant(self, nodes: tuple[int, ...]) -> float:
        """Log-determinant of the correlation matrix of the blocks of `nodes`."""
        key = tuple(sorted(nodes))
        value = self._log_determinants.get(key)
        if value is None:
            index = np.array([column for node in key for column in self._columns[node]], dtype=np.intp)
            root, _ = dpotrf(self._correlation[index[:, None], index])  # the ridge keeps it positive definite
            value = 2.0 * float(np.log(root.diagonal()).sum())
            self._log_determinants[key] = value
        return value
