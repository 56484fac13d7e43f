"""Many runs: in parallel, resumable, and surviving a worker that dies.

A run that is in the store is skipped, so a killed study goes on where it was. Workers only compute: this
process writes each record as soon as its run is done. Two studies started at once into one store do no harm:
a run that both make is there once, and where it failed in one of them only, the finished one stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from causalmix.batch import fills_with_one_run, make_in_batches
from causalmix.engines import ENGINES, check_engine, count_workers, work_off
from causalmix.pool import Outcome
from causalmix.progress import make_progress
from causalmix.records import failed_record, no_memory, record_error
from causalmix.shards import take_shard
from causalmix.specs import RunRecord, RunSpec, find_arm
from causalmix.store import ResultStore

__all__ = [
    "ENGINES",
    "Summary",
    "count_workers",
    "generate_all",
    "make_record",
    "run_all",
    "take_shard",
]

_DIED = "its worker process died twice"


@dataclass(frozen=True)
class Summary:
    """What `run_all` or `generate_all` did.

    Attributes
    ----------
    done, failed : int
        Runs (or synthetic tables) made now, without and with an error.
    skipped : int
        Those that were there already.
    seconds : float
        Wall-clock time.
    reasons : tuple of str
        Why the failed ones failed, each reason with its run.
    failed_before : int
        Those of the skipped runs that are there as failed ones.
    """

    done: int
    failed: int
    skipped: int
    seconds: float
    reasons: tuple[str, ...] = ()
    failed_before: int = 0

    @property
    def all_failed(self) -> bool:
        """Whether something was tried, all of it failed, and nothing was there already."""
        return self.failed > 0 and not (self.done or self.skipped)

    def __str__(self) -> str:
        return f"{self.done} done, {self.failed} failed, {self.skipped} there already ({self.seconds:.0f} s)"


def run_all(
    specs: Iterable[RunSpec],
    store: ResultStore,
    *,
    engine: str = "local",
    workers: int | None = None,
    shard: tuple[int, int] | None = None,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    device: str = "cpu",
    address: str = "auto",
    retry_failed: bool = False,
    progress: bool = True,
) -> Summary:
    """Make the runs that the store lacks.

    Parameters
    ----------
    specs : iterable of RunSpec
        In the order in which they are started.
    store : ResultStore
        Gets each record as soon as its run is done. Call `ResultStore.consolidate` afterwards.
    engine : str
        A key of `ENGINES`.
    workers : int, optional
        Processes at once. By default one per core that this process may use, or one on device "cuda"; of a
        Ray cluster, one per core, or per GPU on device "cuda".
    shard : (int, int), optional
        ``(i, n)``: only the i-th of n parts of ``specs``, i from 0, as in `causalmix.shards.take_shard`.
    data_dir, cache_dir, device
        As in `causalmix.experiment.run_one`.
    address : str
        Of the Ray cluster, for engine "ray": as in `causalmix.engines.on_ray.run_on_ray`.
    retry_failed : bool
        Make failed runs again.
    progress : bool
        Show how far it is and how long it will take.

    Raises
    ------
    PoolError
        When the model cannot be loaded, a file cannot be read or written by a worker, no worker process
        starts, or there is no Ray cluster. Engine "here" raises the ModelError or OSError itself.
    SpecError
        For an unknown engine or an impossible shard.
    StoreError
        When a record cannot be written.
    """
    start = time.monotonic()
    chosen = take_shard(list(specs), shard)
    lacking = {spec.spec_hash for spec in store.missing(chosen)}
    failed = {spec.spec_hash for spec in chosen} & _failed_hashes(store) - lacking
    todo = [spec for spec in chosen if spec.spec_hash in lacking | (failed if retry_failed else set())]
    work = partial(make_record, data_dir=data_dir, cache_dir=cache_dir, device=device)
    reasons = []
    with make_progress([spec.dataset for spec in todo], "runs", progress) as bars:
        start_work = partial(
            work_off, engine=engine, workers=workers, data_dir=data_dir, address=address, device=device
        )
        in_order = start_work if fills_with_one_run(device) else partial(make_in_batches, start_work)
        for outcome in in_order(work, todo):
            record = outcome.value or _died(outcome, device)
            store.write(record)
            if record.reason:
                reasons.append(f"{record.spec}: {record.reason}")
            bars.advance(record.spec.dataset, reasons[-1] if record.reason else "")
    return Summary(
        done=len(todo) - len(reasons),
        failed=len(reasons),
        skipped=len(chosen) - len(todo),
        seconds=time.monotonic() - start,
        reasons=tuple(reasons),
        failed_before=0 if retry_failed else len(failed),
    )


def check_request(specs: Sequence[RunSpec], engine: str) -> None:
    """Refuse what no run could be made with, before any is planned. Parameters as in `run_all`.

    Raises
    ------
    SpecError
        For an unknown engine.
    ModelError
        For a model that does not exist; whether it can be loaded shows when it is.
    """
    from causalmix.models import find_loader

    check_engine(engine)
    for model in {spec.model for spec in specs}:
        find_loader(model)


def generate_all(
    specs: Iterable[RunSpec],
    cache_dir: str | Path,
    *,
    engine: str = "local",
    workers: int | None = None,
    shard: tuple[int, int] | None = None,
    data_dir: str | Path | None = None,
    address: str = "auto",
    progress: bool = True,
) -> Summary:
    """Make the synthetic rows that these runs need and put them into the cache; nothing is fine-tuned.

    Rows that are in the cache are not made again. A generator that cannot serve a table is counted as
    failed here, and becomes a failed record when the run is made.

    Parameters
    ----------
    specs : iterable of RunSpec
    cache_dir : path
    engine, workers, shard, data_dir, address, progress
        As in `run_all`.
    """
    start = time.monotonic()
    chosen = take_shard(list(specs), shard)
    todo = list({spec.rows_key: spec for spec in reversed(chosen) if spec.rows_key}.values())[::-1]
    work = partial(_make_and_cache, data_dir=data_dir, cache_dir=cache_dir)
    n_cached, reasons = 0, []
    with make_progress([_rows_group(spec) for spec in todo], "synthetic tables", progress) as bars:
        for outcome in work_off(work, todo, engine, workers, data_dir=data_dir, address=address):
            status, reason = outcome.value or ("failed", f"{_DIED}: {outcome.death}")
            n_cached += status == "cached"
            if status == "failed":
                reasons.append(f"{outcome.task}: {reason}")
            bars.advance(_rows_group(outcome.task), reasons[-1] if reason else "")
    n_made = len(todo) - n_cached - len(reasons)
    return Summary(n_made, len(reasons), n_cached, time.monotonic() - start, tuple(reasons))


def make_record(
    spec: RunSpec,
    *,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    device: str = "cpu",
) -> RunRecord:
    """Make one run; an error that nobody foresaw is a failed record, too.

    Every engine computes on one CPU thread, so that the records are the same. The grid stays dense and
    ``--retry-failed`` makes the run again once the cause is mended. A model or preset that cannot be had
    would fail every run, and a fault of the machine is no result: these go on. Parameters as in `run_one`.

    Raises
    ------
    ModelError, SpecError
        When the model, the arm or the preset cannot be had.
    OSError
        When a file cannot be read or written (a full disk, a table's file that is damaged), or there is not
        enough memory.
    torch.AcceleratorError
        When the GPU fails.
    """
    from causalmix.experiment import run_one
    from causalmix.threads import cpu_threads

    try:
        with cpu_threads(1):
            return run_one(spec, data_dir=data_dir, cache_dir=cache_dir, device=device)
    except Exception as error:
        return record_error(spec, error, device)


def _make_and_cache(spec: RunSpec, data_dir: str | Path | None, cache_dir: str | Path) -> tuple[str, str]:
    """Make the synthetic rows of one spec; return ("made" | "cached" | "failed", reason)."""
    from causalmix.data import DataError
    from causalmix.experiment import find_rows, make_rows
    from causalmix.folds import prepare_fold
    from causalmix.generators.base import GeneratorError

    try:
        fold = prepare_fold(spec, data_dir)
        if find_rows(fold, spec, cache_dir) is not None:
            return "cached", ""
        make_rows(fold, spec, cache_dir)
    except OSError:
        raise
    except MemoryError as error:
        raise no_memory(spec, error) from error
    except (DataError, GeneratorError) as error:
        return "failed", str(error)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"
    return "made", ""


def _died(outcome: Outcome, device: str) -> RunRecord:
    return failed_record(outcome.task, f"{_DIED}: {outcome.death}", device)


def _failed_hashes(store: ResultStore) -> set[str]:
    runs = store.runs(skip_corrupt=True)
    return set(runs.loc[runs["status"] == "failed", "spec_hash"])


def _rows_group(spec: RunSpec) -> str:
    return f"{find_arm(spec.arm).generator} · {spec.dataset}"
