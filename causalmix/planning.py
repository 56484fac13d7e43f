"""From options to runs: which runs a study has, and which of them can be made here."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from causalmix.data import DataError, Protocol, TablePreprocessor, locate_datasets, split_dataset
from causalmix.folds import load_spec_table
from causalmix.profiles import PROFILES, find_profile, iter_specs
from causalmix.shards import take_shard
from causalmix.specs import OWN_TABLE, RunSpec, SpecError, suggest
from causalmix.store import ResultStore, StoreError

_SAME_STUDY = {"datasets", "folds", "arms", "repeats", "target", "description"}
"""Changes of a profile that only add or leave out runs."""

_OWN_NAME = "give these runs a name of their own with --study"
"""What to do about runs that belong to another study."""

_NEVER_EMPTY = ("folds", "arms", "repeats", "presets", "synthetic_ratios")
"""Fields of a profile without which there is no run."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """A study before it is run.

    Attributes
    ----------
    study : str
        Its name, and that of its folder.
    specs : tuple of RunSpec
    data_dir : Path or None
        Folder of the tables.
    """

    study: str
    specs: tuple[RunSpec, ...]
    data_dir: Path | None = None


def plan_study(
    profile: str, study: str | None, table: Path | None, data: Path | None, changes: dict, protocol: dict
) -> Plan:
    """Return the runs of a profile with changes, or those of a user's own table.

    Parameters
    ----------
    profile : str
        A key of `causalmix.profiles.PROFILES`.
    study : str, optional
        By default the profile's name, or the table's.
    table : Path, optional
        A user's own CSV or Parquet file.
    data : Path, optional
        Folder with local copies of a suite's tables.
    changes, protocol : dict
        Fields of `Profile` and of its protocol to replace.

    Raises
    ------
    SpecError
        When the options do not belong together.

    Examples
    --------
    >>> plan = plan_study("smoke", None, None, None, {"folds": (0,), "arms": ("default",)}, {})
    >>> plan.study, [str(spec) for spec in plan.specs]
    ('smoke', ['iris · fold 0 · default · smoke'])
    """
    sweep = find_profile(profile)
    if table is None and data is not None and not data.is_dir():
        fault = "is a file, not a folder" if data.exists() else "does not exist"
        raise SpecError(f"{data}, named by --data or CAUSALMIX_DATA, {fault}")
    if table is not None:
        changes, data = _own_table(table, changes), table.parent
    elif changes.get("target"):
        raise SpecError("--target belongs to --table: the tables of a suite have their target")
    if "max_train_rows" in protocol and changes.get("train_rows", sweep.train_rows):
        raise SpecError(f"profile {profile} has several row limits: say --train-rows, not --max-train-rows")
    if protocol:
        changes = {**changes, "protocol": dataclasses.replace(sweep.protocol, **protocol)}
    if table is None and study is None:
        refuse_foreign_runs(profile, changes, _OWN_NAME)
    name = (table.stem if table else profile) if study is None else study
    if not name or name == ".." or Path(name).name != name:
        raise SpecError(f"--study {name!r} must be the name of a folder in --results, without slashes or ..")
    if name in PROFILES and (table is not None or name != profile):
        of = f"--table {table}" if table is not None else f"profile {profile}"
        raise SpecError(
            f"{name} is the study of the profile of that name: go on with it by --profile {name}, or give "
            f"the runs of {of} another --study"
        )
    specs = tuple(iter_specs(dataclasses.replace(sweep, **changes), name))
    if not specs:
        empty = ", ".join(f"--{field}" for field in _NEVER_EMPTY if not changes.get(field, True))
        raise SpecError(f"there is nothing to run: {empty} is empty, leave it out or name at least one")
    return Plan(name, specs, data)


def _own_table(table: Path, changes: dict) -> dict:
    if not changes.get("target"):
        raise SpecError(f"--table {table} needs --target: which column is to be predicted?")
    if "suite" in changes or "datasets" in changes:
        raise SpecError("--table is one table: leave --suite and --datasets out")
    return {**changes, "suite": OWN_TABLE, "datasets": (table.name,)}


def refuse_foreign_runs(profile: str, changes: dict, cure: str) -> None:
    """Refuse other runs than the profile's in the study of its name, so that the name says what it is.

    Parameters
    ----------
    profile : str
        A key of `causalmix.profiles.PROFILES`.
    changes : dict
        Fields of `causalmix.profiles.Profile` and their values.
    cure : str
        What to do instead, for the message.

    Raises
    ------
    SpecError
        When the changes do more than add or leave out runs.
    """
    sweep = find_profile(profile)
    changed = {name for name, value in changes.items() if value != getattr(sweep, name)}
    foreign = sorted(changed - _SAME_STUDY)
    if foreign:
        raise SpecError(
            f"with another {', '.join(foreign)} these are not the runs of profile {profile}: {cure}"
        )


def split_absent(specs: Sequence[RunSpec], data_dir: Path | None) -> tuple[list[RunSpec], list[str]]:
    """Return the runs whose table can be had here, and the names of the tables that cannot.

    Raises
    ------
    DataError
        When no table can be had.
    """
    absent = find_absent({spec.dataset for spec in specs if spec.suite != OWN_TABLE}, data_dir)
    here = [spec for spec in specs if spec.suite == OWN_TABLE or spec.dataset not in absent]
    if not here:
        raise DataError(f"none of the tables can be had here: {', '.join(absent)}; {ADVICE}")
    return here, absent


def choose_runs(plan: Plan, shard: tuple[int, int] | None) -> tuple[list[RunSpec], list[str]]:
    """Return those runs of a part of the plan whose table can be had here, and notes on the tables.

    The part is taken of the whole plan: it is the same on machines that lack different tables. Raises a
    `DataError` when no table of the plan can be had, a `SpecError` for an impossible shard.
    """
    part = take_shard(plan.specs, shard)
    here, absent = split_absent(plan.specs, plan.data_dir)
    kept = set(here)
    chosen = [spec for spec in part if spec in kept]
    places = locate_datasets({spec.dataset for spec in chosen if spec.suite != OWN_TABLE}, plan.data_dir)
    partial = sorted(name for name, place in places.items() if place == "partial")
    notes = [f"Not to be had here, left out: {', '.join(absent)}; {ADVICE}"] if absent else []
    notes += [f"With fewer rows than TabArena's: {', '.join(partial)}"] if partial else []
    return chosen, notes


ADVICE = "give a folder with copies by --data or CAUSALMIX_DATA (`causalmix data list` shows all)"
"""What to do about absent tables."""


def find_absent(names: Iterable[str], data_dir: str | Path | None) -> list[str]:
    """Return those of the suites' tables called ``names`` that cannot be had here, sorted."""
    places = locate_datasets(set(names), data_dir)
    return sorted(name for name, place in places.items() if place == "absent")


