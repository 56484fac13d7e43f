"""Which runs a study takes: those that can be compared with the runs it holds."""

from __future__ import annotations

import pytest

from causalmix.planning import Plan, choose_runs, plan_study, refuse_foreign_runs, refuse_other_runs
from causalmix.specs import SpecError
from causalmix.store import ResultStore, StoreError
from tests.runs import make_failure, make_record


def plan(profile: str = "smoke", protocol: dict | None = None, **changes) -> Plan:
    return plan_study(profile, "mine", None, None, {"folds": (0,), **changes}, protocol or {})


def record(store: ResultStore, some: Plan) -> None:
    for spec in some.specs:
        store.write(make_record(spec))


@pytest.fixture
def store(tmp_path) -> ResultStore:
    return ResultStore(tmp_path / "mine")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"n_steps": 9}, "n_steps 0, these are of n_steps 9"),
        ({"protocol": {"n_folds": 3}}, "n_folds 10, these are of n_folds 3"),
        ({"protocol": {"validation_share": 0.5}}, "validation_share 0.25, these are of validation_share 0.5"),
        ({"protocol": {"max_test_rows": 20}}, "max_test_rows 500, these are of max_test_rows 20"),
    ],
)
@pytest.mark.parametrize("make", [make_record, make_failure])
def test_runs_made_in_another_way_are_refused_and_the_setting_is_named(store, other, message, make):
    store.write(make(plan().specs[0]))
    with pytest.raises(StoreError, match=f"holds runs of {message}: give these runs a name .* --study"):
        refuse_other_runs(store, plan(arms=("causalmix",), **other))


@pytest.mark.parametrize("profile", ["presets", "sensitivity", "depth-low-data"])
def test_a_sweep_is_planned_resumed_and_extended(store, profile):
    begun = plan(profile, datasets=("diabetes",))
    record(store, Plan("mine", begun.specs[:5]))
    refuse_other_runs(store, begun)
    record(store, begun)
    for more in (plan(profile, datasets=("diabetes",), folds=(0, 1), repeats=(0, 1)), plan(profile)):
        refuse_other_runs(store, more)
        assert {*store.missing(more.specs)} == {*more.specs} - {*begun.specs}


@pytest.mark.parametrize(
    ("begun", "more"),
    [
        ({"train_rows": (64,)}, {"train_rows": (128, 512)}),
        ({"train_rows": (64,)}, {"protocol": {"max_train_rows": 128}}),
        ({"synthetic_ratios": (1.0,)}, {"synthetic_ratios": (0.5, 4.0)}),
        ({"presets": ("smoke",)}, {"presets": ("smoke", "mitra-v2")}),
    ],
)
def test_more_row_limits_ratios_and_presets_are_added_to_a_study(store, begun, more):
    there, added = plan(**begun), plan(**more)
    record(store, there)
    refuse_other_runs(store, added)
    record(store, added)
    assert len(store.runs()) == len({*there.specs, *added.specs}) > len(there.specs)


def test_parts_on_machines_that_lack_different_tables_neither_overlap_nor_leave_gaps(monkeypatch):
    some = plan("quick", folds=(0, 1, 2), arms=("default", "scm"))
    place = {}
    for lacking in (["breast_cancer"], ["iris"], ["breast_cancer", "wine"]):
        monkeypatch.setattr("causalmix.planning.find_absent", lambda names, folder, held=lacking: held)
        parts = [choose_runs(some, (part, 2)) for part in range(2)]
        assert all(f"left out: {', '.join(lacking)};" in note for _, (note,) in parts)
        found = [(spec, part) for part, (specs, _) in enumerate(parts) for spec in specs]
        assert sorted(str(spec) for spec, _ in found) == sorted(
            str(spec) for spec in some.specs if spec.dataset not in lacking
        )
        assert all(place.setdefault(spec, part) == part for spec, part in found)
    assert set(place) == set(some.specs)


@pytest.mark.parametrize("field", ["folds", "arms", "repeats", "presets", "synthetic_ratios"])
def test_a_plan_without_runs_is_refused_and_the_empty_option_named(field):
    with pytest.raises(SpecError, match=f"there is nothing to run: --{field} is empty"):
        plan("smoke", **{"arms": ("scm",), field: ()})


def test_another_suite_is_not_the_study_of_a_profile_and_other_folds_are():
    refuse_foreign_runs("smoke", {"folds": (7,), "datasets": ("wine",), "suite": "bundled"}, "rename them")
    with pytest.raises(SpecError, match=r"with another suite these are not .* profile smoke: rename them"):
        refuse_foreign_runs("smoke", {"suite": "known_scm"}, "rename them")
