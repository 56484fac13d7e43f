"""What the run store promises: whole records, stable bytes, nothing lost, clear errors."""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalmix.data import Protocol
from causalmix.record_files import read_record
from causalmix.rows import COLUMNS, order_frame
from causalmix.store import ResultStore, StoreError
from tests.runs import GRAPH, make_failure, make_record, make_spec

FILES = ("runs.parquet", "trajectories.parquet", "graphs.parquet", "manifest.json")


@pytest.fixture
def store(tmp_path) -> ResultStore:
    return ResultStore(tmp_path / "demo")


def some_records():
    specs = [make_spec(arm, fold=fold) for fold in (0, 1) for arm in ("zero_shot", "default", "causalmix")]
    records = [make_record(spec, test_auc=0.5 + i / 7) for i, spec in enumerate(specs[:5])]
    return [*records, make_failure(specs[5])]


def file_bytes(store: ResultStore) -> dict[str, bytes]:
    return {name: (store.root / name).read_bytes() for name in FILES}


# Records


def test_a_written_record_comes_back_as_it_was(store):
    record = make_record()
    path = store.write(record)
    assert store.has(record.spec)
    assert read_record(path) == record


def test_a_run_that_was_never_made_is_not_there(store):
    assert not store.has(make_spec())
    assert store.missing([make_spec()]) == [make_spec()] and len(store.runs()) == 0


def test_a_failed_run_is_a_result_with_its_reason(store):
    store.write(make_failure(reason="class 'a' has one row"))
    row = store.runs().iloc[0]
    assert (row["status"], row["reason"]) == ("failed", "class 'a' has one row")
    assert np.isnan(row["test_auc"])
    assert len(store.trajectories()) == 0


def test_writing_a_run_again_replaces_it(store):
    store.write(make_record(test_auc=0.5))
    store.write(make_record(test_auc=0.75))
    assert store.runs()["test_auc"].tolist() == [0.75]


def test_many_writers_of_one_run_do_no_harm(store):
    records = [make_record(test_auc=i / 20) for i in range(20)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store.write, records))
    assert store.corrupt() == []
    assert store.runs()["test_auc"].iloc[0] in {record.scores["test_auc"] for record in records}
    assert [path.name for path in store.records.iterdir()] == [f"{make_spec().spec_hash}.json"]


@pytest.mark.parametrize("kept", [0, 1, 50, -1, -3])
def test_a_truncated_record_does_not_exist_and_is_named_when_read(store, kept):
    path = store.write(make_record())
    path.write_bytes(path.read_bytes()[:kept] if kept >= 0 else path.read_bytes()[: kept - 1])
    assert not store.has(make_spec())
    assert store.corrupt() == [path]
    with pytest.raises(StoreError, match=f"{path.name} is corrupt .*delete it and run again"):
        store.runs()


def test_a_record_changed_by_hand_is_corrupt(store):
    path = store.write(make_record(test_auc=0.75))
    path.write_text(path.read_text().replace('"test_auc": 0.75', '"test_auc": 0.95'))
    with pytest.raises(StoreError, match="does not match its checksum"):
        store.runs()


def test_running_again_mends_a_corrupt_record(store):
    path = store.write(make_record())
    path.write_text("half")
    store.write(make_record())
    assert store.has(make_spec()) and store.corrupt() == []


def test_a_full_disk_leaves_no_half_file(store, monkeypatch):
    store.write(make_record(make_spec(fold=1)))

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"No space left on device.*finished runs are kept"):
        store.write(make_record())
    assert [path.name for path in store.records.iterdir()] == [f"{make_spec(fold=1).spec_hash}.json"]
    assert not store.has(make_spec())


def test_a_copy_of_a_record_is_corrupt_and_does_not_count_its_run_twice(store):
    path = store.write(make_record())
    copied = path.with_name(f"{path.stem} (copy).json")
    shutil.copy(path, copied)
    assert store.corrupt() == [copied]
    assert store.has(make_spec()) and len(store.runs(skip_corrupt=True)) == 1
    with pytest.raises(StoreError, match=r"\(copy\)\.json is corrupt \(its name .*delete it and run again"):
        store.consolidate()
    copied.unlink()
    store.consolidate()
    assert store.counts().loc["causalmix"].tolist() == [1, 1, 0, 0]


