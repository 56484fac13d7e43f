"""The simulations behind the method claims: known graphs, honest tables, and checks that can fail."""

from __future__ import annotations

import inspect

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from causalmix.causal.edges import EdgeProbabilities
from causalmix.claims import ClaimError, decide, load_claims
from causalmix.depth_recovery import N_DAGS
from causalmix.generators import CausalGenerator
from causalmix.method_checks import CHECKS, collect_evidence, skeleton_auroc
from causalmix.scm_checks import (
    N_SAMPLED_DAGS,
    check_additivity,
    check_fitted,
    check_mechanisms,
    check_propagation,
)
from causalmix.seeding import derive_seed
from causalmix.simulation import simulate, simulate_mixed

CLAIMS = load_claims()
SMALL = {"n_rows": 150, "n_columns": 4, "n_edges": 4}


def test_the_checks_draw_as_many_graphs_as_the_generator_that_they_speak_of():
    used = inspect.signature(CausalGenerator).parameters["n_dags"].default
    assert used == N_SAMPLED_DAGS == N_DAGS


def test_a_simulated_table_has_the_asked_shape_and_an_acyclic_graph():
    table = simulate(3, n_rows=80, n_columns=6, n_edges=7)
    assert table.rows.shape == (80, 6) and table.dag.number_of_edges() == 7
    assert nx.is_directed_acyclic_graph(table.dag) and set(table.dag) == set(table.rows)


def test_a_simulation_is_repeated_by_its_seed_and_changed_by_another():
    first, again, other = (simulate(seed, 50, 5, 4) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first.rows, again.rows)
    assert not first.rows.equals(other.rows)


def test_the_order_of_the_columns_is_not_given_away_by_their_variance():
    rows = simulate(0, n_rows=500, n_columns=8, n_edges=12).rows
    assert np.allclose(rows.mean(), 0, atol=1e-9) and np.allclose(rows.std(ddof=0), 1)


def test_a_perfect_matrix_has_an_auroc_of_one_and_an_empty_one_of_a_half():
    truth = nx.DiGraph([("a", "b"), ("b", "c")])
    perfect = EdgeProbabilities(("a", "b", "c"), [[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    assert skeleton_auroc(perfect, truth) == 1.0
    assert skeleton_auroc(EdgeProbabilities(("a", "b", "c"), np.zeros((3, 3))), truth) == 0.5


@pytest.mark.parametrize("kind", CHECKS)
def test_every_check_gives_the_evidence_that_its_claim_summarises(kind):
    (claim,) = [claim for claim in CLAIMS.values() if claim.estimand["kind"] == kind]
    asked = SMALL | ({"n_bootstraps": 2} if "n_bootstraps" in claim.estimand["simulation"] else {})
    evidence = pd.DataFrame([{"seed": seed, **CHECKS[kind](seed, asked)} for seed in range(2)])
    verdict = decide(claim, evidence=evidence, resamples=50)
    assert verdict.verdict != "not tested" and np.isfinite(verdict.value)


def test_a_sampler_that_does_not_propagate_its_noise_is_found_out(monkeypatch):
    from causalmix.causal import scm

    honest = scm.draw_samples

    def shuffled(fitted, n, seed):
        rows = honest(fitted, n, seed)
        return rows.apply(lambda column: column.to_numpy()[::-1])

    monkeypatch.setattr(scm, "draw_samples", shuffled)
    assert check_propagation(0, SMALL)["deviation"] > 0.1


def test_smoke_runs_two_seeds():
    assert collect_evidence(CLAIMS["17"], profile="smoke")["seed"].tolist() == [0, 1]


def test_a_claim_without_a_simulation_is_refused_with_those_that_have_one():
    with pytest.raises(ClaimError, match="noise_propagation"):
        collect_evidence(CLAIMS["04"])


def test_every_simulated_claim_has_a_check():
    assert {claim.estimand["kind"] for claim in CLAIMS.values() if claim.simulated} == set(CHECKS)


@pytest.mark.parametrize("seed", range(8))
def test_a_mixed_simulation_has_parents_for_both_kinds_of_column(seed):
    table = simulate_mixed(seed, n_rows=60, n_columns=6, n_edges=7)
    modelled = [name for name in table.rows if table.dag.in_degree(name)]
    categorical = [name for name in table.rows if table.rows[name].dtype == "category"]
    assert len(categorical) == 3
    assert set(modelled) & set(categorical) and set(modelled) - set(categorical)


def test_rows_of_the_wrong_table_are_found_out(monkeypatch):
    from causalmix.causal import scm

    other = simulate(derive_seed("another table", 0), **SMALL).rows
    monkeypatch.setattr(scm, "draw_samples", lambda fitted, n, seed: other)
    found = check_fitted(0, SMALL)
    assert found["nearer"] == 0 and found["distance_other"] == 0


def test_noise_that_is_not_additive_is_found_out(monkeypatch):
    from causalmix.causal.dowhy_mechanisms import BoundedNoiseModel

    honest = BoundedNoiseModel.evaluate_unbounded
    monkeypatch.setattr(
        BoundedNoiseModel,
        "evaluate_unbounded",
        lambda model, parents, noise: honest(model, parents, noise) * (1 + noise),
    )
    assert check_additivity(0, SMALL)["deviation"] > 0.1


def test_a_level_that_was_never_seen_is_found_out(monkeypatch):
    from causalmix.causal import scm

    honest = scm.draw_samples

    def inventive(fitted, n, seed):
        rows = honest(fitted, n, seed)
        return rows.apply(lambda column: column.astype(str) + "?" if column.dtype == "category" else column)

    monkeypatch.setattr(scm, "draw_samples", inventive)
    assert check_mechanisms(0, SMALL)["seen_levels"] == 0
