"""Worker processes that are supervised one by one: a worker that dies costs one task a retry, no more.

The pools of the standard library and of loky break as a whole when one worker is killed (out of memory, say).
Here each slot has its own process and pipe, and a dead slot is replaced.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, NoReturn

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ONE_THREAD = dict.fromkeys(_THREAD_VARIABLES, "1")
"""Set before a worker imports anything: as many workers as cores, one thread each."""

_MAX_FAILED_STARTS = 3


class PoolError(RuntimeError):
    """The work cannot go on: a task raised an error that it was not expected to, or no worker starts."""


@dataclass(frozen=True)
class Outcome:
    """What became of one task: its ``value``, or the ``death`` of the workers that tried it."""

    task: Any
    value: Any = None
    death: str = ""


def run_in_processes(
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    n_workers: int,
    key: Callable[[Any], Hashable] | None = None,
    attempts: int = 2,
) -> Iterator[Outcome]:
    """Yield the outcome of each task as soon as it is there, in the order of completion.

    Parameters
    ----------
    function : callable
        Importable by name (a module-level function, or a ``functools.partial`` of one).
    tasks : iterable
        Picklable; dealt out in this order.
    n_workers : int
        Processes at once, each with one thread.
    key : callable, optional
        Tasks with the same non-empty key are kept apart in time where other tasks can go first: they would
        compute the same intermediate result twice.
    attempts : int
        How many workers may die over a task before it is given up.

    Raises
    ------
    PoolError
        When ``function`` raises, or one worker after the other dies before it is ready for a task.
    """
    crew = _Crew(function, tasks, n_workers, key, attempts)
    try:
        while crew.at_work:
            for worker in crew.wait_for_news():
                outcome = crew.hear(worker)
                if outcome is not None:
                    yield outcome
    finally:
        for worker in crew.workers:
            worker.stop()


class _Crew:
    """The queue of jobs and the workers on it. A job is (number, task)."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        tasks: Iterable[Any],
        n_workers: int,
        key: Callable[[Any], Hashable] | None,
        attempts: int,
    ) -> None:
        self.function, self.key, self.attempts = function, key, attempts
        self.queue = deque(enumerate(tasks))
        self.deaths: dict[int, int] = {}
        self.failed_starts = 0
        self.workers = [_Worker(function) for _ in range(min(n_workers, len(self.queue)))]

    @property
    def at_work(self) -> bool:
        return bool(self.queue) or any(worker.job is not None for worker in self.workers)

    def wait_for_news(self) -> list[_Worker]:
        """Wait until workers have sent something or died (which closes their end of the pipe)."""
        ready = wait([worker.connection for worker in self.workers])
        return [worker for worker in self.workers if worker.connection in ready]

    def hear(self, worker: _Worker) -> Outcome | None:
        """Return the outcome that the worker brings, if any; give it its next job, or replace it if dead."""
        try:
            outcome = worker.receive()
        except EOFError:
            return self.replace(worker)
        if outcome is None:
            worker.is_ready, self.failed_starts = True, 0
        self.assign_next(worker)
        return outcome

    def assign_next(self, worker: _Worker) -> None:
        """Give the worker the first job whose key nobody is working on, or simply the first."""
        if not self.queue:
            return
        position = 0
        if self.key is not None:
            taken = {self.key(other.job[1]) for other in self.workers if other.job is not None} - {()}
            free = (i for i, (_, task) in enumerate(self.queue) if self.key(task) not in taken)
            position = next(free, 0)
        job = self.queue[position]
        del self.queue[position]
        worker.assign(job)

    def replace(self, dead: _Worker) -> Outcome | None:
        """Put a new worker in the place of a dead one; return the outcome of a job that is given up."""
        self.workers.remove(dead)
        dead.process.join(5)  # leaves no zombie
        outcome = None
        if dead.job is not None:
            number, task = dead.job
            self.deaths[number] = self.deaths.get(number, 0) + 1
            if self.deaths[number] >= self.attempts:
                outcome = Outcome(task, death=dead.describe_exit())
            else:
                self.queue.appendleft(dead.job)
        elif not dead.is_ready:  # one that was ready only waited for work
            self.failed_starts += 1
            if self.failed_starts >= _MAX_FAILED_STARTS:
                raise PoolError(f"worker processes die while they start ({dead.describe_exit()})")
        if self.queue:
            self.workers.append(_Worker(self.function))
        return outcome


class _Worker:
    """One process, the pipe to it and the job it is at."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(function, theirs), daemon=True)
        with _environment(ONE_THREAD), _deaf_to_ctrl_c():
            self.process.start()
        theirs.close()
        self.is_ready = False
        self.job: tuple[int, Any] | None = None

    def assign(self, job: tuple[int, Any]) -> None:
        self.job = job
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it just died: receive() will tell
            self.connection.send(job[1])

    def receive(self) -> Outcome | None:
        """Return the outcome of the job; ``None`` when the worker only says that it is ready.

        Raises
        ------
        EOFError
            When the worker is dead.
        PoolError
            When the job raised an error.
        """
        try:
            kind, value = self.connection.recv()
        except OSError as error:
            raise EOFError from error
        if kind == "raised":
            raise_failure(*value)
        if self.job is None:
            return None
        (_, task), self.job = self.job, None
        return Outcome(task, value)

    def describe_exit(self) -> str:
        self.process.join(5)
        code = self.process.exitcode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
        return f"exit code {code}"

    def stop(self) -> None:
        """End the process: an idle one leaves by itself when its pipe closes, a busy one is terminated."""
        self.connection.close()
        if self.job is not None:
            self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()


def attempt(function: Callable[[Any], Any], task: Any) -> tuple[str, Any]:
    """Do a task in a worker: ("done", value), or ("raised", arguments of `raise_failure`)."""
    try:
        return "done", function(task)
    except Exception as error:
        return "raised", (f"{task}: {error}", traceback.format_exc())


def raise_failure(message: str, trace: str) -> NoReturn:
    """Raise what a worker's task raised; ``trace`` is its traceback, which becomes a note."""
    failure = PoolError(message)
    failure.add_note(trace)
    raise failure


def _serve(function: Callable[[Any], Any], connection: Connection) -> None:
    """Body of a worker process: do what comes through the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # see `_deaf_to_ctrl_c`; also where signals cannot be held
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the parent has closed it
        connection.send(("ready", "ready"))
        while True:
            connection.send(attempt(function, connection.recv()))


def _die_with_parent() -> None:
    """End this process when its parent is gone, even after ``kill -9``."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Hold Ctrl-C back from the processes started inside: it is for the parent, which then stops its workers.

    A terminal sends it to all of them, even while they are still importing. The caller hears it afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # multiprocessing's own process; starting it would let signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes started inside; put the old ones back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
