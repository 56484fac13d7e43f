"""The Makefile, the environment that it makes, and the files that pin versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]

PYTHON = """#!/bin/sh
# Stands in for python3: notes how it was called, and makes an environment that holds itself.
echo "$*" >>"$CALLS"
case "$1 $2" in
    "--version "*) echo "Python 3.11.9" ;;
    "-m venv") mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
    "-m pip") sleep 0.2 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with spaces in its name, with a python3 that installs nothing."""
    folder = tmp_path / "a folder with spaces"
    (folder / ".ci").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", ".ci/install"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "python3").write_text(PYTHON)
    (folder / "python3").chmod(0o755)
    return folder


def start_make(folder: Path, *arguments: str, python: str | None = None) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment |= {"CALLS": str(folder / "calls"), "PYTHON": python or str(folder / "python3")}
    return subprocess.Popen(
        ["make", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def make(folder: Path, *arguments: str, python: str | None = None) -> tuple[int, str]:
    process = start_make(folder, *arguments, python=python)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def installations(folder: Path) -> list[str]:
    return [line for line in (folder / "calls").read_text().splitlines() if " install " in line]


def test_help_lists_every_command() -> None:
    commands = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    code, output = make(ROOT, "help")
    assert code == 0
    assert commands is not None
    for name in commands.group(1).split():
        assert f"make {name} " in output, f"`make help` does not mention `make {name}`"


def test_the_comparison_with_autogluon_has_an_environment_of_its_own(checkout: Path) -> None:
    code, output = make(checkout, "test-mitra")
    assert code == 0, output
    torch, autogluon, ours = installations(checkout)
    assert " torch==" in torch and "autogluon.tabular[mitra]==1.6.3" in autogluon and "--no-deps" in ours
    assert (checkout / "calls").read_text().splitlines()[-1] == "-m pytest tests/mitra"
    assert not (checkout / ".venv").exists()
    make(checkout, "test-mitra")
    assert len(installations(checkout)) == 3


def test_help_is_what_make_does_when_nothing_is_named() -> None:
    assert make(ROOT)[1] == make(ROOT, "help")[1]


def test_torch_is_installed_first_and_everything_in_the_locked_versions(checkout: Path) -> None:
    code, output = make(checkout, "install")
    torch, rest = installations(checkout)
    assert code == 0, output
    assert re.search(r"install torch==[\d.]+$", torch)
    assert rest.endswith("--constraint constraints.txt --editable .[baselines,dev]")


def test_a_second_install_does_nothing(checkout: Path) -> None:
    make(checkout, "install")
    (checkout / "calls").unlink()
    assert make(checkout, "install")[0] == 0
    assert not (checkout / "calls").exists()


def test_a_changed_lock_file_installs_again_into_the_same_environment(checkout: Path) -> None:
    make(checkout, "install")
    with (checkout / "constraints.txt").open("a") as file:
        file.write("six==1.16.0\n")
    make(checkout, "install")
    calls = (checkout / "calls").read_text()
    assert len(installations(checkout)) == 4
    assert calls.count("-m venv") == 1


@pytest.mark.skipif(shutil.which("flock") is None, reason="this machine has no flock")
def test_two_installs_at_once_install_once(checkout: Path) -> None:
    processes = [start_make(checkout, "install") for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert len(installations(checkout)) == 2


def test_a_failed_install_is_not_taken_for_a_finished_one(checkout: Path) -> None:
    script = PYTHON.replace("sleep 0.2", "exit 3")
    (checkout / "python3").write_text(script)
    assert make(checkout, "install")[0] != 0
    (checkout / ".venv" / "bin" / "python").write_text(PYTHON)
    assert make(checkout, "install")[0] == 0


def test_every_dependency_is_locked_to_a_version_that_the_package_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    locked = {pin.name.lower(): next(iter(pin.specifier)).version for pin in locked_versions()}
    for text in [*project["dependencies"], *extras["baselines"], *extras["dev"]]:
        needed = Requirement(text)
        assert needed.name.lower() in locked, f"constraints.txt does not lock {needed.name}"
        assert needed.specifier.contains(locked[needed.name.lower()], prereleases=True), text


def test_the_lock_file_names_versions_only() -> None:
    text = (ROOT / "constraints.txt").read_text()
    for trace in ("http:", "https:", "file:", "/", "@", "--"):
        assert not [line for line in text.splitlines() if trace in line and not line.startswith("#")]
    assert all(len(pin.specifier) == 1 for pin in locked_versions())


def test_pre_commit_runs_the_locked_versions() -> None:
    locked = {pin.name: next(iter(pin.specifier)).version for pin in locked_versions()}
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    revisions = {repo["hooks"][0]["id"].split("-")[0]: repo["rev"] for repo in hooks}
    assert revisions == {"ruff": f"v{locked['ruff']}", "mypy": f"v{locked['mypy']}"}


def test_the_citation_names_the_packages_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]


def locked_versions() -> list[Requirement]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(
    ("given", "name"),
    [("", "paper"), ("quick", "quick"), ("results/quick", "quick"), ("results/quick/", "quick")],
)
def test_the_audit_is_of_the_study_that_was_named(checkout, given, name):
    code, output = make(checkout, "audit", f"STUDY={given}")
    assert code == 0, output
    assert f"audit {name} --sample 20" in (checkout / "calls").read_text()
