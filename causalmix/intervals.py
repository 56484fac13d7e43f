"""Intervals and tests that respect the clusters: whole datasets are resampled, never single runs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import stats

from causalmix.resampling import Statistic, resampled_rows

RESAMPLES = 5000
CONFIDENCE = 0.95
_LEAST_DEFINED = 0.95
"""Share of resamples in which a statistic must be defined for its interval to be one."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval.

    Attributes
    ----------
    value, lower, upper : float
        The estimate on all data and the ends of its interval; NaN where it cannot be computed.
    n_clusters : int
        Number of clusters (datasets, seeds) that were resampled.
    """

    value: float
    lower: float
    upper: float
    n_clusters: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.lower:.3f}, {self.upper:.3f}]"


def signed(value: float, lower: float = float("nan"), upper: float = float("nan")) -> str:
    """Return a difference with its sign and its interval, if it has one, as figures and sentences write it.

    Examples
    --------
    >>> signed(0.0213, -0.01, 0.05), signed(-0.2)
    ('+0.021 [−0.010, +0.050]', '−0.200')
    """
    ends = f" [{lower:+.3f}, {upper:+.3f}]" if np.isfinite([lower, upper]).all() else ""
    return f"{value:+.3f}{ends}".replace("-", "−")


@dataclass(frozen=True)
class Correlation:
    """A rank correlation with its interval and permutation p value.

    Attributes
    ----------
    rho : float
        Spearman's correlation in [-1, 1]; NaN where one of the variables is constant.
    lower, upper : float
        BCa interval; NaN where `bca_interval` gives none.
    p_value : float
        Two-sided permutation p.
    n : int
        Number of pairs.
    """

    rho: float
    lower: float
    upper: float
    p_value: float
    n: int


def cluster_bootstrap(
    values: np.ndarray,
    clusters: np.ndarray,
    statistic: Statistic,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of ``statistic`` that resamples whole clusters.

    Parameters
    ----------
    values : ndarray, shape (n,) or (n, k)
        One row per unit (a run, a pair of runs).
    clusters : ndarray, shape (n,)
        The cluster (dataset) of each row.
    statistic : callable
        ``statistic(*columns, axis=-1)``: one argument per column of ``values``, reduced over its last axis;
        the columns of many resamples come at once, as `scipy.stats.bootstrap` gives them.
    resamples, confidence, seed
        Number of resamples, level of the interval, seed of the draws.

    Returns
    -------
    Interval
        With NaN ends when there are fewer than two clusters (one dataset says nothing about others), or
        where the statistic is undefined in more than 5 % of the resamples.

    References
    ----------
    Davison and Hinkley, *Bootstrap Methods and their Application* (1997), section 3.8.

    Examples
    --------
    >>> scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    >>> tables = np.array(["a", "a", "b", "b", "c", "c"])
    >>> interval = cluster_bootstrap(scores, tables, np.median)
    >>> round(interval.value, 2), interval.lower <= 0.35 <= interval.upper
    (0.35, True)
    """
    columns, labels = np.atleast_2d(np.asarray(values, dtype=float).T), np.asarray(clusters)
    names, cluster = np.unique(labels, return_inverse=True)
    if len(labels) == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    value = float(statistic(*columns, axis=-1))
    if len(names) < 2:
        return Interval(value, float("nan"), float("nan"), len(names))
    chosen = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    draws = np.empty(resamples)
    for part, rows in resampled_rows(cluster, chosen):
        draws[part] = statistic(*columns[:, rows], axis=-1)
    tail = 100 * (1 - confidence) / 2
    drawn = draws[np.isfinite(draws)]
    few = len(drawn) < _LEAST_DEFINED * resamples
    lower, upper = (np.nan, np.nan) if few else np.percentile(drawn, [tail, 100 - tail])
    return Interval(value, float(lower), float(upper), len(names))


def mean_interval(
    values: np.ndarray, *, resamples: int = RESAMPLES, confidence: float = CONFIDENCE, seed: int = 0
) -> Interval:
    """Percentile bootstrap interval of the mean of independent units, one value per dataset say.

    What `cluster_bootstrap` gives for clusters of one row, without its loop.

    Parameters
    ----------
    values : ndarray, shape (n,)

    Returns
    -------
    Interval
        With NaN ends for fewer than two units.

    Examples
    --------
    >>> interval = mean_interval(np.arange(20.0))
    >>> interval.value, bool(interval.lower < 9.5 < interval.upper), interval.n_clusters
    (9.5, True, 20)
    """
    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return Interval(float(values.mean()) if len(values) else np.nan, np.nan, np.nan, len(values))
    draws = np.random.default_rng(seed).integers(len(values), size=(resamples, len(values)))
    tail = 100 * (1 - confidence) / 2
    lower, upper = np.percentile(values[draws].mean(axis=1), [tail, 100 - tail])
    return Interval(float(values.mean()), float(lower), float(upper), len(values))


