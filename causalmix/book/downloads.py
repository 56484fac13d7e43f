"""What the book offers for download: studies, verdicts and notebooks, and what their fields mean."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence

from causalmix.audit import AUDIT_FILE
from causalmix.book.study import FILES, Study
from causalmix.book.text import number, table
from causalmix.book.workspace import Workspace
from causalmix.incomplete import RECORD
from causalmix.rows import COLUMNS
from causalmix.verdicts import VERDICT_SCHEMA, Verdict

TABLES = {
    "runs": "one row per run",
    "trajectories": "one row per run and evaluation",
    "graphs": "one row per run and causal graph that it used",
}
"""What a row is, for each table of a study."""

TYPES = {str: "text", int: "integer", float: "number, may be missing", bool: "true or false"}

DAWN = (1980, 1, 1, 0, 0, 0)
"""The earliest date of a zip file; the same for every file, so that the same content gives the same bytes."""


def download_files(
    workspace: Workspace, pages: Mapping[str, bytes], verdicts: Sequence[Verdict], studies: Sequence[Study]
) -> dict[str, bytes]:
    """Return the files for download: path below ``downloads/`` to content.

    Parameters
    ----------
    workspace : Workspace
    pages : mapping
        The staged book, whose ``notebooks/`` are the executed notebooks with what they published.
    verdicts : sequence of Verdict
        One per claim.
    studies : sequence of Study
        The recorded studies.
    """
    executed = {name: content for name, content in pages.items() if name.startswith("notebooks/")}
    committed = [*sorted(workspace.notebooks.glob("*.ipynb")), workspace.notebooks / "claims.yml"]
    files = {
        "verdicts.json": as_json([verdict.to_dict() for verdict in verdicts]),
        "verdicts.schema.json": as_json(verdicts_schema()),
        "claims.yml": (workspace.notebooks / "claims.yml").read_bytes(),
        "notebooks-executed.zip": zipped(executed),
        "notebooks-sources.zip": zipped({f"notebooks/{path.name}": path.read_bytes() for path in committed}),
    }
    if (workspace.root / RECORD).is_file():
        files[RECORD.name] = (workspace.root / RECORD).read_bytes()
    for study in studies:
        for name in (*FILES, AUDIT_FILE):
            if (study.folder / name).is_file():
                files[f"{study.name}/{name}"] = (study.folder / name).read_bytes()
    return files


def verdicts_schema() -> dict:
    """Return the JSON schema of ``verdicts.json``: a list of verdicts."""
    item = {name: value for name, value in VERDICT_SCHEMA.items() if name != "$schema"}
    return {
        "$schema": VERDICT_SCHEMA["$schema"],
        "title": "Verdicts on the claims, in their order",
        "type": "array",
        "items": item,
    }


def as_json(value: object) -> bytes:
    """Return JSON as it is published: readable, without NaN."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file: the same bytes for the same content.

    Examples
    --------
    >>> zipped({"a.txt": b"1"}) == zipped({"a.txt": b"1"})
    True
    """
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, DAWN), content, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def link(name: str, label: str = "") -> str:
    """Return a link to a file for download, as seen from a chapter.

    Examples
    --------
    >>> link("first-look/runs.parquet", "runs")
    '<a class="download" href="../downloads/first-look/runs.parquet" download>runs</a>'
    """
    return f'<a class="download" href="../downloads/{name}" download>{label or name}</a>'


def studies_table(studies: Sequence[Study]) -> str:
    """Return the recorded studies with links to their files."""
    rows = []
    for study in studies:
        there = [name for name in (*FILES, AUDIT_FILE) if (study.folder / name).is_file()]
        links = ", ".join(link(f"{study.name}/{name}", name) for name in there)
        rows.append([f"`{study.name}`", number(len(study.runs)), f"`{study.hash}`", links])
    return table(
        ["Study", "Runs", "Store hash", "Files"], rows, widths=[16, 10, 22, 52], css="cm-cards cm-studies"
    )


def tables_text(workspace: Workspace) -> str:
    """Return a link to what was found of the tables; nothing where they were not checked."""
    if not (workspace.root / RECORD).is_file():
        return ""
    return (
        f"{link(RECORD.name)} says how each table compares with the benchmark's, and has its fingerprint, as "
        f"every row of `runs.parquet` has; `causalmix data check --out {RECORD.as_posix()}` makes it."
    )


def study_links(study: Study) -> str:
    """Return links to the files of the shown study."""
    links = ", ".join(link(f"{study.name}/{name}", name) for name in FILES)
    return f"The study for download: {links}. [](downloads.md) says what each column means."


def data_dictionary() -> str:
    """Return the meaning of every column of a study's tables."""
    parts = []
    for name, meaning in TABLES.items():
        rows = [[f"`{column}`", TYPES[kind], text] for column, (kind, text) in COLUMNS[name].items()]
        head = f"### {name}.parquet: {meaning}"
        parts.append(
            f"{head}\n\n{table(['Column', 'Type', 'Meaning'], rows, widths=[26, 22, 52], css='cm-cards')}"
        )
    return "\n\n".join(parts)


def verdict_fields() -> str:
    """Return the meaning of every field of a verdict."""
    rows = [[f"`{name}`", field["description"]] for name, field in VERDICT_SCHEMA["properties"].items()]
    return table(["Field", "Meaning"], rows, widths=[30, 70], css="cm-cards")


def pdf_text(available: bool) -> str:
    """Return where the whole book as one file is, or how it is made."""
    if available:
        return f"**The whole book as one PDF**: {link('causalmix.pdf')}."
    return "**The whole book as one PDF**: `make pdf` prints this book with Chromium and offers it here."
