"""Options of several commands: how the work is done, and those made from the fields of a dataclass."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Optional, get_type_hints

import typer

from causalmix.data import SUITES, Protocol
from causalmix.presets import PRESETS
from causalmix.profiles import PROFILES, Profile
from causalmix.specs import ARMS, SpecError

RESULTS = Path("results")
CACHE = Path(".causalmix") / "synthetic"
_PROFILE_LINES = "; ".join(f"{name} ({profile.description})" for name, profile in PROFILES.items())

ProfileOption = Annotated[str, typer.Option("--profile", help=f"Sweep to run: {_PROFILE_LINES}.")]
StudyOption = Annotated[
    str | None, typer.Option("--study", help="Name of the study and of its folder; else the profile's.")
]
TableOption = Annotated[
    Path | None, typer.Option("--table", help="Your own table (CSV or Parquet), with --target.")
]
ResultsOption = Annotated[Path, typer.Option("--results", help="Folder of the studies.")]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", envvar="CAUSALMIX_DATA", help="Folder with local copies of the benchmark's tables."
    ),
]
CacheOption = Annotated[Path, typer.Option("--cache", help="Folder of the synthetic rows.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress bar.")]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="Processes at once, each with one thread; else one per core, or one with --device cuda (of Ray, "
        "one per GPU).",
    ),
]
RecipeOption = Annotated[
    str,
    typer.Option(
        "--recipe",
        help="embedded-mini, embedded-mini-2, embedded-mini-3 or embedded-small.",
    ),
]
ShardOption = Annotated[
    str | None, typer.Option("--shard", help="Only the i-th of n parts: i/n, i from 0 (for job arrays).")
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", help="local: processes on this machine; here: this very process; ray: a Ray cluster."
    ),
]
AddressOption = Annotated[
    str,
    typer.Option(
        "--address", help="Of the Ray cluster's head, host:port; auto: the cluster on this machine."
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu or cuda.")]


_IGNORED = {"here": ("--workers", "--address"), "local": ("--address",)}


def name_ignored(engine: str, workers: int | None, address: str) -> list[str]:
    """Return a note on the options that were given but mean nothing to the engine, or none.

    Examples
    --------
    >>> name_ignored("here", 99, "auto")
    ['--engine here ignores --workers']
    """
    given = {"--workers": workers is not None, "--address": address != "auto"}
    ignored = [option for option in _IGNORED.get(engine, ()) if given[option]]
    return [f"--engine {engine} ignores {', '.join(ignored)}"] if ignored else []


def parse_names(text: str) -> tuple[str, ...]:
    """Split names at commas; a repeated name counts once.

    Examples
    --------
    >>> parse_names("iris, wine,iris")
    ('iris', 'wine')
    """
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def parse_numbers(text: str) -> tuple[int, ...]:
    """Read numbers and ranges.

    Raises
    ------
    SpecError
        When something else stands there, or a range runs backwards.

    Examples
    --------
    >>> parse_numbers("0,3-5")
    (0, 3, 4, 5)
    """
    numbers: list[int] = []
    for part in parse_names(text):
        first, _, last = part.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()) or part.endswith("-"):
            raise SpecError(f"{part!r} is not a number or a range: write, for example, 0,3 or 0-9")
        if last and int(last) < int(first):
            raise SpecError(f"the range {part!r} runs backwards: write {last}-{first}")
        numbers.extend(range(int(first), int(last or first) + 1))
    return tuple(dict.fromkeys(numbers))


def parse_ratios(text: str) -> tuple[float, ...]:
    """Read decimal numbers.

    Raises
    ------
    SpecError
        When something else stands there.

    Examples
    --------
    >>> parse_ratios("0.25, 1,4")
    (0.25, 1.0, 4.0)
    """
    try:
        return tuple(dict.fromkeys(float(part) for part in parse_names(text)))
    except ValueError:
        raise SpecError(f"{text!r} is not a list of ratios: write, for example, 1 or 0.25,1,4") from None


def parse_shard(text: str | None) -> tuple[int, int] | None:
    """Read ``i/n``.

    Raises
    ------
    SpecError
        When it is not two numbers with a slash between.

    Examples
    --------
    >>> parse_shard("0/4")
    (0, 4)
    """
    if text is None:
        return None
    part, slash, n_parts = text.partition("/")
    if not (slash and part.strip().isdecimal() and n_parts.strip().isdecimal()):
        raise SpecError(f"shard {text!r} is not of the form i/n: write 0/4 for the first of four parts")
    return int(part), int(n_parts)


_PARSERS: dict[Any, Callable[[str], Any]] = {
    tuple[str, ...]: parse_names,
    tuple[int, ...]: parse_numbers,
    tuple[float, ...]: parse_ratios,
}


def field_texts(cls: type) -> dict[str, str]:
    """Return what the numpydoc section "Attributes" of a class says of each of its fields.

    Examples
    --------
    >>> from causalmix.data.splits import Protocol
    >>> field_texts(Protocol)["max_test_rows"]
    'Cap on the test part.'
    """
    section = inspect.cleandoc(cls.__doc__ or "").partition("Attributes\n----------\n")[2]
    texts: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if line.startswith("---"):  # the next section; its title was taken for a field
            texts.pop(name, None)
            break
        if line and not line.startswith(" "):
            name = line.partition(":")[0].strip()
            texts[name] = ""
        elif line:
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return {item.name: texts[item.name] for item in dataclasses.fields(cls) if item.name in texts}


def dataclass_options(
    cls: type,
    into: str,
    panel: str,
    skip: tuple[str, ...] = (),
    choices: Mapping[str, Iterable[str]] | None = None,
    show_defaults: bool = False,
) -> Callable:
    """Return a decorator that gives a command one option per documented field of ``cls``.

    Parameters
    ----------
    cls : type
        A dataclass. The option of its field ``max_rows`` is ``--max-rows``; tuples are written with commas.
    into : str
        Parameter of the command that receives the options that were given, as a dict.
    panel : str
        Heading of these options in the help.
    skip : tuple of str
        Fields that are no options.
    choices : mapping, optional
        Field to the names that its help lists.
    show_defaults : bool
        Whether the help shows the defaults of the dataclass.
    """
    hints = get_type_hints(cls)
    texts = {name: text for name, text in field_texts(cls).items() if name not in skip}
    for name, names in (choices or {}).items():
        texts[name] = f"{texts[name]} Choices: {', '.join(names)}."
    if show_defaults:
        defaults = {item.name: item.default for item in dataclasses.fields(cls)}
        texts = {name: f"{text} Default: {defaults[name]}." for name, text in texts.items()}

    def decorate(command: Callable) -> Callable:
        """Give ``command`` the options."""

        @functools.wraps(command)
        def wrapper(**given: Any) -> Any:
            values = {name: given.pop(name) for name in texts}
            parsed = {
                name: _parse_list(name, value, hints[name]) if hints[name] in _PARSERS else value
                for name, value in values.items()
                if value is not None
            }
            return command(**given, **{into: parsed})

        options = [_parameter(name, hints[name], text, panel) for name, text in texts.items()]
        resolved = get_type_hints(command, include_extras=True)  # typer takes this signature as it is
        own = [
            parameter.replace(annotation=resolved[parameter.name])
            for parameter in inspect.signature(command).parameters.values()
            if parameter.name != into
        ]
        wrapper.__signature__ = inspect.Signature(own + options)  # type: ignore[attr-defined]
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in own + options}
        return wrapper

    return decorate


def _parse_list(name: str, text: str, kind: Any) -> tuple:
    """Read a list; refuse an empty one, which an unset variable of the shell gives, as nobody means it."""
    values = _PARSERS[kind](text)
    if not values:
        raise SpecError(f"--{name.replace('_', '-')} is given but empty: name at least one, or leave it out")
    return values


def _parameter(name: str, kind: Any, text: str, panel: str) -> inspect.Parameter:
    written_as = str if kind in _PARSERS else kind
    option = typer.Option(help=text, rich_help_panel=panel, show_default=False)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[Optional[written_as], option],  # noqa: UP045 (made at run time)
    )


sweep_options = dataclass_options(
    Profile,
    "changes",
    "The sweep",
    skip=("protocol", "description"),
    choices={"suite": SUITES, "arms": ARMS, "presets": PRESETS},
)
protocol_options = dataclass_options(
    Protocol, "protocol", "The protocol", skip=("version",), show_defaults=True
)
