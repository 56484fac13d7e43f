"""Tables simulated from structural causal models that we set, for the checks of the method claims."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np
import pandas as pd

from causalmix.causal.dags import random_dag
from causalmix.seeding import derive_seed

LEVELS = ("low", "middle", "high")
"""Levels of the categorical columns of `simulate_mixed`."""


@dataclass(frozen=True)
class Simulation:
    """A table drawn from an SCM that we set.

    Attributes
    ----------
    seed : int
    dag : networkx.DiGraph
        The true graph.
    rows : DataFrame, shape (n_rows, n_columns)
        Canonical: float64 columns with mean 0 and SD 1, categorical ones with the levels `LEVELS`.
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
        values[node] = _draw_node(dag, node, values, n_rows, rng)
    return Simulation(seed, dag, pd.DataFrame({name: values[name] for name in columns}))


def simulate_mixed(seed: int, n_rows: int, n_columns: int, n_edges: int) -> Simulation:
    """Draw a table as `simulate` does, with half of its columns cut at their terciles to categories.

    Children of a categorical column see its level as -1, 0 or 1. At least one column of either kind has
    parents.

    Parameters
    ----------
    seed, n_rows, n_columns, n_edges : int
        With so many edges that two columns have parents: ``n_edges >= n_columns``.

    Examples
    --------
    >>> sorted(set(map(str, simulate_mixed(0, n_rows=50, n_columns=6, n_edges=7).rows.dtypes)))
    ['category', 'float64']
    """
    rng = np.random.default_rng(derive_seed("mixed simulation", seed, n_rows, n_columns, n_edges))
    columns = [f"x{i}" for i in range(n_columns)]
    dag = random_dag(columns, n_edges, rng)
    with_parents = [node for node in columns if dag.in_degree(node)]
    free = [node for node in columns if node not in (with_parents[0], with_parents[-1])]
    categorical = {with_parents[0], *rng.choice(free, n_columns // 2 - 1, replace=False).tolist()}
    values: dict[str, np.ndarray] = {}
    rows: dict[str, pd.Series] = {}
    for node in nx.topological_sort(dag):
        value = _draw_node(dag, node, values, n_rows, rng)
        if node in categorical:
            level = np.searchsorted(np.quantile(value, [1 / 3, 2 / 3]), value)
            rows[node] = pd.Series(pd.Categorical(np.array(LEVELS)[level], categories=list(LEVELS)))
            value = level - 1.0
        else:
            rows[node] = pd.Series(value)
        values[node] = value
    return Simulation(seed, dag, pd.DataFrame({name: rows[name] for name in columns}))


def _draw_node(
    dag: nx.DiGraph, node: str, values: dict[str, np.ndarray], n_rows: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the weighted sum of the parents plus standard normal noise, standardised, shape (n_rows,)."""
    value = rng.normal(size=n_rows)
    for parent in dag.predecessors(node):
        value = value + rng.choice([-1, 1]) * rng.uniform(0.5, 1.5) * values[parent]
    return (value - value.mean()) / value.std()
