"""Several synthetic ratios in one study: which runs there are, and that none is taken for another."""

from __future__ import annotations

import dataclasses

import pytest

from causalmix.analysis import NORMALISATIONS, improvement_summary, normalise_scores, validation_test_gap
from causalmix.cells import AnalysisError, at_ratio
from causalmix.engine import run_all
from causalmix.figures import load_ratio_sensitivity, new_figure, plot_ratio_sensitivity
from causalmix.locations import find_root
from causalmix.options import parse_names, parse_ratios
from causalmix.profiles import PROFILES, Profile, iter_specs
from causalmix.record_files import read_record
from causalmix.rows import spec_of_row
from causalmix.specs import RunSpec, SpecError
from causalmix.store import ResultStore, StoreError
from tests.recorded import make_study
from tests.runs import save_tiny_model

RATIOS = (0.5, 1.0, 2.0)
RESULTS = find_root() / "results"
RECORDED = sorted(path.parent.name for path in RESULTS.glob("*/runs.parquet"))


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> ResultStore:
    return make_study(tmp_path_factory.mktemp("results") / "made_up", n_folds=2, ratios=RATIOS)


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> tuple[ResultStore, list[RunSpec]]:
    """A study that was really run, with two ratios."""
    model = save_tiny_model(tmp_path_factory.mktemp("tiny"))
    arms = ("zero_shot", "default", "table_augment", "bootstrap_mix")
    profile = Profile(datasets=("iris",), folds=(0,), arms=arms, model=model, presets=("smoke",))
    specs = list(iter_specs(dataclasses.replace(profile, synthetic_ratios=(0.5, 2.0)), "ratios"))
    store = ResultStore(tmp_path_factory.mktemp("results") / "ratios")
    run_all(specs, store, engine="here", progress=False)
    return store, specs


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_run_still_has_its_hash(name):
    rows = ResultStore(RESULTS / name).runs().to_dict("records")
    assert [spec_of_row(row).spec_hash for row in rows] == [row["spec_hash"] for row in rows]


def test_arms_without_synthetic_rows_are_run_once_under_the_default_ratio():
    specs = list(iter_specs(PROFILES["sensitivity"], "sensitivity"))
    ratios = {arm: [spec.synthetic_ratio for spec in specs if spec.arm == arm] for arm in ("default", "scm")}
    assert ratios["default"] == [1.0] * 18
    assert ratios["scm"] == [0.25, 0.5, 1.0, 2.0, 4.0] * 18
    assert len({spec.spec_hash for spec in specs}) == len(specs) == 18 * 2 + 18 * 2 * 5


def test_ratios_are_written_with_commas():
    assert parse_ratios("0.5,2,2.0") == (0.5, 2.0)
    with pytest.raises(SpecError, match=r"write, for example, 1 or 0\.25,1,4"):
        parse_ratios("1:4")


def test_a_name_that_is_repeated_counts_once():
    assert parse_names("default, scm,default") == ("default", "scm")


def test_every_arm_with_rows_gets_as_many_as_the_ratio_says(real):
    runs = real[0].runs()
    assert (runs["status"] == "ok").all()
    made = {(row["arm"], row["synthetic_ratio"]): row["n_synthetic"] for row in runs.to_dict("records")}
    n_train = runs["n_train"].iloc[0]
    assert made == {
        ("zero_shot", 1.0): 0,
        ("default", 1.0): 0,
        **{
            (arm, ratio): round(ratio * n_train)
            for arm in ("table_augment", "bootstrap_mix")
            for ratio in (0.5, 2)
        },
    }


def test_a_study_with_several_ratios_counts_and_names_each_run(real, tmp_path):
    store, specs = real
    store.check_dense(specs)
    counts = store.counts()
    assert counts["done"].to_dict() == {"zero_shot": 1, "default": 1, "table_augment": 2, "bootstrap_mix": 2}
    part = ResultStore(tmp_path / "ratios")
    part.plan(specs)
    for spec in specs[:-1]:
        part.write(read_record(store.records / f"{spec.spec_hash}.json"))
    part.consolidate()
    assert part.counts().loc["bootstrap_mix"].tolist() == [2, 1, 0, 1]
    assert [cell["synthetic_ratio"] for cell in part.manifest()["absent"]] == [2.0]
    with pytest.raises(StoreError, match="lacks 1 of 6 runs: iris · fold 0 · bootstrap_mix · ratio 2"):
        part.check_dense(specs)


def test_ratios_are_never_averaged_by_mistake(study):
    runs, trajectories = study.runs(), study.trajectories()
    with pytest.raises(AnalysisError, match="one synthetic_ratio"):
        normalise_scores(runs)
    with pytest.raises(AnalysisError, match="one synthetic_ratio"):
        validation_test_gap(trajectories)
    one = at_ratio(runs, 2.0)
    assert set(one["arm"]) == {"zero_shot", "default", "scm", "causalmix"}
    assert len(normalise_scores(one)) == 6 * 2 * 4


def test_the_figure_shows_each_arm_at_each_ratio_beside_the_arm_without_rows(study):
    frame = load_ratio_sensitivity(study)
    cells = frame.groupby(["measure", "arm"], observed=True)["ratio"].apply(tuple)
    assert cells["score"].to_dict() == {"default": (0.0,), "causalmix": RATIOS, "scm": RATIOS}
    assert cells["gap"].to_dict() == cells["score"].to_dict()
    score = frame[frame["measure"] == "score"].set_index(["arm", "ratio"])
    assert score["value"]["causalmix"].is_monotonic_increasing  # as the study was made
    assert score["value"]["scm"].is_monotonic_decreasing
    assert ((score["lower"] <= score["value"]) & (score["value"] <= score["upper"])).all()
    _, ax = new_figure("short")
    figure = ax.figure
    plot_ratio_sensitivity(frame, ax)
    assert len(figure.axes) == 2 and all("synthetic" in panel.get_xlabel() for panel in figure.axes)


@pytest.mark.parametrize("normalisation", NORMALISATIONS)
def test_an_arm_without_rows_has_the_score_that_it_has_beside_the_arms_of_the_usual_ratio(
    study, normalisation
):
    frame = load_ratio_sensitivity(study, normalisation).set_index(["measure", "arm", "ratio"])
    beside = improvement_summary(at_ratio(study.runs(), 1.0), normalisation, ["default"])
    assert frame["value"]["score", "default", 0.0] == pytest.approx(beside["median"].iloc[0])


def test_a_study_that_is_not_run_yet_has_nothing_to_show(tmp_path):
    frame = load_ratio_sensitivity(ResultStore(tmp_path / "none"))
    _, ax = new_figure("short")
    plot_ratio_sensitivity(frame, ax)
    assert frame.empty and "not run yet" in ax.texts[0].get_text()
