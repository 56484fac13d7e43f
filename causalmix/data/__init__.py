"""Tables: the gate, the suites, splits and preprocessing."""

from __future__ import annotations

from causalmix.data.availability import check_datasets, list_datasets, locate_datasets
from causalmix.data.datasets import (
    SUITES,
    DataError,
    Dataset,
    Suite,
    load_dataset,
    load_table,
    make_dataset,
)
from causalmix.data.preprocessing import TablePreprocessor, TargetEncoder
from causalmix.data.splits import Protocol, SplitData, split_dataset

__all__ = [
    "SUITES",
    "DataError",
    "Dataset",
    "Protocol",
    "SplitData",
    "Suite",
    "TablePreprocessor",
    "TargetEncoder",
    "check_datasets",
    "list_datasets",
    "load_dataset",
    "load_table",
    "locate_datasets",
    "make_dataset",
    "split_dataset",
]
