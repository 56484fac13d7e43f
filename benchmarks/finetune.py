"""Fine-tuning runs: how far from the machine's floor, one by one against many at once, and beside AutoGluon.

    [CAUSALMIX_DATA=FOLDER] python benchmarks/finetune.py [--quick] [--runs N] [--device cuda] [--out FOLDER]

Three questions, of `embedded-mini` on tables with few, some and many features (TabArena's where their folder
is given, else scikit-learn's):

1. How long is a run against its floor, the floating-point operations of its steps and evaluations over the
   rate at which this machine multiplies matrices of the model's shapes? How much memory does it need?
2. How many runs a second one by one, and how many in one program? The results have to be the same.
3. How many runs a second, and what test ROC-AUC, has AutoGluon's own loop on the same checkpoint and rows?

On a CPU times are CPU-seconds of one thread, of a GPU wall-clock seconds. Prints three tables, writes them as
`floor.csv`, `programs.csv` and (where AutoGluon is installed) `autogluon.csv`, but not with `--quick`, and
ends with one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import resource
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch._dynamo  # torch.optim imports it at its first use: not the time of a run
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from causalmix.environment import describe_environment
from causalmix.experiment import encode_rows, prepare_fold
from causalmix.finetune import PRESETS, FinetuneData, FinetunePreset, FineTuner
from causalmix.finetune_run import evaluate
from causalmix.models import load_model
from causalmix.specs import RunSpec
from causalmix.trajectory import Trajectory

MODEL = "embedded-mini"
TABLES = {
    "tabarena33": ("diabetes", "in_vehicle_coupon_recommendation", "splice"),
    "bundled": ("wine", "breast_cancer", "digits"),
}
ATTENTION = {  # PyTorch counts the attention of GPUs only
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: (
        lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v)
    ),
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: (
        lambda gradient, q, k, v, *_, **__: sdpa_backward_flop_count(gradient, q, k, v)
    ),
}


def load_tables(folder: str | None, n_folds: int) -> dict[str, list[FinetuneData]]:
    """Rows of the first folds of each table, the pool being the real training rows."""
    suite = "tabarena33" if folder else "bundled"
    tables = {}
    for name in TABLES[suite]:
        folds = (
            prepare_fold(RunSpec("bench", suite, name, fold, "default"), folder) for fold in range(n_folds)
        )
        tables[name] = [encode_rows(fold, fold.train) for fold in folds]
    return tables


def timed(call: Callable[[], object], device: str) -> tuple[object, float]:
    """What `call` returns, and its seconds."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    result = call()
    if device != "cpu":
        torch.cuda.synchronize(device)
    return result, clock() - start


