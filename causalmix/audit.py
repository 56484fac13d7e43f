"""Run recorded runs again and compare: does a study come out the same?

A sample of the recorded runs is made again in worker processes that share nothing with the study: its
synthetic rows are generated anew, not taken from the cache. `causalmix.audit_compare` says what is compared.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalmix.atomic import check_writable, write_atomically
from causalmix.audit_compare import COMPARED_CURVES, COUNTS, SCORES, TOLERANCES, AuditedRun, compare
from causalmix.environment import describe_environment
from causalmix.planning import ADVICE, find_absent
from causalmix.pool import run_in_processes
from causalmix.progress import make_progress
from causalmix.rows import GRAPH_STATISTICS, graph_rows, run_rows, spec_of_row, trajectory_rows
from causalmix.seeding import derive_seed
from causalmix.specs import OWN_TABLE, RunSpec, SpecError
from causalmix.store import ResultStore, StoreError

AUDIT_FILE = "audit.json"
"""Name of the file in a study's folder: its audits, the newest first."""

_Repetition = tuple[dict, list[dict], list[dict], float]
"""A run's row of ``runs``, its rows of ``trajectories`` and of ``graphs``, and the seconds that it took."""


def run_audit(
    store: ResultStore,
    sample: int,
    *,
    seed: int = 0,
    workers: int = 1,
    data_dir: Path | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> list[AuditedRun]:
    """Run a sample of a study's recorded runs again, compare, and note it in ``audit.json`` in its folder.

    The file holds all audits, the newest first: only the same sample of the same runs, made again on the same
    machine, takes the place of an earlier audit.

    Parameters
    ----------
    store : ResultStore
    sample : int
        How many runs; all of those whose tables can be had here when there are fewer.
    seed : int
        Chooses the sample.
    workers : int
        Processes at once, each with one thread.
    data_dir, device, progress
        As in `causalmix.engine.run_all`.

    Raises
    ------
    StoreError
        When the study holds no run whose table can be had here, or its ``audit.json`` cannot be read.
    SpecError
        For a sample of less than one run.
    OSError
        When ``audit.json`` cannot be written; that is found out before a run is made again.
    """
    check_writable(store.root / AUDIT_FILE)
    earlier = read_audits(store.root / AUDIT_FILE)
    drawn = draw_runs(runs_at_hand(store, data_dir), sample, seed)
    rows: dict[str, dict] = {str(row["spec_hash"]): row for row in drawn.to_dict("records")}
    specs = _specs_of(store, rows.values())
    tables = store.trajectories().sort_values("step"), store.graphs().sort_values("dag")
    audited = {}
    work = partial(_repeat, data_dir=data_dir, device=device)
    with make_progress([spec.dataset for spec in specs], "audit", progress) as bars:
        for outcome in run_in_processes(work, specs, workers):
            name = outcome.task.spec_hash
            died: _Repetition = ({"status": "failed", "reason": outcome.death}, [], [], 0.0)
            again, *now, seconds = outcome.value or died
            then = [table[table["spec_hash"] == name].to_dict("records") for table in tables]
            curves, graphs = zip(then, now, strict=True)
            audited[name] = compare(rows[name], again, curves, graphs, seconds)
            bars.advance(outcome.task.dataset, "" if audited[name].is_good else audited[name].note)
    runs = [audited[name] for name in rows]
    newest = describe_audit(store, runs, seed, device)
    kept = [audit for audit in earlier if _identity(audit) != _identity(newest)]
    report = json.dumps([newest, *kept], indent=1, allow_nan=False) + "\n"
    write_atomically(store.root / AUDIT_FILE, report.encode())
    return runs


def read_audits(path: Path) -> list[dict]:
    """Return the audits that a file holds, the newest first; none where there is no file.

    Raises
    ------
    StoreError
        If it is no list of audits.
    """
    if not path.is_file():
        return []
    try:
        audits = list(json.loads(path.read_text(encoding="utf-8")))
        _ = [_identity(audit) for audit in audits]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} holds no audits ({error!r}): delete it and audit again") from error
    return audits


def _identity(audit: Mapping[str, Any]) -> tuple:
    """Return which runs of which state of the study an audit made again, and on which machine and device."""
    place = audit["environment"]["machine"], audit["environment"]["device"]
    return *place, audit["store_hash"], {run["spec_hash"] for run in audit["runs"]}


def runs_at_hand(store: ResultStore, data_dir: Path | None) -> pd.DataFrame:
    """Return the rows of ``runs`` whose tables can be had here.

    Raises
    ------
    StoreError
        When there is none.
    """
    runs = store.runs()
    own = runs["suite"] == OWN_TABLE
    absent = set(find_absent(runs.loc[~own, "dataset"], data_dir))
    absent |= {name for name in runs.loc[own, "dataset"] if not (Path(data_dir or ".") / name).is_file()}
    here = runs[~runs["dataset"].isin(absent)]
    if here.empty:
        lacking = f"; absent: {', '.join(sorted(absent))}; {ADVICE}" if absent else ""
        raise StoreError(f"{store.root} holds no run that can be made again here{lacking}")
    return here


def draw_runs(runs: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """Draw n runs at random, as evenly over the arms as possible.

    Raises
    ------
    SpecError
        When n is less than one.

    Examples
    --------
    >>> runs = pd.DataFrame({"arm": ["a"] * 8 + ["b"] * 2, "spec_hash": list("0123456789")})
    >>> sorted(draw_runs(runs, 4, seed=0)["arm"])
    ['a', 'a', 'b', 'b']
    """
    if n < 1:
        raise SpecError(f"a sample of {n} runs audits nothing: draw at least 1")
    rng = np.random.default_rng(derive_seed("audit", seed))
    shuffled = runs.sort_values("spec_hash").iloc[rng.permutation(len(runs))]
    turn = shuffled.groupby("arm").cumcount()
    return shuffled.iloc[np.argsort(turn.to_numpy(), kind="stable")[:n]]


def describe_audit(store: ResultStore, runs: Sequence[AuditedRun], seed: int, device: str) -> dict:
    """Return what ``audit.json`` says of this audit: counts by verdict, tolerances, where, every run."""
    return {
        "study": store.root.name,
        "store_hash": store.hash,
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "seed": seed,
        "n_recorded": len(store.runs()),
        "n_audited": len(runs),
        "verdicts": {
            name: sum(run.verdict == name for run in runs)
            for name in ("equal", "within tolerance", "differs", "data changed")
        },
        "tolerances": TOLERANCES,
        "compared": {
            "scores": SCORES,
            "curves": COMPARED_CURVES,
            "counts": COUNTS,
            "graphs": GRAPH_STATISTICS,
        },
        "environment": describe_environment(device),
        "runs": [asdict(run) for run in runs],
    }


def _specs_of(store: ResultStore, rows: Iterable[Mapping[str, Any]]) -> list[RunSpec]:
    """Return what the rows of a store were made from; one that was changed is named with its study."""
    try:
        return [spec_of_row(row) for row in rows]
    except StoreError as error:
        raise StoreError(f"{store.root}: {error}") from error


def _repeat(spec: RunSpec, data_dir: Path | None, device: str) -> _Repetition:
    """Make the run again, synthetic rows included; return its rows of the store and the seconds it took."""
    from causalmix.engine import make_record

    start = time.monotonic()
    record = make_record(spec, data_dir=data_dir, device=device)
    (row,) = run_rows(record)
    return row, trajectory_rows(record), graph_rows(record), time.monotonic() - start
