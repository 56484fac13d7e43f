"""Read a TabArena table: from a local folder, else from the on-disk cache, else from OpenML."""

from __future__ import annotations

import hashlib
import json
import socket
import warnings
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

from causalmix.atomic import locked, write_atomically
from causalmix.data.column_notes import note_labels
from causalmix.data.csv_files import check_labels
from causalmix.data.files import FILE_TYPES, UnreadableError, is_csv, read_file
from causalmix.data.gate import DataError, Dataset, make_dataset
from causalmix.data.tabarena_tasks import TASKS, Task

SUBFOLDERS = ("tabarena", "tabarena_partial")
OPENML_HOST = ("www.openml.org", 443)


def default_cache_dir() -> Path:
    """Where tables from OpenML are kept: ``~/.cache/causalmix``."""
    return Path.home() / ".cache" / "causalmix"


def load_tabarena(
    name: str, data_dir: str | Path | None = None, cache_dir: str | Path | None = None
) -> Dataset:
    """Load one TabArena table through the gate.

    Parameters
    ----------
    name
        One of `TASKS`.
    data_dir
        A folder of ``NAME.parquet`` or ``NAME.csv``, directly or in its subfolders ``tabarena`` and
        ``tabarena_partial`` (or in a sibling ``tabarena_partial``). Looked at first.
    cache_dir
        Where tables fetched from OpenML are kept, by default `default_cache_dir`.

    Raises
    ------
    DataError
        When a file is not the table that it is named after. An `UnreadableError` when nothing is known of
        the table: the folder does not exist, a file cannot be read, a cached file has changed, or OpenML
        cannot be reached.
    """
    task = TASKS[name]
    local = find_local(name, data_dir)
    if local is not None:
        table = read_file(local)
        if is_csv(local) and task.target in table:
            check_labels(local, table, task.target)
        return _pass_gate(task, table, str(local))
    cached = read_cache(task, cache_dir)
    if cached is not None:
        return _pass_gate(task, cached, "the cache")
    with locked(cache_paths(task, cache_dir)[0].with_suffix(".lock")):
        cached = read_cache(task, cache_dir)  # while this process waited another may have fetched it
        table = fetch_table(task, cache_dir) if cached is None else cached
    return _pass_gate(task, table, "OpenML")


def find_local(name: str, data_dir: str | Path | None) -> Path | None:
    """The file of a table in a local folder, or None."""
    if data_dir is None:
        return None
    folder = Path(data_dir)
    if not folder.is_dir():
        fault = "is a file, not a folder" if folder.exists() else "does not exist"
        raise UnreadableError(
            f"the data folder {folder} {fault}; give a folder of NAME.parquet or NAME.csv files"
        )
    places = [folder, *(folder / sub for sub in SUBFOLDERS)]
    if folder.name == SUBFOLDERS[0]:
        places.append(folder.parent / SUBFOLDERS[1])
    files = (place / f"{name}{ending}" for place in places for ending in FILE_TYPES)
    return next((file for file in files if file.is_file()), None)


def _pass_gate(task: Task, table: pd.DataFrame, source: str) -> Dataset:
    """Refuse what is not TabArena's table, note what differs from it, and pass the gate."""
    wrong = "it is not TabArena's table, replace the file"
    if task.target not in table:
        raise DataError(
            f"{task.name} from {source} has no column {task.target!r}, TabArena's target; {wrong}"
        )
    X, restored = _restore_missing_levels(table.drop(columns=task.target))
    if X.shape[1] != task.features:
        raise DataError(
            f"{task.name} from {source} has {X.shape[1]:,} features, TabArena has {task.features:,}; {wrong}"
        )
    notes = list(note_labels(table[task.target]))
    if len(X) < task.rows:
        notes.append(f"partial: {len(X):,} of {task.rows:,} rows")
    elif len(X) > task.rows:
        notes.append(f"{len(X):,} rows, TabArena has {task.rows:,}")
    if restored:
        notes.append(f"the level 'nan' is read as missing in {len(restored)} columns: {', '.join(restored)}")
    dataset = make_dataset(task.name, X, table[task.target], notes=notes)
    classes = len(dataset.y.cat.categories)
    if classes != task.classes:
        raise DataError(
            f"{task.name} from {source} has {classes} classes, TabArena has {task.classes}; {wrong}"
        )
    return dataset


