"""Who does which task next, and what becomes of a task whose worker is lost. Knows nothing of Ray."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from causalmix.pool import Outcome, PoolError

_MAX_FAILED_STARTS = 3


@dataclass(eq=False)
class Job:
    """A task, the key of the result that it shares, and how many worker processes have died over it."""

    task: Any
    key: Hashable = ()
    n_deaths: int = 0


class LostError(Exception):
    """A worker is lost: alone, or with its whole node."""

    def __init__(self, message: str, of_node: bool) -> None:
        super().__init__(message)
        self.of_node = of_node


class Slot(Protocol):
    """A worker somewhere. Its first answer says that it is ready, each later one is the value of its job.

    Attributes
    ----------
    node, place : str
        Id and name of the machine that it is on, once it is ready.
    job : Job or None
        What it is at.
    """

    node: str
    place: str
    job: Job | None

    @property
    def idle(self) -> bool:
        """Whether no answer is awaited from it."""

    def assign(self, job: Job) -> None: ...

    def receive(self) -> Any:
        """Return the answer; raise `LostError` when the worker is lost."""

    def stop(self) -> None: ...


class Crew:
    """The queue of jobs and the slots that work on it.

    Jobs of one key share an intermediate result on disk. The first is finished before another begins; the
    others go to its node while that has jobs to give, for a disk may belong to one node alone.

    Parameters
    ----------
    tasks : iterable
        Dealt out in this order.
    key : callable, optional
        Gives the key of a task; the empty one is shared by nobody.
    hire : callable
        Returns a new slot, which may take its time to get ready.
    wait : callable
        Returns one of the slots given to it that has answered, or ``None`` after some seconds.
    count : callable
        Returns how many slots there are to be; asked again and again, for nodes come and go.
    patience : float
        Seconds to wait for a slot to get ready when nobody is at work.
    attempts : int
        How many worker processes may die over a task before it is given up; a lost node does not count.
    """

    def __init__(
        self,
        tasks: Iterable[Any],
        key: Callable[[Any], Hashable] | None,
        hire: Callable[[], Slot],
        wait: Callable[[Sequence[Any]], Slot | None],
        count: Callable[[], int],
        patience: float,
        attempts: int = 2,
    ) -> None:
        self.queue = [Job(task, key(task) if key else ()) for task in tasks]
        self.hire, self.wait, self.count = hire, wait, count
        self.patience, self.attempts = patience, attempts
        self.homes: dict[Hashable, str] = {}  # key -> node where its first task was finished
        self.slots: list[Slot] = []
        self.failed_starts = 0
        self.last_sign = time.monotonic()

    def work(self) -> Iterator[Outcome]:
        """Yield the outcome of each task as soon as it is there.

        Raises
        ------
        PoolError
            When no worker can be had any more.
        """
        while self.queue or self._at_work:
            self._hire_up()
            slot = self.wait([slot for slot in self.slots if not slot.idle])
            if slot is None:
                self._check_patience()
                continue
            try:
                outcome = self._receive(slot)
            except LostError as loss:
                outcome = self._replace(slot, loss)
            for idle in [slot for slot in self.slots if slot.idle]:
                self._assign_next(idle)
            if outcome is not None:
                yield outcome

    def dismiss(self) -> None:
        """Stop all workers."""
        for slot in self.slots:
            slot.stop()

    @property
    def _at_work(self) -> int:
        return sum(slot.job is not None for slot in self.slots)

    def _hire_up(self) -> None:
        n_wanted = min(max(1, self.count()), len(self.queue) + self._at_work)
        while len(self.slots) < n_wanted:
            self.slots.append(self.hire())

    def _check_patience(self) -> None:
        if self._at_work:
            self.last_sign = time.monotonic()
        elif time.monotonic() - self.last_sign > self.patience:
            raise PoolError(
                f"no node had room for a worker for {self.patience:.0f} s (`ray status` shows the nodes). "
                "Finished runs are kept: start the same command again when nodes are back"
            )

    def _receive(self, slot: Slot) -> Outcome | None:
        """Return the outcome of the slot's job; ``None`` when it only says that it is ready."""
        value = slot.receive()
        self.failed_starts, self.last_sign = 0, time.monotonic()
        job, slot.job = slot.job, None
        if job is None:
            return None
        self.homes.setdefault(job.key, slot.node)
        return Outcome(job.task, value)

    def _assign_next(self, slot: Slot) -> None:
        being_made = {other.job.key for other in self.slots if other.job} - self.homes.keys() - {()}
        free = [job for job in self.queue if job.key not in being_made]
        at_home = (job for job in free if not job.key or self.homes.get(job.key, slot.node) == slot.node)
        job = next(at_home, free[0] if free else None)
        if job is not None:
            self.queue.remove(job)
            slot.assign(job)

    def _replace(self, lost: Slot, loss: LostError) -> Outcome | None:
        """Put the job of a lost slot back; return its outcome where it is given up."""
        self.slots.remove(lost)
        lost.stop()
        if loss.of_node:
            self.homes = {key: node for key, node in self.homes.items() if node != lost.node}
        if lost.job is None:
            self.failed_starts += 1
            if self.failed_starts >= _MAX_FAILED_STARTS * (len(self.slots) + 1):
                raise PoolError(f"workers are lost while they start: {loss}")
            return None
        lost.job.n_deaths += not loss.of_node
        if lost.job.n_deaths >= self.attempts:
            return Outcome(lost.job.task, death=f"on node {lost.place}: {loss}")
        self.queue.insert(0, lost.job)
        return None
