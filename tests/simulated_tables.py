"""Canonical tables of mixed column types that are drawn from a graph we know."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd

from causalmix.causal.dags import random_dag

TARGET = "y"


def simulate_mixed(
    seed: int, n_rows: int = 600, n_columns: int = 10, n_edges: int = 11
) -> tuple[nx.DiGraph, pd.DataFrame]:
    """A random graph and a table drawn from it; every third column has three levels, the target is one.

    A level is the third of its latent value; a child sees the (shuffled) effect of each level.
    """
    rng = np.random.default_rng(seed)
    columns = [TARGET, *(f"x{i}" for i in range(1, n_columns))]
    dag = random_dag(columns, n_edges, rng, max_parents=3)
    signals: dict[str, np.ndarray] = {}
    table: dict[str, pd.Series] = {}
    for node in nx.topological_sort(dag):
        value = rng.normal(size=n_rows)
        for parent in dag.predecessors(node):
            value = value + rng.choice([-1, 1]) * rng.uniform(0.9, 1.6) * signals[parent]
        value = (value - value.mean()) / value.std()
        if columns.index(node) % 3 == 0:
            codes = np.digitize(value, np.quantile(value, [1 / 3, 2 / 3]))
            effects = rng.permutation([-1.3, 0.0, 1.3])
            signals[node] = effects[codes]
            table[node] = pd.Series(pd.Categorical.from_codes(codes, ["high", "low", "mid"]))
        else:
            signals[node] = value
            table[node] = pd.Series(value)
    return dag, pd.DataFrame({name: table[name] for name in columns})


def awkward_table(n_rows: int = 60) -> pd.DataFrame:
    """Every trap at once.

    A class of one row, a constant, repeats of a number, of a category and of the target, missing values, a
    column with one observed value, levels that never occur, a level of one row.
    """
    rng = np.random.default_rng(11)
    code = rng.integers(0, 2, n_rows)
    code[5] = 2
    a = rng.normal(size=n_rows) + 2 * code
    holes = np.where(rng.random(n_rows) < 0.3, np.nan, np.round(a * 3))
    town = pd.Categorical.from_codes(
        np.where(rng.random(n_rows) < 0.2, -1, rng.integers(0, 3, n_rows)), ["Basel", "Bern", "Chur", "Olten"]
    )
    lonely = np.full(n_rows, np.nan)
    lonely[3] = 7.5
    single = np.zeros(n_rows, dtype=int)
    single[9] = 1
    return pd.DataFrame(
        {
            "a": a,
            "constant": np.full(n_rows, 3.25),
            "only level": pd.Categorical(["CHF"] * n_rows, categories=["CHF", "EUR"]),
            "a again": a.copy(),
            "holes": holes,
            "town": town,
            "town again": town.rename_categories(["BS", "BE", "GR", "SO"]),
            "lonely": lonely,
            "rare level": pd.Categorical.from_codes(single, ["common", "rare"]),
            TARGET: pd.Categorical.from_codes(code, ["no", "yes", "once"]),
            "target again": pd.Categorical.from_codes(code, ["0", "1", "2"]),
        }
    )
