"""Synthetic rows on disk: made once, shared by models, ratios and repeats of a study."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd

from causalmix.atomic import write_atomically
from causalmix.causal.dags import GraphStatistics

ROWS_VERSION = 2
"""Raise this when a change of the code changes the rows that a generator makes from the same key."""


@dataclass(frozen=True)
class SyntheticKey:
    """Everything that decides what the synthetic rows of one training table are.

    Parameters
    ----------
    dataset, fingerprint : str
        Name and fingerprint of the dataset. Its split is drawn from the name: the same table under another
        name has other training rows.
    fold, repeat : int
        The split of the dataset.
    generator : str
        Name of the generator.
    params : mapping
        Its keyword arguments.
    n_rows : int
        Number of synthetic rows.
    seed : int
        Seed given to `Generator.fit`.
    protocol : dataclass or mapping
        The split protocol (sizes of the training part and so on).
    """

    dataset: str
    fingerprint: str
    fold: int
    repeat: int
    generator: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    n_rows: int = 0
    seed: int = 0
    protocol: Any = field(default=None, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict, `ROWS_VERSION` included."""
        values = {item.name: _json_ready(getattr(self, item.name)) for item in fields(self)}
        return values | {"rows_version": ROWS_VERSION}

    @property
    def name(self) -> str:
        """File name without suffix: 24 hex characters of the SHA-256 of the canonical JSON."""
        canonical = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return f"{self.generator}-{hashlib.sha256(canonical.encode()).hexdigest()[:24]}"


@dataclass(frozen=True)
class SyntheticTable:
    """Synthetic rows and how they came to be.

    Parameters
    ----------
    rows : DataFrame, shape (n_rows, d)
        Canonical frame, target column included.
    graphs : tuple of GraphStatistics
        One per DAG used.
    seconds : float
        Wall-clock seconds of fitting and sampling.
    metadata : dict
        JSON-ready metadata of the generator.
    """

    rows: pd.DataFrame = field(repr=False)
    graphs: tuple[GraphStatistics, ...] = ()
    seconds: float = float("nan")
    metadata: dict[str, Any] = field(default_factory=dict)


class SyntheticCache:
    """A folder of synthetic tables: per table the rows (Parquet) and a description (JSON).

    The description is written last and holds the digest of the rows: without it, or with another digest, the
    table does not exist. Both files are written atomically, so processes may share a folder.

    Parameters
    ----------
    root : path
        The folder; made when first written to.

    Examples
    --------
    >>> import tempfile
    >>> cache, key = SyntheticCache(tempfile.mkdtemp()), SyntheticKey("wine", "abc", 0, 0, "causal")
    >>> cache.get(key) is None
    True
    >>> cache.put(key, SyntheticTable(pd.DataFrame({"a": [1.0, 2.0]})))
    >>> cache.get(key).rows["a"].tolist()
    [1.0, 2.0]
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def get(self, key: SyntheticKey) -> SyntheticTable | None:
        """Return the table of `key`, or None where there is none.

        A damaged table counts as absent: it is removed with a warning, and made anew by the caller. Raises an
        OSError as `put` does when it cannot be removed.
        """
        rows_path, description_path = self._paths(key)
        if not description_path.exists():
            return None
        try:
            return _read(key, rows_path, description_path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            warnings.warn(
                f"cached synthetic rows {rows_path} are damaged ({error}); they will be made again",
                stacklevel=2,
            )
            with _explained_faults(description_path):
                description_path.unlink(missing_ok=True)
            return None

    def put(self, key: SyntheticKey, table: SyntheticTable) -> None:
        """Store a table; the rows first, then the description that makes it exist.

        Raises
        ------
        OSError
            When the folder cannot be written to; the message names it and the cure.
        """
        rows_path, description_path = self._paths(key)
        buffer = io.BytesIO()
        table.rows.to_parquet(buffer, index=False)
        content = buffer.getvalue()
        description = {
            "key": key.to_dict(),
            "graphs": [_nan_to_none(graph.to_dict()) for graph in table.graphs],
            "seconds": table.seconds,
            "metadata": table.metadata,
            "rows_sha256": hashlib.sha256(content).hexdigest(),
        }
        with _explained_faults(rows_path):
            write_atomically(rows_path, content)
            write_atomically(description_path, json.dumps(description, indent=1, sort_keys=True).encode())

    def _paths(self, key: SyntheticKey) -> tuple[Path, Path]:
        folder = self.root / key.fingerprint
        return folder / f"{key.name}.parquet", folder / f"{key.name}.json"


@contextlib.contextmanager
def _explained_faults(path: Path) -> Iterator[None]:
    """Say of an error of the file system what became of the cache, and what to do about it."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"cannot write the synthetic rows {path}: {error.strerror or error}. Make room, correct the "
            "folder's rights or name another one by --cache, then start the same command again: finished "
            "runs are kept."
        ) from error


def _read(key: SyntheticKey, rows_path: Path, description_path: Path) -> SyntheticTable:
    """Read and check one table; any damage raises."""
    description = json.loads(description_path.read_text())
    content = rows_path.read_bytes()
    if hashlib.sha256(content).hexdigest() != description["rows_sha256"]:
        raise ValueError("the digest of the rows is not the recorded one")
    if description["key"] != json.loads(json.dumps(key.to_dict())):
        raise ValueError("it belongs to another key")
    return SyntheticTable(
        rows=pd.read_parquet(io.BytesIO(content)),
        graphs=tuple(GraphStatistics(**_none_to_nan(graph)) for graph in description["graphs"]),
        seconds=description["seconds"],
        metadata=description["metadata"],
    )


def _nan_to_none(values: dict[str, float]) -> dict[str, float | None]:
    return {name: None if value != value else value for name, value in values.items()}


def _none_to_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {name: float("nan") if value is None else value for name, value in values.items()}


def _json_ready(value: Any) -> Any:
    """Replace dataclasses, tuples, graphs and NumPy scalars by what JSON knows."""
    if isinstance(value, nx.Graph):
        edges = sorted([str(a), str(b)] for a, b in value.edges)
        return {"nodes": sorted(map(str, value.nodes)), "edges": edges}
    if is_dataclass(value) and not isinstance(value, type):
        return _json_ready(asdict(value))
    if isinstance(value, Mapping):
        return {str(k): _json_ready(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(v) for v in value]
    return value.item() if hasattr(value, "item") else value
