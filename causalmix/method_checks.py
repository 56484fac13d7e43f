"""Evidence for the method claims: discovery and fitted SCMs at work on simulated tables with a known graph.

One function per kind of estimand; each returns one row of evidence per seed. `causalmix.method_estimands`
summarises them. Causal discovery and dowhy are imported by the functions that run them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from causalmix.causal.dags import random_dag
from causalmix.causal.edges import EdgeProbabilities, pairs
from causalmix.rules import Claim, ClaimError
from causalmix.seeding import derive_seed

SHORT_SEEDS = 2
"""Number of seeds under the profile ``smoke``; the rule's own number otherwise."""


@dataclass(frozen=True)
class Simulation:
    """A table drawn from a linear-Gaussian SCM that we set.

    Attributes
    ----------
    seed : int
    dag : networkx.DiGraph
        The true graph.
    rows : DataFrame, shape (n_rows, n_columns)
        float64, each column with mean 0 and SD 1.
    """

    seed: int
    dag: nx.DiGraph
    rows: pd.DataFrame


def simulate(seed: int, n_rows: int, n_columns: int, n_edges: int) -> Simulation:
    """Draw a table from a random linear-Gaussian SCM.

    Edge weights are uniform on +-[0.5, 1.5], the noise is standard normal, and each column is standardised
    *before* its children see it, so that neither variances nor explained shares give the order away.

    Parameters
    ----------
    seed, n_rows, n_columns, n_edges : int

    Examples
    --------
    >>> table = simulate(0, n_rows=50, n_columns=4, n_edges=3)
    >>> table.rows.shape, table.dag.number_of_edges()
    ((50, 4), 3)
    """
    rng = np.random.default_rng(derive_seed("simulation", seed, n_rows, n_columns, n_edges))
    columns = [f"x{i}" for i in range(n_columns)]
    dag = random_dag(columns, n_edges, rng)
    values: dict[str, np.ndarray] = {}
    for node in nx.topological_sort(dag):
        value = rng.normal(size=n_rows)
        for parent in dag.predecessors(node):
            value = value + rng.choice([-1, 1]) * rng.uniform(0.5, 1.5) * values[parent]
        values[node] = (value - value.mean()) / value.std()
    return Simulation(seed, dag, pd.DataFrame({name: values[name] for name in columns}))


def collect_evidence(claim: Claim, profile: str = "") -> pd.DataFrame:
    """Run the simulations of a method claim as its rule says.

    Parameters
    ----------
    claim : Claim
    profile : str
        ``smoke`` runs `SHORT_SEEDS` seeds only; the verdict then says that the run was shortened.

    Returns
    -------
    DataFrame
        One row per seed: ``seed`` and the columns of the claim's kind.

    Raises
    ------
    ClaimError
        When the claim is not decided on simulated tables, or its evidence is not made here.
    """
    kind = claim.estimand["kind"]
    if not claim.simulated or kind not in CHECKS:
        raise ClaimError(f"claim {claim.id} ({kind}) has no simulation; those that have: {', '.join(CHECKS)}")
    settings = dict(claim.estimand["simulation"])
    n_seeds = settings.pop("n_seeds")
    seeds = range(min(n_seeds, SHORT_SEEDS) if profile == "smoke" else n_seeds)
    return pd.DataFrame([{"seed": seed, **CHECKS[kind](seed, settings)} for seed in seeds])


def check_skeleton(seed: int, settings: Mapping[str, int]) -> dict[str, float]:
    """Claim 13: ``auroc, pc_auroc, fci_auroc`` of the undirected edges."""
    table = _simulate(seed, settings)
    return {
        "auroc": skeleton_auroc(_discover(table, settings), table.dag),
        "pc_auroc": skeleton_auroc(_discover(table, settings, ("pc",)), table.dag),
        "fci_auroc": skeleton_auroc(_discover(table, settings, ("fci",)), table.dag),
    }


