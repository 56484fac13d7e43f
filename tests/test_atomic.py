"""Files that are whole or not there, on file systems that can less than others."""

from __future__ import annotations

import errno
import os
import stat
import warnings

import pytest

from causalmix.atomic import locked, write_atomically
from causalmix.store import ResultStore
from tests.runs import make_record, make_spec

fcntl = pytest.importorskip("fcntl")


def refuse_locks(monkeypatch, number: int) -> None:
    def flock(file, operation):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.parametrize("name", ["EINVAL", "ENOSYS", "EIO"])
def test_a_file_is_written_where_folders_cannot_be_flushed(tmp_path, monkeypatch, name):
    flush, refused = os.fsync, []

    def fsync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            refused.append(handle)
            raise OSError(getattr(errno, name), "no flush of folders")
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    assert write_atomically(tmp_path / "a.txt", b"whole").read_bytes() == b"whole"
    assert refused, "the folder was to be flushed"


@pytest.mark.parametrize("name", ["ENOSYS", "EOPNOTSUPP", "ENOLCK"])
def test_a_study_goes_on_where_there_are_no_locks_with_one_warning(tmp_path, monkeypatch, name):
    refuse_locks(monkeypatch, getattr(errno, name))
    store = ResultStore(tmp_path / "demo")
    with pytest.warns(RuntimeWarning) as caught:
        for fold in (0, 1):
            store.write(make_record(make_spec(fold=fold)))
        store.consolidate()
    (warning,) = caught
    assert f"{tmp_path / 'demo'} has no locks: do not start two commands" in str(warning.message)
    assert store.manifest()["runs"]["done"] == 2


def test_each_folder_without_locks_is_named(tmp_path, monkeypatch):
    refuse_locks(monkeypatch, errno.ENOLCK)
    for name in ("one", "other"):
        with pytest.warns(RuntimeWarning, match=f"{name} has no locks"), locked(tmp_path / name / "lock"):
            pass


def test_a_lock_that_fails_for_another_reason_stops(tmp_path, monkeypatch):
    refuse_locks(monkeypatch, errno.EBADF)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)), locked(tmp_path / "lock"):
        pytest.fail("it went on without the lock")


def test_where_there_are_locks_nothing_is_said(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with locked(tmp_path / "lock"):
            pass