def test_numpy_numbers_and_undefined_scores_are_kept(store):
    graph = {**GRAPH, "n_edges": np.int64(6), "edge_entropy": np.nan}
    store.write(make_record(scores={"test_auc": np.float32(0.5), "val_auc": np.nan}, graphs=(graph,)))
    row = store.runs().iloc[0]
    assert (row["test_auc"], row["n_edges"]) == (0.5, 6)
    assert np.isnan(row["val_auc"]) and np.isnan(row["edge_entropy"])


# Protocol versions


def test_a_record_of_another_protocol_is_refused_when_written_and_when_read(store):
    spec = make_spec()
    other = replace(spec, protocol=replace(spec.protocol, version=spec.protocol.version + 1))
    with pytest.raises(StoreError, match="protocol version"):
        store.write(make_record(other))
    path = store.write(make_record())
    envelope = json.loads(path.read_text())
    envelope["record"]["spec"]["protocol"]["version"] += 1
    path.write_text(json.dumps(envelope))
    with pytest.raises(StoreError, match=r"protocol version 2, this causalmix has 1.*another --study"):
        store.has(spec)


def test_a_published_store_of_another_protocol_is_refused_at_the_door(store):
    store.write(make_record())
    path = store.consolidate()
    path.write_text(path.read_text().replace('"protocol_version": 1', '"protocol_version": 7'))
    with pytest.raises(StoreError, match="protocol version 7"):
        ResultStore(store.root)


# Tables


def test_tables_have_the_documented_columns_and_types_even_when_empty(store):
    kinds = {str: "O", int: "i", float: "f", bool: "b"}
    for frames in (
        [store.runs(), store.trajectories(), store.graphs()],
        [store.write(make_record()) and store.runs(), store.trajectories(), store.graphs()],
    ):
        for name, frame in zip(COLUMNS, frames, strict=True):
            assert list(frame.columns) == list(COLUMNS[name])
            assert [frame[column].dtype.kind for column in frame] == [
                kinds[k] for k, _ in COLUMNS[name].values()
            ]


@pytest.mark.parametrize("name", [name for name, (kind, _) in COLUMNS["runs"].items() if kind is float])
def test_a_score_that_an_older_study_did_not_record_is_empty(store, name):
    store.write(make_record())
    assert order_frame("runs", store.runs().drop(columns=name))[name].isna().all()


@pytest.mark.parametrize(("table", "name"), [("runs", "n_steps"), ("trajectories", "selected")])
def test_a_count_or_a_mark_that_an_older_study_did_not_record_is_named(store, table, name):
    store.write(make_record())
    with pytest.raises(StoreError, match=rf"{table}: (\d) of \1 rows have no '{name}' .*another version"):
        order_frame(table, getattr(store, table)().drop(columns=name))


def test_a_run_row_averages_its_graphs_and_names_its_selected_step(store):
    store.write(make_record())
    row = store.runs().iloc[0]
    assert (row["depth"], row["n_dags"], row["selected_step"]) == (3.5, 2, 3)
    assert store.graphs()["depth"].tolist() == [3, 4]
    steps = store.trajectories()
    assert steps.loc[steps["selected"], "step"].tolist() == [3]


def test_an_arm_without_a_graph_has_no_depth(store):
    store.write(make_record(make_spec("default"), graphs=()))
    row = store.runs().iloc[0]
    assert np.isnan(row["depth"]) and row["n_dags"] == 0


# Consolidation


def test_consolidation_gives_the_same_bytes_whatever_the_order_of_the_runs(tmp_path):
    seen = []
    for number, order in enumerate(itertools.islice(itertools.permutations(some_records()), 0, 700, 233)):
        store = ResultStore(tmp_path / str(number) / "demo")
        for record in order:
            store.write(record)
        store.consolidate()
        seen.append(file_bytes(store))
    assert all(content == seen[0] for content in seen)