def check_strengths(seed: int, settings: Mapping[str, int]) -> dict[str, float]:
    """Claim 14: ``auroc, valid, graded_share, strength_true, strength_elsewhere, strength_gap``."""
    table = _simulate(seed, settings)
    edges = _discover(table, settings)
    matrix = edges.matrix
    truth = nx.to_numpy_array(table.dag, nodelist=list(edges.columns), weight=None) > 0
    off_diagonal = ~np.eye(len(matrix), dtype=bool)
    in_range = bool(((matrix >= 0) & (matrix <= 1)).all() and (matrix + matrix.T <= 1 + 1e-9).all())
    positive = matrix[matrix > 0]
    strength_true, elsewhere = matrix[truth].mean(), matrix[off_diagonal & ~truth].mean()
    return {
        "auroc": float(roc_auc_score(truth[off_diagonal], matrix[off_diagonal])),
        "valid": float(in_range and not np.diagonal(matrix).any()),
        "graded_share": float((positive < 1).mean()) if len(positive) else 0.0,
        "strength_true": float(strength_true),
        "strength_elsewhere": float(elsewhere),
        "strength_gap": float(strength_true - elsewhere),
    }


def check_propagation(seed: int, settings: Mapping[str, int]) -> dict[str, float]:
    """Claim 17: ``deviation, descendants_only``: drawn rows against their noise, propagated.

    ``descendants_only`` is the share of nodes whose noise, drawn anew, changes that node and no column but
    its descendants.
    """
    from causalmix.causal.scm import draw_noise, draw_samples, fit_scm, propagate_noise

    table = _simulate(seed, settings)
    scm = fit_scm(table.dag, table.rows, seed=seed)
    drawn, noise = draw_samples(scm, len(table.rows), seed), draw_noise(scm, len(table.rows), seed)
    propagated = propagate_noise(scm, noise)
    spread = table.rows.std()
    other = draw_noise(scm, len(table.rows), derive_seed("other noise", seed))
    obeyed = []
    for node in table.dag.nodes:
        changed = propagate_noise(scm, {**noise, node: other[node]})
        moved = {column for column in changed if not changed[column].equals(propagated[column])}
        obeyed.append(node in moved and moved <= {node, *nx.descendants(table.dag, node)})
    deviation = ((drawn - propagated).abs() / spread).to_numpy().max()
    return {"deviation": float(deviation), "descendants_only": float(np.mean(obeyed))}


CHECKS: dict[str, Callable[[int, Mapping[str, int]], dict[str, float]]] = {
    "skeleton_auroc": check_skeleton,
    "directed_auroc": check_strengths,
    "noise_propagation": check_propagation,
}
"""Simulations by the kind of estimand that claims.yml names."""


def skeleton_auroc(edges: EdgeProbabilities, dag: nx.DiGraph) -> float:
    """Return the AUROC of ``max(P[i, j], P[j, i])`` against the adjacency of the true graph, in [0, 1].

    Examples
    --------
    >>> edges = EdgeProbabilities(("a", "b", "c"), [[0, 0.4, 0.1], [0.4, 0, 0], [0, 0, 0]])
    >>> truth = nx.DiGraph([("a", "b")])
    >>> truth.add_node("c")
    >>> skeleton_auroc(edges, truth)
    1.0
    """
    forward, backward = pairs(edges.matrix)
    true_forward, true_backward = pairs(nx.to_numpy_array(dag, nodelist=list(edges.columns), weight=None))
    return float(roc_auc_score(true_forward + true_backward > 0, np.maximum(forward, backward)))


def _simulate(seed: int, settings: Mapping[str, int]) -> Simulation:
    return simulate(seed, settings["n_rows"], settings["n_columns"], settings["n_edges"])


def _discover(
    table: Simulation, settings: Mapping[str, int], algorithms: tuple[str, ...] = ("pc", "fci")
) -> EdgeProbabilities:
    from causalmix.causal.discovery import discover_edges

    return discover_edges(
        table.rows, None, n_bootstraps=settings["n_bootstraps"], algorithms=algorithms, seed=table.seed
    )
