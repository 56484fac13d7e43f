"""Which arm is best: average ranks, tests between arms, critical differences, win rates. Free of torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from causalmix.analysis import (
    CELL,
    PRIMARY_NORMALISATION,
    AnalysisError,
    check_one_run_per_cell,
    normalise_scores,
)
from causalmix.differences import holm

PAIR_COLUMNS = [
    "arm", "against", "rank", "rank_against", "median_difference", "p_value", "p_holm", "nemenyi", "wilcoxon",
    "critical_difference", "friedman_p", "n_datasets", "alpha",
]  # fmt: skip

_DIGITS = 12
"""Scores that agree to this many decimals are equal: what is left comes from the order of a sum."""


@dataclass(frozen=True)
class CriticalDifference:
    """What a critical-difference diagram shows.

    Attributes
    ----------
    mean_ranks : dict
        Average rank per arm over datasets (1 is best), best first.
    difference : float
        Nemenyi's critical difference: average ranks further apart differ at level ``alpha``.
    friedman_p : float
        p value of Friedman's test that all arms rank alike.
    groups : tuple of tuple of str
        Maximal sets of arms that are not told apart: the bars of the diagram.
    n_datasets : int
    alpha : float
    """

    mean_ranks: dict[str, float]
    difference: float
    friedman_p: float
    groups: tuple[tuple[str, ...], ...]
    n_datasets: int
    alpha: float


def score_matrix(
    runs: pd.DataFrame, normalisation: str = PRIMARY_NORMALISATION, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the scores as a table of (dataset, fold, repeat) by arm.

    A failed run, and a score that is undefined, is NaN. A score does not depend on ``arms``: it is
    normalised over all arms of the runs.

    Raises
    ------
    AnalysisError
        When a cell of the grid has no record at all (the message names some), or holds two.
    """
    known = [arm for arm in (arms or sorted(runs["arm"].unique())) if arm in set(runs["arm"])]
    grid = runs[runs["arm"].isin(known)]
    check_one_run_per_cell(grid)
    counts = grid.pivot(index=CELL, columns="arm", values="status").reindex(columns=known)
    rows, columns = np.nonzero(counts.isna().to_numpy())
    missing = [
        (*counts.index[int(row)], known[int(column)]) for row, column in zip(rows, columns, strict=True)
    ]
    if missing:
        named = "; ".join("{} fold {} repeat {} {}".format(*cell) for cell in missing[:5])
        raise AnalysisError(
            f"{len(missing)} cells have no record, so arms cannot be ranked: {named}. Run them: causalmix run"
        )
    scores = normalise_scores(runs, normalisation).pivot(index=CELL, columns="arm", values="score")
    return scores.reindex(index=counts.index, columns=known)


