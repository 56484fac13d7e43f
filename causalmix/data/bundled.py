"""scikit-learn's own classification tables: always there, no download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from causalmix.data.gate import Dataset, make_dataset

BUNDLED: dict[str, Callable[..., Any]] = {
    "breast_cancer": load_breast_cancer,
    "wine": load_wine,
    "iris": load_iris,
    "digits": load_digits,
}


def load_bundled(
    name: str, data_dir: str | Path | None = None, cache_dir: str | Path | None = None
) -> Dataset:
    """Load one of scikit-learn's tables through the gate; the two folders are not used."""
    bunch = BUNDLED[name](as_frame=True)
    labels = bunch.target.map(dict(enumerate(map(str, bunch.target_names))))
    return make_dataset(name, bunch.data, labels)
