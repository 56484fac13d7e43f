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


def record_error(spec: RunSpec, error: Exception, device: str = "cpu") -> RunRecord:
    """Return the failed record of a run that raised an error which nobody foresaw.

    Raises
    ------
    ModelError, SpecError
        The same error, where a model, arm or preset cannot be had, which would fail every run.
    OSError
        The same error, where a file cannot be read or written; or that there is not enough memory. Neither
        says anything of the run, which stays missing.
    torch.AcceleratorError
        The same error, where the GPU failed.
    """
    from causalmix.models.base import ModelError

    if isinstance(error, MemoryError):
        raise no_memory(spec, error) from error
    if isinstance(error, (ModelError, SpecError, OSError)) or is_device_fault(error):
        raise error
    return failed_record(spec, f"{type(error).__name__}: {error}", device)


def no_memory(spec: RunSpec, error: MemoryError) -> OSError:
    """Return the error of a machine without memory for a run."""
    reason = f" ({error})" if str(error) else ""
    return OSError(
        f"{spec}: there is not enough memory{reason}; take fewer --workers or a machine with more, and run "
        "again: finished runs are kept"
    )