def comparable_scores(
    runs: pd.DataFrame, normalisation: str = PRIMARY_NORMALISATION, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return `score_matrix` ready to be compared: failed runs lowest, and free of rounding errors."""
    return score_matrix(runs, normalisation, arms).fillna(-np.inf).round(_DIGITS)


def rank_arms(
    runs: pd.DataFrame, normalisation: str = PRIMARY_NORMALISATION, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Average rank of each arm per dataset: ranks within (dataset, fold, repeat), then the mean per dataset.

    Rank 1 is the best score; ties share the average of their ranks; failed runs share the last ranks.
    Ranks do not depend on the normalisation, except where a score is undefined.

    Returns
    -------
    DataFrame, shape (n_datasets, n_arms)

    Examples
    --------
    >>> runs = pd.DataFrame({"dataset": "wine", "fold": [0, 0], "repeat": 0, "arm": ["default", "causalmix"],
    ...                      "status": "ok", "test_auc": [0.8, 0.9], "zero_shot_auc": 0.7})
    >>> rank_arms(runs).loc["wine"].to_dict()
    {'causalmix': 1.0, 'default': 2.0}
    """
    scores = comparable_scores(runs, normalisation, arms)
    ranks = scores.rank(axis=1, ascending=False, method="average")
    return ranks.groupby(level="dataset").mean()


def friedman_p(ranks: pd.DataFrame) -> float:
    """Friedman's p value over datasets (rows) and arms (columns); NaN with fewer than three of either."""
    if ranks.shape[1] < 3 or ranks.shape[0] < 3:
        return float("nan")
    if float(np.ptp(ranks.to_numpy())) == 0:
        return 1.0
    return float(stats.friedmanchisquare(*(-ranks[arm] for arm in ranks)).pvalue)


def critical_difference(ranks: pd.DataFrame, alpha: float = 0.05) -> CriticalDifference:
    """Friedman's test and Nemenyi's critical difference for the average ranks of `rank_arms`.

    The datasets are the blocks; the arms are ranked once more within each dataset, by their average rank, as
    both tests ask for.

    Raises
    ------
    AnalysisError
        With fewer than two arms or two datasets.

    References
    ----------
    Demšar, *Statistical comparisons of classifiers over multiple data sets*, JMLR 7 (2006), section 3.2.2.

    Examples
    --------
    >>> ranks = pd.DataFrame({"a": [1.0] * 12, "b": [2.0] * 12, "c": [3.0] * 12})
    >>> result = critical_difference(ranks)
    >>> round(result.difference, 3), result.groups
    (0.957, (('a',), ('b',), ('c',)))
    """
    n_datasets, n_arms = ranks.shape
    if n_arms < 2 or n_datasets < 2:
        raise AnalysisError(f"{n_arms} arms, {n_datasets} datasets: a critical difference needs two of each")
    blocks = ranks.rank(axis=1, method="average")
    mean_ranks = blocks.mean().sort_values(kind="stable")
    quantile = stats.studentized_range.ppf(1 - alpha, n_arms, np.inf) / np.sqrt(2)
    difference = float(quantile * np.sqrt(n_arms * (n_arms + 1) / (6 * n_datasets)))
    pairs = combinations(mean_ranks.index, 2)
    apart = [(one, two) for one, two in pairs if mean_ranks[two] - mean_ranks[one] > difference]
    groups = cliques(list(mean_ranks.index), apart)
    by_arm = {str(arm): float(rank) for arm, rank in mean_ranks.items()}
    return CriticalDifference(by_arm, difference, friedman_p(blocks), groups, n_datasets, alpha)


def holm_wilcoxon(scores: pd.DataFrame) -> pd.DataFrame:
    """Wilcoxon's signed-rank test for each pair of arms over datasets, adjusted by Holm.

    A pair is compared where both arms have a value: what one of them lacks is left out of the other's mean.

    Parameters
    ----------
    scores : DataFrame, shape (n_cells or n_datasets, n_arms)
        One value per cell (`score_matrix`; averaged per dataset, the index level ``dataset``) or per dataset
        (the average ranks of `rank_arms`).

    Returns
    -------
    DataFrame
        ``arm_a, arm_b, median_difference`` (a minus b), ``p_value, p_holm``: NaN for a pair with fewer than
        two datasets in common, which plays no part in the adjustment; 1 where no dataset differs.
    """
    rows = []
    for first, second in combinations(scores.columns, 2):
        pair = scores[[first, second]].dropna()
        pair = pair.groupby(level="dataset").mean() if "dataset" in pair.index.names else pair
        difference = (pair[first] - pair[second]).round(_DIGITS)
        if len(difference) < 2:
            p_value = np.nan
        else:
            p_value = 1.0 if (difference == 0).all() else float(stats.wilcoxon(difference).pvalue)
        rows.append((first, second, float(difference.median()), p_value))
    table = pd.DataFrame(rows, columns=["arm_a", "arm_b", "median_difference", "p_value"])
    return table.assign(p_holm=holm(table["p_value"]))


def win_rates(
    runs: pd.DataFrame, normalisation: str = PRIMARY_NORMALISATION, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Share of (dataset, fold, repeat) cells in which the row's arm beats the column's; a tie counts half.

    Failed runs lose. The diagonal is NaN.

    Returns
    -------
    DataFrame, shape (n_arms, n_arms)
        ``table.loc[a, b] + table.loc[b, a] == 1``.
    """
    scores = comparable_scores(runs, normalisation, arms)
    values = scores.to_numpy()
    wins = (values[:, :, None] > values[:, None, :]) + 0.5 * (values[:, :, None] == values[:, None, :])
    table = wins.mean(axis=0)
    np.fill_diagonal(table, np.nan)
    return pd.DataFrame(table, index=scores.columns.rename("arm"), columns=scores.columns.rename("against"))


def pairwise_tests(
    runs: pd.DataFrame,
    normalisation: str = PRIMARY_NORMALISATION,
    arms: Sequence[str] | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Compare each pair of arms over datasets: what a critical-difference diagram draws.

    Returns
    -------
    DataFrame
        One row per pair, the better arm first: ``arm, against, rank, rank_against`` (average ranks, 1 is
        best), ``median_difference, p_value, p_holm`` (Wilcoxon's signed-rank test on the mean scores per
        dataset over the cells that both arms finished), ``nemenyi, wilcoxon`` (whether the pair is told
        apart), ``critical_difference, friedman_p, n_datasets, alpha`` (repeated). Empty with fewer than two
        arms or datasets.

    References
    ----------
    Demšar (2006), see `critical_difference`; Benavoli, Corani and Mangili, *Should we really use post-hoc
    tests based on mean-ranks?*, JMLR 17 (2016), on why the second test stands beside the first.
    """
    ranks = rank_arms(runs, normalisation, arms)
    if min(ranks.shape) < 2:
        return pd.DataFrame(columns=PAIR_COLUMNS)
    found = critical_difference(ranks, alpha)
    order = list(found.mean_ranks)
    scores = score_matrix(runs, normalisation, order)
    tests = holm_wilcoxon(scores).rename(columns={"arm_a": "arm", "arm_b": "against"})
    tests["rank"] = tests["arm"].map(found.mean_ranks)
    tests["rank_against"] = tests["against"].map(found.mean_ranks)
    return tests.assign(
        nemenyi=tests["rank_against"] - tests["rank"] > found.difference,
        wilcoxon=tests["p_holm"] < alpha,
        critical_difference=found.difference,
        friedman_p=found.friedman_p,
        n_datasets=found.n_datasets,
        alpha=alpha,
    )[PAIR_COLUMNS]


def cliques(order: Sequence[str], apart: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return the largest sets of neighbouring arms none of which is told apart from another.

    Parameters
    ----------
    order : sequence of str
        Arms by average rank.
    apart : iterable of pairs
        The pairs that a test tells apart.

    Examples
    --------
    >>> cliques(["a", "b", "c"], [("a", "c")])
    (('a', 'b'), ('b', 'c'))
    """
    told = {frozenset(pair) for pair in apart}
    groups: list[tuple[str, ...]] = []
    furthest = 0
    for start in range(len(order)):
        end = start + 1
        while end < len(order) and not any(frozenset((order[end], one)) in told for one in order[start:end]):
            end += 1
        if end > furthest:
            groups.append(tuple(order[start:end]))
            furthest = end
    return tuple(groups)
