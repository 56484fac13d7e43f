"""A hypothesis strategy for canonical frames: what generators are given."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

TARGET = "answer"
KINDS = ("continuous", "whole", "tied", "constant", "category", "wide category", "repeat")


def _column(kind: str, n_rows: int, missing: float, rng: np.random.Generator) -> pd.Series:
    scale = 10.0 ** rng.integers(-3, 7)
    if kind in ("category", "wide category"):
        n_levels = 2 if kind == "category" else 12
        levels = [f"level {i}" for i in range(n_levels)]
        codes = rng.integers(0, n_levels, n_rows)
        codes[rng.random(n_rows) < missing] = -1
        return pd.Series(pd.Categorical.from_codes(codes, levels))
    values = {
        "continuous": rng.normal(size=n_rows) * scale + scale,
        "whole": rng.integers(-5, 6, n_rows).astype(float),
        "tied": rng.choice([0.25, 0.5, 7.75], n_rows),
        "constant": np.full(n_rows, scale),
    }[kind]
    values[rng.random(n_rows) < missing] = np.nan
    return pd.Series(values)


@st.composite
def canonical_tables(draw: st.DrawFn, min_rows: int = 8, max_rows: int = 40) -> pd.DataFrame:
    """Mixed columns, some with missing values; two to four classes, of which the last may have one row."""
    n_rows = draw(st.integers(min_rows, max_rows))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6))
    table: dict[str, pd.Series] = {}
    for i, kind in enumerate(kinds):
        missing = draw(st.sampled_from([0.0, 0.0, 0.3]))
        first = next(iter(table.values()), None)
        repeats = kind == "repeat" and first is not None
        table[f"column {i}"] = (
            first.copy() if repeats else _column("whole" if kind == "repeat" else kind, n_rows, missing, rng)
        )
    n_classes = draw(st.integers(2, 4))
    codes = np.arange(n_rows) % n_classes
    if draw(st.booleans()):  # the last class has one row
        codes = np.where(codes == n_classes - 1, 0, codes)
        codes[0] = n_classes - 1
    place = draw(st.integers(0, len(table)))
    frame = pd.DataFrame(table)
    frame.insert(place, TARGET, pd.Categorical.from_codes(codes, [f"class {i}" for i in range(n_classes)]))
    return frame
