"""What every notebook does first and last: open a study, publish a figure with its data and provenance."""

from __future__ import annotations

import dataclasses
import os
import warnings
from pathlib import Path

import pandas as pd
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure

from causalmix.cells import CELL_OF_MODEL
from causalmix.claims import Verdict, write_verdict
from causalmix.devices import check_device
from causalmix.figures import save_figure
from causalmix.locations import STUDY_ORDER, find_root
from causalmix.planning import (
    Plan,
    how_to_finish,
    refuse_foreign_runs,
    refuse_other_runs,
    split_absent,
)
from causalmix.profiles import PROFILES, Profile, find_profile, iter_specs
from causalmix.rules import short
from causalmix.specs import SpecError
from causalmix.store import ResultStore, StoreError
from causalmix.study_view import StudyView

with warnings.catch_warnings():
    # dowhy and causal-learn ask tqdm for a notebook's progress bar and draw none: no need for ipywidgets.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import tqdm.auto  # noqa: F401


_OWN_STUDY = "pass study=NAME and profile=…, with the name of a new study or of the one to complete"
"""What to do about runs that belong to no study yet."""


class IncompleteStudyError(StoreError):
    """A study that lacks some of the planned runs of a table's fold."""


def open_study(
    study: str = "auto",
    *,
    profile: str = "",
    data: str = "",
    model: str = "",
    device: str = "cpu",
    run_missing: bool = False,
    required: bool = True,
) -> StudyView:
    """Open a recorded study; of each table's fold that was begun, all planned runs must be there.

    Parameters
    ----------
    study : str
        Name of a folder in ``results/``, or the path of a store; ``auto``: the first of `STUDY_ORDER` that is
        recorded (not with ``run_missing``).
    profile : str
        With ``run_missing``: the profile whose runs the study should hold; by default that of its name.
    data : str
        Folder of the benchmark's tables, for ``run_missing``.
    model : str
        The model to show; by default the only one of the study. With ``run_missing`` also the model to run.
    device : str
        With ``run_missing``: ``cpu`` or ``cuda``.
    run_missing : bool
        Run what the study lacks before it is opened; what is there is kept. Tables that cannot be had here
        are left out and named.
    required : bool
        Where not, a study that is not recorded, or not complete, is opened as an empty one with a note that
        says so: figures show "not run yet" and claims are not tested.

    Returns
    -------
    StudyView

    Raises
    ------
    StoreError
        When there is no such study, it is incomplete, it holds several versions of a table, or runs of
        several models and none is named.
    SpecError
        With ``run_missing``: when there is no such profile or device, the study is not named, or the runs are
        not of its model, suite or profile.
    """
    if run_missing and study == "auto":
        raise SpecError(f"run_missing adds runs to a study, so say to which: {_OWN_STUDY}")
    try:
        folder = find_study(study, profile if run_missing else "")
        store = ResultStore(folder)
        absent = _run_missing(store, profile, data, model, device) if run_missing else None
        _check_complete(store, absent)
    except StoreError as error:
        if required or run_missing:
            raise
        return StudyView(
            ResultStore(find_root() / "results" / Path(study).name), model, _why_empty(error, study)
        )
    runs = store.runs()
    store.check_versions(runs)
    models = sorted(runs["model"].unique())
    if not model and len(models) > 1:
        raise StoreError(f"{folder} holds runs of {', '.join(models)}: pass model=… to choose one")
    if model and model not in models:
        raise StoreError(f"{folder} holds no run of {model!r}; it holds {', '.join(models)}")
    return StudyView(store, model or models[0])


def find_study(study: str = "auto", profile: str = "") -> Path:
    """Return the folder of a study, from any working folder.

    Parameters
    ----------
    study : str
        As for `open_study`.
    profile : str
        Named by who wants to run it: a study that does not exist yet is then allowed.

    Raises
    ------
    StoreError
        When there is no such study; the message lists those that are there.
    """
    path = Path(study)
    if study != "auto" and (path.is_absolute() or (path / "runs.parquet").is_file()):
        if profile or _is_study(path):
            return path.resolve()
        raise StoreError(f"{path} is no recorded study: it holds neither runs.parquet nor records/")
    results = find_root() / "results"
    there = sorted(folder.name for folder in results.glob("*") if _is_study(folder))
    if study == "auto":
        found = next((name for name in STUDY_ORDER if name in there), profile)
        if not found:
            raise StoreError(f"{results} holds no recorded study: `causalmix run --profile quick` makes one")
        return results / found
    for folder in (results / study, find_root() / study):
        if _is_study(folder):
            return folder
    if profile or study in PROFILES:
        return results / path.name
    made = f"; {how_to_finish(path.name)} makes it" if path.name in PROFILES else ""
    raise StoreError(f"no recorded study {study!r}: {results} holds {', '.join(there) or 'none'}{made}")


