"""Pre-train a small Tab2D on the synthetic prior, with a curriculum.

Easy tasks first (few rows, few features, no noise), then the full prior: without the curriculum a small model
learns nothing in the same budget. Matrices of the layers are trained with Muon, everything else with AdamW.
A run is a function of its `PretrainConfig`: on a CPU, stopped and resumed, it gives the same weights bit for
bit. A GPU may add up in another order from one time to the next.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from statistics import mean

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from causalmix.models import load_model
from causalmix.models.base import ModelError, in_context_loss
from causalmix.models.checkpoints import save_checkpoint
from causalmix.models.prior import TaskBatch, TaskShape, sample_tasks
from causalmix.models.recipes import PretrainConfig, Stage, learning_rate_factor, stage_at
from causalmix.models.tab2d import Tab2D
from causalmix.threads import cpu_threads


def draw_batch(step: int, config: PretrainConfig, device: str, part: int = 0) -> TaskBatch:
    """Draw the tasks of one part of a step; they depend on the configuration's seed and the step alone.

    Rows and features are drawn from the stage's ranges; 40 to 80 % of the rows are context.
    """
    stage = stage_at(step, config)
    number = step * config.batches_per_step + part
    rng = torch.Generator(device).manual_seed(config.seed * 1_000_003 + number)
    low_high = torch.tensor([stage.rows, stage.features], dtype=torch.float32).log()
    u = torch.rand(3, generator=rng, device=device).cpu()
    rows, features = (low_high[:, 0] + u[:2] * (low_high[:, 1] - low_high[:, 0])).exp().round().int().tolist()
    shape = TaskShape(
        n_rows=rows,
        n_context=int(rows * (0.4 + 0.4 * float(u[2]))),
        n_features=features,
        max_classes=stage.max_classes,
        max_noise=stage.max_noise,
        messy=stage.messy,
        observed_share=stage.observed_share,
    )
    n_tasks = max(1, config.tokens_per_batch // (rows * (features + 1)))
    return sample_tasks(n_tasks, shape, rng)


def draw_held_out(config: PretrainConfig, device: str, n_batches: int = 8) -> list[TaskBatch]:
    """Draw tasks of the last stage that no step of the training draws."""
    last = replace(config, stages=(replace(config.stages[-1], share=1.0),))
    return [draw_batch(config.n_steps + batch, last, device) for batch in range(n_batches)]


@torch.no_grad()
def mean_loss(model: Tab2D, batches: Sequence[TaskBatch]) -> float:
    """Mean cross-entropy of the batches' query rows [nats]."""
    return mean(float(task_loss(model, batch)) for batch in batches)


def task_loss(model: Tab2D, batch: TaskBatch) -> torch.Tensor:
    """Cross-entropy of the query rows given the context rows."""
    X, y, n = batch.X, batch.y, batch.n_context
    return in_context_loss(model, X[:, :n], y[:, :n], X[:, n:], y[:, n:])


def accumulate_gradients(model: Tab2D, step: int, config: PretrainConfig, device: str) -> float:
    """Add the gradients of the mean loss of a step's batches to those of the model; return that loss.

    On CPUs the batches are computed side by side, as many at once as `torch.get_num_threads` allows, each on
    its share of the threads; the gradients are added in the batches' order, so that the sum is the same.
    A GPU gets one after the other from this thread: what PyTorch caches for a thread outlives it.
    """
    threads = torch.get_num_threads()
    n_workers = min(config.batches_per_step, threads) if torch.device(device).type == "cpu" else 1
    compute = partial(_part_gradients, model, step, config, device)
    total = 0.0
    with cpu_threads(threads // n_workers), ThreadPoolExecutor(n_workers) as pool:
        compute_all = pool.map if n_workers > 1 else map
        for loss, gradients in compute_all(compute, range(config.batches_per_step)):
            total += loss
            for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    return total


def _part_gradients(model: Tab2D, step: int, config: PretrainConfig, device: str, part: int) -> tuple:
    """One batch's share of the step's loss, and its gradient for each parameter."""
    batch = draw_batch(step, config, device, part)
    kind = torch.device(device).type
    with _attention_of(kind), torch.autocast(kind, torch.bfloat16, config.bfloat16):
        loss = task_loss(model, batch) / config.batches_per_step
    return float(loss.detach()), torch.autograd.grad(loss, tuple(model.parameters()))


def _attention_of(kind: str) -> AbstractContextManager:
    """All attention but cuDNN's on a GPU: it makes a plan per shape, and nearly each step has others."""
    if kind != "cuda":
        return nullcontext()  # the choice would hold for all threads, several of which compute on a CPU
    return sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])


