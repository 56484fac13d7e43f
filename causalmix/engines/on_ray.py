"""Many machines: worker actors on a Ray cluster. The only file that imports ray, an optional extra.

An actor lives as long as the study, so that it loads the model once. Actors only return what they compute:
the driver (this process) alone writes into the store, once per run, whatever was tried twice on the way.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import socket
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ray
from ray.exceptions import ActorUnavailableError, RayError, RayTaskError

from causalmix.engines.crew import Crew, Job, LostError
from causalmix.environment import source_hash
from causalmix.pool import ONE_THREAD, Outcome, PoolError, attempt, raise_failure
from causalmix.specs import SpecError

_SECONDS_TO_ANSWER = 5.0
_SECONDS_BETWEEN_LOOKS = 5.0


def run_on_ray(
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    n_workers: int | None = None,
    key: Callable[[Any], Hashable] | None = None,
    *,
    address: str = "auto",
    on_gpu: bool = False,
    check: Callable[[], str] = str,
    patience: float = 600.0,
) -> Iterator[Outcome]:
    """Yield the outcome of each task as soon as it is there, in the order of completion.

    Every node needs this package in the same version, and the folder in which the command runs: workers
    change to it, so that a relative path means the same everywhere.

    Parameters
    ----------
    function : callable
        Importable by name (a module-level function, or a ``functools.partial`` of one).
    tasks : iterable
        Picklable; dealt out in this order.
    n_workers : int, optional
        Workers at once, each on one core; by default one per core (per GPU, with ``on_gpu``) of the cluster,
        nodes that join later included.
    key : callable, optional
        As in `causalmix.engines.crew.Crew`.
    address : str
        ``host:port`` of the cluster's head; "auto": RAY_ADDRESS, else the cluster on this machine.
    on_gpu : bool
        Whether a worker needs a GPU. More workers than GPUs share them evenly.
    check : callable
        Called by each worker before its first task; returns what its node lacks, or an empty text.
    patience : float
        Seconds to wait for a node with room when no worker is left.

    Raises
    ------
    PoolError
        When there is no cluster, a node lacks something, no node is left, or ``function`` raises.
    SpecError
        When the address is not that of a machine.
    """
    tasks = list(tasks)
    if not tasks:
        return
    with _connected(address):
        kind = "GPU" if on_gpu else "CPU"
        options = plan_options(n_workers, _count(kind), on_gpu)
        hire = partial(_ActorSlot, options, (function, Path.cwd(), source_hash(), check))
        crew = Crew(tasks, key, hire, _wait_for_one, lambda: n_workers or _count(kind), patience)
        try:
            yield from crew.work()
        finally:
            crew.dismiss()


def plan_options(n_workers: int | None, n_places: int, on_gpu: bool) -> dict:
    """Return what each worker asks of Ray.

    Parameters
    ----------
    n_workers : int, optional
    n_places : int
        Cores of the cluster, or its GPUs.
    on_gpu : bool

    Raises
    ------
    PoolError
        When the cluster has no core, or no GPU where one is needed.

    Examples
    --------
    >>> plan_options(None, n_places=2, on_gpu=True)
    {'num_cpus': 1, 'num_gpus': 1.0}
    >>> plan_options(6, n_places=2, on_gpu=True)  # Ray counts in parts of 1/10000
    {'num_cpus': 1, 'num_gpus': 0.3333}
    """
    if n_places < 1:
        kind = "GPU" if on_gpu else "core"
        raise PoolError(f"the Ray cluster offers no {kind} (`ray status` shows what its nodes offer)")
    if not on_gpu:
        return {"num_cpus": 1}
    n_per_gpu = max(1, -(-(n_workers or 0) // n_places))
    return {"num_cpus": 1, "num_gpus": 10_000 // n_per_gpu / 10_000}


def _count(kind: str) -> int:
    return int(ray.cluster_resources().get(kind, 0))


@contextlib.contextmanager
def _connected(address: str) -> Iterator[None]:
    """Join the cluster for a while; a connection that the caller already has is used and kept."""
    if ray.is_initialized():
        yield
        return
    found = _find_cluster(address)
    try:
        ray.init(address=found, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise PoolError(
            f"cannot join the Ray cluster at {found}: {error}. The command must run on a machine of the "
            "cluster, with the cluster's versions of Python and Ray, and with its token if it has one"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _find_cluster(address: str) -> str:
    """Return ``host:port`` of a head that answers; for a dead one `ray.init` would wait for minutes."""
    from ray._private.services import canonicalize_bootstrap_address_or_die  # what `ray.init` itself asks

    try:
        found = canonicalize_bootstrap_address_or_die(address)
        url = urlsplit(f"//{found}")
        socket.create_connection((url.hostname or "", url.port or 0), _SECONDS_TO_ANSWER).close()
    except (ConnectionError, TimeoutError) as error:
        where = "on this machine" if address == "auto" else f"at {address}"
        raise PoolError(
            f"no Ray cluster answers {where} ({error}): start one with `ray start --head`, and join other "
            "machines to it with `ray start --address=HOST:6379`"
        ) from error
    except (ValueError, OSError) as error:
        raise SpecError(f"address {address!r} is not host:port of a machine to be found: {error}") from error
    return found


class _ActorSlot:
    """A slot (see `causalmix.engines.crew.Slot`) that is an actor of Ray."""

    def __init__(self, options: dict, worker: tuple) -> None:
        options = {**options, "scheduling_strategy": "SPREAD", "runtime_env": {"env_vars": ONE_THREAD}}
        actor_class: Any = ray.remote(_Worker)
        self.actor = actor_class.options(**options).remote(*worker)
        self.answer: Any = self.actor.start.remote()
        self.node = self.place = ""
        self.job: Job | None = None

    @property
    def idle(self) -> bool:
        return self.answer is None

    def assign(self, job: Job) -> None:
        self.job = job
        self.answer = self.actor.do.remote(job.task)

    def receive(self) -> Any:
        """Return the answer; raise `LostError` when the actor or its node is gone."""
        answer, self.answer = self.answer, None
        try:
            kind, value = ray.get(answer)
        except RayTaskError as error:  # raised outside of `start` and `do`
            raise PoolError(f"a worker fails; is causalmix installed on every node? {error}") from error
        except RayError as error:
            alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
            of_node = isinstance(error, ActorUnavailableError) or self.node not in alive
            raise LostError(_shorten(error), of_node) from error
        if kind == "raised":
            raise_failure(*value)
        if self.job is None:
            self.node, self.place = value
        return value

    def stop(self) -> None:
        ray.kill(self.actor)


def _wait_for_one(slots: Sequence[_ActorSlot]) -> _ActorSlot | None:
    answers = {slot.answer: slot for slot in slots}
    ready, _ = ray.wait(list(answers), num_returns=1, timeout=_SECONDS_BETWEEN_LOOKS)
    return answers[ready[0]] if ready else None


def _shorten(error: RayError) -> str:
    """Ray's words without the ids, which it indents, and without its list of possible causes."""
    lines = [line for line in str(error).splitlines() if not line.startswith(("\t", " "))]
    return " ".join(lines).partition(" Some common causes")[0]


class _Worker:
    """What runs on the cluster: one process that does task after task."""

    def __init__(
        self, function: Callable[[Any], Any], folder: Path, source: str, check: Callable[[], str]
    ) -> None:
        self.function, self.folder, self.source, self.check = function, folder, source, check

    def start(self) -> tuple[str, Any]:
        """Return the node's id and name, or what it lacks."""
        place = f"{platform.node()} ({ray.util.get_node_ip_address()})"
        lack = self._describe_lack()
        if lack:
            return "raised", (f"node {place}: {lack}", "")
        return "done", (ray.get_runtime_context().get_node_id(), place)

    def do(self, task: Any) -> tuple[str, Any]:
        return attempt(self.function, task)

    def _describe_lack(self) -> str:
        if not self.folder.is_dir():
            return f"there is no folder {self.folder}; start the command in a folder that every node has"
        os.chdir(self.folder)
        if source_hash() != self.source:
            return "its source files of causalmix differ from this command's; install the same on all"
        return self.check()
