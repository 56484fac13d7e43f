"""A real Ray cluster of two nodes on this machine: one dies, and nothing is lost or written twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra `ray` is not installed")
if " " in sys.executable:
    pytest.skip("Ray cannot start workers from a path with a space", allow_module_level=True)

import ray
from ray.cluster_utils import Cluster

from causalmix.engine import run_all
from causalmix.engines.on_ray import plan_options, run_on_ray
from causalmix.pool import PoolError
from causalmix.specs import SpecError
from causalmix.store import ResultStore
from tests.faults.test_killed_processes import listen_to_ctrl_c, wait_for_records
from tests.runs import make_spec, save_tiny_model
from tests.test_pool import die_always, die_once, fail, values

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
}


def add_node(cluster, **options) -> None:
    """Add a node. Ray gives it thirty seconds; where a busy machine needs more, try again."""
    for last in (False, False, True):
        try:
            cluster.add_node(include_log_monitor=False, **options)
            return
        except Exception as error:
            if last or "timed out" not in str(error):
                raise


@pytest.fixture(scope="module")
def cluster():
    """A head with one core, and a node with one core and what Ray is told is a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        cluster = Cluster()
        add_node(cluster, num_cpus=1, include_dashboard=False)
        add_node(cluster, num_cpus=1, num_gpus=1)
        yield cluster
        cluster.shutdown()


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def store(tmp_path) -> ResultStore:
    return ResultStore(tmp_path / "demo")


def some_specs(model, arms=("zero_shot", "default", "bootstrap_mix"), folds=(0, 1, 2)) -> list:
    return [make_spec(arm, model=model, preset="smoke", fold=fold) for fold in folds for arm in arms]


def name_place(_, folder, n_workers):
    """The worker's process and node, and what it may use; waits until so many workers have begun."""
    (Path(folder) / str(os.getpid())).touch()
    while len(list(Path(folder).iterdir())) < n_workers:
        time.sleep(0.05)
    node = ray.get_runtime_context().get_node_id()
    return os.getpid(), node, os.environ["OPENBLAS_NUM_THREADS"], os.environ.get("CUDA_VISIBLE_DEVICES", "")


def test_workers_are_used_again_and_share_what_there_is(cluster, tmp_path):
    work = partial(name_place, folder=tmp_path, n_workers=2)
    places = values(list(run_on_ray(work, range(8), address=cluster.address)))
    assert len(places) == 8 and {threads for _, _, threads, _ in places} == {"1"}
    assert len({pid for pid, *_ in places}) == len({node for _, node, *_ in places}) == 2
    on_gpu = values(list(run_on_ray(work, range(3), address=cluster.address, on_gpu=True)))
    assert {gpu for *_, gpu in on_gpu} == {"0"} and len({pid for pid, *_ in on_gpu}) == 1


def test_a_task_whose_worker_dies_is_done_by_another_unless_it_kills_that_too(cluster, tmp_path):
    once = run_on_ray(partial(die_once, folder=tmp_path), range(4), address=cluster.address)
    assert values(list(once)) == [0, 1, 2, 3]
    outcomes = list(run_on_ray(die_always, range(4), address=cluster.address))
    assert values(outcomes) == [0, 1, 3]
    (lost,) = [outcome for outcome in outcomes if outcome.death]
    assert lost.task == 2 and "worker process has died" in lost.death


def test_an_error_in_a_task_stops_the_work_and_says_where_it_came_from(cluster):
    with pytest.raises(PoolError, match="task 3 divides by nothing") as caught:
        list(run_on_ray(fail, [3], address=cluster.address))
    assert "in fail" in caught.value.__notes__[0]
    assert not ray.is_initialized()


