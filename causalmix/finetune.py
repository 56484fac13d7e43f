"""Fine-tune a foundation model on the rows of one table and record the whole trajectory.

Each step draws a context/query split of the training pool; the loss is the query's cross-entropy (the way in
which Mitra and TabPFN are fine-tuned). At each evaluation validation and test rows are scored together in one
forward pass. The paper gives neither learning rate nor steps: the numbers in `PRESETS["causalmix"]` are ours.
Its rate is the best of 1e-4, 3e-4, 1e-3 and 3e-3 for `embedded-mini`: by mean test ROC-AUC at the selected
step, real rows only, folds 8 and 9 of six simulated tables (suite `known_scm`); no benchmark table was used.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from sklearn.metrics import log_loss
from torch import nn

from causalmix.models.base import in_context_loss
from causalmix.models.inference import predict_proba, roc_auc
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


@dataclass(frozen=True)
class FinetunePreset:
    """One recipe of fine-tuning.

    Attributes
    ----------
    n_steps, eval_every : int
        Optimiser steps in all and between evaluations.
    learning_rate, weight_decay : float
        Of AdamW.
    warmup_steps : int
        Linear warm-up from 0; constant afterwards.
    patience : int
        Evaluations without a better validation score after which training stops.
    rows_per_step : int
        Rows drawn from the pool for one step: the same compute for every arm.
    query_share : float
        Share of a step's rows that are predicted; the rest is their context.
    prediction_context : {"real", "pool"}
        Whether predictions see the real training rows only or the whole pool.
    """

    n_steps: int = 30
    eval_every: int = 3
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 3
    patience: int = 10
    rows_per_step: int = 192
    query_share: float = 0.25
    prediction_context: str = "real"


PRESETS: dict[str, FinetunePreset] = {
    "causalmix": FinetunePreset(),
    "smoke": FinetunePreset(n_steps=4, eval_every=2, rows_per_step=64),
    # AutoGluon 1.6's defaults: the warm-up outlasts the training, so the rate stays below 5e-6.
    "autogluon-mitra": FinetunePreset(
        n_steps=50, eval_every=5, learning_rate=1e-4, weight_decay=0.1, warmup_steps=1000
    ),
    "mitra-v2": FinetunePreset(
        n_steps=50, eval_every=5, learning_rate=1e-5, weight_decay=0.3, warmup_steps=10
    ),
}


@dataclass
class _Recorder:
    """Collects evaluations and remembers the best weights (a deep copy)."""

    rows: list[dict[str, float]] = field(default_factory=list)
    best: tuple[float, float] = (-math.inf, -math.inf)
    best_step: int = 0
    best_state: dict[str, torch.Tensor] = field(default_factory=dict)
    since_best: int = 0

    def add(self, row: dict[str, float], model: nn.Module) -> None:
        """Add one evaluation; higher validation ROC-AUC is better, lower validation log-loss breaks ties."""
        self.rows.append(row)
        score = (row["val_auc"], -row["val_log_loss"])
        self.since_best += 1
        if score > self.best or not self.best_state:
            self.best, self.best_step, self.since_best = score, int(row["step"]), 0
            self.best_state = copy.deepcopy(model.state_dict())

    def trajectory(self) -> Trajectory:
        curves = {name: tuple(row[name] for row in self.rows) for name in self.rows[0] if name != "step"}
        return Trajectory(
            steps=tuple(int(row["step"]) for row in self.rows), selected_step=self.best_step, **curves
        )


class FineTuner:
    """Fine-tunes a copy of a model; the caller's model is left as it was.

    Parameters
    ----------
    preset : FinetunePreset
    device : str
        A torch device.

    Examples
    --------
    >>> from causalmix.models.tab2d import Tab2D, Tab2DConfig
    >>> rng = np.random.default_rng(0)
    >>> rows = LabelledRows(rng.normal(size=(20, 3)).astype("float32"), np.arange(20) % 2)
    >>> data = FinetuneData(pool=rows, context=rows, val=rows, test=rows, n_classes=2)
    >>> tuner = FineTuner(FinetunePreset(n_steps=2, eval_every=1))
    >>> tuner.run(Tab2D(Tab2DConfig(dim=8, n_layers=1, n_heads=2)), data, seed=0).steps
    (0, 1, 2)
    """

    def __init__(self, preset: FinetunePreset, device: str = "cpu") -> None:
        self.preset, self.device = preset, device

    def run(self, model: nn.Module, data: FinetuneData, seed: int) -> Trajectory:
        """Fine-tune and return what was measured; see `fit` for the weights too."""
        return self.fit(model, data, seed)[1]

    def fit(self, model: nn.Module, data: FinetuneData, seed: int) -> tuple[nn.Module, Trajectory]:
        """Fine-tune a copy of `model` on `data.pool`.

        Parameters
        ----------
        model : torch.nn.Module
            A `TabularFoundationModel`.
        data : FinetuneData
        seed : int
            Decides each step's rows; two arms with the same seed and pool size draw the same row numbers.

        Returns
        -------
        model : torch.nn.Module
            The copy with the weights of the selected step (step 0 can be selected).
        trajectory : Trajectory
        """
        preset = self.preset
        tuned = copy.deepcopy(model).to(self.device)
        optimizer = torch.optim.AdamW(
            tuned.parameters(), lr=preset.learning_rate, weight_decay=preset.weight_decay
        )
        rng = np.random.default_rng(seed)
        recorder = _Recorder()
        recorder.add(evaluate(tuned, data, 0, preset.prediction_context), tuned)
        before, losses = _flat_weights(tuned), []
        for step in range(1, preset.n_steps + 1):
            losses.append(self._train_step(tuned, optimizer, data.pool, step, rng))
            if step % preset.eval_every and step != preset.n_steps:
                continue
            row = evaluate(tuned, data, step, preset.prediction_context)
            after = _flat_weights(tuned)
            row |= {"train_loss": float(np.mean(losses)), "update_norm": float((after - before).norm())}
            recorder.add(row, tuned)
            before, losses = after, []
            if recorder.since_best >= preset.patience:
                break
        tuned.load_state_dict(recorder.best_state)
        return tuned.eval(), recorder.trajectory()

    def _train_step(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        pool: LabelledRows,
        step: int,
        rng: np.random.Generator,
    ) -> float:
        preset = self.preset
        context, query = draw_split(pool.y, preset.rows_per_step, preset.query_share, rng)
        model.train()
        loss = in_context_loss(model, *self._tensors(pool, context), *self._tensors(pool, query))
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = preset.learning_rate * min(1.0, step / max(1, preset.warmup_steps))
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    def _tensors(self, rows: LabelledRows, index: np.ndarray) -> Iterator[torch.Tensor]:
        for values, dtype in ((rows.X, torch.float32), (rows.y, torch.int64)):
            yield torch.as_tensor(values[index], dtype=dtype, device=self.device)[None]


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
        Share of them that becomes the query; at least one row each.
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


def evaluate(model: nn.Module, data: FinetuneData, step: int, prediction_context: str = "real") -> dict:
    """Score validation and test rows in one forward pass.

    Returns
    -------
    dict
        `step`, `val_log_loss`, `val_auc`, `test_log_loss`, `test_auc`, and a `train_loss` of NaN and an
        `update_norm` of 0 for the caller to replace.
    """
    model.eval()
    context = data.context if prediction_context == "real" else data.pool
    proba = predict_proba(
        model, context.X, context.y, np.concatenate((data.val.X, data.test.X)), data.n_classes
    )
    row: dict[str, float] = {"step": step, "train_loss": math.nan, "update_norm": 0.0}
    parts = (("val", data.val, proba[: len(data.val)]), ("test", data.test, proba[len(data.val) :]))
    for name, rows, predicted in parts:
        row[f"{name}_log_loss"] = float(log_loss(rows.y, predicted, labels=np.arange(data.n_classes)))
        row[f"{name}_auc"] = roc_auc(rows.y, predicted)
    return row


def zero_shot(model: nn.Module, data: FinetuneData) -> Trajectory:
    """Score the pre-trained model as it is: a trajectory of the single step 0."""
    recorder = _Recorder()
    recorder.add(evaluate(model, data, 0), model)
    return recorder.trajectory()


def _flat_weights(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach().clone()
