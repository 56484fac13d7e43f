"""Tables of runs whose depth, early-stopping regret and validation-test gap are set by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalmix.stability import RUN_KEYS
from causalmix.trajectory import CURVES

VALIDATION = {0.0: (3, 2, 1), 0.5: (3, 1, 2), 1.5: (1, 3, 2), 2.0: (1, 2, 3), None: (2, 2, 2)}
"""Validation-test gap -> order of the validation curve, where the test curve falls; None: it is undefined."""


@dataclass(frozen=True)
class HandStore:
    """The runs and trajectories of a study, as a `ResultStore` gives them."""

    _runs: pd.DataFrame
    _trajectories: pd.DataFrame
    hash: str = "by hand"

    def runs(self) -> pd.DataFrame:
        return self._runs

    def trajectories(self) -> pd.DataFrame:
        return self._trajectories


def make_store(rows: Iterable[Mapping]) -> HandStore:
    """Make a finished run of each row: ``dataset, arm`` and, of its defaults, what is to be another."""
    runs, curves = [], []
    for number, row in enumerate(rows):
        usual = {"study": "demo", "suite": "bundled", "fold": 0, "repeat": 0, "model": "made-up"}
        sizes = {"n_train": 100, "n_edges": 6, "n_features": 5, "depth": 3.0}
        scores = {"test_auc": 0.8, "zero_shot_auc": 0.7, "regret": 0.1, "gap": 0.0}
        run = {**usual, **sizes, **scores, "status": "ok", "spec_hash": f"run{number}", **row}
        order, regret = VALIDATION[run.pop("gap")], run.pop("regret")
        keys = {key: run[key] for key in RUN_KEYS}
        for place, test_auc in enumerate(np.linspace(0.9, 0.9 - regret, 3)):
            points = {**dict.fromkeys(CURVES, 0.5), "val_auc": order[place] / 10, "test_auc": test_auc}
            curves.append({**keys, **points, "step": 3 * place, "selected": place == 2})
        runs.append(run)
    return HandStore(pd.DataFrame(runs), pd.DataFrame(curves))
