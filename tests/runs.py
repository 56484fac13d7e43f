"""Made-up run records for tests of the store; no model is fitted."""

from __future__ import annotations

from pathlib import Path

from causalmix.specs import RunRecord, RunSpec
from causalmix.trajectory import CURVES, Trajectory

GRAPH = {
    "depth": 3,
    "target_depth": 2,
    "mean_node_depth": 1.5,
    "n_nodes": 5,
    "n_edges": 6,
    "n_target_ancestors": 2,
    "n_target_neighbours": 2,
    "edge_entropy": 0.25,
}


def make_spec(arm: str = "causalmix", **changes) -> RunSpec:
    return RunSpec(
        **{"study": "demo", "suite": "bundled", "dataset": "iris", "fold": 0, "arm": arm, **changes}
    )


def make_record(spec: RunSpec | None = None, test_auc: float = 0.75, **changes) -> RunRecord:
    steps = (0, 3, 6)
    curves = {curve: tuple(test_auc + 0.01 * step for step in steps) for curve in CURVES}
    values = {
        "spec": spec or make_spec(),
        "status": "ok",
        "scores": {"test_auc": test_auc, "zero_shot_auc": 0.5, "n_train": 10, "n_classes": 3},
        "trajectory": Trajectory(steps=steps, selected_step=3, **curves),
        "graphs": (GRAPH, {**GRAPH, "depth": 4}),
        "timings": {"seconds_generate": 1.5, "seconds_finetune": 2.5},
        "environment": {"device": "cpu", "revision": "abc", "versions": {"numpy": "2.4"}},
        "data_fingerprint": "f" * 16,
    }
    return RunRecord(**{**values, **changes})


def make_failure(spec: RunSpec | None = None, reason: str = "class 'a' has one row") -> RunRecord:
    return RunRecord(spec=spec or make_spec(), status="failed", reason=reason, environment={"device": "cpu"})


def save_tiny_model(folder: Path) -> str:
    """Save a Tab2D with random weights and return its folder, which a spec can name as its model."""
    import torch

    from causalmix.models.checkpoints import save_checkpoint
    from causalmix.models.tab2d import Tab2D, Tab2DConfig

    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_checkpoint(Tab2D(Tab2DConfig(dim=16, n_layers=1, n_heads=2)), folder)
    return str(folder)
