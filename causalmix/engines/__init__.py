"""How many tasks are worked off: in processes on this machine, in this very process, or on a Ray cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from causalmix.planning import describe_absent
from causalmix.pool import Outcome, PoolError, run_in_processes
from causalmix.specs import RunSpec, SpecError, suggest


def count_workers(workers: int | None = None, device: str = "cpu") -> int:
    """Return ``workers``, or the number of cores that this process may use; of a CUDA device, one.

    Raises
    ------
    SpecError
        For less than one worker.
    """
    if workers is None and device.startswith("cuda"):
        return 1
    if workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers < 1:
        raise SpecError(f"workers is {workers}; at least 1 is needed")
    return workers


def run_here(
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    n_workers: int = 1,
    key: Callable[[Any], Hashable] | None = None,
) -> Iterator[Outcome]:
    """Run the tasks one by one in this process: for debugging, and for a GPU that one process fills."""
    for task in tasks:
        yield Outcome(task, function(task))


def run_on_cluster(*arguments: Any, **options: Any) -> Iterator[Outcome]:
    """Run the tasks on a Ray cluster, as `causalmix.engines.on_ray.run_on_ray` says; ray must be installed.

    Raises
    ------
    PoolError
        When it is not, or lies where Ray cannot start workers from.
    """
    if " " in sys.executable:
        raise PoolError(
            f"Ray cannot start workers from {sys.executable}: its path has a space; "
            "move the checkout, or make its environment elsewhere"
        )
    try:
        from causalmix.engines.on_ray import run_on_ray
    except ModuleNotFoundError as error:
        raise PoolError(
            "engine 'ray' needs the package ray, on every node: pip install -e '.[ray]' in a checkout"
        ) from error
    return run_on_ray(*arguments, **options)


ENGINES: dict[str, Callable[..., Iterator[Outcome]]] = {
    "local": run_in_processes,
    "here": run_here,
    "ray": run_on_cluster,
}
"""The engines by name."""


def check_engine(engine: str) -> None:
    """Refuse an engine that does not exist: raise a `SpecError` that proposes the closest name."""
    if engine not in ENGINES:
        raise SpecError(suggest("engine", engine, ENGINES))


def work_off(
    function: Callable[[RunSpec], Any],
    specs: Sequence[RunSpec],
    engine: str,
    workers: int | None,
    *,
    data_dir: str | Path | None,
    address: str,
    device: str = "cpu",
) -> Iterator[Outcome]:
    """Yield what ``function`` returns for each spec, in the order of completion.

    Parameters
    ----------
    function : callable
        Importable by name, as the engines need it.
    specs : sequence of RunSpec
    engine, workers, data_dir, address, device
        As in `causalmix.engine.run_all`.

    Raises
    ------
    PoolError
        When the engine cannot go on.
    SpecError
        For an unknown engine or an impossible number of workers.
    """
    check_engine(engine)
    if engine != "ray":
        return ENGINES[engine](function, specs, count_workers(workers, device), _get_rows_key)
    if device not in ("cpu", "cuda"):
        raise SpecError(f"device {device!r}: Ray deals out the GPUs, so say only cuda")
    tables = sorted({(spec.suite, spec.dataset) for spec in specs})
    return ENGINES[engine](
        function,
        specs,
        count_workers(workers) if workers is not None else None,
        _get_rows_key,
        address=address,
        on_gpu=device == "cuda",
        check=partial(_describe_lack, tables, data_dir, device),
    )


def _describe_lack(tables: list[tuple[str, str]], data_dir: str | Path | None, device: str) -> str:
    """Say what this machine lacks for the runs, or nothing."""
    absent = describe_absent(tables, data_dir)
    if absent:
        return f"{absent}: every node needs the tables at this path (a shared folder, or copies)"
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            return "its PyTorch finds no GPU: install the build for CUDA there, or say --device cpu"
    return ""


def _get_rows_key(spec: RunSpec) -> tuple:
    return spec.rows_key
