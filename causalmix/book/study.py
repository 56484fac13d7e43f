"""Choose the recorded study that the book is about, and run the quick one where there is none."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from causalmix.book.workspace import BookError, Workspace
from causalmix.locations import STUDY_ORDER
from causalmix.store import ResultStore, StoreError

FILES = ("runs.parquet", "trajectories.parquet", "graphs.parquet", "manifest.json")
"""What makes a study a recorded one; these files are published with the book."""


@dataclass(frozen=True)
class Study:
    """A recorded study.

    Attributes
    ----------
    folder : Path
        ``results/<study>``.
    manifest : dict
        What was planned, done, failed and is absent, with the store's hash.
    runs : DataFrame
        One row per run.
    """

    folder: Path
    manifest: dict
    runs: pd.DataFrame

    @property
    def name(self) -> str:
        """The study's name."""
        return self.folder.name

    @property
    def hash(self) -> str:
        """The store's hash."""
        return self.manifest["store_hash"]

    @property
    def models(self) -> tuple[str, ...]:
        """The models that were fine-tuned."""
        return tuple(self.manifest["models"])

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that have runs."""
        return tuple(self.manifest["arms"])


def is_recorded(folder: Path) -> bool:
    """Return whether ``folder`` holds a consolidated study."""
    return all((folder / name).is_file() for name in FILES)


def choose_study(workspace: Workspace, wanted: str | None = None) -> Path | None:
    """Return the folder of the study to show: the wanted one, or the most complete recorded one.

    Parameters
    ----------
    workspace : Workspace
    wanted : str, optional
        A name (``first-look``) or a folder (``results/first-look``).

    Returns
    -------
    Path or None
        ``None`` where none is wanted and none is recorded.

    Raises
    ------
    BookError
        If the wanted study is not recorded.
    """
    if wanted:
        for folder in (workspace.results / wanted, workspace.root / wanted, Path(wanted)):
            if is_recorded(folder):
                return folder.resolve()
        there = sorted(folder.name for folder in workspace.results.glob("*") if is_recorded(folder))
        raise BookError(
            f"no recorded study {wanted!r}: results/ holds {', '.join(there) or 'none'}. "
            f"`causalmix run --profile {Path(wanted).name}` makes one, if there is a profile of that name."
        )
    recorded = [workspace.results / name for name in STUDY_ORDER if is_recorded(workspace.results / name)]
    return recorded[0] if recorded else None


def open_study(folder: Path) -> Study:
    """Read a recorded study.

    Raises
    ------
    BookError
        If it cannot be read or holds no run.
    """
    try:
        store = ResultStore(folder)
        study = Study(folder, store.manifest(), store.runs())
    except StoreError as error:
        raise BookError(str(error)) from error
    if study.runs.empty:
        raise BookError(f"{folder} holds no run: delete it and run `causalmix run --profile quick`.")
    return study


def recorded_studies(workspace: Workspace, shown: Study) -> list[Study]:
    """Return all recorded studies: the shown one first, then those of ``results/`` by name."""
    folders = [folder for folder in sorted(workspace.results.glob("*")) if is_recorded(folder)]
    return [shown, *(open_study(folder) for folder in folders if folder.name != shown.name)]


def run_quick_study(workspace: Workspace) -> Path:
    """Run the profile ``quick`` for real, with its progress bar, and return its folder.

    Raises
    ------
    BookError
        If the run does not end with a recorded study.
    """
    print(
        "no recorded study in results/: running the quick one (real fine-tuning on this machine)", flush=True
    )
    command = [sys.executable, "-c", "from causalmix.cli import app; app()", "run", "--profile", "quick"]
    code = subprocess.run(command, cwd=workspace.root, check=False).returncode
    folder = workspace.results / "quick"
    if code != 0 or not is_recorded(folder):
        raise BookError(
            f"`causalmix run --profile quick` ended with exit code {code}"
            f"{'' if is_recorded(folder) else f' and left no complete study in {folder}'}. "
            "Call it by itself to see why; finished runs are kept."
        )
    return folder
