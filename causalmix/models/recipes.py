"""How the embedded models are pre-trained: the curriculum, the rates and the length, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

from causalmix.models.tab2d import Tab2DConfig


@dataclass(frozen=True)
class Stage:
    """One stage of the curriculum.

    Attributes
    ----------
    share : float
        Share of all steps.
    rows, features : (int, int)
        Inclusive ranges, drawn log-uniformly once per batch.
    max_classes, max_noise, messy, observed_share
        See `causalmix.models.prior.TaskShape`.
    """

    share: float
    rows: tuple[int, int]
    features: tuple[int, int]
    max_classes: int
    max_noise: float
    messy: bool
    observed_share: float = 0.0


CURRICULUM = (
    Stage(0.12, (48, 48), (1, 3), 2, 0.0, False),
    Stage(0.18, (48, 128), (2, 6), 4, 0.3, False),
    Stage(0.70, (96, 400), (3, 24), 10, 1.0, True),
)
"""For a model that begins with random weights."""

LONGER = (Stage(1.0, (96, 640), (3, 40), 10, 1.0, True, 0.4),)
"""For a model that has been through `CURRICULUM`: more rows and features, labels that read what is shown."""


CLEARER = (Stage(1.0, (128, 800), (3, 40), 10, 0.5, True, 0.5),)
"""For a model that has been through `LONGER`: more rows, and labels with less noise."""


@dataclass(frozen=True)
class PretrainConfig:
    """All that determines the weights.

    Attributes
    ----------
    model : Tab2DConfig
    n_steps : int
        Optimiser steps over all stages.
    tokens_per_batch : int
        Cells (rows x (features + 1)) per batch, which all have one shape; the number of tasks follows.
    muon_lr, adamw_lr : float
        Peak learning rates; linear warm-up, constant, then linear decay over the last 40 %.
    warmup_steps : int
    seed : int
    stages : tuple of Stage
    batches_per_step : int
        Batches, each of a shape of its own, whose gradients are averaged in a step.
    start : str
        Model whose weights the training begins with (a name or folder); empty for random ones. One with fewer
        layers gets the others before its last, which at first change nothing.
    bfloat16 : bool
        Multiply matrices in bfloat16 (torch's autocast), which is faster on GPUs only.
    """

    model: Tab2DConfig = field(default_factory=Tab2DConfig)
    n_steps: int = 6000
    tokens_per_batch: int = 8192
    muon_lr: float = 0.02
    adamw_lr: float = 2e-3
    warmup_steps: int = 100
    seed: int = 0
    stages: tuple[Stage, ...] = field(default=CURRICULUM)
    batches_per_step: int = 1
    start: str = ""
    bfloat16: bool = False


def learning_rate_factor(step: int, config: PretrainConfig) -> float:
    """Share of the peak learning rate at `step` (trapezoid: warm-up, constant, decay over the last 40 %)."""
    decay_from = 0.6 * config.n_steps
    warm = min(1.0, (step + 1) / config.warmup_steps)
    cool = min(1.0, (config.n_steps - step) / (config.n_steps - decay_from))
    return min(warm, cool)


def stage_at(step: int, config: PretrainConfig) -> Stage:
    """The curriculum stage of `step`."""
    progress, passed = step / config.n_steps, 0.0
    for stage in config.stages:
        passed += stage.share
        if progress < passed:
            return stage
    return config.stages[-1]


RECIPES = {
    "embedded-mini": PretrainConfig(n_steps=7800),
    "embedded-mini-2": PretrainConfig(
        n_steps=4400, batches_per_step=2, start="embedded-mini", stages=LONGER, seed=1
    ),
    "embedded-mini-3": PretrainConfig(
        Tab2DConfig(n_layers=6),
        n_steps=3300,
        muon_lr=0.01,
        adamw_lr=1e-3,
        seed=2,
        stages=CLEARER,
        batches_per_step=4,
        start="embedded-mini-2",
    ),
    "embedded-small": PretrainConfig(
        Tab2DConfig(dim=192, n_layers=6, n_heads=6), n_steps=20_000, tokens_per_batch=131_072, bfloat16=True
    ),
}
"""Name of a model to how it is made; `embedded-small` is for a GPU and not shipped."""
