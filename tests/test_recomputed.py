"""What the book prints, found a second way: intervals, p values, scores, splits, ensembles, audits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from causalmix.analysis import improvement_summary
from causalmix.audit import SCORES, compare
from causalmix.claims import decide, load_claims
from causalmix.estimands import Stored, block_permutation_p, median_improvement
from causalmix.experiment import make_pool
from causalmix.finetune_run import FinetuneRun
from causalmix.folds import prepare_fold
from causalmix.generators.cache import SyntheticTable
from causalmix.intervals import cluster_bootstrap
from causalmix.models.inference import predict_proba
from causalmix.records import score
from causalmix.specs import ARMS
from causalmix.trajectory import CURVES, Trajectory
from tests.recorded import make_study
from tests.runs import make_spec


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("results") / "made_up")


# Intervals and tests


def test_the_interval_of_a_mean_over_clusters_is_that_of_the_normal_distribution():
    values = np.random.default_rng(0).normal(size=40)
    found = cluster_bootstrap(np.repeat(values, 3), np.repeat(np.arange(40), 3), np.mean)
    half = 1.96 * values.std() / np.sqrt(40)
    assert found.lower == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found.upper == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_folds_of_one_table_are_no_independent_runs():
    """Eight tables whose ten folds say the same: the interval is as wide as that of eight numbers."""
    cells = pd.MultiIndex.from_product([range(8), range(10)], names=["table", "fold"]).to_frame(index=False)
    scores = {"test_auc": 0.5 + cells["table"] / 20, "zero_shot_auc": 0.5, "status": "ok", "repeat": 0}
    runs = cells.assign(dataset=cells["table"].astype(str), arm="default", **scores)
    eight = cluster_bootstrap(np.arange(8) / 10, np.arange(8), np.median)
    claimed = median_improvement(Stored(runs), {"arm": "default"})
    (summary,) = improvement_summary(runs).to_dict("records")
    for found in (claimed, summary):
        assert (found["lower"], found["upper"]) == pytest.approx((eight.lower, eight.upper), abs=0.05)


def test_the_permutation_p_counts_both_directions():
    falling = np.array([[1.0, 4.0], [2.0, 3.0], [3.0, 2.0], [4.0, 1.0]])
    found = block_permutation_p([("a", falling)], -1.0, permutations=20_000, seed=0)
    assert found == pytest.approx(2 / 24, abs=0.01)


# Claims


def test_failed_runs_are_counted_and_the_verdicts_under_all_normalisations_compared(store):
    class OneFailed:
        hash, trajectories, graphs = store.hash, store.trajectories, store.graphs

        def runs(self) -> pd.DataFrame:
            runs = store.runs()
            lost = (runs["arm"] == "causalmix") & (runs["fold"] == 0) & (runs["dataset"] == "table0")
            runs.loc[lost, ["status", "test_auc"]] = ["failed", np.nan]
            return runs

    claims = load_claims()
    whole, less = (decide(claims["04"], one, resamples=200) for one in (store, OneFailed()))
    assert (whole.n_failed, less.n_failed) == (0, 1) and less.n_runs == whole.n_runs - 1
    for name in ("04", "05", "07", "08"):
        verdict = decide(claims[name], store, resamples=200)
        assert verdict.depends_on_normalisation == (len(set(verdict.sensitivity.values())) > 1)


# Runs


def test_a_record_holds_the_scores_of_the_selected_step_and_of_step_0():
    curves = {name: tuple(10 * k + step for step in range(3)) for k, name in enumerate(CURVES)}
    kept = score(Trajectory(steps=(0, 3, 6), selected_step=6, **curves))
    assert {name: kept[name] for name in ("test_auc", "test_log_loss", "val_auc")} == {
        name: curves[name][2] for name in ("test_auc", "test_log_loss", "val_auc")
    }
    assert kept["zero_shot_auc"] == curves["test_auc"][0]
    assert kept["zero_shot_log_loss"] == curves["test_log_loss"][0]


def test_of_equal_validation_scores_the_lower_log_loss_is_kept_then_the_earlier_step():
    run = FinetuneRun(data=None, rng=None, keep_weights=True)
    for step, log_loss in ((0, 0.6), (3, 0.5), (6, 0.5), (9, 0.7)):
        row = {"step": step, "val_auc": 0.8, "val_log_loss": log_loss}
        run.add(row, torch.tensor([float(step)]), train_loss=0.1 * step)
    assert run.best_step == 3 and run.best_weights.item() == 3 and run.since_best == 2
    assert [row["train_loss"] for row in run.rows] == pytest.approx([0.0, 0.3, 0.6, 0.9])
    assert [row["update_norm"] for row in run.rows] == [0, 3, 3, 3]


def test_encoding_and_labels_know_the_training_rows_only(monkeypatch):
    from causalmix import folds

    def crafted(dataset, fold, protocol, repeat):
        """The first column is constant, and one class absent, in the training rows alone."""
        split = folds_split(dataset, fold, protocol, repeat)
        kept = split.y_train != split.y_train.iloc[0]
        X = split.X_train[kept].assign(**{split.X_train.columns[0]: 1.0})
        return replace(split, X_train=X, y_train=split.y_train[kept])

    folds_split = folds.split_dataset
    monkeypatch.setattr(folds, "split_dataset", crafted)
    assert {name: prepare_fold(make_spec()).sizes[name] for name in ("n_features", "n_classes")} == {
        "n_features": 3,
        "n_classes": 2,
    }


def test_a_repeat_is_another_partition_and_another_order_of_the_mixed_rows():
    specs = [make_spec(repeat=repeat, synthetic_ratio=2.0) for repeat in (0, 1)]
    first, second = (prepare_fold(spec) for spec in specs)
    assert not first.split.X_test.index.equals(second.split.X_test.index)
    rows = SyntheticTable(pd.concat([first.train] * 2, ignore_index=True), (), 0.0, {})
    pools = [make_pool(first, rows, ARMS["causalmix"], spec) for spec in specs]
    assert [len(pool) for pool in pools] == [3 * len(first.train)] * 2
    assert not pools[0].index.equals(pools[1].index)


# Predictions


class NearestRow(torch.nn.Module):
    """Repeats the label of the nearest context row, whatever the order, the signs and the codes."""

    n_classes = 10

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(50.0))

    def forward(self, X_context, y_context, X_query):
        nearest = torch.cdist(X_query, X_context).argmin(dim=2)
        return self.scale * torch.nn.functional.one_hot(y_context.gather(1, nearest), 10).float()


def test_an_ensemble_puts_codes_signs_and_order_back():
    rng = np.random.default_rng(0)
    X, X_new = (rng.normal(size=(n, 4)).astype(np.float32) for n in (30, 20))
    y = rng.integers(0, 3, 30)
    alone, together = (predict_proba(NearestRow(), X, y, X_new, 3, n_members=n) for n in (1, 5))
    assert together == pytest.approx(alone, abs=1e-6) and set(alone.argmax(axis=1)) == {0, 1, 2}


def test_levels_get_the_same_new_code_in_all_rows_of_a_view():
    levels = np.array([[k, other] for k in range(6) for other in (0, 1)], dtype=np.float32)
    y = np.repeat(np.arange(6) % 3, 2)
    proba = predict_proba(
        NearestRow(), levels, y, levels[::-1].copy(), 3, categorical_features=[0, 1], n_members=9
    )
    assert (proba.argmax(axis=1) == y[::-1]).all() and proba.max(axis=1) == pytest.approx(1, abs=1e-6)


# The audit


@pytest.mark.parametrize("name", SCORES)
def test_the_audit_sees_a_difference_in_any_score(store, name):
    row = store.runs().to_dict("records")[0]
    found = compare(row, {**row, name: row[name] + 0.3})
    assert found.verdict == "differs" and found.difference == pytest.approx(0.3)
    assert compare(row, dict(row)).verdict == "equal"


def test_a_run_that_fails_for_another_reason_did_not_come_out_again(store):
    row = {**store.runs().to_dict("records")[0], "status": "failed", "reason": "one row of class a"}
    assert compare(row, {**row, "reason": "out of memory"}).verdict == "differs"
    assert compare(row, dict(row)).verdict == "equal"
