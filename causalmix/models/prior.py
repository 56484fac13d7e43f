"""A batched prior over classification tasks, in the spirit of Mitra's mixture of synthetic priors.

Three families of data-generating processes, each documented with its source where it is defined, share one
way of turning latent scores into classes and latent columns into table columns. A task is drawn in about
a millisecond on one CPU core; on a GPU the same code runs there.

Dimensions: `B` tasks, `R` rows, `N` latent nodes, `C` features.

References
----------
.. [1] Hollmann et al., *TabPFN* (ICLR 2023): MLP-shaped structural causal models.
.. [2] Zhang et al., *Mitra: Mixed Synthetic Priors for Enhancing Tabular Foundation Models* (2025):
   mixing SCM priors with tree-based priors.
.. [3] den Breejen et al., *Fine-tuned In-Context Learning Transformers are Excellent Tabular Data
   Classifiers* (2024): forest priors.
.. [4] Qu et al., *TabICL* (ICML 2025): mixed mechanisms per node of a random graph.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True)
class TaskShape:
    """Size and difficulty of the tasks of one batch.

    Attributes
    ----------
    n_rows, n_context, n_features : int
        Rows in all, rows whose label is shown, features.
    max_classes : int
        Most classes of a task.
    max_noise : float
        Largest ratio of label-noise SD to score SD; 0 makes labels a function of the latent nodes.
    messy : bool
        Whether columns are discretised, shuffled (irrelevant) and made incomplete.
    """

    n_rows: int
    n_context: int
    n_features: int
    max_classes: int = 10
    max_noise: float = 1.0
    messy: bool = True


@dataclass(frozen=True)
class TaskBatch:
    """Tasks of one shape.

    Attributes
    ----------
    X : (B, R, C) float32 tensor
        Features without missing values.
    y : (B, R) int64 tensor
        Class codes.
    n_context : int
        The first `n_context` rows are the context.
    """

    X: torch.Tensor
    y: torch.Tensor
    n_context: int


def sample_tasks(n_tasks: int, shape: TaskShape, rng: torch.Generator) -> TaskBatch:
    """Draw tasks from the mixture.

    Parameters
    ----------
    n_tasks : int
        Number of tasks `B`.
    shape : TaskShape
        Their common size.
    rng : torch.Generator
        Source of randomness; its device is where the tasks are made.

    Returns
    -------
    TaskBatch
    """
    families = torch.multinomial(
        torch.tensor(list(FAMILY_WEIGHTS.values()), device=rng.device),
        n_tasks,
        replacement=True,
        generator=rng,
    )
    latents, scores = [], []
    for index, family in enumerate(FAMILY_WEIGHTS):
        count = int((families == index).sum())
        if count:
            latent, score = FAMILIES[family](count, shape.n_rows, shape.n_features, rng)
            latents.append(latent)
            scores.append(score)
    X, score = torch.cat(latents), torch.cat(scores)
    y = columns.classes_from_scores(score, shape.max_classes, shape.max_noise, rng)
    if shape.messy:
        X = columns.roughen(X, rng)
    return TaskBatch(X, y, shape.n_context)


def mlp_scm(n_tasks: int, n_rows: int, n_features: int, rng: torch.Generator) -> tuple:
    """Nodes of a random sparse MLP with noise at each node; features and scores are random nodes [1]_.

    Returns
    -------
    features : (B, R, C) tensor
    scores : (B, R, columns.N_SCORES) tensor
        Latent scores from which classes are made.
    """
    width = max(2 * n_features, 12)
    n_layers = int(_integers((1,), 2, 5, rng))
    noise = _log_uniform((n_tasks, 1, 1), 0.01, 0.6, rng)
    keep = 0.2 + 0.6 * _uniform((n_tasks, 1, 1), rng)
    x = _roots(n_tasks, n_rows, width, rng)
    nodes = [x]
    for _ in range(n_layers):
        weight = _normal((n_tasks, width, width), rng)
        weight = weight * (_uniform(weight.shape, rng) < keep)
        x = _activate(columns.standardise(x @ weight + _normal((n_tasks, 1, width), rng)), rng)
        x = columns.standardise(x) + noise * _normal(x.shape, rng)
        nodes.append(x)
    return _split_nodes(torch.cat(nodes[int(_integers((1,), 0, 2, rng)) :], dim=2), n_features, rng)


def dag_scm(n_tasks: int, n_rows: int, n_features: int, rng: torch.Generator) -> tuple:
    """Nodes of a random DAG, each with a mechanism of its own: linear, neural, tree, product [4]_.

    Returns
    -------
    features : (B, R, C) tensor
    scores : (B, R, columns.N_SCORES) tensor
    """
    n_roots = max(2, n_features // 3)
    n_nodes = n_features + max(3, n_features // 2)
    noise = _log_uniform((n_tasks, 1), 0.02, 1.0, rng)
    nodes = _roots(n_tasks, n_rows, n_roots, rng)
    for _ in range(n_nodes - n_roots):
        n_parents = min(int(_integers((1,), 1, 5, rng)), nodes.shape[2])
        parents = columns.take_columns(nodes, n_parents, rng)
        mechanism = MECHANISMS[int(_integers((1,), 0, len(MECHANISMS), rng))]
        node = columns.standardise(mechanism(parents, rng).unsqueeze(2)).squeeze(2)
        node = node + noise * _normal(node.shape, rng)
        nodes = torch.cat((nodes, node.unsqueeze(2)), dim=2)
    return _split_nodes(nodes, n_features, rng)


def tree_ensemble(n_tasks: int, n_rows: int, n_features: int, rng: torch.Generator) -> tuple:
    """Correlated features and scores that are sums of random oblivious trees [2]_ [3]_.

    Returns
    -------
    features : (B, R, C) tensor
    scores : (B, R, columns.N_SCORES) tensor
    """
    rank = max(1, n_features // 2)
    mixing = _normal((n_tasks, rank, n_features), rng)
    common = _roots(n_tasks, n_rows, rank, rng) @ mixing / rank**0.5
    share = _uniform((n_tasks, 1, n_features), rng)
    X = share * common + (1 - share) * _roots(n_tasks, n_rows, n_features, rng)
    n_trees = int(_integers((1,), 1, 12, rng))
    relevant = columns.take_columns(X, max(1, min(n_features, int(_integers((1,), 1, 9, rng)))), rng)
    scores = [
        torch.stack([oblivious_tree(relevant, rng) for _ in range(n_trees)]).sum(dim=0)
        for _ in range(columns.N_SCORES)
    ]
    return X, torch.stack(scores, dim=2)


def linear(parents: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """(B, R, P) parents to (B, R): a random linear combination."""
    return (parents @ _normal((parents.shape[0], parents.shape[2], 1), rng)).squeeze(2)


def neural(parents: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """(B, R, P) parents to (B, R): one random hidden layer."""
    n_tasks, _, n_parents = parents.shape
    hidden = parents @ _normal((n_tasks, n_parents, 8), rng) + _normal((n_tasks, 1, 8), rng)
    return (_activate(hidden, rng) @ _normal((n_tasks, 8, 1), rng)).squeeze(2)


def oblivious_tree(parents: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """(B, R, P) parents to (B, R): one threshold per level, shared by the level's nodes."""
    n_tasks, n_rows, _ = parents.shape
    depth = int(_integers((1,), 1, 5, rng))
    leaf = torch.zeros(n_tasks, n_rows, dtype=torch.int64, device=parents.device)
    for _ in range(depth):
        column = columns.take_columns(parents, 1, rng).squeeze(2)
        row = _integers((n_tasks, 1), 0, n_rows, rng)
        leaf = 2 * leaf + (column > column.gather(1, row))
    return _normal((n_tasks, 2**depth), rng).gather(1, leaf)


