"""The published files of a study: unchanged since they were consolidated, and complete."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from causalmix.rows import COLUMNS, RESTORE, StoreError, read_parquet

Files = Mapping[str, Mapping]
"""What a manifest holds under ``files``: of each Parquet file its checksum, and perhaps the next one."""


def check_published(root: Path, read_described: Callable[[], Files], whole: bool) -> None:
    """Refuse Parquet files that were changed after the study was consolidated, or that lost runs.

    Parameters
    ----------
    root : Path
        Folder of the study.
    read_described : callable
        Reads what the manifest says of the files; empty without a manifest.
    whole : bool
        Look for lost rows even where the manifest vouches for all three files.

    Raises
    ------
    StoreError
        Naming the file, and the cure.
    """
    described = read_described()
    if _changed(root, described):  # perhaps another process is consolidating: look again
        described = read_described()
    if changed := _changed(root, described):
        raise StoreError(
            f"{root / changed[0]} is damaged or was changed after the study was consolidated: manifest.json "
            f"has another checksum. {RESTORE}"
        )
    vouched = all(
        described.get(f"{name}.parquet") and (root / f"{name}.parquet").exists() for name in COLUMNS
    )
    if whole or not vouched:
        _check_complete(root)


def announce(files: Files, content: Mapping[str, bytes]) -> dict[str, dict]:
    """Return ``files`` with the checksums that they get when ``content`` is written, by name of the table.

    A process that dies between the first and the last of them leaves files that the manifest knows.
    """
    coming = {f"{name}.parquet": {"next": hashlib.sha256(data).hexdigest()} for name, data in content.items()}
    return {name: {**files.get(name, {}), **coming.get(name, {})} for name in {**files, **coming}}


def _changed(root: Path, described: Files) -> list[str]:
    """Return which files are not as the manifest describes them or announces them."""
    return [
        name
        for name, told in described.items()
        if told
        and (root / name).exists()
        and hashlib.sha256((root / name).read_bytes()).hexdigest()
        not in (told.get("sha256"), told.get("next"))
    ]


def _check_complete(root: Path) -> None:
    """Refuse Parquet files of which one lacks runs of another; those that have a record need none.

    Raises
    ------
    StoreError
        Naming the file and the first run.
    """
    paths = {name: root / f"{name}.parquet" for name in COLUMNS}
    if not any(path.exists() for path in paths.values()):
        return
    runs = _read(paths["runs"], ["spec_hash", "status", "n_dags"])
    steps, dags = (_read(paths[name], ["spec_hash"])["spec_hash"] for name in ("trajectories", "graphs"))
    n_dags = runs["spec_hash"].map(dags.value_counts()).fillna(0)
    others = pd.concat([steps, dags]).drop_duplicates()
    lacking = {
        "trajectories": runs.loc[(runs["status"] == "ok") & ~runs["spec_hash"].isin(steps), "spec_hash"],
        "graphs": runs.loc[n_dags != runs["n_dags"], "spec_hash"],
        "runs": others[~others.isin(runs["spec_hash"])],
    }
    recorded = {
        path.stem for path in (root / "records").glob("*.json")
    }  # listed after reading: they come first
    for name, hashes in lacking.items():
        lost = sorted(set(hashes) - recorded)
        if lost:
            how = "lacks rows" if paths[name].exists() else "is lost, with the rows"
            holder = "the other files hold" if name == "runs" else "runs.parquet holds"
            raise StoreError(
                f"{root} is damaged: {name}.parquet {how} of {len(lost)} runs that {holder}, the first of "
                f"them {lost[0]}. {RESTORE}"
            )


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    return read_parquet(path, columns) if path.exists() else pd.DataFrame(columns=columns)
