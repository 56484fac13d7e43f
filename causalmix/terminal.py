"""What the command line prints: tables, the state of a study, and errors without a traceback."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from causalmix.data import DataError
from causalmix.pool import PoolError
from causalmix.specs import SpecError
from causalmix.store import ResultStore, StoreError
from causalmix.tables import frame_table

EXIT_FOUND_BAD, EXIT_ERROR, EXIT_STOPPED = 1, 2, 130
"""Exit codes: a check found something bad; an error of use or data; stopped by Ctrl-C."""


def clear_errors(command: Callable) -> Callable:
    """Print an expected error of a command as one message and exit with 2; stop quietly at Ctrl-C."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (DataError, SpecError, StoreError, PoolError) as error:
            _fail(error)
        except KeyboardInterrupt:
            say("\nStopped. What is finished is kept: the same command goes on from here.")
            raise typer.Exit(EXIT_STOPPED) from None
        except RuntimeError as error:
            if type(error).__name__ != "ModelError":  # not imported here: it needs torch
                raise
            _fail(error)

    return wrapper


def say(text: str, style: str = "") -> None:
    """Print a note to the error stream, as it is."""
    Console(stderr=True).print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def print_table(table: Table | pd.DataFrame, title: str = "") -> None:
    """Print a table: as wide as the terminal, or wide enough that nothing is cut when it is piped."""
    shown = frame_table(table, title) if isinstance(table, pd.DataFrame) else table
    Console(width=None if sys.stdout.isatty() else 160).print(shown)


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


def _fail(error: Exception) -> None:
    say(f"Error: {error}", style="bold red")
    raise typer.Exit(EXIT_ERROR) from error
