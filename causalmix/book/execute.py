"""Execute notebooks with papermill, each in a process of its own, and keep what succeeded.

papermill's output file looks complete even when the kernel died, and an unknown parameter is only a warning
to it. Hence: parameters are checked before anything runs, an executed notebook exists only once papermill
ended with exit code 0, and its folder is then renamed into place under its cache key.
"""

from __future__ import annotations

import ast
import difflib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import yaml

from causalmix.book.workspace import BookError, Workspace, checksum, remove, tree_checksum
from causalmix.environment import describe_environment

RECORD = "execution.json"
"""Written last: an executed notebook without it does not exist."""

START_SECONDS = 300
"""How long a kernel may take to start: on a machine that is busy, longer than papermill's minute."""


@dataclass(frozen=True)
class Job:
    """One notebook to execute.

    Attributes
    ----------
    notebook : Path
        The committed notebook.
    parameters : dict
        Values for its cell tagged ``parameters``; ``out`` is added by `execute`.
    """

    notebook: Path
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The notebook's name without its suffix."""
        return self.notebook.stem


@dataclass(frozen=True)
class Execution:
    """An executed notebook.

    Attributes
    ----------
    name : str
        The notebook's name without its suffix.
    folder : Path
        Holds ``notebook.ipynb`` and ``out/``, where it published figures, tables and verdicts.
    seconds : float
        How long papermill took when it ran.
    when : str
        The minute (UTC) in which it ended.
    machine : str
        Where it ran.
    cached : bool
        Whether an earlier execution was taken.
    """

    name: str
    folder: Path
    seconds: float
    when: str
    machine: str
    cached: bool

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return self.folder / "notebook.ipynb"

    @property
    def out(self) -> Path:
        """What the notebook published."""
        return self.folder / "out"


def declared_parameters(notebook: Path) -> dict[str, Any]:
    """Return the names that the cell tagged ``parameters`` assigns, with their default values.

    A default that is no literal is ``None``.

    Raises
    ------
    BookError
        If the notebook has no such cell.
    """
    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if not tagged:
        raise BookError(f"{notebook}: no cell is tagged 'parameters'. Tag the cell that holds the defaults.")
    assigned: dict[str, Any] = {}
    for statement in ast.parse(tagged[0].source).body:
        if isinstance(statement, ast.Assign):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names = [statement.target.id]
        else:
            continue
        is_literal = isinstance(statement.value, ast.Constant)
        assigned |= dict.fromkeys(names, statement.value.value if is_literal else None)
    return assigned


def check_parameters(job: Job) -> None:
    """Refuse a parameter that the notebook does not declare.

    Raises
    ------
    BookError
        Naming the parameter, the notebook and the closest declared name.
    """
    declared = declared_parameters(job.notebook)
    for name in (*job.parameters, "out"):
        if name in declared:
            continue
        close = difflib.get_close_matches(name, declared, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise BookError(
            f"{job.notebook}: unknown parameter {name!r}.{hint} It declares {', '.join(declared) or 'none'}."
        )


def package_checksum(workspace: Workspace) -> str:
    """Return the checksum of what a notebook's result depends on besides itself and the study.

    The package's source (without this builder), its data, the claims' rules, and the versions of libraries:
    those that a record names, and all that ``constraints.txt`` locks, such as the ones that draw figures.
    """
    package = Path(__file__).resolve().parents[1]
    files = (workspace.notebooks / "claims.yml", workspace.root / "constraints.txt")
    parts = [
        tree_checksum(package, skip=("book",)).encode(),
        *(path.read_bytes() if path.is_file() else b"" for path in files),
        json.dumps([platform.python_version(), describe_environment()["versions"]]).encode(),
    ]
    return checksum(parts)


def execute_all(
    workspace: Workspace, jobs: Sequence[Job], *, depends_on: str, at_once: int = 2
) -> list[Execution]:
    """Execute the notebooks, at most ``at_once`` at a time; those in the cache are taken from there.

    Parameters
    ----------
    workspace : Workspace
    jobs : sequence of Job
    depends_on : str
        A checksum of everything outside the notebooks that their results depend on.
    at_once : int
        Number of papermill processes.

    Returns
    -------
    list of Execution
        In the order of ``jobs``.

    Raises
    ------
    BookError
        Naming the first notebook that failed, with the end of its traceback. Nothing of it is published.
    """
    for job in jobs:
        check_parameters(job)
    workspace.executed.mkdir(parents=True, exist_ok=True)
    total = len(jobs)
    results: list[Execution] = []
    with ThreadPoolExecutor(at_once) as pool:
        for number, result in enumerate(pool.map(lambda job: execute(workspace, job, depends_on), jobs), 1):
            source = "from the cache" if result.cached else f"{result.seconds:.1f} s"
            print(f"  [{number:>{len(str(total))}}/{total}] {result.name}: {source}", flush=True)
            results.append(result)
    forget_others(workspace, results)
    return results


def execute(workspace: Workspace, job: Job, depends_on: str) -> Execution:
    """Execute one notebook, or take its earlier execution with the same inputs."""
    parameters = json.dumps(job.parameters, sort_keys=True, default=str)
    key = checksum([job.notebook, parameters.encode(), depends_on.encode()])[:16]
    folder = workspace.executed / f"{job.name}-{key}"
    record = folder / RECORD
    if record.is_file():
        return Execution(job.name, folder, **json.loads(record.read_text()), cached=True)
    remove(folder)
    partial = folder.with_suffix(".partial")
    remove(partial)
    (partial / "out").mkdir(parents=True)
    started = time.perf_counter()
    run_papermill(workspace, job, partial)
    about: dict[str, Any] = {
        "seconds": round(time.perf_counter() - started, 2),
        "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "machine": describe_machine(),
    }
    (partial / RECORD).write_text(json.dumps(about))
    partial.rename(folder)
    return Execution(job.name, folder, **about, cached=False)


def describe_machine() -> str:
    """Return what notebooks are executed on: processor, cores, system and Python."""
    processor = describe_environment()["machine"]
    system = f"{platform.system()} on {platform.machine()}"
    return f"{processor}, {os.cpu_count() or 1} cores, {system}, Python {platform.python_version()}"


def run_papermill(workspace: Workspace, job: Job, folder: Path) -> None:
    """Run papermill in the checkout's root; leave ``notebook.ipynb`` and ``out/`` in ``folder``."""
    out = (folder / "out").relative_to(workspace.root).as_posix()
    given = folder / "parameters.yml"
    given.write_text(yaml.safe_dump({**job.parameters, "out": out}, sort_keys=True))
    command = [sys.executable, "-m", "papermill", str(job.notebook), str(folder / "notebook.ipynb")]
    command += ["--kernel", "python3", "--cwd", str(workspace.root), "--parameters_file", str(given)]
    command += ["--no-progress-bar", "--no-request-save-on-cell-execute"]
    command += ["--start-timeout", str(START_SECONDS)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        environment.setdefault(threads, "1")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        end = "\n".join(done.stderr.strip().splitlines()[-25:])
        raise BookError(f"{job.notebook}: papermill ended with exit code {done.returncode}.\n{end}")


def forget_others(workspace: Workspace, keep: Iterable[Execution]) -> None:
    """Remove executions that no page uses any more."""
    kept = {execution.folder for execution in keep}
    for folder in workspace.executed.iterdir():
        if folder not in kept:
            shutil.rmtree(folder)
