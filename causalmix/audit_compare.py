"""A recorded run beside its repetition: what is compared, how far it may differ, and what comes of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from causalmix.rows import GRAPH_STATISTICS

SCORES = ("test_auc", "zero_shot_auc", "val_auc", "test_log_loss", "zero_shot_log_loss")
"""What is compared of a run: its scores before training and at the selected step."""

COMPARED_CURVES = ("val_log_loss", "val_auc", "test_log_loss", "test_auc")
"""What is compared at every evaluation of its trajectory."""

COUNTS = ("n_train", "n_val", "n_test", "n_synthetic", "n_features", "n_classes", "n_dags")
"""What must be equal wherever a run is made again.

The statistics of its DAGs (`causalmix.rows.GRAPH_STATISTICS`) must be at the same place; elsewhere other DAGs
can be discovered, which a note tells.
"""

_SHOWN = 3

TOLERANCES: dict[str, float] = {"same place": 1e-9, "other versions": 0.01, "other device": 0.02}
"""Largest difference of any of them that still counts as the same, by where the run was recorded.

*same place*: the same processor model and device, and the library versions that the record names: equal but
for the last digits. *other versions* (or another processor): floating-point sums differ, and fine-tuning can
keep a neighbouring step.
*other device*: recorded on another kind of device (a GPU against a CPU).
"""


SAME = ("equal", "within tolerance")
"""The verdicts on a run that came out as it is recorded."""


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
        Largest absolute difference of any of `SCORES` and `COMPARED_CURVES`; ``None`` where one lacks some.
    verdict : {"equal", "within tolerance", "differs", "data changed"}
    note : str
        What differs, where something does. A run that came out again has one where its DAGs are others, as
        they can be at another place.
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
        return self.verdict in SAME


def compare(
    recorded: Mapping[str, Any],
    again: Mapping[str, Any],
    curves: tuple[Sequence[Mapping], Sequence[Mapping]] = ((), ()),
    graphs: tuple[Sequence[Mapping], Sequence[Mapping]] = ((), ()),
    seconds: float = 0.0,
) -> AuditedRun:
    """Compare a recorded run with its repetition.

    Parameters
    ----------
    recorded, again : dict
        Rows of ``runs``; of the repetition ``status`` and ``reason`` are enough when it failed.
    curves, graphs : pair of sequences of dict
        Rows of ``trajectories`` and of ``graphs`` of either, in the order of the steps and of the DAGs.
    seconds : float
        What the repetition took.
    """
    place = _place_of(recorded, again)
    difference = max(*(_gap(recorded.get(name), again.get(name)) for name in SCORES), _curve_gap(*curves))
    verdict, note = _judge(recorded, again, place, difference)
    if verdict in SAME and recorded["status"] == "ok":
        verdict, note = _judge_graphs(verdict, place, (recorded, again), graphs)
    names = ("dataset", "fold", "arm", "repeat", "model", "spec_hash")
    return AuditedRun(
        **{name: recorded[name] for name in names},
        recorded_on=place,
        tolerance=TOLERANCES[place],
        difference=_finite(difference),
        verdict=verdict,
        note=note,
        test_auc=_finite(recorded.get("test_auc")),
        test_auc_now=_finite(again.get("test_auc")),
        seconds=round(seconds, 2),
    )


def _judge(
    recorded: Mapping[str, Any], again: Mapping[str, Any], place: str, difference: float
) -> tuple[str, str]:
    """Return the verdict on all but the graphs, and what differs."""
    tolerance = TOLERANCES[place]
    if recorded["status"] != again["status"]:
        reason = again["reason"] or recorded["reason"]
        return "differs", f"{recorded['status']} then, {again['status']} now: {reason}"
    if recorded["status"] == "failed":
        same = recorded["reason"] == again["reason"]
        return ("equal", "") if same else ("differs", f"it failed otherwise: {again['reason']}")
    if again.get("data_fingerprint", "") != recorded["data_fingerprint"]:
        return "data changed", "the table is not the one that was recorded"
    if changed := _changes(recorded, again, COUNTS):
        return "differs", changed
    if math.isinf(difference):
        return "differs", "a score is missing, or evaluations were made at other steps"
    if difference > tolerance:
        return "differs", f"a score differs by {difference:.2g}, more than {tolerance:g}"
    if place == "same place" and recorded.get("selected_step") != again.get("selected_step"):
        return "differs", f"step {recorded['selected_step']} was selected then, {again['selected_step']} now"
    return ("equal" if difference <= TOLERANCES["same place"] else "within tolerance"), ""


def _judge_graphs(
    verdict: str,
    place: str,
    rows: tuple[Mapping, Mapping],
    graphs: tuple[Sequence[Mapping], Sequence[Mapping]],
) -> tuple[str, str]:
    """Return the verdict on a run whose scores came out again when its DAGs are compared, and a note."""
    then, now = graphs
    if len(then) != len(now):
        return "differs", f"{len(then)} DAGs are recorded, {len(now)} were used now"
    changed = _changes(*rows, GRAPH_STATISTICS)
    for number, pair in enumerate(zip(then, now, strict=True)):
        changed = changed or _changes(*pair, GRAPH_STATISTICS, f" of DAG {number}")
    if changed and place == "same place":
        return "differs", changed
    return verdict, f"other graphs here: {changed}" if changed else ""


def _changes(then: Mapping[str, Any], now: Mapping[str, Any], names: Sequence[str], whose: str = "") -> str:
    """Name the first of these numbers that are others now: empty where all are equal but for last digits."""
    found = [
        f"{name}{whose} was {_shown(then.get(name))} then, {_shown(now.get(name))} now"
        for name in names
        if _gap(then.get(name), now.get(name)) > TOLERANCES["same place"]
    ]
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more


def _shown(value: float | None) -> str:
    return "missing" if math.isinf(_number(value)) else f"{_number(value):.10g}"


def _place_of(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> str:
    """Name the place of the recorded run as seen from here: a key of `TOLERANCES`."""
    then, now = (json.loads(row.get("environment") or "{}") for row in (recorded, again))
    if not now or then.get("device") != now.get("device"):
        return "other device"
    installed, named = now.get("versions") or {}, then.get("versions") or {}
    # causalmix itself may differ: that is what is audited
    alike = all(installed.get(name) == named[name] for name in named if name != "causalmix")
    return "same place" if alike and then.get("machine") == now.get("machine") else "other versions"


def _curve_gap(then: Sequence[Mapping], now: Sequence[Mapping]) -> float:
    """Largest difference of `COMPARED_CURVES` at any evaluation; infinite where the steps are others."""
    if [row["step"] for row in then] != [row["step"] for row in now]:
        return math.inf
    gaps = [_gap(a[name], b[name]) for a, b in zip(then, now, strict=True) for name in COMPARED_CURVES]
    return max(gaps, default=0.0)


def _gap(a: float | None, b: float | None) -> float:
    return 0.0 if _both_missing(a, b) else abs(_number(a) - _number(b))


def _number(value: float | None) -> float:
    return math.inf if value is None or math.isnan(value) else float(value)


def _both_missing(a: float | None, b: float | None) -> bool:
    return math.isinf(_number(a)) and math.isinf(_number(b))


def _finite(value: float | None) -> float | None:
    return None if math.isinf(_number(value)) else float(_number(value))
