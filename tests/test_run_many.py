"""Many runs through one program: the numbers of the runs one by one, whatever becomes of one of them."""

from __future__ import annotations

import gc
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from causalmix import finetune
from causalmix.finetune import FinetuneData, FinetunePreset, FineTuner, LabelledRows
from causalmix.finetune_run import evaluate, shape_of
from causalmix.models.base import ModelError
from causalmix.models.stacked import FlatWeights, saved_bytes, stack_copies
from causalmix.models.tab2d import Tab2D, Tab2DConfig
from causalmix.trajectory import CURVES

PRESET = FinetunePreset(n_steps=6, eval_every=1, learning_rate=1e-3, rows_per_step=40, patience=2)


def make_rows(n_rows: int, seed: int, n_features: int = 3) -> LabelledRows:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    return LabelledRows(X, (X[:, 0] + rng.normal(size=n_rows) > 0).astype(np.int64))


def make_data(seed: int, n_pool: int = 50, n_features: int = 3) -> FinetuneData:
    pool, context, val, test = (
        make_rows(n_rows, 10 * seed + part, n_features) for part, n_rows in enumerate((n_pool, 45, 30, 35))
    )
    return FinetuneData(pool, context, val, test, n_classes=2)


@pytest.fixture(scope="module")
def model() -> Tab2D:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Tab2D(Tab2DConfig(dim=16, n_layers=2, n_heads=2)).eval()


def run_many(tuner: FineTuner, model: nn.Module, runs: list[FinetuneData]) -> list:
    outcomes = {k: v for program in tuner.run_many(model, runs, range(len(runs))) for k, v in program.items()}
    return [outcomes[position] for position in range(len(runs))]


def assert_same(one, other) -> None:
    assert (one.steps, one.selected_step) == (other.steps, other.selected_step)
    for curve in CURVES:
        assert np.allclose(getattr(one, curve), getattr(other, curve), rtol=1e-4, equal_nan=True), curve


@pytest.fixture
def programs(monkeypatch) -> list[int]:
    """Sizes of the programs that are built."""
    sizes = []

    def note(model: nn.Module, n_copies: int) -> nn.Module:
        sizes.append(n_copies)
        return stack_copies(model, n_copies)

    monkeypatch.setattr(finetune, "stack_copies", note)
    return sizes


def test_runs_of_one_program_are_the_runs_one_by_one_and_stop_when_those_stop(model, programs):
    tuner, runs = FineTuner(PRESET), [make_data(seed, n_pool=50 + seed) for seed in range(5)]
    alone = [tuner.run(model, data, seed) for seed, data in enumerate(runs)]
    together = run_many(tuner, model, runs)
    assert programs == [5]
    assert len({one.steps for one in alone}) > 1  # some stop earlier
    for one, other in zip(alone, together, strict=True):
        assert_same(one, other)


def test_runs_are_grouped_by_shape_and_keep_their_places(model, programs):
    runs = [make_data(0), make_data(1, n_features=4), make_data(2), make_data(3, n_pool=30)]
    tuner = FineTuner(replace(PRESET, n_steps=2))
    for seed, outcome in enumerate(run_many(tuner, model, runs)):
        assert_same(outcome, tuner.run(model, runs[seed], seed))
    assert programs == [2]


def test_tables_with_other_numbers_of_classes_share_no_program(model, programs):
    """One program of both would have to be made again."""
    runs = [make_data(seed) for seed in range(4)]
    for position in (1, 3):
        parts = (runs[position].pool, runs[position].context, runs[position].val, runs[position].test)
        three = [LabelledRows(part.X, np.arange(len(part)) % 3) for part in parts]
        runs[position] = FinetuneData(*three, n_classes=3)
    tuner = FineTuner(replace(PRESET, n_steps=2))
    for seed, outcome in enumerate(run_many(tuner, model, runs)):
        assert_same(outcome, tuner.run(model, runs[seed], seed))
    assert programs == [2, 2]


def test_pure_and_mixed_pools_have_one_shape_unless_they_are_the_prediction_context():
    pure, mixed = make_data(0), make_data(0, n_pool=100)
    assert shape_of(pure, PRESET) == shape_of(mixed, PRESET)
    as_context = replace(PRESET, prediction_context="pool")
    assert shape_of(pure, as_context) != shape_of(mixed, as_context)


