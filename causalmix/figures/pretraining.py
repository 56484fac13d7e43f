"""Figure of pre-trainings: the loss step by step, on the tasks trained on and on tasks held out."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from causalmix.figures.style import ARM_COLOURS, MUTED, label_figure, say_empty, split_axes

LOG_FILE = "pretraining-log.jsonl"
"""Name of the log beside the weights of a model."""

LOSSES = {"loss": "tasks trained on", "held_out_loss": "tasks held out"}
"""Column of the log -> what it was measured on."""


def load_pretraining(record: str | os.PathLike) -> pd.DataFrame:
    """Return the losses of one training, or of all models in a folder.

    Parameters
    ----------
    record : path
        ``log.jsonl`` of `causalmix.models.pretrain.Pretrainer`, or a folder whose subfolders, one per model,
        hold it as `LOG_FILE`. Steps that were made again after a stop count as they were made last.

    Returns
    -------
    DataFrame
        ``model`` (name of the log's folder), ``step, tasks, loss`` [nats], ``seconds`` (of training so far).
    """
    path = Path(record)
    logs = sorted(path.glob(f"*/{LOG_FILE}")) if path.is_dir() else [path]
    parts = [_read_log(log).assign(model=log.parent.name) for log in logs]
    return pd.concat(parts, ignore_index=True)[["model", "step", "tasks", "loss", "seconds"]]


def plot_pretraining(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the loss over the steps: a panel per model, a line per kind of task."""
    if say_empty(ax, frame, "step of a pre-training"):
        return
    models = list(dict.fromkeys(frame["model"]))
    panels = split_axes(ax, len(models), n_columns=1)
    drawn = {}
    for panel, model in zip(panels, models, strict=True):
        for name, colour in zip(LOSSES.values(), (MUTED, ARM_COLOURS["causalmix"]), strict=True):
            own = frame[(frame["model"] == model) & (frame["tasks"] == name)]
            if len(own):
                (drawn[name],) = panel.plot(own["step"], own["loss"], color=colour, linewidth=1.5)
        panel.set_title(model, loc="left")
        panel.set_xlim(0, frame.loc[frame["model"] == model, "step"].max())
    panels[0].figure.legend(drawn.values(), drawn, loc="outside upper right", ncols=2, frameon=False)
    label_figure(panels[0], x="optimiser step", y="cross-entropy of the query rows [nats]")


def _read_log(log: Path) -> pd.DataFrame:
    lines = pd.read_json(log, lines=True).drop_duplicates("step", keep="last").sort_values("step")
    there = {column: name for column, name in LOSSES.items() if column in lines}
    kept = lines[["step", "seconds", *there]].rename(columns=there)
    return kept.melt(["step", "seconds"], var_name="tasks", value_name="loss").dropna(subset=["loss"])
