"""The run store when others were there before, or are there at the same time."""

from __future__ import annotations

import os
import shutil
import threading
import time
from dataclasses import replace

import pytest

from causalmix import store as store_module
from causalmix.store import ResultStore, StoreError
from tests.runs import GRAPH, make_failure, make_record, make_spec

DAY = 24 * 3600


@pytest.fixture
def store(tmp_path) -> ResultStore:
    return ResultStore(tmp_path / "demo")


@pytest.mark.parametrize("first", ["plan", "consolidate"])
def test_runs_that_are_planned_while_another_process_writes_the_manifest_are_not_forgotten(
    store, first, monkeypatch
):
    write, late = store_module.write_atomically, make_spec(fold=7)
    other = threading.Thread(target=ResultStore(store.root).plan, args=([late],))

    def interrupted(path, content):
        """Just before the manifest is written, somebody else plans a run and gets as far as he can."""
        if path.name == "manifest.json" and not other.ident:
            other.start()
            other.join(timeout=0.3)
        return write(path, content)

    store.write(make_record())
    monkeypatch.setattr(store_module, "write_atomically", interrupted)
    store.plan([make_spec(fold=3)]) if first == "plan" else store.consolidate()
    other.join()
    folds = [cell["fold"] for cell in store.absent()]
    assert folds == ([3, 7] if first == "plan" else [7])


def test_a_run_that_is_made_again_after_it_was_published_replaces_the_published_one(store):
    old, again = make_record(test_auc=0.5), make_record(test_auc=0.75, graphs=(GRAPH,))
    store.write(old)
    store.write(make_record(make_spec(fold=1)))
    store.consolidate()
    shutil.rmtree(store.records)
    store.write(again)
    for _ in ("from the record", "from the published files"):
        runs = store.runs()
        assert runs.loc[runs["fold"] == 0, "test_auc"].tolist() == [0.75] and len(runs) == 2
        assert (store.graphs()["fold"] == 0).sum() == 1
        store.consolidate()
        shutil.rmtree(store.records, ignore_errors=True)


@pytest.mark.parametrize("state", ["recorded", "published"])
def test_a_failure_does_not_replace_what_another_process_finished(store, state):
    store.write(make_record(test_auc=0.5))
    if state == "published":
        store.consolidate()
        shutil.rmtree(store.records)
    store.write(make_failure())
    runs = store.runs()
    assert (runs["status"].item(), runs["test_auc"].item()) == ("ok", 0.5)
    assert len(store.trajectories()) == 3
    store.write(make_record(test_auc=0.75))
    assert store.runs()["test_auc"].item() == 0.75


@pytest.mark.parametrize("state", ["recorded", "published"])
def test_a_failure_is_replaced_by_the_next_failure_and_by_the_run(store, state):
    store.write(make_failure(reason="first"))
    if state == "published":
        store.consolidate()
        shutil.rmtree(store.records)
    store.write(make_failure(reason="second"))
    assert store.runs()["reason"].item() == "second"
    store.write(make_record())
    assert store.runs()["status"].item() == "ok"


def test_a_failure_replaces_a_record_that_is_corrupt(store):
    store.write(make_record()).write_text("half")
    store.write(make_failure())
    assert store.corrupt() == [] and store.runs()["status"].item() == "failed"


def test_a_failure_replaces_no_published_run_whose_record_is_corrupt(store):
    path = store.write(make_record(test_auc=0.5))
    store.consolidate()
    path.write_text("half")
    store.write(make_failure())
    assert store.corrupt() == [] and store.has(make_spec())
    assert store.runs()[["status", "test_auc"]].values.tolist() == [["ok", 0.5]]
    path.write_text("half")
    store.write(make_record(test_auc=0.75))
    assert store.runs()["test_auc"].item() == 0.75


def test_a_run_that_is_finished_while_another_process_notes_its_failure_stays(store, monkeypatch):
    look, other = ResultStore._is_finished, threading.Thread(target=store.write, args=(make_record(),))

    def interrupted(self, spec_hash):
        """After the look and before the failure is written, somebody else finishes the run."""
        finished = look(self, spec_hash)
        other.start()
        other.join(timeout=0.3)
        return finished

    monkeypatch.setattr(ResultStore, "_is_finished", interrupted)
    store.write(make_failure())
    other.join()
    assert store.runs()["status"].item() == "ok"


def test_what_a_killed_process_left_is_swept_up_and_what_is_being_written_is_not(store):
    path = store.write(make_record())
    table = store.root / "runs.parquet"
    old, current = ([file.with_name(f".{file.name}.{i}.tmp") for file in (path, table)] for i in (1, 2))
    for file in (*old, *current):
        file.write_text("half")
    for file in old:
        os.utime(file, times=(time.time() - 2 * DAY,) * 2)
    store.consolidate()
    assert sorted(store.root.rglob("*.tmp")) == sorted(current)
    assert store.corrupt() == [] and path.exists()


@pytest.mark.parametrize("table", ["trajectories", "graphs"])
def test_the_hash_follows_every_step_and_every_graph(store, table):
    """A difference that no row of ``runs`` shows."""
    record = make_record()
    losses = tuple(loss + 0.1 * (step == 1) for step, loss in enumerate(record.trajectory.train_loss))
    other = {
        "trajectories": replace(record, trajectory=replace(record.trajectory, train_loss=losses)),
        "graphs": replace(record, graphs=record.graphs[::-1]),
    }[table]
    store.write(record)
    runs, before = store.runs(), store.hash
    store.write(other)
    assert store.runs().equals(runs) and store.hash != before


def test_a_study_of_an_older_protocol_is_refused_as_well(store):
    spec = make_spec()
    older = replace(spec, protocol=replace(spec.protocol, version=spec.protocol.version - 1))
    with pytest.raises(StoreError, match="made under protocol version 0, this causalmix has 1"):
        store.write(make_record(older))
    store.write(make_record())
    path = store.consolidate()
    path.write_text(path.read_text().replace('"protocol_version": 1', '"protocol_version": 0'))
    with pytest.raises(StoreError, match="made under protocol version 0, this causalmix has 1"):
        ResultStore(store.root)
