"""Simulated tables whose causal graph and depth we set: the suite ``known_scm``.

Every table has the same number of columns and of edges, and its target is a sink with the same number of
parents; only the depth of the graph, the mechanism and the noise differ. More depth means more ancestors of
the target: with fixed nodes and edges that cannot be helped. Sizes and ranges are ours.

Each column is standardised before its children see it, so that neither variances nor explained shares give
the causal order away, and rounded, so that a table is the same on every processor: their last digits differ.

References
----------
Reisach, Seiler, Weichwald (2021), *Beware of the simulated DAG!*, NeurIPS (why to standardise).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalmix.data.gate import DataError, Dataset, make_dataset
from causalmix.seeding import derive_seed

if TYPE_CHECKING:
    import networkx as nx  # imported where it is used

TARGET = "y"
N_ROWS = 5000
N_NODES = 12
"""Columns, target included."""

N_EDGES = 16
N_TARGET_PARENTS = 3
MAX_PARENTS = 4
N_CATEGORICAL = 3
"""Categorical features, of three levels each; the target has two classes of equal size."""

DECIMALS = 4
"""Of a column's values, in its standard deviations."""

DEPTHS = (1, 2, 3, 4, 5, 6, 7, 8)

NOISE: dict[str, float] = {"low": 0.2, "high": 0.6}
"""Share of the variance of a column with parents that is noise."""


