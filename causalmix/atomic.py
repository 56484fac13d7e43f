"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import tempfile
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: no advisory locks; single files stay atomic
    fcntl = None  # type: ignore[assignment]

_LEFTOVER_SECONDS = 24 * 3600
_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK}
"""What file systems without locks answer (some of networks and clusters)."""


def write_atomically(path: str | os.PathLike, content: bytes) -> Path:
    """Write ``content`` to ``path`` so that a crash at any moment leaves the old file or the new one.

    A temporary file in the same folder is written, flushed to the disk and renamed. Two processes that write
    the same path do no harm: the last rename wins.

    Raises
    ------
    OSError
        When the disk is full, say. The temporary file is then gone and ``path`` is as it was.

    Examples
    --------
    >>> import tempfile
    >>> write_atomically(Path(tempfile.mkdtemp()) / "a.txt", b"whole").read_bytes()
    b'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno:  # it names no file (a full disk), or the temporary one
            error.filename = str(path)
        raise
    _flush_folder(path.parent)
    return path


def check_writable(path: str | os.PathLike) -> None:
    """Raise the OSError that writing ``path`` would raise, before the work whose result it is to hold."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        error.filename = str(path)
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that a killed process left in ``folder`` more than a day ago."""
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _LEFTOVER_SECONDS:
                path.unlink()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path`` (made when absent); a process that dies lets go of it.

    On Windows, and with one warning on file systems without locks, it goes on without.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        _lock(file, path.parent)
        yield


def _lock(file: IO[str], folder: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _warn_without_locks(folder)


@cache
def _warn_without_locks(folder: Path) -> None:
    """Say once per folder and process that nothing keeps two writers apart there."""
    warnings.warn(
        f"the file system of {folder} has no locks: do not start two commands that write there at the same "
        "time, or what one of them notes can be lost",
        RuntimeWarning,
        stacklevel=2,
    )


def _flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` durable, where the system can; the file is whole either way."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
