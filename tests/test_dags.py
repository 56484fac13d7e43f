"""Behaviour of edge probabilities, DAG sampling and structure measures."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalmix.causal.dags import (
    EdgeProbabilities,
    empty_dag,
    graph_statistics,
    node_depths,
    random_dag,
    sample_dag,
    structural_depth,
)


def names(d: int) -> tuple[str, ...]:
    return tuple(f"c{i}" for i in range(d))


@st.composite
def edge_probabilities(draw: st.DrawFn) -> EdgeProbabilities:
    d = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    states = rng.dirichlet([draw(st.floats(0.05, 3.0))] * 3, size=(d, d))
    upper = np.triu(states[..., 0], 1)
    lower = np.tril(states[..., 1].T, -1)
    matrix = np.round(upper + lower, draw(st.integers(0, 6)))
    matrix = np.where(matrix + matrix.T > 1, matrix / 2, matrix)
    return EdgeProbabilities(names(d), matrix)


@settings(max_examples=60, deadline=None)
@given(P=edge_probabilities(), seed=st.integers(0, 2**32 - 1), max_parents=st.integers(1, 6))
def test_a_sampled_dag_is_acyclic_and_only_has_possible_edges(P, seed, max_parents):
    dag = sample_dag(P, np.random.default_rng(seed), max_parents)
    assert nx.is_directed_acyclic_graph(dag)
    assert tuple(dag.nodes) == P.columns
    assert all(degree <= max_parents for _, degree in dag.in_degree)
    strengths = P.to_frame()
    assert all(data["strength"] == strengths.loc[a, b] > 0 for a, b, data in dag.edges(data=True))


def test_sampled_edges_have_the_given_frequencies():
    P = EdgeProbabilities(("a", "b"), [[0, 0.6], [0.1, 0]])
    rng = np.random.default_rng(0)
    edges = [tuple(sample_dag(P, rng).edges) for _ in range(2000)]
    assert np.mean([e == (("a", "b"),) for e in edges]) == pytest.approx(0.6, abs=0.04)
    assert np.mean([e == (("b", "a"),) for e in edges]) == pytest.approx(0.1, abs=0.03)


def test_a_cycle_of_certain_edges_loses_exactly_one_edge():
    P = EdgeProbabilities(("a", "b", "c"), [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    rng = np.random.default_rng(1)
    lost = {frozenset(sample_dag(P, rng).edges) for _ in range(100)}
    assert {len(edges) for edges in lost} == {2}
    assert len(lost) == 3


def test_strong_edges_survive_the_breaking_of_a_cycle_more_often_than_weak_ones():
    P = EdgeProbabilities(("a", "b", "c"), [[0, 1, 0], [0, 0, 1], [0.2, 0, 0]])
    rng = np.random.default_rng(2)
    dags = [sample_dag(P, rng) for _ in range(1500)]
    share = {edge: np.mean([dag.has_edge(*edge) for dag in dags]) for edge in [("a", "b"), ("c", "a")]}
    assert share["a", "b"] > 0.85
    stays = 1 - 2 * (1 / 2.2) * (1 / 1.2)  # the chance that an edge of weight .2 is not the last of the three
    assert share["c", "a"] == pytest.approx(0.2 * stays, abs=0.02)


def test_the_same_generator_state_gives_the_same_dag():
    P = EdgeProbabilities(names(6), np.triu(np.full((6, 6), 0.5), 1))
    first, second = (sample_dag(P, np.random.default_rng(3)) for _ in range(2))
    assert list(first.edges(data=True)) == list(second.edges(data=True))


@pytest.mark.parametrize("n_nodes", [1, 2, 5, 30])
def test_a_chain_has_depth_nodes_minus_one(n_nodes):
    assert structural_depth(nx.path_graph(n_nodes, create_using=nx.DiGraph)) == n_nodes - 1


def test_a_star_has_depth_one_and_no_edges_have_depth_zero():
    assert structural_depth(nx.DiGraph([("hub", leaf) for leaf in "abcde"])) == 1
    assert structural_depth(empty_dag("abc")) == 0


def test_depth_is_the_longest_path_not_the_shortest():
    dag = nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")])
    assert node_depths(dag) == {"a": 0, "b": 1, "c": 2, "d": 3}


@settings(max_examples=40, deadline=None)
@given(d=st.integers(2, 9), seed=st.integers(0, 10_000), share=st.floats(0, 1))
def test_depth_agrees_with_networkx_longest_path(d, seed, share):
    n_edges = int(share * d * (d - 1) / 2)
    dag = random_dag(names(d), n_edges, np.random.default_rng(seed), max_parents=d)
    assert structural_depth(dag) == nx.dag_longest_path_length(nx.DiGraph(dag.edges)) if n_edges else True
    assert dag.number_of_edges() == n_edges


def test_depth_of_a_cyclic_graph_is_an_error_that_names_the_cycle():
    with pytest.raises(ValueError, match="cycle a -> b"):
        structural_depth(nx.DiGraph([("a", "b"), ("b", "a")]))


def test_graph_statistics_of_a_known_graph():
    dag = nx.DiGraph([("a", "b"), ("b", "y"), ("y", "c"), ("c", "d")])
    dag.add_node("alone")
    stats = graph_statistics(dag, "y")
    assert (stats.depth, stats.target_depth, stats.n_target_ancestors) == (4, 2, 2)
    assert (stats.n_target_neighbours, graph_statistics(dag, "alone").n_target_neighbours) == (2, 0)
    assert (stats.n_edges, stats.n_nodes) == (4, 6)
    assert stats.mean_node_depth == pytest.approx((0 + 1 + 2 + 3 + 4 + 0) / 6)
    assert math.isnan(stats.edge_entropy)
    assert set(stats.to_dict()) >= {"depth", "target_depth", "edge_entropy"}


def test_statistics_of_a_target_outside_the_graph_are_an_error():
    with pytest.raises(ValueError, match="'y' is not a node"):
        graph_statistics(empty_dag("ab"), "y")


@pytest.mark.parametrize(
    ("matrix", "bits"),
    [([[0, 1], [0, 0]], 0.0), ([[0, 0.5], [0.5, 0]], 1.0), ([[0, 1 / 3], [1 / 3, 0]], math.log2(3))],
)
def test_entropy_of_known_edge_probabilities(matrix, bits):
    assert EdgeProbabilities(("a", "b"), matrix).entropy() == pytest.approx(bits)


def test_entropy_is_the_mean_over_pairs():
    one_open_of_three = [[0, 0.5, 1], [0.5, 0, 0], [0, 0, 0]]
    assert EdgeProbabilities(("a", "b", "c"), one_open_of_three).entropy() == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0, 0.7], [0.7, 0]], "sum to at most 1"),
        ([[0, -0.1], [0, 0]], "not negative"),
        ([[0, np.nan], [0, 0]], "finite"),
        ([[0.5, 0], [0, 0]], "diagonal"),
        ([[0, 1, 0], [0, 0, 0]], "shape"),
    ],
)
def test_a_matrix_that_is_not_probability_like_is_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        EdgeProbabilities(("a", "b"), matrix)


def test_edge_probabilities_cannot_be_changed_from_outside():
    source = np.array([[0.0, 1.0], [0.0, 0.0]])
    P = EdgeProbabilities(("a", "b"), source)
    source[0, 1] = 0.0
    assert P.matrix[0, 1] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        P.matrix[0, 1] = 0.0


def test_a_random_dag_respects_edge_count_and_parent_limit():
    dag = random_dag(names(10), 20, np.random.default_rng(0), max_parents=3)
    assert nx.is_directed_acyclic_graph(dag)
    assert dag.number_of_edges() == 20
    assert max(degree for _, degree in dag.in_degree) <= 3
    assert tuple(dag.nodes) == names(10)


def test_a_random_dag_with_too_many_edges_is_an_error():
    with pytest.raises(ValueError, match="0 to 3 edges"):
        random_dag("abc", 4, np.random.default_rng(0))


def test_an_edge_that_would_close_a_cycle_is_turned_around_where_votes_allow_it():
    names = ("a", "b", "c")
    undecided = EdgeProbabilities(names, [[0, 1, 0.5], [0, 0, 1], [0.5, 0, 0]])  # a -> b -> c, a - c
    ring = EdgeProbabilities(names, [[0, 1, 0], [0, 0, 1], [1, 0, 0]])  # a -> b -> c -> a
    rng = np.random.default_rng(0)
    dags = [sample_dag(undecided, rng) for _ in range(50)]
    chains = [dag for dag in dags if dag.has_edge("a", "b") and dag.has_edge("b", "c")]
    assert len(chains) > 25
    assert all(dag.edges["a", "c"]["strength"] == 0.5 for dag in chains)
    assert {sample_dag(ring, rng).number_of_edges() for _ in range(50)} == {2}


def test_random_dags_have_every_shape_and_every_edge_in_either_direction():
    rng = np.random.default_rng(0)
    drawn = {frozenset(random_dag("abc", 2, rng).edges) for _ in range(300)}
    assert len(drawn) == 3 * 2 * 2  # two of three pairs, each in either direction
