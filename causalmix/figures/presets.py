"""Figure of the fine-tuning presets: what each does to the weights and to the curves."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from causalmix.cells import Store
from causalmix.figures.curves import summarise_runs
from causalmix.figures.style import INK, arm_name, order_arms, say_empty, split_axes

PRESET_COLOURS: dict[str, str] = {
    "causalmix": "#1a1a1a",
    "autogluon-mitra": "#8c8c8c",
    "mitra-v2": "#7b5ea7",
    "tabpfn": "#a08a3c",
}
"""Neutral: the colours of the other figures belong to the arms."""

MEASURES: dict[str, str] = {
    "path": "path of the weights (L2)",
    "val_log_loss": "change of validation log-loss",
    "val_auc": "change of validation ROC-AUC",
    "test_auc": "change of test ROC-AUC",
}
"""Measure -> label of its panel."""

COLUMNS = ["measure", "preset", "arm", "step", "median", "q25", "q75", "n_runs"]


def load_presets(store: Store) -> pd.DataFrame:
    """Return per preset and arm how far the weights went and how the curves changed, along the steps.

    Returns
    -------
    DataFrame
        ``measure`` (``path``: sum of the norms of the weights' changes so far; else the change of that curve
        since step 0), ``preset, arm, step, median, q25, q75`` over runs, ``n_runs``.
    """
    curves = store.trajectories()
    curves = curves[curves["arm"] != "zero_shot"].sort_values(["spec_hash", "step"])
    preset = curves["spec_hash"].map(store.runs().set_index("spec_hash")["preset"])
    by_run = curves.groupby("spec_hash")
    values = {
        name: by_run["update_norm"].cumsum()
        if name == "path"
        else curves[name] - by_run[name].transform("first")
        for name in MEASURES
    }
    parts = []
    for name, value in values.items():
        grouped = value.groupby([preset.rename("preset"), curves["arm"], curves["step"]], observed=True)
        parts.append(summarise_runs(grouped).reset_index().assign(measure=name))
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def plot_presets(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw a panel per measure: a colour per preset, a line style per arm, medians and quartiles of runs."""
    if say_empty(ax, frame, "fine-tuned run"):
        return
    presets = [name for name in PRESET_COLOURS if name in set(frame["preset"])]
    dashes: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
    styles = dict(zip(reversed(order_arms(frame["arm"])), dashes, strict=False))
    panels = split_axes(ax, len(MEASURES))
    for panel, (measure, label) in zip(panels, MEASURES.items(), strict=True):
        for preset in presets:
            for arm, style in styles.items():
                own = frame[
                    (frame["measure"] == measure) & (frame["preset"] == preset) & (frame["arm"] == arm)
                ]
                own = own[own["step"] > 0] if measure == "path" else own
                colour = PRESET_COLOURS[preset]
                panel.fill_between(own["step"], own["q25"], own["q75"], color=colour, alpha=0.1, linewidth=0)
                panel.plot(own["step"], own["median"], style, color=colour, linewidth=1.8)
        if measure == "path":
            panel.set_yscale("log")
        else:
            panel.axhline(0, color=INK, linewidth=0.8)
        panel.set_xlim(0, frame["step"].max())
        panel.set_xlabel("fine-tuning step")
        panel.set_ylabel(label)
    settings = [
        Line2D([], [], color=PRESET_COLOURS[name], linewidth=1.8, label=f"settings: {name}")
        for name in presets
    ]
    arms = [
        Line2D([], [], color=INK, linestyle=style, label=f"arm: {arm_name(arm)}")
        for arm, style in styles.items()
    ]
    about = {"ncols": 4, "frameon": False, "handlelength": 1.8}
    panels[0].figure.legend(handles=settings, loc="outside upper left", **about)
    panels[0].figure.legend(handles=arms, loc="outside lower left", **about)
