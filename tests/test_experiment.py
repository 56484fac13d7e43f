"""The pipeline on a real table: a run is a function of its spec, and arms differ in their rows only."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from causalmix.data.splits import Protocol
from causalmix.experiment import (
    Profile,
    SpecError,
    find_profile,
    find_rows,
    iter_specs,
    make_pool,
    make_rows,
    prepare_fold,
    run_one,
    tune,
)
from causalmix.folds import load_spec_table
from causalmix.generators import GENERATORS, GeneratorError
from causalmix.models import digest_weights, load_model
from causalmix.options import field_texts
from causalmix.profiles import PROFILES
from causalmix.specs import ARMS, OWN_TABLE, Arm, RunRecord, RunSpec
from tests.runs import make_record, make_spec, save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def records(model, cache) -> dict[str, RunRecord]:
    arms = ("zero_shot", "default", "scm", "causalmix")
    return {arm: run_one(small_spec(arm, model), cache_dir=cache) for arm in arms}


def small_spec(arm: str, model: str, **changes) -> RunSpec:
    return make_spec(arm, model=model, preset="smoke", **changes)


def without_times(record: RunRecord) -> dict:
    return {**record.to_dict(), "timings": None}


# One run


def test_the_zero_shot_run_is_the_single_step_zero(records):
    record = records["zero_shot"]
    assert record.trajectory.steps == (0,)
    assert record.scores["test_auc"] == record.scores["zero_shot_auc"]


def test_every_arm_starts_at_the_zero_shot_score(records):
    start = records["zero_shot"].scores["test_auc"]
    assert {record.scores["zero_shot_auc"] for record in records.values()} == {start}


def test_every_arm_gets_the_same_budget(records):
    tuned = [records[arm] for arm in ("default", "scm", "causalmix")]
    assert len({record.trajectory.steps for record in tuned}) == 1
    assert records["scm"].scores["n_synthetic"] == records["causalmix"].scores["n_synthetic"]
    assert records["scm"].scores["n_synthetic"] == records["scm"].scores["n_train"]
    assert records["default"].scores["n_synthetic"] == 0


def test_a_causal_run_records_the_graphs_that_it_used(records):
    for arm in ("scm", "causalmix"):
        assert len(records[arm].graphs) == 5
        assert all(0 <= graph["target_depth"] <= graph["depth"] <= 4 for graph in records[arm].graphs)
    assert records["default"].graphs == ()


def test_mixed_and_pure_arms_see_the_same_synthetic_rows(records, model, cache):
    assert records["scm"].graphs == records["causalmix"].graphs
    spec = small_spec("causalmix", model)
    fold = prepare_fold(spec)
    rows = find_rows(fold, spec, cache)
    pool = make_pool(fold, rows, ARMS["causalmix"], spec)
    synthetic = pool[pool.index >= len(fold.train)]
    pd.testing.assert_frame_equal(
        synthetic.sort_values(list(synthetic)).reset_index(drop=True),
        rows.rows.sort_values(list(rows.rows)).reset_index(drop=True),
    )


@pytest.mark.parametrize("arm", ["default", "causalmix"])
def test_a_run_is_a_function_of_its_spec_with_or_without_the_cache(records, model, arm):
    assert without_times(run_one(small_spec(arm, model))) == without_times(records[arm])


def test_arms_draw_the_same_random_numbers_in_fine_tuning(model):
    specs = small_spec("default", model), small_spec("causalmix", model)
    fold = prepare_fold(specs[0])
    one, other = (tune(load_model(model), fold, fold.train, spec) for spec in specs)
    assert one.update_norm == other.update_norm


def test_a_record_says_where_and_with_what_it_was_made(records):
    environment = records["default"].environment
    assert environment["device"] == "cpu" and environment["revision"] and environment["machine"]
    assert {"torch", "numpy", "pandas", "scipy", "scikit-learn", "networkx"} <= set(environment["versions"])
    assert environment["weights"] == digest_weights(load_model(records["default"].spec.model))
    assert len(records["default"].data_fingerprint) == 16


def test_more_synthetic_rows_are_a_parameter(model):
    record = run_one(small_spec("scm", model, synthetic_ratio=0.5))
    assert record.scores["n_synthetic"] == round(record.scores["n_train"] / 2)


# Failures are results


class Unable:
    """A generator that serves no table."""

    graphs, metadata = (), {}

    def fit(self, train, target, seed):
        raise GeneratorError("class 'setosa' has one row")


def test_a_generator_that_cannot_serve_a_table_gives_a_failed_record(model, monkeypatch):
    monkeypatch.setitem(GENERATORS, "unable", Unable)
    monkeypatch.setitem(ARMS, "unable", Arm(generator="unable"))
    record = run_one(small_spec("unable", model))
    assert (record.status, record.reason) == ("failed", "class 'setosa' has one row")
    assert record.data_fingerprint and record.environment["device"] == "cpu"


def test_a_table_that_is_not_there_gives_a_failed_record_that_says_so(model):
    record = run_one(small_spec("default", model, dataset="irsi"))
    assert record.status == "failed" and "irsi" in record.reason


def test_a_table_that_cannot_be_split_gives_a_failed_record_that_names_its_version(model, tmp_path):
    table = pd.DataFrame({"size": range(40), "target": ["big"] * 39 + ["small"]})
    table.to_csv(tmp_path / "mine.csv", index=False)
    spec = small_spec("default", model, suite=OWN_TABLE, dataset="mine.csv", target="target")
    record = run_one(spec, data_dir=tmp_path)
    assert record.status == "failed" and "small" in record.reason
    assert record.data_fingerprint == load_spec_table(spec, tmp_path).fingerprint


def test_unknown_arms_presets_and_rowless_arms_are_errors_with_a_hint(model):
    with pytest.raises(SpecError, match="did you mean 'causalmix'"):
        run_one(small_spec("causalmx", model))
    with pytest.raises(SpecError, match="did you mean 'smoke'"):
        run_one(dataclasses.replace(small_spec("default", model), preset="smok"))
    spec = small_spec("default", model)
    with pytest.raises(SpecError, match="'default' has no synthetic rows"):
        make_rows(prepare_fold(spec), spec)


def test_a_users_own_table_runs_through_the_same_pipeline(model, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"size": rng.normal(size=60), "town": rng.choice(["Bern", "Chur"], 60)})
    table["target"] = np.where(table["size"] > 0, "big", "small")
    table.to_csv(tmp_path / "mine.csv", index=False)
    spec = small_spec("causalmix", model, suite=OWN_TABLE, dataset="mine.csv", target="target")
    record = run_one(spec, data_dir=tmp_path)
    assert record.status == "ok", record.reason
    assert record.scores["n_features"] == 2 and record.scores["n_classes"] == 2


def test_a_copy_of_a_table_under_another_name_gets_rows_from_its_own_training_rows(model, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"size": rng.normal(size=200), "target": rng.choice(["big", "small"], 200)})
    for name in ("mine.csv", "copy.csv"):
        table.to_csv(tmp_path / name, index=False)
        spec = small_spec("bootstrap_mix", model, suite=OWN_TABLE, dataset=name, target="target")
        fold = prepare_fold(spec, tmp_path)
        rows = make_rows(fold, spec, cache_dir=tmp_path / "cache").rows
        assert rows["size"].isin(fold.train["size"]).all()


@pytest.mark.parametrize(("arm", "status"), [("copula", "failed"), ("copula_mix", "ok"), ("default", "ok")])
def test_a_pool_of_synthetic_rows_alone_has_some(model, arm, status, tmp_path):
    record = run_one(small_spec(arm, model, synthetic_ratio=0.001), cache_dir=tmp_path)
    assert record.status == status
    assert ("--synthetic-ratios" in record.reason) == (status == "failed")


# Specs and profiles


def test_the_hash_of_a_spec_never_changes():
    assert make_spec().spec_hash == RunSpec("demo", "bundled", "iris", 0, "causalmix").spec_hash
    assert make_spec().spec_hash == "0d9cb3450599c746"


@pytest.mark.parametrize(
    "change",
    [
        {"study": "other"},
        {"dataset": "wine"},
        {"fold": 1},
        {"arm": "scm"},
        {"model": "other"},
        {"repeat": 1},
        {"preset": "smoke"},
        {"synthetic_ratio": 2.0},
        {"target": "y"},
        {"n_steps": 3},
        {"protocol": dataclasses.replace(make_spec().protocol, max_train_rows=64)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_a_result_changes_the_hash(change):
    assert dataclasses.replace(make_spec(), **change).spec_hash != make_spec().spec_hash


def test_equal_specs_have_one_hash_however_the_ratio_is_written():
    whole, decimal = make_spec(synthetic_ratio=1), make_spec(synthetic_ratio=1.0)
    assert whole == decimal and whole.spec_hash == decimal.spec_hash == "0d9cb3450599c746"


def test_a_spec_has_one_hash_whoever_counted_its_folds():
    counted = make_spec(
        fold=np.int64(0),
        repeat=np.int32(0),
        synthetic_ratio=np.float32(1),
        protocol=Protocol(n_folds=np.int64(10)),
    )
    assert counted == make_spec() and counted.spec_hash == "0d9cb3450599c746"
    for name, value, kind in (("fold", "0", "a whole number"), ("synthetic_ratio", None, "a number")):
        with pytest.raises(SpecError, match=f"{name} is {value!r}; give {kind}"):
            make_spec(**{name: value})


def test_a_negative_number_of_steps_is_refused():
    for make in (make_spec, Profile):
        with pytest.raises(SpecError, match="n_steps is -5: give at least 1, or 0"):
            make(n_steps=-5)


def test_specs_and_records_survive_their_dicts():
    assert RunSpec.from_dict(make_spec().to_dict()) == make_spec()
    assert RunRecord.from_dict(make_record().to_dict()) == make_record()


def test_a_record_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="needs a reason"):
        make_record(status="failed")
    with pytest.raises(ValueError, match="no trajectory"):
        make_record(trajectory=None)
    with pytest.raises(ValueError, match="'ok' or 'failed'"):
        make_record(status="done")


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_profile_gives_each_cell_once_and_finishes_a_fold_before_the_next(name):
    profile = find_profile(name)
    specs = list(iter_specs(profile, "study"))
    assert len({spec.spec_hash for spec in specs}) == len(specs)
    per_arm = [
        (len(profile.presets) if ARMS[arm].finetune else 1)
        * (len(profile.synthetic_ratios) if ARMS[arm].generator else 1)
        for arm in profile.arms
    ]
    swept = (profile.tables, profile.protocols, profile.folds, profile.repeats)
    assert len(specs) == sum(per_arm) * math.prod(map(len, swept))
    assert [spec.fold for spec in specs] == sorted(spec.fold for spec in specs)


def test_a_profile_with_several_row_limits_runs_each_cell_under_each():
    base = dataclasses.replace(PROFILES["smoke"], folds=(0,), arms=("default",))
    swept = dataclasses.replace(base, train_rows=(64, 256))
    small, usual = iter_specs(swept, "study")
    assert small.protocol == dataclasses.replace(Protocol(), max_train_rows=64)
    assert [usual] == list(iter_specs(base, "study"))  # no limit named: the protocol's
    assert str(small) != str(usual)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arms": ("defalt",)}, "unknown arm 'defalt': did you mean 'default'"),
        ({"suite": "bundeld"}, "unknown suite 'bundeld': did you mean 'bundled'"),
        ({"datasets": ("irsi",)}, "unknown dataset of suite bundled 'irsi': did you mean 'iris'"),
        ({"folds": (10,)}, "fold 10 does not exist"),
        ({"synthetic_ratios": (1.0, 0.0)}, "must be above 0"),
        ({"synthetic_ratios": (float("inf"),)}, "must be above 0 and finite"),
    ],
)
def test_a_profile_that_names_what_does_not_exist_is_refused_with_a_hint(change, message):
    with pytest.raises(SpecError, match=message):
        dataclasses.replace(PROFILES["quick"], **change)


def test_an_unknown_profile_is_refused_with_a_hint():
    with pytest.raises(SpecError, match="did you mean 'quick'"):
        find_profile("qiuck")


def test_every_field_of_a_profile_is_explained():
    assert set(field_texts(Profile)) == {item.name for item in dataclasses.fields(Profile)}


def test_folds_and_repeats_have_synthetic_rows_and_an_order_of_their_own():
    fold = prepare_fold(make_spec("bootstrap_mix"))
    specs = [make_spec("bootstrap_mix", fold=k, repeat=repeat) for k, repeat in ((0, 0), (1, 0), (0, 1))]
    made = [make_rows(fold, spec) for spec in specs]
    drawn = {tuple(map(tuple, rows.rows.to_numpy())) for rows in made}
    orders = {tuple(make_pool(fold, made[0], ARMS["bootstrap_mix"], spec).index) for spec in specs}
    assert len(drawn) == len(orders) == 3