def _linear(parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Weighted sum with weights of size .5 to 1.5."""
    return parents @ _weights(parents.shape[1], rng)


def _additive(parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Weighted sum of a random nonlinear function of each parent."""
    shapes = [_SHAPES[k](column) for k, column in zip(_choices(parents, rng), parents.T, strict=True)]
    return np.array(shapes).T @ _weights(len(shapes), rng)


def _threshold(parents: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Oblivious decision tree: a threshold per parent, a value per leaf (main effects and interactions)."""
    n_parents = parents.shape[1]
    sides = (parents > rng.uniform(-0.5, 0.5, n_parents)).astype(np.int64)
    leaf = sides @ (1 << np.arange(n_parents))
    return sides @ _weights(n_parents, rng) + rng.normal(0.0, 0.3, 1 << n_parents)[leaf]


MECHANISMS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "linear": _linear,
    "additive": _additive,
    "threshold": _threshold,
}
"""``mechanism(parents, rng)``: (n, p) standardised parents to (n,) values before scaling and noise."""

_SHAPES: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda x: np.tanh(2.5 * x),
    lambda x: np.sin(2.0 * x),
    lambda x: np.square(x) / 1.5,
    lambda x: x + np.sign(x) * np.square(x) / 2.0,
)


@dataclass(frozen=True)
class KnownTable:
    """What is set for one table of the suite.

    Attributes
    ----------
    name : str
        ``scm-depth<depth>-<mechanism>-<noise>``; graph and rows are derived from it.
    depth : int
        Edges on the longest directed path of the true graph; it ends in the target.
    mechanism : str
        Key of `MECHANISMS`.
    noise : str
        Key of `NOISE`.
    """

    name: str
    depth: int
    mechanism: str
    noise: str


KNOWN_SCM: dict[str, KnownTable] = {
    table.name: table
    for table in (
        KnownTable(f"scm-depth{depth}-{mechanism}-{noise}", depth, mechanism, noise)
        for mechanism in MECHANISMS
        for noise in NOISE
        for depth in DEPTHS
    )
}
"""The tables of the suite by name."""


def known_table(name: str) -> KnownTable:
    """Return what is set for the table `name`.

    Raises
    ------
    DataError
        If it is not a table of this suite: no graph of it is known.

    Examples
    --------
    >>> known_table("scm-depth3-linear-low").depth
    3
    """
    if name not in KNOWN_SCM:
        raise DataError(
            f"the true graph of table {name!r} is not known; it is for the tables of suite 'known_scm', "
            f"such as {next(iter(KNOWN_SCM))!r}"
        )
    return KNOWN_SCM[name]


def true_graph(name: str) -> nx.DiGraph:
    """Return the true graph of a table of the suite.

    Parameters
    ----------
    name : str
        A key of `KNOWN_SCM`.

    Returns
    -------
    networkx.DiGraph
        `N_NODES` nodes, named as the columns and the target in their order, and `N_EDGES` edges. The longest
        directed path has `depth` edges and ends in the target; the target has `N_TARGET_PARENTS` parents.

    Raises
    ------
    DataError
        If `name` is not a table of the suite.

    Examples
    --------
    >>> import networkx as nx
    >>> nx.dag_longest_path_length(true_graph("scm-depth3-linear-low"), weight="none")
    3
    """
    import networkx as nx

    table = known_table(name)
    rng = np.random.default_rng(derive_seed("known_scm", "graph", name))
    names = [f"x{j:02d}" for j in range(1, N_NODES)]
    # places: numbers 0, 1, ... along the layers; the last one is the target
    layers = np.repeat(np.arange(table.depth + 1), _layer_sizes(table.depth))
    column_at = [*rng.permutation(names).tolist(), TARGET]
    dag = nx.DiGraph()
    dag.add_nodes_from([*names, TARGET])
    dag.add_edges_from((column_at[a], column_at[b]) for a, b in _draw_edges(layers, rng))
    return dag


def load_known_scm(
    name: str, data_dir: str | Path | None = None, cache_dir: str | Path | None = None
) -> Dataset:
    """Simulate a table of the suite; the two folders are not used.

    Raises
    ------
    DataError
        If `name` is not a table of the suite.

    Examples
    --------
    >>> load_known_scm("scm-depth3-linear-low").X.shape
    (5000, 11)
    """
    import networkx as nx

    table, dag = known_table(name), true_graph(name)
    rng = np.random.default_rng(derive_seed("known_scm", "rows", name))
    features = [node for node in dag.nodes if node != TARGET]
    categorical = set(rng.choice(features, N_CATEGORICAL, replace=False).tolist())
    signals: dict[str, np.ndarray] = {}
    columns: dict[str, pd.Series] = {}
    for node in nx.topological_sort(dag):
        parents = [signals[parent] for parent in dag.predecessors(node)]
        value = _simulate_node(parents, table, rng)
        if node in categorical:
            columns[node], value = _cut_to_levels(value, rng)
        else:
            columns[node] = pd.Series(value)
        signals[node] = value
    classes = np.where(signals[TARGET] > np.median(signals[TARGET]), "yes", "no")
    note = f"simulated: {table.mechanism} mechanisms, {table.noise} noise, true depth {table.depth}"
    X = pd.DataFrame({node: columns[node] for node in features})
    return make_dataset(name, X, pd.Series(classes, name=TARGET), notes=(note,))


def _layer_sizes(depth: int) -> np.ndarray:
    """Numbers of nodes in layers 0, ..., depth, as even as can be."""
    return np.array([len(part) for part in np.array_split(np.arange(N_NODES), depth + 1)])


def _draw_edges(layers: np.ndarray, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Edges from lower to higher layers over places 0, ..., N_NODES - 1; the last place is the target.

    Each place above layer 0 gets a parent in the layer right below, which makes the depth; then the target
    gets the rest of its parents, and random pairs fill up the number of edges.
    """
    target = len(layers) - 1
    edges = [
        (int(rng.choice(np.flatnonzero(layers == layers[b] - 1))), b)
        for b in range(len(layers))
        if layers[b] > 0
    ]
    lower = [a for a in np.flatnonzero(layers < layers[target]).tolist() if (a, target) not in edges]
    edges += [(a, target) for a in rng.choice(lower, N_TARGET_PARENTS - 1, replace=False).tolist()]
    pairs = [(a, b) for b in range(target) for a in range(b) if layers[a] < layers[b] and (a, b) not in edges]
    n_parents = np.bincount([b for _, b in edges], minlength=len(layers))
    for position in rng.permutation(len(pairs)):
        a, b = pairs[position]
        if len(edges) < N_EDGES and n_parents[b] < MAX_PARENTS:
            edges.append((a, b))
            n_parents[b] += 1
    return edges


def _simulate_node(parents: list[np.ndarray], table: KnownTable, rng: np.random.Generator) -> np.ndarray:
    """Values of one node, (N_ROWS,): mean 0, variance 1, the set share of it noise."""
    noise = rng.normal(size=N_ROWS)
    if not parents:
        return _standardise(noise)
    share = NOISE[table.noise]
    signal = _standardise(MECHANISMS[table.mechanism](np.array(parents).T, rng))
    return _standardise(np.sqrt(1.0 - share) * signal + np.sqrt(share) * noise)


def _cut_to_levels(value: np.ndarray, rng: np.random.Generator) -> tuple[pd.Series, np.ndarray]:
    """Three levels by the size of `value`, and what children see: an effect per level, in random order."""
    level = np.searchsorted(np.quantile(value, [0.33, 0.67]), value)
    labels = pd.Series(pd.Categorical(np.array(["a", "b", "c"])[level], categories=["a", "b", "c"]))
    return labels, _standardise(rng.permutation([-1.0, 0.0, 1.0])[level])


def _standardise(value: np.ndarray) -> np.ndarray:
    return np.round((value - value.mean()) / value.std(), DECIMALS)


def _weights(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 1.5, n)


def _choices(parents: np.ndarray, rng: np.random.Generator) -> list[int]:
    return [int(rng.integers(0, len(_SHAPES))) for _ in parents.T]
