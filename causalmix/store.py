"""The run store: one atomic JSON record per run, consolidated into three Parquet files and a manifest.

``results/<study>/records/`` holds single runs; ``runs.parquet``, ``trajectories.parquet``, ``graphs.parquet``
and ``manifest.json`` are published. A store is the union of both. Free of torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from causalmix.atomic import locked, remove_leftovers, write_atomically
from causalmix.manifest import (
    absent_cell,
    check_manifest,
    content_hash,
    count_arms,
    encode_manifest,
    manifest_bytes,
    still_absent,
)
from causalmix.published import announce, check_published
from causalmix.record_files import (
    FORMAT,
    PROTOCOL_VERSION,
    CorruptRecordError,
    check_version,
    encode_record,
    read_record,
)
from causalmix.rows import COLUMNS, ROWS, StoreError, order_frame, read_parquet, to_frame, to_parquet
from causalmix.sameness import check_tables, check_weights
from causalmix.specs import RunRecord, RunSpec

_SHOWN = 5


class ResultStore:
    """The runs of one study.

    Parameters
    ----------
    root : path
        ``results/<study>``; made by the first `write`.

    Raises
    ------
    StoreError
        When the study was made under another protocol version, its manifest cannot be read, or a published
        file was changed or lost.

    Examples
    --------
    >>> import tempfile
    >>> store = ResultStore(Path(tempfile.mkdtemp()) / "demo")
    >>> store.has(RunSpec("demo", "bundled", "iris", fold=0, arm="default")), len(store.runs())
    (False, 0)
    """

    def __init__(self, root: str | os.PathLike) -> None:
        self.root = Path(root)
        self.records = self.root / "records"
        if (self.root / "manifest.json").exists():
            check_version(self.manifest()["protocol_version"], self.root / "manifest.json")
        check_published(self.root, self._described, whole=False)

    # Single runs

    def has(self, spec: RunSpec) -> bool:
        """Return whether the run is in the store. A truncated or corrupt record is not: it is run again."""
        return not self.missing([spec])

    def missing(self, specs: Iterable[RunSpec]) -> list[RunSpec]:
        """Return those of ``specs`` that the store does not hold, in their order."""
        published = self._published()
        return [spec for spec in specs if not self._holds(spec.spec_hash, published)]

    def write(self, record: RunRecord) -> Path:
        """Write one record, whole or not at all, and return its path.

        It replaces the record of the same run that is there; but a failed one is not written where the run
        is there without an error, recorded or published: a corrupt record in front of the published run is
        removed then. Of two writers of the same run the last that finished it wins.

        Raises
        ------
        StoreError
            When the file cannot be written (a full disk, say) or the record has another protocol version.
        """
        path = self._record_path(record.spec.spec_hash)
        check_version(record.spec.protocol.version, path)
        try:
            with locked(self.root / "store.lock"):  # nobody finishes the run between the look and the writing
                if record.status == "failed" and self._is_finished(record.spec.spec_hash):
                    if path.exists() and not self._is_whole(path):
                        path.unlink()
                    return path
                return write_atomically(path, encode_record(record))
        except OSError as error:
            raise StoreError(
                f"cannot write {path}: {error.strerror or error}. Make room or correct the folder's rights, "
                "then start the same command again: finished runs are kept."
            ) from error

    def corrupt(self) -> list[Path]:
        """Return the record files that cannot be read: truncated, changed, copied or renamed afterwards."""
        return [path for path in self._record_files() if not self._is_whole(path)]

    # Tables

    def runs(self, skip_corrupt: bool = False) -> pd.DataFrame:
        """Return one row per run, ordered (``rows.COLUMNS``); a corrupt record raises or is skipped."""
        return self._table("runs", list(self._read_all(skip_corrupt)))

    def trajectories(self) -> pd.DataFrame:
        """Return one row per run and evaluation step."""
        return self._table("trajectories", list(self._read_all()))

    def graphs(self) -> pd.DataFrame:
        """Return one row per run and DAG that it used."""
        return self._table("graphs", list(self._read_all()))

    @property
    def hash(self) -> str:
        """16 hex characters over the content of all tables, consolidated or not."""
        records = list(self._read_all())
        return content_hash({name: self._table(name, records) for name in COLUMNS})

    def check_dense(self, specs: Iterable[RunSpec]) -> None:
        """Refuse to go on when a run is missing, or a table or a model's weights changed between runs.

        Raises
        ------
        StoreError
            Naming the missing cells, or as `check_versions` does.
        """
        specs, runs = list(specs), self.runs()
        there = set(runs["spec_hash"])
        missing = [spec for spec in specs if spec.spec_hash not in there]
        if missing:
            shown = "; ".join(str(spec) for spec in missing[:_SHOWN])
            more = f"; and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise StoreError(
                f"{self.root} lacks {len(missing)} of {len(specs)} runs: {shown}{more}. "
                "the `causalmix run` that began the study adds what is missing."
            )
        self.check_versions(runs)

    def check_versions(self, runs: pd.DataFrame) -> None:
        """Refuse runs that were made on different versions of a table, or of a model's weights.

        Raises
        ------
        StoreError
            Naming the table that has more than one fingerprint, or the model and the fold that it scores
            otherwise, and the cure.
        """
        check_tables(self.root, runs, self._published())
        check_weights(self.root, runs)

    # Consolidation

    def plan(self, specs: Iterable[RunSpec]) -> None:
        """Note in the manifest that these runs belong to the study; absent and corrupt ones are counted."""
        with locked(self.root / "store.lock"):
            check_published(self.root, self._described, whole=True)
            self._write_manifest(list(self._read_all(skip_corrupt=True)), specs)

    def consolidate(self) -> Path:
        """Write the Parquet files and the manifest; return the manifest's path.

        The same runs give the same bytes, in whatever order they were made, and whether they come from
        records or from earlier Parquet files. Records stay where they are.

        Raises
        ------
        StoreError
            When a record is corrupt, a published file was changed or lost, a table or a model's weights
            changed between runs, or a file cannot be written.
        """
        with locked(self.root / "store.lock"):
            check_published(self.root, self._described, whole=True)
            records = list(self._read_all())
            self.check_versions(self._table("runs", records))
            content = {name: to_parquet(name, self._table(name, records)) for name in COLUMNS}
            try:
                self._announce(content)
                for name, data in content.items():
                    write_atomically(self.root / f"{name}.parquet", data)
            except OSError as error:
                raise StoreError(f"cannot write {self.root}: {error}. The records are kept.") from error
            for folder in (self.root, self.records):
                remove_leftovers(folder)
            return self._write_manifest(records, ())

    def manifest(self) -> dict:
        """Return the manifest of the study.

        Raises
        ------
        StoreError
            When there is none, or it cannot be read.
        """
        path = self.root / "manifest.json"
        try:
            return check_manifest(json.loads(path.read_text()))
        except FileNotFoundError as error:
            raise StoreError(f"{path} does not exist: `causalmix run` makes it.") from error
        except ValueError as error:
            raise StoreError(f"{path} is corrupt ({error}): delete it and run again.") from error

    def absent(self) -> list[dict]:
        """Return the planned runs that are not there, as the manifest names them."""
        return self.manifest()["absent"] if (self.root / "manifest.json").exists() else []

    def counts(self) -> pd.DataFrame:
        """Return per arm ``planned, done, failed, missing``; corrupt records count as missing."""
        runs = self.runs(skip_corrupt=True)
        return count_arms(runs, still_absent(self.absent(), runs))

    def _described(self) -> dict[str, dict]:
        """Return what the manifest says of the Parquet files; nothing where there is none."""
        return self.manifest()["files"] if (self.root / "manifest.json").exists() else {}

    def _announce(self, content: dict[str, bytes]) -> None:
        """Note in a manifest that is there which Parquet files are about to be written."""
        path = self.root / "manifest.json"
        if path.exists():
            manifest = self.manifest()
            files = announce(manifest["files"], content)
            write_atomically(path, encode_manifest({**manifest, "files": files}))

    def _write_manifest(self, records: list[RunRecord], planned: Iterable[RunSpec]) -> Path:
        tables = {name: self._table(name, records) for name in COLUMNS}
        absent = still_absent([*self.absent(), *map(absent_cell, planned)], tables["runs"])
        path = self.root / "manifest.json"
        return write_atomically(path, manifest_bytes(self.root, tables, absent, FORMAT, PROTOCOL_VERSION))

    def _table(self, name: str, records: list[RunRecord]) -> pd.DataFrame:
        """Union of the Parquet file and the records; a record wins over the row of the same run."""
        frames = [to_frame(name, (row for record in records for row in ROWS[name](record)))]
        path = self.root / f"{name}.parquet"
        if path.exists():
            kept = read_parquet(path)
            frames.append(kept[~kept["spec_hash"].isin({record.spec.spec_hash for record in records})])
        filled = [frame for frame in frames if len(frame)]
        try:
            return order_frame(name, pd.concat(filled, ignore_index=True)) if filled else frames[0]
        except StoreError as error:
            raise StoreError(f"{self.root}: {error}") from error

    def _published(self) -> dict[str, str]:
        """Return the status of each run in the Parquet file, by its hash."""
        path = self.root / "runs.parquet"
        if not path.exists():
            return {}
        runs = read_parquet(path, ["spec_hash", "status"])
        return dict(zip(runs["spec_hash"], runs["status"], strict=True))

    def _holds(self, spec_hash: str, published: dict[str, str]) -> bool:
        path = self._record_path(spec_hash)
        return self._is_whole(path) if path.exists() else spec_hash in published

    def _is_finished(self, spec_hash: str) -> bool:
        """Whether the run is there without an error."""
        path = self._record_path(spec_hash)
        if path.exists() and self._is_whole(path):
            return read_record(path).status == "ok"
        return self._published().get(spec_hash) == "ok"

    def _record_path(self, spec_hash: str) -> Path:
        return self.records / f"{spec_hash}.json"

    def _record_files(self) -> list[Path]:
        return sorted(path for path in self.records.glob("*.json") if not path.name.startswith("."))

    def _read_all(self, skip_corrupt: bool = False) -> Iterator[RunRecord]:
        for path in self._record_files():
            try:
                yield read_record(path)
            except CorruptRecordError:
                if not skip_corrupt:
                    raise

    def _is_whole(self, path: Path) -> bool:
        try:
            read_record(path)
        except CorruptRecordError:
            return False
        return True
