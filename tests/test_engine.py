"""Many runs: each once, in any number of parts, whatever happens to one of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import get_num_threads

from causalmix import engine, engines, experiment
from causalmix.batch import RunBatch, make_records
from causalmix.engine import ENGINES, count_workers, generate_all, run_all, take_shard
from causalmix.engines import run_on_cluster, work_off
from causalmix.models.base import ModelError
from causalmix.pool import Outcome, PoolError
from causalmix.specs import ARMS, OWN_TABLE, Arm, SpecError
from causalmix.store import ResultStore
from causalmix.threads import cpu_threads
from tests.runs import make_failure, make_record, make_spec, save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def store(tmp_path) -> ResultStore:
    return ResultStore(tmp_path / "demo")


def some_specs(model: str, arms=("zero_shot", "default"), folds=(0, 1)) -> list:
    return [make_spec(arm, model=model, preset="smoke", fold=fold) for fold in folds for arm in arms]


def run_here(specs, store, **options):
    return run_all(specs, store, engine="here", progress=False, **options)


def test_a_study_is_run_in_worker_processes_and_resumed(store, model):
    specs = some_specs(model)
    first = run_all(specs[:3], store, workers=2, progress=False)
    assert (first.done, first.failed, first.skipped) == (3, 0, 0)
    second = run_all(specs, store, workers=2, progress=False)
    assert (second.done, second.failed, second.skipped) == (1, 0, 3)
    store.check_dense(specs)


def test_workers_and_this_process_give_the_same_results_whatever_its_threads(tmp_path, model):
    specs = some_specs(model, folds=(0,))
    stores = ResultStore(tmp_path / "a"), ResultStore(tmp_path / "b")
    run_all(specs, stores[0], workers=1, progress=False)
    with cpu_threads(2):
        run_here(specs, stores[1])
    scores = [store.runs()[["arm", "test_auc", "val_auc", "test_log_loss"]] for store in stores]
    assert scores[0].equals(scores[1])
    assert stores[0].trajectories().equals(stores[1].trajectories())


def test_a_run_has_one_thread_and_those_of_this_process_are_put_back(store, model, monkeypatch):
    seen = []

    def count_threads(spec, **options):
        seen.append(get_num_threads())
        return make_record(spec)

    monkeypatch.setattr(experiment, "run_one", count_threads)
    with cpu_threads(3):
        run_here(some_specs(model, folds=(0,)), store)
        assert get_num_threads() == 3
    assert seen == [1, 1]


def test_a_corrupt_record_is_made_again(store, model):
    specs = some_specs(model, arms=("zero_shot",), folds=(0,))
    run_here(specs, store)
    path = store.records / f"{specs[0].spec_hash}.json"
    path.write_text("half")
    assert run_here(specs, store).done == 1
    assert store.corrupt() == []


def test_failed_runs_are_made_again_only_when_asked(store, model):
    (spec,) = some_specs(model, arms=("zero_shot",), folds=(0,))
    store.write(make_failure(spec))
    again = run_here([spec], store)
    assert (again.skipped, again.failed_before) == (1, 1)
    retried = run_here([spec], store, retry_failed=True)
    assert (retried.done, retried.failed_before) == (1, 0)
    assert store.runs()["status"].tolist() == ["ok"]


def test_an_error_that_nobody_foresaw_is_a_failed_record_and_the_others_go_on(store, model, monkeypatch):
    monkeypatch.setitem(ARMS, "broken", Arm(generator="causal", params={"n_dags": 0}))
    summary = run_here(some_specs(model, arms=("broken", "zero_shot"), folds=(0,)), store)
    assert (summary.done, summary.failed) == (1, 1)
    assert "n_dags must be at least 1" in summary.reasons[0]
    assert store.runs().set_index("arm")["reason"]["broken"].startswith("ValueError: ")


def test_a_model_that_cannot_be_had_stops_the_study_at_once(store):
    with pytest.raises(ModelError, match="no-such-model"):
        run_here(some_specs("no-such-model"), store)
    with pytest.raises(PoolError, match="no-such-model"):
        run_all(some_specs("no-such-model"), store, workers=1, progress=False)
    assert len(store.runs()) == 0


@pytest.fixture
def full_disk(monkeypatch):
    """No synthetic rows can be written."""

    def refuse(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("causalmix.generators.cache.write_atomically", refuse)


def test_a_cache_that_cannot_be_written_stops_the_study_and_its_run_stays_missing(
    store, model, tmp_path, full_disk
):
    specs = some_specs(model, arms=("zero_shot", "bootstrap_mix"), folds=(0,))
    message = "cannot write the synthetic rows .*: No space left on device.*finished runs are kept"
    with pytest.raises(OSError, match=message):
        run_here(specs, store, cache_dir=tmp_path / "cache")
    assert store.runs()["arm"].tolist() == ["zero_shot"]
    with pytest.raises(OSError, match=message):
        generate_all(specs, tmp_path / "cache", engine="here", progress=False)


def test_a_worker_that_cannot_write_stops_the_study_with_the_reason(store, model, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder is due")
    specs = some_specs(model, arms=("bootstrap_mix",), folds=(0,))
    with pytest.raises(PoolError, match=r"cannot write the synthetic rows .*another one by --cache"):
        run_all(specs, store, workers=1, cache_dir=tmp_path / "cache", progress=False)
    assert store.missing(specs) == specs


def test_a_batch_stops_at_a_fault_of_the_machine_too(model, tmp_path, full_disk):
    batch = RunBatch(tuple(some_specs(model, arms=("bootstrap_mix",), folds=(0,))))
    with pytest.raises(OSError, match="cannot write the synthetic rows"):
        list(make_records(batch, cache_dir=tmp_path / "cache"))


@pytest.mark.parametrize(
    ("content", "stops"), [(b"PAR1 and then nothing", True), (b"no,target\n1,2\n", False)]
)
def test_a_table_that_cannot_be_read_stops_the_study_and_an_unusable_one_is_a_failed_run(
    store, model, tmp_path, content, stops
):
    ending = "parquet" if stops else "csv"
    (tmp_path / f"diabetes.{ending}").write_bytes(content)
    spec = make_spec("default", suite="tabarena33", dataset="diabetes", model=model, preset="smoke")
    if stops:
        with pytest.raises(OSError, match=r"diabetes\.parquet cannot be read .*write it again"):
            run_here([spec], store, data_dir=tmp_path)
        assert store.missing([spec]) == [spec]
    else:
        assert run_here([spec], store, data_dir=tmp_path).failed == 1


@pytest.mark.parametrize(
    ("folder", "own"), [("nowhere", False), ("", True)], ids=["the folder", "a user's own file"]
)
def test_data_that_vanish_in_mid_study_stop_it_and_their_runs_stay_missing(
    store, model, tmp_path, folder, own
):
    table = {"suite": OWN_TABLE, "dataset": "mine.csv", "target": "y"} if own else {"suite": "tabarena33"}
    spec = make_spec("default", **{"dataset": "diabetes", **table}, model=model, preset="smoke")
    with pytest.raises(OSError, match="does not exist"):
        run_here([spec], store, data_dir=tmp_path / folder)
    assert store.missing([spec]) == [spec]


def test_a_machine_without_memory_stops_the_study_and_its_run_stays_missing(
    store, model, tmp_path, monkeypatch
):
    def refuse(*arguments, **options):
        raise MemoryError("Unable to allocate 9 GiB")

    specs = some_specs(model, arms=("bootstrap_mix",), folds=(0,))
    monkeypatch.setattr(experiment, "make_rows", refuse)
    message = r"iris .*not enough memory \(Unable to allocate 9 GiB\); take fewer --workers"
    with pytest.raises(OSError, match=message):
        run_here(specs, store)
    assert store.missing(specs) == specs
    with pytest.raises(OSError, match=message):
        generate_all(specs, tmp_path / "cache", engine="here", progress=False)


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_stops_the_study_at_once(store, model, device):
    with pytest.raises(ModelError, match=f"cannot be loaded on device '{device}' .*say another --device"):
        run_here(some_specs(model), store, device=device)
    assert len(store.runs()) == 0


def test_a_run_that_kills_its_workers_is_a_failed_record(store, model, monkeypatch):
    def kill(function, tasks, n_workers, key):
        yield from (Outcome(task, death="killed by SIGKILL (out of memory?)") for task in tasks)

    monkeypatch.setitem(ENGINES, "killing", kill)
    specs = some_specs(model, arms=("zero_shot",), folds=(0,))
    assert run_all(specs, store, engine="killing", progress=False).failed == 1
    assert store.runs()["reason"][0] == "its worker process died twice: killed by SIGKILL (out of memory?)"


# Parts of a study


@given(
    st.integers(1, 7),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["scm", "default"])), unique=True),
)
def test_the_parts_of_a_study_are_disjoint_and_together_everything(n_parts, cells):
    specs = [make_spec(arm, fold=fold) for fold, arm in cells]
    parts = [take_shard(specs, (part, n_parts)) for part in range(n_parts)]
    assert sorted(spec.spec_hash for part in parts for spec in part) == sorted(
        spec.spec_hash for spec in specs
    )
    folds = [{spec.fold for spec in part} for part in parts]
    assert all(a.isdisjoint(b) for i, a in enumerate(folds) for b in folds[:i])


@pytest.mark.parametrize("shard", [(4, 4), (-1, 2), (0, 0)])
def test_a_part_that_does_not_exist_is_refused(shard):
    with pytest.raises(SpecError, match="does not exist"):
        take_shard([make_spec()], shard)


def test_impossible_engines_and_workers_are_refused(store):
    with pytest.raises(SpecError, match="unknown engine 'lokal': did you mean 'local'"):
        run_all([make_spec()], store, engine="lokal", progress=False)
    with pytest.raises(SpecError, match="at least 1"):
        count_workers(0)
    assert count_workers() >= 1


@pytest.mark.parametrize(
    ("device", "workers", "expected"), [("cuda", None, 1), ("cuda", 3, 3), ("cpu", None, 8)]
)
def test_one_process_works_on_a_gpu_unless_more_are_asked_for(monkeypatch, device, workers, expected):
    started = []
    monkeypatch.setattr(engines.os, "sched_getaffinity", lambda process: range(8), raising=False)
    monkeypatch.setitem(
        ENGINES, "local", lambda function, tasks, n_workers, key: started.append(n_workers) or iter(())
    )
    list(work_off(str, [], "local", workers, data_dir=None, address="auto", device=device))
    assert started == [expected]


# Synthetic rows beforehand


def test_rows_are_generated_once_and_then_found(tmp_path, model, store):
    specs = some_specs(model, arms=("default", "scm", "causalmix"), folds=(0,))
    first = generate_all(specs, tmp_path / "cache", engine="here", progress=False)
    assert (first.done, first.failed, first.skipped) == (1, 0, 0)
    again = generate_all(specs, tmp_path / "cache", engine="here", progress=False)
    assert (again.done, again.failed, again.skipped) == (0, 0, 1)
    run_here(specs, store, cache_dir=tmp_path / "cache")
    assert len(list((tmp_path / "cache").rglob("*.parquet"))) == 1
    seconds = store.runs().set_index("arm")["seconds_generate"]
    assert seconds["scm"] == seconds["causalmix"] > 0


def test_a_generator_that_fails_is_named_and_the_others_go_on(tmp_path, model, monkeypatch):
    monkeypatch.setitem(ARMS, "broken", Arm(generator="causal", params={"n_dags": 0}))
    specs = some_specs(model, arms=("broken", "bootstrap_mix"), folds=(0,))
    summary = generate_all(specs, tmp_path / "cache", engine="here", progress=False)
    assert (summary.done, summary.failed) == (1, 1)
    assert "iris · fold 0 · broken" in summary.reasons[0]


# Progress


def test_progress_in_a_log_counts_and_estimates(store, model, capsys):
    run_all(some_specs(model, arms=("zero_shot",)), store, engine="here")
    assert "runs: 2 of 2" in capsys.readouterr().err


def test_the_summary_reads_well(store, model):
    store.write(make_record(some_specs(model)[0]))
    summary = run_here(some_specs(model)[:1], store)
    assert str(summary) == "0 done, 0 failed, 1 there already (0 s)"


def test_the_engine_is_imported_without_torch():
    import subprocess
    import sys

    code = (
        "import sys, causalmix.engine, causalmix.cli; print('torch' in sys.modules, 'dowhy' in sys.modules)"
    )
    folder = Path(engine.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True
    )
    assert done.stdout.strip() == "False False"


def test_a_path_with_a_space_is_refused_before_ray_starts(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/home/me/my study/.venv/bin/python")
    with pytest.raises(PoolError, match=r"from /home/me/my study/.*has a space; move the checkout"):
        run_on_cluster(str, [], 1)
