"""Does discovery find a known graph again, and its depth? Sampled DAGs against the truth, on known_scm."""

from __future__ import annotations

from typing import NamedTuple

import networkx as nx
import numpy as np
import pandas as pd

from causalmix.causal.dags import random_dag, sample_dag, structural_depth
from causalmix.data.known_scm import TARGET, known_table, load_known_scm, true_graph
from causalmix.seeding import derive_seed


class GraphAgreement(NamedTuple):
    """Agreement of a found graph with the true one, each in [0, 1].

    Attributes
    ----------
    skeleton_f1 : float
        F1 of the edges, directions ignored; 1 where neither graph has an edge.
    edge_f1 : float
        F1 of the directed edges.
    """

    skeleton_f1: float
    edge_f1: float


def compare_graphs(found: nx.DiGraph, truth: nx.DiGraph) -> GraphAgreement:
    """Compare a found DAG with the true one.

    Examples
    --------
    >>> compare_graphs(nx.DiGraph([("a", "b"), ("c", "b")]), nx.DiGraph([("a", "b"), ("b", "c")]))
    GraphAgreement(skeleton_f1=1.0, edge_f1=0.5)
    """
    pairs = [{frozenset(edge) for edge in dag.edges} for dag in (found, truth)]
    return GraphAgreement(_f1(*pairs), _f1(set(found.edges), set(truth.edges)))


def recover_depth(
    name: str, n_rows: int, *, n_dags: int = 10, n_bootstraps: int = 10, seed: int = 0
) -> pd.DataFrame:
    """Discover the graph of a table of suite known_scm from some of its rows, and compare sampled DAGs.

    Parameters
    ----------
    name : str
        A key of `causalmix.data.known_scm.KNOWN_SCM`.
    n_rows : int
        Number of rows, drawn at random without replacement.
    n_dags : int
        DAGs drawn from the edge probabilities.
    n_bootstraps : int
        Half-samples of the discovery.
    seed : int
        Seed of the rows, the discovery and the DAGs.

    Returns
    -------
    DataFrame, n_dags rows
        ``dataset, mechanism, noise, true_depth, n_rows, dag, depth, n_edges, skeleton_f1, edge_f1`` and, as
        what chance gives, ``random_depth``: the depth of a random DAG with as many edges.

    Raises
    ------
    DataError
        If no graph of the table is known.
    ValueError
        If the table has fewer than n_rows rows.

    Examples
    --------
    >>> recover_depth("scm-depth1-linear-low", 400, n_dags=2, n_bootstraps=2)["true_depth"].tolist()
    [1, 1]
    """
    from causalmix.causal.discovery import discover_edges  # causal-learn: imported where it is used

    table, truth, rows = known_table(name), true_graph(name), load_known_scm(name)
    rng = np.random.default_rng(derive_seed("recovery", name, n_rows, seed))
    chosen = np.sort(rng.choice(len(rows.X), n_rows, replace=False))
    train = rows.X.assign(**{TARGET: rows.y}).iloc[chosen].reset_index(drop=True)
    P = discover_edges(train, TARGET, n_bootstraps=n_bootstraps, seed=derive_seed("recovery", seed))
    found = [sample_dag(P, rng) for _ in range(n_dags)]
    random = [random_dag(P.columns, dag.number_of_edges(), rng) for dag in found]
    return pd.DataFrame(
        {
            "dataset": name,
            "mechanism": table.mechanism,
            "noise": table.noise,
            "true_depth": table.depth,
            "n_rows": n_rows,
            "dag": np.arange(n_dags),
            "depth": [structural_depth(dag) for dag in found],
            "n_edges": [dag.number_of_edges() for dag in found],
            "skeleton_f1": [compare_graphs(dag, truth).skeleton_f1 for dag in found],
            "edge_f1": [compare_graphs(dag, truth).edge_f1 for dag in found],
            "random_depth": [structural_depth(dag) for dag in random],
        }
    )


def _f1(found: set, truth: set) -> float:
    if not found and not truth:
        return 1.0
    return 2 * len(found & truth) / (len(found) + len(truth))
