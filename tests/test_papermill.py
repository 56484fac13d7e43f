"""The chapter on papermill: each of its commands is executed, in a folder outside the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.datasets import load_wine

from tests.book_checkout import ROOT
from tests.recorded import make_study
from tests.test_readme import shell_lines

pytestmark = pytest.mark.slow

HERE = {
    "device cuda": "device cpu",
    "--minutes 60": "--steps 1",
    "--target label": "--target label --folds 0",
    "causalmix run": "causalmix run --engine here",
}
"""What a test changes of the commands: no GPU, no hour of training, one fold, no processes of its own."""

COMMANDS = sorted(shell_lines("book/papermill.md"), key=lambda line: "--shard" not in line)
"""In the chapter's order, but the shards first: then only one notebook has runs to make."""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, dict]]:
    """The output and the verdict of each command, all executed one after the other."""
    folder = tmp_path_factory.mktemp("a checkout of notebooks")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    make_study(folder / "results" / "paper")
    table = load_wine(as_frame=True).frame.rename(columns={"target": "label"})
    table.iloc[::3].to_csv(folder / "my_table.csv", index=False)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    seen = {}
    for command in COMMANDS:
        line = command
        for written, changed in HERE.items():
            line = line.replace(written, changed)
        if line.startswith("causalmix "):  # the command of this checkout, wherever it was installed from
            line = line.replace("causalmix", f'"{sys.executable}" -m causalmix.cli', 1)
        done = subprocess.run(
            line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert "unknown parameter" not in done.stderr
        verdict = folder / "files" / "claim_04_causalmix_improvement" / "verdicts" / "04.json"
        found = json.loads(verdict.read_text()) if verdict.is_file() else {}
        seen[command] = (done.stdout + done.stderr, found)
    return seen


def outcome(executed: dict, *words: str) -> tuple[str, dict]:
    """Return the output and the verdict of the one command that holds all words."""
    (found,) = [seen for command, seen in executed.items() if all(word in command for word in words)]
    return found


def test_another_value_of_a_parameter_changes_the_verdict_file_beside_the_notebook(executed) -> None:
    _, verdict = outcome(executed, "normalisation difference")
    assert (verdict["normalisation"], verdict["study"]) == ("difference", "paper")


def test_the_parameters_are_listed_with_their_meaning(executed) -> None:
    said, _ = outcome(executed, "--help-notebook")
    assert "run_missing" in said and "run what the study lacks first" in said


def test_a_notebook_shows_the_study_on_ones_own_table(executed) -> None:
    _, verdict = outcome(executed, "-p study my_smoke")
    assert (verdict["study"], verdict["n_datasets"], verdict["model"]) == ("my_smoke", 1, "embedded-mini")


def test_a_notebook_runs_what_its_study_lacks_with_another_model(executed) -> None:
    _, verdict = outcome(executed, "-p model checkpoints/mine")
    assert (verdict["study"], verdict["model"]) == ("mine", "checkpoints/mine")
    assert (verdict["n_runs"], verdict["n_failed"]) == (2, 0)


def test_the_parts_of_a_study_add_up_to_a_complete_one(executed) -> None:
    for part in ("--shard 0/2", "--shard 1/2"):
        assert "0 failed" in outcome(executed, part)[0]
    for words in ("-p study smoke -p run_missing True", "-p study smoke"):
        (command,) = [line for line in executed if line.endswith((words, f"{words} -p device cuda"))]
        assert executed[command][1]["study"] == "smoke"
