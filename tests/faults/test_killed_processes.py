"""Processes that are killed in mid-run, through the command line and with real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from causalmix.profiles import find_profile, iter_specs
from causalmix.specs import RunSpec
from causalmix.store import ResultStore
from tests.runs import save_tiny_model

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[2]
N_RUNS = 30
PATIENCE = 480.0


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def study(tmp_path, model):
    """A study of thirty short runs; each call starts the command in a process of its own.

    With ``hold_at`` it makes no more runs once so many records are there, and waits to be ended.
    """
    words = ["run", "--profile", "smoke", "--study", "demo", "--folds", "0-9", "--repeats", "0-2"]
    words += ["--arms", "default", "--model", model, "--workers", "2"]
    started = []

    def start(hold_at: int | None = None) -> subprocess.Popen:
        hold = tmp_path / "hold"
        if hold_at is None:
            hold.unlink(missing_ok=True)
        else:
            hold.write_text(str(hold_at))
        command = [sys.executable, "-m", "tests.faults.held_cli", *words]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            preexec_fn=listen_to_ctrl_c,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start, ResultStore(tmp_path / "results" / "demo")
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def listen_to_ctrl_c() -> None:
    """Undo that a test run in the background of a shell, and so its children, ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def specs_of_study(model: str) -> list[RunSpec]:
    sweep = replace(
        find_profile("smoke"), folds=tuple(range(10)), repeats=(0, 1, 2), arms=("default",), model=model
    )
    return list(iter_specs(sweep, "demo"))


def wait_for_records(store: ResultStore, n: int) -> None:
    end = time.monotonic() + PATIENCE
    while len(list(store.records.glob("*.json"))) < n:
        assert time.monotonic() < end, f"no {n} records within {PATIENCE} s"
        time.sleep(0.02)


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children()
    alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if "spawn_main" in " ".join(child.cmdline())]


def kill_worker_then_study(process: subprocess.Popen, store: ResultStore) -> list[psutil.Process]:
    """Kill one worker after the first record, the study after three more; return the workers of then."""
    wait_for_records(store, 1)
    killed = workers_of(process)[0]
    killed.kill()
    wait_for_records(store, 4)
    assert process.poll() is None, "the study ended with its worker"
    workers = [worker for worker in workers_of(process) if worker.pid != killed.pid]
    process.kill()
    process.wait()
    return workers


def test_a_study_whose_processes_are_killed_interrupted_and_doubled_ends_complete(study, model):
    start, store = study

    workers = kill_worker_then_study(start(hold_at=N_RUNS // 2), store)
    assert workers and psutil.wait_procs(workers, timeout=30)[1] == []
    assert store.corrupt() == []
    n_kept = len(store.runs())
    assert 4 <= n_kept < N_RUNS

    interrupted = start(hold_at=N_RUNS - 4)
    wait_for_records(store, n_kept + 1)
    workers = workers_of(interrupted)
    interrupted.send_signal(signal.SIGINT)
    output, _ = interrupted.communicate(timeout=PATIENCE)
    assert interrupted.returncode == 130
    assert "the same command goes on from here" in output and "Traceback" not in output
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    assert store.corrupt() == []
    n_kept = len(store.runs())

    outputs = [process.communicate(timeout=PATIENCE)[0] for process in (start(), start())]
    assert all("0 failed" in output for output in outputs), outputs
    assert any(f"{N_RUNS - n_kept} done, 0 failed, {n_kept} there already" in output for output in outputs)
    store.check_dense(specs_of_study(model))
    assert store.corrupt() == [] and store.manifest()["store_hash"] == store.hash
    assert set(store.runs()["status"]) == {"ok"}
