"""Validation and test curves along fine-tuning."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from causalmix.claims import Store
from causalmix.figures.style import INK, arm_colour, arm_name, order_arms, say_empty

CURVE_LABELS: dict[str, str] = {"test_auc": "test", "val_auc": "validation"}


def load_trajectories(store: Store) -> pd.DataFrame:
    """Return the change of validation and test ROC-AUC since step 0, summarised over runs.

    Returns
    -------
    DataFrame
        ``arm, curve`` (``test_auc`` or ``val_auc``), ``step, median, q25, q75, n_runs``.
    """
    curves = store.trajectories()
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
