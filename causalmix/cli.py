"""The command line: thin commands over the library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from causalmix import __version__
from causalmix.atomic import check_writable, write_atomically
from causalmix.data import check_datasets, list_datasets
from causalmix.devices import check_device
from causalmix.locations import find_root
from causalmix.options import (
    CACHE,
    RESULTS,
    AddressOption,
    CacheOption,
    DataOption,
    DeviceOption,
    EngineOption,
    ProfileOption,
    QuietOption,
    RecipeOption,
    ResultsOption,
    ShardOption,
    StudyOption,
    TableOption,
    WorkersOption,
    name_ignored,
    parse_names,
    parse_shard,
    protocol_options,
    sweep_options,
)
from causalmix.planning import (
    Plan,
    choose_runs,
    list_studies,
    note_own_table,
    plan_study,
    refuse_other_runs,
    study_folder,
)
from causalmix.specs import RunSpec
from causalmix.store import ResultStore
from causalmix.tables import read_verdicts, verdict_table
from causalmix.terminal import (
    EXIT_FOUND_BAD,
    clear_errors,
    conclude,
    print_every_status,
    print_status,
    print_table,
    say,
    say_corrupt,
)

app = typer.Typer(
    help="Causal data augmentation for fine-tuning tabular foundation models: run the studies, look at them, "
    "try them on your own table.",
    epilog="Start with: causalmix run --profile smoke",
    no_args_is_help=True,
    add_completion=False,
)
data_app = typer.Typer(help="Which tables are here, and whether they are sound.", no_args_is_help=True)
app.add_typer(data_app, name="data")


@app.command()
@clear_errors
@sweep_options
@protocol_options
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
    address: AddressOption = "auto",
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
    from causalmix.engine import check_request, run_all

    check_device(device, engine)
    plan, part = plan_study(profile, study, table, data, changes, protocol), parse_shard(shard)
    store = ResultStore(results / plan.study)
    refuse_other_runs(store, plan)
    specs = _to_be_made(plan, part, engine, workers, address)
    check_request(specs, engine)
    store.plan(plan.specs)
    say_corrupt(store)
    for note in note_own_table(plan):
        say(f"{table}: {note}")
    summary = run_all(
        specs,
        store,
        engine=engine,
        address=address,
        workers=workers,
        data_dir=plan.data_dir,
        cache_dir=cache,
        device=device,
        retry_failed=retry_failed,
        progress=not quiet,
    )
    store.consolidate()
    print_status(store)
    conclude(summary, store.root, quiet)


@app.command()
@clear_errors
@sweep_options
@protocol_options
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
    address: AddressOption = "auto",
    quiet: QuietOption = False,
    changes: dict,
    protocol: dict,
) -> None:
    """Make the synthetic rows of a study beforehand, on CPUs: `run` then takes them from the cache."""
    from causalmix.engine import generate_all

    plan = plan_study(profile, study, table, data, changes, protocol)
    summary = generate_all(
        _to_be_made(plan, parse_shard(shard), engine, workers, address),
        cache,
        engine=engine,
        address=address,
        workers=workers,
        data_dir=plan.data_dir,
        progress=not quiet,
    )
    conclude(summary, cache, quiet)


@app.command()
@clear_errors
def status(
    study: Annotated[str | None, typer.Argument(help="Name of a study; all of them when left out.")] = None,
    results: ResultsOption = RESULTS,
) -> None:
    """Show per arm how many runs are done, have failed, or are missing; name corrupt records."""
    found = list_studies(results)
    if not found:
        typer.echo(f"{results} holds no study yet: `causalmix run --profile quick` makes one.")
    if study:
        print_status(ResultStore(study_folder(study, results)))
    else:
        print_every_status(results / name for name in found)


@app.command()
@clear_errors
def audit(
    study: Annotated[str, typer.Argument(help="Name of a recorded study.")],
    *,
    sample: Annotated[int, typer.Option("--sample", help="How many runs to make again.", min=1)] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the sample.")] = 0,
    data: DataOption = None,
    results: ResultsOption = RESULTS,
    workers: WorkersOption = None,
    device: DeviceOption = "cpu",
    quiet: QuietOption = False,
) -> None:
    """Run a sample of recorded runs again, synthetic rows included, and compare; writes audit.json.

    The exit code is 1 when a run does not come out again within the stated tolerance.
    """
    from causalmix.audit import AUDIT_FILE, run_audit
    from causalmix.engine import count_workers
    from causalmix.tables import audit_table

    check_device(device)
    store = ResultStore(study_folder(study, results))
    audited = run_audit(
        store,
        sample,
        seed=seed,
        workers=count_workers(workers, device),
        data_dir=data,
        device=device,
        progress=not quiet,
    )
    print_table(audit_table(audited))
    n_good = sum(item.is_good for item in audited)
    typer.echo(f"{store.root / AUDIT_FILE}: {n_good} of {len(audited)} runs came out again")
    if n_good < len(audited):
        raise typer.Exit(EXIT_FOUND_BAD)


@app.command()
@clear_errors
def verdicts(
    file: Annotated[
        Path | None, typer.Option("--file", help="verdicts.json; else that of the book built here.")
    ] = None,
) -> None:
    """Print what was found about each claim."""
    path = file or find_root() / "_build" / "stage" / "downloads" / "verdicts.json"
    print_table(verdict_table(read_verdicts(path)))


@app.command()
@clear_errors
def pretrain(
    out: Annotated[Path, typer.Option("--out", help="Folder of the weights; what is begun is continued.")],
    *,
    recipe: RecipeOption = "embedded-mini",
    minutes: Annotated[float | None, typer.Option("--minutes", help="How long, about.", min=0.01)] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="How many steps to train.", min=1)] = None,
    threads: Annotated[int | None, typer.Option("--threads", help="CPU threads.", min=1)] = None,
    device: DeviceOption = "cpu",
    quiet: QuietOption = False,
) -> None:
    """Pre-train a small foundation model on synthetic tasks. Stop it and start it again as you like.

    The length (the recipe's without --minutes or --steps) is fixed by the first call.
    """
    from causalmix.pretraining import train

    check_device(device)
    train(out, recipe, minutes=minutes, steps=steps, threads=threads, device=device, progress=not quiet)
    typer.echo(f"The weights are in {out}: use them with --model {out}")


@data_app.command("list")
@clear_errors
def data_list(data: DataOption = None) -> None:
    """Show every table of every suite, and where it would be read from."""
    print_table(list_datasets(data), "tables")


@data_app.command("check")
@clear_errors
def data_check(
    names: Annotated[str | None, typer.Option("--datasets", help="Tables, separated by commas.")] = None,
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the table to a CSV file.")] = None,
) -> None:
    """Load the tables that are here and compare them with what they should be; nothing is fetched.

    The exit code is 1 when a table is not what it should be.
    """
    if out is not None:
        check_writable(out)
    checked = check_datasets(data, None if names is None else parse_names(names))
    print_table(checked, "checked tables")
    if out is not None:
        write_atomically(out, checked.to_csv(index=False, lineterminator="\n").encode())
    if checked["verdict"].str.startswith("bad").any():
        raise typer.Exit(EXIT_FOUND_BAD)


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(f"causalmix {__version__}")
        raise typer.Exit


def _to_be_made(
    plan: Plan, part: tuple[int, int] | None, engine: str, workers: int | None, address: str
) -> list[RunSpec]:
    """Return the runs whose table can be had; say which cannot. They stay planned and count as missing."""
    here, notes = choose_runs(plan, part)
    for note in (*notes, *name_ignored(engine, workers, address)):
        say(note)
    return here


if __name__ == "__main__":
    app()
