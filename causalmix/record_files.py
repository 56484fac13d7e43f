"""The file of one run: whole, unchanged and named for its run, or corrupt."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from causalmix.data.splits import Protocol
from causalmix.rows import StoreError
from causalmix.specs import RunRecord

FORMAT = 1
"""Version of the record files."""

PROTOCOL_VERSION = Protocol().version

_END = "complete"


class CorruptRecordError(StoreError):
    """A record file that is truncated, or was changed, copied or renamed."""


def encode_record(record: RunRecord) -> bytes:
    """Return the content of a record's file, with a checksum and an end mark."""
    body = record.to_dict()
    envelope = {"format": FORMAT, "record": body, "sha256": _digest(body), "end": _END}
    return (json.dumps(envelope, allow_nan=False) + "\n").encode()


def read_record(path: Path) -> RunRecord:
    """Return the record in a file.

    Raises
    ------
    CorruptRecordError
        When the file is truncated or was changed, or does not have the name of its run.
    StoreError
        When the run was made under another protocol version.
    """
    try:
        envelope = json.loads(path.read_text())
        body = envelope["record"]
        check_version(body["spec"]["protocol"]["version"], path)
        if envelope["end"] != _END or envelope["sha256"] != _digest(body):
            raise ValueError("its content does not match its checksum")
        record = RunRecord.from_dict(body)
        if path.stem != record.spec.spec_hash:
            raise ValueError(f"its name is not that of its run, {record.spec.spec_hash}")
        return record
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRecordError(f"{path} is corrupt ({error}): delete it and run again.") from error


def check_version(version: int, path: Path) -> None:
    """Refuse what was made under another protocol version.

    Raises
    ------
    StoreError
        Naming the file and both versions.
    """
    if version != PROTOCOL_VERSION:
        raise StoreError(
            f"{path} was made under protocol version {version}, this causalmix has {PROTOCOL_VERSION}: "
            "their runs must not be mixed. Use another --study, or the causalmix that wrote it."
        )


def _digest(body: dict) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
