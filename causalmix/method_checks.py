"""Evidence for the method claims: discovery and fitted SCMs at work on simulated tables with a known graph.

One function per kind of estimand; each returns one row of evidence per seed. `causalmix.method_estimands`
summarises them. Those about fitted SCMs are in `causalmix.scm_checks`. Causal discovery and dowhy are
imported by the functions that run them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import networkx as nx
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from causalmix.causal.edges import EdgeProbabilities, pairs
from causalmix.rules import Claim, ClaimError
from causalmix.scm_checks import check_additivity, check_fitted, check_mechanisms, check_propagation
from causalmix.simulation import Simulation, simulate

SHORT_SEEDS = 2
"""Number of seeds under the profile ``smoke``; the rule's own number otherwise."""


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


CHECKS: dict[str, Callable[[int, Mapping[str, int]], dict[str, float]]] = {
    "fitted_to_target": check_fitted,
    "skeleton_auroc": check_skeleton,
    "directed_auroc": check_strengths,
    "additive_noise": check_additivity,
    "node_mechanisms": check_mechanisms,
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
