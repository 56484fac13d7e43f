"""Several fine-tuning presets in one study: which runs there are, and that none is taken for another."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from causalmix.cells import AnalysisError
from causalmix.engine import run_all
from causalmix.figures import load_presets, new_figure, plot_presets
from causalmix.finetune import PRESETS
from causalmix.locations import find_root
from causalmix.profiles import PROFILES, Profile, iter_specs
from causalmix.ranking import score_matrix
from causalmix.record_files import read_record
from causalmix.rows import spec_of_row
from causalmix.specs import RunSpec
from causalmix.store import ResultStore, StoreError
from tests.benchmark_scripts import load_benchmark
from tests.recorded import make_study
from tests.runs import save_tiny_model

RESULTS = find_root() / "results"
RECORDED = sorted(path.parent.name for path in RESULTS.glob("*/runs.parquet"))


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> tuple[ResultStore, list[RunSpec]]:
    """A study that was really run, with two presets."""
    model = save_tiny_model(tmp_path_factory.mktemp("tiny"))
    arms = ("zero_shot", "default", "bootstrap_mix")
    profile = Profile(
        datasets=("iris",), folds=(0,), arms=arms, model=model, presets=("smoke", "mitra-v2"), n_steps=4
    )
    specs = list(iter_specs(profile, "presets"))
    store = ResultStore(tmp_path_factory.mktemp("results") / "presets")
    run_all(specs, store, engine="here", progress=False)
    return store, specs


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_run_still_has_its_hash_and_belongs_to_its_profile(name):
    rows = ResultStore(RESULTS / name).runs().to_dict("records")
    recorded = {row["spec_hash"] for row in rows}
    assert {spec_of_row(row).spec_hash for row in rows} == recorded
    if name in PROFILES:
        assert recorded <= {spec.spec_hash for spec in iter_specs(PROFILES[name], name)}


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_run_was_measured_at_the_steps_of_its_preset(name):
    store = ResultStore(RESULTS / name)
    runs = store.runs().query("status == 'ok' and arm != 'zero_shot'").set_index("spec_hash")
    ends = store.trajectories().groupby("spec_hash")["step"].agg(["max", "count"]).loc[runs.index]
    presets = runs["preset"].map(PRESETS.get)
    n_steps = [n_steps or preset.n_steps for n_steps, preset in zip(runs["n_steps"], presets, strict=True)]
    every = presets.map(lambda preset: preset.eval_every)
    assert len(runs) and (ends["max"] == n_steps).all()
    assert (ends["count"] == 1 + np.ceil(n_steps / every)).all()


def test_the_presets_are_those_that_the_recorded_runs_were_made_with():
    """A record holds the name of its preset, not its numbers: changed, it could not be made again."""
    ours = (30, 3, 1e-3, 0.01, 3, 10, 192, 0.25, "real")
    assert {name: astuple(preset) for name, preset in PRESETS.items()} == {
        "causalmix": ours,
        "tabpfn": (*ours[:2], 3e-6, *ours[3:]),
        "smoke": (4, 2, *ours[2:6], 64, *ours[7:]),
        # AutoGluon's: LR, weight_decay and WARMUP_STEPS of its `sklearn_interface.py`
        "autogluon-mitra": (50, 5, 1e-4, 0.1, 1000, *ours[5:]),
        "mitra-v2": (50, 5, 1e-5, 0.3, 10, *ours[5:]),
    }


def test_every_preset_of_a_profile_exists():
    assert {preset for profile in PROFILES.values() for preset in profile.presets} <= set(PRESETS)


def test_every_fine_tuned_arm_is_run_under_each_preset_and_the_pre_trained_model_once():
    profile = PROFILES["presets"]
    specs = list(iter_specs(profile, "presets"))
    presets = {arm: [spec.preset for spec in specs if spec.arm == arm] for arm in profile.arms}
    assert presets["zero_shot"] == ["causalmix"] * 18
    assert presets["default"] == presets["causalmix"] == ["causalmix", "autogluon-mitra", "mitra-v2"] * 18
    assert len({spec.spec_hash for spec in specs}) == len(specs)


def test_each_run_is_fine_tuned_as_its_preset_says(real):
    store, _ = real
    runs, curves = store.runs(), store.trajectories()
    assert (runs["status"] == "ok").all()
    steps = curves.groupby("spec_hash")["step"].apply(list)
    made = {(row["arm"], row["preset"]): steps[row["spec_hash"]] for row in runs.to_dict("records")}
    tuned = {"smoke": [0, 2, 4], "mitra-v2": [0, 4]}  # evaluated every 2 and every 5 steps, and at the end
    assert made == {
        ("zero_shot", "smoke"): [0],
        **{(arm, name): tuned[name] for arm in ("default", "bootstrap_mix") for name in tuned},
    }


def test_a_study_with_several_presets_counts_and_names_each_run(real, tmp_path):
    store, specs = real
    store.check_dense(specs)
    assert store.counts()["done"].to_dict() == {"zero_shot": 1, "default": 2, "bootstrap_mix": 2}
    part = ResultStore(tmp_path / "presets")
    part.plan(specs)
    for spec in specs[:-1]:
        part.write(read_record(store.records / f"{spec.spec_hash}.json"))
    part.consolidate()
    assert part.counts().loc["bootstrap_mix"].tolist() == [2, 1, 0, 1]
    assert [cell["preset"] for cell in part.manifest()["absent"]] == ["mitra-v2"]
    with pytest.raises(StoreError, match="lacks 1 of 5 runs: iris · fold 0 · bootstrap_mix · mitra-v2"):
        part.check_dense(specs)


def test_presets_are_never_averaged_by_mistake(real):
    runs = real[0].runs()
    with pytest.raises(AnalysisError, match="preset"):
        score_matrix(runs)
    one = runs[(runs["arm"] == "zero_shot") | (runs["preset"] == "mitra-v2")]
    assert set(one["arm"]) == {"zero_shot", "default", "bootstrap_mix"}
    assert score_matrix(one).shape == (1, 3)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> ResultStore:
    root = tmp_path_factory.mktemp("results") / "made_up"
    return make_study(root, n_folds=1, presets=("causalmix", "mitra-v2"))


def test_the_figure_shows_each_fine_tuned_arm_under_each_preset(study):
    frame = load_presets(study)
    shown = frame.groupby("measure", observed=True)[["preset", "arm"]].apply(
        lambda own: set(own.itertuples(index=False, name=None))
    )
    cells = {(preset, arm) for preset in ("causalmix", "mitra-v2") for arm in ("default", "causalmix", "scm")}
    assert shown.to_dict() == dict.fromkeys(("path", "val_log_loss", "val_auc", "test_auc"), cells)
    path = frame[frame["measure"] == "path"].set_index("step")["median"]
    assert path[0].eq(0).all() and path[12].sub(0.4).abs().max() < 1e-9  # four times 0.1
    change = frame[frame["measure"] == "test_auc"].groupby(["arm", "step"])["median"].mean()
    assert change["causalmix", 0] == 0 and change["causalmix", 12] > 0 > change["scm", 12]
    _, ax = new_figure("tall")
    figure = ax.figure
    plot_presets(frame, ax)
    assert [panel.get_yscale() for panel in figure.axes] == ["log", "linear", "linear", "linear"]


def test_a_study_that_is_not_run_yet_has_nothing_to_show(tmp_path):
    frame = load_presets(ResultStore(tmp_path / "none"))
    _, ax = new_figure()
    plot_presets(frame, ax)
    assert frame.empty and "not run yet" in ax.texts[0].get_text()


def test_our_learning_rates_are_among_those_tried_on_tables_and_folds_that_no_study_uses(
    tmp_path, monkeypatch
):
    script = load_benchmark("learning_rate")
    for model, preset in (("embedded-mini", "causalmix"), ("tabpfn-v1", "tabpfn")):
        assert PRESETS[preset].learning_rate in script.RATES[model]
    used = {fold for profile in PROFILES.values() if profile.suite == script.SUITE for fold in profile.folds}
    assert not used & set(script.FOLDS)
    monkeypatch.chdir(tmp_path)  # the seed of a run is derived from its model's name: here always the same
    model = save_tiny_model(Path("tiny"))
    table = "scm-depth6-additive-high"  # in fold 8 the random weights rank worse than chance: any step helps
    still, fast = (script.measure(model, rate, table, 8) for rate in (0.0, 1e-2))
    assert still["test_auc"] == still["zero_shot_auc"] == fast["zero_shot_auc"]
    assert fast["selected_step"] > still["selected_step"] == 0
