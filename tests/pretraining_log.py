"""The log of a made-up pre-training that was stopped once and made its last steps again."""

from __future__ import annotations

import json
from pathlib import Path


def make_log(path: Path) -> None:
    """Write a log whose step 150 is there twice and whose last line has the loss on tasks held out."""
    steps, losses = [50, 100, 150, 150, 200], [0.9, 0.8, 99.0, 0.7, 0.6]
    lines = [
        {"step": step, "loss": loss, "seconds": 0.5 * step} for step, loss in zip(steps, losses, strict=True)
    ]
    lines[-1]["held_out_loss"] = 0.65
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
