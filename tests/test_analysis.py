"""Normalised scores, summaries, ranks, tests and correlations: known answers, invariants, peers."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from causalmix.analysis import (
    NORMALISATIONS,
    AnalysisError,
    correlate_depth_stability,
    depth_and_stability,
    improvement_summary,
    normalise_scores,
    paired_differences,
    run_gaps,
    unit_scores,
    validation_test_gap,
)
from causalmix.intervals import bca_interval, cluster_bootstrap, correlate, permutation_p
from causalmix.ranking import (
    cliques,
    critical_difference,
    friedman_p,
    holm_wilcoxon,
    pairwise_tests,
    rank_arms,
    score_matrix,
    win_rates,
)
from tests.by_hand import make_store
from tests.recorded import PAPER_LIFTS, make_study


def frame_of(*rows: tuple) -> pd.DataFrame:
    """Runs from (dataset, fold, arm, s, s0)."""
    runs = pd.DataFrame(rows, columns=["dataset", "fold", "arm", "test_auc", "zero_shot_auc"])
    return runs.assign(repeat=0, status="ok")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("results") / "made_up")


# Normalised scores


def test_the_primary_score_is_the_share_of_the_remaining_error_removed():
    runs = frame_of(("a", 0, "default", 0.9, 0.8), ("a", 0, "scm", 0.7, 0.8))
    assert normalise_scores(runs)["score"].tolist() == pytest.approx([0.5, -0.5])


def test_the_other_normalisations_follow_their_formula():
    runs = frame_of(("a", 0, "default", 0.9, 0.8), ("a", 0, "scm", 0.6, 0.8), ("a", 0, "zero_shot", 0.8, 0.8))
    sd = np.std([0.9, 0.6], ddof=1)
    assert normalise_scores(runs, "difference")["score"].tolist() == pytest.approx([0.1, -0.2, 0])
    assert normalise_scores(runs, "largest_change")["score"].tolist() == pytest.approx([0.5, -1, 0])
    assert normalise_scores(runs, "dataset_sd")["score"].tolist() == pytest.approx([0.1 / sd, -0.2 / sd, 0])


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_no_change_scores_zero_even_from_a_perfect_start(normalisation):
    runs = frame_of(("a", 0, "default", 1.0, 1.0), ("a", 0, "scm", 1.0, 1.0), ("b", 0, "default", 0.7, 0.7))
    assert normalise_scores(runs, normalisation)["score"].tolist() == [0, 0, 0]


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
@pytest.mark.parametrize("zero_shot", [0.7, 1.0])
def test_a_last_bit_that_differs_is_no_change(normalisation, zero_shot):
    above, below = np.nextafter(zero_shot, 2), np.nextafter(zero_shot, 0)
    runs = frame_of(
        ("a", 0, "default", above, zero_shot),
        ("a", 0, "scm", below, zero_shot),
        ("b", 0, "default", 0.6, 0.8),
        ("b", 0, "scm", 0.9, 0.8),
    )
    scores = normalise_scores(runs, normalisation)["score"]
    assert scores[:2].tolist() == [0, 0] and not np.signbit(scores[:2]).any()


def test_a_start_that_is_perfect_but_for_the_last_bit_leaves_no_error_to_remove():
    runs = frame_of(("a", 0, "default", 0.9, np.nextafter(1.0, 0)))
    assert normalise_scores(runs)["score"].isna().all()


def test_a_loss_from_a_perfect_start_has_no_share_and_is_left_out_of_the_units():
    runs = frame_of(("a", 0, "default", 0.9, 1.0), ("b", 0, "default", 0.9, 0.8))
    assert math.isnan(normalise_scores(runs)["score"].iloc[0])
    assert unit_scores(runs)["dataset"].tolist() == ["b"]
    assert normalise_scores(runs, "difference")["score"].iloc[0] == pytest.approx(-0.1)


def test_a_table_with_a_single_fine_tuned_run_has_no_sd_to_measure_its_change_by():
    runs = frame_of(
        ("a", 0, "zero_shot", 0.6, 0.6), ("a", 0, "default", 0.9, 0.6), ("b", 0, "default", 0.7, 0.7)
    )
    scores = normalise_scores(runs, "dataset_sd")["score"]
    assert scores[0] == 0 and math.isnan(scores[1]) and scores[2] == 0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.5, 1, width=32), st.floats(0.5, 0.984375, width=32)), min_size=2, max_size=8
    )
)
def test_every_normalisation_keeps_the_sign_of_the_change(pairs):
    runs = frame_of(*[("a", fold, "default", s, s0) for fold, (s, s0) in enumerate(pairs)])
    change = np.sign(runs["test_auc"] - runs["zero_shot_auc"])
    for normalisation in NORMALISATIONS:
        score = normalise_scores(runs, normalisation)["score"]
        spread = runs["test_auc"].std() > 0 or normalisation != "dataset_sd"
        assert not spread or (np.sign(score) == change).all()


def test_failed_runs_are_left_out_and_the_input_is_not_changed():
    runs = frame_of(("a", 0, "default", 0.9, 0.8), ("a", 1, "default", np.nan, np.nan))
    runs.loc[1, "status"] = "failed"
    before = runs.copy()
    assert len(normalise_scores(runs)) == 1
    pd.testing.assert_frame_equal(runs, before)


def test_an_unknown_normalisation_names_the_known_ones():
    with pytest.raises(AnalysisError, match="error_removed"):
        normalise_scores(frame_of(("a", 0, "default", 0.9, 0.8)), "z_score")


def test_a_table_without_scores_is_refused_with_the_columns_it_lacks():
    with pytest.raises(AnalysisError, match="zero_shot_auc"):
        normalise_scores(pd.DataFrame({"dataset": ["a"]}))


# Summaries


def test_the_summary_finds_the_lifts_that_were_put_in(store):
    summary = improvement_summary(store.runs(), "difference", resamples=300).set_index("arm")
    assert summary.loc["causalmix", "median"] == pytest.approx(0.04, abs=0.01)
    assert summary.loc["scm", "upper"] < 0 < summary.loc["causalmix", "lower"]
    assert summary.loc["zero_shot", ["median", "sd", "iqr"]].tolist() == [0, 0, 0]
    assert (summary["n_runs"] == 18).all() and (summary["n_datasets"] == 6).all()


def test_the_summary_counts_failures(store):
    runs = store.runs()
    runs.loc[runs.index[runs["arm"] == "scm"][:2], "status"] = "failed"
    summary = improvement_summary(runs, arms=["scm"], resamples=50)
    assert summary[["n_runs", "n_failed"]].iloc[0].tolist() == [16, 2]


def test_intervals_resample_datasets_not_runs():
    rng = np.random.default_rng(0)
    level = np.repeat(rng.normal(size=8), 50)
    values, tables = level + 0.001 * rng.normal(size=400), np.repeat(np.arange(8), 50)
    clustered = cluster_bootstrap(values, tables, np.mean, resamples=400)
    naive = cluster_bootstrap(values, np.arange(400), np.mean, resamples=400)
    assert clustered.upper - clustered.lower > 4 * (naive.upper - naive.lower)


def test_one_dataset_gives_no_interval():
    interval = cluster_bootstrap(np.arange(5.0), np.zeros(5), np.median)
    assert interval.value == 2 and math.isnan(interval.lower) and interval.n_clusters == 1


def test_paired_differences_drop_what_one_arm_lacks():
    runs = frame_of(
        ("a", 0, "default", 0.8, 0.7), ("a", 0, "causalmix", 0.9, 0.7), ("a", 1, "default", 0.8, 0.7)
    )
    pairs = paired_differences(normalise_scores(runs, "difference"), "causalmix", "default")
    assert pairs["difference"].tolist() == pytest.approx([0.1])


# Ranks


def test_ranks_are_averaged_within_a_dataset_before_over_datasets():
    runs = frame_of(
        *[("a", fold, arm, s, 0.5) for fold in range(3) for arm, s in (("x", 0.9), ("y", 0.8))],
        ("b", 0, "x", 0.6, 0.5),
        ("b", 0, "y", 0.7, 0.5),
    )
    ranks = rank_arms(runs)
    assert ranks.loc["a"].to_dict() == {"x": 1, "y": 2} and ranks.loc["b"].to_dict() == {"x": 2, "y": 1}
    assert ranks.mean().tolist() == [1.5, 1.5]


def test_ties_share_their_rank_and_a_failure_is_last():
    runs = frame_of(("a", 0, "x", 0.9, 0.5), ("a", 0, "y", 0.9, 0.5), ("a", 0, "z", np.nan, np.nan))
    runs.loc[2, "status"] = "failed"
    assert rank_arms(runs).loc["a"].tolist() == [1.5, 1.5, 3]


def test_ranking_an_incomplete_grid_names_the_missing_cell():
    runs = frame_of(("a", 0, "x", 0.9, 0.5), ("a", 0, "y", 0.9, 0.5), ("a", 1, "x", 0.9, 0.5))
    with pytest.raises(AnalysisError, match="a fold 1 repeat 0 y"):
        rank_arms(runs)


@pytest.mark.parametrize("analyse", [score_matrix, normalise_scores, rank_arms, improvement_summary])
@pytest.mark.parametrize("setting", ["model", "max_train_rows", "synthetic_ratio"])
def test_runs_of_one_cell_that_differ_in_a_setting_are_never_averaged(analyse, setting):
    runs = frame_of(("a", 0, "x", 0.9, 0.5), ("a", 0, "x", 0.8, 0.5)).assign(**{setting: [1, 2]})
    with pytest.raises(AnalysisError, match=f"choose one {setting}$"):
        analyse(runs)


def test_trajectories_of_several_row_limits_are_never_averaged(store):
    trajectories = store.trajectories()
    twice = pd.concat([trajectories, trajectories.assign(spec_hash=trajectories["spec_hash"] + "x")])
    with pytest.raises(AnalysisError, match="several runs per dataset"):
        run_gaps(twice)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_ranks_do_not_depend_on_the_normalisation(store, normalisation):
    pd.testing.assert_frame_equal(rank_arms(store.runs(), normalisation), rank_arms(store.runs()))


def test_average_ranks_and_critical_difference_agree_with_autorank():
    autorank = pytest.importorskip("autorank")
    rng = np.random.default_rng(1)
    scores = pd.DataFrame(rng.normal(size=(15, 4)) ** 3 + [0, 1, 2, 4], columns=list("abcd"))
    peer = autorank.autorank(scores, alpha=0.05, verbose=False, force_mode="nonparametric")
    ours = critical_difference(scores.rank(axis=1, ascending=False))
    assert ours.difference == pytest.approx(peer.cd, rel=1e-4)
    assert ours.friedman_p == pytest.approx(peer.pvalue, rel=1e-6)
    assert ours.mean_ranks == pytest.approx(peer.rankdf["meanrank"].to_dict())


def test_the_diagram_of_a_study_agrees_with_autorank(tmp_path):
    autorank, drawing = pytest.importorskip("autorank"), pytest.importorskip("autorank._util")
    tables = [f"t{i}" for i in range(14)]
    runs = make_study(tmp_path / "s", lifts=PAPER_LIFTS, datasets=tables, n_folds=2, noise=0.03).runs()
    arms = [arm for arm in PAPER_LIFTS if arm != "zero_shot"]
    ours = pairwise_tests(runs, arms=arms)
    peer = autorank.autorank(-rank_arms(runs, arms=arms), verbose=False, force_mode="nonparametric")
    ranks = {
        **ours.set_index("arm")["rank"].to_dict(),
        **ours.set_index("against")["rank_against"].to_dict(),
    }
    assert ranks == pytest.approx(peer.rankdf["meanrank"].to_dict())
    assert ours["friedman_p"].iloc[0] == pytest.approx(peer.pvalue, rel=1e-6)
    assert ours["critical_difference"].iloc[0] == pytest.approx(peer.cd, rel=1e-4)
    _, names, spans = drawing.get_sorted_rank_groups(peer, reverse=False)
    apart = ours.loc[ours["nemenyi"], ["arm", "against"]].itertuples(index=False, name=None)
    found = [group for group in cliques(sorted(ranks, key=ranks.get), apart) if len(group) > 1]
    assert len(found) >= 2
    assert {frozenset(group) for group in found} == {frozenset(names[i : j + 1]) for i, j in spans}


def test_the_worked_example_of_demsar_comes_out():
    # Demšar (2006), table 6: ranks of four variants of C4.5 on 14 data sets
    columns = {
        "C4.5": [4, 1, 4, 4, 4, 1, 3, 2.5, 4, 2.5, 4, 3, 4, 3],
        "C4.5+m": [3, 2, 1, 1, 2, 2.5, 2, 2.5, 3, 2.5, 2.5, 2, 1, 1],
        "C4.5+cf": [2, 3, 2, 3, 3, 4, 4, 4, 2, 2.5, 1, 4, 2, 4],
        "C4.5+m+cf": [1, 4, 3, 2, 1, 2.5, 1, 1, 1, 2.5, 2.5, 1, 3, 2],
    }
    ranks = pd.DataFrame(columns).astype(float)
    found = critical_difference(ranks, alpha=0.10)
    printed = {"C4.5+m+cf": 1.964, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5": 3.143}
    assert found.mean_ranks == pytest.approx(printed, abs=5e-4)
    assert critical_difference(ranks).difference == pytest.approx(1.25, abs=0.005)
    assert found.difference == pytest.approx(1.12, abs=0.005)
    assert found.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))
    squares = sum(rank**2 for rank in found.mean_ranks.values())
    assert 12 * 14 / (4 * 5) * (squares - 4 * 5**2 / 4) == pytest.approx(9.28, abs=0.02)
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*ranks.to_numpy().T).pvalue)


def test_wilcoxons_pairs_are_scipys_adjusted_by_holm(store):
    found = pairwise_tests(store.runs(), arms=["default", "causalmix", "scm"])
    means = score_matrix(store.runs()).groupby(level="dataset").mean()
    pairs = found[["arm", "against"]].itertuples(index=False, name=None)
    raw = [stats.wilcoxon(means[one] - means[two]).pvalue for one, two in pairs]
    assert found["p_value"].to_numpy() == pytest.approx(raw)
    smallest_first = np.sort(raw)
    stepped = np.maximum.accumulate(smallest_first * np.arange(len(raw), 0, -1)).clip(max=1)
    assert np.sort(found["p_holm"]) == pytest.approx(stepped)


def test_wilcoxons_test_compares_the_folds_that_both_arms_finished():
    # scm is the worse one wherever it finished, and failed on the hard fold of each table
    cells = [(f"t{i}", fold) for i in range(8) for fold in (0, 1)]
    runs = frame_of(
        *((*cell, "default", (0.90, 0.60)[cell[1]], 0.5) for cell in cells),
        *((*cell, "scm", 0.88, 0.5) for cell in cells),
    )
    runs.loc[(runs["arm"] == "scm") & (runs["fold"] == 1), "status"] = "failed"
    (pair,) = pairwise_tests(runs, "difference").to_dict("records")
    assert (pair["arm"], pair["median_difference"]) == ("default", pytest.approx(0.02))


def test_a_clique_holds_no_pair_that_is_told_apart():
    assert cliques("abcd", [("a", "c"), ("b", "d")]) == (("a", "b"), ("b", "c"), ("c", "d"))
    assert cliques("abc", []) == (("a", "b", "c"),) and cliques("ab", [("b", "a")]) == (("a",), ("b",))


def test_arms_closer_than_the_critical_difference_form_one_group():
    ranks = pd.DataFrame({"a": [1.0, 2.0] * 6, "b": [2.0, 1.0] * 6, "c": [3.0] * 12})
    assert critical_difference(ranks).groups == (("a", "b"), ("c",))


def test_a_critical_difference_of_one_dataset_is_refused():
    with pytest.raises(AnalysisError, match="needs two of each"):
        critical_difference(pd.DataFrame({"a": [1.0], "b": [2.0]}))


def test_friedman_sees_nothing_in_equal_arms():
    assert friedman_p(pd.DataFrame(np.full((6, 3), 2.0))) == 1.0


def test_a_pair_without_two_tables_in_common_is_not_tested_and_widens_no_family():
    rng = np.random.default_rng(0)
    both = pd.DataFrame({"a": rng.normal(0, 1, 12), "b": rng.normal(1, 1, 12), "same": 0.0, "again": 0.0})
    tests = holm_wilcoxon(both.assign(absent=np.nan)).set_index(["arm_a", "arm_b"])
    absent = tests.index.get_level_values("arm_b") == "absent"
    assert tests.loc[absent, ["p_value", "p_holm"]].isna().all(axis=None) and absent.sum() == 4
    pd.testing.assert_frame_equal(tests[~absent], holm_wilcoxon(both).set_index(["arm_a", "arm_b"]))
    assert tests.loc[("same", "again"), "p_value"] == 1


def test_holm_wilcoxon_adjusts_upwards_and_keeps_the_sign():
    rng = np.random.default_rng(0)
    scores = pd.DataFrame(
        {"low": rng.normal(size=12), "high": rng.normal(size=12) + 5, "same": rng.normal(size=12)}
    )
    tests = holm_wilcoxon(scores)
    assert (tests["p_holm"] >= tests["p_value"]).all() and len(tests) == 3
    first = tests.iloc[0]
    assert first["median_difference"] < 0 and first["p_holm"] < 0.01


def test_win_rates_of_a_pair_sum_to_one(store):
    table = win_rates(store.runs())
    off_diagonal = (table + table.T).to_numpy()[~np.eye(len(table), dtype=bool)]
    assert off_diagonal == pytest.approx(1)
    assert table.loc["causalmix", "scm"] > 0.9


# Validation against test, depth against stability


def test_the_gap_is_given_per_run_and_per_arm(store):
    gaps = run_gaps(store.trajectories())
    summary = validation_test_gap(store.trajectories(), resamples=100)
    assert len(gaps) == len(store.runs())
    assert "zero_shot" not in set(summary["arm"])
    own = gaps[gaps["arm"] == "default"]["validation_test_gap"].dropna()
    assert summary.set_index("arm").loc["default", "median"] == pytest.approx(own.median())


def test_depth_and_stability_have_one_point_per_dataset(store):
    found = correlate_depth_stability(store.runs(), store.trajectories())
    assert found.n == 6 and -1 <= found.lower <= found.rho <= found.upper <= 1


def test_a_correlation_agrees_with_scipy_and_ignores_missing_pairs():
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y = x + rng.normal(size=40)
    found = correlate(np.append(x, np.nan), np.append(y, 1.0), resamples=300, permutations=500)
    assert found.n == 40 and found.rho == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.lower < found.rho < found.upper and found.p_value < 0.05


def test_a_constant_depth_has_no_correlation():
    found = correlate(np.ones(10), np.arange(10.0))
    assert math.isnan(found.rho) and math.isnan(found.p_value)


def test_the_permutation_p_of_unrelated_ranks_is_large_and_never_zero():
    rng = np.random.default_rng(3)
    assert permutation_p(rng.normal(size=30), rng.normal(size=30), permutations=400) > 0.05
    assert permutation_p(np.arange(30), np.arange(30), permutations=400) == pytest.approx(1 / 401)


def test_a_bca_interval_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(60):
        lower, upper = bca_interval(rng.exponential(size=25), resamples=300)
        hits += lower <= 1 <= upper
    assert hits >= 48


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (
            "analysis, ranking, stability, claims, figures, book.build",
            ("torch", "dowhy", "causallearn", "ctgan"),
        ),
        ("cli", ("torch", "sklearn", "scipy", "matplotlib", "networkx", "rich.progress")),
    ],
)
def test_nothing_heavy_is_imported(modules, heavy):
    code = "".join(f"import causalmix.{module.strip()}; " for module in modules.split(","))
    code += f"import sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_largest_change_is_that_of_the_arms_of_one_fold():
    runs = frame_of(
        ("a", 0, "default", 0.8, 0.7),
        ("a", 0, "causalmix", 0.75, 0.7),
        ("a", 1, "default", 0.71, 0.7),
        ("a", 1, "causalmix", 0.72, 0.7),
    )
    assert normalise_scores(runs, "largest_change")["score"].tolist() == pytest.approx([1, 0.5, 0.5, 1])


def test_depth_and_stability_are_those_of_one_arm():
    store = make_store(
        {"dataset": f"t{i}", "arm": arm, "depth": float(i), "regret": regret}
        for i in range(5)
        for arm, regret in (("causalmix", 0.01 * i), ("scm", 0.3 - 0.05 * i))
    )
    tables = store.runs(), store.trajectories()
    for arm, rho in (("causalmix", 1), ("scm", -1)):
        assert correlate_depth_stability(*tables, measure="early_stopping_regret", arm=arm).rho == rho


def test_the_volatility_of_a_run_that_ended_before_others_of_its_cell_is_not_compared(store):
    trajectories = store.trajectories()
    first = trajectories["fold"] == 0
    ended = first & (trajectories["dataset"] == "table0") & (trajectories["arm"] == "causalmix")
    all_ended = first & (trajectories["dataset"] == "table1")
    fewer = trajectories[~((ended | all_ended) & (trajectories["step"] == 3))]
    joined = depth_and_stability(store.runs(), fewer)
    left_out = joined.loc[joined["tail_volatility"].isna(), ["dataset", "fold", "arm"]]
    assert left_out.to_numpy().tolist() == [["table0", 0, "causalmix"]]
    for measure in ("tail_volatility", "steps_to_best"):
        alone = depth_and_stability(store.runs(), fewer, [measure])
        pd.testing.assert_series_equal(alone[measure], joined[measure])
