"""Fine-tune a foundation model on the rows of one table and record the whole trajectory.

Each step draws a context/query split of the training pool; the loss is the query's cross-entropy (the way in
which Mitra and TabPFN are fine-tuned). At each evaluation validation and test rows are scored together in one
forward pass. Runs of one shape can go through one program, each with weights of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import torch
from torch import nn

from causalmix.devices import is_device_fault
from causalmix.finetune_run import (
    FinetuneData,
    FinetuneRun,
    LabelledRows,
    check_classes,
    draw_split,
    evaluate,
    shape_of,
)
from causalmix.models.base import in_context_losses
from causalmix.models.stacked import FlatWeights, saved_bytes, stack_copies
from causalmix.presets import PRESETS, FinetunePreset
from causalmix.trajectory import Trajectory

__all__ = ["PRESETS", "FineTuner", "FinetuneData", "FinetunePreset", "LabelledRows", "zero_shot"]

WEIGHT_COPIES = 8
"""How often a run's weights are in memory: the weights, their gradient and AdamW's two moments, those at two
evaluations, which are compared, and two copies that a step needs in passing."""


class FineTuner:
    """Fine-tunes copies of a model; the caller's model is left as it was.

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
        run = FinetuneRun(data, np.random.default_rng(seed), keep_weights=True)
        self._train(copy.deepcopy(model).to(self.device), [run])
        tuned = copy.deepcopy(model).to(self.device)
        nn.utils.vector_to_parameters(run.best_weights, tuned.parameters())
        return tuned.eval(), run.trajectory()

    def run_many(
        self, model: nn.Module, runs: Sequence[FinetuneData], seeds: Sequence[int]
    ) -> Iterator[dict[int, Trajectory | Exception]]:
        """Fine-tune a copy of `model` per run; runs of one shape go through one program.

        Each run draws the rows that `run` would draw for it, and comes to the same numbers but for rounding.
        A program that fails, for want of memory or because of one of its runs, is made again as two of half
        the size; what fails alone is the result of that run. A fault of the device ends all of them.

        Parameters
        ----------
        model : torch.nn.Module
            A `TabularFoundationModel`.
        runs : sequence of FinetuneData
        seeds : sequence of int
            One per run.

        Yields
        ------
        dict
            Of each program, as soon as it has ended: position in `runs` -> Trajectory or Exception.
        """
        shapes = [shape_of(data, self.preset) for data in runs]
        for _, group in groupby(sorted(range(len(runs)), key=shapes.__getitem__), key=shapes.__getitem__):
            positions = list(group)
            size = self._runs_that_fit(model, runs[positions[0]], len(positions))
            queue = [positions[first : first + size] for first in range(0, len(positions), size)]
            while queue:
                batch = queue.pop(0)
                outcomes = self._try(model, [runs[i] for i in batch], [seeds[i] for i in batch])
                if outcomes:
                    yield dict(zip(batch, outcomes, strict=True))
                else:
                    half = len(batch) // 2
                    queue = [batch[:half], batch[half:], *queue]

    def _try(
        self, model: nn.Module, runs: Sequence[FinetuneData], seeds: Sequence[int]
    ) -> list[Trajectory | Exception]:
        """Return the outcome of each run, or nothing when a program of several runs fails."""
        try:
            if len(runs) == 1:
                return [self.run(model, runs[0], seeds[0])]
            states = [
                FinetuneRun(data, np.random.default_rng(seed)) for data, seed in zip(runs, seeds, strict=True)
            ]
            self._train(stack_copies(model, len(runs)).to(self.device), states)
            return [state.trajectory() for state in states]
        except Exception as error:
            if is_device_fault(error):
                raise
            # without its traceback, which keeps the program's tensors alive
            return [error.with_traceback(None)] if len(runs) == 1 else []

    def _train(self, model: nn.Module, runs: list[FinetuneRun]) -> None:
        """Fine-tune `model`, which takes one table per run; a run that has stopped is measured no more."""
        preset, weights = self.preset, FlatWeights(model, len(runs))
        optimizer = torch.optim.AdamW(
            [weights.vector], lr=preset.learning_rate, weight_decay=preset.weight_decay
        )
        tables, losses = [run.data for run in runs], []
        for run, row, vector in zip(runs, self._evaluate(model, tables, 0), weights.rows(), strict=True):
            run.add(row, vector)
        for step in range(1, preset.n_steps + 1):
            optimizer.param_groups[0]["lr"] = preset.learning_rate * min(
                1.0, step / max(1, preset.warmup_steps)
            )
            losses.append(self._train_step(model, weights, optimizer, runs))
            if step % preset.eval_every and step != preset.n_steps:
                continue
            means = torch.stack(losses).double().mean(dim=0).tolist()
            rows = self._evaluate(model, tables, step)
            for run, row, vector, mean in zip(runs, rows, weights.rows(), means, strict=True):
                if run.goes_on(preset.patience):
                    run.add(row, vector, mean)
                if not run.goes_on(preset.patience):
                    run.last_weights = torch.empty(0)  # a view, which keeps the weights of all runs alive
            losses = []
            if not any(run.goes_on(preset.patience) for run in runs):
                break

    def _evaluate(self, model: nn.Module, tables: list[FinetuneData], step: int) -> list[dict[str, float]]:
        return evaluate(model, tables, step, self.preset.prediction_context)

    def _train_step(
        self,
        model: nn.Module,
        weights: FlatWeights,
        optimizer: torch.optim.Optimizer,
        runs: list[FinetuneRun],
    ) -> torch.Tensor:
        """Make one step of every run; return their losses, (N,)."""
        model.train()
        weights.gradient.zero_()
        losses = in_context_losses(model, *self._draw(runs))
        losses.sum().backward()
        weights.clip_gradients(1.0)
        optimizer.step()
        return losses.detach()

    def _draw(self, runs: list[FinetuneRun]) -> Iterator[torch.Tensor]:
        """Draw the rows of one step: context and query, features and classes, one table per run."""
        preset = self.preset
        splits = [
            draw_split(run.data.pool.y, preset.rows_per_step, preset.query_share, run.rng) for run in runs
        ]
        for indices in zip(*splits, strict=True):
            X = np.stack([run.data.pool.X[index] for run, index in zip(runs, indices, strict=True)])
            y = np.stack([run.data.pool.y[index] for run, index in zip(runs, indices, strict=True)])
            yield torch.as_tensor(X, dtype=torch.float32, device=self.device)
            yield torch.as_tensor(y, dtype=torch.int64, device=self.device)

    def _runs_that_fit(self, model: nn.Module, data: FinetuneData, n_runs: int) -> int:
        """How many of `n_runs` go into half of the device's free memory.

        Counted are what a forward pass keeps for `backward` and the copies of the weights. One run where a
        forward pass fails: what ails a run is then its own result, and nobody else's.
        """
        free = free_memory(self.device)
        if free is None:
            return n_runs
        one = [FinetuneRun(data, np.random.default_rng(0))]
        try:
            check_classes(model, data.n_classes)
            needed = saved_bytes(lambda: in_context_losses(model, *self._draw(one)))
        except Exception as error:
            if is_device_fault(error):
                raise
            return 1
        needed += WEIGHT_COPIES * sum(weight.nbytes for weight in model.parameters())
        return int(min(n_runs, max(1, free // (2 * needed))))


def free_memory(device: str) -> int | None:
    """Return the bytes of a CUDA device that are free or held unused by PyTorch; ``None`` for any other."""
    if not device.startswith("cuda"):
        return None
    held_unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + held_unused


def zero_shot(model: nn.Module, data: FinetuneData) -> Trajectory:
    """Score the pre-trained model as it is: a trajectory of the single step 0."""
    run = FinetuneRun(data, np.random.default_rng(0))
    run.add(evaluate(model, [data], 0)[0], torch.empty(0))
    return run.trajectory()
