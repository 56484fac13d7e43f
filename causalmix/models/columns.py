"""From latent nodes to a table: classes out of scores, and columns as untidy as real ones.

Dimensions: `B` tasks, `R` rows, `C` columns, `S` scores.
"""

from __future__ import annotations

import torch

N_SCORES = 10
"""Latent scores per task: one per class where the class is the largest score."""


def standardise(x: torch.Tensor) -> torch.Tensor:
    """Centre and scale each column of (B, R, C) over its rows, clipped to +-6."""
    centred = x - x.mean(dim=1, keepdim=True)
    return (centred / (centred.std(dim=1, keepdim=True) + 1e-6)).clamp(-6, 6)


def take_columns(x: torch.Tensor, n_columns: int, rng: torch.Generator) -> torch.Tensor:
    """Choose `n_columns` random columns of (B, R, C), another choice for each task."""
    order = torch.rand((x.shape[0], x.shape[2]), generator=rng, device=rng.device).argsort(dim=1)
    index = order[:, :n_columns].unsqueeze(1).expand(-1, x.shape[1], -1)
    return x.gather(2, index)


def classes_from_scores(
    scores: torch.Tensor,
    max_classes: int,
    max_noise: float,
    rng: torch.Generator,
    ordered_share: float = 0.5,
) -> torch.Tensor:
    """Turn latent scores into class codes.

    A share of the tasks cut one noisy score at random quantiles (ordered classes, often imbalanced), the
    others take the largest of several noisy scores. Half of the tasks get two classes, the others
    ``2 + floor((max_classes - 1) u**2)``, u uniform: with ten at most, two thirds of all tasks get two.

    Parameters
    ----------
    scores : (B, R, S) tensor
    max_classes : int
        At most `S`.
    max_noise : float
        Largest ratio of noise SD to score SD; drawn per task, small values as likely as large ones.
    rng : torch.Generator
    ordered_share : float
        Share of the tasks with ordered classes.

    Returns
    -------
    (B, R) int64 tensor
        Codes `0 <= y < max_classes` in random class order.
    """
    n_tasks, n_rows, _ = scores.shape
    device = scores.device
    rand = lambda *shape: torch.rand(shape, generator=rng, device=device)  # noqa: E731
    n_classes = 2 + ((max_classes - 1) * rand(n_tasks).square()).long() * (rand(n_tasks) < 0.5)
    noise = max_noise * rand(n_tasks, 1, 1).square()
    scores = standardise(scores)
    scores = scores + noise * torch.randn(scores.shape, generator=rng, device=device)

    class_index = torch.arange(max_classes, device=device)
    absent = class_index >= n_classes.unsqueeze(1)  # (B, max_classes)
    bias = torch.randn((n_tasks, 1, max_classes), generator=rng, device=device)
    bias = bias.masked_fill(absent.unsqueeze(1), -torch.inf)
    largest = (scores[:, :, :max_classes] + bias).argmax(dim=2)

    evenness = 0.3 + 3.0 * rand(n_tasks, 1)
    shares = rand(n_tasks, max_classes).clamp_min(1e-4) ** (1 / evenness)
    shares = shares.masked_fill(absent, 0.0)
    edges = (shares / shares.sum(dim=1, keepdim=True)).cumsum(dim=1)[:, :-1].contiguous()
    ranks = scores[:, :, 0].argsort(dim=1).argsort(dim=1) / n_rows  # in [0, 1)
    cut = torch.searchsorted(edges, ranks.contiguous(), right=True)
    cut = torch.minimum(cut, (n_classes - 1).unsqueeze(1))

    y = torch.where(rand(n_tasks, 1) < 1 - ordered_share, largest, cut)
    relabel = rand(n_tasks, max_classes).masked_fill(absent, 2.0).argsort(dim=1)
    return relabel.gather(1, y)


def roughen(X: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Make columns as real tables have them: few levels, nominal codes, irrelevant, incomplete.

    Per task, shares are drawn of columns that are discretised (half of them to nominal codes in random
    order) and of columns whose rows are shuffled (irrelevant); a quarter of the tasks lose cells at random,
    which are filled with the column's median as the fine-tuning's encoding does.

    Parameters
    ----------
    X : (B, R, C) float tensor
    rng : torch.Generator

    Returns
    -------
    (B, R, C) float tensor
    """
    n_tasks, n_rows, n_columns = X.shape
    device = X.device
    rand = lambda *shape: torch.rand(shape, generator=rng, device=device)  # noqa: E731

    n_levels = 2 + (14 * rand(n_tasks, 1, n_columns).square()).floor()
    skew = torch.exp(torch.randn((n_tasks, 1, n_columns), generator=rng, device=device) * 0.6)
    ranks = X.argsort(dim=1).argsort(dim=1) / n_rows
    levels = torch.minimum((ranks**skew * n_levels).floor(), n_levels - 1)  # (B, R, C)
    codes = rand(n_tasks, 16, n_columns).argsort(dim=1).argsort(dim=1).to(X.dtype)
    nominal = codes.gather(1, levels.long())
    levels = torch.where(rand(n_tasks, 1, n_columns) < 0.5, levels, nominal)
    X = torch.where(rand(n_tasks, 1, n_columns) < 0.8 * rand(n_tasks, 1, 1), levels, X)

    shuffled = X.gather(1, rand(n_tasks, n_rows, n_columns).argsort(dim=1))
    X = torch.where(rand(n_tasks, 1, n_columns) < 0.6 * rand(n_tasks, 1, 1), shuffled, X)

    missing_share = 0.4 * rand(n_tasks, 1, n_columns) * (rand(n_tasks, 1, 1) < 0.25)
    missing = rand(n_tasks, n_rows, n_columns) < missing_share
    return torch.where(missing, X.median(dim=1, keepdim=True).values, X)
