"""Who works on what, and what becomes of the work of a lost worker: on made-up machines, without Ray."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalmix.engines.crew import Crew, LostError
from causalmix.pool import PoolError


class MadeUpSlot:
    """A worker on one of some nodes; it is drawn whether it answers, or is lost alone or with its node."""

    def __init__(self, cluster: MadeUpCluster) -> None:
        self.cluster, self.job, self.idle, self.stopped = cluster, None, False, False
        self.node = self.place = cluster.draw.choice(cluster.nodes)

    def assign(self, job) -> None:
        assert self.idle and self.job is None
        self.job, self.idle = job, False
        self.cluster.begun.append((job.task, self.node))

    def receive(self):
        self.idle = True
        if self.stopped:
            raise LostError("its node is lost", of_node=True)
        fate = self.cluster.draw.choice(self.cluster.fates) if self.job else self.cluster.fate_at_start
        if fate == "node":
            for other in self.cluster.slots:
                other.stopped |= other.node == self.node
        if fate != "done":
            raise LostError("killed", of_node=fate == "node")
        if self.job is not None:
            self.cluster.finished.append(self.job.task)
        return self.job and self.job.task

    def stop(self) -> None:
        self.stopped = True


class MadeUpCluster:
    def __init__(self, seed: int, fates=("done",), n_nodes: int = 2) -> None:
        self.draw, self.fates, self.nodes = random.Random(seed), fates, list(range(n_nodes))
        self.slots, self.begun, self.finished, self.fate_at_start = [], [], [], "done"

    def hire(self) -> MadeUpSlot:
        self.slots.append(MadeUpSlot(self))
        return self.slots[-1]

    def wait(self, slots):
        return self.draw.choice(slots)

    def crew(self, tasks, key=None, n_slots=3, attempts=2) -> Crew:
        return Crew(tasks, key, self.hire, self.wait, lambda: n_slots, patience=60, attempts=attempts)


FATES = st.sampled_from([("done",), ("done", "done", "node"), ("done",) * 9 + ("process",)])


@given(st.integers(0, 999), st.integers(0, 12), st.integers(1, 5), FATES)
def test_every_task_has_one_outcome_whatever_is_lost_on_the_way(seed, n_tasks, n_slots, fates):
    crew = MadeUpCluster(seed, fates).crew(range(n_tasks), n_slots=n_slots)
    outcomes = list(crew.work())
    assert sorted(outcome.task for outcome in outcomes) == list(range(n_tasks))
    assert all(outcome.death or outcome.value == outcome.task for outcome in outcomes)
    if "process" not in fates:
        assert not any(outcome.death for outcome in outcomes), "the loss of a node is no fault of the task"


@given(st.integers(0, 999), st.integers(1, 5))
def test_a_shared_result_is_made_once_before_others_use_it(seed, n_slots):
    cluster = MadeUpCluster(seed)
    tasks = [(key, number) for number in range(3) for key in "abc"]
    crew = cluster.crew(tasks, key=lambda task: task[0], n_slots=n_slots)
    done: list = []
    for outcome in crew.work():
        begun = [task for task, _ in cluster.begun]
        for key in "abc":
            n_begun = sum(task[0] == key for task in begun)
            assert n_begun <= 1 or any(task[0] == key for task in cluster.finished)
        done.append(outcome.task)
    assert sorted(done) == sorted(tasks)


def test_tasks_of_one_key_stay_on_one_node_while_each_node_has_its_own():
    cluster = MadeUpCluster(0)
    cluster.nodes = [0]
    first = cluster.hire()
    cluster.nodes = [1]
    second = cluster.hire()
    ready = [first, second]
    cluster.hire = lambda: ready.pop(0)
    cluster.wait = lambda slots: slots[0]
    tasks = [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3)]
    assert len(list(cluster.crew(tasks, key=lambda task: task[0], n_slots=2).work())) == 6
    homes = {key: {node for (of, _), node in cluster.begun if of == key} for key in "ab"}
    assert sorted(len(nodes) for nodes in homes.values()) == [1, 1]


def test_a_task_that_kills_two_workers_is_given_up():
    cluster = MadeUpCluster(0)
    cluster.fates = ("process",)
    (outcome,) = cluster.crew(["deadly"]).work()
    assert (outcome.task, outcome.value) == ("deadly", None)
    assert outcome.death.endswith("killed")


def test_workers_that_never_get_ready_are_an_error():
    cluster = MadeUpCluster(0)
    cluster.fate_at_start = "process"
    with pytest.raises(PoolError, match="lost while they start: killed"):
        list(cluster.crew(["a"]).work())
    crew = MadeUpCluster(0).crew(["a"])
    crew.wait, crew.patience = lambda slots: None, -1
    with pytest.raises(PoolError, match="start the same command again when nodes are back"):
        list(crew.work())
