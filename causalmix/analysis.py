"""From recorded runs to numbers: normalised scores, summaries per arm, ranks, gaps, depth and stability.

Every function takes the tables of a `ResultStore` (``runs()``, ``trajectories()``) and returns a table or a
small record. Free of torch. Intervals resample whole datasets (see `causalmix.intervals`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from causalmix.cells import CELL, AnalysisError, check_one_run_per_cell
from causalmix.intervals import CONFIDENCE, RESAMPLES, Correlation, cluster_bootstrap, correlate
from causalmix.stability import STABILITY_MEASURES, measure_stability

PRIMARY_NORMALISATION = "error_removed"


def _difference(runs: pd.DataFrame) -> pd.Series:
    change = runs["test_auc"] - runs["zero_shot_auc"]
    return change.round(12) + 0.0  # what is smaller is a rounding error; -0 + 0 is 0


def _error_removed(runs: pd.DataFrame) -> pd.Series:
    change = _difference(runs)
    share = change / (1 - runs["zero_shot_auc"]).round(12).where(lambda room: room > 0)
    return share.where(change != 0, 0.0)


def _largest_change(runs: pd.DataFrame) -> pd.Series:
    change = _difference(runs)
    largest = change.abs().groupby([runs[name] for name in CELL], observed=True).transform("max")
    return (change / largest.where(largest > 0)).where(largest > 0, 0.0)


def _dataset_sd(runs: pd.DataFrame) -> pd.Series:
    tuned, change = runs["test_auc"].where(runs["arm"] != "zero_shot"), _difference(runs)
    spread = tuned.groupby(runs["dataset"]).transform("std")  # NaN with a single fine-tuned run
    return (change / spread.where(spread > 0)).where((spread != 0) & (change != 0), 0.0)


NORMALISATIONS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "error_removed": _error_removed,
    "difference": _difference,
    "largest_change": _largest_change,
    "dataset_sd": _dataset_sd,
}
"""The four normalisations of claims.yml by name; the first is the primary one."""


def normalise_scores(runs: pd.DataFrame, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Return the finished runs with their normalised score.

    Parameters
    ----------
    runs : DataFrame
        ``ResultStore.runs()``; failed runs are left out.
    normalisation : str
        A key of `NORMALISATIONS`. With s the test ROC-AUC and s0 the zero-shot one of the same dataset,
        fold and repeat: ``error_removed`` (s - s0) / (1 - s0), ``difference`` s - s0, ``largest_change``
        (s - s0) / max over arms of |s - s0| in the same cell, ``dataset_sd`` (s - s0) / SD of s over the
        fine-tuned runs of the dataset. All are 0 where s = s0. Where s0 = 1 and s < 1 the first has
        no value (NaN): there was no error to remove; nor has the last where there is a single run to take
        the SD of.

    Returns
    -------
    DataFrame
        The finished runs, a new frame, with the columns ``change`` (s - s0, to 12 digits) and ``score``.

    Raises
    ------
    AnalysisError
        For an unknown normalisation, a missing column, or several runs per cell and arm.

    Examples
    --------
    >>> runs = pd.DataFrame({"dataset": "wine", "fold": [0, 0], "repeat": 0, "arm": ["default", "causalmix"],
    ...                      "status": "ok", "test_auc": [0.8, 0.9], "zero_shot_auc": [0.8, 0.8]})
    >>> normalise_scores(runs).score.round(3).tolist()
    [0.0, 0.5]
    >>> normalise_scores(runs, "largest_change").score.tolist()
    [0.0, 1.0]
    """
    if normalisation not in NORMALISATIONS:
        known = ", ".join(NORMALISATIONS)
        raise AnalysisError(f"unknown normalisation {normalisation!r}: choose one of {known}")
    _require(runs, [*CELL, "arm", "status", "test_auc", "zero_shot_auc"])
    check_one_run_per_cell(runs)
    finished = runs[runs["status"] == "ok"]
    score = NORMALISATIONS[normalisation](finished)
    return finished.assign(change=_difference(finished), score=score).reset_index(drop=True)


