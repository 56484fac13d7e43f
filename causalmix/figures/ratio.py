"""Figure of the sensitivity to the number of synthetic rows."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from causalmix.analysis import PRIMARY_NORMALISATION, improvement_summary, validation_test_gap
from causalmix.cells import Store, at_ratio
from causalmix.figures.scores import AXIS_LABELS
from causalmix.figures.style import INK, arm_colour, arm_name, order_arms, say_empty, split_axes
from causalmix.specs import RunSpec, find_arm

COLUMNS = ["measure", "arm", "ratio", "value", "lower", "upper", "n_runs", "normalisation"]


def load_ratio_sensitivity(store: Store, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Return the normalised score and the validation-test gap of each fine-tuned arm at each ratio.

    Returns
    -------
    DataFrame
        ``measure`` (``score`` or ``gap``), ``arm, ratio`` (synthetic rows per real one; 0 for an arm without
        any), ``value`` (median over runs), ``lower, upper`` (tables resampled), ``n_runs, normalisation``.
    """
    runs, trajectories = store.runs(), store.trajectories()
    has_rows = {arm: find_arm(arm).generator is not None for arm in order_arms(runs["arm"])}
    ratios = sorted(runs.loc[runs["arm"].map(has_rows).astype(bool), "synthetic_ratio"].unique())
    # Some normalisations scale by the other arms: an arm without rows is scaled as beside the usual ratio.
    usual = min(ratios, key=lambda ratio: abs(ratio - RunSpec.synthetic_ratio), default=0.0)
    parts = []
    for ratio in (0.0, *ratios):
        arms = [arm for arm in has_rows if has_rows[arm] == (ratio > 0) and arm != "zero_shot"]
        own = at_ratio(runs, ratio or usual)
        chosen = own.loc[own["arm"].isin(arms), "spec_hash"]
        score = improvement_summary(own, normalisation, arms)
        gap = validation_test_gap(trajectories[trajectories["spec_hash"].isin(chosen)])
        parts += [part.assign(measure=name, ratio=ratio) for name, part in (("score", score), ("gap", gap))]
    frame = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    named = frame.assign(normalisation=normalisation).rename(columns={"median": "value"})
    return named.reindex(columns=COLUMNS).sort_values(["measure", "arm", "ratio"], ignore_index=True)


def plot_ratio_sensitivity(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw score and gap against the ratio, a line per arm; an arm without synthetic rows is a band."""
    if say_empty(ax, frame, "arm with synthetic rows"):
        return
    labels = {
        "score": AXIS_LABELS[frame["normalisation"].iloc[0]].replace(": ", ":\n"),
        "gap": "validation-test gap",
    }
    panels = split_axes(ax, len(labels))
    for panel, (measure, label) in zip(panels, labels.items(), strict=True):
        own = frame[frame["measure"] == measure]
        panel.set_xscale("log", base=2)
        arms = order_arms(own["arm"])
        for number, arm in enumerate(arms):
            _draw_arm(panel, own[own["arm"] == arm], arm, 1.06 ** (number - len(arms) / 2))
        if measure == "score":
            panel.axhline(0, color=INK, linewidth=0.8)
        ratios = sorted(set(frame["ratio"]) - {0.0})
        panel.set_xticks(ratios, [f"{ratio:g}" for ratio in ratios])
        panel.set_xticks([], minor=True)
        panel.set_xlabel("synthetic rows per real training row")
        panel.set_ylabel(label)
    handles, names = panels[0].get_legend_handles_labels()
    panels[0].figure.legend(
        handles, names, loc="outside upper left", ncols=3, fontsize=9, frameon=False, handlelength=1.6
    )


def _draw_arm(panel: Axes, own: pd.DataFrame, arm: str, shift: float) -> None:
    """Draw medians with their intervals; ``shift`` moves them aside so that arms do not hide each other."""
    colour, first = arm_colour(arm), own.iloc[0]
    if first["ratio"] == 0:
        panel.axhspan(first["lower"], first["upper"], color=colour, alpha=0.12, linewidth=0)
        panel.axhline(
            first["value"], color=colour, linestyle="--", label=f"{arm_name(arm)} (no synthetic rows)"
        )
        return
    place = own["ratio"] * shift
    panel.plot(place, own["value"], "o-", color=colour, label=arm_name(arm))
    panel.vlines(place, own["lower"], own["upper"], color=colour, linewidth=1.6)
