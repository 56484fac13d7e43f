"""A write that the system refuses, for real: files above a limit, and a folder without the right to write."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from causalmix.atomic import check_writable, write_atomically
from causalmix.store import ResultStore, StoreError
from tests.runs import make_record, make_spec

WRITE_UNDER_A_LIMIT = """
import resource, sys
from causalmix.store import ResultStore, StoreError
from tests.runs import make_record
store = ResultStore(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
try:
    store.write(make_record())
except StoreError as error:
    print(error)
"""


def test_a_file_that_cannot_grow_leaves_nothing_behind_and_the_error_says_what_to_do(tmp_path):
    store = ResultStore(tmp_path / "demo")
    store.write(make_record(make_spec("default")))
    done = subprocess.run(
        [sys.executable, "-c", WRITE_UNDER_A_LIMIT, str(store.root)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot write" in done.stdout and "finished runs are kept" in done.stdout
    assert [path.name for path in store.records.iterdir()] == [f"{make_spec('default').spec_hash}.json"]
    assert store.has(make_spec("default")) and not store.has(make_spec())


def test_the_file_that_could_not_be_written_is_named_and_not_its_temporary_one(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/audit\.json'$"):
        write_atomically(tmp_path / "audit.json", b"[]")
    assert list(tmp_path.iterdir()) == []


def test_whether_a_file_can_be_written_is_found_out_without_a_trace(tmp_path):
    check_writable(tmp_path / "new" / "audit.json")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    for path, error in (("folder", IsADirectoryError), ("file/audit.json", FileExistsError)):
        with pytest.raises(error):
            check_writable(tmp_path / path)
    check_writable(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_file_in_a_folder_that_takes_none_is_named_before_it_is_written(tmp_path, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied", f"{dir}/tmpbhh0vd5_")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*/audit\.json'$"):
        check_writable(tmp_path / "audit.json")


def test_a_study_whose_disk_is_full_consolidates_once_there_is_room(tmp_path, monkeypatch):
    store = ResultStore(tmp_path / "demo")
    store.write(make_record())
    store.consolidate()
    before = (store.root / "runs.parquet").read_bytes()
    store.write(make_record(make_spec("default")))

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"No space left on device.*records are kept"):
            store.consolidate()
    assert (store.root / "runs.parquet").read_bytes() == before
    store.consolidate()
    assert store.manifest()["runs"]["done"] == 2
