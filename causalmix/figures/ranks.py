"""Average ranks of the arms, with the critical difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import PRIMARY_NORMALISATION
from causalmix.cells import Store
from causalmix.figures.style import INK, MUTED, arm_colour, arm_name, label_arms, say_empty
from causalmix.intervals import cluster_bootstrap
from causalmix.ranking import comparable_scores, critical_difference, rank_arms


def load_ranks(
    store: Store, normalisation: str = PRIMARY_NORMALISATION, arms: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the average rank of each fine-tuned arm (among ``arms``, if given) per dataset, and over them.

    Returns
    -------
    DataFrame
        ``dataset, arm, rank, mean_rank, lower, upper, critical_difference, friedman_p, n_datasets``; the last
        six repeat for all rows of an arm. Best arm first. The critical difference is NaN with one dataset.
    """
    runs = store.runs()
    ranked = [arm for arm in runs["arm"].unique() if arm in (arms or set(runs["arm"]) - {"zero_shot"})]
    ranks = rank_arms(runs, normalisation, ranked)
    comparable = len(ranks) > 1 and ranks.shape[1] > 1
    tests = critical_difference(ranks) if comparable else None
    rows = []
    for arm in ranks.mean().sort_values(kind="stable").index:
        interval = cluster_bootstrap(ranks[arm].to_numpy(), ranks.index.to_numpy(), np.mean)
        own = ranks[arm].rename("rank").reset_index().assign(arm=arm, mean_rank=interval.value)
        rows.append(own.assign(lower=interval.lower, upper=interval.upper))
    columns = ["dataset", "arm", "rank", "mean_rank", "lower", "upper"]
    frame = pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)
    return frame.assign(
        critical_difference=tests.difference if tests else np.nan,
        friedman_p=tests.friedman_p if tests else np.nan,
        n_datasets=len(ranks),
    )


def say_lead(
    store: Store,
    arm: str,
    baseline: str,
    normalisation: str = PRIMARY_NORMALISATION,
    arms: Sequence[str] | None = None,
) -> str:
    """Say how two arms compare when each table is ranked once, and cell by cell; nothing where one lacks."""
    runs = store.runs()
    if not {arm, baseline} <= set(runs["arm"]) or runs["dataset"].nunique() < 2:
        return ""
    once = critical_difference(rank_arms(runs, normalisation, arms)).mean_ranks
    scores = comparable_scores(runs, normalisation, [arm, baseline])
    higher, lower = (scores[arm] > scores[baseline]).sum(), (scores[arm] < scores[baseline]).sum()
    return (
        f"Ranked once more within each table, by their average ranks over its folds, {arm_name(arm)} is at "
        f"{once[arm]:.2f} and {arm_name(baseline)} at {once[baseline]:.2f}. Of {len(scores)} tables and "
        f"folds, {arm_name(arm)} scores higher in {higher}, lower in {lower}, the same in "
        f"{len(scores) - higher - lower}."
    )


def plot_ranks(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw mean ranks with intervals, one faint dot per dataset, and the critical difference as a bar."""
    if say_empty(ax, frame, "fine-tuning run"):
        return
    arms = list(dict.fromkeys(frame["arm"]))
    rng = np.random.default_rng(0)
    for row, arm in enumerate(arms):
        own, colour = frame[frame["arm"] == arm], arm_colour(arm)
        height = row + rng.uniform(-0.15, 0.15, len(own))
        ax.scatter(own["rank"], height, s=14, color=colour, alpha=0.35, linewidths=0)
        first = own.iloc[0]
        ax.plot([first["lower"], first["upper"]], [row, row], color=colour, linewidth=2.5)
        ax.plot(first["mean_rank"], row, "o", color=colour, markersize=8)
    label_arms(ax, arms)
    difference = frame["critical_difference"].iloc[0]
    if np.isfinite(difference):
        best = frame["mean_rank"].iloc[0]
        ax.plot([best, best + difference], [-0.42, -0.42], color=INK, linewidth=2, solid_capstyle="butt")
        ax.annotate(
            f"critical difference {difference:.2f}",
            (best, -0.42),
            xytext=(0, 4),
            textcoords="offset points",
            fontsize=8.5,
            color=MUTED,
        )
        ax.set_ylim(len(arms) - 0.5, -0.75)
    ax.set_xlim(0.8, len(arms) + 0.2)
    n_datasets = frame["n_datasets"].iloc[0]
    over = "one dataset" if n_datasets == 1 else f"{n_datasets} datasets"
    note = "\none table: no interval, no critical difference" if n_datasets == 1 else ""
    ax.set_xlabel(f"average rank over {over} (1 is best){note}")
