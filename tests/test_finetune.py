"""Fine-tuning: what a trajectory records, which step is kept, and what is left alone."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from causalmix.finetune import PRESETS, FinetuneData, FinetunePreset, FineTuner, LabelledRows, zero_shot
from causalmix.finetune_run import draw_split, evaluate
from causalmix.models.base import in_context_loss
from causalmix.models.checkpoints import load_checkpoint, save_checkpoint
from causalmix.models.inference import predict_proba, roc_auc
from causalmix.models.tab2d import Tab2D, Tab2DConfig

PRESET = FinetunePreset(n_steps=6, eval_every=2, learning_rate=1e-2, rows_per_step=40)


def make_rows(n_rows: int, seed: int) -> LabelledRows:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3)).astype(np.float32)
    return LabelledRows(X, (X[:, 0] > 0).astype(np.int64))


@pytest.fixture
def data() -> FinetuneData:
    real = make_rows(40, 0)
    return FinetuneData(pool=real, context=real, val=make_rows(20, 1), test=make_rows(30, 2), n_classes=2)


@pytest.fixture
def model() -> Tab2D:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Tab2D(Tab2DConfig(dim=16, n_layers=1, n_heads=2)).eval()


def test_a_trajectory_starts_with_the_zero_shot_scores(model: Tab2D, data: FinetuneData) -> None:
    tuned, start = FineTuner(PRESET).run(model, data, seed=0), zero_shot(model, data)
    assert tuned.steps == (0, 2, 4, 6) and start.steps == (0,)
    assert tuned.at_start("test_auc") == start.at_start("test_auc")
    assert math.isnan(tuned.train_loss[0]) and tuned.update_norm[0] == 0
    assert all(norm > 0 for norm in tuned.update_norm[1:])


def test_the_same_seed_gives_the_same_trajectory_and_another_seed_another(
    model: Tab2D, data: FinetuneData
) -> None:
    first, again, other = (FineTuner(PRESET).run(model, data, seed) for seed in (0, 0, 1))
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)


def test_the_callers_model_and_global_randomness_are_left_alone(model: Tab2D, data: FinetuneData) -> None:
    before = {name: w.clone() for name, w in model.state_dict().items()}
    state = torch.get_rng_state()
    FineTuner(PRESET).run(model, data, seed=0)
    assert all(torch.equal(before[name], w) for name, w in model.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())


def test_the_returned_weights_are_those_of_the_selected_step(model: Tab2D, data: FinetuneData) -> None:
    tuned, trajectory = FineTuner(PRESET).fit(model, data, seed=0)
    (again,) = evaluate(tuned, [data], trajectory.selected_step)
    assert again["test_auc"] == trajectory.at_selected("test_auc")
    assert again["val_log_loss"] == trajectory.at_selected("val_log_loss")


def test_the_returned_model_can_be_saved_and_loaded(model: Tab2D, data: FinetuneData, tmp_path) -> None:
    tuned, _ = FineTuner(PRESET).fit(model, data, seed=0)
    save_checkpoint(tuned, tmp_path)
    assert len({path.stat().st_mode for path in tmp_path.iterdir()}) == 1  # whoever reads one reads both
    loaded = load_checkpoint(tmp_path)
    assert all(torch.equal(tuned.state_dict()[name], w) for name, w in loaded.state_dict().items())


def test_a_step_is_that_of_the_textbook_loop(model: Tab2D, data: FinetuneData) -> None:
    preset = replace(PRESET, n_steps=3, eval_every=1, warmup_steps=0, patience=99)
    norms, rng = FineTuner(preset).run(model, data, seed=0).update_norm[1:], np.random.default_rng(0)
    copied = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(
        copied.parameters(), lr=preset.learning_rate, weight_decay=preset.weight_decay
    )
    for norm in norms:
        before = torch.nn.utils.parameters_to_vector(copied.parameters()).detach().clone()
        context, query = draw_split(data.pool.y, preset.rows_per_step, preset.query_share, rng)
        X, y = torch.as_tensor(data.pool.X)[None], torch.as_tensor(data.pool.y)[None]
        in_context_loss(copied, X[:, context], y[:, context], X[:, query], y[:, query]).backward()
        torch.nn.utils.clip_grad_norm_(copied.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        after = torch.nn.utils.parameters_to_vector(copied.parameters()).detach()
        assert float((after - before).norm()) == norm


def test_the_selected_step_has_the_best_validation_score(model: Tab2D, data: FinetuneData) -> None:
    trajectory = FineTuner(PRESET).run(model, data, seed=0)
    assert trajectory.at_selected("val_auc") == max(trajectory.val_auc)


def test_a_rate_that_destroys_the_model_keeps_an_early_step(model: Tab2D, data: FinetuneData) -> None:
    preset = replace(PRESET, learning_rate=0.0, patience=2)
    trajectory = FineTuner(preset).run(model, data, seed=0)
    assert trajectory.selected_step == 0
    assert trajectory.steps == (0, 2, 4)  # two evaluations without a better score, then stop


def test_a_run_that_diverges_ends_with_its_last_finite_evaluation_and_spares_its_neighbours(
    model: Tab2D, data: FinetuneData, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuner = FineTuner(replace(PRESET, learning_rate=1e30))
    trajectory = tuner.run(model, data, seed=0)
    assert trajectory.steps == (0,) and trajectory.selected_step == 0
    assert trajectory.at_start("test_auc") == zero_shot(model, data).at_start("test_auc")

    def evaluate_and_break(*given) -> list[dict[str, float]]:
        rows = evaluate(*given)
        return [rows[0], rows[1] | {"val_log_loss": math.nan if given[2] >= 4 else rows[1]["val_log_loss"]}]

    monkeypatch.setattr("causalmix.finetune.evaluate", evaluate_and_break)
    (outcomes,) = FineTuner(PRESET).run_many(model, [data, data], [0, 0])
    assert outcomes[0].steps == (0, 2, 4, 6) and outcomes[1].steps == (0, 2)


def test_a_model_that_predicts_nothing_finite_is_refused_before_training(model: Tab2D, data: FinetuneData):
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    with pytest.raises(FloatingPointError, match="before any training"):
        FineTuner(PRESET).run(model, data, seed=0)


def test_a_table_with_more_classes_than_the_model_tells_apart_is_refused_and_spares_its_neighbours(data):
    with torch.random.fork_rng():
        two = Tab2D(Tab2DConfig(dim=16, n_layers=1, n_heads=2, n_classes=2)).eval()
    rows = replace(data.pool, y=np.arange(len(data.pool)) % 3)
    three = FinetuneData(pool=rows, context=rows, val=rows, test=rows, n_classes=3)
    with pytest.raises(ValueError, match="at most 2 classes apart, the table has 3: merge classes"):
        zero_shot(two, three)
    tuner = FineTuner(PRESET)
    found = {k: v for outcomes in tuner.run_many(two, [data, three], [0, 0]) for k, v in outcomes.items()}
    assert found[0].steps[-1] == PRESET.n_steps and "at most 2 classes" in str(found[1])


def test_fine_tuning_lowers_the_training_loss(model: Tab2D, data: FinetuneData) -> None:
    trajectory = FineTuner(replace(PRESET, n_steps=40, eval_every=10, patience=99)).run(model, data, seed=0)
    assert trajectory.train_loss[-1] < trajectory.train_loss[1]


def test_the_training_loss_is_the_mean_over_the_steps_since_the_last_evaluation(
    model: Tab2D, data: FinetuneData
) -> None:
    each, third = (FineTuner(replace(PRESET, eval_every=n)).run(model, data, seed=0) for n in (1, 3))
    assert third.steps == (0, 3, 6)
    steps = np.reshape(each.train_loss[1:], (2, 3))
    assert third.train_loss[1:] == pytest.approx(steps.mean(axis=1))


def test_synthetic_rows_reach_the_prediction_context_only_when_asked(
    model: Tab2D, data: FinetuneData
) -> None:
    flipped = replace(data, pool=LabelledRows(data.pool.X, 1 - data.pool.y))
    for context, same in (("real", True), ("pool", False)):
        tuner = FineTuner(replace(PRESET, n_steps=1, prediction_context=context))
        scores = [tuner.run(model, which, seed=0).at_start("test_log_loss") for which in (flipped, data)]
        assert (scores[0] == scores[1]) is same


def test_autogluons_warm_up_hardly_moves_the_weights(model: Tab2D, data: FinetuneData) -> None:
    moved = {
        name: sum(FineTuner(replace(PRESETS[name], rows_per_step=40)).run(model, data, 0).update_norm)
        for name in ("causalmix", "autogluon-mitra")
    }
    assert moved["autogluon-mitra"] < moved["causalmix"] / 3


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 3), min_size=2, max_size=60),
    n_rows=st.integers(2, 80),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 99),
)
def test_context_and_query_are_disjoint_and_every_query_class_is_in_the_context(
    labels: list[int], n_rows: int, share: float, seed: int
) -> None:
    y = np.array(labels)
    context, query = draw_split(y, n_rows, share, np.random.default_rng(seed))
    assert not set(context) & set(query)
    assert len(context) + len(query) == min(n_rows, len(y))
    assert set(y[query]) <= set(y[context])


def test_roc_auc_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), size=50)
    y = rng.integers(0, 3, 50)
    assert roc_auc(y, proba) == pytest.approx(roc_auc_score(y, proba, multi_class="ovr"))
    assert roc_auc(y % 2, proba[:, :2]) == pytest.approx(roc_auc_score(y % 2, proba[:, 1]))


def test_roc_auc_averages_over_the_classes_that_occur() -> None:
    proba = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]])
    assert roc_auc(np.array([0, 1, 0]), proba) == 1.0
    assert roc_auc(np.array([1, 1, 1]), proba) == 0.5


def test_probabilities_sum_to_one_and_an_ensemble_averages_views(model: Tab2D, data: FinetuneData) -> None:
    single, several = (
        predict_proba(model, data.context.X, data.context.y, data.test.X, 2, n_members=n) for n in (1, 4)
    )
    assert np.allclose(single.sum(axis=1), 1) and np.allclose(several.sum(axis=1), 1)
    assert not np.allclose(single, several)


class Spy(torch.nn.Module):
    """Keeps the first context row of each table that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.seen = torch.nn.Parameter(torch.zeros(())), []

    def forward(self, X_context, y_context, X_query):
        self.seen.append(X_context[0, 0].tolist())
        return torch.zeros(1, X_query.shape[1], 10)


