"""PC and FCI on a skeleton that is searched for once.

The only module that imports causal-learn. Its console output, its module-level lookups and its dependence on
PYTHONHASHSEED are confined to `orient`.

References
----------
Spirtes, Glymour, Scheines (2000), *Causation, Prediction, and Search* (PC, FCI).
Zheng et al. (2024), *Causal-learn: Causal discovery in Python*, JMLR 25.
"""

from __future__ import annotations

import copy
import functools
import io
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout

import causallearn.search.ConstraintBased.FCI as fci_module
import numpy as np
from causallearn.graph.Edge import Edge
from causallearn.graph.GeneralGraph import GeneralGraph
from causallearn.graph.GraphClass import CausalGraph
from causallearn.graph.GraphNode import GraphNode
from causallearn.search.ConstraintBased.PC import pc
from causallearn.utils.cit import CIT_Base, register_ci_test
from causallearn.utils.DepthChoiceGenerator import DepthChoiceGenerator
from causallearn.utils.PCUtils import SkeletonDiscovery as pc_module

from causalmix.causal.ci_test import DegenerateGaussianTest
from causalmix.causal.settings import MAX_CONDITIONING, MAX_POSSIBLE_DSEP
from causalmix.causal.skeleton import Skeleton, find_skeleton

_CI_TEST_NAME = "causalmix_degenerate_gaussian"
_LOCK = threading.RLock()


class _SharedTest(CIT_Base):
    """causal-learn's view of a `DegenerateGaussianTest` that several searches share."""

    def __init__(self, data: np.ndarray, test: DegenerateGaussianTest, **kwargs: object) -> None:
        super().__init__(
            data[:1, :1], **kwargs
        )  # it prints and hashes what it is given, for a cache of its own
        self.method = _CI_TEST_NAME
        self._test = test

    def __call__(self, X: int, Y: int, condition_set: Sequence[int] | None = None) -> float:
        return self._test.p_value(X, Y, condition_set if condition_set is not None else ())

    def __deepcopy__(self, memo: dict) -> _SharedTest:
        """Itself: causal-learn copies its graphs, test and all, and the shared caches are large."""
        return self


register_ci_test(_CI_TEST_NAME, _SharedTest)


class _Graph(GeneralGraph):
    """A graph of causal-learn that reads its matrix where the original looks at every pair of nodes."""

    def __init__(self, skeleton: Skeleton, nodes: list[GraphNode]) -> None:
        super().__init__(nodes)
        self.graph = -skeleton.adjacency.astype(int)

    def __deepcopy__(self, memo: dict) -> _Graph:
        """Edges of its own; the nodes, which no search changes, are shared."""
        twin = copy.copy(self)
        twin.graph, twin.dpath = self.graph.copy(), self.dpath.copy()
        return twin

    def get_graph_edges(self) -> list[Edge]:
        return [self.get_edge(self.nodes[i], self.nodes[j]) for i, j in np.argwhere(np.triu(self.graph))]

    def get_adjacent_nodes(self, node: GraphNode) -> list[GraphNode]:
        return [self.nodes[i] for i in self.graph[self.node_map[node]].nonzero()[0]]

    def is_def_collider(self, node1: GraphNode, node2: GraphNode, node3: GraphNode) -> bool:
        at_middle = self.graph[self.node_map[node2]]
        return bool(at_middle[self.node_map[node1]] == 1 and at_middle[self.node_map[node3]] == 1)


def orient(test: DegenerateGaussianTest, d: int, algorithms: Sequence[str], alpha: float) -> list[np.ndarray]:
    """Search the skeleton of d columns, and orient its edges by the rules of each algorithm.

    Parameters
    ----------
    test : DegenerateGaussianTest
        Test of conditional independence over d informative columns.
    d : int
        Number of columns, at least 2.
    algorithms : sequence of {"pc", "fci"}
        Whose rules; FCI also removes edges by its Possible-D-Sep search.
    alpha : float
        Significance level, in (0, 1).

    Returns
    -------
    list of ndarray of int, shape (d, d)
        Endpoint marks per algorithm, as `causalmix.causal.votes.count_votes` reads them.
    """
    skeleton = find_skeleton(test, d, alpha, MAX_CONDITIONING)
    with _contained_causallearn(skeleton):
        return [ALGORITHMS[name](test, d, alpha) for name in algorithms]