def test_a_node_without_the_tables_or_without_a_gpu_for_pytorch_is_named(cluster, store, model, tmp_path):
    run_ray = partial(run_all, engine="ray", address=cluster.address, progress=False)
    with pytest.raises(PoolError, match=rf"node .+\(.+\): the folder {tmp_path}/none does not exist"):
        run_ray(some_specs(model), store, data_dir=tmp_path / "none")
    own = make_spec(suite="table", dataset="mine.csv", target="y", model=model)
    with pytest.raises(PoolError, match=rf"{tmp_path} does not hold mine.csv: every node needs"):
        run_ray([own], store, data_dir=tmp_path)
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(PoolError, match="its PyTorch finds no GPU"):
            run_ray(some_specs(model), store, device="cuda")


def test_ctrl_c_leaves_a_store_that_the_same_command_completes(cluster, tmp_path, model):
    words = ["run", "--profile", "smoke", "--study", "demo", "--folds", "0-9", "--arms", "default,zero_shot"]
    words += ["--model", model, "--engine", "ray", "--address", cluster.address]
    (tmp_path / "hold").write_text("10")  # of 20 runs: the others wait until Ctrl-C comes
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.held_cli", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"},
        preexec_fn=listen_to_ctrl_c,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    store = ResultStore(tmp_path / "results" / "demo")
    wait_for_records(store, 2)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 130 and "Traceback" not in output, output
    assert "the same command goes on from here" in output
    assert store.corrupt() == [] and 2 <= len(store.runs()) < 20


def test_a_study_loses_nothing_and_writes_nothing_twice_when_a_node_dies(
    cluster, store, model, tmp_path, monkeypatch
):
    """The last of the tests on the cluster: one of its two nodes is dead afterwards."""
    specs, written = some_specs(model), Counter()
    (node,) = cluster.worker_nodes

    def write_and_kill(self, record, write=ResultStore.write):
        written[record.spec.spec_hash] += 1
        if written.total() == 3:  # both workers are at work on their next runs
            cluster.remove_node(node, allow_graceful=False)
        return write(self, record)

    monkeypatch.setattr(ResultStore, "write", write_and_kill)
    options = {
        "engine": "ray",
        "address": cluster.address,
        "progress": False,
        "cache_dir": tmp_path / "cache",
    }
    summary = run_all(specs, store, **options)
    assert (summary.done, summary.failed, summary.skipped) == (len(specs), 0, 0)
    assert written == Counter(spec.spec_hash for spec in specs)
    store.check_dense(specs)
    assert len(list((tmp_path / "cache").rglob("*.parquet"))) == 3, "rows are made once per fold"
    assert run_all(specs, store, **options).skipped == len(specs)

    here = ResultStore(tmp_path / "here")
    run_all(specs, here, engine="here", progress=False, cache_dir=tmp_path / "other")
    scores = [one.runs()[["arm", "fold", "test_auc", "test_log_loss"]].round(6) for one in (store, here)]
    assert scores[0].equals(scores[1])


def test_without_a_cluster_the_error_says_how_to_start_one():
    with pytest.raises(PoolError, match=r"no Ray cluster answers at 127.0.0.1:9 .*`ray start --head`"):
        list(run_on_ray(fail, [3], address="127.0.0.1:9"))
    with pytest.raises(SpecError, match="address 'here' is not host:port"):
        list(run_on_ray(fail, [3], address="here"))


def test_without_ray_the_error_says_how_to_install_it(store, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "causalmix.engines.on_ray", None)
    with pytest.raises(PoolError, match=r"needs the package ray, on every node: pip install"):
        run_all(some_specs(model), store, engine="ray", progress=False)


def test_gpus_are_shared_evenly_and_must_be_there():
    assert plan_options(None, 2, on_gpu=True)["num_gpus"] == 1
    assert plan_options(4, 2, on_gpu=True)["num_gpus"] == 0.5
    assert 3 * plan_options(5, 2, on_gpu=True)["num_gpus"] <= 1
    assert plan_options(5, 2, on_gpu=False) == {"num_cpus": 1}
    with pytest.raises(PoolError, match="offers no GPU"):
        plan_options(4, 0, on_gpu=True)


def test_ray_deals_out_the_gpus_itself(store):
    with pytest.raises(SpecError, match="say only cuda"):
        run_all([make_spec()], store, engine="ray", device="cuda:1", progress=False)
