"""Runs of one study on one version of a table, and with one set of weights behind a model's name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalmix.data import Protocol
from causalmix.rows import run_rows
from causalmix.sameness import SAME_WEIGHTS, check_tables, check_weights
from causalmix.specs import RunRecord
from causalmix.store import ResultStore, StoreError
from tests.runs import make_failure, make_record, make_spec

ROOT = Path("results/mine")


def scored(
    zero_shot_log_loss: float, arm: str = "default", fingerprint: str = "f" * 16, **changes
) -> RunRecord:
    scores = {"test_auc": 0.75, "zero_shot_log_loss": zero_shot_log_loss}
    return make_record(make_spec(arm, **changes), scores=scores, data_fingerprint=fingerprint)


def runs_of(*records: RunRecord) -> pd.DataFrame:
    return pd.DataFrame([row for record in records for row in run_rows(record)])


# Tables


def test_the_version_that_was_published_is_kept_and_else_that_of_most_runs():
    one = make_record()
    two = [make_record(make_spec(arm), data_fingerprint="0" * 16) for arm in ("default", "scm")]
    other = make_record(make_spec(dataset="wine"))
    runs = runs_of(one, *two, other)
    with pytest.raises(StoreError, match=f"records that hold {'0' * 16}, 2 in all"):
        check_tables(ROOT, runs, {one.spec.spec_hash})
    with pytest.raises(StoreError, match=f"records that hold {'f' * 16}"):
        check_tables(ROOT, runs, ())
    check_tables(ROOT, runs_of(one, other, make_failure()), ())


# Weights


def test_weights_that_were_exchanged_are_noticed_and_the_way_out_is_named():
    runs = runs_of(scored(0.6), scored(0.6, "zero_shot"), scored(0.65, "scm"), scored(0.7, fold=1))
    with pytest.raises(StoreError) as error:
        check_weights(ROOT, runs)
    message = str(error.value)
    for part in (
        "embedded-mini",
        "iris fold 0",
        "of 0.6000",
        "of 0.6500",
        "(scm)",
        "--model",
        "another --study",
    ):
        assert part in message, part
    assert make_spec("scm").spec_hash in message and make_spec("default", fold=1).spec_hash not in message


@pytest.mark.parametrize(
    "other",
    [
        {"model": "mitra"},
        {"fold": 1},
        {"repeat": 1},
        {"dataset": "wine"},
        {"protocol": Protocol(max_train_rows=64)},
        {"fingerprint": "0" * 16},
    ],
)
def test_another_model_and_other_rows_may_score_otherwise(other):
    check_weights(ROOT, runs_of(scored(0.6), scored(0.9, "scm", **other)))


@pytest.mark.parametrize("setting", [{"preset": "smoke"}, {"n_steps": 9}, {"synthetic_ratio": 2.0}])
def test_fine_tuning_does_not_change_what_the_pre_trained_model_scores(setting):
    with pytest.raises(StoreError, match="weights under this name were exchanged"):
        check_weights(ROOT, runs_of(scored(0.6), scored(0.9, "scm", **setting)))


def test_weights_exchanged_between_folds_are_told_by_their_digests_where_records_hold_them():
    def noted(weights: str, **changes) -> RunRecord:
        record = scored(0.6, **changes)
        return replace(record, environment={**record.environment, "weights": weights})

    check_weights(
        ROOT, runs_of(noted("aa"), noted("aa", fold=1), noted("bb", model="mine"), scored(0.6, fold=2))
    )
    with pytest.raises(StoreError) as error:
        check_weights(ROOT, runs_of(noted("aa"), noted("bb", fold=1)))
    for part in ("embedded-mini", "aa", "bb", make_spec("default", fold=1).spec_hash, "another --study"):
        assert part in str(error.value), part


def test_a_study_with_exchanged_weights_is_not_published(tmp_path):
    store = ResultStore(tmp_path / "mine")
    store.write(scored(0.6))
    store.consolidate()
    before = store.manifest()
    path = store.write(scored(0.65, "scm"))
    with pytest.raises(StoreError, match="the weights under this name were exchanged"):
        store.consolidate()
    assert store.manifest() == before
    path.unlink()
    store.consolidate()
    store.write(scored(0.65, "scm", model="other-folder"))
    store.consolidate()
    assert len(store.runs()) == 2


def test_rounding_and_runs_without_a_score_are_let_through():
    check_weights(ROOT, runs_of(scored(0.6), scored(0.6 + SAME_WEIGHTS / 2, "scm")))
    check_weights(ROOT, runs_of(scored(0.6), scored(np.nan, "scm")))
    check_weights(
        ROOT, runs_of(make_record(), make_record(make_spec("scm"))).assign(zero_shot_log_loss=np.nan)
    )
    check_weights(ROOT, runs_of(make_record()).assign(zero_shot_log_loss=np.nan).head(0))