def _run_pc(test: DegenerateGaussianTest, d: int, alpha: float) -> np.ndarray:
    """Endpoint marks of PC: colliders in the order of their strength."""
    found = pc(
        _no_data(d),
        alpha=alpha,
        indep_test=_CI_TEST_NAME,
        uc_rule=0,
        uc_priority=3,
        show_progress=False,
        node_names=_node_names(d),
        test=test,
    )
    return found.G.graph


def _run_fci(test: DegenerateGaussianTest, d: int, alpha: float) -> np.ndarray:
    """Endpoint marks of FCI."""
    graph, _ = fci_module.fci(
        _no_data(d),
        independence_test_method=_CI_TEST_NAME,
        alpha=alpha,
        max_path_length=4,
        show_progress=False,
        node_names=_node_names(d),
        test=test,
    )
    return graph.graph


ALGORITHMS: dict[str, Callable[[DegenerateGaussianTest, int, float], np.ndarray]] = {
    "pc": _run_pc,
    "fci": _run_fci,
}


def _no_data(d: int) -> np.ndarray:
    """What causal-learn takes for the rows: it counts the columns; the test holds all else."""
    return np.zeros((d, d))


def _node_names(d: int) -> list[str]:
    return [f"X{i:05d}" for i in range(d)]


def _skeleton_for_pc(
    skeleton: Skeleton,
    data: np.ndarray,
    alpha: float,
    indep_test: CIT_Base,
    *args: object,
    node_names: list[str],
    **kwargs: object,
) -> CausalGraph:
    """`skeleton` in the place of PC's own search, in PC's terms."""
    found = CausalGraph(len(node_names), node_names)
    found.set_ind_test(indep_test)
    found.G = _Graph(skeleton, found.G.nodes)
    for pair, separating in skeleton.separating.items():
        found.sepset[pair] = [tuple(separating)]
    return found


def _skeleton_for_fci(
    skeleton: Skeleton, data: np.ndarray, nodes: list[GraphNode], *args: object, **kwargs: object
) -> tuple[GeneralGraph, dict[tuple[int, int], set[int]], dict]:
    """`skeleton` in the place of FCI's own search, in FCI's terms (it changes the sets)."""
    separating = {pair: set(given) for pair, given in skeleton.separating.items()}
    return _Graph(skeleton, nodes), separating, {}


def _bounded_choices(a: int, depth: int) -> DepthChoiceGenerator:
    """Choice generator of FCI's Possible-D-Sep search with a bounded subset size."""
    return DepthChoiceGenerator(a, min(depth, MAX_POSSIBLE_DSEP))


def _is_reached(node_from: GraphNode, node_to: GraphNode, G: GeneralGraph) -> bool:
    """Whether a path leads from node to node, none of its edges, one at least, with an arrow at its start."""
    leads_on = (G.graph != 0) & (G.graph != 1)  # [i, j]: from i to j
    reached = new = leads_on[G.node_map[node_from]]
    while new.any():
        new = leads_on[new].any(axis=0) & ~reached
        reached = reached | new
    return bool(reached[G.node_map[node_to]])


def _stable_hash(node: GraphNode) -> int:
    """Hash that does not depend on PYTHONHASHSEED: FCI walks over sets of nodes."""
    return _hash_name(node.name)


@functools.cache
def _hash_name(name: str) -> int:
    return zlib.crc32(name.encode())


@contextmanager
def _contained_causallearn(skeleton: Skeleton) -> Iterator[None]:
    """Silence causal-learn, hand it the skeleton, bound its searches, make its hash stable; undo it after."""
    replaced = [
        (GraphNode, "__hash__", _stable_hash),
        (fci_module, "DepthChoiceGenerator", _bounded_choices),
        (fci_module, "existsSemiDirectedPath", _is_reached),
        (fci_module, "fas", functools.partial(_skeleton_for_fci, skeleton)),
        (pc_module, "skeleton_discovery", functools.partial(_skeleton_for_pc, skeleton)),
    ]
    with _LOCK, redirect_stdout(io.StringIO()):
        originals = [getattr(owner, name) for owner, name, _ in replaced]
        try:
            for owner, name, ours in replaced:
                setattr(owner, name, ours)
            yield
        finally:
            for (owner, name, _), original in zip(replaced, originals, strict=True):
                setattr(owner, name, original)