def product(parents: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """(B, R, P) parents to (B, R): the product of two parents (an interaction) plus a linear part."""
    first, last = parents[:, :, 0], parents[:, :, -1]
    return first * last + 0.5 * linear(parents, rng)


MECHANISMS = (linear, neural, oblivious_tree, oblivious_tree, product)
FAMILIES = {"mlp_scm": mlp_scm, "dag_scm": dag_scm, "tree_ensemble": tree_ensemble}
FAMILY_WEIGHTS = {"mlp_scm": 0.35, "dag_scm": 0.35, "tree_ensemble": 0.30}


def _split_nodes(nodes: torch.Tensor, n_features: int, rng: torch.Generator) -> tuple:
    """Choose the features among the nodes; scores read all nodes, the features more or less than the rest."""
    shuffled = columns.take_columns(nodes, nodes.shape[2], rng)
    n_tasks, _, n_nodes = shuffled.shape
    weight = _normal((n_tasks, n_nodes, columns.N_SCORES), rng)
    weight = weight * weight.abs().square()  # a few nodes dominate each score
    weight[:, :n_features] *= _log_uniform((n_tasks, 1, 1), 0.5, 16.0, rng)
    return shuffled[:, :, :n_features], shuffled @ weight


def _roots(n_tasks: int, n_rows: int, n_columns: int, rng: torch.Generator) -> torch.Tensor:
    """Exogenous variables: normal, uniform, heavy-tailed or clustered, column by column."""
    shape = (n_tasks, n_rows, n_columns)
    normal = _normal(shape, rng)
    centres = 2 * _normal((n_tasks, 4, n_columns), rng)
    cluster = _integers((n_tasks, n_rows, 1), 0, 4, rng).expand(shape)
    kinds = torch.stack(
        (
            normal,
            3.4 * (_uniform(shape, rng) - 0.5),
            normal * normal.abs(),
            0.5 * normal + centres.gather(1, cluster),
        )
    )
    kind = _integers((1, n_tasks, 1, n_columns), 0, len(kinds), rng).expand(1, *shape)
    return kinds.gather(0, kind).squeeze(0)


def _activate(x: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Apply one random activation per task and column."""
    kind = _integers((x.shape[0], 1, x.shape[2]), 0, len(ACTIVATIONS), rng)
    out = torch.zeros_like(x)
    for index, activation in enumerate(ACTIVATIONS):
        out = torch.where(kind == index, activation(x), out)
    return out


def _normal(shape: tuple, rng: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=rng, device=rng.device)


def _uniform(shape: tuple, rng: torch.Generator) -> torch.Tensor:
    return torch.rand(shape, generator=rng, device=rng.device)


def _log_uniform(shape: tuple, low: float, high: float, rng: torch.Generator) -> torch.Tensor:
    return low * (high / low) ** _uniform(shape, rng)


def _integers(shape: tuple, low: int, high: int, rng: torch.Generator) -> torch.Tensor:
    return torch.randint(low, high, shape, generator=rng, device=rng.device)
