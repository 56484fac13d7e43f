"""Made-up records of the benchmarks of the generators: no generator was run, numbers are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from causalmix.quality import MEASURES
from causalmix.recorded_cases import list_sources

TABLES = {"narrow": 5, "middle": 20, "wide": 80}
LEVELS = {"scm": 0.6, "bootstrap": 0.9, "independent": 0.2}
"""Mean of every measure but the distance, per source; .5 for the others."""


def make_scores(path: Path, n_folds: int = 2) -> pd.DataFrame:
    """Write a record of ``benchmarks/quality.py``."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "dataset": table,
            "fold": fold,
            "generator": name,
            "reason": "",
            "revision": "made-up",
            **{m: LEVELS.get(name, 0.5) + rng.uniform(-0.05, 0.05) for m in MEASURES},
            "closest_record": 0.0 if name == "bootstrap" else 0.2,
            "trtr_auc": 0.8,
            "closest_record_real": 0.25,
        }
        for table in TABLES
        for fold in range(n_folds)
        for name in list_sources()
    ]
    return _write(path, rows)


def make_costs(path: Path) -> pd.DataFrame:
    """Write a record of ``benchmarks/generator_cost.py``: costs grow with the width; CTGAN lacks a table."""
    rows = [
        {
            "dataset": table,
            "generator": name,
            "n_features": width,
            "n_rows": 192,
            "reason": "",
            "revision": "made-up",
            "machine": "a processor",
            "seconds_fit": width / 100,
            "seconds_per_1000": 0.0,
            "base_mb": 300.0,
            "peak_mb": float(width),
        }
        for table, width in TABLES.items()
        for name in ("scm", "ctgan", "copula")
        if (table, name) != ("middle", "ctgan")
    ]
    return _write(path, rows)


def _write(path: Path, rows: list[dict]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return frame
