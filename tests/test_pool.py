"""What the supervised worker processes promise: nothing is lost when one of them dies."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from causalmix.pool import Outcome, PoolError, _Worker, run_in_processes


def square(number):
    return number * number


def thread_limits(_):
    return os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]


def die_once(number, folder):
    """Kill the own process over task 2, but only the first time."""
    mark = Path(folder) / "died"
    if number == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_always(number):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def wait_for_end(task, folder):
    """Do the long task only when the file ``end`` is there."""
    while task == "long" and not (Path(folder) / "end").exists():
        time.sleep(0.05)
    return task


def die_at_once(function, connection):
    os._exit(1)


def fail(number):
    raise ZeroDivisionError(f"task {number} divides by nothing")


WAITS_FOR = {1: "3 begun", 3: "1 done"}


def work_in_turn(task, folder):
    """Do a task when what it waits for has happened; return what had happened before it began."""
    folder, (_, number) = Path(folder), task
    before = {path.name for path in folder.iterdir()}
    (folder / f"{number} begun").touch()
    while number in WAITS_FOR and not (folder / WAITS_FOR[number]).exists():
        time.sleep(0.01)
    (folder / f"{number} done").touch()
    return number, before


def values(outcomes: list[Outcome]) -> list:
    return sorted(outcome.value for outcome in outcomes if not outcome.death)


def test_every_task_is_done_once():
    assert values(list(run_in_processes(square, range(7), n_workers=2))) == [i * i for i in range(7)]


def test_no_tasks_need_no_workers():
    assert list(run_in_processes(square, [], n_workers=2)) == []


def test_workers_have_one_thread_each_and_the_caller_keeps_its_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    (outcome,) = run_in_processes(thread_limits, ["a"], n_workers=1)
    assert outcome.value == ("1", "1")
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_task_whose_worker_is_killed_is_done_by_another(tmp_path):
    outcomes = list(run_in_processes(partial(die_once, folder=tmp_path), range(5), n_workers=2))
    assert values(outcomes) == [0, 1, 2, 3, 4]


def test_a_task_that_kills_two_workers_is_given_up_and_the_others_are_done():
    outcomes = list(run_in_processes(die_always, range(5), n_workers=2))
    assert values(outcomes) == [0, 1, 3, 4]
    (lost,) = [outcome for outcome in outcomes if outcome.death]
    assert (lost.task, lost.death) == (2, "killed by SIGKILL (out of memory?)")


def test_workers_that_die_while_they_wait_for_work_do_no_harm(tmp_path):
    outcomes = run_in_processes(partial(wait_for_end, folder=tmp_path), ["long", 1, 2, 3], n_workers=4)
    done = [next(outcomes).task for _ in range(3)]
    assert sorted(done) == [1, 2, 3]
    for worker in outcomes.gi_frame.f_locals["crew"].workers:
        if worker.job is None:
            os.kill(worker.process.pid, signal.SIGKILL)
            worker.process.join()
    (tmp_path / "end").touch()
    assert [outcome.value for outcome in outcomes] == ["long"]


def test_workers_that_all_die_while_they_start_stop_the_work(monkeypatch):
    monkeypatch.setattr("causalmix.pool._serve", die_at_once)
    with pytest.raises(PoolError, match="worker processes die while they start"):
        list(run_in_processes(square, range(5), n_workers=2))


def test_an_error_in_a_task_stops_the_work_and_says_where_it_came_from():
    with pytest.raises(PoolError, match="task 3 divides by nothing") as caught:
        list(run_in_processes(fail, [3], n_workers=1))
    assert "in fail" in caught.value.__notes__[0]


def test_tasks_that_share_a_key_are_kept_apart_while_others_can_go_first(tmp_path):
    tasks = [("a", 1), ("a", 2), ("b", 3), ("b", 4)]
    work = partial(work_in_turn, folder=tmp_path)
    outcomes = list(run_in_processes(work, tasks, n_workers=2, key=lambda task: task[0]))
    before = dict(outcome.value for outcome in outcomes)
    assert "1 done" in before[2] and len(before) == 4


def test_stopping_early_leaves_no_process_behind():
    outcomes = run_in_processes(square, range(100), n_workers=2)
    next(outcomes)
    frame = outcomes.gi_frame.f_locals["crew"]
    processes = [worker.process for worker in frame.workers]
    outcomes.close()
    assert not any(process.is_alive() for process in processes)


def test_a_worker_whose_answer_nobody_read_leaves_without_a_word(capfd):
    worker = _Worker(square)
    assert worker.connection.poll(60)
    worker.stop()
    assert worker.process.exitcode == 0 and capfd.readouterr().err == ""


def test_ctrl_c_does_not_reach_a_worker_that_is_still_starting(capfd):
    worker = _Worker(square)
    os.kill(worker.process.pid, signal.SIGINT)
    assert worker.receive() is None  # it is ready
    worker.stop()
    assert worker.process.exitcode == 0 and capfd.readouterr().err == ""
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])  # the caller hears it
