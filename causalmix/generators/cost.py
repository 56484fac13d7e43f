"""What a generator costs: CPU-seconds and memory of one fit and one draw, measured in this very process."""

from __future__ import annotations

import gc
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import pandas as pd
import psutil

from causalmix.generators.base import Generator

_MEGABYTE = 1e6


@dataclass(frozen=True)
class Cost:
    """What one fit and one draw cost.

    Attributes
    ----------
    seconds_fit : float
        CPU-seconds of `Generator.fit`.
    seconds_per_1000 : float
        CPU-seconds of `Generator.sample`, per 1,000 rows.
    base_mb : float
        Resident memory before, in 10^6 bytes.
    peak_mb : float
        Largest resident memory during both, above what was there before.
    """

    seconds_fit: float
    seconds_per_1000: float
    base_mb: float
    peak_mb: float


class PeakMemory:
    """Follow the resident memory of this process inside a ``with`` block.

    Attributes
    ----------
    base, peak : int
        Bytes at the start, and the most that was seen.

    Examples
    --------
    >>> with PeakMemory() as memory:
    ...     block = bytearray(50_000_000)
    >>> memory.peak - memory.base > 40_000_000
    True
    """

    def __init__(self, seconds: float = 0.005) -> None:
        self._process, self._seconds, self._over = psutil.Process(), seconds, threading.Event()

    def __enter__(self) -> Self:
        gc.collect()
        self.base = self.peak = self._process.memory_info().rss
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._look()
        self._over.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._over.wait(self._seconds):
            self._look()

    def _look(self) -> None:
        self.peak = max(self.peak, self._process.memory_info().rss)


def measure_cost(generator: Generator, train: pd.DataFrame, target: str, n_rows: int, seed: int = 0) -> Cost:
    """Fit the generator, draw ``n_rows`` and return what that cost.

    Run it in a process of its own, after what is imported at first use has been imported: see
    ``benchmarks/generator_cost.py``.

    Parameters
    ----------
    generator : Generator
        Not fitted yet.
    train : DataFrame, shape (n, d)
        Canonical frame, target column included.
    target : str
    n_rows : int
        At least 1.
    seed : int

    Raises
    ------
    GeneratorError
        When the generator cannot serve the table.
    """
    with PeakMemory() as memory:
        start = time.process_time()
        generator.fit(train, target, seed)
        fitted = time.process_time()
        generator.sample(n_rows)
        drawn = time.process_time()
    return Cost(
        seconds_fit=fitted - start,
        seconds_per_1000=(drawn - fitted) * 1000 / n_rows,
        base_mb=memory.base / _MEGABYTE,
        peak_mb=(memory.peak - memory.base) / _MEGABYTE,
    )
