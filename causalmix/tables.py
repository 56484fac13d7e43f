"""Tables for the terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.table import Table
from rich.text import Text

from causalmix.rows import StoreError
from causalmix.verdicts import Verdict

if TYPE_CHECKING:
    from causalmix.audit import AuditedRun


def frame_table(frame: pd.DataFrame, title: str) -> Table:
    """Return a frame as a table for the terminal; missing values are left empty."""
    table = Table(title=title, title_justify="left")
    for name in frame.columns:
        is_number = pd.api.types.is_numeric_dtype(frame[name])
        table.add_column(str(name).replace("_", " "), justify="right" if is_number else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(_cell(value)) for value in row))  # as it is: reasons can hold [brackets]
    return table


def read_verdicts(path: Path) -> list:
    """Return what a ``verdicts.json`` holds.

    Raises
    ------
    StoreError
        When there is none, or it is no JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise StoreError(f"no verdicts here ({error}): `make book` decides the claims.") from error
    except ValueError as error:
        raise StoreError(f"{path} is no list of verdicts ({error}): `make book` writes it again.") from error


def verdict_table(verdicts: Sequence[dict]) -> Table:
    """Return verdicts (fields of ``causalmix.verdicts.VERDICT_SCHEMA``) as a table for the terminal.

    Raises
    ------
    StoreError
        When these are no verdicts.
    """
    try:
        verdicts = [Verdict.from_dict(verdict).to_dict() for verdict in verdicts]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"the file holds no list of verdicts ({error!r}): give the verdicts.json that `make book` writes."
        ) from error
    table = Table(title="claims", title_justify="left")
    for name in ("claim", "sentence", "verdict", "value", "published", "runs", "model"):
        table.add_column(name, justify="right" if name in ("value", "published", "runs") else "left")
    for verdict in verdicts:
        lower, upper = (_cell(bound) for bound in verdict["interval"])
        value = _cell(verdict["value"])
        table.add_row(
            verdict["id"],
            verdict["sentence"],
            verdict["label"] or verdict["verdict"],
            f"{value} [{lower}, {upper}]" if lower and upper else value,
            _cell(verdict["reference"]),
            _cell(verdict["n_runs"]),
            verdict["model"],
        )
    return table


def audit_table(runs: Sequence[AuditedRun]) -> Table:
    """Return audited runs as a table for the terminal."""
    columns = {
        "dataset": [run.dataset for run in runs],
        "fold": [run.fold for run in runs],
        "arm": [run.arm for run in runs],
        "test auc then": [run.test_auc for run in runs],
        "now": [run.test_auc_now for run in runs],
        "largest difference": [run.difference for run in runs],
        "tolerance": [run.tolerance for run in runs],
        "verdict": [f"{run.verdict}: {run.note}" if run.note else run.verdict for run in runs],
    }
    return frame_table(pd.DataFrame(columns), "audit: recorded runs made again")


def _cell(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.3g}"
    return str(int(value)) if isinstance(value, float) else str(value)
