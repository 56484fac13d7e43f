"""Evidence for the claims about fitted SCMs (12, 15, 16, 17): what they do on tables whose graph is known.

dowhy and causal discovery are imported by the functions that run them.
"""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx
import numpy as np
import pandas as pd

from causalmix.seeding import derive_seed
from causalmix.simulation import Simulation, simulate, simulate_mixed

N_SAMPLED_DAGS = 5
"""DAGs drawn from the edge probabilities of one table, as many as `CausalGenerator` uses."""


def check_fitted(seed: int, settings: Mapping[str, int]) -> dict[str, float]:
    """Claim 12: ``nearer, distance_own, distance_other``: drawn rows between their own and another table.

    Structure is discovered on the first of two tables with the same columns, a DAG is drawn and fitted to
    it, as many rows are drawn. Distance: Frobenius norm of the difference of Spearman correlation matrices.
    """
    from causalmix.causal.scm import draw_samples, fit_scm

    own = simulate(seed, **settings)
    other = simulate(derive_seed("another table", seed), **settings)
    dag = _sample_dags(own, 1)[0]
    drawn = draw_samples(fit_scm(dag, own.rows, seed=seed), len(own.rows), seed)
    distances = [
        float(np.linalg.norm(_spearman_matrix(drawn) - _spearman_matrix(table.rows)))
        for table in (own, other)
    ]
    return {
        "nearer": float(distances[0] < distances[1]),
        "distance_own": distances[0],
        "distance_other": distances[1],
    }


def check_additivity(seed: int, settings: Mapping[str, int]) -> dict[str, float]:
    """Claim 15: ``deviation, acyclic, n_nodes, bounded_share``: additivity of the noise, and sampled graphs.

    ``deviation`` is the largest |f(parents, noise) - f(parents, 0) - noise| over the nodes with parents of
    `N_SAMPLED_DAGS` fitted DAGs, in SDs of the column, before values are bounded to the training range;
    ``bounded_share`` is the share of values that bounding then changes. A graph with a cycle counts in
    ``acyclic`` and is not fitted.
    """
    from causalmix.causal.scm import draw_noise, fit_scm

    table = simulate(seed, **settings)
    dags = _sample_dags(table, N_SAMPLED_DAGS)
    deviations, bounded = [0.0], [np.zeros(0, dtype=bool)]
    for dag in filter(nx.is_directed_acyclic_graph, dags):
        scm = fit_scm(dag, table.rows, seed=seed)
        noise = draw_noise(scm, len(table.rows), seed)
        for node in [name for name in dag.nodes if dag.in_degree(name)]:
            mechanism = scm.model.causal_mechanism(node)
            parents = table.rows[sorted(dag.predecessors(node))].to_numpy()
            column_noise = noise[node][:, None]
            value = mechanism.evaluate_unbounded(parents, column_noise)
            silent = mechanism.evaluate_unbounded(parents, np.zeros_like(column_noise))
            deviations.append(np.abs(value - silent - column_noise).max() / table.rows[node].std())
            bounded.append((mechanism.evaluate(parents, column_noise) != value).ravel())
    return {
        "deviation": float(np.max(deviations)),  # NaN where one is
        "acyclic": float(np.mean([nx.is_directed_acyclic_graph(dag) for dag in dags])),
        "n_nodes": float(len(deviations) - 1),
        "bounded_share": float(np.concatenate(bounded).mean()) if len(bounded) > 1 else 0.0,
    }


def check_mechanisms(seed: int, settings: Mapping[str, int]) -> dict[str, float]:
    """Claim 16: ``seen_levels, new_numbers, r2, accuracy, majority_accuracy, accuracy_gain``.

    A mixed table is cut in two; the SCM is fitted with the true graph to one half and its mechanisms predict
    the other from the true values of the parents. Means over the columns with parents.
    """
    from causalmix.causal.scm import draw_samples, fit_scm

    table = simulate_mixed(seed, **{**settings, "n_rows": 2 * settings["n_rows"]})
    train, new = (
        half.reset_index(drop=True)
        for half in (table.rows[: settings["n_rows"]], table.rows[settings["n_rows"] :])
    )
    scm = fit_scm(table.dag, train, seed=seed)
    drawn = draw_samples(scm, len(train), seed)
    categorical = [name for name in train if isinstance(train[name].dtype, pd.CategoricalDtype)]
    modelled = [name for name in train if table.dag.in_degree(name)]
    numbers = [name for name in modelled if name not in categorical]
    seen = [set(drawn[name].dropna()) <= set(train[name]) for name in categorical]
    novel = [not set(drawn[name]) <= set(train[name]) for name in numbers]
    r2, accuracy, majority = [], [], []
    for name in modelled:
        parents = new[sorted(table.dag.predecessors(name))].astype(object).to_numpy()
        mechanism = scm.model.causal_mechanism(name)
        if name in numbers:
            error = new[name] - mechanism.prediction_model.predict(parents).ravel()
            r2.append(1 - (error**2).mean() / new[name].var(ddof=0))
        else:
            predicted = mechanism.classifier_model.predict(parents).ravel().astype(str)
            accuracy.append((predicted == new[name].astype(str)).mean())
            majority.append((new[name] == train[name].mode()[0]).mean())
    return {
        "seen_levels": float(np.mean(seen)),
        "new_numbers": float(np.mean(novel)),
        "r2": float(np.mean(r2)),
        "accuracy": float(np.mean(accuracy)),
        "majority_accuracy": float(np.mean(majority)),
        "accuracy_gain": float(np.mean(accuracy) - np.mean(majority)),
    }


def check_propagation(seed: int, settings: Mapping[str, int]) -> dict[str, float]:
    """Claim 17: ``deviation, descendants_only``: drawn rows against their noise, propagated.

    ``descendants_only`` is the share of nodes whose noise, drawn anew, changes that node and no column but
    its descendants.
    """
    from causalmix.causal.scm import draw_noise, draw_samples, fit_scm, propagate_noise

    table = simulate(seed, **settings)
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


def _sample_dags(table: Simulation, n_dags: int) -> list[nx.DiGraph]:
    """Draw DAGs from the edge probabilities discovered on the table."""
    from causalmix.causal.dags import sample_dag
    from causalmix.causal.discovery import discover_edges

    edges = discover_edges(table.rows, None, seed=table.seed)
    rng = np.random.default_rng(derive_seed("sampled dags", table.seed))
    return [sample_dag(edges, rng) for _ in range(n_dags)]


def _spearman_matrix(rows: pd.DataFrame) -> np.ndarray:
    return rows.corr(method="spearman").to_numpy()