def unit_scores(
    runs: pd.DataFrame, normalisation: str = PRIMARY_NORMALISATION, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return one normalised score per dataset, fold and arm: repeats are averaged, undefined scores dropped.

    Returns
    -------
    DataFrame
        ``dataset, fold, arm, score, n_repeats``.
    """
    scores = normalise_scores(runs, normalisation)
    if arms is not None:
        scores = scores[scores["arm"].isin(list(arms))]
    grouped = scores.dropna(subset=["score"]).groupby(["dataset", "fold", "arm"], observed=True)["score"]
    return grouped.agg(score="mean", n_repeats="count").reset_index()


def improvement_summary(
    runs: pd.DataFrame,
    normalisation: str = PRIMARY_NORMALISATION,
    arms: Sequence[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> pd.DataFrame:
    """Summarise the normalised score of each arm over datasets and folds.

    Returns
    -------
    DataFrame
        One row per arm: ``arm, n_runs, n_failed, n_datasets, median, lower, upper`` (bootstrap interval of
        the median, datasets resampled), ``q25, q75, iqr, sd``. ``sd`` is what we print after ±: the paper's
        own ± is not defined in what we have.

    Examples
    --------
    >>> runs = pd.DataFrame({"dataset": ["a", "b", "c"], "fold": 0, "repeat": 0, "arm": "default",
    ...                      "status": "ok", "test_auc": [0.7, 0.8, 0.9], "zero_shot_auc": 0.6})
    >>> improvement_summary(runs, resamples=200)[["arm", "n_runs", "median", "iqr"]].round(2).values.tolist()
    [['default', 3, 0.5, 0.25]]
    """
    scores = unit_scores(runs, normalisation, arms)
    failed = runs[runs["status"] != "ok"].groupby("arm", observed=True).size()
    rows = []
    for arm in [name for name in (arms or sorted(runs["arm"].unique())) if name in set(runs["arm"])]:
        own = scores[scores["arm"] == arm]
        values = own["score"].to_numpy(dtype=float)
        interval = cluster_bootstrap(
            values,
            own["dataset"].to_numpy(),
            np.median,
            resamples=resamples,
            confidence=confidence,
            seed=seed,
        )
        q25, q75 = np.percentile(values, [25, 75]) if len(values) else (np.nan, np.nan)
        counts = {"n_runs": len(values), "n_failed": int(failed.get(arm, 0))}
        middle = {"median": interval.value, "lower": interval.lower, "upper": interval.upper}
        spread = {"q25": q25, "q75": q75, "iqr": q75 - q25, "sd": own["score"].std()}
        rows.append({"arm": arm, **counts, "n_datasets": own["dataset"].nunique(), **middle, **spread})
    return pd.DataFrame(rows)


def paired_differences(runs: pd.DataFrame, arm: str, baseline: str, column: str = "score") -> pd.DataFrame:
    """Pair two arms by dataset, fold and repeat.

    Parameters
    ----------
    runs : DataFrame
        `CELL` columns, ``arm`` and ``column``; pairs with a missing value are left out.

    Returns
    -------
    DataFrame
        `CELL` columns, ``arm_value``, ``baseline_value``, ``difference`` (arm minus baseline).

    Examples
    --------
    >>> scores = pd.DataFrame({"dataset": "wine", "fold": [0, 0], "repeat": 0,
    ...                        "arm": ["default", "causalmix"], "score": [0.1, 0.4]})
    >>> paired_differences(scores, "causalmix", "default").difference.round(2).tolist()
    [0.3]
    """
    _require(runs, [*CELL, "arm", column])
    check_one_run_per_cell(runs)
    first = runs[runs["arm"] == arm][[*CELL, column]].rename(columns={column: "arm_value"})
    second = runs[runs["arm"] == baseline][[*CELL, column]].rename(columns={column: "baseline_value"})
    pairs = first.merge(second, on=CELL, how="inner").dropna().reset_index(drop=True)
    return pairs.assign(difference=pairs["arm_value"] - pairs["baseline_value"])


def run_gaps(trajectories: pd.DataFrame) -> pd.DataFrame:
    """Return the validation-test gap of each run (NaN where a curve is constant): see `causalmix.stability`.

    Returns
    -------
    DataFrame
        One row per run: ``study, dataset, fold, arm, model, repeat, spec_hash, n_evaluations`` and all
        stability measures, among them ``validation_test_gap``.
    """
    measures = measure_stability(trajectories)
    check_one_run_per_cell(measures)
    return measures


def validation_test_gap(
    trajectories: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Summarise the validation-test gap (1 - Spearman of the two ROC-AUC curves) per fine-tuned arm.

    Returns
    -------
    DataFrame
        ``arm, n_runs`` (with a defined gap), ``n_undefined, median, lower, upper``.
    """
    gaps = run_gaps(trajectories)
    rows = []
    for arm, own in gaps[gaps["arm"] != "zero_shot"].groupby("arm", observed=True):
        defined = own.dropna(subset=["validation_test_gap"])
        interval = cluster_bootstrap(
            defined["validation_test_gap"].to_numpy(),
            defined["dataset"].to_numpy(),
            np.median,
            resamples=resamples,
            seed=seed,
        )
        counts = {"n_runs": len(defined), "n_undefined": len(own) - len(defined)}
        middle = {"median": interval.value, "lower": interval.lower, "upper": interval.upper}
        rows.append({"arm": arm, **counts, **middle})
    return pd.DataFrame(rows, columns=["arm", "n_runs", "n_undefined", "median", "lower", "upper"])


def depth_and_stability(
    runs: pd.DataFrame, trajectories: pd.DataFrame, measures: Sequence[str] = tuple(STABILITY_MEASURES)
) -> pd.DataFrame:
    """Join the graph statistics of each run with stability measures; leave out runs without a graph.

    A run that ended before others of its dataset, fold and repeat (it diverged, or its patience was over) has
    no ``tail_volatility``: that can be compared only where runs are evaluated equally often.
    """
    check_one_run_per_cell(runs)
    measured = measure_stability(trajectories, measures).drop(columns=["study", *CELL, "arm", "model"])
    joined = runs[runs["status"] == "ok"].merge(measured, on="spec_hash", how="inner", validate="one_to_one")
    joined = joined[joined["depth"].notna()].reset_index(drop=True)
    if "tail_volatility" not in measures:
        return joined
    longest = joined.groupby(CELL, observed=True)["n_evaluations"].transform("max")
    comparable = joined["tail_volatility"].where(joined["n_evaluations"] == longest)
    return joined.assign(tail_volatility=comparable)


def correlate_depth_stability(
    runs: pd.DataFrame,
    trajectories: pd.DataFrame,
    *,
    measure: str = "tail_volatility",
    depth: str = "depth",
    arm: str = "causalmix",
    seed: int = 0,
) -> Correlation:
    """Correlate structural depth and a stability measure between datasets.

    Parameters
    ----------
    measure, depth : str
        A stability measure and a depth column of ``runs``; both are averaged per dataset first, so that each
        dataset is one point.

    Returns
    -------
    Correlation
        Spearman's rho, BCa interval, two-sided permutation p, number of datasets.
    """
    joined = depth_and_stability(runs, trajectories)
    _require(joined, [measure, depth])
    means = joined[joined["arm"] == arm].groupby("dataset", observed=True)[[depth, measure]].mean()
    return correlate(means[depth].to_numpy(), means[measure].to_numpy(), seed=seed)


def _require(table: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        raise AnalysisError(
            f"the table lacks the columns {missing}: pass a table of a ResultStore (runs(), trajectories())"
        )
