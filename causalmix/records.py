"""The record of a run that was made, or that could not be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causalmix.devices import is_device_fault
from causalmix.environment import describe_environment
from causalmix.specs import RunRecord, RunSpec, SpecError
from causalmix.trajectory import Trajectory

if TYPE_CHECKING:
    from causalmix.experiment import PreparedRun


def complete_record(
    run: PreparedRun, trajectory: Trajectory, seconds: float, device: str, weights: str
) -> RunRecord:
    """Return the record of a run whose fine-tuning took ``seconds``, from weights of this digest."""
    rows, fold = run.rows, run.fold
    return RunRecord(
        spec=run.spec,
        status="ok",
        scores={**score(trajectory), **fold.sizes, "n_synthetic": len(rows.rows) if rows else 0},
        trajectory=trajectory,
        graphs=tuple(graph.to_dict() for graph in rows.graphs) if rows else (),
        timings={"seconds_generate": rows.seconds if rows else 0.0, "seconds_finetune": seconds},
        environment={**describe_environment(device), "weights": weights},
        data_fingerprint=fold.fingerprint,
    )


def score(trajectory: Trajectory) -> dict[str, float]:
    """Return the scores of a record: at the selected step, and at step 0 for the pre-trained model."""
    return {
        "test_auc": trajectory.at_selected("test_auc"),
        "zero_shot_auc": trajectory.at_start("test_auc"),
        "test_log_loss": trajectory.at_selected("test_log_loss"),
        "zero_shot_log_loss": trajectory.at_start("test_log_loss"),
        "val_auc": trajectory.at_selected("val_auc"),
    }


def failed_record(spec: RunSpec, reason: str, device: str = "cpu", fingerprint: str = "") -> RunRecord:
    """Return the record of a run that could not be made."""
    return RunRecord(
        spec=spec,
        status="failed",
        reason=reason,
        environment=describe_environment(device),
        data_fingerprint=fingerprint,
    )


def ends_study(error: Exception) -> bool:
    """Whether an error says nothing of the run that raised it, which stays missing.

    A model, arm or preset that cannot be had would fail every run; a fault of a file or a GPU is no result.
    """
    from causalmix.models.base import ModelError

    return isinstance(error, (ModelError, SpecError, OSError)) or is_device_fault(error)
