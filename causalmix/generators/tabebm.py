"""TabEBM: class-wise energies out of a tabular foundation model, sampled by Langevin dynamics.

Per class, the model is shown the class's rows against a few far-away "negatives" as a two-class task; the
energy of a row is ``E(x) = -logsumexp(logits(x))``, and rows are drawn by Langevin steps that start at real
rows. The original reads the logits of TabPFN; this one reads those of our own model. The published package
is not used.

References
----------
Margeloiu et al. (2024), *TabEBM: A Tabular Data Augmentation Method with Distinct Class-Specific Energy-Based
Models*, NeurIPS.
Grathwohl et al. (2020), *Your classifier is secretly an energy based model and you should treat it like
one*, ICLR (the energy).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalmix.generators.base import GeneratorError
from causalmix.generators.table import TableGenerator, draw_members

if TYPE_CHECKING:
    import torch

N_CORNERS = 4
"""Negatives of each class's task, as in the original."""

BANDWIDTH = 0.5
"""Width of the smooth ranks, in standard deviations of the column."""

LEAST_SPREAD = 12**-0.5
"""Ranks are divided by their standard deviation over the context, but by no less than that of uniform ranks:
else a column with one dominant level makes the energy too steep for any step."""


class TabEBMGenerator(TableGenerator):
    """Draw rows of each class by Langevin dynamics in the energy of a foundation model.

    The rows are standardised codes: numbers as they are (median where missing), levels as ordinal codes that
    are rounded to valid ones afterwards. Numbers are hidden again as in a real row of the same class.

    Parameters
    ----------
    model : str
        Name of a model, or folder of a checkpoint (`causalmix.models.load_model`). Loaded afresh for every
        table, so no call can see another's.
    n_steps : int
        Langevin steps. The original takes 200 of size 0.1 with noise 0.01; ours are fewer, with the same
        diffusion (``n_steps * noise ** 2``) at a thirteenth of the cost.
    step_size, noise : float
        Factor of the gradient and standard deviation of the noise of a step. Our model's gradients are not
        TabPFN's, so the distance ``n_steps * step_size`` is ours, a quarter of the original's 20; compared
        with others in ``results/generators/settings.csv`` (``benchmarks/generator_settings.py``).
    start_noise : float
        Standard deviation of the noise on the real rows that the chains start from.
    corner : float
        Distance of the negatives from the mean along every column, in standard deviations.
    context_rows : int
        Most rows of a class that the model sees. Ours, for the cost.
    """

    def __init__(
        self,
        model: str = "embedded-mini",
        n_steps: int = 15,
        step_size: float = 0.33,
        noise: float = 0.0365,
        start_noise: float = 0.01,
        corner: float = 5.0,
        context_rows: int = 96,
    ) -> None:
        super().__init__()
        if n_steps < 1 or context_rows < 1:
            raise ValueError(f"n_steps and context_rows must be at least 1, got {n_steps} and {context_rows}")
        self.model = model
        self.n_steps = n_steps
        self.step_size = step_size
        self.noise = noise
        self.start_noise = start_noise
        self.corner = corner
        self.context_rows = context_rows

    def _learn(self) -> None:
        if self._train.shape[1] < 2:
            raise GeneratorError("TabEBM needs a feature beside the target; add a column")
        self.metadata = {"model": self.model, "n_langevin_steps": self.n_steps}

    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        from causalmix.generators.confinement import confined

        with confined(0):  # a model that is made draws weights, though they are overwritten
            return self._draw_all(n, rng)

    def _draw_all(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        table = self._table
        scaled, mean, scale = table.standardise()
        features = np.delete(scaled, table.target, axis=1)
        starts = draw_members(table.classes, n, rng)
        drawn = np.empty((n, features.shape[1]))
        for level in np.unique(table.classes[starts]):
            chains = table.classes[starts] == level
            energy = self._energy_of(features[table.classes == level], rng)
            drawn[chains] = self._descend(energy, features[starts[chains]], rng)
        full = np.insert(drawn, table.target, scaled[starts, table.target], axis=1)
        return self._hide(table.decode(full * scale + mean), rng)

    def _energy_of(self, members: np.ndarray, rng: np.random.Generator) -> ClassEnergy:
        """The energy of one class: its rows (or `context_rows` of them) against random corners."""
        from causalmix.models import load_model

        kept = members[rng.permutation(len(members))[: self.context_rows]]
        corners = self.corner * rng.choice([-1.0, 1.0], size=(N_CORNERS, members.shape[1]))
        return ClassEnergy(load_model(self.model), kept, corners)

    def _descend(self, energy: ClassEnergy, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(m, d) rows after `n_steps` Langevin steps."""
        rows = rows + self.start_noise * rng.standard_normal(rows.shape)
        for _ in range(self.n_steps):
            _, gradient = energy.with_gradient(rows)
            rows = rows - self.step_size * gradient + self.noise * rng.standard_normal(rows.shape)
        return rows


class ClassEnergy:
    """Energy of standardised rows under a foundation model that tells one class from corners.

    Tab2D sees a value as its rank among the context's values: a staircase, whose gradient is zero. Here it
    sees a smooth rank, of context and query alike: the distribution function of the context's values,
    convolved with a normal one of standard deviation `BANDWIDTH` and standardised over the
    context. So the gradient is that of the energy. Ours.

    Parameters
    ----------
    model : torch.nn.Module
        A `TabularFoundationModel`; it is altered, so give a fresh one.
    members : (m, d) array
        Standardised rows of the class.
    corners : (k, d) array
        The negatives.
    """

    def __init__(self, model: Any, members: np.ndarray, corners: np.ndarray) -> None:
        import torch

        self._model = model.requires_grad_(False)
        context = torch.as_tensor(np.concatenate([members, corners]), dtype=torch.float32)
        self._context = context[None]  # (1, m + k, d)
        self._labels = torch.tensor([[0] * len(members) + [1] * len(corners)])
        self._context_ranks = self._rank(self._context)
        if hasattr(model, "x_embedding"):
            model.x_embedding.register_forward_pre_hook(self._see_smooth_ranks)

    def with_gradient(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energy of each of the rows, and its gradient.

        Parameters
        ----------
        rows : (q, d) array

        Returns
        -------
        (q,) and (q, d) float arrays
        """
        import torch

        with torch.enable_grad():
            self._query = torch.as_tensor(rows, dtype=torch.float32)[None].requires_grad_(True)
            logits = self._model.forward(self._context, self._labels, self._query)[0, :, :2]
            energy = -torch.logsumexp(logits, dim=1)
            (gradient,) = torch.autograd.grad(energy.sum(), self._query)
        return energy.detach().double().numpy(), gradient[0].double().numpy()

    def _see_smooth_ranks(self, _module: Any, _inputs: tuple) -> tuple:
        """What the model's embedding gets instead of ranks, (1, m + k + q, d)."""
        import torch

        mean = self._context_ranks.mean(dim=1, keepdim=True)
        scale = self._context_ranks.std(dim=1, keepdim=True, correction=0).clamp_min(LEAST_SPREAD)
        ranks = torch.cat((self._context_ranks, self._rank(self._query)), dim=1)
        return ((ranks - mean) / scale,)

    def _rank(self, rows: torch.Tensor) -> torch.Tensor:
        """(1, q, d) smooth ranks in [0, 1] of rows among the context."""
        import torch

        place = (rows.unsqueeze(2) - self._context.unsqueeze(1)) / BANDWIDTH  # (1, q, m + k, d)
        return torch.special.ndtr(place).mean(dim=2)
