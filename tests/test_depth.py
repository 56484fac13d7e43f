"""The depth dial: shallower graphs with few edges lost, and controls that keep the depth."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalmix.causal.dags import random_dag, structural_depth
from causalmix.causal.dial import (
    drop_edges_keeping_depth,
    limit_depth,
    n_droppable_edges,
    shuffle_columns,
)
from causalmix.data import load_dataset
from causalmix.data.known_scm import true_graph
from causalmix.experiment import ARMS, RunSpec, find_rows, make_rows, prepare_fold, run_one
from causalmix.generators import CausalGenerator, GeneratorError


@st.composite
def graphs(draw: st.DrawFn, max_nodes: int = 7, max_edges: int = 10) -> nx.DiGraph:
    """A small DAG with strengths in sixteenths (sums of them are exact)."""
    d = draw(st.integers(1, max_nodes))
    n_edges = draw(st.integers(0, min(max_edges, d * (d - 1) // 2)))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    dag = random_dag([f"x{i}" for i in range(d)], n_edges, rng, max_parents=max_nodes)
    for a, b in dag.edges:
        dag.edges[a, b]["strength"] = draw(st.integers(1, 16)) / 16
    return dag


def chain(n_nodes: int) -> nx.DiGraph:
    return nx.path_graph([f"x{i}" for i in range(n_nodes)], create_using=nx.DiGraph)


def cost(dag: nx.DiGraph, kept: nx.DiGraph) -> tuple[int, float]:
    """Number and total strength of the edges that `kept` lacks."""
    lost = [dag.edges[edge]["strength"] for edge in dag.edges if not kept.has_edge(*edge)]
    return len(lost), sum(lost)


def brute_force(dag: nx.DiGraph, k: int) -> tuple[int, float]:
    """Least number, then strength, of removed edges over all sets of edges."""
    edges = list(dag.edges)
    for n in range(len(edges) + 1):
        costs = []
        for removed in combinations(edges, n):
            rest = nx.DiGraph(dag)
            rest.remove_edges_from(removed)
            if structural_depth(rest) <= k:
                costs.append(sum(dag.edges[edge]["strength"] for edge in removed))
        if costs:
            return n, min(costs)
    raise AssertionError("a graph without edges has depth 0")


@settings(max_examples=60, deadline=None)
@given(dag=graphs(), k=st.integers(0, 4))
def test_no_graph_of_the_wanted_depth_loses_fewer_or_weaker_edges(dag, k):
    limited = limit_depth(dag, k)
    assert structural_depth(limited) <= k
    assert cost(dag, limited) == brute_force(dag, k)


@settings(max_examples=60, deadline=None)
@given(dag=graphs(max_nodes=14, max_edges=40), k=st.integers(0, 5))
def test_a_limited_graph_is_a_part_of_the_graph_which_stays_as_it_was(dag, k):
    before = dag.copy()
    limited = limit_depth(dag, k)
    assert list(limited.nodes) == list(dag.nodes)
    assert [edge for edge in dag.edges if limited.has_edge(*edge)] == list(limited.edges)
    assert all(limited.edges[edge] == dag.edges[edge] for edge in limited.edges)
    assert nx.utils.graphs_equal(dag, before)
    assert structural_depth(limited) <= k


@pytest.mark.parametrize(("n_nodes", "k", "n_lost"), [(6, 0, 5), (6, 1, 2), (6, 2, 1), (6, 5, 0), (9, 3, 2)])
def test_a_chain_loses_every_k_plus_first_edge(n_nodes, k, n_lost):
    limited = limit_depth(chain(n_nodes), k)
    assert limited.number_of_edges() == n_nodes - 1 - n_lost
    assert structural_depth(limited) == k


def test_a_graph_that_is_shallow_enough_stays_whole():
    dag = nx.DiGraph([("a", "b"), ("c", "b")])
    assert nx.utils.graphs_equal(limit_depth(dag, 1), dag)


def test_of_equally_few_edges_the_weak_one_is_removed():
    dag = nx.DiGraph()
    dag.add_edge("a", "b", strength=0.9)
    dag.add_edge("b", "c", strength=0.2)
    assert list(limit_depth(dag, 1).edges) == [("a", "b")]
    dag.edges["a", "b"]["strength"], dag.edges["b", "c"]["strength"] = 0.2, 0.9
    assert list(limit_depth(dag, 1).edges) == [("b", "c")]


def test_an_edge_without_a_strength_counts_as_a_strong_one():
    dag = nx.DiGraph([("a", "b"), ("b", "c")])
    dag.edges["b", "c"]["strength"] = 0.5
    assert list(limit_depth(dag, 1).edges) == [("a", "b")]
    dag.edges["b", "c"]["strength"] = 1.5
    assert list(limit_depth(dag, 1).edges) == [("b", "c")]


def test_one_strong_edge_is_removed_before_two_weak_ones():
    dag = nx.DiGraph()
    dag.add_edge("a", "b", strength=1.0)
    dag.add_edge("b", "c", strength=0.01)
    dag.add_edge("b", "d", strength=0.01)
    assert list(limit_depth(dag, 1).edges) == [("b", "c"), ("b", "d")]


def test_a_wide_graph_is_cut_in_a_moment():
    dag = random_dag([f"x{i}" for i in range(86)], 200, np.random.default_rng(0))
    limited = limit_depth(dag, 2)
    assert structural_depth(limited) == 2
    assert limited.number_of_edges() > 120


def test_the_cut_is_feasible_also_where_the_search_is_stopped_at_once(monkeypatch):
    monkeypatch.setattr(
        "causalmix.causal.dial.milp", lambda *args, **kwargs: type("Stopped", (), {"x": None})
    )
    dag = random_dag([f"x{i}" for i in range(20)], 50, np.random.default_rng(0))
    for k in (1, 2, 3):
        limited = limit_depth(dag, k)
        assert structural_depth(limited) <= k
        assert limited.number_of_edges() > 0


def test_a_negative_depth_and_a_cycle_are_refused():
    with pytest.raises(ValueError, match="k = -1"):
        limit_depth(chain(3), -1)
    with pytest.raises(ValueError, match="cycle"):
        limit_depth(nx.DiGraph([("a", "b"), ("b", "a")]), 1)


@settings(max_examples=100, deadline=None)
@given(dag=graphs(max_nodes=12, max_edges=30), seed=st.integers(0, 99), share=st.floats(0, 1))
def test_a_control_loses_the_given_number_of_edges_and_keeps_its_depth(dag, seed, share):
    before, n = dag.copy(), round(share * n_droppable_edges(dag))
    thinned = drop_edges_keeping_depth(dag, n, np.random.default_rng(seed))
    assert thinned.number_of_edges() == dag.number_of_edges() - n
    assert structural_depth(thinned) == structural_depth(dag)
    assert set(thinned.edges) <= set(dag.edges)
    assert list(thinned.nodes) == list(dag.nodes)
    assert nx.utils.graphs_equal(dag, before)


def test_a_control_cannot_lose_an_edge_of_its_only_longest_path():
    assert n_droppable_edges(chain(4)) == 0
    with pytest.raises(ValueError, match="can lose 0 to 0"):
        drop_edges_keeping_depth(chain(4), 1, np.random.default_rng(0))


def test_a_control_may_lose_one_of_two_longest_paths():
    dag = nx.DiGraph([("a", "b"), ("b", "y"), ("c", "d"), ("d", "y")])
    survivors = {
        tuple(drop_edges_keeping_depth(dag, 2, np.random.default_rng(seed)).edges) for seed in range(20)
    }
    assert survivors == {(("a", "b"), ("b", "y")), (("c", "d"), ("d", "y"))}


def test_the_same_seed_drops_the_same_edges():
    dag = random_dag([f"x{i}" for i in range(10)], 25, np.random.default_rng(0))
    once, again, other = (drop_edges_keeping_depth(dag, 8, np.random.default_rng(s)) for s in (3, 3, 4))
    assert list(once.edges) == list(again.edges) != list(other.edges)


@settings(max_examples=50, deadline=None)
@given(dag=graphs(max_nodes=9, max_edges=20), seed=st.integers(0, 99))
def test_shuffled_columns_keep_the_shape_and_the_place_of_the_target(dag, seed):
    shuffled = shuffle_columns(dag, "x0", np.random.default_rng(seed))
    assert list(shuffled.nodes) == list(dag.nodes)
    assert structural_depth(shuffled) == structural_depth(dag)
    assert len(nx.ancestors(shuffled, "x0")) == len(nx.ancestors(dag, "x0"))
    assert sorted(d for _, d in shuffled.degree) == sorted(d for _, d in dag.degree)
    strengths = [sorted(nx.get_edge_attributes(one, "strength").values()) for one in (shuffled, dag)]
    assert strengths[0] == strengths[1] and len(strengths[0]) == dag.number_of_edges()


def test_shuffled_columns_stand_at_other_places():
    orders = {
        tuple(nx.topological_sort(shuffle_columns(chain(5), "x4", np.random.default_rng(seed))))
        for seed in range(30)
    }
    assert len(orders) > 10
    assert {order[-1] for order in orders} == {"x4"}
    with pytest.raises(ValueError, match="'z' is not a node"):
        shuffle_columns(chain(3), "z", np.random.default_rng(0))


def canonical_table(n_rows: int = 150) -> pd.DataFrame:
    """Canonical rows of a simulated table of true depth 5."""
    table = load_dataset("scm-depth5-linear-low")
    return table.X.assign(y=table.y)[:n_rows].reset_index(drop=True)


def fitted(**params: object) -> CausalGenerator:
    return CausalGenerator(n_dags=3, n_bootstraps=2, **params).fit(canonical_table(), "y", seed=1)


@pytest.fixture(scope="module")
def full() -> CausalGenerator:
    return fitted()


@pytest.mark.parametrize("k", [0, 1, 2])
def test_the_dial_of_the_generator_cuts_every_graph_as_little_as_possible(k, full):
    shallow = fitted(max_depth=k)
    for dag, whole in zip(shallow.dags, full.dags, strict=True):
        assert list(dag.edges) == list(limit_depth(whole, k).edges)
    assert [graph.depth for graph in shallow.graphs] == [structural_depth(dag) for dag in shallow.dags]
    assert max(graph.depth for graph in shallow.graphs) == k < min(graph.depth for graph in full.graphs)


@pytest.mark.parametrize("k", [1, 2])
def test_the_control_loses_as_many_edges_as_the_dial_and_no_depth(k, full):
    control, shallow = fitted(edge_matched_to=k), fitted(max_depth=k)
    assert [graph.depth for graph in control.graphs] == [graph.depth for graph in full.graphs]
    assert [graph.n_edges for graph in control.graphs] == [graph.n_edges for graph in shallow.graphs]
    assert control.metadata["n_edges_removed"] == shallow.metadata["n_edges_removed"]
    assert sum(control.metadata["n_edges_removed"]) > 0


def test_the_control_of_depth_0_keeps_one_longest_path(full):
    control = fitted(edge_matched_to=0)
    assert [graph.n_edges for graph in control.graphs] == [graph.depth for graph in full.graphs]
    assert [graph.depth for graph in control.graphs] == [graph.depth for graph in full.graphs]


def test_without_a_graph_the_rows_of_the_dial_keep_no_association_with_the_target():
    rows = fitted(max_depth=0).sample(600)
    assert rows.columns.tolist() == canonical_table().columns.tolist()
    numbers = rows.select_dtypes("number")
    gaps = numbers[rows["y"] == "yes"].mean() - numbers[rows["y"] == "no"].mean()
    assert gaps.abs().max() < 0.35


def test_random_graphs_of_the_true_depth_have_the_shape_of_the_true_graph():
    truth = true_graph("scm-depth5-linear-low")
    random = fitted(graph=truth, shuffle_columns=True)
    assert [(graph.depth, graph.target_depth, graph.n_edges) for graph in random.graphs] == [(5, 5, 16)] * 3
    assert len({frozenset(dag.edges) for dag in (truth, *random.dags)}) == 4


def test_the_dial_and_its_control_cannot_be_set_together():
    with pytest.raises(ValueError, match="give one of them"):
        CausalGenerator(max_depth=1, edge_matched_to=1)
    with pytest.raises(ValueError, match="0 or more, got -2"):
        CausalGenerator(edge_matched_to=-2)


def test_an_arm_with_the_true_graph_uses_the_graph_of_its_table(tmp_path):
    spec = RunSpec("study", "known_scm", "scm-depth2-linear-low", 0, "causalmix@graph=true")
    fold = prepare_fold(spec)
    table = make_rows(fold, spec, tmp_path)
    assert [(graph.depth, graph.n_edges) for graph in table.graphs] == [(2, 16)]
    pd.testing.assert_frame_equal(find_rows(fold, spec, tmp_path).rows, table.rows)
    assert find_rows(fold, replace(spec, arm="causalmix@graph=random_depth"), tmp_path) is None


def test_an_arm_with_the_true_graph_is_a_failed_run_where_none_is_known():
    record = run_one(RunSpec("study", "bundled", "iris", 0, "causalmix@graph=true"))
    assert record.status == "failed"
    assert "true graph of table 'iris' is not known" in record.reason


def test_the_word_true_is_no_graph_without_the_suite():
    with pytest.raises(GeneratorError, match="true graph of this table is not known"):
        fitted(graph="true")


def test_every_setting_of_the_dial_has_an_arm_and_a_control():
    dial = [f"causalmix@depth={k}" for k in (0, 1, 2, 3)]
    controls = [f"causalmix@edges={k}" for k in (0, 1, 2, 3)]
    assert [ARMS[arm].params["max_depth"] for arm in dial] == [0, 1, 2, 3]
    assert [ARMS[arm].params["edge_matched_to"] for arm in controls] == [0, 1, 2, 3]
    assert ARMS["causalmix@depth=full"] == ARMS["causalmix"]
    assert all(ARMS[arm].mixed for arm in (*dial, *controls))
