"""The one way in which a CSV or Parquet file is read, be it a user's own or a table of the benchmark."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd

from causalmix.data.csv_files import check_header, check_index, check_row_lengths
from causalmix.data.gate import DataError

FILE_TYPES = (".parquet", ".csv")


class UnreadableError(DataError, OSError):
    """A file that cannot be read: nothing is known of its table, so this is no property of it."""


def read_file(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file and refuse what would be read in another way than its author meant it.

    Raises
    ------
    DataError
        When the file is of another type, when a CSV's header or one of its rows is not what it seems, or
        when row numbers or an index would be taken for a feature or lost. An `UnreadableError` when the file
        is absent or cannot be parsed.
    """
    if not path.is_file():
        fault = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise UnreadableError(f"the file {path} {fault}; check its path")
    if path.suffix.lower() not in FILE_TYPES:
        raise DataError(f"the file {path} is neither .csv nor .parquet; convert it to one of them")
    try:
        table = _read_csv(path) if is_csv(path) else pd.read_parquet(path)
    except DataError:
        raise
    except (ValueError, OSError, csv.Error) as error:
        cure = "save it as UTF-8" if isinstance(error, UnicodeDecodeError) else "write it again"
        raise UnreadableError(f"the file {path} cannot be read ({error}); {cure}") from error
    table.columns = [str(column) for column in table.columns]
    _refuse_named_index(path, table)
    _refuse_row_numbers(path, table)
    return table


def is_csv(file: Path) -> bool:
    """Whether the name of a file says that it is a CSV file."""
    return file.suffix.lower() == ".csv"


def _read_csv(path: Path) -> pd.DataFrame:
    check_header(path)
    table = pd.read_csv(path, low_memory=False)  # else a column's types depend on the file's size
    check_index(path, table)
    check_row_lengths(path)
    return table


def _refuse_named_index(file: Path, table: pd.DataFrame) -> None:
    """A named index, which pandas writes into a Parquet file, comes back as no column."""
    names = [str(name) for name in table.index.names if name is not None]
    if names:
        held = ", ".join(map(repr, names))
        raise DataError(
            f"the file {file}: {held} is the table's index, not a column, and would be lost; write the table "
            "again after table.reset_index(), or after table.reset_index(drop=True) if it numbers the rows"
        )


def _refuse_row_numbers(file: Path, table: pd.DataFrame) -> None:
    """The index that pandas (or R) wrote with a table comes back as a first column without a name."""
    unnamed = [name for name in table.columns if re.fullmatch(r"Unnamed: 0(\.\d+)*", name)]
    if unnamed:
        raise DataError(
            f"the file {file}: the first column has no name (pandas calls it {unnamed[0]!r}), so it looks "
            "like a row number, which gives the class away where rows are sorted by class; write the file "
            "without it, in pandas with to_csv(file, index=False), or give it a name if it is a feature"
        )
