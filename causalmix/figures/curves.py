"""Validation and test curves along fine-tuning."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from causalmix.analysis import check_one_run_per_cell
from causalmix.claims import Store
from causalmix.depth_tests import DIAL
from causalmix.figures.style import (
    INK,
    arm_colour,
    arm_name,
    label_figure,
    order_arms,
    say_empty,
    split_axes,
)

CURVE_LABELS: dict[str, str] = {"test_auc": "test", "val_auc": "validation"}


def load_trajectories(store: Store) -> pd.DataFrame:
    """Return the change of validation and test ROC-AUC since step 0, summarised over runs.

    Returns
    -------
    DataFrame
        ``arm, curve`` (``test_auc`` or ``val_auc``), ``step, median, q25, q75, n_runs``.
    """
    curves = store.trajectories()
    check_one_run_per_cell(curves[curves["step"] == 0])
    curves = curves[curves["arm"] != "zero_shot"]
    start = curves[curves["step"] == 0].set_index("spec_hash")
    rows = []
    for curve in CURVE_LABELS:
        change = curves[curve] - curves["spec_hash"].map(start[curve])
        grouped = change.groupby([curves["arm"], curves["step"]], observed=True)
        summary = grouped.agg(
            median="median", q25=lambda x: x.quantile(0.25), q75=lambda x: x.quantile(0.75), n_runs="count"
        )
        rows.append(summary.reset_index().assign(curve=curve))
    frame = pd.concat(rows, ignore_index=True)
    return frame[["arm", "curve", "step", "median", "q25", "q75", "n_runs"]]


def plot_trajectories(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the median change per arm: test solid with its quartiles, validation dashed."""
    if say_empty(ax, frame, "trajectory"):
        return
    arms = order_arms(frame["arm"])
    for arm in arms:
        colour = arm_colour(arm)
        for curve, style in (("test_auc", "-"), ("val_auc", "--")):
            own = frame[(frame["arm"] == arm) & (frame["curve"] == curve)].sort_values("step")
            ax.plot(own["step"], own["median"], style, color=colour, linewidth=1.8)
            if curve == "test_auc":
                ax.fill_between(own["step"], own["q25"], own["q75"], color=colour, alpha=0.12, linewidth=0)
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set_xlabel("fine-tuning step")
    ax.set_ylabel("change of ROC-AUC since step 0\n(median over runs; band: quartiles of test)")
    handles = [Line2D([], [], color=arm_colour(arm), label=arm_name(arm)) for arm in arms]
    handles += [Line2D([], [], color=INK, linestyle="-", label="test")]
    handles += [Line2D([], [], color=INK, linestyle="--", label="validation")]
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(len(handles), 5), frameon=False
    )
    ax.set_xticks(np.unique(frame["step"]) if frame["step"].nunique() <= 12 else ax.get_xticks())
    ax.set_xlim(frame["step"].min(), frame["step"].max())


def load_depth_trajectories(store: Store) -> pd.DataFrame:
    """Return the change of validation log-loss since step 0 of each run along the dial, and without graphs.

    Returns
    -------
    DataFrame
        ``arm`` (those of the dial, and ``default``), ``dataset, fold, repeat, step, change`` (nats);
        ``median, q25, q75`` over runs and ``n_runs`` repeat per arm and step.
    """
    curves = store.trajectories()
    check_one_run_per_cell(curves[curves["step"] == 0])
    curves = curves[curves["arm"].str.startswith(DIAL) | (curves["arm"] == "default")]
    start = curves[curves["step"] == 0].set_index("spec_hash")["val_log_loss"]
    curves = curves.assign(change=curves["val_log_loss"] - curves["spec_hash"].map(start))
    grouped = curves.groupby(["arm", "step"], observed=True)["change"]
    summary = grouped.agg(
        median="median", q25=lambda x: x.quantile(0.25), q75=lambda x: x.quantile(0.75), n_runs="count"
    )
    columns = ["arm", "dataset", "fold", "repeat", "step", "change"]
    return curves[columns].merge(summary.reset_index(), on=["arm", "step"]).reset_index(drop=True)


def plot_depth_trajectories(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw a panel per depth: a thin line per run, the median and the quartiles over runs."""
    if say_empty(ax, frame[frame["arm"] != "default"], "arm causalmix@depth=…"):
        return
    arms = sorted(set(frame["arm"]), key=lambda arm: (arm == "default", arm))
    low, high = np.percentile(frame["change"], [1, 99])
    for panel, arm in zip(split_axes(ax, len(arms)), arms, strict=True):
        own = frame[frame["arm"] == arm].sort_values("step")
        colour = arm_colour(arm)
        for _, run in own.groupby(["dataset", "fold", "repeat"], observed=True):
            panel.plot(run["step"], run["change"], color=colour, linewidth=0.6, alpha=0.3)
        middle = own.drop_duplicates("step")
        panel.fill_between(
            middle["step"], middle["q25"], middle["q75"], color=colour, alpha=0.25, linewidth=0
        )
        panel.plot(middle["step"], middle["median"], color=INK, linewidth=1.8)
        panel.axhline(0, color=INK, linewidth=0.6)
        panel.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        panel.set_xlim(own["step"].min(), own["step"].max())
        title = "no synthetic rows" if arm == "default" else f"depth {arm.removeprefix(DIAL)}"
        panel.set_title(f"{title}, {int(own['n_runs'].max())} runs", fontsize=9.5)
    label_figure(panel, x="fine-tuning step", y="validation log-loss [nats], change since step 0")
