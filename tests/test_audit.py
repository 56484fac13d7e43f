"""The audit: recorded runs come out again, and what does not is named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from typer.testing import CliRunner

from causalmix.audit import draw_runs, read_audits, run_audit, runs_at_hand
from causalmix.audit_compare import COMPARED_CURVES, COUNTS, TOLERANCES, compare
from causalmix.cli import app
from causalmix.engine import run_all
from causalmix.engines import run_here
from causalmix.environment import describe_environment
from causalmix.experiment import run_one
from causalmix.locations import find_root
from causalmix.rows import GRAPH_STATISTICS, graph_rows, run_rows, spec_of_row, trajectory_rows
from causalmix.specs import OWN_TABLE, SpecError
from causalmix.store import ResultStore, StoreError
from causalmix.threads import cpu_threads
from tests.runs import make_failure, make_record, make_spec, save_tiny_model

HERE = {"device": "cpu", "machine": "this one", "versions": {"numpy": "2.4"}}


def row(test_auc: float = 0.75, environment: dict = HERE, **changes) -> dict:
    (values,) = run_rows(make_record(test_auc=test_auc, environment=environment, **changes))
    return values


def test_a_row_of_the_store_gives_back_its_spec(tmp_path):
    store = ResultStore(tmp_path / "demo")
    spec = make_spec(
        suite=OWN_TABLE,
        dataset="mine.csv",
        target="y",
        n_steps=5,
        protocol=replace(make_spec().protocol, max_train_rows=64),
    )
    store.write(make_record(spec))
    store.consolidate()
    (stored,) = store.runs().to_dict("records")
    assert spec_of_row(stored) == spec
    for column, value in (
        ("fold", 3),
        ("preset", "smoke"),
        ("protocol", stored["protocol"].replace("64", "65")),
    ):
        with pytest.raises(
            StoreError, match=r"runs\.parquet: the row of mine\.csv .* does not give this hash"
        ):
            spec_of_row({**stored, column: value})
    for column, value in (("protocol", "{"), ("protocol", '{"folds": 3}'), ("arm", "no such arm")):
        with pytest.raises(StoreError, match=r"runs\.parquet: the row of mine\.csv .*Restore it from git"):
            spec_of_row({**stored, column: value})


@pytest.mark.parametrize(
    ("now", "verdict", "place"),
    [
        (row(), "equal", "same place"),
        (row(environment={**HERE, "versions": {"numpy": "2.4", "scipy": "1.15"}}), "equal", "same place"),
        (row(test_auc=0.7501), "differs", "same place"),
        (
            row(test_auc=0.7501, environment={**HERE, "machine": "other"}),
            "within tolerance",
            "other versions",
        ),
        (row(test_auc=0.80, environment={**HERE, "versions": {}}), "differs", "other versions"),
        (row(test_auc=0.765, environment={**HERE, "device": "H200"}), "within tolerance", "other device"),
        (row(test_auc=0.765, environment={**HERE, "versions": {}}), "differs", "other versions"),
        (row(test_auc=0.78, environment={**HERE, "device": "H200"}), "differs", "other device"),
        (row(data_fingerprint="0" * 16), "data changed", "same place"),
    ],
)
def test_a_repetition_is_judged_by_the_tolerance_of_its_place(now, verdict, place):
    run = compare(row(), now)
    assert (run.verdict, run.recorded_on, run.tolerance) == (verdict, place, TOLERANCES[place])
    assert run.is_good == (verdict in ("equal", "within tolerance"))


@pytest.mark.parametrize("curve", COMPARED_CURVES)
def test_a_curve_that_bends_otherwise_is_found_where_all_scores_of_the_run_agree(curve):
    record = make_record(environment=HERE)
    values = getattr(record.trajectory, curve)
    bent = replace(record.trajectory, **{curve: (*values[:-1], values[-1] + 0.005)})
    then, now = trajectory_rows(record), trajectory_rows(replace(record, trajectory=bent))
    assert compare(row(), row(), (then, then)).verdict == "equal"
    run = compare(row(), row(), (then, now))
    assert run.verdict == "differs" and run.difference == pytest.approx(0.005)
    elsewhere = row(environment={**HERE, "machine": "other"})
    assert compare(row(), elsewhere, (then, now)).verdict == "within tolerance"


def test_a_repetition_that_was_evaluated_less_often_or_kept_another_step_differs():
    then = trajectory_rows(make_record(environment=HERE))
    shorter = compare(row(), row(), (then, then[:-1]))
    assert (shorter.verdict, shorter.difference) == ("differs", None)
    assert "evaluations were made at other steps" in shorter.note
    other = {**row(), "selected_step": row()["selected_step"] + 1}
    assert "selected then" in compare(row(), other, (then, then)).note


ELSEWHERE = {**HERE, "machine": "other"}


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("now", [HERE, ELSEWHERE, {**HERE, "device": "H200"}])
def test_a_count_that_was_changed_is_found_wherever_the_run_is_made_again(name, now):
    counted = {**row(), **dict.fromkeys(COUNTS, 40)}
    again = {**row(environment=now), **dict.fromkeys(COUNTS, 40)}
    assert compare(counted, again).is_good
    for value, shown in ((41, "41"), (float("nan"), "missing")):
        run = compare({**counted, name: value}, again)
        assert (run.verdict, run.note) == ("differs", f"{name} was {shown} then, 40 now")


@pytest.mark.parametrize("name", GRAPH_STATISTICS)
def test_a_graph_that_was_changed_is_found_at_the_same_place_and_noted_elsewhere(name):
    record = make_record(environment=HERE)
    true = graph_rows(record)
    (first, second) = true
    then = [first, {**second, name: second[name] + 1}]
    assert compare(row(), row(), graphs=(true, true)).verdict == "equal"
    here = compare(row(), row(), graphs=(then, true))
    assert here.verdict == "differs" and here.note.startswith(f"{name} of DAG 1 was ")
    there = compare(row(), row(environment=ELSEWHERE), graphs=(then, true))
    assert there.is_good and there.note.startswith(f"other graphs here: {name} of DAG 1 was ")


@pytest.mark.parametrize("name", [name for name in GRAPH_STATISTICS if name != "n_nodes"])
def test_a_mean_over_graphs_that_was_changed_is_found_at_the_same_place_and_noted_elsewhere(name):
    embellished = {**row(), name: row()[name] + 0.5}
    last_digit = {**row(), name: row()[name] + 1e-12}
    assert compare(last_digit, row()).note == ""
    here, there = (compare(embellished, row(environment=place)) for place in (HERE, ELSEWHERE))
    assert here.verdict == "differs" and here.note.startswith(f"{name} was ")
    assert there.is_good and there.note.startswith(f"other graphs here: {name} was ")


def test_a_run_whose_graphs_are_not_as_many_differs_everywhere():
    true = graph_rows(make_record())
    for place in (HERE, ELSEWHERE):
        run = compare(row(), row(environment=place), graphs=(true[:1], true))
        assert (run.verdict, run.note) == ("differs", "1 DAGs are recorded, 2 were used now")


def test_runs_that_do_not_say_where_they_were_made_are_not_taken_for_the_same_place():
    assert compare(row(environment={}), row(environment={})).recorded_on == "other device"


def test_a_failed_run_must_fail_again_for_the_same_reason():
    (failed,), (other,) = run_rows(make_failure()), run_rows(make_failure(reason="out of memory"))
    assert compare(failed, failed).verdict == "equal"
    assert "out of memory" in compare(failed, other).note
    assert compare(row(), failed).note == "ok then, failed now: class 'a' has one row"


def test_the_sample_is_even_over_arms_and_decided_by_its_seed():
    runs = pd.DataFrame({"arm": ["a"] * 30 + ["b"] * 3, "spec_hash": [f"{i:02}" for i in range(33)]})
    drawn = draw_runs(runs, 5, seed=1)
    assert (drawn["arm"] == "b").sum() in (2, 3)
    assert drawn.equals(draw_runs(runs.sample(frac=1, random_state=0), 5, seed=1))
    assert not drawn.equals(draw_runs(runs, 5, seed=2))
    assert len(draw_runs(runs, 99, seed=0)) == 33
    with pytest.raises(SpecError, match="at least 1"):
        draw_runs(runs, 0, seed=0)


def test_only_runs_whose_tables_are_here_are_drawn(tmp_path):
    store = ResultStore(tmp_path / "demo")
    own = make_spec("default", suite=OWN_TABLE, dataset="mine.csv", target="y")
    store.write(make_record(own))
    with pytest.raises(StoreError, match=r"no run that can be made again here; absent: mine\.csv"):
        runs_at_hand(store, tmp_path)
    (tmp_path / "mine.csv").touch()
    assert runs_at_hand(store, tmp_path)["dataset"].tolist() == ["mine.csv"]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> ResultStore:
    """A published study of three real runs: its single records are gone."""
    folder = tmp_path_factory.mktemp("audited")
    model = save_tiny_model(folder / "tiny")
    specs = [
        make_spec(arm, model=model, preset="smoke", study="mine")
        for arm in ("default", "bootstrap_mix", "causalmix")
    ]
    store = ResultStore(folder / "results" / "mine")
    run_all(specs, store, workers=1, progress=False)  # one thread, as the audit's workers
    store.consolidate()
    for path in store.records.iterdir():
        path.unlink()
    return store


def audit(store: ResultStore) -> tuple[int, str, dict]:
    """Exit code, output, and the newest audit of the study."""
    words = ["audit", "mine", "--sample", "5", "--workers", "1", "--quiet"]
    result = CliRunner().invoke(app, [*words, "--results", str(store.root.parent)])
    return result.exit_code, result.output, json.loads((store.root / "audit.json").read_text())[0]


def test_a_study_comes_out_again_in_other_processes(recorded):
    code, output, report = audit(recorded)
    assert code == 0, output
    assert "3 of 3 runs came out again" in output
    assert report["verdicts"] == {"equal": 3, "within tolerance": 0, "differs": 0, "data changed": 0}
    assert (report["study"], report["store_hash"]) == ("mine", recorded.hash)
    assert {run["arm"] for run in report["runs"]} == {"default", "bootstrap_mix", "causalmix"}
    assert report["tolerances"] == TOLERANCES


def test_an_audit_is_replaced_only_by_the_same_sample_on_the_same_machine(recorded, monkeypatch):
    monkeypatch.setattr("causalmix.audit.run_in_processes", run_here)
    for machine, sample in (("server", 1), ("laptop", 2), ("server", 2), ("laptop", 2)):
        place = {**describe_environment("cpu"), "machine": machine}
        monkeypatch.setattr("causalmix.audit.describe_environment", lambda device, place=place: place)
        run_audit(recorded, sample, progress=False)
    kept = json.loads((recorded.root / "audit.json").read_text())
    found = [(audit["environment"]["machine"], audit["n_audited"]) for audit in kept]
    assert found[:3] == [("laptop", 2), ("server", 2), ("server", 1)] and found.count(("laptop", 2)) == 1


def test_as_many_other_runs_do_not_replace_an_audit(published, monkeypatch):
    monkeypatch.setattr("causalmix.audit.run_in_processes", run_here)
    (published.root / "audit.json").unlink(missing_ok=True)
    first = set(draw_runs(published.runs(), 1, 0)["spec_hash"])
    other = next(n for n in range(1, 50) if set(draw_runs(published.runs(), 1, n)["spec_hash"]) != first)
    for seed in (0, other, 0):
        run_audit(published, 1, seed=seed, progress=False)
    assert [audit["seed"] for audit in read_audits(published.root / "audit.json")] == [0, other]


def test_a_users_own_table_is_audited_from_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("causalmix.audit.run_in_processes", run_here)
    folder, model = tmp_path / "tables", save_tiny_model(tmp_path / "tiny")
    folder.mkdir()
    pd.DataFrame({"x": range(40), "y": ["no", "yes"] * 20}).to_csv(folder / "mine.csv", index=False)
    spec = make_spec("zero_shot", suite=OWN_TABLE, dataset="mine.csv", target="y", model=model)
    store = ResultStore(tmp_path / "demo")
    with cpu_threads(1):  # as in a worker
        store.write(run_one(spec, data_dir=folder))
        (run,) = run_audit(store, 1, data_dir=folder, progress=False)
    assert (run.verdict, run.note) == ("equal", "") and run.test_auc == run.test_auc_now


def test_an_unreadable_record_of_audits_is_named_before_any_run_is_made(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr("causalmix.audit.run_in_processes", lambda *_: pytest.fail("a run was made"))
    for text in ('[{"runs": ', '{"runs": []}', '[{"runs": []}]', "3"):
        (recorded.root / "audit.json").write_text(text)
        with pytest.raises(StoreError, match=r"audit\.json holds no audits"):
            run_audit(recorded, 1, progress=False)
    (recorded.root / "audit.json").unlink()


def change(store: ResultStore, table: str, how: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change a published table, and the manifest with its checksums, as who embellishes a study would."""
    path = store.root / f"{table}.parquet"
    how(pd.read_parquet(path)).to_parquet(path)
    (store.root / "manifest.json").unlink()
    ResultStore(store.root).consolidate()


