"""Suites of datasets, and the loaders behind their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from causalmix.data.bundled import BUNDLED, load_bundled
from causalmix.data.column_notes import note_columns, note_labels
from causalmix.data.csv_files import check_labels
from causalmix.data.files import is_csv, read_file
from causalmix.data.gate import DataError, Dataset, make_dataset
from causalmix.data.known_scm import KNOWN_SCM, load_known_scm
from causalmix.data.tabarena import load_tabarena
from causalmix.data.tabarena_tasks import TABARENA33

__all__ = ["SUITES", "DataError", "Dataset", "Suite", "load_dataset", "load_table", "make_dataset"]


@dataclass(frozen=True)
class Suite:
    """A named list of datasets.

    Attributes
    ----------
    name
        Key in `SUITES`.
    datasets
        Names of its tables.
    description
        One sentence for readers.
    load
        ``load(name, data_dir, cache_dir)`` gives one of its tables.
    """

    name: str
    datasets: tuple[str, ...]
    description: str
    load: Callable[[str, str | Path | None, str | Path | None], Dataset]


SUITES: dict[str, Suite] = {
    "bundled": Suite(
        "bundled",
        BUNDLED,
        "scikit-learn's own tables: always there, but saturated (logistic regression reaches a ROC-AUC above "
        ".99), so they show that everything runs and decide nothing",
        load_bundled,
    ),
    "tabarena33": Suite(
        "tabarena33",
        TABARENA33,
        "the 33 of TabArena-v0.1's 38 classification tasks with at most 100 features (our rule: the paper "
        "does not say which 33 it used)",
        load_tabarena,
    ),
    "known_scm": Suite(
        "known_scm",
        tuple(KNOWN_SCM),
        "tables simulated from structural causal models whose graph and depth (1 to 8) we set, at fixed "
        "numbers of columns and edges",
        load_known_scm,
    ),
}


def load_dataset(
    name: str,
    suite: str | None = None,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
) -> Dataset:
    """Load a dataset by name.

    Parameters
    ----------
    name
        A dataset of `suite`, or of any suite where `suite` is None.
    suite
        Key of `SUITES`.
    data_dir
        Folder with local copies (``NAME.parquet`` or ``NAME.csv``).
    cache_dir
        Where tables fetched from OpenML are kept.

    Raises
    ------
    DataError
        For an unknown suite or dataset, or a table that cannot be had or used.

    Examples
    --------
    >>> load_dataset("wine").y.cat.categories.tolist()
    ['class_0', 'class_1', 'class_2']
    """
    if suite is not None and suite not in SUITES:
        raise DataError(f"there is no suite {suite!r}; choose one of {', '.join(SUITES)}")
    candidates = [SUITES[suite]] if suite is not None else list(SUITES.values())
    for candidate in candidates:
        if name in candidate.datasets:
            return candidate.load(name, data_dir, cache_dir)
    known = [dataset for candidate in candidates for dataset in candidate.datasets]
    raise DataError(
        f"there is no dataset {name!r} in {', '.join(c.name for c in candidates)}"
        f"{_suggest(name, known)}; `causalmix data list` shows all, and your own file is read with "
        "load_table(path, target)"
    )


def load_table(path: str | Path, target: str, categorical: tuple[str, ...] = ()) -> Dataset:
    """Load a user's own CSV or Parquet file; `Dataset.notes` says which columns are doubtful.

    Parameters
    ----------
    path
        A .csv or .parquet file; its stem becomes the dataset's name.
    target
        The column to predict.
    categorical
        Columns of numbers that are categories.

    Raises
    ------
    DataError
        Naming the file or column and the cure.
    """
    file = Path(path)
    table = read_file(file)
    if target not in table:
        names = list(table.columns)
        raise DataError(
            f"the file {file} has no target column {target!r}{_suggest(target, names)}; its columns are "
            f"{', '.join(names)}"
        )
    if is_csv(file):
        check_labels(file, table, target)
    X, y = table.drop(columns=target), table[target]
    return make_dataset(file.stem, X, y, categorical, note_columns(X, categorical) + note_labels(y))


def _suggest(word: str, known: list[str]) -> str:
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
