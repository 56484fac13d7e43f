"""What the README and the book's chapters tell a reader to type works."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer

from causalmix.book.execute import declared_parameters
from causalmix.cli import app
from causalmix.models import MODELS
from causalmix.profiles import PROFILES

ROOT = Path(__file__).resolve().parents[1]
TEXTS = (
    "README.md",
    "CONTRIBUTING.md",
    "book/reproduce.md",
    "book/own_data.md",
    "book/papermill.md",
    "book/models.md",
    "book/scale.md",
    "book/audit.md",
)


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / text).read_text(), re.DOTALL | re.MULTILINE)


def shell_lines(text: str) -> list[str]:
    """Return every line of a text's shell blocks, with continued lines joined."""
    blocks = code_blocks(text, "shell")
    return [line for block in blocks for line in re.sub(r"\\\n\s*", "", block).splitlines()]


def commands(program: str) -> list[list[str]]:
    """Return the words of every shell line of `TEXTS` that calls a program."""
    words = [shlex.split(line, comments=True) for text in TEXTS for line in shell_lines(text)]
    return [found for found in words if found and found[0] == program]


def test_the_first_lines_of_the_readme_are_the_two_commands() -> None:
    first = code_blocks("README.md", "shell")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make book", "make test"]


def test_the_readmes_python_code_runs() -> None:
    (code,) = code_blocks("README.md", "python")
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    assert len(names["X_synthetic"]) == len(names["X"]) == len(names["y_synthetic"])
    assert list(names["X_synthetic"].columns) == list(names["X"].columns)


def test_the_chapters_python_code_runs(readme_table) -> None:
    (code,) = code_blocks("book/own_data.md", "python")
    names = {"X": readme_table[0], "y": readme_table[1]}
    exec(compile(code, "own_data.md", "exec"), names)
    assert len(names["X_synthetic"]) == len(names["X"])


def test_the_model_of_the_chapter_on_models_is_fine_tuned(monkeypatch) -> None:
    (code,) = code_blocks("book/models.md", "python")
    monkeypatch.setattr("causalmix.models.MODELS", dict(MODELS))
    names: dict = {}
    exec(compile(code, "models.md", "exec"), names)
    assert names["record"].status == "ok" and names["record"].scores["test_auc"] > 0.8


def test_the_chapter_on_models_names_every_model_and_preset() -> None:
    text = (ROOT / "book" / "models.md").read_text()
    assert all(f"| `{name}` |" in text for name in MODELS)
    assert all(f"`{name}`" in text for name in PROFILES["presets"].presets)


@pytest.fixture
def readme_table():
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True, as_frame=True)


@pytest.mark.parametrize("words", commands("causalmix"), ids=" ".join)
def test_every_command_and_option_that_is_named_exists(words: list[str]) -> None:
    command = typer.main.get_command(app)
    rest = words[1:]
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    known = {"--help"} | {name for parameter in command.params for name in parameter.opts}
    named = [word for word in rest if word.startswith("--")]
    assert set(named) <= known, f"{' '.join(words)} names an option that does not exist"
    takes = sum(parameter.param_type_name == "argument" for parameter in command.params)
    values = [word for word in rest if not word.startswith("--")]
    assert len(values) - takes <= len(named), f"{' '.join(words)} has an argument too many"


@pytest.mark.parametrize("words", commands("papermill"), ids=" ".join)
def test_every_notebook_and_parameter_that_is_named_exists(words: list[str]) -> None:
    notebook = ROOT / next(word for word in words if word.endswith(".ipynb"))
    assert notebook.is_file()
    named = [words[place + 1] for place, word in enumerate(words) if word == "-p"]
    assert ("--help-notebook" in words) != bool(named) and set(named) <= set(declared_parameters(notebook))


def test_every_make_command_that_is_named_is_in_make_help() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = {words[1] for words in commands("make")}
    assert named and all(f"make {name} " in listed for name in named)


@pytest.mark.parametrize("text", ["README.md", "CONTRIBUTING.md"])
def test_every_file_that_is_linked_is_there(text: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / text).read_text())
    assert all((ROOT / link).exists() for link in links), links
