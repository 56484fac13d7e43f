"""One arm minus another: paired by table, fold and repeat, per table and over tables. Free of torch."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from causalmix.analysis import paired_differences
from causalmix.intervals import CONFIDENCE, Interval, mean_interval


def table_differences(scores: pd.DataFrame, arm: str, baseline: str, column: str = "score") -> pd.DataFrame:
    """Return the mean difference of two arms per table, with its interval over folds.

    Parameters
    ----------
    scores : DataFrame
        From `causalmix.analysis.normalise_scores`: ``dataset, fold, repeat, arm`` and ``column``.
    arm, baseline : str
        The difference is arm minus baseline, on the cells where both finished.

    Returns
    -------
    DataFrame
        ``dataset, n_pairs, difference, lower, upper``, one row per table. The interval is Student's over the
        table's pairs; NaN with one pair. Folds share training rows, so that it says how much the folds differ
        and is no test.

    Examples
    --------
    >>> scores = pd.DataFrame({"dataset": "wine", "fold": [0, 0, 1, 1], "repeat": 0,
    ...                        "arm": ["default", "causalmix"] * 2, "score": [0.1, 0.4, 0.2, 0.3]})
    >>> table_differences(scores, "causalmix", "default").round(2).values.tolist()
    [['wine', 2, 0.2, -1.07, 1.47]]
    """
    pairs = paired_differences(scores, arm, baseline, column)
    rows = []
    for dataset, own in pairs.groupby("dataset", observed=True)["difference"]:
        mean, n_pairs = float(own.mean()), len(own)
        half = stats.t.ppf((1 + CONFIDENCE) / 2, n_pairs - 1) * own.sem() if n_pairs > 1 else np.nan
        rows.append((dataset, n_pairs, mean, mean - half, mean + half))
    return pd.DataFrame(rows, columns=["dataset", "n_pairs", "difference", "lower", "upper"])


def pool_tables(tables: pd.DataFrame, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of `table_differences` over tables, each of the same weight; tables are resampled.

    The interval is a percentile bootstrap; NaN with fewer than two tables.
    """
    return mean_interval(tables["difference"].to_numpy(dtype=float), confidence=confidence)


def sign_flip_p(differences: np.ndarray) -> float:
    """Two-sided p value of the mean of differences per table when their signs are flipped; exact up to 13.

    Returns
    -------
    float
        NaN with fewer than two tables, or where a difference is missing or infinite.

    Examples
    --------
    >>> sign_flip_p(np.array([1.0, 2.0, 3.0, 1.5, 2.5, 0.5])) == 2 / 2**6
    True
    """
    values = np.asarray(differences, dtype=float)
    if len(values) < 2 or not np.isfinite(values).all():
        return float("nan")
    rng = np.random.default_rng(0)
    result = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", vectorized=True, n_resamples=9999, random_state=rng
    )
    return float(result.pvalue)


def holm(p_values: pd.Series) -> pd.Series:
    """Adjust p values by Holm, over those that are defined: NaN stays and plays no part.

    References
    ----------
    Holm, *A simple sequentially rejective multiple test procedure*, Scand. J. Statist. 6 (1979).

    Examples
    --------
    >>> holm(pd.Series([0.01, np.nan, 0.04])).tolist()
    [0.02, nan, 0.04]
    """
    adjusted = p_values.astype(float)
    defined = adjusted.notna()
    if defined.any():
        adjusted[defined] = multipletests(adjusted[defined], method="holm")[1]
    return adjusted