def describe_absent(tables: Iterable[tuple[str, str]], data_dir: str | Path | None) -> str:
    """Say which of these (suite, name) tables cannot be had on this machine; empty where all can."""
    folder = Path(data_dir or ".")
    if data_dir is not None and not folder.is_dir():
        return f"the folder {folder.absolute()} does not exist"
    own = [name for suite, name in tables if suite == OWN_TABLE and not (folder / name).is_file()]
    absent = own + find_absent({name for suite, name in tables if suite != OWN_TABLE}, data_dir)
    return f"{folder.absolute()} does not hold {', '.join(absent)}" if absent else ""


def note_own_table(plan: Plan) -> list[str]:
    """Say what in a user's own table is doubtful, and what splitting and encoding it leaves out or changes.

    Returns
    -------
    list of str
        The notes on the whole table, then those on its splits: each once, a column's in the words of the
        first split, with the number of splits that it holds for. Empty for the tables of a suite. A fold that
        cannot be used is left to its runs, which say why.
    """
    if plan.specs[0].suite != OWN_TABLE:
        return []
    dataset = load_spec_table(plan.specs[0], plan.data_dir)
    splits = {(spec.fold, spec.protocol, spec.repeat) for spec in plan.specs}
    words: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for fold, protocol, repeat in sorted(splits, key=str):
        try:
            split = split_dataset(dataset, fold, protocol, repeat)
            report = TablePreprocessor().fit(split.X_train).report
        except DataError:
            continue
        subjects = dict(zip(split.notes, split.notes, strict=True))
        subjects |= {note.partition(": ")[0]: note for note in report}
        words = {**subjects, **words}
        counts.update(subjects.keys())
    of_splits = [f"{word} ({counts[key]} of {len(splits)} splits)" for key, word in words.items()]
    return [*dataset.notes, *of_splits]


