"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the files of slow tests, so that the processes of `make test` end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def data_dir() -> Path:
    """The folder of real TabArena tables, where this machine has one."""
    folder = os.environ.get("CAUSALMIX_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CAUSALMIX_DATA does not name a folder of TabArena tables")
    return Path(folder)


@pytest.fixture
def mixed_table() -> pd.DataFrame:
    """60 rows of every kind of column, with missing values, a constant and an odd index."""
    rng = np.random.default_rng(0)
    n = 60
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "income": rng.normal(30_000, 9_000, n).round(2),
            "member": rng.random(n) < 0.4,
            "city": rng.choice(["Basel", "Bern", "Chur"], n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "size": pd.Categorical(
                rng.choice(["S", "M", "L"], n), categories=["S", "M", "L", "XL"], ordered=True
            ),
            "visits": pd.array(rng.integers(0, 9, n), dtype="Int64"),
            "currency": ["CHF"] * n,
        },
        index=np.arange(n) * 3 + 7,
    )
    for column, share in {"income": 0.2, "city": 0.1, "since": 0.1, "size": 0.1, "visits": 0.1}.items():
        table.loc[rng.random(n) < share, column] = None
    return table


@pytest.fixture
def labels() -> pd.Series:
    """60 labels of three classes for `mixed_table`."""
    return pd.Series(
        np.random.default_rng(1).choice(["no", "perhaps", "yes"], 60, p=[0.5, 0.2, 0.3]), name="answer"
    )
