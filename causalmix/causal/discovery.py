"""Edge probabilities of a mixed table from PC and FCI on random subsamples.

References
----------
Meinshausen, Bühlmann (2010), *Stability selection*, JRSS B 72 (subsamples in place of the bootstrap).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalmix.causal.ci_test import DegenerateGaussianTest
from causalmix.causal.edges import EdgeProbabilities
from causalmix.causal.orientation import ALGORITHMS, orient
from causalmix.causal.redundancy import find_redundant_columns
from causalmix.causal.settings import ALPHA, SUBSAMPLE_SHARE, WIDE_BOOTSTRAPS, WIDE_TABLE
from causalmix.causal.votes import count_votes


def discover_edges(
    train: pd.DataFrame,
    target: str | None,
    *,
    n_bootstraps: int = 10,
    alpha: float = ALPHA,
    algorithms: Sequence[str] = ("pc", "fci"),
    subsample_share: float = SUBSAMPLE_SHARE,
    seed: int = 0,
) -> EdgeProbabilities:
    """Estimate edge probabilities from the votes of PC and FCI on random subsamples.

    Each subsample (a share of the rows without replacement, columns permuted) is searched by every algorithm;
    its endpoint marks become votes (`count_votes`), and the votes are averaged. Constant and repeated columns
    get no edges. With more than `WIDE_TABLE` columns at most `WIDE_BOOTSTRAPS` subsamples are drawn.

    Parameters
    ----------
    train : DataFrame, shape (n, d)
        Canonical frame, target column included; missing values allowed.
    target : str or None
        Name of the target column.
    n_bootstraps : int
        Number of subsamples, at least 1.
    alpha : float
        Significance level of the independence tests, in (0, 1).
    algorithms : sequence of {"pc", "fci"}
        Searches to average over.
    subsample_share : float
        Share of the rows in each subsample, in (0, 1]; at least 4 rows are drawn.
    seed : int
        Seed of the subsamples; the same seed gives the same result in any process.

    Returns
    -------
    EdgeProbabilities
        Over all d columns in their order.

    Raises
    ------
    ValueError
        For an unknown algorithm, an alpha or a share outside its range, no rows, or a target that is no
        column.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 400))
    >>> train = pd.DataFrame({"a": a, "b": b, "y": a + b + rng.normal(size=400)})
    >>> P = discover_edges(train, "y", n_bootstraps=4).to_frame()
    >>> bool(P.loc["a", "y"] > 2 * P.loc["y", "a"])
    True
    """
    algorithms = tuple(algorithms)
    _check_arguments(train, target, n_bootstraps, alpha, algorithms, subsample_share)
    rng = np.random.default_rng(seed)
    distinct = find_redundant_columns(train, keep=target).reduce(train)
    n_rounds = min(n_bootstraps, WIDE_BOOTSTRAPS) if distinct.shape[1] > WIDE_TABLE else n_bootstraps
    d = distinct.shape[1]
    votes = np.zeros((d, d))
    for _ in range(n_rounds):
        rows = np.sort(rng.permutation(len(distinct))[: max(4, int(len(distinct) * subsample_share))])
        order = rng.permutation(d)
        subsample = distinct.iloc[rows, order]
        votes[np.ix_(order, order)] += _search(subsample, algorithms, float(alpha))
    columns = [str(name) for name in train.columns]
    matrix = np.zeros((len(columns), len(columns)))
    where = train.columns.get_indexer(distinct.columns)
    matrix[np.ix_(where, where)] = votes / (n_rounds * len(algorithms))
    return EdgeProbabilities(tuple(columns), matrix, target, algorithms, n_rounds)


def _check_arguments(
    train: pd.DataFrame,
    target: str | None,
    n_bootstraps: int,
    alpha: float,
    algorithms: tuple[str, ...],
    subsample_share: float,
) -> None:
    unknown = [name for name in algorithms if name not in ALGORITHMS]
    if unknown or not algorithms:
        raise ValueError(f"algorithms must be some of {sorted(ALGORITHMS)}, got {algorithms}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
    if not 0 < subsample_share <= 1:
        raise ValueError(f"subsample_share must lie above 0 and be at most 1, got {subsample_share}")
    if n_bootstraps < 1:
        raise ValueError(f"n_bootstraps must be at least 1, got {n_bootstraps}")
    if target is not None and target not in train.columns:
        raise ValueError(f"target {target!r} is not a column of the table {list(train.columns)}")
    if len(train) < 4:
        raise ValueError(f"causal discovery needs at least 4 rows, got {len(train)}")


def _search(subsample: pd.DataFrame, algorithms: tuple[str, ...], alpha: float) -> np.ndarray:
    """Summed votes of the algorithms on one subsample, shape (d, d); [i, j] counts for i -> j."""
    votes = np.zeros((subsample.shape[1], subsample.shape[1]))
    test = DegenerateGaussianTest(subsample)
    informative = np.flatnonzero(test.informative)
    if len(informative) < 2:
        return votes
    if len(informative) < subsample.shape[1]:
        test = DegenerateGaussianTest(subsample.iloc[:, informative])
    for marks in orient(test, len(informative), algorithms, alpha):
        votes[np.ix_(informative, informative)] += count_votes(marks)
    return votes
