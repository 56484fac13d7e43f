"""What the command line prints: tables, the state of a study, and errors without a traceback."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from causalmix.data import DataError
from causalmix.pool import PoolError
from causalmix.specs import SpecError
from causalmix.store import ResultStore, StoreError
from causalmix.tables import frame_table

if TYPE_CHECKING:
    from causalmix.engine import Summary

EXIT_FOUND_BAD, EXIT_ERROR, EXIT_STOPPED = 1, 2, 130
"""Exit codes: all runs failed or a check found something bad; an error of use, data or files; Ctrl-C."""

_WRONG_KIND = {
    IsADirectoryError: "it is a folder, not a file",
    FileExistsError: "it is a file, not a folder",
    NotADirectoryError: "a folder on the way to it is a file",
}
_UNCUT = 10_000
"""Characters in a line of a table that is not printed to a terminal; more than any table has."""


def clear_errors(command: Callable) -> Callable:
    """Print an expected error of a command as one message and exit with 2; stop quietly at Ctrl-C."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (DataError, SpecError, StoreError, PoolError) as error:
            _fail(error)
        except BrokenPipeError:  # who reads our output has read enough
            raise
        except OSError as error:
            _fail(error)
        except KeyboardInterrupt:
            say("\nStopped. What is finished is kept: the same command goes on from here.")
            raise typer.Exit(EXIT_STOPPED) from None
        except RuntimeError as error:
            if type(error).__name__ != "ModelError":  # not imported here: it needs torch
                raise
            _fail(error)

    return wrapper


def describe_error(error: Exception) -> str:
    """Return the message of an expected error; of one of the system, with the file.

    Examples
    --------
    >>> describe_error(PermissionError(13, "Permission denied", "results/store.lock"))
    'cannot read or write results/store.lock: Permission denied'
    """
    if not isinstance(error, OSError) or error.filename is None:  # it has a message of ours
        return str(error)
    return f"cannot read or write {error.filename}: {_WRONG_KIND.get(type(error), error.strerror)}"


def say(text: str, style: str = "") -> None:
    """Print a note to the error stream, as it is."""
    Console(stderr=True).print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def print_table(table: Table | pd.DataFrame, title: str = "") -> None:
    """Print a table: as wide as the terminal, or wide enough that nothing is cut when it is piped."""
    shown = frame_table(table, title) if isinstance(table, pd.DataFrame) else table
    Console(width=None if sys.stdout.isatty() else _UNCUT).print(shown)


def conclude(summary: Summary, place: Path, quiet: bool) -> None:
    """Print what was done in a folder, and what failed; exit with 1 when there is nothing but failures."""
    for reason in summary.reasons if quiet else ():  # else said along with the progress
        say(f"failed: {reason}")
    typer.echo(f"{place}: {summary}")
    if summary.failed_before:
        say(f"{summary.failed_before} of those there failed before: --retry-failed makes them again")
    if summary.all_failed:
        raise typer.Exit(EXIT_FOUND_BAD)


def say_corrupt(store: ResultStore) -> None:
    """Say in one line which records cannot be read, where there are any."""
    found = [path.name for path in store.corrupt()]
    if found:
        say(f"Corrupt records in {store.records}, as if not there: {', '.join(found)}")


def print_status(store: ResultStore) -> None:
    """Print per arm how many runs are done, have failed or are missing, and name corrupt records."""
    counts = store.counts()
    counts.loc["all arms"] = counts.sum()
    print_table(counts.reset_index(), store.root.name)
    for path in store.corrupt():
        say(f"corrupt: {path}: delete it and run again", style="red")


def print_every_status(folders: Iterable[Path]) -> None:
    """Print the status of each study, or why it cannot be read: the exit code is 1 then, after the last."""
    exit_code = 0
    for folder in folders:
        try:
            print_status(ResultStore(folder))
        except (StoreError, OSError) as error:
            say(f"Error: {describe_error(error)}", style="bold red")
            exit_code = EXIT_FOUND_BAD
    raise typer.Exit(exit_code)


def _fail(error: Exception) -> NoReturn:
    say(f"Error: {describe_error(error)}", style="bold red")
    raise typer.Exit(EXIT_ERROR) from error
