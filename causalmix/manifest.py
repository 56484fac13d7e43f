"""The manifest of a study: what was planned, done, failed and is absent, by whom and from which data.

Everything but the absent runs follows from the tables, so the same runs give the same manifest.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from causalmix.specs import RunSpec


def manifest_bytes(
    root: Path, tables: dict[str, pd.DataFrame], absent: list[dict], record_format: int, protocol_version: int
) -> bytes:
    """Return ``manifest.json`` of the study in ``root``, whose tables have the names of ``rows.COLUMNS``."""
    runs = tables["runs"]
    known = runs.loc[runs["data_fingerprint"] != "", ["dataset", "data_fingerprint"]]
    manifest = {
        "study": root.name,
        "format": record_format,
        "protocol_version": protocol_version,
        "protocols": [json.loads(text) for text in sorted(set(runs["protocol"]))],
        "runs": {
            "planned": len(runs) + len(absent),
            "done": int((runs["status"] == "ok").sum()),
            "failed": int((runs["status"] == "failed").sum()),
            "absent": len(absent),
        },
        **{
            f"{name}s": _counts(runs[name])
            for name in ("suite", "dataset", "arm", "model", "preset", "revision")
        },
        "environments": [
            {"n_runs": n, **json.loads(text)} for text, n in _counts(runs["environment"]).items()
        ],
        "data_fingerprints": dict(sorted(known.values.tolist())),
        "files": {f"{name}.parquet": _describe(root / f"{name}.parquet") for name in tables},
        "store_hash": content_hash(tables),
        "absent": absent,
    }
    return encode_manifest(manifest)


def encode_manifest(manifest: dict) -> bytes:
    """Return the content of ``manifest.json``."""
    return (json.dumps(manifest, indent=1) + "\n").encode()


def check_manifest(manifest: object) -> dict:
    """Return what was read from a ``manifest.json`` if it has what a store reads of it.

    Raises
    ------
    ValueError
        When it has not; the message says what it lacks.
    """
    kinds = {"protocol_version": int, "runs": dict, "files": dict, "absent": list}
    found = manifest if isinstance(manifest, dict) else {}
    lacking = [name for name, kind in kinds.items() if not isinstance(found.get(name), kind)]
    if not lacking and not all(isinstance(cell, dict) and "spec_hash" in cell for cell in found["absent"]):
        lacking = ["spec_hash of each absent run"]
    if not lacking and not all(isinstance(told, dict) for told in found["files"].values()):
        lacking = ["a description of each file"]
    if lacking:
        raise ValueError(f"it is no manifest of a study, without {', '.join(lacking)}")
    return found


def content_hash(tables: dict[str, pd.DataFrame]) -> str:
    """Return 16 hex characters over the content of the tables, whatever files they came from."""
    digest = hashlib.sha256()
    for name in sorted(tables):
        digest.update(f"{name}\n{tables[name].to_csv(index=False)}".encode())
    return digest.hexdigest()[:16]


def absent_cell(spec: RunSpec) -> dict:
    """Return how the manifest names a planned run that is not there."""
    names = ("dataset", "fold", "arm", "preset", "synthetic_ratio", "model", "repeat", "spec_hash")
    return {name: getattr(spec, name) for name in names}


def still_absent(cells: Iterable[dict], runs: pd.DataFrame) -> list[dict]:
    """Return the cells whose run is not in ``runs``: each once, in canonical order."""
    there = set(runs["spec_hash"])
    absent = {cell["spec_hash"]: cell for cell in cells if cell["spec_hash"] not in there}
    return sorted(
        absent.values(), key=lambda cell: (cell["dataset"], cell["fold"], cell["arm"], cell["spec_hash"])
    )


def count_arms(runs: pd.DataFrame, absent: list[dict]) -> pd.DataFrame:
    """Return per arm ``planned, done, failed, missing``: its runs, and its cells in ``absent``."""
    arms = list(dict.fromkeys([*runs["arm"], *(cell["arm"] for cell in absent)]))
    status = {arm: runs.loc[runs["arm"] == arm, "status"] for arm in arms}
    frame = pd.DataFrame(
        {
            "done": [int((status[arm] == "ok").sum()) for arm in arms],
            "failed": [int((status[arm] == "failed").sum()) for arm in arms],
            "missing": [sum(cell["arm"] == arm for cell in absent) for arm in arms],
        },
        index=pd.Index(arms, name="arm"),
    )
    frame.insert(0, "planned", frame.sum(axis=1))
    return frame


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(value): int(n) for value, n in sorted(column.value_counts().items())}


def _describe(path: Path) -> dict:
    """Checksum and rows of a Parquet file as it is; empty while it is not written yet."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    n_rows = pq.read_metadata(io.BytesIO(content)).num_rows
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "rows": n_rows}
