"""The settings of the causal generator reach what they set, and its models draw rows of their own."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from causalmix.causal.mechanisms import MECHANISMS
from causalmix.causal.settings import ALPHA
from causalmix.generators import CausalGenerator
from tests.simulated_tables import TARGET, simulate_mixed


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return simulate_mixed(1, n_rows=200, n_columns=7, n_edges=12)[1]


def draw_graphs(table: pd.DataFrame, **settings) -> CausalGenerator:
    return CausalGenerator(n_bootstraps=2, **settings).fit_graphs(table, TARGET, seed=5)


def test_the_algorithms_that_are_asked_for_are_the_ones_that_vote(table):
    found = {names: draw_graphs(table, algorithms=names) for names in [("pc",), ("fci",), ("pc", "fci")]}
    P = {names: generator.edge_probabilities for names, generator in found.items()}
    assert all(edges.algorithms == names for names, edges in P.items())
    alone = (P["pc",].matrix + P["fci",].matrix) / 2
    np.testing.assert_allclose(P["pc", "fci"].matrix, alone)
    assert not np.allclose(P["pc",].matrix, P["fci",].matrix)


def test_a_stricter_significance_level_leaves_fewer_edges(table):
    found = [draw_graphs(table, alpha=alpha).edge_probabilities.matrix for alpha in (1e-12, 1e-4, 0.1)]
    strict, between, lenient = [(matrix + matrix.T > 0).sum() / 2 for matrix in found]
    assert strict < between < lenient


def test_the_claims_are_checked_at_the_significance_level_that_the_generator_uses():
    """Claims 12 to 15 discover edges at discovery's own level."""
    assert CausalGenerator().alpha == ALPHA


@pytest.mark.parametrize("graph", ["discovered", "random"])
def test_no_column_has_more_parents_than_allowed(table, graph):
    most = {
        limit: max(
            n for dag in draw_graphs(table, graph=graph, max_parents=limit).dags for _, n in dag.in_degree
        )
        for limit in (1, 2, 6)
    }
    assert most[1] == 1 and most[2] == 2 < most[6]


def test_the_mechanism_that_is_asked_for_is_fitted():
    """A parabola, which a straight line misses."""
    rng = np.random.default_rng(0)
    cause = rng.uniform(-2, 2, 300)
    table = pd.DataFrame({"cause": cause, "effect": cause**2 + 0.2 * rng.normal(size=300)})
    table[TARGET] = pd.Categorical(np.where(cause > 0, "yes", "no"))
    errors = {}
    for mechanism in MECHANISMS:
        generator = CausalGenerator(graph=nx.DiGraph([("cause", "effect")]), mechanism=mechanism)
        rows = generator.fit(table, TARGET, seed=0).sample(300)
        errors[mechanism] = float((rows["effect"] - rows["cause"] ** 2).abs().mean())
    assert errors["hist_gradient_boosting"] < 0.4 < 0.8 < errors["linear"]


def test_models_on_the_same_graph_do_not_draw_the_same_rows(table):
    chain = nx.DiGraph([("x1", "x2"), ("x2", "x4")])
    generator = CausalGenerator(graph=chain, n_dags=2, edge_matched_to=2).fit(table, TARGET, seed=0)
    assert [set(dag.edges) for dag in generator.dags] == [set(chain.edges)] * 2
    assert generator.sample(100)["x1"].is_unique
