"""The estimands of the claims, each found a second way on a made-up study of the paper's arms."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest

from causalmix.analysis import NORMALISATIONS, AnalysisError
from causalmix.claims import load_claims
from causalmix.estimands import ESTIMANDS, Quantities, Stored, block_permutation_p
from causalmix.experiment import encode_rows, finetune_seed
from causalmix.folds import prepare_fold
from causalmix.intervals import spearman
from tests.by_hand import make_store
from tests.recorded import PAPER_LIFTS, make_study
from tests.runs import make_spec

CLAIMS = load_claims()
CELL = ["dataset", "fold"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> pd.DataFrame:
    return make_study(tmp_path_factory.mktemp("results") / "paper", lifts=PAPER_LIFTS, noise=0.03).runs()


def estimate(claim: str, runs: pd.DataFrame, normalisation: str = "error_removed") -> Quantities:
    estimand = CLAIMS[claim].estimand
    return ESTIMANDS[estimand["kind"]](Stored(runs, normalisation=normalisation, resamples=300), estimand)


def scores_of(runs: pd.DataFrame) -> pd.DataFrame:
    """(dataset, fold) by arm: the share of the remaining error that was removed."""
    score = (runs["test_auc"] - runs["zero_shot_auc"]) / (1 - runs["zero_shot_auc"])
    return runs.assign(score=score).pivot(index=CELL, columns="arm", values="score")


def test_medians_and_spreads_are_those_of_the_scores(runs):
    scores = scores_of(runs)
    found = estimate("04", runs)
    assert found["value"] == pytest.approx(scores["causalmix"].median())
    assert found["sd"] == pytest.approx(scores["causalmix"].std())
    quartiles = scores["causalmix"].quantile([0.25, 0.75])
    assert found["iqr"] == pytest.approx(quartiles.loc[0.75] - quartiles.loc[0.25])
    assert found["lower"] <= found["value"] <= found["upper"]


def test_the_largest_median_is_that_of_the_best_synthetic_arm(runs):
    found, medians = estimate("06", runs), scores_of(runs)[CLAIMS["06"].estimand["arms"]].median()
    assert found["value"] == pytest.approx(medians.max()) and found["n_negative"] == (medians < 0).sum()
    assert found["lower"] <= found["value"] <= found["upper"]


def test_the_ratio_of_spreads_is_that_of_the_arm_over_the_baseline(runs):
    found, scores = estimate("07", runs), scores_of(runs)
    arm, baseline = scores["causalmix"], scores["default"]
    iqr = [np.subtract(*np.percentile(one, [75, 25])) for one in (arm, baseline)]
    assert found["value"] == pytest.approx(arm.std() / baseline.std())
    assert found["iqr_ratio"] == pytest.approx(iqr[0] / iqr[1])
    assert (found["sd_arm"], found["sd_baseline"]) == pytest.approx((arm.std(), baseline.std()))


@pytest.mark.parametrize("harm", [0.0, 0.05])
def test_ranks_are_taken_within_a_fold_then_averaged_over_folds_and_tables(runs, harm):
    """With harm done to it, default fine-tuning ranks among the synthetic arms."""
    estimand = CLAIMS["09"].estimand
    runs = runs.assign(test_auc=runs["test_auc"] - harm * (runs["arm"] == "default"))
    ranks = scores_of(runs).drop(columns="zero_shot").rank(axis=1, ascending=False)
    means = ranks.groupby("dataset").mean().mean()
    lead, gap = estimate("08", runs), estimate("09", runs)
    assert lead["value"] == pytest.approx(means["default"] - means["causalmix"])
    assert lead["arm_position"] == means.rank()["causalmix"]
    assert gap["value"] == pytest.approx(means[estimand["worse"]].min() - means[estimand["better"]].max())
    assert gap["n_below"] == (means[estimand["worse"]] > means[estimand["better"]].max()).sum()


def test_tables_runs_and_folds_are_counted_once(runs):
    nothing_tuned = runs[runs["arm"] == "zero_shot"]
    assert estimate("01", runs)["value"] == 6 and estimate("01", nothing_tuned)["value"] == 0
    of_mitra = estimate("01", runs.assign(model="mitra"))
    assert (estimate("01", runs)["model_is_mitra"], of_mitra["model_is_mitra"]) == (0, 1)
    for name, expected in (("mitra@main", 1), ("mitra-v2", 0), ("checkpoints/not-mitra", 0)):
        assert estimate("01", runs.assign(model=name))["model_is_mitra"] == expected
    twice = pd.concat((runs, runs.assign(repeat=1)))
    uneven = runs[(runs["dataset"] != "table0") | (runs["fold"] > 0)]
    assert estimate("02", twice)["value"] == estimate("02", runs)["value"] == 6 * 3 * 7
    assert (estimate("02", runs)["folds_min"], estimate("02", uneven)["folds_min"]) == (3, 2)


def test_a_run_is_paired_only_with_a_zero_shot_run_on_its_own_rows(runs):
    assert estimate("03", runs)["value"] == 1
    other_rows = (runs["arm"] == "zero_shot") & (runs["dataset"] == "table0")
    assert estimate("03", runs.assign(n_test=runs["n_test"] + other_rows))["value"] == pytest.approx(5 / 6)
    other_start = runs.assign(test_auc=runs["test_auc"] + 0.01 * other_rows)
    assert estimate("03", other_start)["value"] == pytest.approx(5 / 6)
    assert estimate("10", runs)["value"] == 0 and estimate("10", other_start)["value"] > 0


def test_runs_are_not_paired_with_the_zero_shot_run_of_another_model(runs):
    other = runs[runs["arm"] == "zero_shot"].assign(model="other")
    with pytest.raises(AnalysisError, match="choose one model"):
        estimate("03", pd.concat((runs, other)))


def test_a_normalisation_that_is_not_0_at_the_zero_shot_score_is_found_out(runs, monkeypatch):
    monkeypatch.setitem(NORMALISATIONS, "raw", lambda runs: runs["test_auc"])
    highest_start = runs["zero_shot_auc"].max()
    assert estimate("10", runs, "raw")["value"] == estimate("11", runs, "raw")["value"] == highest_start


def test_a_normalisation_that_hides_losses_is_found_out(runs, monkeypatch):
    gains = (runs["test_auc"] - runs["zero_shot_auc"])[runs["arm"] != "zero_shot"]
    monkeypatch.setitem(NORMALISATIONS, "gain", lambda runs: NORMALISATIONS["difference"](runs).clip(lower=0))
    assert estimate("10", runs, "gain")["sign_agreement"] == pytest.approx((gains > 0).mean())
    assert estimate("11", runs, "gain")["nonzero_share"] == pytest.approx((gains > 0).mean())
    assert 0 < (gains > 0).mean() < 1


def test_curves_without_a_gap_are_counted_for_the_two_arms_compared():
    gaps = {
        "a": {"default": 2.0, "causalmix": 0.5, "scm": None},
        "b": {"default": 1.5, "causalmix": None, "scm": None},
        "c": {"default": None, "causalmix": None, "scm": 0.0},
    }
    rows = [
        {"dataset": name, "arm": arm, "gap": gap} for name, arms in gaps.items() for arm, gap in arms.items()
    ]
    store, estimand = make_store(rows), CLAIMS["18"].estimand
    found = ESTIMANDS[estimand["kind"]](Stored(store.runs(), store.trajectories(), resamples=50), estimand)
    assert found["n_undefined"] == 3
    assert (found["value"], found["gap_baseline"], found["gap_arm"]) == pytest.approx((1.5, 2.0, 0.5))


RISING, FALLING, STILL = (1, 2, 3, 4), (4, 3, 2, 1), (2, 2, 2, 2)
FAINTLY_RISING, FAINTLY_FALLING = (1, 4, 3, 2), (2, 3, 4, 1)
"""Orders with Spearman's correlation 1, -1, none, 0.2 and -0.2 with depth."""


