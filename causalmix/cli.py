"""The command line: thin commands over the library. The only place that reads an environment variable."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from causalmix import __version__
from causalmix.data import DataError, Protocol
from causalmix.options import dataclass_options, parse_names, parse_shard
from causalmix.planning import leave_out_absent, plan_study, refuse_changed_table
from causalmix.profiles import PROFILES, Profile
from causalmix.specs import SpecError
from causalmix.store import ResultStore, StoreError

app = typer.Typer(
    help="Causal data augmentation for fine-tuning tabular foundation models: run the studies, look at them, "
    "try them on your own table.",
    no_args_is_help=True,
    add_completion=False,
)
data_app = typer.Typer(help="Which tables are here, and whether they are sound.", no_args_is_help=True)
app.add_typer(data_app, name="data")

RESULTS = Path("results")
CACHE = Path(".causalmix") / "synthetic"

_PROFILE_LINES = "; ".join(f"{name} ({profile.description})" for name, profile in PROFILES.items())
ProfileOption = Annotated[str, typer.Option("--profile", help=f"Sweep to run: {_PROFILE_LINES}.")]
StudyOption = Annotated[
    str | None, typer.Option("--study", help="Name of the study, and of its folder. [default: the profile's]")
]
TableOption = Annotated[
    Path | None, typer.Option("--table", help="Your own table (CSV or Parquet), with --target.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", envvar="CAUSALMIX_DATA", help="Folder with local copies of the benchmark's tables."
    ),
]
ResultsOption = Annotated[Path, typer.Option("--results", help="Folder of the studies.")]
CacheOption = Annotated[Path, typer.Option("--cache", help="Folder of the synthetic rows.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", help="Processes at once. [default: one per core]")
]
ShardOption = Annotated[
    str | None, typer.Option("--shard", help="Only the i-th of n parts: i/n, i from 0 (for job arrays).")
]
EngineOption = Annotated[
    str, typer.Option("--engine", help="local: processes on this machine; here: this very process.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu or cuda.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]

_profile_options = dataclass_options(Profile, "changes", "The sweep", skip=("protocol", "description"))
_protocol_options = dataclass_options(Protocol, "protocol", "The protocol", skip=("version",))


def _clear_errors(command: Callable) -> Callable:
    """Print an expected error as one message and exit with 2; stop quietly at Ctrl-C."""

    @functools.wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (DataError, SpecError, StoreError) as error:
            _fail(error)
        except KeyboardInterrupt:
            Console(stderr=True).print(
                "\nStopped. What is finished is kept: the same command goes on from here."
            )
            raise typer.Exit(130) from None
        except RuntimeError as error:
            from causalmix.models.base import ModelError
            from causalmix.pool import PoolError

            if not isinstance(error, ModelError | PoolError):
                raise
            _fail(error)

    return wrapper


def _fail(error: Exception) -> None:
    Console(stderr=True).print(
        f"Error: {error}", style="bold red", markup=False, highlight=False, soft_wrap=True
    )
    raise typer.Exit(2) from error


@app.command()
@_clear_errors
@_protocol_options
@_profile_options
def run(
    *,
    profile: ProfileOption = "quick",
    study: StudyOption = None,
    table: TableOption = None,
    data: DataOption = None,
    results: ResultsOption = RESULTS,
    cache: CacheOption = CACHE,
    workers: WorkersOption = None,
    shard: ShardOption = None,
    engine: EngineOption = "local",
    device: DeviceOption = "cpu",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Make failed runs again.")] = False,
    quiet: QuietOption = False,
    changes: dict,
    protocol: dict,
) -> None:
    """Run a study: what is missing is made, what is there is kept. Stop it and start it again as you like.

    Examples: causalmix run --profile smoke; causalmix run --profile first-look --data FOLDER;
    causalmix run --table mine.csv --target y
    """
    from causalmix.engine import run_all

    name, specs, folder = plan_study(profile, study, table, data, changes, protocol)
    store = ResultStore(results / name)
    if table is not None:
        refuse_changed_table(store, table, specs[0])
    store.plan(specs)
    summary = run_all(
        leave_out_absent(specs, folder),
        store,
        engine=engine,
        workers=workers,
        shard=parse_shard(shard),
        data_dir=folder,
        cache_dir=_make_cache(cache),
        device=device,
        retry_failed=retry_failed,
        progress=not quiet,
    )
    store.consolidate()
    typer.echo(f"{store.root}: {summary}")
    _print_status(store)


@app.command()
@_clear_errors
@_protocol_options
@_profile_options
def generate(
    *,
    profile: ProfileOption = "quick",
    study: StudyOption = None,
    table: TableOption = None,
    data: DataOption = None,
    cache: CacheOption = CACHE,
    workers: WorkersOption = None,
    shard: ShardOption = None,
    engine: EngineOption = "local",
    quiet: QuietOption = False,
    changes: dict,
    protocol: dict,
) -> None:
    """Make the synthetic rows of a study beforehand, on CPUs: `run` then takes them from the cache."""
    from causalmix.engine import generate_all

    _, specs, folder = plan_study(profile, study, table, data, changes, protocol)
    summary = generate_all(
        leave_out_absent(specs, folder),
        _make_cache(cache),
        engine=engine,
        workers=workers,
        shard=parse_shard(shard),
        data_dir=folder,
        progress=not quiet,
    )
    typer.echo(f"{cache}: {summary}")


@app.command()
@_clear_errors
def status(
    study: Annotated[str | None, typer.Argument(help="Name of a study; all of them when left out.")] = None,
    results: ResultsOption = RESULTS,
) -> None:
    """Show per arm how many runs are done, have failed, or are missing; name corrupt records."""
    found = sorted(path.name for path in results.glob("*") if path.is_dir())
    if study is not None and study not in found:
        raise StoreError(f"{results} has no study {study!r}; there: {', '.join(found) or 'none'}.")
    if not found:
        typer.echo(f"{results} holds no study yet: `causalmix run --profile quick` makes one.")
    for name in [study] if study else found:
        _print_status(ResultStore(results / name))


@app.command()
@_clear_errors
def verdicts(
    file: Annotated[
        Path | None, typer.Option("--file", help="verdicts.json. [default: that of the book built here]")
    ] = None,
) -> None:
    """Print what was found about each claim."""
    import json

    from causalmix.locations import find_root
    from causalmix.tables import verdict_table

    try:
        path = file or find_root() / "_build" / "stage" / "downloads" / "verdicts.json"
        found = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise StoreError(f"no verdicts here ({error}): `make book` decides the claims.") from error
    except ValueError as error:
        raise StoreError(f"{path} is no list of verdicts ({error}): `make book` writes it again.") from error
    Console(width=_width()).print(verdict_table(found))


@app.command()
@_clear_errors
def pretrain(
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the weights; a checkpoint there is continued.")
    ],
    minutes: Annotated[float, typer.Option("--minutes", help="About how long to train.", min=0.01)] = 10.0,
    device: DeviceOption = "cpu",
    quiet: QuietOption = False,
) -> None:
    """Pre-train a small foundation model on synthetic tasks. Stop it and start it again as you like."""
    from causalmix.models import pretrain as training

    config = training.PretrainConfig()
    known = out / "n_steps.txt"
    if known.exists():
        config = dataclasses.replace(config, n_steps=int(known.read_text()))
    else:
        config = training.steps_for_minutes(minutes, config, device)
        out.mkdir(parents=True, exist_ok=True)
        known.write_text(f"{config.n_steps}\n")
    training.Pretrainer(config, out, device).run(progress=not quiet)
    typer.echo(f"The weights are in {out}: use them with --model {out}")


@data_app.command("list")
@_clear_errors
def data_list(data: DataOption = None) -> None:
    """Show every table of every suite, and where it would be read from."""
    from causalmix.data import list_datasets
    from causalmix.tables import frame_table

    Console(width=_width()).print(frame_table(list_datasets(data), "tables"))


@data_app.command("check")
@_clear_errors
def data_check(
    names: Annotated[str | None, typer.Option("--datasets", help="Tables, separated by commas.")] = None,
    data: DataOption = None,
) -> None:
    """Load the tables that are here and compare them with what they should be; nothing is fetched."""
    from causalmix.data import check_datasets
    from causalmix.tables import frame_table

    checked = check_datasets(data, parse_names(names) if names else None)
    Console(width=_width()).print(frame_table(checked, "checked tables"))
    if checked["verdict"].str.startswith("bad").any():
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"causalmix {__version__}")
        raise typer.Exit


def _make_cache(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _print_status(store: ResultStore) -> None:
    from causalmix.tables import frame_table

    counts = store.counts()
    counts.loc["all arms"] = counts.sum()
    Console(width=_width()).print(frame_table(counts.reset_index(), store.root.name))
    for path in store.corrupt():
        Console(stderr=True).print(
            f"corrupt: {path}: delete it and run again", style="red", markup=False, soft_wrap=True
        )


def _width() -> int | None:
    """Full width when the output is piped, so that nothing is cut."""
    return None if sys.stdout.isatty() else 160


if __name__ == "__main__":
    app()