def test_a_published_store_without_records_keeps_its_runs_and_takes_more(tmp_path):
    records = some_records()
    whole, grown = ResultStore(tmp_path / "a" / "demo"), ResultStore(tmp_path / "b" / "demo")
    for record in records:
        whole.write(record)
    for record in records[:3]:
        grown.write(record)
    grown.consolidate()
    shutil.rmtree(grown.records)
    assert grown.has(records[0].spec) and not grown.has(records[4].spec)
    assert grown.missing(record.spec for record in records) == [record.spec for record in records[3:]]
    for record in records[3:]:
        grown.write(record)
    assert grown.hash == whole.hash
    whole.consolidate(), grown.consolidate()
    assert file_bytes(grown) == file_bytes(whole)


def test_consolidating_twice_changes_nothing(store):
    for record in some_records():
        store.write(record)
    store.consolidate()
    before, hash_before = file_bytes(store), store.hash
    store.consolidate()
    assert file_bytes(store) == before
    shutil.rmtree(store.records)
    assert store.hash == hash_before
    store.consolidate()
    assert file_bytes(store) == before


def test_tables_are_the_same_before_and_after_consolidation(store):
    for record in some_records():
        store.write(record)
    before = store.runs(), store.trajectories(), store.graphs()
    store.consolidate()
    shutil.rmtree(store.records)
    for old, new in zip(before, (store.runs(), store.trajectories(), store.graphs()), strict=True):
        pd.testing.assert_frame_equal(old, new)


def test_the_hash_follows_the_content(store):
    store.write(make_record(test_auc=0.5))
    before = store.hash
    store.write(make_record(test_auc=0.75))
    assert store.hash != before


def test_a_damaged_parquet_file_is_named(store):
    store.write(make_record())
    store.consolidate()
    (store.root / "runs.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(StoreError, match=r"runs\.parquet cannot be read"):
        store.runs()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("spec_hash", r"the rows of .*runs\.parquet have no spec_hash, as another version of causalmix"),
        ("status", r"1 of 1 rows have no 'status' .*as another version of causalmix"),
        ("protocol", r"1 of 1 rows have no 'protocol' .*as another version of causalmix"),
    ],
)
def test_published_runs_without_what_tells_them_are_named(store, name, message):
    store.write(make_record())
    store.consolidate()
    for path in store.records.iterdir():
        path.unlink()
    path = store.root / "runs.parquet"
    pd.read_parquet(path).drop(columns=name).to_parquet(path)
    with pytest.raises(StoreError, match=message):
        store.runs()
    if name != "protocol":
        with pytest.raises(StoreError, match=f"have no {name}"):
            store.missing([make_spec()])


def test_published_runs_that_hold_something_else_are_named(store):
    path = store.write(make_record())
    store.consolidate()
    path.unlink()
    runs = store.root / "runs.parquet"
    pd.read_parquet(runs).assign(test_auc="much").to_parquet(runs)
    with pytest.raises(
        StoreError, match=r"demo: runs: 'test_auc' \(.*\) cannot be read \(.*\), as another version"
    ):
        store.runs()


@pytest.mark.parametrize(
    "content", ["[]", "{}", "half", '{"protocol_version": 1, "runs": {}, "absent": [3]}', "null"]
)
def test_a_manifest_that_is_none_is_named(store, content):
    store.plan([make_spec()])
    (store.root / "manifest.json").write_text(content)
    with pytest.raises(StoreError, match=r"manifest\.json is corrupt .*delete it and run again"):
        ResultStore(store.root).counts()


# Manifest and density


def test_the_manifest_counts_planned_done_failed_and_absent_runs(store):
    records = some_records()
    store.plan([record.spec for record in records] + [make_spec(fold=7)])
    assert store.manifest()["runs"] == {"planned": 7, "done": 0, "failed": 0, "absent": 7}
    for record in records:
        store.write(record)
    store.consolidate()
    manifest = store.manifest()
    assert manifest["runs"] == {"planned": 7, "done": 5, "failed": 1, "absent": 1}
    assert [(cell["dataset"], cell["fold"]) for cell in manifest["absent"]] == [("iris", 7)]
    assert manifest["data_fingerprints"] == {"iris": "f" * 16}
    assert sum(item["n_runs"] for item in manifest["environments"]) == 6
    assert manifest["store_hash"] == store.hash
    assert manifest["files"]["runs.parquet"]["rows"] == 6


