"""The depth dial: make a DAG shallower with few edges lost, and controls that keep its depth.

`limit_depth` cuts a DAG to a given depth. `drop_edges_keeping_depth` loses as many edges without becoming
shallower, so that an effect of the dial can be told from an effect of fewer edges. `shuffle_columns` keeps
the whole shape of a DAG and puts the wrong columns in its places.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from causalmix.causal.dags import empty_dag, node_depths, structural_depth

NODE_LIMIT = 1000
"""Branch-and-bound nodes of `limit_depth`. Graphs discovered on TabArena tables need 1. Ours."""


def limit_depth(dag: nx.DiGraph, k: int, *, node_limit: int = NODE_LIMIT) -> nx.DiGraph:
    """Return a DAG of depth at most `k` with as few edges removed as possible, weak ones first.

    Of all sets of edges whose removal leaves no directed path of more than `k` edges, one with the fewest
    edges is removed and, among those, one with the least total ``strength``.

    Parameters
    ----------
    dag : networkx.DiGraph
        Acyclic; not changed. Edges without ``strength`` count as 1.
    k : int
        Largest depth, in edges, at least 0.
    node_limit : int
        Branch-and-bound nodes, after which the best graph found so far is returned. It is still a DAG of
        depth at most `k`, but perhaps not the best one.

    Returns
    -------
    networkx.DiGraph
        Nodes of `dag` in their order, a subset of its edges in their order, with their data.

    Raises
    ------
    ValueError
        If `k` is negative or the graph has a cycle.

    Notes
    -----
    A graph has depth at most k exactly if its nodes have layers L in {0, ..., k} with L(u) < L(v) along each
    edge. With y[v, l] = 1 where L(v) >= l (y[v, 0] = 1, y[v, k + 1] = 0) and r[e] = 1 where edge e is
    removed, each edge e = (u, v) demands ``y[v, l + 1] + r[e] >= y[u, l]`` for l = 0, ..., k. This integer
    linear programme (the problem is NP-hard: k = 1 is a maximum directed cut) is solved exactly by HiGHS's
    branch and bound (`scipy.optimize.milp`); the cost of r[e] is 1 plus a share of less than one edge in all
    that grows with the strength.

    Examples
    --------
    >>> chain = nx.DiGraph([("a", "b"), ("b", "c"), ("c", "d")])
    >>> list(limit_depth(chain, 1).edges)
    [('a', 'b'), ('c', 'd')]
    """
    if k < 0:
        raise ValueError(f"the depth of a graph is 0 or more, got k = {k}")
    edges = list(dag.edges)
    if structural_depth(dag) <= k:
        kept = np.ones(len(edges), dtype=bool)
    elif k == 0:
        kept = np.zeros(len(edges), dtype=bool)
    else:
        kept = _keep_most(dag, k, node_limit)
    return _with_edges(dag, [edge for edge, keep in zip(edges, kept, strict=True) if keep])


def drop_edges_keeping_depth(dag: nx.DiGraph, n: int, rng: np.random.Generator) -> nx.DiGraph:
    """Return a DAG that has lost `n` edges at random and is as deep as before.

    Edges are visited in a random order; one is removed unless every longest path runs through it.

    Parameters
    ----------
    dag : networkx.DiGraph
        Acyclic; not changed.
    n : int
        Number of edges to lose, 0 to `n_droppable_edges`.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    networkx.DiGraph
        Nodes of `dag` in their order, a subset of its edges in their order, with their data.

    Raises
    ------
    ValueError
        If the graph cannot lose so many edges without becoming shallower, or has a cycle.

    Examples
    --------
    >>> triangle = nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c")])
    >>> list(drop_edges_keeping_depth(triangle, 1, np.random.default_rng(0)).edges)
    [('a', 'b'), ('b', 'c')]
    """
    possible = n_droppable_edges(dag)
    if not 0 <= n <= possible:
        raise ValueError(
            f"a graph of depth {structural_depth(dag)} with {dag.number_of_edges()} edges can lose 0 to "
            f"{possible} of them and keep its depth, not {n}"
        )
    depth, thinned = structural_depth(dag), _with_edges(dag, list(dag.edges))
    edges, n_left = list(dag.edges), n
    for position in rng.permutation(len(edges)):
        if n_left == 0:
            break
        a, b = edges[position]
        thinned.remove_edge(a, b)
        if structural_depth(thinned) < depth:
            thinned.add_edge(a, b)
        else:
            n_left -= 1
    return _with_edges(dag, [edge for edge in edges if thinned.has_edge(*edge)])


def n_droppable_edges(dag: nx.DiGraph) -> int:
    """Return how many edges a DAG can lose without becoming shallower: all but one longest path.

    Examples
    --------
    >>> n_droppable_edges(nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c")]))
    1
    """
    return dag.number_of_edges() - structural_depth(dag)


def shuffle_columns(dag: nx.DiGraph, fixed: str, rng: np.random.Generator) -> nx.DiGraph:
    """Return the DAG with its columns at random places: the same shape and depths, the wrong columns.

    Parameters
    ----------
    dag : networkx.DiGraph
        Not changed.
    fixed : str
        Column that keeps its place (the target).
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    networkx.DiGraph
        Over the columns of `dag` in their order; equal to it up to the names of the nodes but `fixed`.

    Raises
    ------
    ValueError
        If `fixed` is not a node.

    Examples
    --------
    >>> shuffled = shuffle_columns(nx.DiGraph([("a", "b"), ("b", "y")]), "y", np.random.default_rng(3))
    >>> sorted(shuffled.edges)
    [('a', 'y'), ('b', 'a')]
    """
    if fixed not in dag:
        raise ValueError(f"column {fixed!r} is not a node of the graph {list(dag.nodes)}")
    free = [node for node in dag.nodes if node != fixed]
    new_name = {old: free[k] for old, k in zip(free, rng.permutation(len(free)), strict=True)}
    new_name[fixed] = fixed
    shuffled = empty_dag(list(dag.nodes))
    shuffled.add_edges_from((new_name[a], new_name[b], dict(data)) for a, b, data in dag.edges(data=True))
    return shuffled


def _with_edges(dag: nx.DiGraph, edges: list[tuple[str, str]]) -> nx.DiGraph:
    """Return a copy of `dag` with only the given ones of its edges."""
    kept = empty_dag(list(dag.nodes))
    kept.add_edges_from((a, b, dict(dag.edges[a, b])) for a, b in edges)
    return kept


def _keep_most(dag: nx.DiGraph, k: int, node_limit: int) -> np.ndarray:
    """Which edges the integer programme of `limit_depth` keeps, k >= 1: bool array, one per edge."""
    strength = np.array([data.get("strength", 1.0) for *_, data in dag.edges(data=True)], dtype=np.float64)
    n_layer_variables = k * dag.number_of_nodes()
    cost = np.concatenate([np.zeros(n_layer_variables), 1.0 + strength / (strength.sum() + 1.0)])
    matrix, lower = _layer_constraints(dag, k)
    solution = milp(
        cost,
        integrality=np.ones(len(cost)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, lower, np.inf),
        options={"mip_rel_gap": 0.0, "node_limit": node_limit},
    )
    if solution.x is None:
        return _keep_between_bands(dag, k)
    return solution.x[n_layer_variables:] < 0.5


def _layer_constraints(dag: nx.DiGraph, k: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Constraints ``matrix @ [y, r] >= lower``; y[v, l] for l = 1, ..., k stands at ``v * k + l - 1``."""
    number = {node: v for v, node in enumerate(dag.nodes)}
    n_layer_variables = k * len(number)
    lower: list[float] = []
    entries: list[tuple[int, int, float]] = []

    def demand(bound: float, *terms: tuple[int, float]) -> None:
        entries.extend((len(lower), column, factor) for column, factor in terms)
        lower.append(bound)

    for e, (a, b) in enumerate(dag.edges):
        removed, y_a, y_b = n_layer_variables + e, number[a] * k - 1, number[b] * k - 1
        demand(1.0, (y_b + 1, 1.0), (removed, 1.0))
        for layer in range(1, k):
            demand(0.0, (y_b + layer + 1, 1.0), (removed, 1.0), (y_a + layer, -1.0))
        demand(0.0, (removed, 1.0), (y_a + k, -1.0))
    for y_v in (v * k - 1 for v in number.values()):
        for layer in range(1, k):
            demand(0.0, (y_v + layer, 1.0), (y_v + layer + 1, -1.0))
    rows, columns, factors = zip(*entries, strict=True)
    shape = (len(lower), n_layer_variables + dag.number_of_edges())
    return sparse.csr_matrix((factors, (rows, columns)), shape=shape), np.array(lower)


def _keep_between_bands(dag: nx.DiGraph, k: int) -> np.ndarray:
    """Keep the edges between k + 1 bands of equal node depth: always feasible, rarely the best."""
    depths = node_depths(dag)
    n_depths = max(depths.values()) + 1
    band = {node: depth * (k + 1) // n_depths for node, depth in depths.items()}
    return np.array([band[a] < band[b] for a, b in dag.edges], dtype=bool)