def test_the_views_of_an_ensemble_differ_in_the_order_and_the_signs_of_the_features() -> None:
    spy, X = Spy(), np.arange(1.0, 7.0, dtype="float32")[None].repeat(2, axis=0)
    predict_proba(spy, X, np.array([0, 1]), X, 2, n_members=3)
    assert spy.seen[0] == [1, 2, 3, 4, 5, 6]
    for view in spy.seen[1:]:
        assert sorted(map(abs, view)) == spy.seen[0]
        assert list(map(abs, view)) != spy.seen[0] and min(view) < 0
    assert spy.seen[1] != spy.seen[2]


def test_the_views_of_an_ensemble_differ_in_the_codes_of_categorical_features() -> None:
    spy, column = Spy(), np.arange(8, dtype="float32")[:, None]
    rows, more = np.hstack((column, column + 0.5)), np.array([[8, 0.5], [3, 0.5]], dtype="float32")
    for query in (more, more[1:]):  # a level that the context lacks changes no other row
        predict_proba(spy, rows, np.arange(8) % 2, query, 2, categorical_features=[0], n_members=3)
    first = [abs(view[0]) if abs(view[0]) % 1 == 0 else abs(view[1]) for view in spy.seen]
    assert first[:3] == first[3:] and first[0] == 0 and len(set(first[:3])) > 1
    numbers = [abs(view[1]) if abs(view[0]) % 1 == 0 else abs(view[0]) for view in spy.seen]
    assert set(numbers) == {0.5}


