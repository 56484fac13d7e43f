"""Generators of synthetic rows, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from causalmix.generators.base import Generator, GeneratorError
from causalmix.generators.causal import CausalGenerator

__all__ = ["GENERATORS", "CausalGenerator", "Generator", "GeneratorError", "make_generator"]

GENERATORS: dict[str, Callable[..., Generator]] = {
    "causal": CausalGenerator,
}
"""Generator classes by name; adding one is a file and a line here."""


def make_generator(name: str, **params: Any) -> Generator:
    """Return an unfitted generator.

    Parameters
    ----------
    name : str
        A key of `GENERATORS`.
    **params
        Keyword arguments of the generator.

    Raises
    ------
    ValueError
        For an unknown name or a parameter that the generator does not have.

    Examples
    --------
    >>> make_generator("causal", graph="empty").graph
    'empty'
    """
    if name not in GENERATORS:
        raise ValueError(f"unknown generator {name!r}; known: {', '.join(sorted(GENERATORS))}")
    try:
        return GENERATORS[name](**params)
    except TypeError as error:
        raise ValueError(f"generator {name!r} does not take these parameters: {error}") from error
