"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: no advisory locks; single files stay atomic
    fcntl = None  # type: ignore[assignment]

_LEFTOVER_SECONDS = 24 * 3600


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
    """Hold an exclusive lock on ``path`` (made when absent); a process that dies lets go of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` durable, where the system can open folders."""
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
