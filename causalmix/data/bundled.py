"""scikit-learn's own classification tables: always there, no download."""

from __future__ import annotations

from pathlib import Path

from causalmix.data.gate import Dataset, make_dataset

BUNDLED = ("breast_cancer", "wine", "iris", "digits")


def load_bundled(
    name: str, data_dir: str | Path | None = None, cache_dir: str | Path | None = None
) -> Dataset:
    """Load one of scikit-learn's tables through the gate; the two folders are not used."""
    from sklearn import datasets  # slow to import

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    labels = bunch.target.map(dict(enumerate(map(str, bunch.target_names))))
    return make_dataset(name, bunch.data, labels)
