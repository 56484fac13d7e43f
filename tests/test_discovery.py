"""Behaviour of causal discovery: known graphs, awkward tables, and nothing left behind."""

from __future__ import annotations

import warnings

import causallearn.search.ConstraintBased.FCI as fci_module
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from causallearn.graph.GraphNode import GraphNode
from causallearn.utils.PCUtils import SkeletonDiscovery
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from causalmix.causal import discovery, orientation
from causalmix.causal.ci_test import DegenerateGaussianTest, embed_column
from causalmix.causal.discovery import discover_edges
from causalmix.causal.settings import MAX_CONDITIONING, WIDE_BOOTSTRAPS
from causalmix.causal.skeleton import find_skeleton
from causalmix.causal.votes import count_votes
from causalmix.method_checks import simulate, skeleton_auroc
from tests.simulated_tables import TARGET, awkward_table, simulate_mixed

FEW = {"n_bootstraps": 2}


def directed_auroc(edges, dag: nx.DiGraph) -> float:
    """AUROC of P[i, j] among ordered pairs."""
    truth = nx.to_numpy_array(dag, nodelist=list(edges.columns), weight=None)
    off_diagonal = ~np.eye(len(truth), dtype=bool)
    return float(roc_auc_score(truth[off_diagonal], edges.matrix[off_diagonal]))


def skeleton_f1(edges, dag: nx.DiGraph) -> float:
    """F1 of the pairs whose edge, in either direction, is more likely than none."""
    i, j = np.triu_indices(len(edges.columns), k=1)
    truth = nx.to_numpy_array(dag, nodelist=list(edges.columns), weight=None)
    return float(f1_score((truth + truth.T)[i, j] > 0, (edges.matrix + edges.matrix.T)[i, j] > 0.5))


def third_party_lookups() -> tuple:
    """What discovery replaces in causal-learn while it runs."""
    return (
        GraphNode.__hash__,
        fci_module.DepthChoiceGenerator,
        fci_module.fas,
        SkeletonDiscovery.skeleton_discovery,
    )


@pytest.fixture(scope="module")
def mixed_recoveries() -> list:
    """Edge probabilities and true graphs of three mixed tables."""
    tables = [simulate_mixed(seed) for seed in range(3)]
    return [(discover_edges(rows, TARGET, n_bootstraps=5, seed=0), dag) for dag, rows in tables]


def test_the_edges_of_mixed_tables_with_a_known_graph_are_found(mixed_recoveries):
    assert np.mean([skeleton_auroc(edges, dag) for edges, dag in mixed_recoveries]) > 0.85
    assert np.mean([directed_auroc(edges, dag) for edges, dag in mixed_recoveries]) > 0.75
    assert np.mean([skeleton_f1(edges, dag) for edges, dag in mixed_recoveries]) > 0.75


@pytest.mark.parametrize("algorithm", ["pc", "fci"])
def test_either_algorithm_alone_finds_the_edges_of_numeric_tables(algorithm):
    tables = [simulate(seed, n_rows=500, n_columns=8, n_edges=9) for seed in range(3)]
    edges = [discover_edges(t.rows, None, n_bootstraps=4, algorithms=(algorithm,)) for t in tables]
    assert np.mean([skeleton_auroc(e, t.dag) for e, t in zip(edges, tables, strict=True)]) > 0.85
    assert all(e.algorithms == (algorithm,) for e in edges)


def test_a_collider_is_oriented():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 500))
    table = pd.DataFrame({"effect": a + b + 0.5 * rng.normal(size=500), "a": a, "b": b})
    P = discover_edges(table, None, n_bootstraps=4).to_frame()
    assert P.loc["a", "effect"] > 0.7 and P.loc["b", "effect"] > 0.7
    assert P.loc["effect", "a"] < 0.2 and P.loc["a", "b"] + P.loc["b", "a"] < 0.3


def test_unrelated_columns_get_next_to_no_edges():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(400, 8)), columns=list("abcdefgh"))
    assert discover_edges(table, None, n_bootstraps=4).matrix.sum() / 28 < 0.15


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), n_rows=st.integers(4, 60), n_columns=st.integers(2, 6))
def test_both_directions_of_a_pair_sum_to_at_most_one(seed, n_rows, n_columns):
    _, table = simulate_mixed(seed, n_rows, n_columns, n_edges=n_columns - 1)
    matrix = discover_edges(table, TARGET, **FEW, seed=seed).matrix
    assert (matrix >= 0).all() and (matrix + matrix.T <= 1 + 1e-9).all()
    assert not np.diagonal(matrix).any()