def make_optimizers(model: Tab2D, config: PretrainConfig) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for the layers' matrices, AdamW for embeddings, norms, biases and the output."""
    matrices = [p for name, p in model.named_parameters() if name.startswith("layers.") and p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return (
        torch.optim.Muon(matrices, lr=config.muon_lr, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(others, lr=config.adamw_lr, weight_decay=0.01, betas=(0.9, 0.98)),
    )


class Pretrainer:
    """Trains step by step and can be stopped, saved and resumed.

    Parameters
    ----------
    config : PretrainConfig
    folder : Path
        Where `checkpoint.pt`, `log.jsonl` and the finished `model.safetensors` and `config.json` go. A
        checkpoint found there is resumed.
    device : str

    Raises
    ------
    ModelError
        If the folder's checkpoint was made with another configuration, or the weights to start from are of
        another size.
    """

    def __init__(self, config: PretrainConfig, folder: Path, device: str = "cpu") -> None:
        self.config, self.folder, self.device = config, Path(folder), device
        self.model = _begin(config).to(device).train()
        self.optimizers = make_optimizers(self.model, config)
        self.held_out = draw_held_out(config, device)
        self.step = 0
        self.seconds = 0.0
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint_path.exists():
            self._resume()

    @property
    def checkpoint_path(self) -> Path:
        """The resumable state."""
        return self.folder / "checkpoint.pt"

    def run(self, until_step: int | None = None, progress: bool = True, save_every: int = 250) -> None:
        """Train to `until_step` (default: the end), saving as it goes; at the end write the weights.

        The beginning and each save are measured: `log.jsonl` gets the loss on tasks held out, and beside it
        that of the training.
        """
        if self.step == 0:
            (self.folder / "log.jsonl").unlink(missing_ok=True)  # of a training that was begun before
            self._log([], measured=True)
        stop = min(until_step or self.config.n_steps, self.config.n_steps)
        bar = tqdm(range(self.step, stop), initial=self.step, total=stop, disable=not progress, unit="step")
        losses: list[float] = []
        for step in bar:
            started = time.perf_counter()
            losses.append(self.train_step(step))
            self.seconds += time.perf_counter() - started
            self.step = step + 1
            due = self.step % save_every == 0 or self.step == self.config.n_steps
            if due or self.step % 50 == 0:
                bar.set_postfix(loss=f"{mean(losses):.3f}")
                self._log(losses, measured=due)
                losses = []
            if self.step % save_every == 0:
                self.save_checkpoint()
        self.save_checkpoint()
        if self.step == self.config.n_steps:
            self.save_weights()

    def train_step(self, step: int) -> float:
        """Make one optimiser step; return the mean loss of its batches before it."""
        loss = accumulate_gradients(self.model, step, self.config, self.device)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        factor = learning_rate_factor(step, self.config)
        for optimizer, peak in zip(self.optimizers, (self.config.muon_lr, self.config.adamw_lr), strict=True):
            optimizer.param_groups[0]["lr"] = peak * factor
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss

    def _log(self, losses: list[float], measured: bool) -> None:
        line = {"step": self.step, "seconds": round(self.seconds, 1)}
        if losses:
            line["loss"] = round(mean(losses), 5)
        if measured:
            line["held_out_loss"] = round(mean_loss(self.model, self.held_out), 5)
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def save_checkpoint(self) -> None:
        """Write the resumable state atomically."""
        state = {
            "config": json.dumps(asdict(self.config)),
            "step": self.step,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }
        partial = self.checkpoint_path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint_path)

    def save_weights(self) -> None:
        """Write `model.safetensors` and `config.json`, the two files that `load_model` reads."""
        save_checkpoint(self.model, self.folder)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint_path, weights_only=True, map_location=self.device)
        if state["config"] != json.dumps(asdict(self.config)):
            raise ModelError(
                f"{self.checkpoint_path} was made with another configuration: give the recipe that it was "
                "begun with, name another folder, or delete it to start again"
            )
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]


def _begin(config: PretrainConfig) -> Tab2D:
    """Return the model before the first step: with the weights that it starts from, or random ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        fresh = Tab2D(config.model)
    if not config.start:
        return fresh
    model, wanted = load_model(config.start), config.model
    if not isinstance(model, Tab2D) or replace(model.config, n_layers=wanted.n_layers) != wanted:
        found = getattr(model, "config", type(model).__name__)
        raise ModelError(f"{config.start} is {found}, the recipe's model {wanted}: start from its like")
    if model.config.n_layers > wanted.n_layers:
        raise ModelError(
            f"{config.start} has {model.config.n_layers} layers, the recipe's model only {wanted.n_layers}: "
            "start from one with as many or fewer"
        )
    return _deepen(model, fresh)


def _deepen(model: Tab2D, fresh: Tab2D) -> Tab2D:
    """Give `model` as many layers as `fresh` has; the new ones, before its last, change nothing as yet."""
    *first, last = model.layers
    new = fresh.layers[len(first) : -1]
    for name, weight in new.named_parameters():
        if name.partition(".")[2].startswith(("attention1.o.", "linear2.", "attention2.o.", "linear4.")):
            torch.nn.init.zeros_(weight)  # what the layer adds to its input
    model.layers, model.config = torch.nn.ModuleList((*first, *new, last)), fresh.config
    return model


def steps_for_minutes(minutes: float, config: PretrainConfig, device: str = "cpu") -> PretrainConfig:
    """Choose `n_steps` so that training takes about `minutes` here (timed on a throw-away model).

    What only a first step does, such as loading kernels, is done before.
    """
    model = Tab2D(config.model).to(device)
    optimizers = make_optimizers(model, config)

    def take(step: int) -> float:
        started = _read_clock(device)
        accumulate_gradients(model, step, config, device)
        for optimizer in optimizers:
            optimizer.step()
        return _read_clock(device) - started

    take(0)
    expected = sum(stage.share / 3 * take(step) for stage, step in _stage_samples(config))
    return replace(config, n_steps=max(len(config.stages), int(60 * minutes / expected)))


def _read_clock(device: str) -> float:
    """Return the time in seconds, once a GPU has done all that it was given."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _stage_samples(config: PretrainConfig) -> Iterator[tuple[Stage, int]]:
    """Three steps within each stage, the stage beside each."""
    passed = 0.0
    for stage in config.stages:
        for share in (0.2, 0.5, 0.8):
            yield stage, int((passed + share * stage.share) * config.n_steps)
        passed += stage.share
