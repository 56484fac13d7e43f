"""A small checkout to build a book in: the real chapters, a made-up study and one tiny notebook."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from causalmix.book.workspace import Workspace
from causalmix.store import ResultStore
from tests.runs import make_failure, make_record, make_spec

ROOT = Path(__file__).resolve().parents[1]

ARMS = ("zero_shot", "default", "scm", "causalmix")
GAIN = {"zero_shot": 0.0, "default": 0.05, "scm": -0.1, "causalmix": 0.1}


def set_url(root: Path, url: str) -> Workspace:
    """Copy the real configuration, with another repository."""
    text, found = re.subn(
        r'^  url: ".*"$', f'  url: "{url}"', (ROOT / "_config.yml").read_text(), flags=re.MULTILINE
    )
    assert found == 1
    (root / "_config.yml").write_text(text)
    return Workspace(root)


def make_study(folder: Path) -> Path:
    """Record 24 made-up runs, one of them failed; no model is fitted."""
    store = ResultStore(folder)
    rng = np.random.default_rng(0)
    for dataset in ("credit-g", "diabetes", "churn"):
        for fold in (0, 1):
            for arm in ARMS:
                spec = make_spec(arm, study=folder.name, suite="tabarena33", dataset=dataset, fold=fold)
                if (dataset, fold, arm) == ("churn", 1, "scm"):
                    store.write(make_failure(spec))
                else:
                    noise = 0 if arm == "zero_shot" else rng.normal(scale=0.02)
                    store.write(make_record(spec, test_auc=0.5 + GAIN[arm] + noise))
    store.consolidate()
    return folder


def write_notebook(
    path: Path, code: str, *, title: str = "A tiny notebook", parameters: str = 'study = ""\nout = "out"'
) -> Path:
    """Write a notebook with a title, a parameters cell and one cell of code."""
    cells = [
        new_markdown_cell(f"# {title}"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        new_code_cell(code),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
    return path


def make_checkout(root: Path, notebooks: dict[str, str]) -> Path:
    """Make a checkout with the real chapters, the given notebooks (name to code) and a made-up study."""
    shutil.copytree(ROOT / "book", root / "book")
    set_url(root, "")
    (root / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "claims.yml", root / "notebooks")
    lines = (root / "book" / "_toc.yml").read_text().splitlines()
    kept = [line for line in lines if "notebooks/" not in line and "sections:" not in line]
    place = kept.index("      - file: book/claims") + 1
    listed = [f"          - file: notebooks/{name}" for name in notebooks]
    kept[place:place] = ["        sections:", *listed] if listed else []
    (root / "book" / "_toc.yml").write_text("\n".join(kept) + "\n")
    for name, code in notebooks.items():
        write_notebook(root / "notebooks" / f"{name}.ipynb", code, title=name)
    make_study(root / "results" / "paper")
    shutil.copy(ROOT / "results" / "tables.csv", root / "results")
    return root
