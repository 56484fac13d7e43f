"""How far the work is: bars in a terminal, a line now and then in a log, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Protocol, Self


class Progress(Protocol):
    """Counts finished tasks. ``group`` is the bar that a task belongs to."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def advance(self, group: str, failure: str = "") -> None:
        """One task of ``group`` is finished; ``failure`` says why it failed, if it did."""


class NoProgress:
    """Shows nothing."""

    def __enter__(self) -> NoProgress:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def advance(self, group: str, failure: str = "") -> None:
        return None


class LogProgress:
    """Prints a line at most every ``seconds`` seconds, with an estimate of the time left."""

    def __init__(self, groups: Iterable[str], title: str, seconds: float = 15.0) -> None:
        self.n_total, self.title, self.seconds = len(list(groups)), title, seconds
        self.n_done = self.n_failed = 0

    def __enter__(self) -> LogProgress:
        self.start = self.last = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def advance(self, group: str, failure: str = "") -> None:
        """Count one task of ``group``; print a failure at once, the state every few seconds."""
        self.n_done += 1
        self.n_failed += bool(failure)
        if failure:
            print(f"failed: {failure}", file=sys.stderr, flush=True)
        now = time.monotonic()
        if self.n_done == 1:
            self.first = now  # the pace is that of the tasks after it: starting the workers takes long, once
        if now - self.last >= self.seconds or self.n_done == self.n_total:
            self.last, pace = now, (now - self.first) / max(1, self.n_done - 1)
            left = f", about {_clock(pace * (self.n_total - self.n_done))} left" if self.n_done > 1 else ""
            print(
                f"{self.title}: {self.n_done} of {self.n_total}, {self.n_failed} failed, "
                f"{_clock(now - self.start)} so far{left}",
                file=sys.stderr,
                flush=True,
            )


class BarProgress:
    """A bar for all tasks and one for each group that is under way."""

    def __init__(self, groups: Iterable[str], title: str) -> None:
        from rich import progress

        groups = list(groups)
        self._bars = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[failed]} failed"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            transient=False,
        )
        self._all = self._bars.add_task(title, total=len(groups), failed=0)
        names = dict.fromkeys(groups)
        self._groups: dict[str, Any] = {
            name: self._bars.add_task(name, total=groups.count(name), failed=0, visible=False)
            for name in names
            if len(names) > 1
        }

    def __enter__(self) -> BarProgress:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def advance(self, group: str, failure: str = "") -> None:
        if failure:
            self._bars.console.print(f"failed: {failure}", markup=False)
        for bar in (self._all, self._groups.get(group)):
            if bar is not None:
                failed = self._bars.tasks[bar].fields["failed"] + bool(failure)
                self._bars.update(bar, advance=1, failed=failed)
        if group in self._groups:
            bar = self._groups[group]
            self._bars.update(bar, visible=not self._bars.tasks[bar].finished)


def make_progress(groups: Iterable[str], title: str, shown: bool = True) -> Progress:
    """Return bars for a terminal, lines for a log or notebook, nothing when ``shown`` is false.

    Parameters
    ----------
    groups : iterable of str
        The group of each task; its length is the number of tasks.
    title : str
        What is being done.
    """
    if not shown:
        return NoProgress()
    return BarProgress(groups, title) if sys.stdout.isatty() else LogProgress(groups, title)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
