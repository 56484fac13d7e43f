"""causalmix: fine-tune tabular foundation models on real rows mixed with rows from causal models.

The public names below are imported when they are first used, so that ``import causalmix`` is quick and
the analysis of recorded results never loads torch, dowhy or causal-learn.

Examples
--------
>>> import causalmix
>>> causalmix.load_dataset("iris").X.shape
(150, 4)
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalmix.augment import CausalMixAugmenter
    from causalmix.data import (
        DataError,
        Dataset,
        Protocol,
        TablePreprocessor,
        load_dataset,
        load_table,
        make_dataset,
        split_dataset,
    )
    from causalmix.experiment import RunRecord, RunSpec, run_one
    from causalmix.store import ResultStore

_HOME_OF = {
    "CausalMixAugmenter": "causalmix.augment",
    "DataError": "causalmix.data",
    "Dataset": "causalmix.data",
    "Protocol": "causalmix.data",
    "ResultStore": "causalmix.store",
    "RunRecord": "causalmix.experiment",
    "RunSpec": "causalmix.experiment",
    "TablePreprocessor": "causalmix.data",
    "load_dataset": "causalmix.data",
    "load_table": "causalmix.data",
    "make_dataset": "causalmix.data",
    "run_one": "causalmix.experiment",
    "split_dataset": "causalmix.data",
}

__all__ = [
    "CausalMixAugmenter",
    "DataError",
    "Dataset",
    "Protocol",
    "ResultStore",
    "RunRecord",
    "RunSpec",
    "TablePreprocessor",
    "__version__",
    "load_dataset",
    "load_table",
    "make_dataset",
    "run_one",
    "split_dataset",
]

try:
    __version__ = version("causalmix")
except PackageNotFoundError:  # the source tree, not installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'causalmix' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