def bca_interval(
    values: np.ndarray,
    statistic: Statistic = np.mean,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> tuple[float, float]:
    """Bias-corrected accelerated bootstrap interval over independent units.

    Parameters
    ----------
    values : ndarray, shape (n,) or (n, k)
        One row per unit.
    statistic : callable
        As for `cluster_bootstrap`.

    Returns
    -------
    tuple of float
        Lower and upper end; both the estimate where all units agree. NaN with fewer than three units, or
        where the acceleration is not defined: the statistic is the same whichever unit is left out.

    References
    ----------
    Efron, *Better bootstrap confidence intervals*, JASA 82 (1987); ``scipy.stats.bootstrap``.

    Examples
    --------
    >>> lower, upper = bca_interval(np.arange(20.0))
    >>> lower < 9.5 < upper
    True
    """
    columns = np.atleast_2d(np.asarray(values, dtype=float).T)
    if columns.shape[1] < 3:
        return float("nan"), float("nan")
    if all(np.ptp(column) == 0 for column in columns):
        value = float(statistic(*columns, axis=-1))
        return value, value
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):  # NaN says it
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            tuple(columns),
            statistic,
            paired=True,
            n_resamples=resamples,
            confidence_level=confidence,
            method="BCa",
            random_state=rng,
        )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's rank correlation, NaN (without a warning) where one of the variables is constant.

    Examples
    --------
    >>> round(spearman([1, 2, 3], [10, 30, 20]), 3)
    0.5
    """
    ranks_x, ranks_y = stats.rankdata(x), stats.rankdata(y)
    if len(ranks_x) < 2 or np.ptp(ranks_x) == 0 or np.ptp(ranks_y) == 0:
        return float("nan")
    return float(np.corrcoef(ranks_x, ranks_y)[0, 1])


def permutation_p(x: np.ndarray, y: np.ndarray, *, permutations: int = 10_000, seed: int = 0) -> float:
    """Two-sided permutation p value of Spearman's correlation.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    permutations, seed : int
        Of `y`, and of their draw.

    Returns
    -------
    float
        (1 + number of permutations at least as extreme) / (1 + permutations); NaN where undefined.

    References
    ----------
    Phipson and Smyth, *Permutation p-values should never be zero*, SAGMB 9 (2010).
    """
    observed = spearman(x, y)
    if np.isnan(observed):
        return float("nan")
    ranks_x, ranks_y = _standardised_ranks(x), _standardised_ranks(y)
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.tile(ranks_y, (permutations, 1)), axis=1)
    extreme = np.abs(shuffled @ ranks_x / len(ranks_x)) >= abs(observed) - 1e-12
    return float((1 + extreme.sum()) / (1 + permutations))


def correlate(
    x: np.ndarray, y: np.ndarray, *, resamples: int = RESAMPLES, permutations: int = 10_000, seed: int = 0
) -> Correlation:
    """Spearman's correlation with a BCa interval and a permutation p; pairs with a NaN are left out.

    Examples
    --------
    >>> found = correlate(np.arange(12.0), np.arange(12.0) ** 2)
    >>> found.rho, found.p_value < 0.01, found.n
    (1.0, True, 12)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    kept = np.isfinite(x) & np.isfinite(y)
    x, y = x[kept], y[kept]
    rho = spearman(x, y)
    if np.isnan(rho) or len(x) < 4:
        return Correlation(rho, float("nan"), float("nan"), float("nan"), len(x))
    if abs(rho) > 1 - 1e-12:
        lower, upper = rho, rho
    else:
        pairs = np.column_stack([x, y])
        lower, upper = bca_interval(pairs, _spearman_or_zero, resamples=resamples, seed=seed)
    p_value = permutation_p(x, y, permutations=permutations, seed=seed)
    return Correlation(round(rho, 12), lower, upper, p_value, len(x))


def _spearman_or_zero(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
    """Spearman's correlation, to 12 digits (ties are ties); 0 for a resample that drew one pair only."""
    ranks = (stats.rankdata(one, axis=axis) for one in (x, y))
    first, second = (one - one.mean(axis, keepdims=True) for one in ranks)
    size = np.sqrt((first**2).sum(axis) * (second**2).sum(axis))
    return ((first * second).sum(axis) / np.where(size > 0, size, np.inf)).round(12)


def _standardised_ranks(values: np.ndarray) -> np.ndarray:
    ranks = stats.rankdata(values)
    return (ranks - ranks.mean()) / ranks.std()
