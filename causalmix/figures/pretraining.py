"""Figure of a model's pre-training: its loss step by step, on the tasks trained on and on tasks held out."""

from __future__ import annotations

import os

import pandas as pd
from matplotlib.axes import Axes

from causalmix.figures.style import ARM_COLOURS, MUTED, say_empty

LOSSES = {"loss": "tasks trained on", "held_out_loss": "tasks held out"}
"""Column of the log -> what it was measured on."""


def load_pretraining(log: str | os.PathLike) -> pd.DataFrame:
    """Return the losses of a training's log.

    Parameters
    ----------
    log : path
        ``log.jsonl`` of `causalmix.models.pretrain.Pretrainer`; steps that were made again after a stop count
        as they were made last.

    Returns
    -------
    DataFrame
        ``step, tasks, loss`` [nats], ``seconds`` (of training so far).
    """
    lines = pd.read_json(log, lines=True).drop_duplicates("step", keep="last")
    there = {column: name for column, name in LOSSES.items() if column in lines}
    kept = lines[["step", "seconds", *there]].rename(columns=there)
    long = kept.melt(["step", "seconds"], var_name="tasks", value_name="loss").dropna(subset=["loss"])
    return long[["step", "tasks", "loss", "seconds"]].reset_index(drop=True)


def plot_pretraining(frame: pd.DataFrame, ax: Axes) -> None:
    """Draw the loss over the steps, one line per kind of task."""
    if say_empty(ax, frame, "step of a pre-training"):
        return
    for name, colour in zip(LOSSES.values(), (MUTED, ARM_COLOURS["causalmix"]), strict=True):
        own = frame[frame["tasks"] == name]
        if len(own):
            ax.plot(own["step"], own["loss"], color=colour, linewidth=1.5, label=name)
    ax.set_xlim(0, frame["step"].max())
    ax.set_xlabel("optimiser step")
    ax.set_ylabel("cross-entropy of the query rows [nats]")
    ax.legend(loc="upper left")
