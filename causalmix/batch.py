"""Runs of one table and model made together, so that a small model fills a GPU.

Each is the run that `causalmix.experiment.run_one` makes; only the fine-tuning of those of one shape goes
through one program.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from causalmix.pool import Outcome
from causalmix.records import complete_record, record_error
from causalmix.specs import RunRecord, RunSpec, find_arm

MAX_RUNS = 64
"""Runs of a batch; more would hardly be faster, and a killed study loses the batches that it was at."""


@dataclass(frozen=True)
class RunBatch:
    """Runs that differ in fold, arm and repeat only."""

    specs: tuple[RunSpec, ...]

    @property
    def suite(self) -> str:
        """Suite of the table."""
        return self.specs[0].suite

    @property
    def dataset(self) -> str:
        """Name of the table."""
        return self.specs[0].dataset

    @property
    def rows_key(self) -> tuple:
        """Empty: batches do not wait for each other's rows; two that share a fold may both make them."""
        return ()

    def __str__(self) -> str:
        return f"{self.dataset} · {len(self.specs)} runs"


def group_runs(specs: Sequence[RunSpec]) -> list[RunBatch]:
    """Group runs into batches of at most `MAX_RUNS`, in the order of their first runs.

    A fold's arms, which may share synthetic rows, follow one another; a full batch ends within a fold.

    Examples
    --------
    >>> names = ("iris", "wine", "iris", "wine")
    >>> specs = [RunSpec("s", "bundled", name, fold, "default") for fold, name in enumerate(names)]
    >>> [str(batch) for batch in group_runs(specs)]
    ['iris · 2 runs', 'wine · 2 runs']
    """
    groups: dict[tuple, list[RunSpec]] = {}
    for spec in specs:
        key = (spec.suite, spec.dataset, spec.target, spec.model, spec.preset, spec.n_steps, spec.protocol)
        groups.setdefault(key, []).append(spec)
    batches = []
    for group in groups.values():
        ordered = sorted(group, key=lambda spec: (spec.repeat, spec.fold))
        batches += [RunBatch(tuple(ordered[i : i + MAX_RUNS])) for i in range(0, len(ordered), MAX_RUNS)]
    return batches


def fills_with_one_run(device: str) -> bool:
    """Whether one run keeps the device busy: a core of a CPU, which batches make no faster, but no GPU."""
    return not device.startswith("cuda")


def make_in_batches(
    start_work: Callable[..., Iterator[Outcome]], work: partial[RunRecord], specs: Sequence[RunSpec]
) -> Iterator[Outcome]:
    """Make runs in batches; yield the outcome of each run, its record.

    A batch whose workers died is made again one by one, so that only the run that kills them fails.

    Parameters
    ----------
    start_work : callable
        Given a function and tasks, yields their outcomes.
    work : functools.partial
        Makes one run; its keywords are those of `make_records`.
    specs : sequence of RunSpec
    """
    lost: list[RunSpec] = []
    for outcome in start_work(partial(_make_batch, **work.keywords), group_runs(specs)):
        if outcome.death:
            lost += outcome.task.specs
        else:
            yield from (Outcome(record.spec, record) for record in outcome.value)
    yield from start_work(work, lost)


def _make_batch(batch: RunBatch, **options: Any) -> list[RunRecord]:
    return list(make_records(batch, **options))


def make_records(
    batch: RunBatch,
    *,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    device: str = "cpu",
) -> Iterator[RunRecord]:
    """Make the runs of a batch; parameters and errors as in `causalmix.engine.make_record`.

    Yields
    ------
    RunRecord
        In the order in which they are done. ``seconds_finetune`` is the run's share of its program's time.
    """
    from causalmix.experiment import (
        PreparedRun,
        encode_rows,
        find_preset,
        finetune_seed,
        load_once,
        prepare_run,
        run_one,
    )
    from causalmix.finetune import FineTuner

    options: dict[str, Any] = {"data_dir": data_dir, "cache_dir": cache_dir, "device": device}
    runs, data = [], []
    for spec in batch.specs:
        try:
            run = (prepare_run if find_arm(spec.arm).finetune else run_one)(spec, **options)
            if isinstance(run, PreparedRun):
                data.append(encode_rows(run.fold, run.pool))
                runs.append(run)
        except Exception as error:
            run = record_error(spec, error, device)
        if isinstance(run, RunRecord):
            yield run
    if not runs:
        return
    tuner = FineTuner(find_preset(runs[0].spec), device)
    (model, weights), start = load_once(runs[0].spec.model, device), time.perf_counter()
    for outcomes in tuner.run_many(model, data, [finetune_seed(run.spec) for run in runs]):
        seconds = (time.perf_counter() - start) / len(outcomes)
        for position, outcome in outcomes.items():
            run = runs[position]
            if isinstance(outcome, Exception):
                yield record_error(run.spec, outcome, device)
            else:
                yield complete_record(run, outcome, seconds, device, weights)
        start = time.perf_counter()
