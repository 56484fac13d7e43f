"""What data there is, and whether it is sound: ``causalmix data list`` and ``causalmix data check``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from causalmix.data.bundled import BUNDLED
from causalmix.data.datasets import SUITES, load_dataset
from causalmix.data.gate import DataError, Dataset
from causalmix.data.tabarena import (
    cache_paths,
    find_local,
    openml_is_reachable,
    recorded_sha256,
    sha256_of,
)
from causalmix.data.tabarena_tasks import TASKS

CHECKED = [
    *("suite", "name", "available", "rows", "features", "classes"),
    *("shape", "checksum", "fingerprint", "verdict"),
]
"""Columns of `check_datasets`."""


def list_datasets(data_dir: str | Path | None = None, cache_dir: str | Path | None = None) -> pd.DataFrame:
    """Every dataset of every suite, and where it would be read from.

    Returns
    -------
    DataFrame
        One row per dataset: suite, name, rows, features, classes, openml_dataset, openml_task, available.
        ``available`` is "bundled", "local", "partial" (local, with fewer rows than TabArena's), "cache",
        "OpenML" (fetched when it is first used) or "absent" (OpenML cannot be reached from here).
    """
    places = locate_datasets(
        (name for suite in SUITES.values() for name in suite.datasets), data_dir, cache_dir
    )
    rows = [
        {"suite": suite.name, "name": name, **_describe(name), "available": places[name]}
        for suite in SUITES.values()
        for name in suite.datasets
    ]
    return pd.DataFrame(rows).astype({"openml_dataset": "Int64", "openml_task": "Int64"})


def locate_datasets(
    names: Iterable[str], data_dir: str | Path | None = None, cache_dir: str | Path | None = None
) -> dict[str, str]:
    """Where each of these datasets would be read from, without reading it.

    Parameters
    ----------
    names
        Datasets of any suite.
    data_dir, cache_dir
        As in `load_dataset`.

    Returns
    -------
    dict of str
        By name, as in the column ``available`` of `list_datasets`. OpenML is called only where a table would
        have to come from there.

    Examples
    --------
    >>> locate_datasets(["iris", "scm-depth3-linear-low"])
    {'iris': 'bundled', 'scm-depth3-linear-low': 'simulated'}
    """
    places = {name: _locate(name, data_dir, cache_dir) for name in names}
    if "OpenML" in places.values() and not openml_is_reachable():
        return {name: "absent" if place == "OpenML" else place for name, place in places.items()}
    return places


def check_datasets(
    data_dir: str | Path | None = None,
    names: Sequence[str] | None = None,
    cache_dir: str | Path | None = None,
) -> pd.DataFrame:
    """Load what is here and compare it with what it should be; nothing is fetched.

    Parameters
    ----------
    data_dir, cache_dir
        As in `load_dataset`.
    names
        Datasets to check, by default all.

    Returns
    -------
    DataFrame
        One row per dataset: suite, name, available, rows, features, classes, shape ("as TabArena", or what
        differs), checksum ("ok", "none recorded" or "differs"), fingerprint and verdict ("ok", "partial",
        "not here", or "bad: " and the reason).

    Raises
    ------
    DataError
        For a name that no suite has, and for no names.
    """
    if names is not None and not names:
        raise DataError("there is no table to check: name at least one, or leave --datasets out for all")
    listed = list_datasets(data_dir, cache_dir)
    unknown = sorted(set(names or ()) - set(listed["name"]))
    if unknown:
        raise DataError(f"there is no dataset {unknown[0]!r}; `causalmix data list` shows all")
    chosen = listed if names is None else listed[listed["name"].isin(names)]
    places = zip(chosen["suite"], chosen["name"], chosen["available"], strict=True)
    rows = [_check(suite, name, available, data_dir, cache_dir) for suite, name, available in places]
    return pd.DataFrame(rows, columns=CHECKED).astype(dict.fromkeys(("rows", "features", "classes"), "Int64"))


def _describe(name: str) -> dict[str, int | None]:
    """Size and ids, without reading a big table."""
    if name in TASKS:
        task = TASKS[name]
        return {
            "rows": task.rows,
            "features": task.features,
            "classes": task.classes,
            "openml_dataset": task.openml_dataset,
            "openml_task": task.openml_task,
        }
    dataset = load_dataset(name)
    classes = len(dataset.y.cat.categories)
    return {
        "rows": len(dataset.X),
        "features": dataset.X.shape[1],
        "classes": classes,
        "openml_dataset": None,
        "openml_task": None,
    }


def _locate(name: str, data_dir: str | Path | None, cache_dir: str | Path | None) -> str:
    if name in BUNDLED:
        return "bundled"
    if name not in TASKS:
        return "simulated"
    local = find_local(name, data_dir)
    if local is not None:
        try:
            return "partial" if _count_rows(local) < TASKS[name].rows else "local"
        except ValueError:  # no Parquet, no CSV: loading it says what is wrong
            return "local"
    return "cache" if all(path.is_file() for path in cache_paths(TASKS[name], cache_dir)) else "OpenML"


def _count_rows(path: Path) -> int:
    if path.suffix == ".parquet":
        from pyarrow.parquet import read_metadata

        return int(read_metadata(path).num_rows)
    return len(pd.read_csv(path, usecols=[0]))


def _check(
    suite: str, name: str, available: str, data_dir: str | Path | None, cache_dir: str | Path | None
) -> dict[str, object]:
    row: dict[str, object] = {"suite": suite, "name": name, "available": available}
    if available in ("OpenML", "absent"):
        return row | {"verdict": "not here"}
    try:
        dataset = load_dataset(name, suite, data_dir, cache_dir)
    except DataError as error:
        return row | {"verdict": f"bad: {error}"}
    row |= {
        "rows": len(dataset.X),
        "features": dataset.X.shape[1],
        "classes": len(dataset.y.cat.categories),
        "shape": _compare_shape(dataset),
        "checksum": "ok" if available == "cache" else _compare_checksum(name, data_dir),
        "fingerprint": dataset.fingerprint,
    }
    return row | {"verdict": _judge(row)}


def _judge(row: dict[str, object]) -> str:
    if row["checksum"] == "differs":
        return "bad: the file differs from the checksum in provenance.csv; fetch it again"
    if row["shape"] in ("as TabArena", "as scikit-learn", "as simulated"):
        return "ok"
    return "partial" if row["available"] == "partial" else f"bad: {row['shape']}"


def _compare_shape(dataset: Dataset) -> str:
    if dataset.name not in TASKS:
        return "as scikit-learn" if dataset.name in BUNDLED else "as simulated"
    task = TASKS[dataset.name]
    here = {
        "rows": len(dataset.X),
        "features": dataset.X.shape[1],
        "classes": len(dataset.y.cat.categories),
    }
    differences = [
        f"{count:,} of {getattr(task, what):,} {what}"
        for what, count in here.items()
        if count != getattr(task, what)
    ]
    return ", ".join(differences) or "as TabArena"


def _compare_checksum(name: str, data_dir: str | Path | None) -> str:
    local = find_local(name, data_dir) if name in TASKS else None
    expected = recorded_sha256(local) if local is not None else None
    if local is None or expected is None:
        return "none recorded"
    return "ok" if sha256_of(local) == expected else "differs"
