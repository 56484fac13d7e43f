"""Where the builder finds and leaves things, and the file operations that its steps share."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


class BookError(RuntimeError):
    """The book cannot be built; the message names the file and the cure."""


@dataclass(frozen=True)
class Workspace:
    """The folders of one checkout.

    Attributes
    ----------
    root : Path
        The checkout: holds ``book/``, ``notebooks/``, ``results/`` and ``_config.yml``.
    """

    root: Path

    @property
    def book(self) -> Path:
        """The chapters, their bibliography and the static files."""
        return self.root / "book"

    @property
    def notebooks(self) -> Path:
        """The notebooks as committed: parameterised, without outputs."""
        return self.root / "notebooks"

    @property
    def results(self) -> Path:
        """The recorded studies, one folder each."""
        return self.root / "results"

    @property
    def build(self) -> Path:
        """Everything that the builder makes."""
        return self.root / "_build"

    @property
    def stage(self) -> Path:
        """The source tree that jupyter-book reads."""
        return self.build / "stage"

    @property
    def executed(self) -> Path:
        """Executed notebooks by cache key."""
        return self.build / "executed"

    @property
    def html(self) -> Path:
        """The finished book."""
        return self.build / "html"

    @property
    def pdf(self) -> Path:
        """The book as one file, made by ``make pdf``."""
        return self.build / "causalmix.pdf"


def checksum(parts: Iterable[bytes | Path]) -> str:
    """Return the SHA-256 (hex) of byte strings and of the contents of files, in the given order."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def tree_checksum(folder: Path, pattern: str = "*", skip: Iterable[str] = ()) -> str:
    """Return the SHA-256 (hex) over the names and contents of the files below ``folder``.

    Parameters
    ----------
    folder : Path
        May be absent: then the checksum of nothing.
    pattern : str
        Which files count, as for ``Path.rglob``.
    skip : iterable of str
        Names of subfolders that do not count.
    """
    skipped = {*skip, "__pycache__", ".ipynb_checkpoints"}
    files = sorted(
        path
        for path in folder.rglob(pattern)
        if path.is_file() and not skipped & set(path.relative_to(folder).parts)
    )
    named = [(path.relative_to(folder).as_posix().encode(), path) for path in files]
    return checksum(part for pair in named for part in pair)


def write_tree(folder: Path, files: dict[str, bytes]) -> None:
    """Make ``folder`` hold exactly ``files`` (relative path to content).

    A file whose content is the same is left alone, so that Sphinx only reads again what changed.
    """
    for name, content in files.items():
        path = folder / name
        if path.is_file() and path.read_bytes() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    wanted = {folder / name for name in files}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path not in wanted:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def remove(folder: Path) -> None:
    """Remove a folder and all it holds; nothing happens where there is none."""
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold the lock file ``lock``: a second build waits here until the first is done."""
    try:
        import fcntl
    except ImportError:  # not a Unix system: no lock
        yield
        return
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another build is running in this checkout: waiting for it", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
