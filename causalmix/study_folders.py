"""Which folder the name of a study means, and whether the study in it can be shown: for the notebooks."""

from __future__ import annotations

import difflib
from pathlib import Path

from causalmix.cells import CELL_OF_MODEL
from causalmix.data.tabarena import FILE_TYPES
from causalmix.locations import STUDY_ORDER, find_root
from causalmix.planning import how_to_finish
from causalmix.profiles import PROFILES
from causalmix.rows import COLUMNS
from causalmix.store import ResultStore, StoreError


class NoStudyError(StoreError):
    """A study that has not been run: nothing of it is there, or its runs are only planned."""


class IncompleteStudyError(StoreError):
    """A study that lacks some of the planned runs of a table's fold."""


def find_study(study: str = "auto", profile: str = "") -> Path:
    """Return the folder of a study, from any working folder.

    Parameters
    ----------
    study : str
        As for `causalmix.notebook.open_study`. A path is looked for in the working folder, then in the
        checkout; a name that is no path also in ``results/``.
    profile : str
        Named by who wants to run it: a study that does not exist yet is then allowed.

    Returns
    -------
    Path
        Without ``profile`` there may be nothing in it yet where it has the name of a profile.

    Raises
    ------
    NoStudyError
        For ``auto``, when no study is recorded.
    StoreError
        When there is no such study and no such profile; the message proposes the closest name.
    """
    root = find_root()
    results = root / "results"
    if study == "auto":
        there = _studies_in(results)
        found = next((name for name in STUDY_ORDER if name in there), profile)
        if not found:
            raise NoStudyError(
                f"{results} holds no recorded study: `causalmix run --profile quick` makes one"
            )
        return results / found
    here, is_name = Path(study).resolve(), len(Path(study).parts) == 1
    places = [here, results / study, root / study] if is_name else [here, root / study]
    held = next((place for is_held in (_is_study, _is_planned) for place in places if is_held(place)), None)
    if held is not None:
        return held
    if profile or here.name in PROFILES:
        return results / study if is_name else next((p for p in places if p.parent.is_dir()), here)
    raise StoreError(_describe_unknown(study, results if is_name else here.parent))


def check_complete(store: ResultStore, absent: list[str] | None = None) -> None:
    """Refuse a store without runs, or with only some of the planned runs of a table's fold.

    Tables and folds that are absent altogether make a smaller study, which says so. Where the missing runs
    were to be made, only the ``absent`` tables, which cannot be had here, may be lacking.

    Raises
    ------
    NoStudyError, IncompleteStudyError
        As their names say.
    StoreError
        When the store is damaged: it cannot be read, or its runs were there and are not any more.
    """
    folder, runs = store.root, store.runs()
    if runs.empty:
        _refuse_lost_runs(store)
        raise NoStudyError(f"{folder} holds no run: make them with {_cure(store)}")
    begun = set(runs[CELL_OF_MODEL].itertuples(index=False, name=None))
    lacking = [
        cell
        for cell in store.absent()
        if (absent is not None and cell["dataset"] not in absent)
        or tuple(map(cell.get, CELL_OF_MODEL)) in begun
    ]
    if lacking:
        cells = "; ".join(f"{cell['dataset']} fold {cell['fold']} {cell['arm']}" for cell in lacking[:3])
        raise IncompleteStudyError(
            f"{folder} lacks {len(lacking)} planned runs of folds that were begun ({cells}…): finish it with "
            f"{_cure(store)}"
        )


def _is_study(folder: Path) -> bool:
    """Whether runs were made in the folder; they need not be whole."""
    return bool(_published_files(folder)) or (folder / "records").is_dir()


def _published_files(folder: Path) -> list[str]:
    return [path.name for path in (folder / f"{name}.parquet" for name in COLUMNS) if path.is_file()]


def _is_planned(folder: Path) -> bool:
    return (folder / "manifest.json").is_file()


def _studies_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if _is_study(path))


def _describe_unknown(study: str, folder: Path) -> str:
    """Say that there is no such study in the folder where it would be, and which name was perhaps meant."""
    there, name = _studies_in(folder), Path(study).name
    close = difflib.get_close_matches(name, [*there, *PROFILES], n=1)
    hint = f", did you mean {close[0]!r}?" if close else ":"
    return f"no recorded study {study!r}{hint} {folder} holds {', '.join(there) or 'none'}"


def _refuse_lost_runs(store: ResultStore) -> None:
    """Refuse a store without runs that had some, or that is no folder: it is damaged, not yet to be run."""
    folder = store.root
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file, not the folder of a study: move it away")
    counted = store.manifest()["runs"] if _is_planned(folder) else {}
    n_lost = counted.get("done", 0) + counted.get("failed", 0)
    if n_lost:
        raise StoreError(
            f"{folder} is damaged: it holds no run, but manifest.json counts {n_lost}. Restore its files "
            "from git or from a copy, or delete the folder and run the study again."
        )


def _cure(store: ResultStore) -> str:
    """Say what makes the runs that a store lacks: a command, or the notebook itself where it can."""
    name, command = store.root.name, how_to_finish(store.root.name)
    if name in PROFILES:
        return f"{command}, or pass run_missing=True"
    tables = {*store.runs(skip_corrupt=True)["dataset"], *(cell["dataset"] for cell in store.absent())}
    if any(Path(table).suffix in FILE_TYPES for table in tables):  # a user's own: no profile names it
        return command
    return f"{command}, or pass run_missing=True and profile=NAME, the profile that it was begun with"
