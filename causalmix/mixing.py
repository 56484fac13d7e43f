"""Mixing real and synthetic rows to one training pool."""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalmix.data.gate import DataError


def n_synthetic_rows(n_real: int, ratio: float, least: int = 0) -> int:
    """Return the number of synthetic rows for `n_real` real ones: ``round(ratio * n_real)``, halves to even.

    Parameters
    ----------
    n_real : int
    ratio : float
        Synthetic rows per real row.
    least : int
        Fewest synthetic rows that will do: 1 for a pool that has no others.

    Raises
    ------
    ValueError
        If the ratio is negative or not finite. `causalmix.data.DataError`, a ValueError, if it gives fewer
        rows than `least`.

    Examples
    --------
    >>> n_synthetic_rows(192, 0.5)
    96
    """
    if not np.isfinite(ratio) or ratio < 0:
        raise ValueError(f"the ratio of synthetic to real rows must be finite and not negative, got {ratio}")
    n_rows = round(ratio * n_real)
    if n_rows < least:
        raise DataError(
            f"ratio {ratio:g} of {n_real} real rows gives {n_rows} synthetic rows and at least {least} must "
            f"be there: raise it (--synthetic-ratios), e.g. to {least / n_real:.3g}"
        )
    return n_rows


def mix_rows(
    real: pd.DataFrame, synthetic: pd.DataFrame, ratio: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the real rows and ``round(ratio * len(real))`` of the synthetic ones, shuffled.

    Parameters
    ----------
    real : DataFrame, shape (n, d)
        Real training rows; all of them are kept. Not changed.
    synthetic : DataFrame, shape (m, d)
        Synthetic rows with the columns and dtypes of `real`. With more rows than needed, a random part is
        taken. Not changed.
    ratio : float
        ``n_synthetic / n_real``, at least 0.
    rng : numpy.random.Generator
        Source of the choice and of the order.

    Returns
    -------
    DataFrame, shape (n + round(ratio * n), d)
        Its index tells the rows apart: a label below n is the position of a real row, any other is synthetic.

    Raises
    ------
    ValueError
        If columns or dtypes differ, the ratio is negative, or there are too few synthetic rows.

    Examples
    --------
    >>> real, synthetic = pd.DataFrame({"a": [1.0, 2.0]}), pd.DataFrame({"a": [3.0, 4.0]})
    >>> pool = mix_rows(real, synthetic, 1.0, np.random.default_rng(0))
    >>> sorted(pool["a"]), sorted(pool.loc[pool.index < len(real), "a"])
    ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0])
    """
    if list(real.columns) != list(synthetic.columns):
        odd = [str(c) for c in real.columns.symmetric_difference(synthetic.columns, sort=False)]
        fault = f"they differ in {odd}" if odd else "their orders differ: take synthetic[real.columns]"
        raise ValueError(f"real and synthetic rows need the same columns in one order; {fault}")
    different = [str(c) for c in real.columns if real[c].dtype != synthetic[c].dtype]
    if different:
        raise ValueError(f"real and synthetic rows need the same dtypes; they differ in columns {different}")
    wanted = n_synthetic_rows(len(real), ratio)
    if wanted > len(synthetic):
        raise ValueError(
            f"ratio {ratio} of {len(real)} real rows needs {wanted} synthetic rows, got {len(synthetic)}: "
            f"sample more rows or lower the ratio"
        )
    chosen = synthetic.iloc[rng.permutation(len(synthetic))[:wanted]]
    pool = pd.concat([real, chosen], ignore_index=True) if wanted else real.reset_index(drop=True)
    return pool.iloc[rng.permutation(len(pool))]
