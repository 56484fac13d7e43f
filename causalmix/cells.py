"""What is compared: a store of runs, its cells, and the settings in which runs of one cell can differ."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from causalmix.specs import find_arm

CELL = ["dataset", "fold", "repeat"]
"""Columns that name what arms share: the same rows for training, validation and test."""

CELL_OF_MODEL = [*CELL, "model"]
"""Columns that name the runs of one model in a cell."""

SETTINGS = ("model", "preset", "max_train_rows", "synthetic_ratio", "n_steps", "protocol")
"""Columns in which two runs of one cell and arm can differ."""

_ROW_LIMIT = r'"max_train_rows": \d+'
"""In the JSON of a protocol: what has a column of its own."""


class Store(Protocol):
    """The recorded runs that are read: a `causalmix.store.ResultStore`, or a view of one."""

    @property
    def hash(self) -> str:
        """Content hash."""

    def runs(self) -> pd.DataFrame:
        """Return one row per run."""

    def trajectories(self) -> pd.DataFrame:
        """Return one row per run and evaluation."""

    def graphs(self) -> pd.DataFrame:
        """Return one row per run and DAG."""


class AnalysisError(ValueError):
    """A table that cannot be analysed; the message names what it lacks and the cure."""


def check_one_run_per_cell(table: pd.DataFrame) -> None:
    """Refuse to average over, say, row limits: raise an `AnalysisError` that names in what the runs differ.

    Where no column of the table says it, the settings are named that it has no column of.

    Examples
    --------
    >>> cell = {"dataset": "wine", "fold": 0, "repeat": 0, "arm": "default"}
    >>> check_one_run_per_cell(pd.DataFrame([{**cell, "model": model} for model in ("mini", "mitra")]))
    Traceback (most recent call last):
    causalmix.cells.AnalysisError: several runs per dataset, fold, repeat and arm: choose one model
    """
    cell = [*CELL, "arm"]
    twice = table[table.duplicated(cell, keep=False)]
    if twice.empty:
        return
    if "protocol" in twice:
        twice = twice.assign(protocol=twice["protocol"].str.replace(_ROW_LIMIT, "", regex=True))
    cells = twice.groupby(cell, observed=True)
    varied = [name for name in SETTINGS if name in twice and (cells[name].nunique() > 1).any()]
    named = varied or [name for name in SETTINGS if name not in twice]
    cure = f"choose one {', one '.join(named)}" if named else "each is there twice, keep one"
    raise AnalysisError(f"several runs per dataset, fold, repeat and arm: {cure}")


def at_ratio(runs: pd.DataFrame, ratio: float) -> pd.DataFrame:
    """Return the runs with this many synthetic rows per real one, and those of arms that use none.

    Examples
    --------
    >>> runs = pd.DataFrame({"arm": ["default", "scm", "scm"], "synthetic_ratio": [1.0, 0.5, 2.0]})
    >>> at_ratio(runs, 2.0)["arm"].tolist()
    ['default', 'scm']
    """
    has_rows = runs["arm"].map(lambda arm: find_arm(arm).generator is not None).astype(bool)
    return runs[~has_rows | (runs["synthetic_ratio"] == ratio)]


def count_folds(runs: pd.DataFrame) -> str:
    """Return how many folds of each table were run, for a sentence.

    Examples
    --------
    >>> count_folds(pd.DataFrame({"dataset": ["a", "a", "b"], "fold": [0, 1, 0]}))
    '1 to 2 folds'
    """
    per_table = runs.groupby("dataset", observed=True)["fold"].nunique()
    fewest, most = min(per_table, default=0), max(per_table, default=0)
    return f"{f'{fewest} to ' if fewest < most else ''}{most} fold{'' if most == 1 else 's'}"
