"""The record of one fine-tuning run: what was measured at each evaluation step.

Free of torch, so that the store, the analysis and the book read trajectories without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

CURVES = ("train_loss", "val_log_loss", "val_auc", "test_log_loss", "test_auc", "update_norm")
"""The measured curves of a trajectory, in the order of the store's columns."""


@dataclass(frozen=True)
class Trajectory:
    """One fine-tuning run, evaluation by evaluation. All curves have the length of ``steps``.

    Attributes
    ----------
    steps : tuple of int, shape (n_evaluations,)
        Optimiser steps done before each evaluation: strictly increasing, the first is 0 (zero-shot).
    train_loss : tuple of float, shape (n_evaluations,)
        Mean query cross-entropy (nats) over the steps since the previous evaluation; NaN at step 0.
    val_log_loss, test_log_loss : tuple of float, shape (n_evaluations,)
        Mean cross-entropy (nats) of the predicted class probabilities.
    val_auc, test_auc : tuple of float, shape (n_evaluations,)
        ROC-AUC in [0, 1]; one-vs-rest macro average with more than two classes.
    update_norm : tuple of float, shape (n_evaluations,)
        L2 norm of the change of all weights since the previous evaluation; 0 at step 0.
    selected_step : int
        The step whose weights early stopping kept: one of ``steps``.

    Examples
    --------
    >>> run = Trajectory(
    ...     steps=(0, 5), train_loss=(float("nan"), 0.4), val_log_loss=(0.6, 0.5), val_auc=(0.8, 0.9),
    ...     test_log_loss=(0.7, 0.6), test_auc=(0.75, 0.85), update_norm=(0.0, 0.1), selected_step=5,
    ... )
    >>> run.at_selected("test_auc"), run.at_start("test_auc")
    (0.85, 0.75)
    """

    steps: tuple[int, ...]
    train_loss: tuple[float, ...]
    val_log_loss: tuple[float, ...]
    val_auc: tuple[float, ...]
    test_log_loss: tuple[float, ...]
    test_auc: tuple[float, ...]
    update_norm: tuple[float, ...]
    selected_step: int

    def __post_init__(self) -> None:
        if not self.steps or self.steps[0] != 0:
            raise ValueError(f"a trajectory starts at step 0 (zero-shot), not with {self.steps[:3]}")
        if any(later <= earlier for earlier, later in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError(f"the steps of a trajectory must increase strictly: {self.steps}")
        for curve in CURVES:
            if len(getattr(self, curve)) != len(self.steps):
                raise ValueError(
                    f"{curve} has {len(getattr(self, curve))} values for {len(self.steps)} evaluation steps"
                )
        if self.selected_step not in self.steps:
            raise ValueError(f"selected_step {self.selected_step} is not an evaluation step: {self.steps}")

    def at_selected(self, curve: str) -> float:
        """Return the value of ``curve`` (one of `CURVES`) at the selected step."""
        return getattr(self, curve)[self.steps.index(self.selected_step)]

    def at_start(self, curve: str) -> float:
        """Return the value of ``curve`` (one of `CURVES`) at step 0: that of the zero-shot model."""
        return getattr(self, curve)[0]

    def to_dict(self) -> dict:
        """Return a JSON-ready dict: NaN becomes ``None``, an infinity its name (``"inf"``, ``"-inf"``)."""
        curves = {curve: [_to_json(value) for value in getattr(self, curve)] for curve in CURVES}
        return {
            "steps": [int(step) for step in self.steps],
            **curves,
            "selected_step": int(self.selected_step),
        }

    @classmethod
    def from_dict(cls, values: dict) -> Trajectory:
        """Rebuild a trajectory from `to_dict`.

        Raises
        ------
        KeyError
            When a field is missing.
        ValueError
            When the curves do not belong together.
        """
        curves = {curve: tuple(_from_json(value) for value in values[curve]) for curve in CURVES}
        return cls(steps=tuple(values["steps"]), selected_step=values["selected_step"], **curves)


def _to_json(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return float(value) if math.isfinite(value) else str(float(value))


def _from_json(value: float | str | None) -> float:
    return math.nan if value is None else float(value)
