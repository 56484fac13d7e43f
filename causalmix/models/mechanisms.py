"""Mechanisms of the prior: random functions from parents to a child, batched over tasks.

Dimensions: `B` tasks, `R` rows, `P` parents, `C` columns.

References
----------
.. [1] den Breejen et al., *Fine-tuned In-Context Learning Transformers are Excellent Tabular Data
   Classifiers* (2024): trees as labels.
.. [2] Qu et al., *TabICL* (ICML 2025): mixed mechanisms per node of a random graph.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from causalmix.models import columns

ACTIVATIONS: tuple[Callable[[torch.Tensor], torch.Tensor], ...] = (
    torch.tanh,
    torch.relu,
    torch.sin,
    torch.abs,
    torch.square,
    torch.sigmoid,
    lambda x: x,
)


def linear(parents: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """(B, R, P) parents to (B, R): a random linear combination."""
    return (parents @ normal((parents.shape[0], parents.shape[2], 1), rng)).squeeze(2)


def neural(parents: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """(B, R, P) parents to (B, R): one random hidden layer."""
    n_tasks, _, n_parents = parents.shape
    hidden = parents @ normal((n_tasks, n_parents, 8), rng) + normal((n_tasks, 1, 8), rng)
    return (activate(hidden, rng) @ normal((n_tasks, 8, 1), rng)).squeeze(2)


def oblivious_tree(parents: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """(B, R, P) parents to (B, R): one threshold per level, shared by the level's nodes."""
    n_tasks, n_rows, _ = parents.shape
    depth = int(integers((1,), 1, 5, rng))
    leaf = torch.zeros(n_tasks, n_rows, dtype=torch.int64, device=parents.device)
    for _ in range(depth):
        column = columns.take_columns(parents, 1, rng).squeeze(2)
        row = integers((n_tasks, 1), 0, n_rows, rng)
        leaf = 2 * leaf + (column > column.gather(1, row))
    return normal((n_tasks, 2**depth), rng).gather(1, leaf)


def deep_tree(X: torch.Tensor, depth: int, rng: torch.Generator) -> torch.Tensor:
    """(B, R, C) columns to (B, R): a random tree, each node with a column and a threshold of its own."""
    n_tasks, n_rows, n_columns = X.shape
    leaf = torch.zeros(n_tasks, n_rows, dtype=torch.int64, device=X.device)
    for level in range(depth):
        n_nodes = 2**level
        column = integers((n_tasks, n_nodes), 0, n_columns, rng)
        row = integers((n_tasks, n_nodes), 0, n_rows, rng)
        threshold = X.gather(1, row.unsqueeze(2).expand(-1, -1, n_columns)).gather(2, column.unsqueeze(2))
        value = X.gather(2, column.gather(1, leaf).unsqueeze(2)).squeeze(2)
        leaf = 2 * leaf + (value > threshold.squeeze(2).gather(1, leaf))
    return normal((n_tasks, 2**depth), rng).gather(1, leaf)


def product(parents: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """(B, R, P) parents to (B, R): the product of two parents (an interaction) plus a linear part."""
    first, last = parents[:, :, 0], parents[:, :, -1]
    return first * last + 0.5 * linear(parents, rng)


MECHANISMS = (linear, neural, oblivious_tree, oblivious_tree, product)


def activate(x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Apply one random activation per task and column."""
    kind = integers((x.shape[0], 1, x.shape[2]), 0, len(ACTIVATIONS), rng)
    out = torch.zeros_like(x)
    for index, activation in enumerate(ACTIVATIONS):
        out = torch.where(kind == index, activation(x), out)
    return out


def normal(shape: tuple, rng: torch.Generator) -> torch.Tensor:
    """Draw standard normal numbers."""
    return torch.randn(shape, generator=rng, device=rng.device)


def uniform(shape: tuple, rng: torch.Generator) -> torch.Tensor:
    """Draw numbers from [0, 1)."""
    return torch.rand(shape, generator=rng, device=rng.device)


def log_uniform(shape: tuple, low: float, high: float, rng: torch.Generator) -> torch.Tensor:
    """Draw numbers from [low, high) whose logarithms are uniform."""
    return low * (high / low) ** uniform(shape, rng)


def integers(shape: tuple, low: int, high: int, rng: torch.Generator) -> torch.Tensor:
    """Draw integers from [low, high)."""
    return torch.randint(low, high, shape, generator=rng, device=rng.device)
