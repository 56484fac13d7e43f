"""What every notebook does first and last: open a study, publish a figure with its data and provenance."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure

from causalmix.claims import Verdict, write_verdict
from causalmix.devices import check_device
from causalmix.figures import save_figure
from causalmix.locations import find_root
from causalmix.planning import Plan, refuse_foreign_runs, refuse_other_runs, split_absent
from causalmix.profiles import PROFILES, Profile, find_profile, iter_specs
from causalmix.specs import SpecError
from causalmix.store import ResultStore, StoreError
from causalmix.study_folders import IncompleteStudyError, NoStudyError, check_complete, find_study
from causalmix.study_view import StudyView

with warnings.catch_warnings():
    # dowhy and causal-learn ask tqdm for a notebook's progress bar and draw none: no need for ipywidgets.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import tqdm.auto  # noqa: F401


_OWN_STUDY = "pass study=NAME and profile=…, with the name of a new study or of the one to complete"
"""What to do about runs that belong to no study yet."""


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
        Where not, a study that has not been run, or is not complete, is opened as an empty one with a note
        that says so: figures show "not run yet" and claims are not tested. One that is damaged, or whose name
        is neither a folder's nor a profile's, is refused all the same.

    Returns
    -------
    StudyView

    Raises
    ------
    StoreError
        When there is no such study, it is incomplete or damaged, it holds several versions of a table, or
        runs of several models and none is named.
    SpecError
        With ``run_missing``: when there is no such profile or device, the study is not named, or the runs are
        not of its model, suite or profile.
    """
    if run_missing and study == "auto":
        raise SpecError(f"run_missing adds runs to a study, so say to which: {_OWN_STUDY}")
    folder = find_root() / "results" / study
    try:
        folder = find_study(study, profile if run_missing else "")
        store = ResultStore(folder)
        absent = _run_missing(store, profile, data, model, device) if run_missing else None
        check_complete(store, absent)
    except (NoStudyError, IncompleteStudyError) as error:
        if required or run_missing:
            raise
        return StudyView(ResultStore(folder), model, _why_empty(error, study))
    runs = store.runs()
    store.check_versions(runs)
    models = sorted(runs["model"].unique())
    if not model and len(models) > 1:
        raise StoreError(f"{folder} holds runs of {', '.join(models)}: pass model=… to choose one")
    if model and model not in models:
        raise StoreError(f"{folder} holds no run of {model!r}; it holds {', '.join(models)}")
    return StudyView(store, model or models[0])


def publish(
    name: str,
    fig: Figure,
    frame: pd.DataFrame,
    *,
    out: str | os.PathLike,
    provenance: str,
    verdict: Verdict | None = None,
    answer: str = "",
    tables: Mapping[str, pd.DataFrame] | None = None,
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
    tables : mapping, optional
        More tables by name, which chapters quote: ``data/<name>_<table>.csv``.
    """
    folder = Path(out)
    png, _ = save_figure(fig, folder / "figures" / name)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for stem, table in {name: frame, **{f"{name}_{key}": one for key, one in (tables or {}).items()}}.items():
        path = folder / "data" / f"{stem}.csv"
        table.to_csv(path, index=False, float_format="%.8g", lineterminator="\n")
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


def _why_empty(error: NoStudyError | IncompleteStudyError, study: str) -> str:
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