def test_a_run_that_fails_takes_no_other_with_it(model):
    runs = [make_data(seed) for seed in range(5)]
    runs[3] = replace(runs[3], pool=LabelledRows(runs[3].pool.X, 99 * runs[3].pool.y))
    tuner = FineTuner(replace(PRESET, n_steps=2))
    outcomes = run_many(tuner, model, runs)
    assert isinstance(outcomes[3], Exception) and outcomes[3].__traceback__ is None
    with pytest.raises(type(outcomes[3])):
        tuner.run(model, runs[3], 3)
    for seed in (0, 1, 2, 4):
        assert_same(outcomes[seed], tuner.run(model, runs[seed], seed))


NO_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
REFUSED = torch.AcceleratorError("CUDA error: invalid configuration argument")
REFUSED.error_code = 9  # as PyTorch sets it


class Greedy(Tab2D):
    """Takes batches of two tables."""

    error: Exception

    def forward(self, X_context, y_context, X_query):
        if len(X_context) > 2:
            raise self.error
        return super().forward(X_context, y_context, X_query)


@pytest.mark.parametrize("error", [NO_MEMORY, REFUSED], ids=["memory", "a grid for a launch"])
def test_a_program_too_large_for_the_gpu_is_halved_until_it_fits(model, programs, error):
    greedy = Greedy(model.config)
    greedy.error = error
    greedy.load_state_dict(model.state_dict())
    tuner, runs = FineTuner(replace(PRESET, n_steps=2)), [make_data(seed) for seed in range(7)]
    outcomes = run_many(tuner, greedy, runs)
    assert programs == [7, 3, 2, 4, 2, 2]
    for seed, outcome in enumerate(outcomes):
        assert_same(outcome, tuner.run(model, runs[seed], seed))


def test_the_size_of_a_program_follows_from_free_memory(model, programs, monkeypatch):
    tuner, runs = FineTuner(replace(PRESET, n_steps=2)), [make_data(seed) for seed in range(5)]
    one = tuner._runs_that_fit(model, runs[0], 5)
    assert one == 5  # a CPU is not asked
    monkeypatch.setattr(finetune, "free_memory", lambda device: 10**9)
    assert tuner._runs_that_fit(model, runs[0], 5) == 5
    needed = next(n for n in range(10**5, 10**8, 10**5) if _fits(tuner, model, runs[0], n, monkeypatch) == 2)
    monkeypatch.setattr(finetune, "free_memory", lambda device: needed)
    run_many(tuner, model, runs)
    assert programs == [2, 2]  # and the last one alone


def test_memory_that_pytorch_holds_after_a_program_is_free_for_the_next(monkeypatch):
    answers = {"mem_get_info": (100, 1000), "memory_reserved": 700, "memory_allocated": 50}
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, answer=answer: answer)
    assert finetune.free_memory("cuda:1") == 100 + 700 - 50
    assert finetune.free_memory("cpu") is None


@pytest.fixture
def copies(monkeypatch) -> list[int]:
    """How often the weights of all runs of a program are in memory at each evaluation; the first diverges."""
    counts = []

    def count(model: nn.Module, runs: list[FinetuneData], step: int, *rest) -> list[dict[str, float]]:
        size = sum(weight.nbytes for weight in model.parameters())
        storages = [kept.untyped_storage() for kept in gc.get_objects() if type(kept) in KINDS_OF_TENSOR]
        counts.append(len({storage.data_ptr() for storage in storages if storage.nbytes() == size}))
        first, *others = evaluate(model, runs, step, *rest)
        return [first | ({"val_log_loss": math.nan} if step > 1 else {}), *others]

    monkeypatch.setattr(finetune, "evaluate", count)
    return counts


KINDS_OF_TENSOR = (torch.Tensor, nn.Parameter)


def test_a_program_keeps_the_weights_of_its_last_evaluation_alone(model, copies):
    """Beside the weights themselves, their gradient and the optimiser's two moments."""
    runs = [make_data(seed) for seed in range(5)]
    stopped, *others = run_many(FineTuner(replace(PRESET, patience=99)), model, runs)
    assert stopped.steps == (0, 1) and {other.steps[-1] for other in others} == {PRESET.n_steps}
    assert len({other.selected_step for other in others}) > 1  # best at several evaluations
    assert copies[1:] == [5] * PRESET.n_steps


def test_the_weights_of_a_run_count_for_the_size_of_its_program(model, monkeypatch):
    tuner, data = FineTuner(PRESET), make_data(0)
    monkeypatch.setattr(finetune, "saved_bytes", lambda forward: 1000)
    room_for_two = 2 * 2 * (1000 + 8 * sum(4 * weight.numel() for weight in model.parameters()))
    assert [_fits(tuner, model, data, room_for_two - less, monkeypatch) for less in (0, 1)] == [2, 1]


