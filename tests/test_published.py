"""Published files that were changed or lost are refused by name; a study that is being run is not."""

from __future__ import annotations

import errno
import json
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from causalmix import store as store_module
from causalmix.cli import app
from causalmix.locations import find_root
from causalmix.rows import COLUMNS
from causalmix.store import ResultStore, StoreError
from tests.runs import make_failure, make_record, make_spec

FILES = [f"{name}.parquet" for name in COLUMNS]
RECORDED = sorted(path.parent for path in (find_root() / "results").glob("*/manifest.json"))
CURE = "Restore it from git, or delete the study's three Parquet files together and run again"


@pytest.fixture
def store(tmp_path) -> ResultStore:
    """A published study of three runs, of which one has no graph and one failed; its records are gone."""
    store = ResultStore(tmp_path / "demo")
    store.write(make_record())
    store.write(make_record(make_spec("default"), graphs=()))
    store.write(make_failure(make_spec("scm")))
    store.consolidate()
    shutil.rmtree(store.records)
    return store


def change(path: Path) -> None:
    """Change the last score or statistic of a published table."""
    rows = pd.read_parquet(path)
    name = {"runs": "test_auc", "trajectories": "test_auc", "graphs": "depth"}[path.stem]
    rows.assign(**{name: rows[name] + 0.001}).to_parquet(path)


# Changed files


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_changed_is_named_when_the_study_is_opened_planned_or_consolidated(store, name):
    ResultStore(store.root)
    change(store.root / name)
    before = (store.root / "manifest.json").read_bytes()
    for use in (lambda: ResultStore(store.root), lambda: store.plan([]), store.consolidate):
        with pytest.raises(StoreError, match=f"demo/{name} is damaged or was changed after .*{CURE}"):
            use()
    assert (store.root / "manifest.json").read_bytes() == before


def test_a_changed_study_ends_a_command_with_one_message(store):
    change(store.root / "runs.parquet")
    for command in ("audit", "status"):
        result = CliRunner().invoke(app, [command, "demo", "--results", str(store.root.parent)])
        assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
        assert "runs.parquet is damaged or was changed after the study was consolidated" in result.output


def test_a_changed_file_is_refused_though_all_runs_have_records_and_the_cure_keeps_these(tmp_path):
    store = ResultStore(tmp_path / "demo")
    store.write(make_record())
    store.consolidate()
    before = (store.root / "runs.parquet").read_bytes()
    change(store.root / "runs.parquet")
    with pytest.raises(StoreError, match=CURE):
        ResultStore(store.root)
    for name in FILES:
        (store.root / name).unlink()
    store = ResultStore(store.root)
    store.plan([make_spec()])
    store.consolidate()
    assert (store.root / "runs.parquet").read_bytes() == before


def test_a_study_that_is_being_run_can_be_opened(store):
    store.plan([make_spec(fold=1), make_spec(fold=2)])
    store.write(make_record(make_spec(fold=1)))
    assert len(ResultStore(store.root).runs()) == 4
    store.consolidate()
    store.write(make_record(make_spec(fold=2)))
    assert len(ResultStore(store.root).runs()) == 5


@pytest.mark.parametrize("n_written", [0, 1, 2, 3])
@pytest.mark.parametrize("planned", [True, False])
def test_a_consolidation_that_died_on_the_way_is_finished_by_the_next(store, monkeypatch, n_written, planned):
    """With new runs, of which one replaces a published one; the disk is full after so many tables."""
    write, done = store_module.write_atomically, []

    def full(path, content):
        if path.name in FILES:
            done.append(path.name)
        if len(done) > n_written or (path.name == "manifest.json" and len(done) == len(FILES)):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    store.write(make_record(test_auc=0.9))
    store.write(make_record(make_spec(fold=1)))
    with monkeypatch.context() as patch, pytest.raises((StoreError, OSError), match="No space left"):
        patch.setattr(store_module, "write_atomically", full)
        store.consolidate()
    again = ResultStore(store.root)
    if planned:
        again.plan([make_spec(fold=2)])
    again.consolidate()
    shutil.rmtree(again.records)
    found = ResultStore(store.root).runs()
    assert len(found) == 4 and found["test_auc"].max() == 0.9
    assert "next" not in json.dumps(again.manifest())


