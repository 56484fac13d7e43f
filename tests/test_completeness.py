"""Nothing is half done: each notebook has a test, an entry in the contents, parameters and no outputs."""

from __future__ import annotations

import ast

import nbformat
import pytest
import yaml

from causalmix.claims import load_claims
from causalmix.locations import find_root
from tests.test_notebooks import CLAIM_RUNS, FIGURE_RUNS

ROOT = find_root()
NOTEBOOKS = {
    path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}
PARAMETERS = ["study", "profile", "data", "model", "device", "run_missing", "normalisation", "out"]


def code_of(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def parameters_of(notebook: nbformat.NotebookNode) -> list[str]:
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1, "one cell must have the tag `parameters`"
    return [node.targets[0].id for node in ast.parse(tagged[0].source).body]


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 12


def test_every_notebook_has_a_test_and_every_tested_one_exists():
    assert set(NOTEBOOKS) == {*CLAIM_RUNS, *FIGURE_RUNS}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_is_in_the_table_of_contents(name):
    def files(node: object) -> list[str]:
        if isinstance(node, list):
            return [file for item in node for file in files(item)]
        if isinstance(node, dict):
            own = [node["file"]] if "file" in node else []
            return own + [file for value in node.values() for file in files(value)]
        return []

    contents = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    assert f"notebooks/{name}" in files(contents), f"add `- file: notebooks/{name}` to book/_toc.yml"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_declares_the_shared_parameters_first(name):
    assert parameters_of(NOTEBOOKS[name])[: len(PARAMETERS)] == PARAMETERS


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_is_stored_without_outputs(name):
    cells = [cell for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells), f"strip the outputs of {name}"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_is_short_and_defines_nothing(name):
    code = code_of(NOTEBOOKS[name])
    assert len([line for line in code.splitlines() if line.strip()]) < 60
    forbidden = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While)
    assert not [node for node in ast.walk(ast.parse(code)) if isinstance(node, forbidden)]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_notebook_types_a_number_outside_its_parameters(name):
    cells = NOTEBOOKS[name].cells
    other = [
        c.source for c in cells if c.cell_type == "code" and "parameters" not in c.metadata.get("tags", [])
    ]
    constants = [
        node.value for node in ast.walk(ast.parse("\n".join(other))) if isinstance(node, ast.Constant)
    ]
    assert not [
        value for value in constants if isinstance(value, int | float) and not isinstance(value, bool)
    ]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_figure_has_an_alternative_text(name):
    texts = [
        cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "") for cell in NOTEBOOKS[name].cells
    ]
    assert any(len(text) > 20 for text in texts)


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name.startswith("claim_")])
def test_every_claim_notebook_quotes_and_decides_its_claim(name):
    claims = load_claims()
    number = name.split("_")[1]
    assert number in claims
    notebook = NOTEBOOKS[name]
    assert claims[number].sentence in notebook.cells[0].source.replace("\n", " ")
    assert f'["{number}"]' in code_of(notebook) and "decide(" in code_of(notebook)


def test_no_claim_has_two_notebooks():
    numbers = [name.split("_")[1] for name in NOTEBOOKS if name.startswith("claim_")]
    assert len(set(numbers)) == len(numbers)