def count_operations(model: torch.nn.Module, data: FinetuneData, preset: FinetunePreset, device: str) -> int:
    """Floating-point operations of one run: its evaluations and steps, which are all alike."""

    def count(call: Callable[[], object]) -> int:
        with FlopCounterMode(display=False, custom_mapping=ATTENTION) as counter:
            call()
        return counter.get_total_flops()

    evaluation = count(lambda: evaluate(model, [data], 0))
    one_step = dataclasses.replace(preset, n_steps=1)
    step = count(lambda: FineTuner(one_step, device).run(model, data, 0)) - 2 * evaluation
    n_evaluations = 1 + -(-preset.n_steps // preset.eval_every)
    return n_evaluations * evaluation + preset.n_steps * step


def measure_rate(width: int, n_tokens: int, device: str) -> float:
    """Operations a second of a model's largest product: the embeddings of a step times an MLP's weights."""
    a, b = torch.randn(n_tokens, width, device=device), torch.randn(width, 4 * width, device=device)
    product = torch.empty(n_tokens, 4 * width, device=device)
    n_repeats = 10 if device == "cpu" else 200
    seconds = min(
        timed(lambda: [torch.mm(a, b, out=product) for _ in range(n_repeats)], device)[1] for _ in range(10)
    )
    return 2 * a.numel() * 4 * width * n_repeats / seconds


def measure_memory(device: str) -> float:
    """Largest memory so far in GB: of the process, or of the GPU's tensors."""
    if device == "cpu":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return torch.cuda.max_memory_allocated(device) / 2**30


def compare_with_floor(
    model: torch.nn.Module, tables: dict[str, list[FinetuneData]], preset: FinetunePreset, device: str
) -> pd.DataFrame:
    """One row per table: seconds of a run, its floor, their ratio, peak memory."""
    rows = []
    for name, (data, *_) in tables.items():
        _, seconds = timed(lambda data=data: FineTuner(preset, device).run(model, data, 0), device)
        n_tokens = min(preset.rows_per_step, len(data.pool)) * (data.pool.X.shape[1] + 1)
        operations = count_operations(model, data, preset, device)
        rate = measure_rate(model.config.dim, n_tokens, device)
        rows.append(
            {
                "table": name,
                "features": data.pool.X.shape[1],
                "gflop": operations / 1e9,
                "gflop_per_s": rate / 1e9,
                "floor_s": operations / rate,
                "seconds": seconds,
                "ratio": seconds * rate / operations,
                "memory_gb": measure_memory(device),
            }
        )
    return pd.DataFrame(rows)


def compare_programs(
    model: torch.nn.Module,
    tables: dict[str, list[FinetuneData]],
    preset: FinetunePreset,
    n_runs: int,
    device: str,
) -> pd.DataFrame:
    """One row per table: runs a second one by one and together, and the largest difference of any score."""
    rows, tuner = [], FineTuner(preset, device)
    for name, folds in tables.items():
        runs = [folds[i % len(folds)] for i in range(n_runs)]

        def one_by_one(runs: list[FinetuneData] = runs) -> list[Trajectory]:
            return [tuner.run(model, data, seed) for seed, data in enumerate(runs)]

        def together(runs: list[FinetuneData] = runs) -> list[Trajectory]:
            programs = tuner.run_many(model, runs, range(n_runs))
            outcomes = {position: outcome for program in programs for position, outcome in program.items()}
            return [outcomes[position] for position in range(n_runs)]

        (alone, slow), (many, fast) = timed(one_by_one, device), timed(together, device)
        gaps = [
            np.abs(np.subtract(getattr(one, curve), getattr(other, curve))).max()
            for one, other in zip(alone, many, strict=True)
            for curve in ("val_auc", "test_auc", "val_log_loss", "test_log_loss")
        ]
        rows.append(
            {
                "table": name,
                "runs": n_runs,
                "one_by_one_per_s": n_runs / slow,
                "together_per_s": n_runs / fast,
                "speedup": slow / fast,
                "largest_difference": max(gaps),
            }
        )
    return pd.DataFrame(rows)


def compare_with_autogluon(
    model: torch.nn.Module, tables: dict[str, list[FinetuneData]], preset: FinetunePreset, device: str
) -> pd.DataFrame | None:
    """One row per table: runs a second and test ROC-AUC of both loops; ``None`` without AutoGluon."""
    if importlib.util.find_spec("autogluon") is None or importlib.util.find_spec("autogluon_mitra") is None:
        return None
    from autogluon_mitra import finetune_autogluon

    checkpoint = Path(str(files("causalmix.models"))) / "weights" / MODEL
    rows = []
    for name, (data, *_) in tables.items():
        ours, our_seconds = timed(lambda data=data: FineTuner(preset, device).run(model, data, 0), device)
        theirs, their_seconds = timed(
            lambda data=data: finetune_autogluon(
                checkpoint,
                data,
                preset.n_steps,
                learning_rate=preset.learning_rate,
                warmup_steps=preset.warmup_steps,
                device=device,
            ),
            device,
        )
        rows.append(
            {
                "table": name,
                "ours_per_s": 1 / our_seconds,
                "autogluon_per_s": 1 / their_seconds,
                "ours_auc": ours.at_selected("test_auc"),
                "autogluon_auc": theirs.test_auc,
            }
        )
    return pd.DataFrame(rows)


def write_tables(folder: Path, device: str, tables: dict[str, pd.DataFrame | None]) -> None:
    """Write what was measured, with the processor or GPU and the code's revision."""
    folder.mkdir(parents=True, exist_ok=True)
    place = describe_environment(device)
    machine = place["machine"] if device == "cpu" else place["device"]
    for name, table in tables.items():
        if table is not None:
            stamped = table.assign(machine=machine, revision=place["revision"])
            stamped.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="6 steps, the two smaller tables, 4 runs at once"
    )
    parser.add_argument("--runs", type=int, default=0, help="runs at once (default: 8 on a CPU, 64 on a GPU)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--data", default=os.environ.get("CAUSALMIX_DATA"), help="folder with the tables")
    parser.add_argument("--out", type=Path, default=Path("results/finetune"), help="where the CSV files go")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = parse()
    torch.set_num_threads(1)
    device, preset = options.device, PRESETS["causalmix"]
    n_runs = options.runs or (8 if device == "cpu" else 64)
    tables = load_tables(options.data, n_folds=2)
    if options.quick:
        preset, n_runs = dataclasses.replace(preset, n_steps=6), options.runs or 4
        tables = dict(list(tables.items())[:2])
    model = load_model(MODEL, device)
    for data in next(iter(tables.values())):  # warm up
        FineTuner(dataclasses.replace(preset, n_steps=1), device).run(model, data, 0)
    floor = compare_with_floor(model, tables, preset, device)
    print(floor.round(3).to_string(index=False), "\n", flush=True)
    programs = compare_programs(model, tables, preset, n_runs, device)
    print(programs.round(6).to_string(index=False), "\n", flush=True)
    peer = compare_with_autogluon(model, tables, preset, device)
    missing = "not measured: install autogluon.tabular[mitra]"
    print(missing if peer is None else peer.round(3).to_string(index=False))
    if not options.quick:
        write_tables(options.out, device, {"floor": floor, "programs": programs, "autogluon": peer})
    figures = {
        "device": device,
        "n_steps": preset.n_steps,
        "floor": floor.round(4).to_dict("records"),
        "programs": programs.round(6).to_dict("records"),
        "autogluon": missing if peer is None else peer.round(4).to_dict("records"),
    }
    print(json.dumps({"benchmark": "finetune", **figures}))


if __name__ == "__main__":
    main()
