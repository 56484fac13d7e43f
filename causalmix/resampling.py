"""Resampled clusters of rows, many resamples at once, and statistics that take them so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Statistic = Callable[..., np.ndarray]
"""Reduces an axis of one or more columns, ``statistic(*columns, axis=-1)``: ``numpy.median``, `sample_sd`."""

_BLOCK = 2**17
"""Rows that are resampled at once: what a statistic makes of them stays in the processor's cache."""


def resampled_rows(cluster: np.ndarray, chosen: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield resamples of equal size and their rows: the members of the chosen clusters, one after another.

    Parameters
    ----------
    cluster : ndarray of int, shape (n,)
        The cluster of each row, from 0.
    chosen : ndarray of int, shape (resamples, n_clusters)
        The clusters of each resample.

    Yields
    ------
    part : ndarray of int, shape (m,)
        Numbers of the resamples.
    rows : ndarray of int, shape (m, size)

    Examples
    --------
    >>> [(_, rows)] = resampled_rows(np.array([0, 0, 1, 1]), np.array([[1, 0], [1, 1]]))
    >>> rows.tolist()
    [[2, 3, 0, 1], [2, 3, 2, 3]]
    """
    members, counts = np.argsort(cluster, kind="stable"), np.bincount(cluster)
    first = np.cumsum(counts) - counts
    sizes = counts[chosen].sum(axis=1)
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes == size)
        for part in np.array_split(alike, -(-len(alike) * size // _BLOCK)):
            own = chosen[part].ravel()
            # Where the members of each chosen cluster will stand, and how far from where they stood.
            place = np.cumsum(counts[own]) - counts[own]
            shift = np.repeat(first[own] - place, counts[own])
            yield part, members[shift + np.arange(len(shift))].reshape(len(part), size)


def sample_sd(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the standard deviation of samples along an axis; NaN for fewer than two values."""
    if np.shape(values)[axis] < 2:
        return np.sum(values, axis) * np.nan
    return np.std(values, axis, ddof=1)
