"""TableAugment: perturbed real rows.

The paper names a baseline *TableAugment* without defining it in what we could read. This one is **ours**: the
usual label-preserving augmentations of tables, all within one class: mixup of two rows, swaps of single
cells, noise on numbers.

References
----------
Zhang et al. (2018), *mixup: Beyond Empirical Risk Minimization*, ICLR.
Bahri et al. (2022), *SCARF: Self-Supervised Contrastive Learning using Random Feature Corruption*, ICLR
(swapped cells).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalmix.generators.table import TableGenerator, draw_members, draw_partners


class TableAugmentGenerator(TableGenerator):
    """Draw rows by perturbing real rows within their class.

    Parameters
    ----------
    noise : float
        Standard deviation of the noise on numbers, in standard deviations of the column within the class.
    swap : float
        Share of cells that are replaced by the cell of a random row of the class.
    mixup : float
        Parameter of the symmetric beta distribution of the mixing weight; 0 mixes nothing. The heavier part
        is the base row's: it gives its missing values, and its level with that probability.

    Examples
    --------
    >>> train = pd.DataFrame({"a": [1.0, 2.0, 8.0, 9.0], "y": pd.Categorical(["no", "no", "yes", "yes"])})
    >>> rows = TableAugmentGenerator().fit(train, "y", seed=0).sample(4)
    >>> rows["y"].tolist()
    ['no', 'no', 'yes', 'yes']
    """

    def __init__(self, noise: float = 0.1, swap: float = 0.1, mixup: float = 0.4) -> None:
        super().__init__()
        if noise < 0 or not 0 <= swap <= 1 or mixup < 0:
            raise ValueError(
                f"noise and mixup must be at least 0 and swap a share, got {noise=}, {swap=}, {mixup=}"
            )
        self.noise, self.swap, self.mixup = noise, swap, mixup

    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        table = self._table
        values, missing, classes = table.values, table.schema.masks, table.classes
        base = draw_members(classes, n, rng)
        mixed = self._mix(base, rng) + self._noise(classes[base], rng)
        swapped = rng.random(mixed.shape) < self.swap  # (n, d)
        donors = draw_partners(classes, np.repeat(base[:, None], mixed.shape[1], axis=1), rng)  # (n, d)
        columns = np.arange(mixed.shape[1])
        rows = table.decode(np.where(swapped, values[donors, columns], mixed))
        return rows.mask(np.where(swapped, missing[donors, columns], missing[base]))

    def _mix(self, base: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n, d) values of the base rows, mixed with a partner's."""
        table = self._table
        values = table.values
        partner = draw_partners(table.classes, base, rng)
        share = (len(base), 1)
        weight = rng.beta(self.mixup, self.mixup, size=share) if self.mixup else np.ones(share)
        weight = np.maximum(weight, 1 - weight)  # of the base row
        between = weight * values[base] + (1 - weight) * values[partner]
        between = np.where(table.schema.masks[partner], values[base], between)
        chosen = np.where(rng.random(between.shape) < weight, values[base], values[partner])
        return np.where(table.is_categorical, chosen, between)

    def _noise(self, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n, d) noise; 0 in categorical columns."""
        table = self._table
        unit, observed = table.units(), np.where(table.schema.masks, 0.0, 1.0)
        spread = np.zeros((table.classes.max() + 1, table.values.shape[1]))
        for level in np.unique(classes):
            values, weights = table.values[table.classes == level] / unit, observed[table.classes == level]
            total = np.maximum(weights.sum(axis=0), 1.0)
            mean = (weights * values).sum(axis=0) / total
            spread[level] = np.sqrt((weights * (values - mean) ** 2).sum(axis=0) / total)
        scale = np.where(table.is_categorical, 0.0, self.noise * spread[classes]) * unit
        return scale * rng.standard_normal(scale.shape)