def test_the_manifest_describes_each_file_as_it_is_and_not_as_it_will_be(store):
    store.write(make_record())
    store.consolidate()
    store.write(make_record(make_spec("default")))
    store.plan([make_spec("scm")])
    files = store.manifest()["files"]
    for name in COLUMNS:
        assert files[f"{name}.parquet"]["rows"] == len(pd.read_parquet(store.root / f"{name}.parquet"))
    assert files["runs.parquet"]["rows"] == 1


def test_counts_per_arm_treat_a_corrupt_record_as_missing(store):
    records = some_records()
    store.plan(record.spec for record in records)
    for record in records:
        path = store.write(record)
    counts = store.counts()
    assert counts.loc["causalmix"].tolist() == [2, 1, 1, 0]
    path.write_text("half")
    assert store.counts().loc["causalmix"].tolist() == [2, 1, 0, 1]


def test_a_corrupt_record_does_not_keep_its_run_from_being_planned(store):
    for record in some_records():
        path = store.write(record)
    path.write_text("half")
    store.plan(record.spec for record in some_records())
    assert store.manifest()["runs"] == {"planned": 6, "done": 5, "failed": 0, "absent": 1}


def test_a_store_with_holes_is_not_ranked(store):
    records = some_records()
    for record in records[:4]:
        store.write(record)
    with pytest.raises(
        StoreError, match=r"lacks 2 of 6 runs: iris · fold 1 · default; iris · fold 1 · causalmix"
    ):
        store.check_dense(record.spec for record in records)
    for record in records[4:]:
        store.write(record)
    store.check_dense(record.spec for record in records)
    assert len(store.runs()) == 6


def test_a_hole_in_a_study_of_several_row_limits_is_named_with_its_limit(store):
    small, usual = (make_spec(protocol=Protocol(max_train_rows=limit)) for limit in (64, 256))
    store.write(make_record(usual))
    with pytest.raises(StoreError, match="lacks 1 of 2 runs: iris · fold 0 · 64 rows · causalmix"):
        store.check_dense([small, usual])
    store.write(make_record(small))
    store.check_dense([small, usual])
    assert store.runs()["max_train_rows"].tolist() in ([64, 256], [256, 64])
    assert store.counts().loc["causalmix", "planned"] == 2


def test_runs_on_two_versions_of_a_table_are_not_ranked_together(store):
    store.write(make_record())
    store.write(make_record(make_spec("default"), data_fingerprint="0" * 16))
    with pytest.raises(StoreError, match="different versions of iris"):
        store.check_dense([make_spec()])


def test_runs_on_another_version_of_a_table_can_be_deleted_as_the_message_says(store):
    """Those that were published stay, however few they are."""
    store.write(make_record())
    store.consolidate()
    for fold in (1, 2):
        store.write(make_record(make_spec(fold=fold), data_fingerprint="0" * 16))
    with pytest.raises(
        StoreError, match=r"different versions of iris .* 2 in all .*another --study"
    ) as error:
        store.consolidate()
    (command,) = re.findall("`(.*)`", str(error.value))
    listed = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout.split()
    for path in listed:
        Path(path).unlink()
    store.consolidate()
    assert store.runs()["fold"].tolist() == [0]


def test_runs_on_two_versions_of_a_table_are_not_published_together(store):
    store.write(make_record())
    store.write(make_record(make_spec("default"), data_fingerprint="0" * 16))
    with pytest.raises(StoreError, match=r"different versions of iris .*under another --study"):
        store.consolidate()
    assert not (store.root / "runs.parquet").exists()


def test_the_store_is_read_without_torch_and_without_the_causal_packages():
    code = (
        "import sys, causalmix.store; "
        "print([name for name in ('torch', 'dowhy', 'causallearn', 'ctgan') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
