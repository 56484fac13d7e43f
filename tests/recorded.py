"""A made-up recorded study for tests: no model was fitted, its numbers are drawn from known distributions."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np

from causalmix.data import Protocol
from causalmix.specs import ARMS, RunRecord, RunSpec
from causalmix.store import ResultStore
from causalmix.trajectory import Trajectory

LIFTS = {"zero_shot": 0.0, "default": 0.02, "causalmix": 0.04, "scm": -0.03}
"""Arm -> expected change of the test ROC-AUC."""

PAPER_LIFTS = {**LIFTS, "ctgan": -0.02, "tabebm": -0.02, "table_augment": -0.04, "mixed_model": -0.02}
DIAL_LIFTS = {
    "zero_shot": 0.0,
    **{f"causalmix@depth={k}": 0.04 for k in (0, 1, 2, 3, "full")},
    **{f"causalmix@edges={k}": 0.04 for k in (0, 1, 2, 3)},
}
CONTROL_LIFTS = {
    "zero_shot": 0.0,
    "default": 0.01,
    "causalmix": 0.05,
    "smotenc": -0.02,
    "smotenc_mix": 0.02,
    "bootstrap_mix": 0.05,
    "independent_mix": -0.03,
    "random_dag_mix": 0.0,
}
KNOWN_LIFTS = {"causalmix": 0.04, "causalmix@graph=true": 0.06, "causalmix@graph=random_depth": 0.04}
"""The paper's seven arms, those of the depth dial with its controls, controls of which one gains as much as
causalmix, and those of tables of known graph."""

STEPS = (0, 3, 6, 9, 12)


@mock.patch("os.fsync", new=lambda _: None)  # it need not outlive a power cut
def make_study(
    root: Path,
    *,
    lifts: Mapping[str, float] = LIFTS,
    datasets: Sequence[str] = tuple(f"table{i}" for i in range(6)),
    n_folds: int = 3,
    noise: float = 0.01,
    model: str = "made-up",
    suite: str = "bundled",
    seed: int = 0,
    depth_steadies: bool = False,
    ratios: Sequence[float] = (1.0,),
    row_limits: Sequence[int] = (Protocol().max_train_rows,),
    presets: Sequence[str] = (RunSpec.preset,),
    keep_records: bool = False,
) -> ResultStore:
    """Publish a run per dataset, fold, row limit, arm, preset (if tuned) and ratio (if synthetic).

    ``depth_steadies``: the deeper a run's graph, the less its validation loss wobbles. The change of the test
    ROC-AUC grows with the ratio.
    """
    rng = np.random.default_rng(seed)
    store = ResultStore(root)
    for dataset in datasets:
        level = rng.uniform(0.65, 0.85)
        for fold in range(n_folds):
            start = float(np.clip(level + rng.normal(0, 0.02), 0.55, 0.9))
            for limit, (arm, lift) in product(row_limits, lifts.items()):
                protocol = Protocol(max_train_rows=limit)
                spec = RunSpec(root.name, suite, dataset, fold=fold, arm=arm, model=model, protocol=protocol)
                own_presets = presets if ARMS[arm].finetune else presets[:1]
                own_ratios = ratios if ARMS[arm].generator else (spec.synthetic_ratio,)
                for preset, ratio in product(own_presets, own_ratios):
                    one = replace(spec, preset=preset, synthetic_ratio=ratio)
                    store.write(_record(one, start, lift * ratio, noise, rng, depth_steadies))
    store.consolidate()
    if not keep_records:
        shutil.rmtree(store.records)
    return store


def make_trajectory(
    spec: RunSpec, start: float, end: float, rng: np.random.Generator, loss_wobble: float = 1.0
) -> Trajectory:
    """Curves that go from ``start`` to ``end`` with a little wobble, stopped at the last step."""
    if spec.arm == "zero_shot":
        curves = ((float("nan"),), (1.2 - start,), (start,), (1.2 - start,), (start,), (0.0,))
        return Trajectory((0,), *curves, selected_step=0)
    progress = np.linspace(0, 1, len(STEPS))
    wobble = rng.normal(0, 0.002, size=(4, len(STEPS)))
    wobble[2] *= loss_wobble
    wobble[:, [0, -1]] = 0.0
    test = start + (end - start) * progress + wobble[0]
    validation = test + wobble[1]
    return Trajectory(
        steps=STEPS,
        train_loss=(float("nan"), *np.linspace(0.6, 0.5, len(STEPS) - 1)),
        val_log_loss=tuple(1.2 - validation + wobble[2]),
        val_auc=tuple(validation),
        test_log_loss=tuple(1.2 - test + wobble[3]),
        test_auc=tuple(test),
        update_norm=(0.0, *[0.1] * (len(STEPS) - 1)),
        selected_step=STEPS[-1],
    )


def _depth(arm: str, rng: np.random.Generator) -> int:
    """Depth of the run's graph: that of the dial's setting, 4 for uncut graphs and controls of the dial."""
    if not arm.startswith("causalmix@"):
        return int(rng.integers(1, 5))
    setting = arm.partition("depth=")[2]
    return int(setting) if setting.isdigit() else 4


def _record(
    spec: RunSpec, start: float, lift: float, noise: float, rng: np.random.Generator, depth_steadies: bool
) -> RunRecord:
    tuned = spec.arm != "zero_shot"
    end = float(np.clip(start + lift + rng.normal(0, noise), 0.01, 0.999)) if tuned else start
    depth = _depth(spec.arm, rng)
    trajectory = make_trajectory(spec, start, end, rng, 6.0 - depth if depth_steadies else 1.0)
    graph = {
        "depth": depth,
        "target_depth": depth - 1,
        "mean_node_depth": depth / 2,
        "n_nodes": 6,
        "n_edges": depth + 3 + spec.fold,
        "n_target_ancestors": depth,
        "n_target_neighbours": min(depth, 2),
        "edge_entropy": 0.3,
    }
    scores = {
        "test_auc": trajectory.at_selected("test_auc"),
        "zero_shot_auc": start,
        "test_log_loss": trajectory.at_selected("test_log_loss"),
        "zero_shot_log_loss": trajectory.at_start("test_log_loss"),
        "val_auc": trajectory.at_selected("val_auc"),
        "n_train": spec.protocol.max_train_rows * 3 // 4,
        "n_val": 40,
        "n_test": 80,
        "n_synthetic": 120 if spec.arm.startswith(("causalmix", "scm")) else 0,
        "n_features": 5,
        "n_classes": 2,
    }
    return RunRecord(
        spec=spec,
        status="ok",
        scores=scores,
        trajectory=trajectory,
        graphs=(graph,) if spec.arm.startswith(("causalmix", "scm")) else (),
        timings={"seconds_generate": 0.5, "seconds_finetune": 2.0},
        environment={"device": "cpu", "revision": "made-up", "versions": {}},
        data_fingerprint=f"{spec.dataset:0<16}"[:16],
    )
