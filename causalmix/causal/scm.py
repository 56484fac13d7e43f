"""Structural causal models of mixed tables: fit to a DAG, draw rows.

Numeric nodes follow an additive noise model ``X = f(parents) + N``, categorical nodes a classifier whose
noise is uniform on [0, 1], root nodes their empirical distribution (`causalmix.causal.dowhy_mechanisms`; only
that module and this one import dowhy). A row is drawn by drawing the noise of every node and propagating it
in topological order.

Ours, beyond dowhy: missing values. A missing categorical value is a level of its own. Missing numbers are
filled with the median or imputed for fitting, and masked again after sampling as in a real row of the same
target class (the same table without a target).
A numeric node whose parents are all categorical often repeats a training value: where the resampled residual
comes from a row with the same levels, it gives the value of that row back.

References
----------
Blöbaum et al. (2024), *DoWhy-GCM*, JMLR 25 (the mechanisms and their fitting).
Hoyer et al. (2009), *Nonlinear causal discovery with additive noise models*, NeurIPS.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import networkx as nx
import numpy as np
import pandas as pd
from dowhy import gcm
from dowhy.gcm import config as dowhy_config

from causalmix.causal.dowhy_mechanisms import mechanism_for
from causalmix.causal.imputation import impute_numbers
from causalmix.causal.mechanisms import MECHANISMS
from causalmix.causal.schema import MISSING_NUMBERS, TableSchema
from causalmix.seeding import temporary_seed

_LOCK = threading.RLock()


@dataclass(frozen=True)
class FittedSCM:
    """A structural causal model fitted to a table.

    Parameters
    ----------
    dag : networkx.DiGraph
        The graph over the columns.
    model : dowhy.gcm.StructuralCausalModel
        The fitted dowhy model; its graph is a copy of `dag`.
    schema : TableSchema
        Column types and missingness of the training table.
    """

    dag: nx.DiGraph
    model: gcm.StructuralCausalModel = field(repr=False)
    schema: TableSchema = field(repr=False)


def fit_scm(
    dag: nx.DiGraph,
    train: pd.DataFrame,
    seed: int = 0,
    *,
    mechanism: str = "linear",
    missing: str = "median",
    target: str | None = None,
) -> FittedSCM:
    """Fit a structural causal model to a table.

    Parameters
    ----------
    dag : networkx.DiGraph
        Acyclic; its nodes are exactly the columns of `train`.
    train : DataFrame, shape (n, d)
        Canonical frame: float64 columns (NaN = missing) and ``category`` columns with string levels.
    seed : int
        Seed of whatever the mechanisms draw while they are fitted.
    mechanism : {"linear", "hist_gradient_boosting"}
        Family of regressors and classifiers, see `causalmix.causal.mechanisms.MECHANISMS`.
    missing : {"median", "imputed"}
        What stands for missing numbers while mechanisms are fitted: the column's median, or numbers drawn
        from what the other columns say (`causalmix.causal.imputation`).
    target : str, optional
        Categorical column whose classes missingness is drawn within.

    Raises
    ------
    ValueError
        If the graph has a cycle or other nodes than the columns, the table is empty, a column is missing
        throughout, or the mechanism or the way with missing numbers is unknown.

    Examples
    --------
    >>> train = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [0.1, 0.9, 2.2, 2.9]})
    >>> scm = fit_scm(nx.DiGraph([("a", "b")]), train)
    >>> draw_samples(scm, 3, seed=0).shape
    (3, 2)
    """
    if mechanism not in MECHANISMS:
        raise ValueError(f"unknown mechanism {mechanism!r}; known: {', '.join(MECHANISMS)}")
    if missing not in MISSING_NUMBERS:
        raise ValueError(f"unknown way with missing numbers {missing!r}; known: {', '.join(MISSING_NUMBERS)}")
    _check_table(dag, train)
    schema = TableSchema.of(train, target)
    filled = schema.fill(train if missing == "median" else impute_numbers(train, seed))
    graph = nx.DiGraph()
    graph.add_nodes_from(train.columns)
    graph.add_edges_from(dag.edges)
    model = gcm.StructuralCausalModel(graph)
    for node in train.columns:
        model.set_causal_mechanism(node, mechanism_for(node, graph, filled, MECHANISMS[mechanism]))
    with _contained_dowhy(), temporary_seed(seed):
        gcm.fit(model, filled)
    return FittedSCM(dag.copy(), model, schema)


def draw_samples(scm: FittedSCM, n: int, seed: int) -> pd.DataFrame:
    """Draw rows: exogenous noise, propagated through the fitted model, missing values masked again.

    Parameters
    ----------
    scm : FittedSCM
    n : int
        Number of rows; a negative one raises a ValueError.
    seed : int
        The same seed gives the same rows.

    Returns
    -------
    DataFrame, shape (n, d)
        Columns, dtypes and category sets of the training table.
    """
    if n < 0:
        raise ValueError(f"cannot draw {n} rows; ask for 0 or more")
    if n == 0:
        return scm.schema.template.copy()
    with _contained_dowhy(), temporary_seed(seed):
        drawn = gcm.draw_samples(scm.model, n)
    return scm.schema.mask(scm.schema.cast(drawn), np.random.default_rng(seed))


def draw_noise(scm: FittedSCM, n: int, seed: int) -> dict[str, np.ndarray]:
    """Draw the exogenous noise that `draw_samples` uses with the same seed.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        Per column: the value of a root node, the residual of a numeric node, the uniform variate of a
        categorical one.
    """
    noise = {}
    with temporary_seed(seed):
        for node in nx.topological_sort(scm.model.graph):
            mechanism = scm.model.causal_mechanism(node)
            is_root = scm.model.graph.in_degree(node) == 0
            draw = mechanism.draw_samples if is_root else mechanism.draw_noise_samples
            noise[node] = np.asarray(draw(n)).reshape(n)
    return noise


def propagate_noise(scm: FittedSCM, noise: dict[str, np.ndarray]) -> pd.DataFrame:
    """Propagate noise from `draw_noise` through the fitted model; the rows are complete (nothing is masked).

    Returns
    -------
    DataFrame, shape (n, d)
        Columns and dtypes of the training table.
    """
    values: dict[str, np.ndarray] = {}
    for node in nx.topological_sort(scm.model.graph):
        parents = sorted(scm.model.graph.predecessors(node))
        if not parents:
            values[node] = noise[node]
            continue
        stacked = pd.DataFrame({parent: values[parent] for parent in parents}).to_numpy()
        evaluated = scm.model.causal_mechanism(node).evaluate(stacked, noise[node])
        values[node] = np.asarray(evaluated).reshape(-1)
    return scm.schema.cast(pd.DataFrame(values))


def _check_table(dag: nx.DiGraph, train: pd.DataFrame) -> None:
    if not nx.is_directed_acyclic_graph(dag):
        raise ValueError("a structural causal model needs an acyclic graph; this one has a directed cycle")
    if set(dag.nodes) != set(train.columns):
        odd = sorted(map(str, set(dag.nodes) ^ set(train.columns)))
        raise ValueError(f"graph nodes and table columns differ in {odd}")
    empty = [str(c) for c in train.columns if train[c].isna().all()]
    if len(train) == 0 or empty:
        raise ValueError(f"no observed values to fit in {empty or 'a table without rows'}; drop such columns")


@contextmanager
def _contained_dowhy() -> Iterator[None]:
    """dowhy without progress bars and worker processes; its global configuration is restored after."""
    with _LOCK:
        bars, n_jobs = dowhy_config.show_progress_bars, dowhy_config.default_n_jobs
        dowhy_config.show_progress_bars, dowhy_config.default_n_jobs = False, 1
        try:
            yield
        finally:
            dowhy_config.show_progress_bars, dowhy_config.default_n_jobs = bars, n_jobs
