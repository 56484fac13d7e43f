"""One model of one recorded study, as claims and figures read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from causalmix.cells import CELL, CELL_OF_MODEL, count_folds
from causalmix.store import ResultStore


@dataclass(frozen=True, eq=False)
class StudyView:
    """The recorded runs of one model of one study; what the claims and figures read (a `Store`).

    Each table is read once, when it is first asked for: runs that are recorded later do not appear.

    Attributes
    ----------
    store : ResultStore
    model : str
        The model whose runs are shown.
    note : str
        Why there is nothing to show, for a study that is not required; else empty.
    cells : DataFrame, optional
        The columns of `CELL`: only runs of these tables, folds and repeats are shown.
    """

    store: ResultStore
    model: str
    note: str = ""
    cells: pd.DataFrame | None = None
    _read: dict = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.store.root.name

    @property
    def hash(self) -> str:
        """Content hash of the whole store."""
        if "hash" not in self._read:
            self._read["hash"] = self.store.hash
        return self._read["hash"]

    def runs(self) -> pd.DataFrame:
        """Return one row per run of the model."""
        return self._own("runs")

    def trajectories(self) -> pd.DataFrame:
        """Return one row per run of the model and evaluation."""
        return self._own("trajectories")

    def graphs(self) -> pd.DataFrame:
        """Return one row per run of the model and DAG."""
        return self._own("graphs")

    def absent(self) -> list[dict]:
        """Return the planned runs of the model that are not there, as the manifest names them."""
        planned = pd.DataFrame(self.store.absent(), columns=[*CELL_OF_MODEL, "arm"])
        return self._keep_own(planned).to_dict("records")

    def provenance(self) -> str:
        """Return the line of provenance of a figure made from these runs."""
        if self.note:
            return f"{self.note[0].upper()}{self.note[1:]}."
        runs = self.runs()
        revisions = ", ".join(sorted({text[:12] for text in runs["revision"] if text})) or "unknown"
        suites = ", ".join(sorted(runs["suite"].unique()))
        limits = ", ".join(str(limit) for limit in sorted(runs["max_train_rows"].unique()))
        n_absent = len(self.absent())
        absent = f", {n_absent} planned ones absent" if n_absent else ""
        several = (
            f", at most {limits} rows for training and validation"
            if runs["max_train_rows"].nunique() > 1
            else ""
        )
        return (
            f"Study {self.name} ({suites}, {runs['dataset'].nunique()} tables, "
            f"{count_folds(runs)}{several}), model {self.model}, "
            f"{(runs['status'] == 'ok').sum()} runs, {(runs['status'] != 'ok').sum()} failed{absent}; "
            f"store {self.hash}; code revision {revisions}."
        )

    def only(self, cells: pd.DataFrame) -> StudyView:
        """Return the same view with the runs of these cells only."""
        return replace(self, cells=cells)

    def only_folds(self, folds: Sequence[int]) -> StudyView:
        """Return the same view with the runs of these folds only."""
        cells = self.runs()[CELL].drop_duplicates()
        return self.only(cells[cells["fold"].isin(folds)])

    def _own(self, name: str) -> pd.DataFrame:
        if name not in self._read:
            self._read[name] = getattr(self.store, name)()
        return self._keep_own(self._read[name])

    def _keep_own(self, table: pd.DataFrame) -> pd.DataFrame:
        kept = table["model"] == self.model if not self.note else slice(0)
        own = table[kept]
        return (own if self.cells is None else own.merge(self.cells, on=CELL)).reset_index(drop=True)