def test_a_row_whose_run_was_changed_ends_the_audit_with_one_message(tmp_path):
    store = ResultStore(tmp_path / "results" / "mine")
    store.write(make_record(make_spec(study="mine")))
    store.consolidate()
    shutil.rmtree(store.records)
    change(store, "runs", lambda runs: runs.assign(synthetic_ratio=2.0))
    result = CliRunner().invoke(app, ["audit", "mine", "--quiet", "--results", str(tmp_path / "results")])
    assert result.exit_code == 2 and "runs.parquet: the row of iris fold 0 causalmix" in result.output
    assert isinstance(result.exception, SystemExit)


@pytest.fixture
def published(recorded, tmp_path) -> ResultStore:
    """A copy of the published study, to be changed."""
    return ResultStore(shutil.copytree(recorded.root, tmp_path / "results" / "mine"))


@pytest.mark.parametrize(
    ("table", "arm", "column", "by", "note"),
    [
        ("runs", "default", "test_auc", 0.05, "a score differs by 0.05"),
        ("runs", "default", "n_test", -10, r"n_test was \d+ then, \d+ now"),
        ("runs", "causalmix", "depth", 0.5, r"depth was \S+ then, \S+ now"),
        ("graphs", "causalmix", "n_edges", 1, r"n_edges of DAG 0 was \S+ then, \S+ now"),
    ],
)
def test_a_run_that_was_embellished_is_found(published, table, arm, column, by, note, monkeypatch):
    change(published, table, lambda rows: rows.assign(**{column: rows[column] + by * (rows["arm"] == arm)}))
    monkeypatch.setattr("causalmix.audit.run_in_processes", run_here)
    with cpu_threads(1):  # as in a worker
        code, output, report = audit(published)
    assert code == 1 and "2 of 3 runs came out again" in output
    (bad,) = [run for run in report["runs"] if run["verdict"] == "differs"]
    assert bad["arm"] == arm and re.match(note, bad["note"])


def test_the_audits_of_the_recorded_studies_are_read():
    paths = sorted((find_root() / "results").glob("*/audit.json"))
    assert paths and all(read_audits(path) for path in paths)
