"""Edge probabilities: the probabilistic adjacency matrix that causal discovery returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class EdgeProbabilities:
    """Probabilistic adjacency matrix of a table, the result of causal discovery.

    Parameters
    ----------
    columns : tuple of str, length d
        Names of the nodes, in the order of the rows and columns of `matrix`.
    matrix : ndarray of float64, shape (d, d)
        ``matrix[i, j]`` is the strength of the edge ``columns[i] -> columns[j]``, in [0, 1]. The diagonal
        is zero and ``matrix[i, j] + matrix[j, i] <= 1``: a pair of nodes has an edge in one direction, in
        the other, or none. Stored as a read-only copy.
    target : str or None
        Name of the target column among `columns`.
    algorithms : tuple of str
        Discovery algorithms whose votes were averaged.
    n_bootstraps : int
        Number of subsamples the votes come from.

    Raises
    ------
    ValueError
        If the matrix is not a probability-like matrix over the columns, or the target is not a column.

    Examples
    --------
    >>> P = EdgeProbabilities(("a", "b"), [[0.0, 0.75], [0.25, 0.0]])
    >>> P.to_frame().loc["a", "b"]
    np.float64(0.75)
    """

    columns: tuple[str, ...]
    matrix: np.ndarray = field(repr=False)
    target: str | None = None
    algorithms: tuple[str, ...] = ()
    n_bootstraps: int = 0

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        d = len(self.columns)
        if len(set(self.columns)) != d:
            raise ValueError(f"edge probabilities need unique column names, got {self.columns}")
        if matrix.shape != (d, d):
            raise ValueError(f"edge probabilities over {d} columns need shape ({d}, {d}), got {matrix.shape}")
        _check_probabilities(self.columns, matrix)
        if self.target is not None and self.target not in self.columns:
            raise ValueError(f"target {self.target!r} is not among the columns {self.columns}")
        matrix.setflags(write=False)
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "matrix", matrix)

    def to_frame(self) -> pd.DataFrame:
        """Return the matrix as a DataFrame: rows are causes, columns are effects."""
        return pd.DataFrame(self.matrix.copy(), index=list(self.columns), columns=list(self.columns))

    def entropy(self) -> float:
        """Mean entropy in bits of the three states (->, <-, no edge) of a pair of nodes.

        0 means that every edge and its direction is certain, ``log2(3)`` that nothing is known.

        Examples
        --------
        >>> round(EdgeProbabilities(("a", "b"), [[0, 0.5], [0.5, 0]]).entropy(), 3)
        1.0
        """
        upper, lower = pairs(self.matrix)
        if not len(upper):
            return 0.0
        states = np.stack([upper, lower, np.clip(1.0 - upper - lower, 0.0, 1.0)])
        logs = np.log2(np.where(states > 0, states, 1.0))
        return float(-(states * logs).sum(axis=0).mean())


def _check_probabilities(columns: Sequence[str], matrix: np.ndarray) -> None:
    """Raise ValueError, naming the pair, where `matrix` is not probability-like."""
    if np.diagonal(matrix).any():
        raise ValueError("the diagonal of the edge probabilities must be zero: a node does not cause itself")
    bad = ~np.isfinite(matrix) | (matrix < 0) | (matrix + matrix.T > 1 + _TOLERANCE)
    if bad.any():
        i, j = (int(k) for k in np.argwhere(bad)[0])
        raise ValueError(
            f"edge probabilities of the pair ({columns[i]!r}, {columns[j]!r}) are {matrix[i, j]} and "
            f"{matrix[j, i]}; they must be finite, not negative, and sum to at most 1"
        )


def pairs(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P[i -> j] and P[j -> i] of the unordered pairs i < j, each of shape (d * (d - 1) / 2,)."""
    i, j = np.triu_indices(len(matrix), k=1)
    return matrix[i, j], matrix[j, i]
