"""Put together the source tree that jupyter-book reads: chapters, executed notebooks, values, downloads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
import yaml

from causalmix.book.execute import Execution
from causalmix.book.workspace import BookError, Workspace

CLAIM_NOTEBOOK = re.compile(r"claim_(\d\d)_\w+")


def toc_entries(toc: Path) -> list[str]:
    """Return the pages that a table of contents lists, in order, without suffix."""

    def walk(node: object) -> list[str]:
        if isinstance(node, list):
            return [name for item in node for name in walk(item)]
        if isinstance(node, dict):
            own = [node[key] for key in ("root", "file") if key in node]
            return own + [name for value in node.values() for name in walk(value)]
        return []

    return walk(yaml.safe_load(toc.read_text(encoding="utf-8")))


def notebooks_of(workspace: Workspace) -> list[Path]:
    """Return the committed notebooks in the order of the table of contents.

    Raises
    ------
    BookError
        If a notebook has no entry, or an entry no notebook.
    """
    toc = workspace.book / "_toc.yml"
    listed = [Path(name).name for name in toc_entries(toc) if name.startswith("notebooks/")]
    there = {path.stem: path for path in sorted(workspace.notebooks.glob("*.ipynb"))}
    for name in there:
        if name not in listed:
            raise BookError(f"{toc} has no entry for notebooks/{name}.ipynb: add `- file: notebooks/{name}`.")
    for name in listed:
        if name not in there:
            raise BookError(
                f"{toc} lists notebooks/{name}, but {workspace.notebooks / name}.ipynb does not exist."
            )
    return [there[name] for name in listed]


def claim_notebooks(names: Sequence[str]) -> dict[str, str]:
    """Return claim id to notebook name.

    Examples
    --------
    >>> claim_notebooks(["claim_04_improvement", "fig_ranks"])
    {'04': 'claim_04_improvement'}
    """
    matches = [(CLAIM_NOTEBOOK.fullmatch(name), name) for name in names]
    return {match.group(1): name for match, name in matches if match}


def page_of(execution: Execution) -> bytes:
    """Return the executed notebook as a page: values hidden that only papermill needs, code folded away."""
    notebook = nbformat.read(execution.notebook, as_version=4)
    cells = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags:
            continue
        if cell.cell_type == "code":
            cell.metadata["tags"] = sorted({*tags, "hide-input"})
            if "parameters" in tags:
                cell.metadata["mystnb"] = {"code_prompt_show": "Show the parameters"}
            cell.metadata.pop("papermill", None)
            cell.metadata.pop("execution", None)
        cells.append(cell)
    notebook.cells = cells
    notebook.metadata = {
        key: value for key, value in notebook.metadata.items() if key in ("kernelspec", "language_info")
    }
    return nbformat.writes(notebook).encode()


def stage(
    workspace: Workspace,
    executions: Sequence[Execution],
    values: Mapping[str, str],
) -> dict[str, bytes]:
    """Return the pages of the staged book and what they show: relative path to content.

    Parameters
    ----------
    workspace : Workspace
    executions : sequence of Execution
        The executed notebooks.
    values : mapping
        Name to Markdown of the snippets that the chapters include.
    """
    files: dict[str, bytes] = {}
    for path in sorted(workspace.book.rglob("*")):
        name = path.relative_to(workspace.book)
        if path.is_file() and path.suffix != ".py":
            folder = "" if name.parts[0] == "assets" else "book/"
            files[f"{folder}{name.as_posix()}"] = path.read_bytes()
    for execution in executions:
        files[f"notebooks/{execution.name}.ipynb"] = page_of(execution)
        for published in sorted(execution.out.rglob("*")):
            if published.is_file():
                inside = published.relative_to(execution.out).as_posix()
                files[f"notebooks/files/{execution.name}/{inside}"] = published.read_bytes()
    for snippet, text in {**values, **figures(executions), **answers(executions)}.items():
        files[f"values/{snippet}.md"] = (text.rstrip() + "\n").encode()
    return files


FIGURES: dict[str, tuple[str, str, str]] = {
    "headline": ("fig_improvements", "How much each arm improves", "on the pre-trained model."),
    "depth_figure": (
        "claim_19_depth_and_stability",
        "Stability against the depth",
        "that graphs are cut to.",
    ),
    "models_figure": ("fig_models", "Two models, side by side", "on the tables and folds of both."),
    "selection_figure": ("fig_selection", "The same runs, read at three steps", "of their trajectories."),
    "incomplete_figure": ("fig_incomplete", "The same arms", "with and without incomplete tables."),
    "controls_figure": ("controls", "CausalMixFT against its controls", "and those against default."),
    "depth_between_figure": ("depth_between_tables", "Depth against each measure of stability", "per table."),
    "depth_within_figure": ("depth_within_tables", "What goes with stability", "in a mixed model."),
    "depth_examples_figure": ("depth_examples", "One graph of one table", "cut to each depth."),
    "depth_trajectories_figure": (
        "depth_trajectories",
        "Validation log-loss of the dial's runs",
        "by depth.",
    ),
    "depth_recovery_figure": ("depth_recovery", "Recovered against true depth", "on simulated tables."),
    "depth_known_figure": ("depth_known_truth", "The true graph", "against discovered and random ones."),
    "depth_low_data_figure": ("depth_low_data", "The effect of depth", "over the number of training rows."),
    "depth_models_figure": ("depth_models", "The dial with two models", "and table by table."),
    "depth_isolated_figure": (
        "depth_isolated_target",
        "Graphs without an edge of the target",
        "per table.",
    ),
    "depth_measures_figure": ("depth_measures", "How the measures of stability agree", "within tables."),
}
"""Snippet to notebook and caption (its linked part, and the rest) of the figures that chapters show."""


def figures(executions: Sequence[Execution]) -> dict[str, str]:
    """Return the figures that chapters show: snippet name to Markdown."""
    return {snippet: figure(executions, *about) for snippet, about in FIGURES.items()}


ANSWERS: dict[str, tuple[str, str]] = {
    "controls_answer": ("controls", "No notebook answered the question of the controls."),
    "models_answer": ("fig_models", "No notebook compared two models."),
    "depth_controls_answer": ("claim_19_depth_and_stability", "Controls of the dial are not recorded here."),
    "depth_models_answer": ("depth_models", "No notebook asked another model about depth."),
    "depth_set_answer": ("depth_known_truth", "Runs on the true graphs are not recorded here."),
    "incomplete_answer": ("fig_incomplete", "No notebook read the runs without incomplete tables."),
    "selection_answer": ("fig_selection", "No notebook read the runs at other steps."),
}
"""Snippet to the notebook that answers a chapter's question, and what stands there without it."""


