"""The adjacency search that PC and FCI begin with, made once for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from causalmix.causal.ci_test import DegenerateGaussianTest


@dataclass(frozen=True)
class Skeleton:
    """The undirected graph that an adjacency search leaves, and why the other pairs were parted.

    Parameters
    ----------
    adjacency : ndarray of bool, shape (d, d)
        Symmetric, False on the diagonal.
    separating : dict of (int, int) to frozenset of int
        For each pair that is not adjacent, both ways round: the columns that part it.
    """

    adjacency: np.ndarray
    separating: dict[tuple[int, int], frozenset[int]]


def find_skeleton(test: DegenerateGaussianTest, d: int, alpha: float, max_conditioning: int) -> Skeleton:
    """Part the pairs of columns that are independent given few of their neighbours.

    The order-independent search: a pair is parted by sets of k neighbours of either column, k = 0, 1, ...,
    and the neighbours change only between one k and the next. Where several sets part a pair, it is parted by
    their union, as in causal-learn.

    Parameters
    ----------
    test : DegenerateGaussianTest
        Test of conditional independence over d columns.
    d : int
        Number of columns.
    alpha : float
        Significance level, in (0, 1): a larger p-value parts a pair.
    max_conditioning : int
        Largest k.

    References
    ----------
    Colombo, Maathuis (2014), *Order-independent constraint-based causal structure learning*, JMLR 15.

    Examples
    --------
    >>> import pandas as pd
    >>> cause = np.random.default_rng(0).normal(size=500)
    >>> noise = np.random.default_rng(1).normal(size=(2, 500))
    >>> table = pd.DataFrame({"a": cause + noise[0], "b": cause + noise[1], "c": cause})
    >>> find_skeleton(DegenerateGaussianTest(table), 3, 0.05, 1).separating[0, 1]
    frozenset({2})
    """
    adjacency = ~np.eye(d, dtype=bool)
    separating: dict[tuple[int, int], frozenset[int]] = {}
    for size in range(max_conditioning + 1):
        if d == 0 or adjacency.sum(axis=1).max() <= size:
            break
        parted = {}
        for x, y in np.argwhere(np.triu(adjacency)).tolist():
            sets = [given for given in _choices(adjacency, x, y, size) if test.p_value(x, y, given) > alpha]
            if sets:
                parted[x, y] = frozenset().union(*sets)
        for (x, y), given in parted.items():
            adjacency[x, y] = adjacency[y, x] = False
            separating[x, y] = separating[y, x] = given
    return Skeleton(adjacency, separating)


def _choices(adjacency: np.ndarray, x: int, y: int, size: int) -> Iterator[tuple[int, ...]]:
    """The sets of `size` neighbours of x or of y, the other left out; a set of both comes twice."""
    yield from combinations([k for k in np.flatnonzero(adjacency[x]).tolist() if k != y], size)
    yield from combinations([k for k in np.flatnonzero(adjacency[y]).tolist() if k != x], size)
