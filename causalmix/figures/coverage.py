"""What was run: tables, folds and arms; each run beside its zero-shot score; gaps of validation and test."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import CELL, run_gaps, validation_test_gap
from causalmix.cells import Store, check_one_run_per_cell
from causalmix.figures.style import (
    INK,
    MUTED,
    arm_colour,
    arm_name,
    draw_heatmap,
    grow,
    label_arms,
    mark_published,
    order_arms,
    say_empty,
)


def load_coverage(store: Store) -> pd.DataFrame:
    """Return how many folds of each table and arm were run.

    Returns
    -------
    DataFrame
        ``suite, dataset, arm, n_folds, n_finished, n_failed``: folds with a run, runs by outcome. Planned
        tables of which no run is there have zeros.
    """
    runs = store.runs()
    failed = (runs["status"] != "ok").astype(int)
    counted = runs.assign(n_failed=failed, n_finished=1 - failed)
    grouped = counted.groupby(["suite", "dataset", "arm"], observed=True)
    columns = {"n_folds": ("fold", "nunique"), "n_finished": ("n_finished", "sum")}
    found = grouped.agg(**columns, n_failed=("n_failed", "sum")).reset_index()
    absent = _absent_tables(store, runs)
    return pd.concat([found, absent], ignore_index=True)[found.columns] if len(absent) else found


def _absent_tables(store: Store, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of planned tables of which no run is there, where the store knows its plan."""
    absent = pd.DataFrame(getattr(store, "absent", list)(), columns=["dataset", "arm"]).drop_duplicates()
    absent = absent[~absent["dataset"].isin(runs["dataset"])].sort_values(["dataset", "arm"])
    (suite,) = runs["suite"].unique() if runs["suite"].nunique() == 1 else ("",)
    return absent.assign(suite=suite, n_folds=0, n_finished=0, n_failed=0)


def plot_coverage(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw tables by arms: finished runs, failed ones behind a plus sign, absent tables grey."""
    if say_empty(ax, frame, "run"):
        return
    arms, tables = order_arms(frame["arm"]), sorted(frame["dataset"].unique())
    grow(ax, len(tables))
    finished, failed = (
        frame.pivot(index="dataset", columns="arm", values=column)
        .reindex(index=tables, columns=arms)
        .to_numpy(dtype=float)
        for column in ("n_finished", "n_failed")
    )
    lost = np.where(failed > 0, np.char.mod(" + %.0f failed", failed), "")
    texts = np.char.add(np.char.mod("%.0f", finished), lost)
    pale = (0, 3 * np.nanmax([1, np.nanmax(finished)]))
    draw_heatmap(
        ax, finished, texts, rows=tables, columns=arms, limits=pale, cmap="Blues", rotation=40, fontsize=7.5
    )
    absent = set(tables) - set(frame.loc[frame["n_folds"] > 0, "dataset"])
    for tick in ax.get_yticklabels():
        if tick.get_text() in absent:
            tick.set_color(MUTED)
    note = "\ngrey: planned, but its rows could not be had" if absent else ""
    ax.set_xlabel(f"finished runs per table and arm{note}")


def load_pairs(store: Store) -> pd.DataFrame:
    """Return the ROC-AUC of each fine-tuning run beside that of the zero-shot run on the same test rows.

    Returns
    -------
    DataFrame
        ``dataset, fold, repeat, arm, n_test, zero_shot_auc, test_auc``: the zero-shot value is that of the
        recorded zero-shot run, NaN where there is none.
    """
    runs = store.runs()
    check_one_run_per_cell(runs)
    runs = runs[runs["status"] == "ok"]
    zero = runs[runs["arm"] == "zero_shot"][[*CELL, "n_test", "test_auc"]]
    zero = zero.rename(columns={"test_auc": "zero_shot_auc"})
    tuned = runs[runs["arm"] != "zero_shot"][[*CELL, "arm", "n_test", "test_auc"]]
    pairs = tuned.merge(zero, on=[*CELL, "n_test"], how="left")
    return pairs[[*CELL, "arm", "n_test", "zero_shot_auc", "test_auc"]]


def plot_pairs(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw fine-tuned against zero-shot ROC-AUC, one dot per run; on the line nothing changed."""
    if say_empty(ax, frame, "fine-tuning run"):
        return
    for arm in order_arms(frame["arm"]):
        own = frame[frame["arm"] == arm]
        ax.scatter(
            own["zero_shot_auc"],
            own["test_auc"],
            s=16,
            alpha=0.5,
            linewidths=0,
            color=arm_colour(arm),
            label=arm_name(arm),
        )
    low = float(np.nanmin(frame[["zero_shot_auc", "test_auc"]].to_numpy()))
    ax.plot([low, 1], [low, 1], color=INK, linewidth=0.8)
    ax.set_xlabel("zero-shot ROC-AUC on the same test rows")
    ax.set_ylabel("ROC-AUC after fine-tuning")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=1.5, frameon=False)


def load_gaps(store: Store) -> pd.DataFrame:
    """Return the validation-test gap of each fine-tuning run: 1 - Spearman of the two ROC-AUC curves.

    Returns
    -------
    DataFrame
        ``dataset, fold, repeat, arm, gap, arm_median, arm_lower, arm_upper, n_undefined``: the last four
        repeat per arm; runs without a gap (a constant curve) are left out and counted in ``n_undefined``.
    """
    trajectories = store.trajectories()
    gaps = run_gaps(trajectories).rename(columns={"validation_test_gap": "gap"})
    summary = validation_test_gap(trajectories).drop(columns="n_runs")
    renamed = summary.rename(columns={name: f"arm_{name}" for name in ("median", "lower", "upper")})
    defined = gaps[gaps["arm"] != "zero_shot"].dropna(subset=["gap"])
    joined = defined.merge(renamed, on="arm", how="left")
    return joined[[*CELL, "arm", "gap", "arm_median", "arm_lower", "arm_upper", "n_undefined"]]


def plot_gaps(frame: pd.DataFrame, ax: Axes, references: Mapping[str, float] | None = None) -> None:
    """Draw the gap of each run, with the arm's median, its interval, and the published medians, if given."""
    if say_empty(ax, frame, "trajectory"):
        return
    arms = order_arms(frame["arm"])
    rng = np.random.default_rng(0)
    for row, arm in enumerate(arms):
        own, colour = frame[frame["arm"] == arm], arm_colour(arm)
        height = row + rng.uniform(-0.2, 0.2, len(own))
        ax.scatter(own["gap"], height, s=12, color=colour, alpha=0.4, linewidths=0)
        first = own.iloc[0]
        ax.plot([first["arm_lower"], first["arm_upper"]], [row, row], color=colour, linewidth=3)
        ax.plot(first["arm_median"], row, "o", color=colour, markersize=9, markeredgecolor="white")
    mark_published(ax, arms, references)
    ax.axvline(1, color=MUTED, linestyle="--", linewidth=1)
    ax.annotate("unrelated", (1, -0.48), xytext=(4, -8), textcoords="offset points", color=MUTED, fontsize=9)
    label_arms(ax, arms)
    ax.set_xlim(-0.05, 2.05)
    ax.set_xlabel("1 - Spearman correlation of validation and test ROC-AUC\nalong one trajectory")