SHORT = {"controls": 1, "models": 1, "selection": 1, "incomplete": 1}
"""Answers that other chapters quote, and how many of their paragraphs: of each its first line."""


def answers(executions: Sequence[Execution]) -> dict[str, str]:
    """Return what notebooks answered to a question: snippet name to Markdown."""
    folders = {execution.name: execution.out / "values" for execution in executions}
    found = {}
    for snippet, (notebook, otherwise) in ANSWERS.items():
        path = folders[notebook] / f"{notebook}_answer.md" if notebook in folders else None
        found[snippet] = path.read_text(encoding="utf-8") if path and path.is_file() else otherwise
    sentences = {
        f"{name}_sentence": first_lines(found[f"{name}_answer"], n_paragraphs)
        for name, n_paragraphs in SHORT.items()
    }
    return found | sentences


def first_lines(text: str, n_paragraphs: int) -> str:
    """Return the first line of each of the first paragraphs of a text; tables are not counted.

    Examples
    --------
    >>> first_lines("a\\nb\\n\\n```{list-table}\\n\\n* - x\\n```\\n\\nc\\nd\\n\\ne", 2)
    'a\\n\\nc'
    """
    paragraphs = re.sub(r"^```.*?^```\n*", "", text, flags=re.MULTILINE | re.DOTALL).split("\n\n")
    return "\n\n".join(paragraph.partition("\n")[0] for paragraph in paragraphs[:n_paragraphs])


def figure(executions: Sequence[Execution], name: str, link: str, rest: str) -> str:
    """Return a notebook's figure with its alternative text, data and provenance.

    Parameters
    ----------
    executions : sequence of Execution
    name : str
        Of the notebook, which is also the figure's.
    link, rest : str
        The caption: a link to the notebook, and how the sentence goes on.
    """
    execution = next((one for one in executions if one.name == name), None)
    if execution is None or not (execution.out / "figures" / f"{name}.svg").is_file():
        return f"No notebook published the figure {name}."
    place = f"../notebooks/files/{name}"
    provenance = (execution.out / "values" / f"{name}.md").read_text(encoding="utf-8").strip()
    files = {"CSV": f"data/{name}.csv", "SVG": f"figures/{name}.svg", "PNG": f"figures/{name}.png"}
    links = ", ".join(f"{{download}}`{label} <{place}/{file}>`" for label, file in files.items())
    return "\n".join(
        [
            f"```{{figure}} {place}/figures/{name}.svg",
            ":class: cm-figure",
            f":alt: {alternative_text(execution)}",
            "",
            f"[{link}](../notebooks/{name}.ipynb) {rest} The linked page says how to read it. {provenance} "
            f"Download: {links}.",
            "```",
        ]
    )


def alternative_text(execution: Execution) -> str:
    """Return the alternative text of a notebook's figure: its own, or the notebook's title."""
    cells = nbformat.read(execution.notebook, as_version=4).cells
    for cell in cells:
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
        if alt:
            return " ".join(alt.split())
    return cells[0].source.splitlines()[0].lstrip("# ")