def publish(
    name: str,
    fig: Figure,
    frame: pd.DataFrame,
    *,
    out: str | os.PathLike,
    provenance: str,
    verdict: Verdict | None = None,
    answer: str = "",
) -> None:
    """Write a figure with the data behind it, show it, and say where it comes from.

    Writes ``figures/<name>.png`` and ``.svg``, ``data/<name>.csv``, ``values/<name>.md`` (the line of
    provenance) and, with a verdict, ``verdicts/<id>.json`` below ``out``; with an answer
    ``values/<name>_answer.md``.

    Parameters
    ----------
    name : str
        Name of the notebook: of letters, digits and underscores.
    fig : Figure
    frame : DataFrame
        What the figure shows.
    out : path
        Where to write; ``files/<name>`` beside the executed notebook makes the links in it work.
    provenance : str
        For example `StudyView.provenance`.
    verdict : Verdict, optional
    answer : str
        Markdown that answers the notebook's question, for the chapter that asks it.
    """
    folder = Path(out)
    png, _ = save_figure(fig, folder / "figures" / name)
    table = folder / "data" / f"{name}.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(table, index=False, float_format="%.8g", lineterminator="\n")
    links = ", ".join(
        f"[{label}](files/{name}/{path})"
        for label, path in (
            ("CSV", f"data/{name}.csv"),
            ("SVG", f"figures/{name}.svg"),
            ("PNG", f"figures/{name}.png"),
        )
    )
    text = f"{provenance} Download: {links}."
    snippet = folder / "values" / f"{name}.md"
    snippet.parent.mkdir(parents=True, exist_ok=True)
    snippet.write_text(provenance + "\n")
    if answer:
        snippet.with_stem(f"{name}_answer").write_text(answer + "\n")
    if verdict is not None:
        write_verdict(verdict, folder / "verdicts")
    display(Image(data=png.read_bytes(), format="png", width=int(fig.get_figwidth() * 100)))
    display(Markdown(text))


def simulated_provenance(evidence: pd.DataFrame) -> str:
    """Return the line of provenance of a figure made from simulated tables."""
    return (
        f"{len(evidence)} tables simulated from causal models with a known graph; no recorded study is used."
    )


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table as a page shows it: three significant digits, an empty cell where a number lacks.

    Examples
    --------
    >>> shown(pd.DataFrame({"effect": [0.12345, float("nan")], "n": [31, 1550]})).to_numpy().tolist()
    [['0.123', 31], ['', 1550]]
    """
    return frame.map(lambda value: value if not isinstance(value, float) else short(value).replace("nan", ""))


def _is_study(folder: Path) -> bool:
    return (folder / "runs.parquet").is_file() or (folder / "records").is_dir()


def _check_complete(store: ResultStore, absent: list[str] | None) -> None:
    """Refuse a store without runs, or with only some of the planned runs of a table's fold.

    Tables and folds that are absent altogether make a smaller study, which says so. Where the missing runs
    were to be made, only the ``absent`` tables, which cannot be had here, may be lacking.
    """
    folder, runs = store.root, store.runs()
    if runs.empty:
        raise StoreError(f"{folder} holds no run: run it (`causalmix run`), or pass run_missing=True")
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
            f"{how_to_finish(folder.name)}, or pass run_missing=True"
        )


def _why_empty(error: StoreError, study: str) -> str:
    state = "is not complete yet" if isinstance(error, IncompleteStudyError) else "has not been run yet"
    return f"the study {Path(study).name} {state}"


def _run_missing(store: ResultStore, profile: str, data: str, model: str, device: str) -> list[str]:
    """Make the runs that the store lacks; return the tables that cannot be had here: theirs stay planned."""
    from causalmix.batch import fills_with_one_run
    from causalmix.engine import run_all

    check_device(device)
    wanted = _wanted_profile(store, profile, model)
    _refuse_foreign(store, wanted)
    folder, specs = Path(data) if data else None, tuple(iter_specs(wanted, store.root.name))
    refuse_other_runs(store, Plan(store.root.name, specs, folder), _OWN_STUDY)
    here, absent = split_absent(specs, folder)
    if absent:
        display(Markdown(f"Not to be had here, left out: {', '.join(absent)}; pass data=… to name a folder."))
    store.plan(specs)
    run_all(
        here,
        store,
        data_dir=data or None,
        engine="local" if fills_with_one_run(device) else "here",
        cache_dir=find_root() / ".causalmix" / "synthetic",
        device=device,
    )
    store.consolidate()
    return absent


def _wanted_profile(store: ResultStore, profile: str, model: str) -> Profile:
    found = find_profile(profile or store.root.name)
    return dataclasses.replace(found, model=model) if model else found


def _refuse_foreign(store: ResultStore, wanted: Profile) -> None:
    """Refuse to mix runs of another model or suite, or not of the profile of its name, into a study."""
    name, runs = store.root.name, store.runs(skip_corrupt=True)
    for field in ("model", "suite"):
        held, asked = sorted(runs[field].unique()), getattr(wanted, field)
        if held and asked not in held:
            raise SpecError(
                f"{store.root} holds runs of {field} {', '.join(held)}, not {asked}: {_OWN_STUDY}"
            )
    if name in PROFILES:
        asked_fields = {item.name: getattr(wanted, item.name) for item in dataclasses.fields(wanted)}
        refuse_foreign_runs(name, asked_fields, _OWN_STUDY)
