"""MixedModel: equal shares of all purely synthetic generators.

The paper names a baseline *MixedModel* without defining it in what we could read. This one is **ours**.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from causalmix.causal.dags import GraphStatistics
from causalmix.generators.base import Generator, GeneratorError, check_can_draw
from causalmix.generators.causal import CausalGenerator
from causalmix.generators.ctgan import CTGANGenerator
from causalmix.generators.tabebm import TabEBMGenerator
from causalmix.generators.table_augment import TableAugmentGenerator
from causalmix.seeding import derive_seed

MEMBERS: dict[str, Callable[..., Generator]] = {
    "causal": CausalGenerator,
    "ctgan": CTGANGenerator,
    "tabebm": TabEBMGenerator,
    "table_augment": TableAugmentGenerator,
}
"""The paper's purely synthetic generators."""


class MixedModelGenerator:
    """Draw an equal share of the rows from each of several generators, shuffled.

    A member that cannot serve the table fails the whole: other shares would be another arm.

    Parameters
    ----------
    members : sequence of str
        Keys of `MEMBERS`.
    params : mapping of str to dict, optional
        Keyword arguments per member.

    Attributes
    ----------
    graphs : tuple of GraphStatistics
        Those of the causal member.
    metadata : dict
        The metadata of each member.
    """

    def __init__(
        self, members: Sequence[str] = tuple(MEMBERS), params: Mapping[str, dict[str, Any]] | None = None
    ) -> None:
        unknown = [name for name in members if name not in MEMBERS]
        if unknown or not members:
            raise ValueError(f"members must be some of {', '.join(MEMBERS)}, got {list(members)}")
        self.members = tuple(members)
        self.params = dict(params or {})
        self.graphs: tuple[GraphStatistics, ...] = ()
        self.metadata: dict[str, Any] = {}

    def fit(self, train: pd.DataFrame, target: str, seed: int) -> MixedModelGenerator:
        """Fit every member to the canonical frame, each from a seed of its own.

        Raises
        ------
        GeneratorError
            If a member cannot serve the table; the message names it.
        """
        fitted: list[Generator] = []
        for name in self.members:
            member = MEMBERS[name](**self.params.get(name, {}))
            try:
                fitted.append(member.fit(train, target, derive_seed(seed, "member", name)))
            except GeneratorError as error:
                raise GeneratorError(f"member {name!r} of the mixed model: {error}") from error
        self._seed, self._fitted = seed, fitted
        self.graphs = tuple(graph for member in fitted for graph in member.graphs)
        self.metadata = {name: member.metadata for name, member in zip(self.members, fitted, strict=True)}
        return self

    def sample(self, n: int) -> pd.DataFrame:
        """Draw n rows, the first members giving one more where n does not divide evenly.

        Returns
        -------
        DataFrame, shape (n, d)
            The same n gives the same rows.
        """
        check_can_draw(self, n, is_fitted=hasattr(self, "_fitted"))
        shares = [len(part) for part in np.array_split(np.arange(n), len(self._fitted))]
        drawn = [member.sample(share) for member, share in zip(self._fitted, shares, strict=True) if share]
        if not drawn:
            return self._fitted[0].sample(0)
        rows = pd.concat(drawn, ignore_index=True)
        order = np.random.default_rng(derive_seed(self._seed, "order")).permutation(n)
        return rows.iloc[order].reset_index(drop=True)
