"""Validation and test curves along fine-tuning, and the steps that early stopping selects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from pandas.api.typing import SeriesGroupBy

from causalmix.cells import Store, check_one_run_per_cell
from causalmix.depth_dial import DIAL
from causalmix.figures.style import (
    INK,
    MUTED,
    arm_colour,
    arm_name,
    figure_of,
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
        ``arm, curve`` (``test_auc`` or ``val_auc``), ``step, median, q25, q75, n_runs, selected_share``: the
        last is the share of the arm's runs whose selected step is this one.
    """
    curves = store.trajectories()
    check_one_run_per_cell(curves[curves["step"] == 0])
    curves = curves[curves["arm"] != "zero_shot"]
    start = curves[curves["step"] == 0].set_index("spec_hash")
    selected = curves[curves["selected"]].groupby(["arm", "step"], observed=True).size().rename("n_selected")
    rows = []
    for curve in CURVE_LABELS:
        change = curves[curve] - curves["spec_hash"].map(start[curve])
        grouped = change.groupby([curves["arm"], curves["step"]], observed=True)
        summary = summarise_runs(grouped)
        rows.append(summary.join(selected).reset_index().assign(curve=curve))
    frame = pd.concat(rows, ignore_index=True)
    runs = frame["arm"].map(curves.groupby("arm", observed=True)["spec_hash"].nunique())
    frame["selected_share"] = frame["n_selected"].fillna(0) / runs
    return frame[["arm", "curve", "step", "median", "q25", "q75", "n_runs", "selected_share"]]


def summarise_runs(groups: SeriesGroupBy) -> pd.DataFrame:
    """Return ``median, q25, q75, n_runs`` of each group of values, one value per run."""
    quartiles = {"median": groups.median(), "q25": groups.quantile(0.25), "q75": groups.quantile(0.75)}
    return pd.DataFrame({**quartiles, "n_runs": groups.count()})


def plot_trajectories(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw one panel per arm: median change of test (solid, with quartiles) and validation (dashed).

    Dots along the bottom show how often each step was selected, by their area; the dotted line is the median
    of the selected steps.
    """
    if say_empty(ax, frame, "trajectory"):
        return
    arms = order_arms(frame["arm"])
    figure = figure_of(ax)
    figure.set_figheight(1.2 + 1.75 * -(-len(arms) // 2))
    panels = split_axes(ax, len(arms))
    low, high = _limits(frame)
    for panel, arm in zip(panels, arms, strict=True):
        _draw_arm(panel, frame[frame["arm"] == arm], arm_colour(arm), low)
        panel.set_title(arm_name(arm), fontsize=10, color=arm_colour(arm))
        panel.set_ylim(low - 0.1 * (high - low), high)
        panel.set_xlim(frame["step"].min() - 0.5, frame["step"].max() + 0.5)
        panel.locator_params(axis="y", nbins=4)
    figure.supxlabel("fine-tuning step", fontsize=9.5)
    figure.supylabel("change of ROC-AUC since step 0, median over runs", fontsize=9.5)
    handles = [
        Line2D([], [], color=INK, label="test, with quartiles"),
        Line2D([], [], color=INK, linestyle="--", label="validation"),
        Line2D([], [], color=MUTED, marker="o", linestyle=":", label="selected steps, their median"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False, fontsize=9)


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Return limits that hold all medians and the middle of the test quartiles' ends, and 0."""
    bands = frame.loc[frame["curve"] == "test_auc", ["q25", "q75"]].to_numpy()
    low = min(frame["median"].min(), np.nanpercentile(bands, 5), 0)
    high = max(frame["median"].max(), np.nanpercentile(bands, 95), 0)
    margin = 0.05 * (high - low) or 0.01
    return low - margin, high + margin


def _draw_arm(panel: Axes, own: pd.DataFrame, colour: str, bottom: float) -> None:
    """Draw the curves of one arm and, along the bottom, its selected steps."""
    for curve, style in (("test_auc", "-"), ("val_auc", "--")):
        line = own[own["curve"] == curve].sort_values("step")
        panel.plot(line["step"], line["median"], style, color=colour, linewidth=1.8)
        if curve == "test_auc":
            panel.fill_between(line["step"], line["q25"], line["q75"], color=colour, alpha=0.15, linewidth=0)
    panel.axhline(0, color=INK, linewidth=0.8)
    shares = own[own["curve"] == "test_auc"].sort_values("step")
    panel.scatter(
        shares["step"], [bottom] * len(shares), s=160 * shares["selected_share"], color=colour, clip_on=False
    )
    reached = shares.loc[shares["selected_share"].cumsum() >= 0.5 - 1e-9, "step"]
    panel.axvline(reached.min(), color=MUTED, linestyle=":", linewidth=1.2)


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
    summary = summarise_runs(grouped)
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
