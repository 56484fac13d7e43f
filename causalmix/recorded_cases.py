"""Results of a benchmark on the benchmark's tables: one CSV file that grows case by case.

The file is written whole after each case, so a benchmark that was stopped goes on where it was. The book
reads the same file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from causalmix.atomic import write_atomically
from causalmix.locations import find_root
from causalmix.specs import ARMS


def list_sources() -> dict[str, str]:
    """Return where the arms' synthetic rows come from: name of the source -> an arm that draws from it.

    Each generator and setting once, under the name of its purely synthetic arm where there is one; the
    settings of the depth study are left out.

    Examples
    --------
    >>> sources = list_sources()
    >>> sources["scm"], sources["bootstrap"], "causalmix" in sources
    ('scm', 'bootstrap_mix', False)
    """
    sources: dict[tuple, str] = {}
    for name, arm in ARMS.items():
        if arm.generator and "@" not in name:
            sources.setdefault((arm.generator, str(arm.params)), name)
    return {name.removesuffix("_mix"): name for name in sources.values()}


class RecordedCases:
    """The cases of a benchmark in a CSV file.

    Parameters
    ----------
    path : path
    keys : sequence of str
        Columns that name a case.

    Examples
    --------
    >>> import tempfile
    >>> record = RecordedCases(Path(tempfile.mkdtemp()) / "scores.csv", ["dataset", "fold"])
    >>> record.add({"dataset": "iris", "fold": 0, "score": 0.5})
    >>> record.lacking([("iris", 0), ("iris", 1)])
    [('iris', 1)]
    """

    def __init__(self, path: str | os.PathLike, keys: Sequence[str]) -> None:
        self.path, self.keys = Path(path), list(keys)

    def frame(self) -> pd.DataFrame:
        """Return one row per case, in the order of the keys; empty where nothing is recorded."""
        if not self.path.is_file():
            return pd.DataFrame(columns=self.keys)
        return pd.read_csv(self.path, dtype={"revision": str, "reason": str}).fillna({"reason": ""})

    def lacking(self, cases: Iterable[tuple]) -> list[tuple]:
        """Return those of the cases (tuples of the keys' values) that are not recorded."""
        there = set(self.frame()[self.keys].itertuples(index=False, name=None))
        return [case for case in cases if case not in there]

    def add(self, row: dict) -> None:
        """Record a case; the file is whole at any moment."""
        self._write(pd.DataFrame([*self.frame().to_dict("records"), row]))

    def forget(self, cases: Iterable[tuple]) -> None:
        """Remove these cases, so that they are measured anew."""
        frame, gone = self.frame(), set(cases)
        kept = [case not in gone for case in frame[self.keys].itertuples(index=False, name=None)]
        if not all(kept):
            self._write(frame[kept])

    def _write(self, frame: pd.DataFrame) -> None:
        ordered = frame.sort_values(self.keys, kind="stable")
        text = ordered.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        write_atomically(self.path, text.encode())


def count_cases(scores: pd.DataFrame) -> pd.DataFrame:
    """Return on how many cases each method was measured: only methods with all of them can be compared.

    Parameters
    ----------
    scores : DataFrame
        One row per ``suite, n_rows, method, dataset, fold``.

    Returns
    -------
    DataFrame, one row per suite, size and method
        ``suite, n_rows, method, n_cases, n_all``; the last counts the cases of any method at that suite and
        size.

    Examples
    --------
    >>> cases = {"suite": "s", "n_rows": 64, "dataset": ["a", "b", "a"], "fold": 0, "method": ["x", "x", "y"]}
    >>> count_cases(pd.DataFrame(cases))[["method", "n_cases", "n_all"]].values.tolist()
    [['x', 2, 2], ['y', 1, 2]]
    """
    places, case = ["suite", "n_rows"], ["dataset", "fold"]
    n_cases = scores.groupby([*places, "method"], as_index=False).size().rename(columns={"size": "n_cases"})
    n_all = scores[[*places, *case]].drop_duplicates().groupby(places, as_index=False).size()
    return n_cases.merge(n_all.rename(columns={"size": "n_all"}), on=places)


def name_left_out(counts: pd.DataFrame) -> str:
    """Return a sentence on the methods of `count_cases` that lack cases; empty where none does."""
    lacking = counts[counts["n_cases"] < counts["n_all"]]
    named = ", ".join(
        f"{row.method} ({row.n_cases} of {row.n_all} cases of {row.suite} with {row.n_rows} rows)"
        for row in lacking.itertuples(index=False)
    )
    return f"Left out of the means, which compare methods on the same cases: {named}." if named else ""


def read_record(path: str | os.PathLike, made_by: str) -> tuple[pd.DataFrame, str]:
    """Return a benchmark's recorded cases and their line of provenance, from any working folder.

    Parameters
    ----------
    path : path
        Absolute, or relative to the checkout.
    made_by : str
        The command that makes the file.

    Returns
    -------
    DataFrame
        Empty where nothing is recorded.
    str
    """
    file = find_root() / path
    frame = RecordedCases(file, []).frame()
    if frame.empty:
        return frame, f"Not recorded yet: `{made_by}` does it."
    revisions = ", ".join(sorted(set(frame["revision"].dropna()))) or "unknown"
    n_failed = int((frame["reason"] != "").sum())
    return frame, (
        f"`{file.name}`, recorded by `{made_by}`: {frame['dataset'].nunique()} tables, "
        f"{len(frame)} cases, {n_failed} failed; code revision {revisions}."
    )