def refuse_other_runs(store: ResultStore, plan: Plan, cure: str = _OWN_NAME) -> None:
    """Refuse to add runs that could not be compared with those of the study: nothing is planned then.

    Parameters
    ----------
    store : ResultStore
    plan : Plan
    cure : str
        What to do instead, for the message.

    Raises
    ------
    StoreError
        When the study holds runs of another suite, of another version of a user's own table, of other
        presets than the plan sweeps, or made with another number of steps or another protocol, its row limit
        for training aside; it names them, and the cure.
    """
    spec, runs = plan.specs[0], store.runs(skip_corrupt=True)
    suites = sorted(set(runs["suite"]) - {spec.suite})
    if suites:
        raise StoreError(f"{store.root} holds runs of suite {', '.join(suites)}: {cure}")
    if spec.suite == OWN_TABLE:
        now = load_spec_table(spec, plan.data_dir).fingerprint
        if set(runs.loc[runs["dataset"] == spec.dataset, "data_fingerprint"]) - {"", now}:
            raise StoreError(f"{spec.dataset} has changed since {store.root} was begun: {cure}")
    held, asked = set(runs["preset"]), {spec.preset for spec in plan.specs}
    if held - asked and asked - held:
        raise StoreError(
            f"{store.root} holds runs of preset {', '.join(sorted(held))}, these are of preset "
            f"{', '.join(sorted(asked))}: {cure}, or sweep both with --presets"
        )
    protocols = [Protocol(**json.loads(text)) for text in runs["protocol"].unique()]
    before = _fixed_settings(protocols, runs["n_steps"])
    after = _fixed_settings([spec.protocol for spec in plan.specs], [spec.n_steps for spec in plan.specs])
    for name in after:
        if before[name] - after[name]:
            there, these = (", ".join(map(str, sorted(values[name]))) for values in (before, after))
            raise StoreError(
                f"{store.root} holds runs of {name} {there}, these are of {name} {these}: {cure}"
            )


def _fixed_settings(protocols: Iterable[Protocol], n_steps: Iterable[int]) -> dict[str, set]:
    """Return the values of what a study does not sweep: the protocol without its row limit, and n_steps."""
    kept = list(protocols)
    names = [item.name for item in dataclasses.fields(Protocol) if item.name != "max_train_rows"]
    values = {name: {getattr(protocol, name) for protocol in kept} for name in names}
    return {**values, "n_steps": set(n_steps)}


def how_to_finish(study: str) -> str:
    """Return the command that makes what a study lacks, for messages.

    Examples
    --------
    >>> how_to_finish("paper")
    '`causalmix run --profile paper`'
    """
    if study in PROFILES:
        return f"`causalmix run --profile {study}`"
    return f"the command that began it (`causalmix run … --study {study}`)"


def list_studies(results: Path) -> list[str]:
    """Return the names of the studies in a folder of results that were planned."""
    return sorted(path.parent.name for path in results.glob("*/manifest.json"))


def study_folder(name: str, results: Path) -> Path:
    """Return the folder of a study that was planned.

    Raises
    ------
    SpecError
        When there is none; the message proposes the closest name.
    """
    found = list_studies(results)
    if name not in found:
        raise SpecError(f"in {results}: {suggest('study', name, found)}")
    return results / name
