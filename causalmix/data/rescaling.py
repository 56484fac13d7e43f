"""Numbers as float32, without losing what tells them apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLOAT32_MAX = float(np.finfo(np.float32).max)
WORTH_RESCALING = 0.01  # share of a column's distinct values that rescaling must bring back; ours


@dataclass(frozen=True)
class Rescaling:
    """Centre and half the largest distance from it, of a column's training values."""

    centre: float
    half_range: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values around 0, those of the training rows within [-1, 1]; halved first, so as not to overflow."""
        with np.errstate(over="ignore"):
            return (values / 2 - self.centre / 2) / self.half_range


def to_float32(values: np.ndarray) -> np.ndarray:
    """Float64 as float32; what is out of its range becomes its largest number."""
    return values.clip(-FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)


def find_rescaling(values: np.ndarray, centre: float) -> tuple[Rescaling | None, str]:
    """Decide whether a column has to be rescaled before it becomes float32.

    Float32 holds about seven digits: of milliseconds since 1970 it cannot tell a minute.

    Parameters
    ----------
    values
        (n_rows,) float64 values of the training rows, none missing.
    centre
        Their median.

    Returns
    -------
    tuple
        The rescaling and a word on it; None and "" where it would not bring back at least `WORTH_RESCALING`
        of the distinct values.

    Examples
    --------
    >>> find_rescaling(np.array([1e9, 1e9 + 1, 1e9 + 2]), 1e9 + 1)[1]
    'float32 would keep 1 of 3 values apart: centred and scaled'
    >>> find_rescaling(np.array([1.0, 2.0, 3.0]), 2.0)
    (None, '')
    """
    distinct = np.unique(values)
    kept = len(np.unique(to_float32(distinct)))
    if kept == len(distinct):
        return None, ""
    half_range = float(np.abs(distinct / 2 - centre / 2).max())
    if half_range < np.finfo(float).tiny:
        return None, ""
    rescaling = Rescaling(centre, half_range)
    restored = len(np.unique(to_float32(rescaling.apply(distinct))))
    if restored - kept < WORTH_RESCALING * len(distinct):
        return None, ""
    return rescaling, f"float32 would keep {kept:,} of {len(distinct):,} values apart: centred and scaled"