def along_the_dial(orders: dict[str, list[tuple]], deepest: int = 3) -> Quantities:
    """Claim 19's estimand where the regret has these orders along the dial, a fold each, table by table."""
    rows = [
        {
            "dataset": name,
            "fold": fold,
            "arm": f"causalmix@depth={k}",
            "depth": float(min(k, deepest)),
            "regret": place / 10,
        }
        for name, folds in orders.items()
        for fold, order in enumerate(folds)
        for k, place in enumerate(order)
    ]
    store = make_store(rows)
    stored = Stored(store.runs(), store.trajectories(), resamples=300, permutations=200)
    estimand = {**CLAIMS["19"].estimand, "measure": "early_stopping_regret"}
    return ESTIMANDS[estimand["kind"]](stored, estimand)


def test_along_the_dial_a_table_of_many_folds_weighs_as_much_as_any_other():
    found = along_the_dial({"a": [RISING], "b": [FALLING] * 3, "c": [STILL]})
    assert found["value"] == pytest.approx(0) and (found["n_blocks"], found["n_uninformative"]) == (4, 1)


def test_the_sign_flips_take_tables_as_units_and_settings_of_one_run_are_counted():
    found = along_the_dial({f"t{i}": [RISING, RISING] for i in range(6)})
    assert found["sign_flip_p"] == pytest.approx(2 / 2**6) and found["n_repeated"] == 0
    same_run = {"a": [(1, 2, 3, 3)], "b": [(1, 2, 3, 4)], "c": [(2, 1, 3, 3), (3, 2, 1, 1)]}
    assert along_the_dial(same_run, deepest=2)["n_repeated"] == 3  # the runs of b differ, the depths do not


