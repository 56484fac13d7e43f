"""CTGAN: a conditional generative adversarial network for tables, from the package ``ctgan``.

The package is licensed under BUSL-1.1, therefore an optional extra. Its defaults are made for many rows: with
a batch of 500, a table of at most 500 rows gets one gradient step an epoch. Here the batch is small and the
number of gradient steps is what is set; how many were taken is recorded in the metadata.

References
----------
Xu et al. (2019), *Modeling Tabular data using Conditional GAN*, NeurIPS.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from causalmix.causal.redundancy import find_redundant_columns
from causalmix.generators.base import GeneratorError
from causalmix.generators.table import CodedTable, TableGenerator
from causalmix.seeding import derive_seed

PAC = 10
"""Rows that the discriminator judges together; the package's default. Divides the batch size."""


class CTGANGenerator(TableGenerator):
    """Draw rows from a CTGAN trained on the table.

    All columns but numbers are discrete, a missing level being a level; numbers are imputed with the median
    for training and hidden again as in a real row of the same class. Constant columns and repeats of others
    stay outside the network and are restored.

    Parameters
    ----------
    n_steps : int
        Least number of gradient steps of the generator; whole epochs are trained.
    batch_size : int
        Rows a step, drawn with replacement; a multiple of `PAC` and even.
    width : int
        Units of each of the two hidden layers of generator and discriminator (the package: 256).
    learning_rate : float
        Of both networks (the package: 2e-4).

    Notes
    -----
    The numbers are ours, sized for tables of a few hundred rows. Others are compared with them in
    ``results/generators/settings.csv``, which ``benchmarks/generator_settings.py`` writes.
    """

    def __init__(
        self, n_steps: int = 450, batch_size: int = 60, width: int = 128, learning_rate: float = 1e-3
    ) -> None:
        super().__init__()
        if batch_size < 1 or batch_size % PAC or batch_size % 2:
            raise ValueError(f"batch_size must be an even multiple of {PAC}, got {batch_size}")
        if n_steps < 1:
            raise ValueError(f"n_steps must be at least 1, got {n_steps}")
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.width = width
        self.learning_rate = learning_rate

    def _learn(self) -> None:
        network = _import_ctgan()
        from causalmix.generators.confinement import confined

        target = str(self._train.columns[self._table.target])
        self._redundancy = find_redundant_columns(self._train, keep=target)
        self._distinct = CodedTable.of(self._redundancy.reduce(self._train), target)
        rows, discrete = _plain_rows(self._distinct)
        steps_per_epoch = max(len(rows) // self.batch_size, 1)
        n_epochs = -(-self.n_steps // steps_per_epoch)
        self._network = network(
            batch_size=self.batch_size,
            epochs=n_epochs,
            generator_dim=(self.width, self.width),
            discriminator_dim=(self.width, self.width),
            generator_lr=self.learning_rate,
            discriminator_lr=self.learning_rate,
            pac=PAC,
            enable_gpu=False,
        )
        try:
            with confined(derive_seed(self._seed, "ctgan")):
                self._network.fit(rows, discrete)
        except (ValueError, RuntimeError) as error:
            raise GeneratorError(f"CTGAN could not be trained: {error}") from error
        self.metadata = {
            "n_gradient_steps": n_epochs * steps_per_epoch,
            "n_epochs": n_epochs,
            "batch_size": self.batch_size,
        }

    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        from causalmix.generators.confinement import confined

        with confined(int(rng.integers(2**32))):
            drawn = self._network.sample(n)
        values = drawn.to_numpy(dtype=np.float64) * self._distinct.units()
        rows = self._distinct.schema.mask(self._distinct.decode(values), rng)
        return self._redundancy.restore(rows, like=self._train)


def _import_ctgan() -> Any:
    """The class of the package, or an error that names the cure."""
    try:
        from ctgan import CTGAN
    except ImportError as error:
        raise GeneratorError(
            "generator 'ctgan' needs the package ctgan (licence BUSL-1.1): pip install 'causalmix[baselines]'"
        ) from error
    return CTGAN


def _plain_rows(table: CodedTable) -> tuple[pd.DataFrame, list[str]]:
    """The coded table in its units under plain names, discrete columns as integers; the latter's names."""
    names = [f"c{j}" for j in range(table.values.shape[1])]
    discrete = [name for name, levels in zip(names, table.levels, strict=True) if levels is not None]
    rows = pd.DataFrame(table.values / table.units(), columns=names)
    return rows.astype(dict.fromkeys(discrete, int)), discrete
