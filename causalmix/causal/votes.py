"""What an edge that PC or FCI found counts for in each direction."""

from __future__ import annotations

import numpy as np

_TAIL, _ARROW, _CIRCLE = -1, 1, 2

VOTES: dict[tuple[int, int], tuple[float, float]] = {
    (_TAIL, _ARROW): (1.0, 0.0),
    (_CIRCLE, _ARROW): (0.75, 0.0),
    (_TAIL, _TAIL): (0.5, 0.5),
    (_CIRCLE, _CIRCLE): (0.5, 0.5),
    (_TAIL, _CIRCLE): (0.5, 0.5),
    (_ARROW, _ARROW): (0.25, 0.25),
}
"""Votes for (i -> j, j -> i) by the endpoint marks (at i, at j) of an edge. Ours."""


def count_votes(marks: np.ndarray) -> np.ndarray:
    """Translate causal-learn's endpoint marks to votes.

    Parameters
    ----------
    marks : ndarray of int, shape (d, d)
        ``marks[i, j]`` is the mark at i of the edge between i and j: -1 tail, 1 arrow, 2 circle, 0 no edge.

    Returns
    -------
    ndarray of float, shape (d, d)
        ``[i, j]`` is the vote for i -> j; ``[i, j] + [j, i] <= 1``.

    Examples
    --------
    >>> count_votes(np.array([[0, -1], [1, 0]]))
    array([[0., 1.],
           [0., 0.]])
    """
    votes = np.zeros(marks.shape)
    for (at_i, at_j), (forward, backward) in VOTES.items():
        for i, j in np.argwhere((marks == at_i) & (np.transpose(marks) == at_j)):
            if at_i != at_j or i < j:
                votes[i, j] = forward
                votes[j, i] = backward
    return votes