@pytest.mark.parametrize(
    ("at_i", "at_j", "votes"),
    [
        (-1, 1, (1.0, 0.0)),
        (1, -1, (0.0, 1.0)),
        (2, 1, (0.75, 0.0)),
        (1, 2, (0.0, 0.75)),
        (-1, -1, (0.5, 0.5)),
        (2, 2, (0.5, 0.5)),
        (1, 1, (0.25, 0.25)),
        (0, 0, (0.0, 0.0)),
    ],
)
def test_endpoint_marks_become_votes(at_i, at_j, votes):
    counted = count_votes(np.array([[0, at_i], [at_j, 0]]))
    assert (counted[0, 1], counted[1, 0]) == votes


def test_constant_and_repeated_columns_get_no_edges():
    table = awkward_table()
    P = discover_edges(table, TARGET, n_bootstraps=3).to_frame()
    assert list(P.columns) == list(table.columns)
    for name in ("constant", "only level", "a again", "town again", "target again"):
        assert P[name].sum() == P.loc[name].sum() == 0
    assert P.to_numpy().sum() > 0


def test_a_target_of_one_class_gets_no_edges():
    _, table = simulate_mixed(0, n_rows=80, n_columns=4, n_edges=3)
    table[TARGET] = pd.Categorical(["high"] * 80, categories=["high", "low"])
    P = discover_edges(table, TARGET, **FEW).to_frame()
    assert P[TARGET].sum() == P.loc[TARGET].sum() == 0


def test_missing_values_do_not_hide_a_strong_edge():
    rng = np.random.default_rng(2)
    a = rng.normal(size=400)
    table = pd.DataFrame({"a": a, "b": a + 0.3 * rng.normal(size=400), "c": rng.normal(size=400)})
    table = table.mask(rng.random(table.shape) < 0.25)
    P = discover_edges(table, None, n_bootstraps=4).to_frame()
    assert P.loc["a", "b"] + P.loc["b", "a"] > 0.9 > 0.4 > P.loc["a", "c"] + P.loc["c", "a"]


def test_monotone_transformations_of_numeric_columns_change_nothing():
    rows = simulate(0, n_rows=200, n_columns=5, n_edges=5).rows
    bent = rows.assign(x0=np.exp(rows["x0"]), x1=rows["x1"] ** 3 * 1e6)
    first, second = (discover_edges(table, None, **FEW) for table in (rows, bent))
    np.testing.assert_allclose(first.matrix, second.matrix)


@pytest.mark.parametrize(("n_columns", "n_bootstraps"), [(6, 8), (7, WIDE_BOOTSTRAPS)])
def test_a_wide_table_is_searched_on_fewer_half_samples(n_columns, n_bootstraps, monkeypatch):
    monkeypatch.setattr(discovery, "WIDE_TABLE", 6)
    _, table = simulate_mixed(0, 40, n_columns, 3)
    assert discover_edges(table, None, n_bootstraps=8).n_bootstraps == n_bootstraps


@pytest.mark.parametrize("seed", range(3))
def test_the_skeleton_is_that_of_causal_learns_own_search(seed):
    _, table = simulate_mixed(seed, n_rows=120, n_columns=9, n_edges=14)
    test = DegenerateGaussianTest(table)
    ours = find_skeleton(test, 9, 0.2, MAX_CONDITIONING)
    data, nodes = np.zeros((9, 9)), [GraphNode(f"X{i}") for i in range(9)]
    theirs, separating, _ = fci_module.fas(
        data,
        nodes,
        orientation._SharedTest(data, test),
        0.2,
        depth=MAX_CONDITIONING,
        show_progress=False,
    )
    np.testing.assert_array_equal(theirs.graph != 0, ours.adjacency)
    assert separating == ours.separating and ours.separating


@pytest.mark.parametrize("seed", range(3))
def test_one_shared_search_changes_no_edge(seed, monkeypatch):
    _, table = simulate_mixed(seed, n_rows=120, n_columns=9, n_edges=14)
    shared = discover_edges(table, TARGET, **FEW).matrix
    fas, search = fci_module.fas, SkeletonDiscovery.skeleton_discovery
    depth = MAX_CONDITIONING
    monkeypatch.setattr(orientation, "_skeleton_for_fci", lambda _, *a, **k: fas(*a, **{**k, "depth": depth}))
    monkeypatch.setattr(
        orientation, "_skeleton_for_pc", lambda _, *a, **k: search(*a, **{**k, "max_k": depth})
    )
    np.testing.assert_array_equal(discover_edges(table, TARGET, **FEW).matrix, shared)


