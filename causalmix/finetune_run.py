"""One fine-tuning run: the rows that it sees, what it draws, what is measured and which step is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from sklearn.metrics import log_loss
from torch import nn

from causalmix.models.inference import predict_tables, roc_auc
from causalmix.presets import FinetunePreset
from causalmix.trajectory import Trajectory


@dataclass(frozen=True)
class LabelledRows:
    """Encoded rows with their class codes.

    Attributes
    ----------
    X : (n_rows, n_features) float32 array
        Without missing values.
    y : (n_rows,) int64 array
        Codes `0 <= y < n_classes`.
    """

    X: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class FinetuneData:
    """What one fine-tuning run sees.

    Attributes
    ----------
    pool : LabelledRows
        The rows trained on: real, synthetic or mixed.
    context : LabelledRows
        The real training rows, the context of each prediction under `prediction_context="real"`.
    val, test : LabelledRows
        Real rows; validation selects the step, test is only reported.
    n_classes : int
    """

    pool: LabelledRows
    context: LabelledRows
    val: LabelledRows
    test: LabelledRows
    n_classes: int


@dataclass
class FinetuneRun:
    """One run on its way: its rows, its random draws, its evaluations and, if wanted, its best weights."""

    data: FinetuneData
    rng: np.random.Generator
    keep_weights: bool = False
    rows: list[dict[str, float]] = field(default_factory=list)
    best: tuple[float, float] = (-math.inf, -math.inf)
    best_step: int = 0
    best_weights: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    last_weights: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    since_best: int = 0
    has_diverged: bool = False

    def add(self, row: dict[str, float], weights: torch.Tensor, train_loss: float = math.nan) -> None:
        """Add one evaluation; higher validation ROC-AUC is better, lower validation log-loss breaks ties.

        ROC-AUCs are compared as they are: equal ones that were summed in another order may differ in the last
        digit of a float. So were all recorded runs selected; `causalmix.selection` says what hangs on it.
        A run whose predictions are no longer finite ends with its last finite evaluation, and keeps its best.

        Parameters
        ----------
        row : dict
            From `evaluate`.
        weights : (P,) float tensor
            The run's weights now, not to be changed.
        train_loss : float
            Mean loss of the steps since the last evaluation.
        """
        if not math.isfinite(row["val_log_loss"]):
            if not self.rows:
                raise FloatingPointError("the model's predictions are not finite before any training")
            self.has_diverged = True
            return
        moved = float((weights - self.last_weights).norm()) if self.rows else 0.0
        score = (row["val_auc"], -row["val_log_loss"])
        self.since_best += 1
        if score > self.best or not self.rows:
            self.best, self.best_step, self.since_best = score, int(row["step"]), 0
            if self.keep_weights:
                self.best_weights = weights
        self.rows.append({**row, "train_loss": train_loss, "update_norm": moved})
        self.last_weights = weights

    def goes_on(self, patience: int) -> bool:
        """Whether the run is measured further: it has not diverged, and got better not too long ago."""
        return not self.has_diverged and self.since_best < patience

    def trajectory(self) -> Trajectory:
        """Return what was measured so far."""
        curves = {name: tuple(row[name] for row in self.rows) for name in self.rows[0] if name != "step"}
        return Trajectory(
            steps=tuple(int(row["step"]) for row in self.rows), selected_step=self.best_step, **curves
        )


def shape_of(data: FinetuneData, preset: FinetunePreset) -> tuple[int, ...]:
    """Return what two runs must agree in to go through one program: rows, features, classes.

    The pool counts by the rows that a step draws of it, so that pure and mixed arms agree.
    """
    in_context = data.context if preset.prediction_context == "real" else data.pool
    sizes = (len(in_context), len(data.val), len(data.test), min(len(data.pool), preset.rows_per_step))
    return (data.pool.X.shape[1], data.n_classes, *sizes)


def draw_split(
    y: np.ndarray, n_rows: int, query_share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the context and query rows of one step.

    Parameters
    ----------
    y : (n_pool,) int array
        Class codes of the pool.
    n_rows : int
        Rows of the step; at most the pool is used.
    query_share : float
        Share of them that becomes the query; at least one row, if a row of every class remains beside it.
    rng : numpy.random.Generator

    Returns
    -------
    context, query : int arrays
        Disjoint row numbers. The context holds a row of every class that the draw holds.
    """
    drawn = rng.permutation(len(y))[: min(n_rows, len(y))]
    _, first_of_class = np.unique(y[drawn], return_index=True)
    rest = np.setdiff1d(np.arange(len(drawn)), first_of_class)
    n_query = min(max(1, round(query_share * len(drawn))), len(rest))
    query = rest[len(rest) - n_query :]
    return drawn[np.setdiff1d(np.arange(len(drawn)), query)], drawn[query]


def check_classes(model: Any, n_classes: int) -> None:
    """Refuse a table with more classes than the model tells apart, before a GPU meets a label out of range.

    Raises
    ------
    ValueError
        Naming both numbers.
    """
    if n_classes > model.n_classes:
        raise ValueError(
            f"the model tells at most {model.n_classes} classes apart, the table has {n_classes}: "
            "merge classes, or take another model"
        )


def evaluate(
    model: nn.Module, runs: Sequence[FinetuneData], step: int, prediction_context: str = "real"
) -> list[dict[str, float]]:
    """Score the validation and test rows of all runs in one forward pass.

    Parameters
    ----------
    model : torch.nn.Module
        A `TabularFoundationModel`; the runs are the tables of one batch.
    runs : sequence of FinetuneData
        Of one shape.
    step : int
    prediction_context : {"real", "pool"}

    Returns
    -------
    list of dict
        Per run `step`, `val_log_loss`, `val_auc`, `test_log_loss`, `test_auc`; NaN where predictions are not
        finite.

    Raises
    ------
    ValueError
        When the model tells fewer classes apart than the tables have.
    """
    check_classes(model, runs[0].n_classes)
    model.eval()
    contexts = [data.context if prediction_context == "real" else data.pool for data in runs]
    probabilities = predict_tables(
        model,
        np.stack([context.X for context in contexts]),
        np.stack([context.y for context in contexts]),
        np.stack([np.concatenate((data.val.X, data.test.X)) for data in runs]),
        runs[0].n_classes,
    )
    return [{"step": step, **_scores(data, proba)} for data, proba in zip(runs, probabilities, strict=True)]


def _scores(data: FinetuneData, proba: np.ndarray) -> dict[str, float]:
    if not np.isfinite(proba).all():
        return dict.fromkeys(("val_log_loss", "val_auc", "test_log_loss", "test_auc"), math.nan)
    row = {}
    parts = (("val", data.val, proba[: len(data.val)]), ("test", data.test, proba[len(data.val) :]))
    for name, rows, predicted in parts:
        row[f"{name}_log_loss"] = float(log_loss(rows.y, predicted, labels=np.arange(data.n_classes)))
        row[f"{name}_auc"] = roc_auc(rows.y, predicted)
    return row
