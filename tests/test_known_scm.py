"""The suite of simulated tables: what is set is what they have, and discovery finds it again."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression

from causalmix.causal.dags import graph_statistics, random_dag, sample_dag, structural_depth
from causalmix.causal.discovery import discover_edges
from causalmix.data import SUITES, DataError, load_dataset
from causalmix.data.known_scm import (
    DECIMALS,
    DEPTHS,
    KNOWN_SCM,
    MAX_PARENTS,
    MECHANISMS,
    N_EDGES,
    N_NODES,
    N_TARGET_PARENTS,
    NOISE,
    TARGET,
    known_table,
    true_graph,
)
from causalmix.locations import find_root


@pytest.mark.parametrize("name", KNOWN_SCM)
def test_each_graph_has_its_depth_at_the_same_number_of_nodes_and_edges(name):
    dag = true_graph(name)
    found = graph_statistics(dag, TARGET)
    assert (found.n_nodes, found.n_edges) == (N_NODES, N_EDGES)
    assert found.depth == found.target_depth == known_table(name).depth
    assert (dag.in_degree(TARGET), dag.out_degree(TARGET)) == (N_TARGET_PARENTS, 0)
    assert max(n for _, n in dag.in_degree) <= MAX_PARENTS


def test_the_suite_crosses_depths_mechanisms_and_noise_levels():
    assert SUITES["known_scm"].datasets == tuple(KNOWN_SCM)
    assert len(KNOWN_SCM) == len(DEPTHS) * len(MECHANISMS) * len(NOISE)
    assert len({tuple(true_graph(name).edges) for name in KNOWN_SCM}) == len(KNOWN_SCM)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("noise", NOISE)
def test_a_table_is_loaded_by_its_name_alone(mechanism, noise):
    name = f"scm-depth4-{mechanism}-{noise}"
    table = load_dataset(name)
    assert [*table.X.columns, table.y.name] == list(true_graph(name).nodes)
    assert len(table.categorical) == 3
    assert table.y.value_counts().to_dict() == {"no": 2500, "yes": 2500}
    assert not table.X.isna().any(axis=None)
    assert "true depth 4" in table.notes[0] and mechanism in table.notes[0]


ELSEWHERE = {
    "another hash seed": {"PYTHONHASHSEED": "1"},
    "a processor without AVX2": {
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
}


@pytest.mark.parametrize("place", ELSEWHERE)
def test_tables_are_the_same_elsewhere(place):
    names = [f"scm-depth5-{mechanism}-{noise}" for mechanism in MECHANISMS for noise in NOISE]
    code = (
        "from causalmix.data.known_scm import load_known_scm, true_graph;"
        f"[print(load_known_scm(name).fingerprint, list(true_graph(name).edges)) for name in {names}]"
    )
    command, env = [sys.executable, "-c", code], {**os.environ, **ELSEWHERE[place]}
    printed = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    here = [f"{load_dataset(name).fingerprint} {list(true_graph(name).edges)}" for name in names]
    assert printed.splitlines() == here


def test_the_tables_of_the_recorded_runs_are_simulated_again():
    tables = pd.read_csv(find_root() / "results" / "tables.csv").set_index("name")["fingerprint"]
    assert {name: load_dataset(name).fingerprint for name in KNOWN_SCM} == tables[[*KNOWN_SCM]].to_dict()


def test_a_noisy_column_is_explained_by_its_parents_as_far_as_the_noise_level_says():
    explained = {noise: _explained_share(f"scm-depth6-linear-{noise}") for noise in NOISE}
    for noise, share in NOISE.items():
        assert explained[noise] == pytest.approx(1 - share, abs=0.05)


def test_columns_do_not_give_the_causal_order_away_by_their_variance():
    table = load_dataset("scm-depth6-additive-low")
    numbers = table.X.select_dtypes("number")
    rounding = 10**-DECIMALS / np.sqrt(len(numbers))  # what is left of it in a mean
    np.testing.assert_allclose(numbers.std(ddof=0), 1.0, rtol=0, atol=rounding)
    np.testing.assert_allclose(numbers.mean(), 0.0, atol=rounding)


def test_a_table_of_another_suite_has_no_known_graph():
    with pytest.raises(DataError, match=r"true graph of table 'iris' is not known.*known_scm"):
        true_graph("iris")


@pytest.fixture(scope="module")
def recovery() -> pd.DataFrame:
    """Graphs found in 1,000 rows of easy tables: linear, of four depths and both noise levels."""
    names = [f"scm-depth{depth}-linear-{noise}" for depth in (1, 3, 5, 7) for noise in NOISE]
    return pd.DataFrame([row for name in names for row in _recover(name, n_rows=1000)])


def test_discovery_recovers_most_edges_of_easy_tables(recovery):
    assert recovery["skeleton_f1"].mean() > 0.7


def test_discovered_depth_follows_true_depth_better_than_chance(recovery):
    mean = recovery.groupby("dataset")[["true_depth", "depth", "random_depth"]].mean()
    assert spearmanr(mean["true_depth"], mean["depth"]).statistic > 0.6
    error, error_of_chance = (
        (mean[column] - mean["true_depth"]).abs().mean() for column in ("depth", "random_depth")
    )
    assert error < 0.8 * error_of_chance


def _recover(name: str, n_rows: int, n_dags: int = 10) -> list[dict[str, object]]:
    """Depth and skeleton F1 of sampled DAGs, and the depth of random ones with as many edges."""
    table, truth, rng = load_dataset(name), true_graph(name), np.random.default_rng(0)
    train = table.X.assign(**{TARGET: table.y})[:n_rows].reset_index(drop=True)
    P = discover_edges(train, TARGET, n_bootstraps=4)
    rows = []
    for dag in (sample_dag(P, rng) for _ in range(n_dags)):
        shared = {frozenset(edge) for edge in dag.edges} & {frozenset(edge) for edge in truth.edges}
        random = random_dag(P.columns, dag.number_of_edges(), rng)
        rows.append(
            {
                "dataset": name,
                "true_depth": known_table(name).depth,
                "depth": structural_depth(dag),
                "random_depth": structural_depth(random),
                "skeleton_f1": 2 * len(shared) / (dag.number_of_edges() + truth.number_of_edges()),
            }
        )
    return rows


def _explained_share(name: str) -> float:
    """Mean R² of the numeric columns given their true parents (levels one-hot encoded)."""
    table, dag = load_dataset(name), true_graph(name)
    shares = []
    for node in table.X.select_dtypes("number"):
        if parents := list(dag.predecessors(node)):
            X = pd.get_dummies(table.X[parents], dtype=float)
            shares.append(LinearRegression().fit(X, table.X[node]).score(X, table.X[node]))
    return float(np.mean(shares))
