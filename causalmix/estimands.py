"""The estimands of claims.yml that are computed from stored runs: one function per kind.

A function takes the runs that the claim is about and returns named quantities. ``value`` is the estimate,
``lower`` and ``upper`` its 95 % interval (NaN where none applies); the decision rules name the others.
Estimands of behaviour on simulated data are in `causalmix.method_estimands`. Free of torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import iqr

from causalmix.analysis import depth_and_stability, normalise_scores, paired_differences, unit_scores
from causalmix.cells import CELL, check_one_run_per_cell
from causalmix.differences import sign_flip_p
from causalmix.intervals import RESAMPLES, Interval, bca_interval, cluster_bootstrap, spearman
from causalmix.ranking import rank_arms
from causalmix.resampling import Statistic, sample_sd
from causalmix.stability import measure_stability

Quantities = dict[str, float]

FINE_TUNED_ARMS = ("default", "causalmix", "scm", "ctgan", "tabebm", "table_augment", "mixed_model")
"""The paper's seven arms: claim 02 counts their runs."""


@dataclass(frozen=True)
class Stored:
    """What an estimand of stored runs sees.

    Attributes
    ----------
    runs, trajectories : DataFrame
        Tables of a `ResultStore`, of one model; failed runs included.
    normalisation : str
        A key of `causalmix.analysis.NORMALISATIONS`.
    resamples, permutations, seed : int
        Of the bootstrap and the permutation test.
    """

    runs: pd.DataFrame
    trajectories: pd.DataFrame = field(default_factory=pd.DataFrame)
    normalisation: str = "error_removed"
    resamples: int = RESAMPLES
    permutations: int = 10_000
    seed: int = 0

    def scores(self) -> pd.DataFrame:
        """Return the finished runs with their normalised score."""
        return normalise_scores(self.runs, self.normalisation)

    def bootstrap(self, values: np.ndarray, datasets: pd.Series | pd.Index, statistic: Statistic) -> Interval:
        """Return the interval of ``statistic``, datasets resampled."""
        return cluster_bootstrap(
            values, datasets.to_numpy(), statistic, resamples=self.resamples, seed=self.seed
        )


def exact(value: float, **others: float) -> Quantities:
    """Return the quantities of a count or an identity, which has no sampling interval."""
    return {"value": float(value), "lower": float("nan"), "upper": float("nan"), **others}


def with_interval(interval: Interval, **others: float) -> Quantities:
    """Return the quantities of an estimate with its interval."""
    return {"value": interval.value, "lower": interval.lower, "upper": interval.upper, **others}


