"""The learning rates among which those of our presets were chosen, on simulated tables and real rows only.

    python benchmarks/learning_rate.py [--quick] [--anew] [--model NAME] [--rates RATE ...]

Folds 8 and 9, which no study uses, of six tables of the suite `known_scm`: depth 2 with little noise and
depth 6 with much, each with linear, additive and threshold mechanisms. The score of a rate: mean test ROC-AUC
at the step that the validation rows selected. Goes on where it was stopped; `--anew` measures again. Writes
`learning_rates.csv` (one row per model, rate, table and fold) and ends with one JSON object.
"""

from __future__ import annotations

import dataclasses
import json

import torch

from causalmix.environment import describe_environment
from causalmix.experiment import encode_rows, finetune_seed, load_once, prepare_fold
from causalmix.finetune import PRESETS, FineTuner
from causalmix.measuring import make_parser, measure_lacking, open_record
from causalmix.specs import RunSpec

SUITE = "known_scm"
TABLES = tuple(
    f"scm-depth{depth}-{mechanism}-{noise}"
    for depth, noise in ((2, "low"), (6, "high"))
    for mechanism in ("linear", "additive", "threshold")
)
FOLDS = (8, 9)
RATES = {"embedded-mini": (1e-4, 3e-4, 1e-3, 3e-3), "tabpfn-v1": (3e-6, 1e-5, 3e-5, 1e-4, 3e-4)}
KEYS = ["model", "learning_rate", "dataset", "fold"]


def measure(model: str, rate: float, dataset: str, fold_number: int) -> dict:
    """Fine-tune on the real rows of one fold at one rate."""
    torch.set_num_threads(1)
    spec = RunSpec("learning_rate", SUITE, dataset, fold_number, "default", model=model)
    fold = prepare_fold(spec, None)
    tuner = FineTuner(dataclasses.replace(PRESETS["causalmix"], learning_rate=rate))
    data = encode_rows(fold, fold.train)
    trajectory = tuner.run(load_once(model, "cpu")[0], data, finetune_seed(spec))
    environment = describe_environment()
    return {
        **dict(zip(KEYS, (model, rate, dataset, fold_number), strict=True)),
        "zero_shot_auc": trajectory.at_start("test_auc"),
        "test_auc": trajectory.at_selected("test_auc"),
        "selected_step": trajectory.selected_step,
        "reason": "",
        "revision": environment["revision"],
        "machine": environment["machine"],
    }


def main() -> None:
    """Measure what is not recorded, print, write."""
    parser = make_parser(__doc__, "one table, one fold", "results/finetune")
    parser.add_argument("--model", default="embedded-mini", help="name of a model, or folder of a checkpoint")
    parser.add_argument("--rates", type=float, nargs="+", help="learning rates; the recorded ones by default")
    options = parser.parse_args()
    rates = options.rates or RATES.get(options.model, RATES["embedded-mini"])
    tables, folds = (TABLES[:1], FOLDS[:1]) if options.quick else (TABLES, FOLDS)
    record = open_record(options, "learning_rates.csv", KEYS)
    cases = [(options.model, rate, table, fold) for rate in rates for fold in folds for table in tables]
    frame = measure_lacking(
        record, cases, measure, "learning rate", anew=options.anew, workers=options.workers
    )
    own = frame[frame["model"] == options.model]
    means = own.groupby("learning_rate")[["zero_shot_auc", "test_auc"]].mean()
    print(means.round(4).to_string())
    scores = {f"{rate:g}": round(value, 4) for rate, value in means["test_auc"].items()}
    best = float(means["test_auc"].idxmax())
    print(json.dumps({"benchmark": "learning_rate", "model": options.model, "best": best, "roc_auc": scores}))


if __name__ == "__main__":
    main()
