"""Imports point downwards only, and every dependency that is declared is used."""

from __future__ import annotations

import ast
import tomllib
from graphlib import TopologicalSorter

import pytest

from causalmix.locations import find_root

ROOT = find_root()
BELOW_CLAIMS = (
    "figures",
    "controls",
    "depth_tests",
    "depth_contrasts",
    "analysis",
    "stability",
    "store",
    "engine",
)
"""What claims, notebooks and book build on, and must not know."""
ABOVE = ("claims", "notebook", "book", "cli")
TOOLS = {"ipykernel", "jupyter-book", "nbclient", "papermill", "sphinx-book-theme"}
"""Dependencies that are programs, or that such a program calls."""
IMPORTED_AS = {"causal-learn": "causallearn", "pyyaml": "yaml", "scikit-learn": "sklearn"}


def imports_of(tree: ast.AST, everywhere: bool = False) -> set[str]:
    """Modules, and names that may be modules, which a source file imports; by default at its top only."""
    nodes = ast.walk(tree) if everywhere else ast.iter_child_nodes(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


TREES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
        path.read_text()
    )
    for path in sorted((ROOT / "causalmix").rglob("*.py"))
}


def test_no_two_modules_need_each_other():
    needs = {name: (imports_of(tree) & TREES.keys()) - {name} for name, tree in TREES.items()}
    assert len(list(TopologicalSorter(needs).static_order())) == len(TREES)


@pytest.mark.parametrize("lower", BELOW_CLAIMS)
def test_nothing_imports_what_is_built_on_it(lower):
    own = [name for name in TREES if name.split(".")[1:2] == [lower]]
    wrong = {
        (name, imported)
        for name in own
        for imported in imports_of(TREES[name], everywhere=True)
        if imported.startswith("causalmix.") and imported.split(".")[1] in ABOVE
    }
    assert own and not wrong


def test_every_dependency_is_used():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {entry.split(">")[0].split("=")[0].strip() for entry in declared}
    used = {name.split(".")[0] for tree in TREES.values() for name in imports_of(tree, everywhere=True)}
    assert {
        name for name in names - TOOLS if IMPORTED_AS.get(name, name).replace("-", "_") not in used
    } == set()


def test_no_module_is_longer_than_300_lines():
    lengths = {
        name: len((ROOT / f"{name.replace('.', '/')}.py").read_text().splitlines())
        for name in TREES
        if (ROOT / f"{name.replace('.', '/')}.py").is_file()
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}