def test_a_study_that_is_consolidated_while_it_is_opened_is_not_taken_for_changed(store, monkeypatch):
    other, read, calls = ResultStore(store.root), ResultStore._described, []

    def overtaken(self):
        described = read(self)
        calls.append(described)
        if len(calls) == 1:
            monkeypatch.setattr(ResultStore, "_described", read)
            other.consolidate()
            monkeypatch.setattr(ResultStore, "_described", overtaken)
        return described

    other.write(make_record(make_spec(fold=1)))
    monkeypatch.setattr(ResultStore, "_described", overtaken)
    assert len(ResultStore(store.root).runs()) == 4
    assert calls[0] != calls[1]


# Lost files


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("with_manifest", [True, False])
def test_a_file_that_was_lost_is_named_and_nothing_is_written_over_the_loss(store, name, with_manifest):
    (store.root / name).unlink()
    if not with_manifest:
        (store.root / "manifest.json").unlink()
    left = {path.name: path.read_bytes() for path in store.root.glob("*.*")}
    for use in (lambda: ResultStore(store.root), lambda: store.plan([make_spec()]), store.consolidate):
        with pytest.raises(StoreError, match=rf"demo is damaged: {name} is lost, with the rows of .*{CURE}"):
            use()
    assert {path.name: path.read_bytes() for path in store.root.glob("*.*")} == left


@pytest.mark.parametrize("name", FILES)
def test_rows_that_were_lost_are_named_though_the_manifest_was_written_over_the_loss(store, name):
    """As a study was left by a version that did not look."""
    path = store.root / name
    pd.read_parquet(path).query("arm != 'causalmix'").to_parquet(path)
    (store.root / "manifest.json").unlink()
    for use in (lambda: ResultStore(store.root), lambda: store.plan([]), store.consolidate):
        with pytest.raises(StoreError, match=rf"{name} lacks rows of 1 runs .* {make_spec().spec_hash}"):
            use()


def test_one_lost_dag_of_a_run_is_missed(store):
    path = store.root / "graphs.parquet"
    pd.read_parquet(path).iloc[:1].to_parquet(path)
    (store.root / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"graphs\.parquet lacks rows of 1 runs that runs\.parquet holds"):
        ResultStore(store.root)


def test_a_lost_file_does_no_harm_while_the_records_are_there(tmp_path):
    store = ResultStore(tmp_path / "demo")
    store.write(make_record())
    store.consolidate()
    before = (store.root / "graphs.parquet").read_bytes()
    (store.root / "graphs.parquet").unlink()
    ResultStore(store.root).consolidate()
    assert (store.root / "graphs.parquet").read_bytes() == before


def test_the_command_that_made_a_study_names_its_lost_file(tmp_path, monkeypatch):
    monkeypatch.setattr("causalmix.engine.run_all", lambda *_, **__: pytest.fail("runs were made"))
    root = tmp_path / "results" / "smoke"
    shutil.copytree(RECORDED[0], root)
    (root / "trajectories.parquet").unlink()
    result = CliRunner().invoke(app, ["run", "--profile", "smoke", "--results", str(root.parent)])
    assert result.exit_code == 2
    assert "trajectories.parquet is lost" in result.output and "Restore it from git" in result.output


# The recorded studies


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_the_recorded_studies_are_whole_and_quickly_seen_to_be(folder):
    start = time.perf_counter()
    store = ResultStore(folder)
    assert time.perf_counter() - start < 1, "it takes some milliseconds"
    assert all(store.manifest()["files"][name]["sha256"] for name in FILES)
    store_module.check_published(folder, store._described, whole=True)