class Narrow(Tab2D):
    """Takes tables of three features."""

    def forward(self, X_context, y_context, X_query):
        if X_context.shape[2] > 3:
            raise ValueError("takes at most 3 features")
        return super().forward(X_context, y_context, X_query)


def test_runs_that_fail_when_their_memory_is_measured_fail_alone(model, programs, monkeypatch):
    narrow = Narrow(model.config)
    narrow.load_state_dict(model.state_dict())
    monkeypatch.setattr(finetune, "free_memory", lambda device: 10**9)
    tuner = FineTuner(replace(PRESET, n_steps=2))
    runs = [make_data(seed, n_features=n) for seed, n in enumerate((4, 3, 4, 3))]
    outcomes = run_many(tuner, narrow, runs)
    assert [str(outcomes[wide]) for wide in (0, 2)] == ["takes at most 3 features"] * 2
    for seed in (1, 3):
        assert_same(outcomes[seed], tuner.run(narrow, runs[seed], seed))
    assert programs == [2]  # of those that can be made


def _fits(tuner, model, data, free, monkeypatch) -> int:
    monkeypatch.setattr(finetune, "free_memory", lambda device: free)
    return tuner._runs_that_fit(model, data, 5)


def test_each_copy_is_clipped_by_its_own_norm():
    layer = stack_copies(nn.Sequential(nn.Linear(3, 2)), 2)
    weights = FlatWeights(layer, 2)
    x = torch.stack((torch.full((4, 3), 9.0), torch.full((4, 3), 0.01)))
    layer(x).pow(2).mean(dim=(1, 2)).sum().backward()
    gradients = [torch.cat([p.grad[i].flatten() for p in layer.parameters()]) for i in range(2)]
    limit = float(gradients[0].norm() + gradients[1].norm()) / 2
    weights.clip_gradients(limit)
    for index, gradient in enumerate(gradients):
        now = torch.cat([p.grad[index].flatten() for p in layer.parameters()])
        assert torch.allclose(now, gradient * min(1.0, limit / float(gradient.norm())), rtol=1e-5)


def test_the_parameters_are_views_of_the_vector():
    layer = stack_copies(nn.Sequential(nn.Linear(3, 2)), 2)
    weights = FlatWeights(layer, 2)
    assert weights.rows().shape == (2, 8) and torch.equal(*weights.rows())
    with torch.no_grad():
        weights.vector.zero_()
    assert layer(torch.ones(2, 4, 3)).abs().max() == 0


def test_a_layer_that_cannot_be_stacked_is_named_and_its_runs_go_one_by_one(model):
    with pytest.raises(ModelError, match="Conv1d cannot be stacked"):
        stack_copies(nn.Sequential(nn.Conv1d(1, 1, 1)), 2)

    class Scaled(Tab2D):
        def __init__(self, config: Tab2DConfig) -> None:
            super().__init__(config)
            self.scale = nn.Bilinear(1, 1, 1)

    tuner, runs = FineTuner(replace(PRESET, n_steps=2)), [make_data(seed) for seed in range(2)]
    outcomes = run_many(tuner, Scaled(Tab2DConfig(dim=16, n_layers=1, n_heads=2)), runs)
    assert [outcome.steps for outcome in outcomes] == [(0, 1, 2)] * 2


def test_weights_of_a_model_beside_its_layers_are_trained_in_each_run_by_itself():
    """One set of them would be shared by the runs of a program."""

    class Scaled(Tab2D):
        def __init__(self, config: Tab2DConfig) -> None:
            super().__init__(config)
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, *rows):
            return self.scale * super().forward(*rows)

    scaled = Scaled(Tab2DConfig(dim=16, n_layers=1, n_heads=2))
    with pytest.raises(ModelError, match="Scaled cannot be stacked"):
        stack_copies(scaled, 2)
    with pytest.raises(ModelError, match="Linear cannot be stacked"):
        stack_copies(nn.Linear(2, 2), 2)
    tuner, runs = FineTuner(replace(PRESET, n_steps=2)), [make_data(seed) for seed in range(2)]
    for seed, outcome in enumerate(run_many(tuner, scaled, runs)):
        assert_same(outcome, tuner.run(scaled, runs[seed], seed))


def test_what_a_forward_pass_keeps_is_counted_once():
    x = torch.ones(1000, requires_grad=True)
    assert saved_bytes(lambda: (x * x).sum()) == 4000
    assert saved_bytes(lambda: (x.exp() * x).sum()) == 8000
