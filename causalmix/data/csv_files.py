"""What pandas reads from a CSV file without a word although it is not what the file says."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from causalmix.data.gate import DataError

_SEPARATORS = {";": "semicolons", "\t": "tabs"}


def read_header(file: Path) -> list[str]:
    """Fields of the first line that is not blank; empty where there is none."""
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        try:
            return next((row for row in csv.reader(stream) if len(row) > 1 or "".join(row).strip()), [])
        except csv.Error:  # no text: pandas says so
            return []


def check_header(file: Path) -> None:
    """Refuse a header that pandas would read in another way than its author.

    Raises
    ------
    DataError
        For columns separated by semicolons or tabs, and for repeated names, which pandas would change.
    """
    header = read_header(file)
    for separator, name in _SEPARATORS.items():
        if len(header) == 1 and separator in header[0]:
            raise DataError(
                f"the file {file}: its columns are separated by {name}; separate them by commas, e.g. "
                f"pd.read_csv(file, sep={separator!r}).to_csv(file, index=False)"
            )
    repeated = sorted({field for field in header if header.count(field) > 1})
    if repeated:
        raise DataError(
            f"the file {file}: several columns are called {', '.join(map(repr, repeated))}; rename them"
        )


def check_index(file: Path, table: pd.DataFrame) -> None:
    """Refuse rows longer than the header, of which pandas makes an index: every value is one column off.

    Raises
    ------
    DataError
        Saying whether rows end in an extra comma or the first column has no name.
    """
    if isinstance(table.index, pd.RangeIndex):
        return
    if table.iloc[:, -1].isna().all():
        raise DataError(
            f"the file {file}: its rows end in an extra comma; remove it, or end the header in one"
        )
    raise DataError(
        f"the file {file}: its rows have more fields than its header, e.g. the first row begins with "
        f"{table.index[0]!r}; give every column a name"
    )


def check_row_lengths(file: Path) -> None:
    """Refuse a row that is not as long as the header: pandas fills a short one up with missing values.

    Raises
    ------
    DataError
        Naming the first such line. A `csv.Error` where a line cannot be read at all.
    """
    n_columns, line = 0, 1
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        reader = csv.reader(stream)
        for row in reader:
            if len(row) > 1 or "".join(row).strip():  # else blank: pandas skips it
                n_columns = n_columns or len(row)
                if len(row) != n_columns:
                    raise DataError(
                        f"the file {file}, line {line}: {len(row)} fields, but the header has {n_columns}; "
                        "complete the row if the file was cut off there, and put a text with a line break "
                        "or a comma in double quotes"
                    )
            line = reader.line_num + 1


def check_labels(file: Path, table: pd.DataFrame, target: str) -> None:
    """Refuse a target whose labels pandas takes for missing values.

    Raises
    ------
    DataError
        Naming these labels.
    """
    words = words_read_as_missing(file, target) if table[target].isna().any() else {}
    if words:
        held = ", ".join(f"{word!r} in {count:,} rows" for word, count in words.items())
        raise DataError(
            f"the file {file}: the target {target!r} holds {held}, which is read as missing from a CSV file; "
            f"if it is a class, give it another name, e.g. 'is {next(iter(words))}', or save the table as "
            "Parquet; if it means missing, drop these rows"
        )


def words_read_as_missing(file: Path, column: str) -> dict[str, int]:
    """Count what is written where pandas reads a missing value, e.g. None or NA; empty cells aside.

    Parameters
    ----------
    file
        A CSV file.
    column
        One of its columns.
    """
    written = pd.read_csv(file, usecols=[column], dtype=str, keep_default_na=False)[column]
    read = pd.read_csv(file, usecols=[column], dtype=str)[column]
    words = written[read.isna() & (written != "")]
    return {str(word): int(count) for word, count in words.value_counts().items()}
