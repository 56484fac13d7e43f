"""Does causal discovery recover the depth of a graph? Asked of the simulated tables of suite ``known_scm``.

No model is fine-tuned here: structure is discovered on the training rows that a run would see, DAGs are drawn
from the edge probabilities, and their depth and edges are compared with those of the true graph.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd

from causalmix.causal.dags import sample_dag, structural_depth
from causalmix.data.known_scm import KNOWN_SCM, known_table, true_graph
from causalmix.data.splits import Protocol
from causalmix.folds import prepare_fold
from causalmix.seeding import derive_seed
from causalmix.specs import RunSpec

N_DAGS = 5
"""DAGs drawn per table, as many as `CausalGenerator` uses."""

SHORT = 4
"""Number of tables under the profile ``smoke``."""


def recover_depths(profile: str = "", fold: int = 0, max_train_rows: int = 0) -> pd.DataFrame:
    """Discover the structure of each table of ``known_scm`` and compare its depth with the true one.

    Parameters
    ----------
    profile : str
        ``smoke`` takes `SHORT` tables of different depths only.
    fold : int
        The fold whose training rows are used.
    max_train_rows : int
        Size of the training part, validation included; 0: the protocol's own.

    Returns
    -------
    DataFrame
        One row per table: ``dataset, mechanism, noise, n_rows, true_depth, depth, true_edges, n_edges``
        (means over `N_DAGS` DAGs), ``skeleton_f1, directed_f1`` in [0, 1].
    """
    names = list(KNOWN_SCM)
    if profile == "smoke":
        names = names[:: max(1, len(names) // SHORT + 1)][:SHORT]
    protocol = Protocol(max_train_rows=max_train_rows) if max_train_rows else Protocol()
    return pd.DataFrame([recover_depth(name, fold, protocol) for name in names])


def recover_depth(name: str, fold: int = 0, protocol: Protocol = Protocol()) -> dict[str, object]:  # noqa: B008 (frozen)
    """Return the row of one table, see `recover_depths`.

    Raises
    ------
    DataError
        If it is not a table of the suite.
    """
    from causalmix.causal.discovery import discover_edges  # causal-learn: imported where it is used

    table, truth = known_table(name), true_graph(name)
    prepared = prepare_fold(RunSpec("recovery", "known_scm", name, fold, "causalmix", protocol=protocol))
    seed = derive_seed("depth recovery", name, fold)
    edges = discover_edges(prepared.train, prepared.target, seed=seed)
    rng = np.random.default_rng(derive_seed("depth recovery dags", name, fold))
    dags = [sample_dag(edges, rng) for _ in range(N_DAGS)]
    return {
        "dataset": name,
        "mechanism": table.mechanism,
        "noise": table.noise,
        "n_rows": len(prepared.train),
        "true_depth": table.depth,
        "depth": float(np.mean([structural_depth(dag) for dag in dags])),
        "true_edges": truth.number_of_edges(),
        "n_edges": float(np.mean([dag.number_of_edges() for dag in dags])),
        "skeleton_f1": float(np.mean([edge_f1(dag, truth, directed=False) for dag in dags])),
        "directed_f1": float(np.mean([edge_f1(dag, truth, directed=True) for dag in dags])),
    }


def edge_f1(dag: nx.DiGraph, truth: nx.DiGraph, *, directed: bool) -> float:
    """Return the F1 score of the edges of a graph against the true ones, in [0, 1].

    Parameters
    ----------
    dag, truth : networkx.DiGraph
    directed : bool
        Whether an edge the wrong way round is wrong.

    Examples
    --------
    >>> reverse, truth = nx.DiGraph([("b", "a")]), nx.DiGraph([("a", "b")])
    >>> edge_f1(reverse, truth, directed=False), edge_f1(reverse, truth, directed=True)
    (1.0, 0.0)
    """
    found, true = ({edge if directed else frozenset(edge) for edge in graph.edges} for graph in (dag, truth))
    return 2 * len(found & true) / (len(found) + len(true)) if found or true else 1.0
