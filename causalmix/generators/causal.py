"""CausalMix's own generator: structural causal models on DAGs sampled from discovered edge probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

from causalmix.causal.dags import (
    EdgeProbabilities,
    GraphStatistics,
    empty_dag,
    graph_statistics,
    random_dag,
    sample_dag,
)
from causalmix.causal.dial import drop_edges_keeping_depth, limit_depth, n_droppable_edges, shuffle_columns
from causalmix.causal.redundancy import find_redundant_columns
from causalmix.causal.schema import MISSING_NUMBERS
from causalmix.causal.settings import ALPHA
from causalmix.generators.base import GeneratorError, check_can_draw, check_training_table
from causalmix.seeding import derive_seed

GRAPH_SOURCES = ("discovered", "empty", "random", "true")
"""Where DAGs come from: discovery, no edges at all, as many random edges as a discovered DAG has, or the true
graph of a simulated table (which the experiment puts in the place of the word)."""


@dataclass(frozen=True)
class SampledGraph:
    """One DAG of a generator and the edge probabilities it was drawn from (None if it was not)."""

    dag: nx.DiGraph
    probabilities: EdgeProbabilities | None = None


class CausalGenerator:
    """Draw rows from structural causal models fitted to the training table.

    Discovery runs once (PC and FCI on subsamples); `n_dags` DAGs are drawn from the edge probabilities and
    each gets a structural causal model of its own; every model draws an equal share of the rows.

    Parameters
    ----------
    n_dags : int
        Number of DAGs drawn (the empty graph, and a given one that is used as it is, count once).
    n_bootstraps : int
        Number of subsamples of the discovery (at most 5 above 60 columns).
    algorithms : sequence of {"pc", "fci"}
        Discovery algorithms to average over.
    mechanism : {"linear", "hist_gradient_boosting"}
        Regressors and classifiers of the nodes; compared, as are other settings, in
        ``results/generators/settings.csv`` (``benchmarks/generator_settings.py``).
    missing : {"median", "imputed"}
        What stands for missing numbers while models are fitted: the column's median, as in the studies' arms,
        or numbers drawn from what the other columns say (`causalmix.causal.imputation`), anew for each model.
    max_parents : int
        Largest number of parents of a node.
    graph : {"discovered", "empty", "random", "true"} or networkx.DiGraph
        Source of the DAGs: discovery; no edges (every column on its own); random DAGs with as many edges as
        the discovered ones; or one given DAG over the columns. A run on a table of suite ``known_scm`` gives
        the true graph in place of "true"; without it `fit` refuses.
    alpha : float
        Significance level of the discovery (chosen with the size of the subsamples, see
        `causalmix.causal.settings`).
    max_depth : int, optional
        The depth dial: every DAG is cut to this depth with as few edges removed as possible, weak ones first
        (`causalmix.causal.dial.limit_depth`).
    edge_matched_to : int, optional
        The dial's control: every DAG loses as many edges as ``max_depth`` of this value would remove from it,
        but at random and without becoming shallower. Where so many edges cannot be lost (always at 0, unless
        the DAG has no edges), what is left is one longest path.
    shuffle_columns : bool
        Whether the columns but the target swap their places in each DAG at random: graphs of the very same
        shape and depth over the wrong columns.

    Attributes
    ----------
    graphs : tuple of GraphStatistics
        One per DAG.
    dags : tuple of networkx.DiGraph
        The DAGs, over the columns that are neither constant nor repeats of others.
    edge_probabilities : EdgeProbabilities or None
        Result of the discovery, over the same columns.
    metadata : dict
        Number of constant and of repeated columns, subsamples and DAGs used; edges of each DAG that
        `max_depth` or `edge_matched_to` removed (``n_edges_removed``).

    Notes
    -----
    Constant and repeated columns stay outside the graph and are restored in the rows. Every stage draws from
    a seed of its own, derived from the seed of `fit`: the random DAGs see the same discovery as the
    discovered ones.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=60)
    >>> y = pd.Series(np.where(a > 0, "yes", "no"), dtype="category")
    >>> train = pd.DataFrame({"a": a, "y": y})
    >>> CausalGenerator(n_dags=2).fit(train, "y", seed=0).sample(10).shape
    (10, 2)
    """

    def __init__(
        self,
        n_dags: int = 5,
        n_bootstraps: int = 10,
        algorithms: Sequence[str] = ("pc", "fci"),
        mechanism: str = "linear",
        max_parents: int = 6,
        graph: str | nx.DiGraph = "discovered",
        alpha: float = ALPHA,
        max_depth: int | None = None,
        edge_matched_to: int | None = None,
        shuffle_columns: bool = False,
        missing: str = "median",
    ) -> None:
        from causalmix.causal.mechanisms import MECHANISMS  # scikit-learn: imported where it is used

        choices = {"mechanism": (mechanism, MECHANISMS), "missing": (missing, MISSING_NUMBERS)}
        for name, (value, known) in choices.items():
            if value not in known:
                raise ValueError(f"{name} must be one of {tuple(known)}, got {value!r}")
        if isinstance(graph, str) and graph not in GRAPH_SOURCES:
            raise ValueError(f"graph must be one of {GRAPH_SOURCES} or a networkx.DiGraph, got {graph!r}")
        if n_dags < 1:
            raise ValueError(f"n_dags must be at least 1, got {n_dags}")
        if max_depth is not None and edge_matched_to is not None:
            raise ValueError("max_depth is the dial and edge_matched_to its control; give one of them")
        if min(max_depth or 0, edge_matched_to or 0) < 0:
            raise ValueError(f"a depth is 0 or more, got {min(max_depth or 0, edge_matched_to or 0)}")
        self.n_dags = n_dags
        self.n_bootstraps = n_bootstraps
        self.algorithms = tuple(algorithms)
        self.mechanism = mechanism
        self.max_parents = max_parents
        self.graph = graph
        self.alpha = alpha
        self.max_depth = max_depth
        self.edge_matched_to = edge_matched_to
        self.shuffle_columns = shuffle_columns
        self.missing = missing
        self.graphs: tuple[GraphStatistics, ...] = ()
        self.dags: tuple[nx.DiGraph, ...] = ()
        self._models: list[Any] = []
        self.edge_probabilities: EdgeProbabilities | None = None
        self.metadata: dict[str, Any] = {}

    def fit(self, train: pd.DataFrame, target: str, seed: int) -> CausalGenerator:
        """Discover the edges, draw the DAGs (`fit_graphs`), fit a structural causal model to each.

        Parameters
        ----------
        train : DataFrame, shape (n, d)
            Canonical frame, target column included; not changed.
        target : str
            Name of the (categorical) target column.
        seed : int
            Seed of discovery, DAG sampling, fitting and drawing.

        Raises
        ------
        GeneratorError
            If the table cannot be served: no such target, too few rows, not a canonical frame.
        """
        from causalmix.causal.scm import fit_scm  # dowhy: imported where it is used

        self.fit_graphs(train, target, seed)
        distinct = self._redundancy.reduce(train)
        settings = {"mechanism": self.mechanism, "missing": self.missing, "target": target}
        try:
            self._models = [
                fit_scm(dag, distinct, derive_seed(seed, "scm", k), **settings)
                for k, dag in enumerate(self.dags)
            ]
        except (ValueError, np.linalg.LinAlgError) as error:
            raise GeneratorError(f"no structural causal model could be fitted: {error}") from error
        return self

    def fit_graphs(self, train: pd.DataFrame, target: str, seed: int) -> CausalGenerator:
        """Do the first part of `fit` only: discover the edges and draw the DAGs, without any model."""
        check_training_table(train, target)
        self._models = []
        self._seed = seed
        self._template = train.iloc[:0].copy()
        self._redundancy = find_redundant_columns(train, keep=target)
        found = self._find_graphs(self._redundancy.reduce(train), target)
        sampled = self._turn_dial(found, target)
        self.dags = tuple(graph.dag for graph in sampled)
        self.graphs = tuple(graph_statistics(graph.dag, target, graph.probabilities) for graph in sampled)
        self.metadata = {
            "n_dags": len(self.dags),
            "n_bootstraps": 0 if self.edge_probabilities is None else self.edge_probabilities.n_bootstraps,
            "n_constant_columns": len(self._redundancy.constants),
            "n_repeated_columns": len(self._redundancy.repeats),
            "n_edges_removed": [
                before.dag.number_of_edges() - after.dag.number_of_edges()
                for before, after in zip(found, sampled, strict=True)
            ],
        }
        return self

    def sample(self, n: int) -> pd.DataFrame:
        """Draw n rows, an equal share from every model, shuffled.

        Returns
        -------
        DataFrame, shape (n, d)
            Columns, dtypes and category sets of the training frame; the same n gives the same rows.
        """
        from causalmix.causal.scm import draw_samples

        check_can_draw(self, n, is_fitted=bool(self._models))
        shares = [len(part) for part in np.array_split(np.arange(n), len(self._models))]
        drawn = [
            draw_samples(model, share, derive_seed(self._seed, "rows", k))
            for k, (model, share) in enumerate(zip(self._models, shares, strict=True))
            if share
        ]
        rows = pd.concat(drawn, ignore_index=True) if drawn else self._redundancy.reduce(self._template)
        order = np.random.default_rng(derive_seed(self._seed, "order")).permutation(n)
        rows = rows.iloc[order].reset_index(drop=True)
        return self._redundancy.restore(rows, like=self._template)

    def _find_graphs(self, train: pd.DataFrame, target: str) -> list[SampledGraph]:
        """Where the DAGs come from."""
        if isinstance(self.graph, nx.DiGraph):
            is_varied = self.shuffle_columns or self.edge_matched_to is not None
            given = SampledGraph(_restrict(self.graph, train.columns, self._template.columns))
            return [given] * (self.n_dags if is_varied else 1)
        if self.graph == "true":
            raise GeneratorError(
                "the true graph of this table is not known here: give it as a networkx.DiGraph of the columns"
            )
        if self.graph == "empty":
            return [SampledGraph(empty_dag(list(train.columns)))]
        P = self._discover(train, target)
        rng = np.random.default_rng(derive_seed(self._seed, "dags"))
        sampled = [SampledGraph(sample_dag(P, rng, self.max_parents), P) for _ in range(self.n_dags)]
        if self.graph == "random":
            rng = np.random.default_rng(derive_seed(self._seed, "random dags"))
            sampled = [self._randomise(graph.dag, rng) for graph in sampled]
        return sampled

    def _turn_dial(self, found: list[SampledGraph], target: str) -> list[SampledGraph]:
        """What is done to each of the DAGs."""
        rng = np.random.default_rng(derive_seed(self._seed, "dial"))
        turned = []
        for graph in found:
            dag, probabilities = graph.dag, graph.probabilities
            if self.shuffle_columns:
                dag, probabilities = shuffle_columns(dag, target, rng), None
            if self.max_depth is not None:
                dag = limit_depth(dag, self.max_depth)
            if self.edge_matched_to is not None:
                n_lost = dag.number_of_edges() - limit_depth(dag, self.edge_matched_to).number_of_edges()
                dag = drop_edges_keeping_depth(dag, min(n_lost, n_droppable_edges(dag)), rng)
            turned.append(SampledGraph(dag, probabilities))
        return turned

    def _discover(self, train: pd.DataFrame, target: str) -> EdgeProbabilities:
        from causalmix.causal.discovery import discover_edges  # causal-learn: imported where it is used

        self.edge_probabilities = discover_edges(
            train,
            target,
            n_bootstraps=self.n_bootstraps,
            alpha=self.alpha,
            algorithms=self.algorithms,
            seed=derive_seed(self._seed, "discovery"),
        )
        return self.edge_probabilities

    def _randomise(self, dag: nx.DiGraph, rng: np.random.Generator) -> SampledGraph:
        """A random DAG with the number of edges of `dag`."""
        return SampledGraph(random_dag(list(dag.nodes), dag.number_of_edges(), rng, self.max_parents))


def _restrict(dag: nx.DiGraph, distinct: pd.Index, columns: pd.Index) -> nx.DiGraph:
    """Return the given DAG over the distinct columns, in their order; columns it lacks have no edges.

    Raises
    ------
    GeneratorError
        If the graph has a cycle or a node that is not a column of the table.
    """
    strangers = [str(node) for node in dag.nodes if node not in columns]
    if strangers:
        raise GeneratorError(f"nodes {strangers} of the given graph are not columns of the table")
    if not nx.is_directed_acyclic_graph(dag):
        raise GeneratorError("the given graph has a directed cycle; a structural causal model needs a DAG")
    kept = empty_dag(list(distinct))
    kept.add_edges_from((a, b, data) for a, b, data in dag.edges(data=True) if a in kept and b in kept)
    return kept
