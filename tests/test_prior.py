"""The prior draws tasks that can be learned from, and the pre-training resumes bit for bit."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from causalmix.models import ModelError, load_model
from causalmix.models import prior as prior_module
from causalmix.models.mechanisms import deep_tree
from causalmix.models.pretrain import (
    Pretrainer,
    accumulate_gradients,
    draw_batch,
    draw_held_out,
    mean_loss,
    steps_for_minutes,
    task_loss,
)
from causalmix.models.prior import FAMILIES, TaskBatch, TaskShape, sample_tasks
from causalmix.models.recipes import (
    CURRICULUM,
    PretrainConfig,
    learning_rate_factor,
    stage_at,
)
from causalmix.models.tab2d import Tab2DConfig

TINY = PretrainConfig(
    model=Tab2DConfig(dim=16, n_layers=1, n_heads=2), n_steps=20, tokens_per_batch=512, warmup_steps=2
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_rows=st.integers(20, 80),
    n_features=st.integers(1, 12),
    max_classes=st.integers(2, 10),
    messy=st.booleans(),
)
def test_every_task_is_a_finite_table_with_valid_codes(
    seed: int, n_rows: int, n_features: int, max_classes: int, messy: bool
) -> None:
    shape = TaskShape(n_rows, n_rows // 2, n_features, max_classes, 1.0, messy)
    batch = sample_tasks(5, shape, generator(seed))
    assert batch.X.shape == (5, n_rows, n_features)
    assert torch.isfinite(batch.X).all()
    assert int(batch.y.min()) >= 0 and int(batch.y.max()) < max_classes


def test_the_same_seed_draws_the_same_tasks() -> None:
    shape = TaskShape(40, 20, 4)
    first, again = sample_tasks(6, shape, generator(3)), sample_tasks(6, shape, generator(3))
    other = sample_tasks(6, shape, generator(4))
    assert torch.equal(first.X, again.X) and torch.equal(first.y, again.y)
    assert not torch.equal(first.X, other.X)


def forest_auc(batch: TaskBatch) -> float:
    scores, n = [], batch.n_context
    for X, y in zip(batch.X.numpy(), batch.y.numpy(), strict=True):
        if len(np.unique(y[:n])) == 2 and len(np.unique(y[n:])) == 2:
            forest = RandomForestClassifier(25, random_state=0).fit(X[:n], y[:n])
            scores.append(roc_auc_score(y[n:], forest.predict_proba(X[n:])[:, 1]))
    return float(np.mean(scores))


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_each_family_alone_makes_tasks_that_a_forest_learns(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prior_module, "FAMILY_WEIGHTS", {family: 1.0})
    assert forest_auc(sample_tasks(12, TaskShape(300, 200, 5, 2, 0.1, False), generator())) > 0.7


def test_each_family_makes_about_a_third_of_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Counter[str] = Counter()

    def counted(family: str, draw: Callable) -> Callable:
        def draw_and_count(n_tasks: int, *shape) -> tuple:
            made[family] += n_tasks
            return draw(n_tasks, *shape)

        return draw_and_count

    for family, draw in list(FAMILIES.items()):
        monkeypatch.setitem(FAMILIES, family, counted(family, draw))
    assert len(sample_tasks(900, TaskShape(6, 3, 2), generator()).X) == made.total() == 900
    assert len(made) == 3 and min(made.values()) > 900 / 4


def test_labels_read_the_columns_as_shown_in_the_share_of_the_batches_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prior_module, "FAMILY_WEIGHTS", {"tree_ensemble": 1.0})
    monkeypatch.setattr(prior_module, "observed_trees", lambda *args: "as shown")
    rng, shape = generator(), TaskShape(6, 3, 2, observed_share=0.4)
    drawn = [sample_tasks(1, shape, rng) for _ in range(200)]
    assert drawn.count("as shown") / 200 == pytest.approx(0.4, abs=0.1)


def test_untidy_columns_cost_a_forest_less_where_the_labels_read_them_as_they_are_shown() -> None:
    hidden, observed = (
        sample_tasks(24, TaskShape(300, 200, 5, 2, 0.1, True, share), generator(2)) for share in (0.0, 1.0)
    )
    assert forest_auc(observed) > forest_auc(hidden) + 0.05


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), depth=st.integers(1, 7))
def test_a_tree_gives_equal_rows_equal_values_and_has_no_more_values_than_leaves(
    seed: int, depth: int
) -> None:
    X = torch.randint(0, 3, (4, 90, 2), generator=generator(seed)).float()
    values = deep_tree(X, depth, generator(seed))
    for rows, of_rows in zip(X, values, strict=True):
        _, kind = rows.unique(dim=0, return_inverse=True)
        assert all(len(of_rows[kind == k].unique()) == 1 for k in kind.unique())
        assert len(of_rows.unique()) <= 2**depth


def test_label_noise_makes_tasks_harder() -> None:
    clear, noisy = (
        sample_tasks(12, TaskShape(300, 200, 4, 2, noise, False), generator(1)) for noise in (0.0, 20.0)
    )
    assert forest_auc(clear) > forest_auc(noisy) + 0.1


def test_the_curriculum_goes_from_easy_to_full() -> None:
    config = PretrainConfig(n_steps=1000)
    easy, full = draw_batch(0, config, "cpu"), draw_batch(999, config, "cpu")
    assert easy.X.shape[2] <= 3 and int(easy.y.max()) <= 1
    assert full.X.shape[1] >= 96
    assert stage_at(0, config) == config.stages[0] and stage_at(999, config) == config.stages[-1]


def test_the_learning_rate_warms_up_and_decays_to_nearly_nothing() -> None:
    config = PretrainConfig(n_steps=1000, warmup_steps=10)
    factors = [learning_rate_factor(step, config) for step in range(1000)]
    assert factors[0] < 0.2 and factors[500] == 1.0 and factors[-1] < 0.01


def test_a_stopped_and_resumed_run_gives_the_same_weights_bit_for_bit(tmp_path: Path) -> None:
    Pretrainer(TINY, tmp_path / "straight").run(progress=False)
    Pretrainer(TINY, tmp_path / "resumed").run(until_step=7, progress=False)
    Pretrainer(TINY, tmp_path / "resumed").run(progress=False)
    straight = load_model(str(tmp_path / "straight")).state_dict()
    resumed = load_model(str(tmp_path / "resumed")).state_dict()
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)


def test_training_lowers_the_loss_and_leaves_global_randomness_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    easy = replace(CURRICULUM[0], share=1.0)
    Pretrainer(replace(TINY, n_steps=200, stages=(easy,)), tmp_path).run(progress=False)
    assert torch.equal(torch.rand(1), expected)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 50, 100, 150, 200]
    assert lines[-1]["loss"] < lines[1]["loss"] and "loss" not in lines[0]
    assert [line["step"] for line in lines if "held_out_loss" in line] == [0, 200]


def test_tasks_held_out_are_not_among_those_trained_on(tmp_path: Path) -> None:
    config = replace(TINY, n_steps=12)
    held_out = draw_held_out(config, "cpu")
    trained = [draw_batch(step, config, "cpu") for step in range(config.n_steps)]
    assert not any(
        ours.X.shape == theirs.X.shape and torch.equal(ours.X, theirs.X)
        for ours in held_out
        for theirs in trained
    )
    trainer = Pretrainer(config, tmp_path)
    before = mean_loss(trainer.model, held_out)
    trainer.run(progress=False, save_every=5)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    measured = {line["step"]: line["held_out_loss"] for line in lines if "held_out_loss" in line}
    assert list(measured) == [0, 5, 10, 12] and measured[12] == round(
        mean_loss(trainer.model, held_out), 5
    ) != measured[0] == round(before, 5)


def test_a_training_can_start_from_the_weights_of_another_one(tmp_path: Path) -> None:
    Pretrainer(replace(TINY, n_steps=3), tmp_path / "first").run(progress=False)
    config = replace(TINY, start=str(tmp_path / "first"), seed=9)
    begun = Pretrainer(config, tmp_path / "second").model.state_dict()
    first = load_model(str(tmp_path / "first")).state_dict()
    assert all(torch.equal(begun[name], first[name]) for name in first)
    wider = replace(config, model=Tab2DConfig(dim=32, n_layers=1, n_heads=2))
    with pytest.raises(ModelError, match="start from its like"):
        Pretrainer(wider, tmp_path / "third")


def test_layers_added_to_a_model_that_is_trained_on_change_nothing_before_they_learn(tmp_path: Path) -> None:
    Pretrainer(replace(TINY, n_steps=3), tmp_path / "first").run(progress=False)
    size = TINY.model
    config = replace(TINY, start=str(tmp_path / "first"), model=replace(size, n_layers=size.n_layers + 2))
    trainer, first = Pretrainer(config, tmp_path / "deeper"), load_model(config.start)
    held_out = draw_held_out(config, "cpu")
    assert len(trainer.model.layers) == size.n_layers + 2
    assert mean_loss(trainer.model, held_out) == mean_loss(first.train(), held_out)
    before = [weight.detach().clone() for weight in trainer.model.layers[-2].parameters()]
    trainer.run(progress=False)
    assert not any(map(torch.equal, before, trainer.model.layers[-2].parameters()))
    assert load_model(str(tmp_path / "deeper")).config == config.model
    with pytest.raises(ModelError, match="layers"):
        Pretrainer(replace(TINY, start=str(tmp_path / "deeper")), tmp_path / "shallower")


def test_a_step_averages_the_gradients_of_batches_of_different_shapes(tmp_path: Path) -> None:
    config = replace(TINY, batches_per_step=3, n_steps=1)
    trainer = Pretrainer(config, tmp_path)
    batches = [draw_batch(0, config, "cpu", part) for part in range(3)]
    expected = mean_loss(trainer.model, batches)
    accumulate_gradients(trainer.model, 0, config, "cpu")
    weights = [p for p in trainer.model.parameters() if p.grad is not None]
    loss = torch.stack([task_loss(trainer.model, batch) for batch in batches]).mean()
    for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
        torch.testing.assert_close(weight.grad, gradient, atol=1e-6, rtol=1e-4)
    trainer.model.zero_grad()
    trainer.run(progress=False)
    logged = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["loss"]
    assert logged == pytest.approx(expected, abs=1e-5)
    assert len({batch.X.shape for batch in batches}) > 1
    later = draw_batch(1, config, "cpu")
    assert not any(later.X.shape == batch.X.shape and torch.equal(later.X, batch.X) for batch in batches)


def test_a_training_in_bfloat16_keeps_its_weights_in_float32_and_learns(tmp_path: Path) -> None:
    easy = replace(CURRICULUM[0], share=1.0)
    exact, rounded = (
        replace(TINY, n_steps=100, stages=(easy,), bfloat16=bfloat16) for bfloat16 in (False, True)
    )
    Pretrainer(exact, tmp_path / "exact").run(progress=False)
    trainer = Pretrainer(rounded, tmp_path / "rounded")
    trainer.run(progress=False)
    assert {weight.dtype for weight in trainer.model.parameters()} == {torch.float32}
    assert not torch.equal(
        trainer.model.final_layer.weight, load_model(str(tmp_path / "exact")).final_layer.weight
    )
    losses = [json.loads(line) for line in (tmp_path / "rounded" / "log.jsonl").read_text().splitlines()]
    assert losses[-1]["held_out_loss"] < losses[0]["held_out_loss"]


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    Pretrainer(TINY, tmp_path).run(until_step=2, progress=False)
    with pytest.raises(ModelError, match="another configuration"):
        Pretrainer(replace(TINY, seed=1), tmp_path)


def test_more_minutes_give_more_steps(monkeypatch) -> None:
    clock = itertools.count()  # a step takes a hundredth of a second
    fake = SimpleNamespace(perf_counter=lambda: next(clock) / 100)
    monkeypatch.setattr("causalmix.models.pretrain.time", fake)
    minutes = (1e-9, 0.05, 1.0)
    n_steps = [steps_for_minutes(limit, TINY).n_steps for limit in minutes]
    assert n_steps == pytest.approx([len(TINY.stages), 300, 6000], abs=1)
