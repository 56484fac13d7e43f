"""One step of the pre-training: what it draws, and which weights it moves how far."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from math import hypot
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from causalmix.models import pretrain
from causalmix.models.pretrain import Pretrainer, accumulate_gradients, draw_batch, steps_for_minutes
from causalmix.models.recipes import PretrainConfig, Stage
from causalmix.models.tab2d import Tab2DConfig
from causalmix.threads import cpu_threads

TINY = PretrainConfig(
    model=Tab2DConfig(dim=16, n_layers=2, n_heads=2),
    n_steps=2000,
    tokens_per_batch=512,
    warmup_steps=1,
    stages=(Stage(1.0, (50, 50), (3, 3), 2, 0.0, False),),
)


def moves_of(config: PretrainConfig, folder: Path, step: int = 0) -> dict[str, torch.Tensor]:
    """What a step adds to each of the weights that the training begins with."""
    trainer = Pretrainer(config, folder)
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    trainer.train_step(step)
    return {name: weight.detach() - before[name] for name, weight in trainer.model.named_parameters()}


def assert_moved(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, atol=2e-6, rtol=1e-3)


def test_muon_moves_the_matrices_of_every_layer_and_adamw_all_else(tmp_path: Path) -> None:
    once = moves_of(TINY, tmp_path)
    muon = moves_of(replace(TINY, muon_lr=2 * TINY.muon_lr), tmp_path)
    adamw = moves_of(replace(TINY, adamw_lr=2 * TINY.adamw_lr), tmp_path)
    by_muon = [name for name in once if not torch.equal(once[name], muon[name])]
    # two attentions of four matrices and two networks of two in each layer
    assert Counter(name.rsplit(".", 2)[0].split(".")[1] for name in by_muon) == {"0": 12, "1": 12}
    for name in once:
        assert_moved(muon[name], (2 if name in by_muon else 1) * once[name])
        assert_moved(adamw[name], (1 if name in by_muon else 2) * once[name])


@pytest.mark.parametrize(
    ("change", "step", "share"),
    [({"warmup_steps": 10}, 0, 1 / 10), ({"warmup_steps": 10}, 4, 5 / 10), ({"n_steps": 20}, 19, 1 / 8)],
    ids=["the first of ten that warm up", "the fifth of them", "the last of eight that cool down"],
)
def test_a_step_is_as_long_as_the_schedule_says(
    change: dict, step: int, share: float, tmp_path: Path
) -> None:
    full, part = moves_of(TINY, tmp_path, step), moves_of(replace(TINY, **change), tmp_path, step)
    for name in full:
        assert_moved(part[name], share * full[name])


def test_a_gradient_longer_than_one_is_cut_to_one(tmp_path: Path) -> None:
    trainer, lengths = Pretrainer(TINY, tmp_path), []
    with torch.no_grad():
        trainer.model.final_layer.weight.mul_(30)  # confident and wrong: a long gradient

    def measure(optimizer: torch.optim.Optimizer, *_) -> None:
        gradients = [p.grad for p in optimizer.param_groups[0]["params"] if p.grad is not None]
        lengths.append(float(torch.cat([gradient.flatten() for gradient in gradients]).norm()))

    for optimizer in trainer.optimizers:
        optimizer.register_step_pre_hook(measure)
    trainer.train_step(0)
    assert len(lengths) == 2 and hypot(*lengths) == pytest.approx(1, abs=1e-4)


def test_another_seed_begins_with_other_weights_and_draws_other_tasks(tmp_path: Path) -> None:
    first, again, other = (replace(TINY, seed=seed) for seed in (0, 0, 1))
    weights = [Pretrainer(config, tmp_path).model.final_layer.weight for config in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    tasks = [draw_batch(3, config, "cpu").X for config in (first, again, other)]
    assert torch.equal(tasks[0], tasks[1]) and not torch.equal(tasks[0], tasks[2])


def test_two_to_four_fifths_of_the_rows_of_a_task_are_labelled() -> None:
    shares = [draw_batch(step, TINY, "cpu").n_context / 50 for step in range(60)]
    assert 0.4 <= min(shares) < 0.45 and 0.75 < max(shares) <= 0.8


def test_batches_side_by_side_add_up_to_what_one_thread_gets(tmp_path: Path) -> None:
    config = replace(TINY, batches_per_step=3, stages=(Stage(1.0, (40, 90), (2, 6), 4, 0.5, True),))
    model, found = Pretrainer(config, tmp_path).model, []
    for threads in (1, 2, 3):
        with cpu_threads(threads):
            loss = accumulate_gradients(model, 0, config, "cpu")
            assert torch.get_num_threads() == threads
        found.append([torch.tensor(loss), *(weight.grad.clone() for weight in model.parameters())])
        model.zero_grad()
    alone, *shared = found
    assert all(map(torch.equal, alone, shared[0])) and all(map(torch.equal, alone, shared[1]))


def test_a_gpu_computes_in_this_thread_and_without_cudnns_attention_which_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watch(*given) -> torch.Tensor:
        seen.append((threading.get_ident(), torch.backends.cuda.cudnn_sdp_enabled()))
        return task_loss(*given)

    task_loss = pretrain.task_loss
    monkeypatch.setattr(pretrain, "task_loss", watch)
    monkeypatch.setattr(pretrain, "draw_batch", lambda *given: draw_batch(0, TINY, "cpu"))
    model = Pretrainer(TINY, tmp_path).model
    assert torch.backends.cuda.cudnn_sdp_enabled()
    accumulate_gradients(model, 0, replace(TINY, batches_per_step=2), "cuda")
    assert seen == [(threading.get_ident(), False)] * 2
    assert torch.backends.cuda.cudnn_sdp_enabled()


def test_a_training_in_minutes_is_as_long_as_its_steps_take_after_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(now=0.0, due=0.0, n_steps=0)  # what a GPU was given is due, and done at a wait

    def take_step(*_) -> None:
        clock.due += 2 if clock.n_steps else 600
        clock.n_steps += 1

    def wait(device: str) -> None:
        clock.now, clock.due = clock.now + clock.due, 0.0

    monkeypatch.setattr(pretrain, "accumulate_gradients", take_step)
    monkeypatch.setattr(pretrain, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    monkeypatch.setattr(torch.cuda, "synchronize", wait)
    monkeypatch.setattr(pretrain.Tab2D, "to", lambda model, device: model)
    assert steps_for_minutes(1, TINY, "cuda").n_steps == 30
