"""Every arm gets the same budget: rows, steps, evaluations, early stopping."""

from __future__ import annotations

import dataclasses

import pytest

from causalmix import finetune
from causalmix.data.splits import Protocol
from causalmix.experiment import find_preset, make_pool, make_rows, prepare_fold, run_one
from causalmix.finetune import PRESETS, draw_split
from causalmix.generators import GENERATORS, make_generator
from causalmix.models.checkpoints import save_checkpoint
from causalmix.models.tab2d import Tab2D, Tab2DConfig
from causalmix.specs import ARMS, Arm, RunSpec
from causalmix.trajectory import Trajectory

SMALL = {
    "causal": {"n_dags": 2, "n_bootstraps": 2},
    "ctgan": {"n_steps": 2},
    "tabebm": {"n_steps": 2},
    "table_augment": {},
}
WITH_ROWS = [name for name, arm in ARMS.items() if arm.generator]
FINE_TUNED = [name for name, arm in ARMS.items() if arm.finetune]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    save_checkpoint(Tab2D(Tab2DConfig(dim=8, n_layers=1, n_heads=2)), folder)
    return str(folder)


@pytest.fixture
def small_arms(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arms with little training in their generators."""
    pytest.importorskip("ctgan")
    pytest.importorskip("imblearn")
    small = {**SMALL, "tabebm": {**SMALL["tabebm"], "model": model}}
    for name, arm in list(ARMS.items()):
        params = {"params": small} if arm.generator == "mixed_model" else small.get(arm.generator, {})
        monkeypatch.setitem(ARMS, name, dataclasses.replace(arm, params={**params, **arm.params}))


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


def make_spec(arm: str, model: str, **changes) -> RunSpec:
    protocol = Protocol(max_train_rows=64, max_test_rows=40)
    return RunSpec(
        "demo", "bundled", "iris", 0, arm, model=model, preset="smoke", protocol=protocol, **changes
    )


def selects_the_best(trajectory: Trajectory) -> bool:
    """Whether the first evaluation with the best validation ROC-AUC (then log-loss) was selected."""
    scores = list(zip(trajectory.val_auc, (-loss for loss in trajectory.val_log_loss), strict=True))
    return trajectory.selected_step == trajectory.steps[scores.index(max(scores))]


def test_every_arm_makes_the_same_steps_evaluations_and_as_many_synthetic_rows(small_arms, model, cache):
    table = {"suite": "known_scm", "dataset": "scm-depth2-linear-low"}  # which every arm can serve
    specs = {arm: dataclasses.replace(make_spec(arm, model), **table) for arm in FINE_TUNED}
    records = {arm: run_one(spec, cache_dir=cache) for arm, spec in specs.items()}
    assert {arm: record.reason for arm, record in records.items() if record.status != "ok"} == {}
    assert {record.trajectory.steps for record in records.values()} == {(0, 2, 4)}
    made = {arm: record.scores["n_synthetic"] for arm, record in records.items()}
    assert made == {arm: 48 if arm in WITH_ROWS else 0 for arm in FINE_TUNED}
    assert {arm for arm, record in records.items() if not selects_the_best(record.trajectory)} == set()
    parts = {
        tuple(record.scores[part] for part in ("n_train", "n_val", "n_test")) for record in records.values()
    }
    assert len(parts) == 1


def test_every_arm_stops_by_the_same_patience_and_sees_as_many_rows_per_step(
    small_arms, model, cache, monkeypatch
):
    patience = 2
    hasty = dataclasses.replace(PRESETS["smoke"], n_steps=40, patience=patience, rows_per_step=32)
    monkeypatch.setitem(PRESETS, "smoke", hasty)
    n_rows: dict[str, set[int]] = {}

    def draw_and_note(y, *rest):
        context, query = draw_split(y, *rest)
        n_rows.setdefault(arm, set()).add(len(context) + len(query))
        return context, query

    monkeypatch.setattr(finetune, "draw_split", draw_and_note)
    for arm in ("default", "scm", "causalmix", "table_augment", "bootstrap_mix", "copula_mix"):
        trajectory = run_one(make_spec(arm, model), cache_dir=cache).trajectory
        assert selects_the_best(trajectory), arm
        waited = len(trajectory.steps) - 1 - trajectory.steps.index(trajectory.selected_step)
        assert waited == patience or trajectory.steps[-1] == hasty.n_steps, arm
    assert len(n_rows) == 6 and set.union(*n_rows.values()) == {32}


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_and_early_stopping_do_not_depend_on_the_arm(preset, model):
    specs = [dataclasses.replace(make_spec(arm, model), preset=preset) for arm in ARMS]
    assert {find_preset(spec) for spec in specs} == {PRESETS[preset]}


def test_mixed_and_pure_arms_of_a_generator_see_the_same_rows(small_arms, model, cache):
    fold = prepare_fold(make_spec("scm", model))
    for arm in WITH_ROWS:
        pure = arm.removesuffix("_mix")
        if arm == pure or pure not in ARMS:
            continue
        pure_rows = make_rows(fold, make_spec(pure, model), cache).rows
        mixed = make_spec(arm, model)
        pool = make_pool(fold, make_rows(fold, mixed, cache), ARMS[arm], mixed)
        synthetic = pool.loc[pool.index >= len(fold.train)]
        assert sorted(map(tuple, synthetic.to_numpy())) == sorted(map(tuple, pure_rows.to_numpy())), arm


def test_the_number_of_synthetic_rows_is_the_ratio_of_the_real_ones(model):
    arm, spec = ARMS["bootstrap_mix"], make_spec("bootstrap_mix", model, synthetic_ratio=2.5)
    fold = prepare_fold(spec)
    rows = make_rows(fold, spec)
    assert len(rows.rows) == round(2.5 * len(fold.train))
    assert len(make_pool(fold, rows, arm, spec)) == len(fold.train) + len(rows.rows)


@pytest.mark.parametrize("name", WITH_ROWS)
def test_the_generator_of_an_arm_exists_and_takes_its_parameters(name):
    arm = ARMS[name]
    assert arm.generator in GENERATORS
    assert make_generator(arm.generator, **arm.params) is not None


def test_every_purely_synthetic_generator_also_runs_mixed():
    pure = {arm.generator for arm in ARMS.values() if arm.generator and not arm.mixed}
    mixed = {arm.generator for arm in ARMS.values() if arm.mixed and not arm.params}
    assert pure <= mixed


def test_independent_and_random_graphs_are_controls_of_the_causal_generator():
    assert ARMS["independent_mix"] == Arm("causal", mixed=True, params={"graph": "empty"})
    assert ARMS["random_dag_mix"] == Arm("causal", mixed=True, params={"graph": "random"})