def datasets_covered(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 01: datasets with a finished fine-tuning run; whether the model is Mitra."""
    tuned = stored.runs[(stored.runs["status"] == "ok") & (stored.runs["arm"] != "zero_shot")]
    is_mitra = bool(len(tuned)) and tuned["model"].str.partition("@")[0].eq("mitra").all()
    return exact(tuned["dataset"].nunique(), model_is_mitra=float(is_mitra))


def runs_counted(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 02: recorded fine-tuning runs of the seven arms in one repeat, finished or failed."""
    first = stored.runs[stored.runs["repeat"] == stored.runs["repeat"].min()]
    tuned = first[first["arm"].isin(FINE_TUNED_ARMS)]
    folds = tuned.groupby("dataset", observed=True)["fold"].nunique()
    folds_min = float(folds.min() if len(folds) else 0)
    return exact(len(tuned), folds_min=folds_min, n_arms=float(tuned["arm"].nunique()))


def zero_shot_paired(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 03: share of finished fine-tuning runs with the zero-shot score of their own test rows."""
    check_one_run_per_cell(stored.runs)
    runs = stored.runs[stored.runs["status"] == "ok"]
    zero = runs[runs["arm"] == "zero_shot"][[*CELL, "test_auc", "n_test", "data_fingerprint"]]
    pairs = runs[runs["arm"] != "zero_shot"].merge(zero, on=CELL, how="left", suffixes=("", "_zero"))
    same_rows = (pairs["n_test"] == pairs["n_test_zero"]) & (
        pairs["data_fingerprint"] == pairs["data_fingerprint_zero"]
    )
    same_start = np.isclose(pairs["zero_shot_auc"], pairs["test_auc_zero"], rtol=0, atol=1e-6)
    return exact(float((same_rows & same_start).mean()))


def median_improvement(stored: Stored, estimand: Mapping) -> Quantities:
    """Claims 04 and 05: median normalised score of one arm, with its standard deviation beside it."""
    own = unit_scores(stored.runs, stored.normalisation, [estimand["arm"]])
    interval = stored.bootstrap(own["score"].to_numpy(), own["dataset"], np.median)
    q25, q75 = np.percentile(own["score"], [25, 75]) if len(own) else (np.nan, np.nan)
    return with_interval(interval, sd=float(own["score"].std()), iqr=float(q75 - q25))


def largest_median_improvement(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 06: largest of the arms' medians, and how many are negative."""
    own = unit_scores(stored.runs, stored.normalisation, arms := list(estimand["arms"]))
    wide = own.pivot(index=["dataset", "fold"], columns="arm", values="score").reindex(columns=arms)

    def medians(*scores: np.ndarray, axis: int) -> np.ndarray:
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # no run of an arm: NaN
            return np.array([np.nanmedian(one, axis=axis) for one in scores])

    interval = stored.bootstrap(
        wide.to_numpy(),
        wide.index.get_level_values("dataset"),
        lambda *scores, axis: np.fmax.reduce(medians(*scores, axis=axis)),
    )
    per_arm = medians(*wide.to_numpy().T, axis=-1)
    named = {f"median_{arm}": float(value) for arm, value in zip(arms, per_arm, strict=True)}
    return with_interval(interval, n_negative=float(np.sum(per_arm < 0)), **named)


def spread_ratio(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 07: SD of the normalised score of one arm over that of another, on the cells of both."""
    own = unit_scores(stored.runs, stored.normalisation, [estimand["arm"], estimand["baseline"]])
    pairs = paired_differences(own.assign(repeat=0), estimand["arm"], estimand["baseline"])
    both = pairs[["arm_value", "baseline_value"]].to_numpy()

    def ratio(of: np.ndarray, to: np.ndarray, axis: int, spread: Statistic = sample_sd) -> np.ndarray:
        below = spread(to, axis=axis)
        return spread(of, axis=axis) / np.where(below > 0, below, np.nan)

    interval = stored.bootstrap(both, pairs["dataset"], ratio)
    arm, baseline = both.T
    sds = {"sd_arm": float(sample_sd(arm)), "sd_baseline": float(sample_sd(baseline))}
    iqr_ratio = ratio(arm, baseline, axis=-1, spread=iqr) if len(both) else np.nan
    return with_interval(interval, iqr_ratio=float(iqr_ratio), **sds)


def rank_lead(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 08: average rank of the baseline minus that of the arm, and both positions (1 is first)."""
    ranks = rank_arms(stored.runs, stored.normalisation, estimand["arms"])
    pair = ranks[[estimand["arm"], estimand["baseline"]]].to_numpy()
    datasets = ranks.index.to_series()
    lead = stored.bootstrap(pair, datasets, lambda arm, other, axis: (other - arm).mean(axis).round(12))
    positions = ranks.mean().round(12).rank(method="min")
    return with_interval(
        lead,
        arm_position=float(positions[estimand["arm"]]),
        baseline_position=float(positions[estimand["baseline"]]),
        n_arms=float(ranks.shape[1]),
        **{f"rank_{arm}": float(rank) for arm, rank in ranks.mean().items()},
    )


def rank_gap(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 09: best average rank of the worse group minus the worst average rank of the better group."""
    better, worse = list(estimand["better"]), list(estimand["worse"])
    ranks = rank_arms(stored.runs, stored.normalisation, [*better, *worse])[[*better, *worse]]

    def gap(*columns: np.ndarray, axis: int) -> np.ndarray:
        means = np.array([column.mean(axis) for column in columns])
        return (means[len(better) :].min(axis=0) - means[: len(better)].max(axis=0)).round(12)

    interval = stored.bootstrap(ranks.to_numpy(), ranks.index.to_series(), gap)
    means = ranks.mean().round(12)
    return with_interval(interval, n_below=float((means[worse] > means[better].max()).sum()))


def baseline_of_normalisation(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 10: largest |score| of the zero-shot runs; share of scores with the sign of the change."""
    scores = stored.scores().dropna(subset=["score"])
    zero, tuned = scores[scores["arm"] == "zero_shot"], scores[scores["arm"] != "zero_shot"]
    agrees = np.sign(tuned["score"]) == np.sign(tuned["change"])
    return exact(zero["score"].abs().max(), sign_agreement=float(agrees.mean()))


def zero_when_equal(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 11: scores of runs that changed nothing, as recorded and after setting s to s0."""
    scores = stored.scores()
    unchanged = scores["change"] == 0
    replaced = stored.runs.assign(test_auc=stored.runs["zero_shot_auc"])
    forced = normalise_scores(replaced, stored.normalisation)["score"].abs().max()
    recorded = scores.loc[unchanged, "score"].abs().max() if unchanged.any() else 0.0
    changed = scores.loc[~unchanged, "score"].dropna()
    return exact(
        max(recorded, forced),
        nonzero_share=float((changed != 0).mean()) if len(changed) else 1.0,
        n_unchanged=float((unchanged & (scores["arm"] != "zero_shot")).sum()),
        n_step_zero=float(((scores["selected_step"] == 0) & (scores["arm"] != "zero_shot")).sum()),
    )


def gap_reduction(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 18: median validation-test gap of the baseline minus that of the arm."""
    gaps = measure_stability(stored.trajectories, ["validation_test_gap"])
    arms = (estimand["arm"], estimand["baseline"])
    pairs = paired_differences(gaps, *arms, column="validation_test_gap")
    both = pairs[["arm_value", "baseline_value"]].to_numpy()

    interval = stored.bootstrap(
        both, pairs["dataset"], lambda arm, other, axis: np.median(other, axis) - np.median(arm, axis)
    )
    undefined = gaps[gaps["arm"].isin(arms)]["validation_test_gap"].isna().sum()
    middle = np.median(both, axis=0) if len(both) else (np.nan, np.nan)
    return with_interval(
        interval, gap_arm=float(middle[0]), gap_baseline=float(middle[1]), n_undefined=float(undefined)
    )


def depth_dial_correlation(stored: Stored, estimand: Mapping) -> Quantities:
    """Claim 19: mean within-block Spearman correlation of depth and a stability measure along the dial."""
    joined = depth_and_stability(stored.runs, stored.trajectories, [estimand["measure"]])
    dial = joined[joined["arm"].str.startswith(estimand["arm_prefix"])]
    columns, grouped = [estimand["depth"], estimand["measure"]], dial.groupby(CELL, observed=True)
    blocks = [(str(key[0]), group[columns].dropna().to_numpy()) for key, group in grouped]
    informative = [(dataset, rows) for dataset, rows in blocks if not np.isnan(_block_correlation(rows))]
    per_dataset = _dataset_means(informative, [_block_correlation(rows) for _, rows in informative])
    value = float(per_dataset.mean()) if len(per_dataset) else float("nan")
    lower, upper = bca_interval(per_dataset.to_numpy(), resamples=stored.resamples, seed=stored.seed)
    smallest = float(estimand["smallest_effect"])
    return {
        "value": value,
        "lower": lower,
        "upper": upper,
        "p_value": block_permutation_p(informative, value, stored.permutations, stored.seed),
        "equivalent": float(lower > -smallest and upper < smallest),
        "n_blocks": float(len(informative)),
        "n_uninformative": float(len(blocks) - len(informative)),
        "n_undefined": float(dial[estimand["measure"]].isna().sum()),
        "sign_flip_p": sign_flip_p(per_dataset.to_numpy()),
        "n_repeated": float(sum(len(np.unique(rows, axis=0)) < len(rows) for _, rows in informative)),
    }


def _block_correlation(rows: np.ndarray) -> float:
    return spearman(rows[:, 0], rows[:, 1]) if len(rows) >= 3 else float("nan")


def _dataset_means(blocks: list[tuple[str, np.ndarray]], values: list[float]) -> pd.Series:
    return pd.Series(values, index=[dataset for dataset, _ in blocks], dtype=float).groupby(level=0).mean()


def block_permutation_p(
    blocks: list[tuple[str, np.ndarray]], observed: float, permutations: int, seed: int
) -> float:
    """Two-sided p value: depth permuted within blocks, the mean over datasets recomputed."""
    if not blocks or np.isnan(observed):
        return float("nan")
    rng = np.random.default_rng(seed)
    draws = np.empty((permutations, len(blocks)))
    for column, (_, rows) in enumerate(blocks):
        depth, measure = (_unit_ranks(rows[:, k]) for k in (0, 1))
        draws[:, column] = rng.permuted(np.tile(depth, (permutations, 1)), axis=1) @ measure
    datasets = np.array([dataset for dataset, _ in blocks])
    means = np.mean([draws[:, datasets == name].mean(axis=1) for name in np.unique(datasets)], axis=0)
    return float((1 + (np.abs(means) >= abs(observed) - 1e-12).sum()) / (1 + permutations))


def _unit_ranks(values: np.ndarray) -> np.ndarray:
    ranks = pd.Series(values).rank().to_numpy()
    centred = ranks - ranks.mean()
    return centred / np.sqrt((centred**2).sum())


ESTIMANDS: dict[str, Callable[[Stored, Mapping], Quantities]] = {
    "datasets_covered": datasets_covered,
    "runs_counted": runs_counted,
    "zero_shot_paired": zero_shot_paired,
    "median_improvement": median_improvement,
    "largest_median_improvement": largest_median_improvement,
    "spread_ratio": spread_ratio,
    "rank_lead": rank_lead,
    "rank_gap": rank_gap,
    "baseline_of_normalisation": baseline_of_normalisation,
    "zero_when_equal": zero_when_equal,
    "gap_reduction": gap_reduction,
    "depth_dial_correlation": depth_dial_correlation,
}
"""Estimands of stored runs by the kind that claims.yml names."""

NORMALISED = frozenset(
    {
        "median_improvement",
        "largest_median_improvement",
        "spread_ratio",
        "rank_lead",
        "rank_gap",
        "baseline_of_normalisation",
        "zero_when_equal",
    }
)
"""The kinds whose value depends on the normalisation: their verdicts are also given under the others."""
