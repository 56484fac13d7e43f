"""Edge probabilities of a mixed table from PC and FCI on random subsamples.

The only module that imports causal-learn. Its console output, its module-level lookups and its dependence on
PYTHONHASHSEED are confined to `_contained_causallearn`.

References
----------
Spirtes, Glymour, Scheines (2000), *Causation, Prediction, and Search* (PC, FCI).
Meinshausen, Bühlmann (2010), *Stability selection*, JRSS B 72 (subsamples in place of the bootstrap).
Zheng et al. (2024), *Causal-learn: Causal discovery in Python*, JMLR 25.
"""

from __future__ import annotations

import functools
import io
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout

import causallearn.search.ConstraintBased.FCI as fci_module
import numpy as np
import pandas as pd
from causallearn.graph.GraphClass import CausalGraph
from causallearn.graph.GraphNode import GraphNode
from causallearn.search.ConstraintBased.PC import pc
from causallearn.utils.cit import CIT_Base, register_ci_test
from causallearn.utils.DepthChoiceGenerator import DepthChoiceGenerator
from causallearn.utils.FAS import fas
from causallearn.utils.PCUtils import SkeletonDiscovery as pc_module

from causalmix.causal.ci_test import DegenerateGaussianTest
from causalmix.causal.edges import EdgeProbabilities
from causalmix.causal.redundancy import find_redundant_columns
from causalmix.causal.votes import count_votes

MAX_CONDITIONING = 3
"""Largest conditioning set of the adjacency searches of PC and FCI."""

MAX_POSSIBLE_DSEP = 2
"""Largest conditioning set of FCI's Possible-D-Sep search, which its ``depth`` does not bound."""

WIDE_TABLE = 60
"""Number of columns above which at most `WIDE_BOOTSTRAPS` subsamples are drawn."""

WIDE_BOOTSTRAPS = 5

SUBSAMPLE_SHARE = 0.8
"""Share of the rows in each subsample, drawn without replacement.

Set with `ALPHA` on simulated tables of known graph (``benchmarks/discovery.py``): with half of the rows of a
small table fewer edges are found."""

ALPHA = 0.1
"""Significance level of the independence tests."""

_CI_TEST_NAME = "causalmix_degenerate_gaussian"
_LOCK = threading.RLock()


class _SharedTest(CIT_Base):
    """causal-learn's view of a `DegenerateGaussianTest` that several searches share."""

    def __init__(self, data: np.ndarray, test: DegenerateGaussianTest, **kwargs: object) -> None:
        super().__init__(data, **kwargs)
        self.method = _CI_TEST_NAME
        self._test = test

    def __call__(self, X: int, Y: int, condition_set: Sequence[int] | None = None) -> float:
        return self._test.p_value(X, Y, condition_set if condition_set is not None else ())

    def __deepcopy__(self, memo: dict) -> _SharedTest:
        """Itself: causal-learn copies its graphs, test and all, and the shared caches are large."""
        return self


register_ci_test(_CI_TEST_NAME, _SharedTest)


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
    data = np.zeros((len(subsample), len(informative)))
    with _contained_causallearn():
        for name in algorithms:
            marks = ALGORITHMS[name](data, test, alpha)
            votes[np.ix_(informative, informative)] += count_votes(marks)
    return votes


def _run_pc(data: np.ndarray, test: DegenerateGaussianTest, alpha: float) -> np.ndarray:
    """Endpoint marks of PC: stable skeleton, colliders in the order of their strength."""
    found = pc(
        data,
        alpha=alpha,
        indep_test=_CI_TEST_NAME,
        stable=True,
        uc_rule=0,
        uc_priority=3,
        max_k=MAX_CONDITIONING,
        show_progress=False,
        node_names=_node_names(data.shape[1]),
        test=test,
    )
    return found.G.graph


def _run_fci(data: np.ndarray, test: DegenerateGaussianTest, alpha: float) -> np.ndarray:
    """Endpoint marks of FCI with bounded conditioning sets."""
    graph, _ = fci_module.fci(
        data,
        independence_test_method=_CI_TEST_NAME,
        alpha=alpha,
        depth=MAX_CONDITIONING,
        max_path_length=4,
        show_progress=False,
        node_names=_node_names(data.shape[1]),
        test=test,
    )
    return graph.graph


ALGORITHMS: dict[str, Callable[[np.ndarray, DegenerateGaussianTest, float], np.ndarray]] = {
    "pc": _run_pc,
    "fci": _run_fci,
}


def _node_names(d: int) -> list[str]:
    return [f"X{i:05d}" for i in range(d)]


def _stable_skeleton(
    data: np.ndarray,
    alpha: float,
    indep_test: CIT_Base,
    *args: object,
    node_names: list[str],
    **kwargs: object,
) -> CausalGraph:
    """PC's stable skeleton by FCI's adjacency search: the same edges and separating sets.

    causal-learn's own looks removed edges up in a list, which takes most of PC's time on wide tables.
    """
    nodes = [GraphNode(name) for name in node_names]
    found = CausalGraph(len(node_names), node_names)
    found.set_ind_test(indep_test)
    found.G, separating_sets, _ = fas(
        data, nodes, indep_test, alpha, depth=MAX_CONDITIONING, show_progress=False
    )
    for pair, separating in separating_sets.items():
        found.sepset[pair] = [tuple(separating)]
    return found


def _bounded_choices(a: int, depth: int) -> DepthChoiceGenerator:
    """Choice generator of FCI's Possible-D-Sep search with a bounded subset size."""
    return DepthChoiceGenerator(a, min(depth, MAX_POSSIBLE_DSEP))


def _stable_hash(node: GraphNode) -> int:
    """Hash that does not depend on PYTHONHASHSEED: FCI walks over sets of nodes."""
    return _hash_name(node.name)


@functools.cache
def _hash_name(name: str) -> int:
    return zlib.crc32(name.encode())


@contextmanager
def _contained_causallearn() -> Iterator[None]:
    """Silence causal-learn, bound its Possible-D-Sep search and make its node hash stable; undo it after."""
    with _LOCK, redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of features is much larger")
        originals = GraphNode.__hash__, fci_module.DepthChoiceGenerator, pc_module.skeleton_discovery
        GraphNode.__hash__ = _stable_hash
        fci_module.DepthChoiceGenerator = _bounded_choices
        pc_module.skeleton_discovery = _stable_skeleton
        try:
            yield
        finally:
            GraphNode.__hash__, fci_module.DepthChoiceGenerator, pc_module.skeleton_discovery = originals
