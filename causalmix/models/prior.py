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

from dataclasses import dataclass

import torch

from causalmix.models import columns
from causalmix.models.mechanisms import (
    MECHANISMS,
    activate,
    deep_tree,
    integers,
    log_uniform,
    normal,
    oblivious_tree,
    uniform,
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
    observed_share : float
        Share of the batches in which the labels read the columns as they are shown (`observed_trees`).
    """

    n_rows: int
    n_context: int
    n_features: int
    max_classes: int = 10
    max_noise: float = 1.0
    messy: bool = True
    observed_share: float = 0.0


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
    if shape.observed_share and float(uniform((1,), rng)) < shape.observed_share:
        return observed_trees(n_tasks, shape, rng)
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
    n_layers = int(integers((1,), 2, 5, rng))
    noise = log_uniform((n_tasks, 1, 1), 0.01, 0.6, rng)
    keep = 0.2 + 0.6 * uniform((n_tasks, 1, 1), rng)
    x = _roots(n_tasks, n_rows, width, rng)
    nodes = [x]
    for _ in range(n_layers):
        weight = normal((n_tasks, width, width), rng)
        weight = weight * (uniform(weight.shape, rng) < keep)
        x = activate(columns.standardise(x @ weight + normal((n_tasks, 1, width), rng)), rng)
        x = columns.standardise(x) + noise * normal(x.shape, rng)
        nodes.append(x)
    return _split_nodes(torch.cat(nodes[int(integers((1,), 0, 2, rng)) :], dim=2), n_features, rng)


def dag_scm(n_tasks: int, n_rows: int, n_features: int, rng: torch.Generator) -> tuple:
    """Nodes of a random DAG, each with a mechanism of its own: linear, neural, tree, product [4]_.

    Returns
    -------
    features : (B, R, C) tensor
    scores : (B, R, columns.N_SCORES) tensor
    """
    n_roots = max(2, n_features // 3)
    n_nodes = n_features + max(3, n_features // 2)
    noise = log_uniform((n_tasks, 1), 0.02, 1.0, rng)
    nodes = _roots(n_tasks, n_rows, n_roots, rng)
    for _ in range(n_nodes - n_roots):
        n_parents = min(int(integers((1,), 1, 5, rng)), nodes.shape[2])
        parents = columns.take_columns(nodes, n_parents, rng)
        mechanism = MECHANISMS[int(integers((1,), 0, len(MECHANISMS), rng))]
        node = columns.standardise(mechanism(parents, rng).unsqueeze(2)).squeeze(2)
        node = node + noise * normal(node.shape, rng)
        nodes = torch.cat((nodes, node.unsqueeze(2)), dim=2)
    return _split_nodes(nodes, n_features, rng)


def tree_ensemble(n_tasks: int, n_rows: int, n_features: int, rng: torch.Generator) -> tuple:
    """Correlated features and scores that are sums of random oblivious trees [2]_ [3]_.

    Returns
    -------
    features : (B, R, C) tensor
    scores : (B, R, columns.N_SCORES) tensor
    """
    X = _correlated(n_tasks, n_rows, n_features, rng)
    n_trees = int(integers((1,), 1, 12, rng))
    relevant = columns.take_columns(X, max(1, min(n_features, int(integers((1,), 1, 9, rng)))), rng)
    scores = [
        torch.stack([oblivious_tree(relevant, rng) for _ in range(n_trees)]).sum(dim=0)
        for _ in range(columns.N_SCORES)
    ]
    return X, torch.stack(scores, dim=2)


def observed_trees(n_tasks: int, shape: TaskShape, rng: torch.Generator) -> TaskBatch:
    """Tasks whose labels are sums of random trees over the columns as they are shown [2]_ [3]_.

    The other families label latent nodes and make the columns untidy afterwards, which bounds what can be
    learned. Many real tables are filled in first and labelled by what stands in them.
    """
    X = _correlated(n_tasks, shape.n_rows, shape.n_features, rng)
    if shape.messy:
        X = columns.roughen(X, rng)
    relevant = columns.take_columns(X, int(integers((1,), 1, shape.n_features + 1, rng)), rng)
    n_trees, depth = int(integers((1,), 1, 9, rng)), int(integers((1,), 2, 8, rng))
    scores = [
        torch.stack([deep_tree(relevant, depth, rng) for _ in range(n_trees)]).sum(dim=0)
        for _ in range(columns.N_SCORES)
    ]
    score = torch.stack(scores, dim=2)
    y = columns.classes_from_scores(score, shape.max_classes, shape.max_noise, rng, ordered_share=0.1)
    return TaskBatch(X, y, shape.n_context)


FAMILIES = {"mlp_scm": mlp_scm, "dag_scm": dag_scm, "tree_ensemble": tree_ensemble}
FAMILY_WEIGHTS = {"mlp_scm": 0.35, "dag_scm": 0.35, "tree_ensemble": 0.30}


def _correlated(n_tasks: int, n_rows: int, n_features: int, rng: torch.Generator) -> torch.Tensor:
    """(B, R, C) features, each a mixture of common factors and of a root of its own."""
    rank = max(1, n_features // 2)
    mixing = normal((n_tasks, rank, n_features), rng)
    common = _roots(n_tasks, n_rows, rank, rng) @ mixing / rank**0.5
    share = uniform((n_tasks, 1, n_features), rng)
    return share * common + (1 - share) * _roots(n_tasks, n_rows, n_features, rng)


def _split_nodes(nodes: torch.Tensor, n_features: int, rng: torch.Generator) -> tuple:
    """Choose the features among the nodes; scores read all nodes, the features more or less than the rest."""
    shuffled = columns.take_columns(nodes, nodes.shape[2], rng)
    n_tasks, _, n_nodes = shuffled.shape
    weight = normal((n_tasks, n_nodes, columns.N_SCORES), rng)
    weight = weight * weight.abs().square()  # a few nodes dominate each score
    weight[:, :n_features] *= log_uniform((n_tasks, 1, 1), 0.5, 16.0, rng)
    return shuffled[:, :, :n_features], shuffled @ weight


def _roots(n_tasks: int, n_rows: int, n_columns: int, rng: torch.Generator) -> torch.Tensor:
    """Exogenous variables: normal, uniform, heavy-tailed or clustered, column by column."""
    shape = (n_tasks, n_rows, n_columns)
    bell = normal(shape, rng)
    centres = 2 * normal((n_tasks, 4, n_columns), rng)
    cluster = integers((n_tasks, n_rows, 1), 0, 4, rng).expand(shape)
    kinds = torch.stack(
        (
            bell,
            3.4 * (uniform(shape, rng) - 0.5),
            bell * bell.abs(),
            0.5 * bell + centres.gather(1, cluster),
        )
    )
    kind = integers((1, n_tasks, 1, n_columns), 0, len(kinds), rng).expand(1, *shape)
    return kinds.gather(0, kind).squeeze(0)