@pytest.mark.parametrize(
    ("orders", "value", "equivalent"),
    [
        ((FAINTLY_RISING, FAINTLY_FALLING), 0.0, 1),
        ((RISING, FALLING), 0.0, 0),
        ((RISING, RISING), 1.0, 0),
        ((FALLING, FALLING), -1.0, 0),
    ],
)
def test_no_association_of_relevant_size_needs_the_whole_interval_near_0(orders, value, equivalent):
    found = along_the_dial({f"t{i}": [orders[i % 2]] for i in range(10)})
    assert found["value"] == pytest.approx(value) and found["equivalent"] == equivalent


def test_validation_and_test_rows_are_not_mixed_up_and_each_fold_has_a_seed_of_its_own():
    spec = make_spec()
    fold = prepare_fold(spec)
    data = encode_rows(fold, fold.train)
    for rows, labels in ((data.val, fold.split.y_val), (data.test, fold.split.y_test)):
        assert rows.y.tolist() == fold.labels.transform(labels).tolist()
    specs = [
        spec,
        make_spec(fold=1),
        make_spec(repeat=1),
        make_spec(dataset="wine"),
        make_spec(model="other"),
    ]
    assert len({finetune_seed(one) for one in specs}) == len(specs)
    assert finetune_seed(make_spec("default")) == finetune_seed(make_spec("scm"))


@pytest.mark.parametrize("sign", [1, -1])
def test_along_the_dial_p_is_the_share_of_all_orders_within_blocks_that_are_as_extreme(sign):
    blocks = [
        (name, np.column_stack([depth, sign * np.array(measure)]))
        for name, depth, measure in (
            ("a", (0, 1, 2), (1, 2, 3)),
            ("a", (0, 1, 1), (3, 2, 1)),
            ("b", (0, 1, 2, 3), (2, 1, 3, 4)),
        )
    ]
    orders = [[spearman(depth, rows[:, 1]) for depth in permutations(rows[:, 0])] for _, rows in blocks]
    every = np.array([((one + other) / 2 + last) / 2 for one, other, last in product(*orders)])
    exact = (np.abs(every) >= abs(every[0]) - 1e-12).mean()
    assert block_permutation_p(blocks, every[0], 20_000, 0) == pytest.approx(exact, abs=0.01)
