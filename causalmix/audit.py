"""Run recorded runs again and compare: does a study come out the same?

A sample of the recorded runs is made again in worker processes that share nothing with the study: its
synthetic rows are generated anew, not taken from the cache. What may differ is stated in `TOLERANCES`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalmix.atomic import write_atomically
from causalmix.environment import describe_environment
from causalmix.planning import ADVICE, find_absent
from causalmix.pool import run_in_processes
from causalmix.progress import make_progress
from causalmix.rows import run_rows, spec_of_row
from causalmix.seeding import derive_seed
from causalmix.specs import OWN_TABLE, RunSpec, SpecError
from causalmix.store import ResultStore, StoreError

AUDIT_FILE = "audit.json"
"""Name of the file in a study's folder: the last audit on each machine, the newest first."""

SCORES = ("test_auc", "zero_shot_auc", "val_auc", "test_log_loss", "zero_shot_log_loss")
"""What is compared."""

TOLERANCES: dict[str, float] = {"same place": 1e-9, "other versions": 0.01, "other device": 0.02}
"""Largest difference of any score that still counts as the same, by where the run was recorded.

*same place*: the same processor model, device and library versions: equal but for the last digits. *other
versions* (or another processor): floating-point sums differ, and fine-tuning can keep a neighbouring step.
*other device*: recorded on another kind of device (a GPU against a CPU).
"""


@dataclass(frozen=True)
class AuditedRun:
    """One recorded run and its repetition.

    Attributes
    ----------
    dataset, fold, arm, repeat, model, spec_hash
        The run.
    recorded_on : str
        A key of `TOLERANCES`: the recorded place seen from here.
    tolerance : float
    difference : float or None
        Largest absolute difference of any of `SCORES`; ``None`` where one of the two has no scores.
    verdict : {"equal", "within tolerance", "differs", "data changed"}
    note : str
        What differs, where something does.
    test_auc, test_auc_now : float or None
    seconds : float
        Wall-clock seconds of the repetition.
    """

    dataset: str
    fold: int
    arm: str
    repeat: int
    model: str
    spec_hash: str
    recorded_on: str
    tolerance: float
    difference: float | None
    verdict: str
    note: str
    test_auc: float | None
    test_auc_now: float | None
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether the recorded run came out again."""
        return self.verdict in ("equal", "within tolerance")


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

    The file holds the last audit on each machine, the newest first.

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
    """
    earlier = read_audits(store.root / AUDIT_FILE)
    drawn = draw_runs(runs_at_hand(store, data_dir), sample, seed)
    rows: dict[str, dict] = {str(row["spec_hash"]): row for row in drawn.to_dict("records")}
    specs = [spec_of_row(row) for row in rows.values()]
    audited = {}
    work = partial(_repeat, data_dir=data_dir, device=device)
    with make_progress([spec.dataset for spec in specs], "audit", progress) as bars:
        for outcome in run_in_processes(work, specs, workers):
            name = outcome.task.spec_hash
            again, seconds = outcome.value or ({"status": "failed", "reason": outcome.death}, 0.0)
            audited[name] = compare(rows[name], again, seconds)
            bars.advance(outcome.task.dataset, "" if audited[name].is_good else audited[name].note)
    runs = [audited[name] for name in rows]
    newest = describe_audit(store, runs, seed, device)
    kept = [audit for audit in earlier if _made_on(audit) != _made_on(newest)]
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
        _ = [_made_on(audit) for audit in audits]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} holds no audits ({error!r}): delete it and audit again") from error
    return audits


def _made_on(audit: Mapping[str, Any]) -> tuple[str, str]:
    """Return on which machine and device an audit was made."""
    return audit["environment"]["machine"], audit["environment"]["device"]


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


def compare(recorded: dict, again: dict, seconds: float = 0.0) -> AuditedRun:
    """Compare a recorded run with its repetition.

    Parameters
    ----------
    recorded, again : dict
        Rows of ``runs``; of the repetition ``status`` and ``reason`` are enough when it failed.
    seconds : float
        What the repetition took.
    """
    place = _place_of(recorded, again)
    tolerance = TOLERANCES[place]
    pairs = [(recorded.get(name), again.get(name)) for name in SCORES]
    gaps = [0.0 if _both_missing(a, b) else abs(_number(a) - _number(b)) for a, b in pairs]
    difference = max(gaps)
    verdict, note = "differs", ""
    if recorded["status"] != again["status"]:
        note = f"{recorded['status']} then, {again['status']} now: {again['reason'] or recorded['reason']}"
    elif recorded["status"] == "failed":
        same = recorded["reason"] == again["reason"]
        verdict, note = ("equal", "") if same else ("differs", f"it failed otherwise: {again['reason']}")
    elif again.get("data_fingerprint", "") != recorded["data_fingerprint"]:
        verdict, note = "data changed", "the table is not the one that was recorded"
    elif difference <= tolerance:
        verdict = "equal" if difference <= TOLERANCES["same place"] else "within tolerance"
    else:
        note = f"a score differs by {difference:.2g}, more than {tolerance:g}"
    names = ("dataset", "fold", "arm", "repeat", "model", "spec_hash")
    return AuditedRun(
        **{name: recorded[name] for name in names},
        recorded_on=place,
        tolerance=tolerance,
        difference=_finite(difference),
        verdict=verdict,
        note=note,
        test_auc=_finite(recorded.get("test_auc")),
        test_auc_now=_finite(again.get("test_auc")),
        seconds=round(seconds, 2),
    )


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
        "environment": describe_environment(device),
        "runs": [asdict(run) for run in runs],
    }


def _repeat(spec: RunSpec, data_dir: Path | None, device: str) -> tuple[dict, float]:
    """Make the run again, synthetic rows included; return its row of ``runs`` and the seconds it took."""
    from causalmix.engine import make_record

    start = time.monotonic()
    record = make_record(spec, data_dir=data_dir, device=device)
    (row,) = run_rows(record)
    return row, time.monotonic() - start


def _place_of(recorded: dict, again: dict) -> str:
    """Name the place of the recorded run as seen from here: a key of `TOLERANCES`."""
    then, now = (json.loads(row.get("environment") or "{}") for row in (recorded, again))
    if not now or then.get("device") != now.get("device"):
        return "other device"
    ours = {"causalmix"}  # its revision may differ: that is what is audited
    versions = [{k: v for k, v in (e.get("versions") or {}).items() if k not in ours} for e in (then, now)]
    same = then.get("machine") == now.get("machine") and versions[0] == versions[1]
    return "same place" if same else "other versions"


def _number(value: float | None) -> float:
    return math.inf if value is None or math.isnan(value) else float(value)


def _both_missing(a: float | None, b: float | None) -> bool:
    return math.isinf(_number(a)) and math.isinf(_number(b))


def _finite(value: float | None) -> float | None:
    return None if math.isinf(_number(value)) else float(_number(value))
