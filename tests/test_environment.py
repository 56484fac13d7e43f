"""What a record says of the code that made it: every file of the package counts, not the modules alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from causalmix import environment
from causalmix.environment import name_processor, source_hash


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A package with rules and weights, whose revision is asked for instead of ours."""
    folder = tmp_path / "package"
    for name in ("__init__.py", "rules.yml", "weights/model.bin", "__pycache__/a.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    monkeypatch.setattr(environment, "_PACKAGE", folder)
    return folder


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True)


@pytest.mark.parametrize("name", ["__init__.py", "rules.yml", "weights/model.bin", "new.yml"])
def test_a_file_that_is_edited_or_new_changes_the_hash(package, name):
    before = source_hash()
    (package / name).write_text("edited")
    assert source_hash() != before


def test_compiled_modules_are_not_part_of_the_hash(package):
    before = source_hash()
    (package / "__pycache__" / "b.pyc").write_text("compiled")
    assert source_hash() == before


@pytest.mark.parametrize("name", ["__init__.py", "rules.yml", "weights/model.bin", "new.yml"])
def test_a_revision_is_dirty_when_a_file_of_the_package_is_edited_or_new(package, name):
    (package.parent / ".gitignore").write_text("__pycache__/\n")
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "first")):
        git(package.parent, *words)
    revision = environment.code_revision.__wrapped__
    (package.parent / "notes.md").write_text("outside of the package")
    assert "+" not in revision()
    (package / name).write_text("edited")
    assert revision().endswith("+dirty")


def test_two_generations_under_one_name_are_two_processors():
    text = "processor : 0\nvendor_id : AuthenticAMD\ncpu family : 25\nmodel : {}\nmodel name : AMD EPYC\n"
    names = {name_processor(text.format(model)) for model in (1, 17)}
    assert names == {"AMD EPYC (family 25, model 1)", "AMD EPYC (family 25, model 17)"}
    assert name_processor("model name\t: Some ARM") == "Some ARM" and name_processor("Hardware: x") == ""
