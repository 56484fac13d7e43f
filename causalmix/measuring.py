"""How a recorded benchmark runs: its options, and its cases, which go on where they were stopped."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from causalmix.progress import make_progress
from causalmix.recorded_cases import RecordedCases


def make_parser(description: str, quick: str, out: str, workers: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the options that all recorded benchmarks share.

    Parameters
    ----------
    description : str
        Docstring of the script; its first line is shown.
    quick : str
        What ``--quick`` measures.
    out : str
        Folder of the record where ``--out`` names none.
    workers : bool
        Whether cases can be measured side by side (``--workers``).
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{quick}, nothing recorded")
    parser.add_argument("--anew", action="store_true", help="measure again what is recorded")
    parser.add_argument("--out", type=Path, default=Path(out), help=f"folder of the record [{out}]")
    if workers:
        parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    return parser


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--data``, the folder of the tables, which CAUSALMIX_DATA names where it is not given."""

    def named(folder: str) -> str:
        if not folder:
            raise argparse.ArgumentTypeError(
                "set CAUSALMIX_DATA or --data to a folder with the TabArena tables"
            )
        return folder

    default = os.environ.get("CAUSALMIX_DATA", "")
    parser.add_argument("--data", type=named, default=default, help="folder with the TabArena tables")


def open_record(options: argparse.Namespace, name: str, keys: Sequence[str]) -> RecordedCases:
    """Return the record ``name`` in the folder of ``--out``; with ``--quick`` one in a temporary folder."""
    folder = Path(tempfile.mkdtemp()) if options.quick else options.out
    return RecordedCases(folder / name, keys)


def measure_lacking(
    record: RecordedCases,
    cases: Iterable[tuple],
    measure: Callable,
    title: str,
    *,
    anew: bool = False,
    workers: int = 1,
    together: bool = False,
) -> pd.DataFrame:
    """Measure the cases that are not recorded; each is recorded as soon as it is measured.

    Parameters
    ----------
    record : RecordedCases
        One of its keys is ``dataset``, by which progress is shown.
    cases : iterable of tuple
        Values of the record's keys.
    measure : callable
        ``measure(*case)`` returns the row of a case, with the keys and a ``reason`` where it failed.
    title : str
        What the progress bar says.
    anew : bool
        Measure recorded cases again.
    workers : int
        Processes.
    together : bool
        Hand the cases that differ in the last key alone to one call, which gets a list of its values in the
        last place, and returns one row for each.

    Returns
    -------
    DataFrame
        All that is recorded, these cases or others.

    Examples
    --------
    >>> record = RecordedCases(Path(tempfile.mkdtemp()) / "scores.csv", ["dataset", "fold"])
    >>> def measure(dataset, fold):
    ...     return {"dataset": dataset, "fold": fold, "score": len(dataset) + fold, "reason": ""}
    >>> measure_lacking(record, [("iris", 0), ("wine", 1)], measure, "length")["score"].tolist()
    [4, 5]
    """
    cases, place = list(cases), record.keys.index("dataset")
    if anew:
        record.forget(cases)
    calls = todo = record.lacking(cases)
    if together:
        alike = groupby(todo, key=lambda case: case[:-1])
        calls = [(*first, [case[-1] for case in group]) for first, group in alike]
    parallel = Parallel(n_jobs=workers, return_as="generator_unordered")
    with make_progress([case[place] for case in todo], title) as bars:
        for measured in parallel(delayed(measure)(*call) for call in calls):
            for row in [measured] if isinstance(measured, dict) else measured:
                record.add(row)
                bars.advance(row["dataset"], row["reason"])
    return record.frame()
