"""Generators of synthetic rows, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from causalmix.generators.base import Generator, GeneratorError
from causalmix.generators.causal import CausalGenerator
from causalmix.generators.classical import BootstrapGenerator, CopulaGenerator, SmotencGenerator
from causalmix.generators.ctgan import CTGANGenerator
from causalmix.generators.mixed import MixedModelGenerator
from causalmix.generators.tabebm import TabEBMGenerator
from causalmix.generators.table_augment import TableAugmentGenerator

__all__ = ["GENERATORS", "CausalGenerator", "Generator", "GeneratorError", "make_generator"]

GENERATORS: dict[str, Callable[..., Generator]] = {
    "causal": CausalGenerator,
    "ctgan": CTGANGenerator,
    "tabebm": TabEBMGenerator,
    "table_augment": TableAugmentGenerator,
    "mixed_model": MixedModelGenerator,
    "bootstrap": BootstrapGenerator,
    "smotenc": SmotencGenerator,
    "copula": CopulaGenerator,
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
