"""The files for download as an RO-Crate: ``ro-crate-metadata.json`` says what each of them is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from causalmix import __version__
from causalmix.book.repository import Repository
from causalmix.book.text import count
from causalmix.rows import COLUMNS

METADATA = "ro-crate-metadata.json"

LICENCE = "https://www.apache.org/licenses/LICENSE-2.0"

PAPER = "https://arxiv.org/abs/2601.04110v2"

FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}

ABOUT = {
    "audit.json": "Recorded runs made again and compared",
    "causalmix.pdf": "The whole book",
    "claims.yml": "The claims with the rules that decide them",
    "graphs.parquet": "The causal graphs that the runs used",
    "manifest.json": "What was planned, done, failed and is absent, with checksums",
    "notebooks-executed.zip": "All notebooks as executed, with figures and the data behind them",
    "notebooks-sources.zip": "All notebooks as committed, and the rules",
    "runs.parquet": "One row per recorded run",
    "tables.csv": "How each table compares with the benchmark's, with its fingerprint",
    "trajectories.parquet": "One row per recorded run and evaluation",
    "verdicts.json": "One verdict per claim",
    "verdicts.schema.json": "JSON schema of verdicts.json",
}
"""What a file is, by its name."""


def crate_metadata(files: Mapping[str, bytes], published: str, repository: Repository | None) -> dict:
    """Return the metadata of the crate that the files for download make.

    Parameters
    ----------
    files : mapping
        Path below the crate's root to content.
    published : str
        Day (YYYY-MM-DD) on which the content was made.
    repository : Repository, optional
        Where the software is.

    Notes
    -----
    https://www.researchobject.org/ro-crate/specification/1.1/
    """
    folders = sorted({PurePosixPath(name).parts[0] for name in files if "/" in name})
    top = [name for name in sorted(files) if "/" not in name]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": "causalmix: recorded runs, verdicts and notebooks",
        "description": "Recorded fine-tuning runs, the verdicts that they lead to, and the notebooks that "
        "decide them: an independent companion to arXiv:2601.04110.",
        "datePublished": published,
        "license": {"@id": LICENCE},
        "author": {"@id": "#developers"},
        "citation": {"@id": PAPER},
        "mainEntity": {"@id": "verdicts.json"},
        "hasPart": _ids([*top, *(f"{folder}/" for folder in folders)]),
        "mentions": {"@id": "#software"},
    }
    context = [*_people_and_works(), _software(repository)]
    studies = [_study(folder, files) for folder in folders]
    parts = [_file(name, content) for name, content in sorted(files.items())]
    columns = [
        {"@id": f"#{table}-{name}", "@type": "PropertyValue", "name": name, "description": text}
        for table, columns in COLUMNS.items()
        for name, (_, text) in columns.items()
    ]
    graph = [_descriptor(), root, *context, *studies, *parts, *columns]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def _descriptor() -> dict:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }


def _people_and_works() -> list[dict]:
    return [
        {"@id": "#developers", "@type": "Organization", "name": "The causalmix developers"},
        {"@id": LICENCE, "@type": "CreativeWork", "name": "Apache License 2.0", "identifier": "Apache-2.0"},
        {
            "@id": PAPER,
            "@type": "ScholarlyArticle",
            "name": "Causal Data Augmentation for Robust Fine-Tuning of Tabular Foundation Models",
        },
    ]


def _software(repository: Repository | None) -> dict:
    software: dict[str, Any] = {
        "@id": "#software",
        "@type": "SoftwareSourceCode",
        "name": "causalmix",
        "version": __version__,
        "license": {"@id": LICENCE},
        "programmingLanguage": "Python",
    }
    return software | ({"codeRepository": repository.url} if repository else {})


def _study(folder: str, files: Mapping[str, bytes]) -> dict:
    inside = [name for name in sorted(files) if name.startswith(f"{folder}/")]
    return {
        "@id": f"{folder}/",
        "@type": "Dataset",
        "name": f"The recorded study {folder}",
        "description": f"{count(len(inside), 'file')} of one study",
        "hasPart": _ids(inside),
    }


def _file(name: str, content: bytes) -> dict:
    path = PurePosixPath(name)
    entity: dict[str, Any] = {
        "@id": name,
        "@type": "File",
        "name": name,
        "description": ABOUT[path.name],
        "encodingFormat": FORMATS[path.suffix],
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    if path.suffix == ".parquet":
        entity["variableMeasured"] = _ids([f"#{path.stem}-{column}" for column in COLUMNS[path.stem]])
    return entity


def _ids(names: list[str]) -> list[dict]:
    return [{"@id": name} for name in names]
