"""One fold of one table, ready for generators and models: loaded, split, encoded on training rows only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from causalmix.data import (
    Dataset,
    SplitData,
    TablePreprocessor,
    TargetEncoder,
    load_dataset,
    load_table,
    split_dataset,
)
from causalmix.specs import OWN_TABLE, RunSpec


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold of one table, split and encoded.

    Attributes
    ----------
    fingerprint : str
        Of the whole table.
    split : SplitData
        Raw rows.
    preprocessor, labels
        Fitted on the training rows.
    train : DataFrame
        (n_train, n_features + 1) canonical training rows, the target as a category in its last column.
    target : str
        Name of that column.
    """

    fingerprint: str
    split: SplitData
    preprocessor: TablePreprocessor
    labels: TargetEncoder
    train: pd.DataFrame
    target: str

    @property
    def sizes(self) -> dict[str, int]:
        """Numbers of rows, features and classes."""
        return {
            "n_train": len(self.train),
            "n_val": len(self.split.X_val),
            "n_test": len(self.split.X_test),
            "n_features": len(self.preprocessor.columns),
            "n_classes": len(self.labels.classes_),
        }


def prepare_fold(spec: RunSpec, data_dir: str | Path | None = None) -> Fold:
    """Load, split and encode the fold of ``spec``.

    Raises
    ------
    DataError
        When the table cannot be had or used.
    """
    return split_fold(load_spec_table(spec, data_dir), spec)


def split_fold(dataset: Dataset, spec: RunSpec) -> Fold:
    """Split and encode the fold of ``spec`` of its table; raises a `DataError` if that cannot be split."""
    split = split_dataset(dataset, spec.fold, spec.protocol, spec.repeat)
    preprocessor = TablePreprocessor().fit(split.X_train)
    labels = TargetEncoder().fit(split.y_train)
    target = str(dataset.y.name)
    levels = pd.Categorical(split.y_train.astype(str), categories=list(labels.classes_))
    train = preprocessor.transform(split.X_train).reset_index(drop=True)
    train[target] = levels
    return Fold(dataset.fingerprint, split, preprocessor, labels, train, target)


def load_spec_table(spec: RunSpec, data_dir: str | Path | None = None) -> Dataset:
    """Load the table of ``spec``: of a suite, or a user's own file in ``data_dir``."""
    if spec.suite == OWN_TABLE:
        return load_table(Path(data_dir or ".") / spec.dataset, spec.target)
    return load_dataset(spec.dataset, spec.suite, data_dir)
