"""The summaries of simulated evidence, each found a second way, and evidence that speaks against a claim."""

from __future__ import annotations

from types import SimpleNamespace

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from causalmix.causal import dags, discovery, scm
from causalmix.claims import decide, load_claims
from causalmix.estimands import Quantities
from causalmix.method_checks import check_skeleton, check_strengths
from causalmix.method_estimands import METHOD_ESTIMANDS, Simulated
from causalmix.scm_checks import check_additivity, check_mechanisms, check_propagation
from causalmix.simulation import Simulation, simulate, simulate_mixed

CLAIMS = load_claims()
SMALL = {"n_rows": 150, "n_columns": 4, "n_edges": 4}
TWICE = {**SMALL, "n_bootstraps": 2}
SHARES = ("valid", "graded_share", "acyclic", "seen_levels", "new_numbers", "descendants_only")
"""Columns of evidence whose plain mean is reported; of the others an interval is."""


@pytest.fixture(scope="module")
def evidence() -> pd.DataFrame:
    """Forty seeds of made-up evidence: no two columns are alike, none is constant."""
    rng = np.random.default_rng(3)
    names = ("auroc", "pc_auroc", "fci_auroc", "strength_gap", "r2", "accuracy_gain", "deviation", *SHARES)
    columns = {name: rng.normal(0.3 + 0.03 * k, 0.1, 40) for k, name in enumerate(names)}
    return pd.DataFrame({"seed": range(40), **columns})


def summarise(claim: str, evidence: pd.DataFrame) -> Quantities:
    return METHOD_ESTIMANDS[CLAIMS[claim].estimand["kind"]](Simulated(evidence, resamples=1000))


def around(values: pd.Series) -> tuple[object, object]:
    """The mean and the lower end of its interval by the normal distribution."""
    half = 1.96 * values.std(ddof=0) / np.sqrt(len(values))
    return pytest.approx(values.mean()), pytest.approx(values.mean() - half, abs=0.25 * half)


@pytest.mark.parametrize("n_nearer", [10, 7, 0])
def test_the_interval_of_a_share_is_the_exact_one(n_nearer):
    found = summarise(
        "12", pd.DataFrame({"seed": range(10), "nearer": [1.0] * n_nearer + [0.0] * (10 - n_nearer)})
    )
    share, lower, upper = found["value"], found["lower"], found["upper"]
    assert share == n_nearer / 10
    assert lower == 0 if n_nearer == 0 else binom.sf(n_nearer - 1, 10, lower) == pytest.approx(0.025)
    assert upper == 1 if n_nearer == 10 else binom.cdf(n_nearer, 10, upper) == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("claim", "column", "value", "lower"),
    [
        ("13", "auroc", "value", "lower"),
        ("13", "pc_auroc", "pc", "pc_lower"),
        ("13", "fci_auroc", "fci", "fci_lower"),
        ("14", "auroc", "value", "lower"),
        ("14", "strength_gap", "strength_gap", "strength_gap_lower"),
        ("16", "r2", "r2", "r2_lower"),
        ("16", "accuracy_gain", "accuracy_gain", "accuracy_gain_lower"),
    ],
)
def test_a_mean_over_seeds_has_the_lower_end_of_its_own_interval(evidence, claim, column, value, lower):
    found = summarise(claim, evidence)
    assert (found[value], found[lower]) == around(evidence[column])


@pytest.mark.parametrize(
    ("claim", "column", "quantity"),
    [
        ("14", "valid", "valid_share"),
        ("14", "graded_share", "graded_share"),
        ("15", "acyclic", "acyclic_share"),
        ("16", "seen_levels", "value"),
        ("16", "new_numbers", "numeric_share"),
        ("17", "descendants_only", "descendants_only_share"),
    ],
)
def test_a_share_counts_every_seed(evidence, claim, column, quantity):
    assert summarise(claim, evidence)[quantity] == pytest.approx(evidence[column].sum() / 40)


@pytest.mark.parametrize("claim", ["15", "17"])
def test_one_seed_that_deviates_is_enough_against_an_exact_claim(claim):
    exact = pd.DataFrame({"seed": range(10), "deviation": 0.0, "acyclic": 1.0, "descendants_only": 1.0})
    one_off = exact.assign(deviation=[0.0] * 9 + [5e-9])
    verdicts = [decide(CLAIMS[claim], evidence=rows, resamples=50).verdict for rows in (exact, one_off)]
    assert verdicts == ["reproduced", "not reproduced"]