def test_another_seed_gives_other_half_samples():
    _, table = simulate_mixed(4, n_rows=200, n_columns=6, n_edges=7)
    first, other = (discover_edges(table, TARGET, **FEW, seed=seed).matrix for seed in (0, 1))
    assert not np.array_equal(first, other)


def test_discovery_is_silent_and_leaves_nothing_changed(capfd):
    table = awkward_table()
    before = table.copy()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    third_party = third_party_lookups()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        discover_edges(table, TARGET, **FEW)
    assert capfd.readouterr() == ("", "")
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert third_party_lookups() == third_party
    pd.testing.assert_frame_equal(table, before)


def test_third_party_lookups_are_put_back_after_a_failure(monkeypatch):
    third_party = third_party_lookups()

    def fails(*args):
        raise RuntimeError("in the middle")

    monkeypatch.setitem(discovery.ALGORITHMS, "pc", fails)
    with pytest.raises(RuntimeError, match="in the middle"):
        discover_edges(awkward_table(), TARGET, **FEW)
    assert third_party_lookups() == third_party


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"algorithms": ("ges",)}, "algorithms must be some of"),
        ({"algorithms": ()}, "algorithms must be some of"),
        ({"alpha": 1}, "alpha must lie between"),
        ({"subsample_share": 0}, "subsample_share must lie above 0"),
        ({"subsample_share": 1.25}, "subsample_share must lie above 0"),
        ({"n_bootstraps": 0}, "n_bootstraps must be at least 1"),
        ({"target": "z"}, "target 'z' is not a column"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        discover_edges(awkward_table(), **{"target": TARGET, **arguments})


def test_too_few_rows_are_an_error():
    with pytest.raises(ValueError, match="at least 4 rows, got 3"):
        discover_edges(awkward_table().head(3), TARGET)


def test_p_values_under_independence_are_uniform_for_mixed_blocks():
    rng = np.random.default_rng(3)
    p_values = []
    for _ in range(300):
        z = rng.integers(0, 3, 150)
        level = (rng.random(150) + 0.2 * z > 0.8).astype(int) + (rng.random(150) > 0.7)
        columns = {"level": pd.Categorical.from_codes(level, list("abc")), "x": z + rng.normal(size=150)}
        columns["z"] = pd.Categorical.from_codes(z, list("uvw"))
        p_values.append(DegenerateGaussianTest(pd.DataFrame(columns)).p_value(0, 1, [2]))
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.09
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.06)


def test_frequent_levels_are_told_apart_however_many_there_are():
    """Of six levels, the two rarest have opposite effects: together they have none."""
    codes = np.repeat(np.arange(6), [30, 30, 30, 30, 20, 20])
    number = np.random.default_rng(0).normal(size=160) + np.array([0, 0, 0, 0, 2, -2])[codes]
    table = pd.DataFrame({"level": pd.Categorical.from_codes(codes, list("abcdef")), "number": number})
    assert DegenerateGaussianTest(table).p_value(0, 1) < 1e-6


def test_the_order_of_the_arguments_does_not_change_a_p_value():
    test = DegenerateGaussianTest(simulate_mixed(1, 100, 6, 6)[1])
    assert test.p_value(0, 3, [1, 2]) == test.p_value(3, 0, (2, 1)) == test.p_value(3, 0, (2, 1, 1))


def test_more_conditions_than_rows_are_no_evidence():
    test = DegenerateGaussianTest(pd.DataFrame(np.random.default_rng(0).normal(size=(6, 8))))
    assert test.p_value(0, 1, range(2, 8)) == 1.0


def test_a_column_is_embedded_as_standardised_scores_or_indicators():
    number = embed_column(pd.Series([1.0, 5.0, np.nan, 1e9, 2.0]))
    level = embed_column(pd.Series(list("aaaabbbbcccc"), dtype="category"))
    assert number.shape == (5, 1) and level.shape == (12, 2)
    for block in (number, level):
        np.testing.assert_allclose(block.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(block.std(axis=0), 1)
    assert embed_column(pd.Series([4.0] * 5)).shape == (5, 0)


def test_a_pair_is_parted_by_as_many_columns_as_are_allowed_and_by_no_more():
    rng = np.random.default_rng(0)
    causes = rng.normal(size=(3, 2000))
    effects = causes.sum(axis=0) + rng.normal(size=(2, 2000))
    test = DegenerateGaussianTest(pd.DataFrame(np.vstack([effects, causes]).T, columns=list("abcde")))
    allowed, too_few = (find_skeleton(test, 5, 0.01, size) for size in (3, 2))
    assert allowed.separating[0, 1] == {2, 3, 4} and not allowed.adjacency[0, 1]
    assert too_few.adjacency[0, 1]