@pytest.mark.parametrize("value", [-1.0, 0.5, np.nan, np.inf])
def test_a_categorical_feature_has_to_hold_codes(model: Tab2D, value: float) -> None:
    X = np.array([[0.0, 1.0], [1.0, value]], dtype="float32")
    with pytest.raises(ValueError, match="categorical feature 1 holds other values than codes"):
        predict_proba(model, X, np.array([0, 1]), X, 2, categorical_features=[1], n_members=2)


def test_a_class_absent_from_the_context_has_no_probability(model: Tab2D, data: FinetuneData) -> None:
    proba = predict_proba(model, data.context.X, data.context.y, data.test.X, n_classes=4)
    assert np.allclose(proba[:, 2:], 0)


def test_a_step_predicts_its_share_of_the_rows_and_any_row_of_the_pool_can_be_drawn() -> None:
    rng = np.random.default_rng(0)
    draws = [draw_split(np.arange(100) % 2, 40, 0.25, rng) for _ in range(60)]
    assert {(len(context), len(query)) for context, query in draws} == {(30, 10)}
    for part in zip(*draws, strict=True):
        assert set(np.concatenate(part)) == set(range(100))


def test_the_first_step_of_a_warm_up_moves_the_weights_by_its_share(model: Tab2D, data: FinetuneData) -> None:
    presets = [replace(PRESET, n_steps=1, warmup_steps=n) for n in (1, 4)]
    whole, share = (FineTuner(preset).run(model, data, seed=0).update_norm[1] for preset in presets)
    assert share == pytest.approx(whole / 4, rel=1e-3)