def _restore_missing_levels(X: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Turn the literal category 'nan', an artefact of a CSV round trip, into missing values."""
    restored = [
        str(column)
        for column in X
        if isinstance(X[column].dtype, pd.CategoricalDtype) and "nan" in X[column].cat.categories
    ]
    clean = X.copy()
    for column in restored:
        clean[column] = clean[column].cat.remove_categories("nan")
    return clean, restored


def cache_paths(task: Task, cache_dir: str | Path | None) -> tuple[Path, Path]:
    """The cached Parquet file of a table and the JSON beside it that holds its checksum."""
    folder = Path(cache_dir) if cache_dir is not None else default_cache_dir()
    return folder / f"{task.name}.parquet", folder / f"{task.name}.json"


def read_cache(task: Task, cache_dir: str | Path | None) -> pd.DataFrame | None:
    """The cached table after its sha256 has been verified; None where nothing is cached.

    Raises
    ------
    DataError
        When the cached file differs from what was written.
    """
    table_path, record_path = cache_paths(task, cache_dir)
    if not (table_path.is_file() and record_path.is_file()):
        return None
    try:
        expected = str(json.loads(record_path.read_text())["sha256"])
    except (ValueError, KeyError, TypeError):
        expected = "unreadable"
    if sha256_of(table_path) != expected:
        raise UnreadableError(
            f"the cached table {table_path} has changed since it was fetched (checksum {expected[:12]} "
            f"expected); delete it and {record_path.name}, it is then fetched again"
        )
    return pd.read_parquet(table_path)


def fetch_table(task: Task, cache_dir: str | Path | None) -> pd.DataFrame:
    """Fetch a table from OpenML (scikit-learn verifies OpenML's md5) and cache it with its sha256."""
    from sklearn.datasets import fetch_openml  # slow to import

    table_path, record_path = cache_paths(task, cache_dir)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error occurred")  # the error below says it
            bunch = fetch_openml(
                data_id=task.openml_dataset,
                target_column=task.target,
                as_frame=True,
                cache=False,
                n_retries=1,
                parser="auto",
            )
    except (OSError, ValueError) as error:
        kind = UnreadableError if isinstance(error, OSError) else DataError
        raise kind(
            f"{task.name} (OpenML dataset {task.openml_dataset}) is not here and OpenML did not give it "
            f"({type(error).__name__}: {error}); connect to the internet, or name a folder that holds "
            f"{task.name}.parquet with --data or CAUSALMIX_DATA"
        ) from error
    table = bunch.frame
    content = table.to_parquet()
    sha256 = hashlib.sha256(content).hexdigest()
    record = {"sha256": sha256, "openml_dataset": task.openml_dataset, "rows": len(table)}
    record_path.unlink(missing_ok=True)  # it may be of another file; without it nothing is cached
    write_atomically(table_path, content)
    write_atomically(record_path, json.dumps(record, indent=1).encode())
    return table


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def recorded_sha256(path: Path) -> str | None:
    """What a ``provenance.csv`` in a local folder (columns name, parquet_sha256) says of one of its files."""
    for folder in (path.parent, path.parent.parent):
        record = folder / "provenance.csv"
        if record.is_file():
            table = pd.read_csv(record, dtype=str)
            if {"name", "parquet_sha256"} <= set(table.columns):
                found = table.loc[table["name"] == path.stem, "parquet_sha256"].dropna()
                return None if found.empty or path.suffix != ".parquet" else str(found.iloc[0])
    return None


def openml_is_reachable(timeout: float = 2.0) -> bool:
    """Whether a connection to OpenML, or to the proxy on the way to it, opens within `timeout` seconds."""
    try:
        with socket.create_connection(_next_host(), timeout=timeout):
            return True
    except (OSError, ValueError):  # the latter: a proxy that is no address
        return False


def _next_host() -> tuple[str, int]:
    """Host and port that a download from OpenML connects to, with the proxy that urllib takes."""
    from urllib.request import getproxies, proxy_bypass  # slow to import

    host, port = OPENML_HOST
    proxy = None if proxy_bypass(host) else getproxies().get("https")
    if not proxy:
        return host, port
    address = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return address.hostname or "", address.port or port