@pytest.mark.parametrize("claim", ["15", "17"])
@pytest.mark.parametrize("column", ["deviation", "acyclic", "descendants_only"])
def test_evidence_that_lacks_a_value_reproduces_nothing(claim, column):
    exact = pd.DataFrame({"seed": range(10), "deviation": 0.0, "acyclic": 1.0, "descendants_only": 1.0})
    lacking = exact.assign(**{column: [*exact[column][:-1], np.nan]})
    read = {"15": ("deviation", "acyclic"), "17": ("deviation", "descendants_only")}[claim]
    verdict = decide(CLAIMS[claim], evidence=lacking, resamples=50).verdict
    assert (verdict == "reproduced") == (column not in read)


# Checks that can fail


def test_noise_that_reaches_another_column_than_the_descendants_is_found_out(monkeypatch):
    honest, first = scm.propagate_noise, next(nx.topological_sort(simulate(0, **SMALL).dag))

    def leaking(fitted, noise):
        rows = honest(fitted, noise)
        return rows.assign(**{first: rows[first] + sum(noise.values())})

    assert check_propagation(0, SMALL)["descendants_only"] == 1
    monkeypatch.setattr(scm, "propagate_noise", leaking)
    assert check_propagation(0, SMALL)["descendants_only"] == 1 / 4


def test_noise_that_moves_nothing_is_found_out(monkeypatch):
    honest, fixed = scm.propagate_noise, {}

    def deaf(fitted, noise):
        return honest(fitted, fixed.setdefault("noise", noise))

    monkeypatch.setattr(scm, "propagate_noise", deaf)
    assert check_propagation(0, SMALL)["descendants_only"] == 0


def test_mechanisms_of_unrelated_columns_gain_nothing_over_the_most_frequent_level(monkeypatch):
    def unrelated(seed, **settings):
        table, rng = simulate_mixed(seed, **settings), np.random.default_rng(seed)
        rows = {name: column.iloc[rng.permutation(len(column))] for name, column in table.rows.items()}
        rows = pd.DataFrame({name: column.reset_index(drop=True) for name, column in rows.items()})
        return Simulation(seed, table.dag, rows)

    settings = {"n_rows": 400, "n_columns": 4, "n_edges": 4}
    related = check_mechanisms(0, settings)
    monkeypatch.setattr("causalmix.scm_checks.simulate_mixed", unrelated)
    found = check_mechanisms(0, settings)
    assert abs(found["accuracy_gain"]) < 0.1 < related["accuracy_gain"] and found["r2"] < 0.1 < related["r2"]
    assert found["accuracy"] == pytest.approx(1 / 3, abs=0.1)


def test_a_sampled_graph_with_a_cycle_counts_against_the_claim(monkeypatch):
    honest, drawn = dags.sample_dag, []

    def careless(edges, rng):
        drawn.append(honest(edges, rng))
        return nx.cycle_graph(edges.columns, create_using=nx.DiGraph) if len(drawn) % 5 == 2 else drawn[-1]

    monkeypatch.setattr(dags, "sample_dag", careless)
    assert check_additivity(0, SMALL)["acyclic"] == 0.8


@pytest.mark.parametrize(
    ("i", "j", "strength", "valid"),
    [(0, 1, 0.5, 1.0), (2, 2, 0.5, 0.0), (0, 1, -0.1, 0.0), (1, 0, 0.6, 0.0), (0, 3, 1.1, 0.0)],
)
def test_a_matrix_that_is_not_probability_like_is_found_out(i, j, strength, valid, monkeypatch):
    matrix = np.triu(np.full((4, 4), 0.5), 1)
    matrix[i, j] = strength
    found = SimpleNamespace(matrix=matrix, columns=("x0", "x1", "x2", "x3"))
    monkeypatch.setattr(discovery, "discover_edges", lambda *_, **__: found)
    assert check_strengths(0, TWICE)["valid"] == valid


def test_each_algorithm_is_scored_on_what_it_finds_alone(monkeypatch):
    truth = nx.to_numpy_array(simulate(0, **SMALL).dag, nodelist=["x0", "x1", "x2", "x3"])
    wrong = np.triu(1 - truth - truth.T, 1)
    found = {("pc",): truth, ("fci",): np.zeros((4, 4)), ("pc", "fci"): wrong}

    def discover(train, target, *, algorithms, **_):
        return dags.EdgeProbabilities(tuple(train.columns), found[algorithms])

    monkeypatch.setattr(discovery, "discover_edges", discover)
    assert check_skeleton(0, TWICE) == {"auroc": 0.0, "pc_auroc": 1.0, "fci_auroc": 0.5}
