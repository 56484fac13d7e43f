"""The commands of the chapter "On a cluster" and the example scripts do what they say, on one machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from causalmix.profiles import find_profile, iter_specs
from causalmix.store import ResultStore
from tests.test_readme import code_blocks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
LINES = [line for block in code_blocks("book/scale.md", "shell") for line in block.splitlines()]
ARMS = ("zero_shot", "default")

CAUSALMIX = f"""#!/bin/sh
exec '{sys.executable}' -m causalmix.cli "$@"
"""
# Stands in for Slurm: runs a job at once, the tasks of an array one by one. Task 1 is lost with its node.
SBATCH = """#!/bin/sh
echo "$*" >>"$CALLS"
count=1
for word; do
    case $word in
        --array=0-*) count=$((${word#--array=0-} + 1)); array=yes ;;
        --job-name=*) export SLURM_JOB_NAME="${word#--job-name=}" ;;
        --*) ;;
        *) break ;;
    esac
    shift
done
export SLURM_JOB_ID=7 SLURM_CPUS_PER_TASK=1
for task in $(seq 0 $((count - 1))); do
    [ -z "${array:-}" ] || export SLURM_ARRAY_TASK_ID="$task" SLURM_ARRAY_TASK_COUNT="$count"
    [ "$task" = 1 ] || sh "$@" >>"$LOG" 2>&1
done
echo "7;cluster"
"""
# Stands in for ssh: what it is to do on another machine is done here.
SSH = """#!/bin/sh
echo "$2" >>"$CALLS"
shift 2
exec sh -c "$*"
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a shell line where the examples are, and stubs for ssh and Slurm."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for name, text in {"causalmix": CAUSALMIX, "sbatch": SBATCH, "ssh": SSH}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    here = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "RAY"))}
    paths = [str(tmp_path / "bin"), str(Path(sys.executable).parent), here["PATH"]]
    ours = {"PATH": os.pathsep.join(paths), "PYTHONPATH": f"{ROOT}:{here.get('PYTHONPATH', '')}"}
    ours |= {"CALLS": str(tmp_path / "calls"), "LOG": str(tmp_path / "log"), "RAY_PORT": str(port)}
    ours |= {"RAY_AUTH_MODE": "disabled"}

    def run(line: str) -> str:
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=tmp_path,
            env=here | ours,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=450,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


def line_with(words: str) -> str:
    """Return the chapter's only line with these words, cut to the arms that need no graph."""
    (line,) = [line for line in LINES if words in line]
    return f"{line} --arms {','.join(ARMS)}"


def check_complete(folder: Path) -> None:
    store = ResultStore(folder / "results" / "smoke")
    store.check_dense(iter_specs(replace(find_profile("smoke"), arms=ARMS), "smoke"))
    assert store.corrupt() == [] and store.manifest()["runs"]["done"] == 4


def test_every_line_of_the_chapter_is_run_here():
    ways = ("causalmix run", "examples/slurm_array.sh", "examples/ray_cluster.sh")
    assert [line for line in LINES if sum(way in line for way in ways) == 1] == LINES
    assert len(LINES) == len(ways)


def test_one_machine(run, tmp_path):
    assert "4 done, 0 failed" in run(line_with("causalmix run"))
    check_complete(tmp_path)


def test_a_slurm_array_that_loses_a_task_ends_with_a_complete_study(run, tmp_path):
    assert "3 parts: job array 7; then job 7 completes the study" in run(line_with("slurm_array.sh"))
    array, last = (tmp_path / "calls").read_text().splitlines()
    assert "--array=0-2" in array and "--dependency=afterany:7 " in last
    summaries = [line for line in (tmp_path / "log").read_text().splitlines() if " there already" in line]
    assert ["2 done, 0 failed, 0 there" in line for line in summaries] == [True, False, False]
    assert "2 done, 0 failed, 2 there already" in summaries[-1], "the last job makes what the lost task left"
    check_complete(tmp_path)


@pytest.mark.parametrize("words", ["", "0 --profile smoke", "--profile smoke"])
def test_the_slurm_script_says_how_it_is_used(words, tmp_path):
    script = ROOT / "examples" / "slurm_array.sh"
    done = subprocess.run(["sh", str(script), *words.split()], capture_output=True, text=True)
    assert done.returncode == 2 and "usage: sh" in done.stderr


def test_the_ray_script_joins_no_foreign_service(tmp_path):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port, path = taken.getsockname()[1], f"{tmp_path}:{os.environ['PATH']}"
        environment = {**os.environ, "RAY_PORT": str(port), "PATH": path}
        for name in ("ray", "causalmix"):
            (tmp_path / name).write_text("#!/bin/sh\ntouch started\n")
            (tmp_path / name).chmod(0o755)
        command = ["sh", str(ROOT / "examples" / "ray_cluster.sh"), "", "--profile", "smoke"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "is taken by another service: choose one with RAY_PORT" in done.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.skipif(
    find_spec("ray") is None or " " in sys.executable,
    reason="the extra `ray` is not installed, or lies in a path with a space",
)
def test_a_ray_cluster_is_made_used_and_taken_down(run, tmp_path):
    line = line_with("ray_cluster.sh")
    assert "4 done, 0 failed" in run(line.replace("node2 node3", "node2"))
    assert (tmp_path / "calls").read_text().split() == ["node2"]
    check_complete(tmp_path)
