"""Pre-training steps against the machine's floor: how many tokens a second, and how many there could be.

    python benchmarks/pretraining.py [--quick] [--recipes NAME ...] [--steps N] [--out FOLDER]

The floor of a step is its floating-point operations over the rate at which this machine multiplies matrices
of the model's shapes, as in `finetune.py`. A token is a cell of a task: a row's feature or label. CPU-seconds
of one thread, at the end of each recipe. Prints a table, writes it as `speed.csv`, but not with `--quick`,
and ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import pandas as pd
import torch
from finetune import ATTENTION, measure_rate, timed, write_tables
from torch.utils.flop_counter import FlopCounterMode

from causalmix.models import MODELS
from causalmix.models.pretrain import Pretrainer, draw_batch, task_loss
from causalmix.models.prior import TaskBatch
from causalmix.models.recipes import RECIPES
from causalmix.models.tab2d import Tab2D


def count_tokens(batch: TaskBatch) -> int:
    """Cells of a batch, labels included."""
    n_tasks, n_rows, n_features = batch.X.shape
    return n_tasks * n_rows * (n_features + 1)


def count_operations(model: Tab2D, batches: list[TaskBatch]) -> int:
    """Floating-point operations of the batches' losses and gradients."""
    with FlopCounterMode(display=False, custom_mapping=ATTENTION) as counter:
        for batch in batches:
            task_loss(model, batch).backward()
    return counter.get_total_flops()


def measure(name: str, n_steps: int) -> dict:
    """Time the last steps of a recipe, beside their floor."""
    config = RECIPES[name]
    steps = range(config.n_steps - n_steps, config.n_steps)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Pretrainer(config, Path(folder))
        drawn = [(step, config, "cpu", part) for step in steps for part in range(config.batches_per_step)]
        batches, drawing = timed(lambda: [draw_batch(*one) for one in drawn], "cpu")
        _, seconds = timed(lambda: [trainer.train_step(step) for step in steps], "cpu")
    tokens, operations = sum(map(count_tokens, batches)), count_operations(trainer.model, batches)
    rate = measure_rate(config.model.dim, config.tokens_per_batch, "cpu")
    return {
        "recipe": name,
        "steps": n_steps,
        "tokens_per_s": tokens / seconds,
        "floor_tokens_per_s": tokens * rate / operations,
        "ratio": seconds * rate / operations,
        "share_drawing": drawing / seconds,
        "gflop_per_s": rate / 1e9,
    }


def main() -> None:
    """Measure each recipe, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few steps, nothing recorded")
    shipped = [name for name in RECIPES if name in MODELS]
    parser.add_argument("--recipes", nargs="+", default=shipped, choices=list(RECIPES), help="models")
    parser.add_argument("--steps", type=int, default=60, help="steps to time, of each recipe")
    parser.add_argument(
        "--out", type=Path, default=Path("results/pretraining"), help="where the CSV file goes"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    speed = pd.DataFrame([measure(name, 3 if options.quick else options.steps) for name in options.recipes])
    print(speed.round(3).to_string(index=False))
    if not options.quick:
        write_tables(options.out, "cpu", {"speed": speed})
    ratios = dict(zip(speed["recipe"], speed["ratio"].round(2), strict=True))
    print(json.dumps({"benchmark": "pretraining", "times_the_floor": ratios}))


if __name__ == "__main__":
    main()
