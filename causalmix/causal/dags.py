"""Directed acyclic graphs: drawn from edge probabilities or at random, and their structure.

Needs numpy and networkx only: everything that reads recorded graphs can import this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import networkx as nx
import numpy as np

from causalmix.causal.edges import EdgeProbabilities, pairs

__all__ = [
    "EdgeProbabilities",
    "GraphStatistics",
    "empty_dag",
    "graph_statistics",
    "node_depths",
    "random_dag",
    "sample_dag",
    "structural_depth",
]


def sample_dag(P: EdgeProbabilities, rng: np.random.Generator, max_parents: int = 6) -> nx.DiGraph:
    """Draw a directed acyclic graph from edge probabilities.

    One draw per unordered pair decides between ``i -> j``, ``j -> i`` and no edge. The drawn edges are then
    inserted in the order of ``log P + Gumbel noise`` (a random order that prefers strong edges). An edge
    that would close a cycle is turned around where the votes allow that direction, so that the dependence
    stays in the graph; one that still does not fit, or would be a parent too many, is left out.

    Parameters
    ----------
    P : EdgeProbabilities
        Edge probabilities over d columns.
    rng : numpy.random.Generator
        Source of randomness.
    max_parents : int
        Largest in-degree, at least 1.

    Returns
    -------
    networkx.DiGraph
        Acyclic; nodes are the column names in their order, edges carry their probability as ``strength``.

    Raises
    ------
    ValueError
        If `max_parents` is below 1.

    Examples
    --------
    >>> P = EdgeProbabilities(("a", "b"), [[0, 1], [0, 0]])
    >>> list(sample_dag(P, np.random.default_rng(0)).edges)
    [('a', 'b')]
    """
    if max_parents < 1:
        raise ValueError(f"max_parents must be at least 1, got {max_parents}")
    forward, backward = pairs(P.matrix)
    i, j = np.triu_indices(len(P.columns), k=1)
    draw = rng.random(len(forward))
    is_forward, is_edge = draw < forward, draw < forward + backward
    cause = np.where(is_forward, i, j)[is_edge]
    effect = np.where(is_forward, j, i)[is_edge]
    strength = P.matrix[cause, effect]
    priority = np.log(np.maximum(strength, 1e-300)) + rng.gumbel(size=len(cause))
    order = np.argsort(-priority, kind="stable")
    kept = _insert_acyclic(P.matrix, cause[order], effect[order], max_parents)
    dag = nx.DiGraph()
    dag.add_nodes_from(P.columns)
    for a, b in kept:
        dag.add_edge(P.columns[a], P.columns[b], strength=float(P.matrix[a, b]))
    return dag


def _insert_acyclic(
    matrix: np.ndarray, causes: np.ndarray, effects: np.ndarray, max_parents: int
) -> list[tuple[int, int]]:
    """Insert edges in the given order; turn around what closes a cycle, skip what exceeds the in-degree.

    ``reaches[a]`` is a bit set of the nodes that node a can reach, itself included.
    """
    n_nodes = len(matrix)
    reaches = [1 << node for node in range(n_nodes)]
    n_parents = [0] * n_nodes
    kept = []
    for a, b in zip(causes.tolist(), effects.tolist(), strict=True):
        if reaches[b] >> a & 1:
            a, b = b, a
        if n_parents[b] >= max_parents or not matrix[a, b]:
            continue
        kept.append((a, b))
        n_parents[b] += 1
        gained = reaches[b]
        for node in range(n_nodes):
            if reaches[node] >> a & 1:
                reaches[node] |= gained
    return kept


def random_dag(
    columns: Sequence[str], n_edges: int, rng: np.random.Generator, max_parents: int = 6
) -> nx.DiGraph:
    """Draw a DAG with `n_edges` edges at random: a random node order, then random pairs along it.

    Parameters
    ----------
    columns : sequence of str
        Names of the nodes.
    n_edges : int
        Number of edges.
    rng : numpy.random.Generator
        Source of randomness.
    max_parents : int
        Largest in-degree.

    Raises
    ------
    ValueError
        If no DAG over these nodes has so many edges at this in-degree.

    Examples
    --------
    >>> random_dag(["a", "b", "c"], 2, np.random.default_rng(0)).number_of_edges()
    2
    """
    d = len(columns)
    possible = sum(min(k, max_parents) for k in range(d))
    if not 0 <= n_edges <= possible:
        raise ValueError(
            f"a DAG over {d} nodes with at most {max_parents} parents has 0 to {possible} edges, "
            f"not {n_edges}"
        )
    position = rng.permutation(d)
    early, late = np.triu_indices(d, k=1)
    shuffled = rng.permutation(len(early))
    n_parents = np.zeros(d, dtype=int)
    dag = nx.DiGraph()
    dag.add_nodes_from(columns)
    for pair in shuffled:
        if dag.number_of_edges() == n_edges:
            break
        if n_parents[late[pair]] < max_parents:
            n_parents[late[pair]] += 1
            dag.add_edge(columns[position[early[pair]]], columns[position[late[pair]]], strength=1.0)
    return dag


def empty_dag(columns: Sequence[str]) -> nx.DiGraph:
    """Return the DAG without edges over `columns`: every column on its own, depth 0."""
    dag = nx.DiGraph()
    dag.add_nodes_from(columns)
    return dag


def node_depths(dag: nx.DiGraph) -> dict[str, int]:
    """Return, per node, the number of edges on the longest directed path that ends in it.

    Raises
    ------
    ValueError
        If the graph has a directed cycle.
    """
    try:
        order = list(nx.topological_sort(dag))
    except nx.NetworkXUnfeasible:
        cycle = " -> ".join(str(a) for a, _ in nx.find_cycle(dag))
        raise ValueError(f"depth is defined for acyclic graphs; this one has the cycle {cycle}") from None
    depths: dict[str, int] = {}
    for node in order:
        depths[node] = max((depths[parent] + 1 for parent in dag.predecessors(node)), default=0)
    return depths


def structural_depth(dag: nx.DiGraph) -> int:
    """Return the number of edges on the longest directed path of a DAG.

    Examples
    --------
    >>> structural_depth(nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c")]))
    2
    """
    return max(node_depths(dag).values(), default=0)


@dataclass(frozen=True)
class GraphStatistics:
    """Structure of one DAG. Depths are counted in edges.

    Parameters
    ----------
    depth : int
        Edges on the longest directed path.
    target_depth : int
        Edges on the longest directed path that ends in the target.
    mean_node_depth : float
        Mean over nodes of the longest path that ends in the node.
    n_edges, n_nodes : int
        Size of the graph, target included.
    n_target_ancestors : int
        Number of nodes with a directed path to the target.
    n_target_neighbours : int
        Number of nodes with an edge to or from the target; 0 leaves the target on its own.
    edge_entropy : float
        `EdgeProbabilities.entropy` of the matrix the DAG was drawn from, in bits per pair; NaN without one.
    """

    depth: int
    target_depth: int
    mean_node_depth: float
    n_edges: int
    n_nodes: int
    n_target_ancestors: int
    n_target_neighbours: int
    edge_entropy: float = float("nan")

    def to_dict(self) -> dict[str, float]:
        """Return the fields as a dict, in the order of the recorded tables."""
        return asdict(self)


def graph_statistics(dag: nx.DiGraph, target: str, P: EdgeProbabilities | None = None) -> GraphStatistics:
    """Measure the structure of a DAG.

    Parameters
    ----------
    dag : networkx.DiGraph
        Acyclic graph that contains `target`.
    target : str
        Name of the target node.
    P : EdgeProbabilities, optional
        The probabilities the DAG was drawn from, for `edge_entropy`.

    Raises
    ------
    ValueError
        If the graph does not contain `target`.

    Examples
    --------
    >>> stats = graph_statistics(nx.DiGraph([("a", "b"), ("b", "y")]), "y")
    >>> stats.depth, stats.target_depth, stats.n_target_ancestors, stats.n_target_neighbours
    (2, 2, 2, 1)
    """
    if target not in dag:
        raise ValueError(f"target {target!r} is not a node of the graph {list(dag.nodes)}")
    depths = node_depths(dag)
    return GraphStatistics(
        depth=max(depths.values()),
        target_depth=depths[target],
        mean_node_depth=float(np.mean(list(depths.values()))),
        n_edges=dag.number_of_edges(),
        n_nodes=dag.number_of_nodes(),
        n_target_ancestors=len(nx.ancestors(dag, target)),
        n_target_neighbours=dag.degree(target),
        edge_entropy=float("nan") if P is None else P.entropy(),
    )
