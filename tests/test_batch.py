"""Runs made together, as on a GPU: the records of the runs one by one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from causalmix import batch, engine, experiment, finetune
from causalmix.batch import RunBatch, fills_with_one_run, group_runs
from causalmix.engine import ENGINES, run_all
from causalmix.pool import Outcome
from causalmix.specs import ARMS, Arm
from causalmix.store import ResultStore
from tests.runs import make_spec, save_tiny_model


@pytest.fixture
def model(tmp_path, monkeypatch) -> str:
    """A model whose name, from which the seeds of its runs are derived, is the same in every session."""
    monkeypatch.chdir(tmp_path)
    return save_tiny_model(Path("tiny"))


@pytest.fixture
def in_batches(monkeypatch) -> None:
    monkeypatch.setattr(engine, "fills_with_one_run", lambda device: False)


def make_runs(specs, store, **options):
    return run_all(specs, store, engine=options.pop("engine", "here"), progress=False, **options)


def test_only_a_gpu_gets_batches():
    assert fills_with_one_run("cpu") and not fills_with_one_run("cuda:1")


def test_a_batch_holds_the_folds_and_arms_of_one_table_and_model(monkeypatch):
    monkeypatch.setattr(batch, "MAX_RUNS", 3)
    specs = [
        make_spec(arm, fold=fold, dataset=dataset)
        for arm in ("default", "scm")
        for dataset in ("iris", "wine")
        for fold in (0, 1)
    ]
    batches = group_runs([*specs, make_spec(model="another")])
    assert [str(group) for group in batches] == [
        "iris · 3 runs",
        "iris · 1 runs",
        "wine · 3 runs",
        "wine · 1 runs",
        "iris · 1 runs",
    ]
    assert [spec.fold for spec in batches[0].specs] == [0, 0, 1]
    assert sorted(spec.spec_hash for group in batches[:4] for spec in group.specs) == sorted(
        spec.spec_hash for spec in specs
    )


def test_batches_make_the_records_of_the_runs_one_by_one(tmp_path, model, in_batches, monkeypatch):
    monkeypatch.setitem(ARMS, "broken", Arm(generator="causal", params={"n_dags": 0}))
    arms, alone, together = (
        ("zero_shot", "default", "bootstrap_mix", "broken"),
        tmp_path / "a",
        tmp_path / "b",
    )
    specs = [make_spec(arm, model=model, preset="smoke") for arm in arms]
    summary = make_runs(specs, ResultStore(together))
    monkeypatch.setattr(engine, "fills_with_one_run", lambda device: True)
    assert (summary.done, summary.failed) == (3, 1)
    assert make_runs(specs, ResultStore(alone)).reasons == summary.reasons
    columns = [
        "arm",
        "status",
        "reason",
        "test_auc",
        "val_auc",
        "test_log_loss",
        "selected_step",
        "n_synthetic",
    ]
    one, other = (ResultStore(root).runs()[columns] for root in (alone, together))
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=1e-4)


def test_a_killed_study_goes_on_with_the_runs_that_its_batches_lack(tmp_path, model, in_batches):
    store = ResultStore(tmp_path)
    specs = [make_spec("default", model=model, preset="smoke", fold=fold) for fold in range(3)]
    assert make_runs(specs[:1], store).done == 1
    summary = make_runs(specs, store)
    assert (summary.done, summary.skipped) == (2, 1)
    store.check_dense(specs)


def test_a_batch_that_kills_its_workers_is_made_one_by_one(tmp_path, model, in_batches, monkeypatch):
    def kill_batches(function, tasks, n_workers, key):
        for task in tasks:
            died = isinstance(task, RunBatch) or task.arm == "default"
            yield Outcome(task, death="killed by SIGKILL") if died else Outcome(task, function(task))

    monkeypatch.setitem(ENGINES, "killing", kill_batches)
    store = ResultStore(tmp_path)
    specs = [make_spec(arm, model=model, preset="smoke") for arm in ("default", "zero_shot")]
    summary = make_runs(specs, store, engine="killing")
    assert (summary.done, summary.failed) == (1, 1)
    assert store.runs().set_index("arm")["status"].to_dict() == {"default": "failed", "zero_shot": "ok"}


def test_a_machine_without_memory_stops_the_study_and_the_batch_stays_missing(tmp_path, model, monkeypatch):
    def refuse(*_, **options) -> None:
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr(engine, "fills_with_one_run", lambda device: False)
    monkeypatch.setattr(experiment, "make_rows", refuse)
    store = ResultStore(tmp_path)
    specs = [make_spec("bootstrap_mix", model=model, preset="smoke", fold=fold) for fold in (0, 1)]
    with pytest.raises(
        OSError, match=r"not enough memory \(Unable to allocate 9 GiB\); take fewer --workers"
    ):
        make_runs(specs, store)
    assert store.missing(specs) == specs


@pytest.mark.parametrize(
    ("one_by_one", "place"),
    [
        (True, "in_context_losses"),
        (True, "evaluate"),
        (False, "in_context_losses"),
        (False, "evaluate"),
        (False, "saved_bytes"),
    ],
)
def test_a_gpu_that_fails_stops_the_study_which_goes_on_where_it_was(
    tmp_path, model, monkeypatch, one_by_one, place
):
    def fail(*_) -> None:
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(engine, "fills_with_one_run", lambda device: one_by_one)
    monkeypatch.setattr(finetune, "free_memory", lambda device: 10**9)
    store, arms = ResultStore(tmp_path), ("zero_shot", "default", "bootstrap_mix")
    done = make_spec("default", model=model, preset="smoke", fold=1)
    specs = [done, *(make_spec(arm, model=model, preset="smoke") for arm in arms)]
    make_runs([done], store)
    with monkeypatch.context() as broken, pytest.raises(torch.AcceleratorError, match="launch failure"):
        broken.setattr(finetune, place, fail)
        make_runs(specs, store)
    assert set(store.runs()["status"]) == {"ok"}
    assert make_runs(specs, store).failed == 0
    store.check_dense(specs)
