"""Settings of the causal generator, CTGAN and TabEBM beside those in use, on simulated tables only.

    python benchmarks/generator_settings.py [--quick] [--anew] [--generators NAME ...] [--workers N]

Folds 8 and 9, which no study uses, of twelve tables of the suite `known_scm`: depths 2 and 6, every
mechanism and noise; for the causal generator also with gaps, a share of the numbers missing at random. As
many synthetic rows as there are real training rows, as in the studies; every setting of a generator starts
from the same seed. Measured: the test ROC-AUC of a random forest trained on the rows alone, that of
`embedded-mini` fine-tuned on them as the studies do it (mixed with the real rows for the causal generator,
alone for the others), and the CPU-seconds to make them. Goes on where it was stopped; `--anew` measures
again. Writes `settings.csv` (one row per generator, setting, table and fold) and ends with one JSON object.
"""

from __future__ import annotations

import dataclasses
import json
import time

import numpy as np
import torch

from causalmix.data import Dataset
from causalmix.data.known_scm import KNOWN_SCM
from causalmix.environment import describe_environment
from causalmix.experiment import load_once, load_spec_table, make_pool, split_fold, tune
from causalmix.generators import GeneratorError, make_generator
from causalmix.generators.cache import SyntheticTable
from causalmix.measuring import make_parser, measure_lacking, open_record
from causalmix.quality import RealRows, tstr_auc
from causalmix.seeding import derive_seed
from causalmix.setting_scores import GAPS, IN_USE, WITH_GAPS, summarise_settings
from causalmix.specs import RunSpec, find_arm

SUITE = "known_scm"
TABLES = tuple(name for name, table in KNOWN_SCM.items() if table.depth in (2, 6))
FOLDS = (8, 9)
ARM = {"causal": "causalmix", WITH_GAPS: "causalmix", "ctgan": "ctgan", "tabebm": "tabebm"}
"""Generator -> the arm whose runs show what its rows are worth."""

SETTINGS: dict[str, dict[str, dict]] = {
    "causal": {
        IN_USE: {},
        "boosted mechanisms": {"mechanism": "hist_gradient_boosting"},
        "one graph": {"n_dags": 1},
        "20 graphs": {"n_dags": 20},
        "PC alone": {"algorithms": ("pc",)},
        "FCI alone": {"algorithms": ("fci",)},
        "at most 2 parents": {"max_parents": 2},
    },
    WITH_GAPS: {IN_USE: {}, "missing numbers imputed": {"missing": "imputed"}},
    "ctgan": {
        IN_USE: {},
        "three times the steps": {"n_steps": 1350},
        "rate 5e-4": {"learning_rate": 5e-4},
        "rate 2e-4, the package's": {"learning_rate": 2e-4},
        "the package's batch, width and rate": {
            "n_steps": 300,
            "batch_size": 500,
            "width": 256,
            "learning_rate": 2e-4,
        },
    },
    "tabebm": {
        IN_USE: {},
        "noise alone": {"step_size": 0.0},
        "half the distance": {"step_size": 0.165},
        "twice the distance": {"step_size": 0.66},
        "four times, the original's distance": {"step_size": 4 / 3},
    },
}
"""Generator -> name of a setting -> what it changes."""

KEYS = ["generator", "setting", "dataset", "fold"]


def leave_gaps(dataset: Dataset) -> Dataset:
    """Return the table with a share `GAPS` of its numbers missing, chosen at random."""
    rng = np.random.default_rng(derive_seed("generator_settings", dataset.name, "gaps"))
    numbers = dataset.X.select_dtypes("number")
    holed = numbers.mask(rng.random(numbers.shape) < GAPS)
    return dataclasses.replace(dataset, X=dataset.X.assign(**holed))


def measure(generator: str, setting: str, table: str, fold_number: int) -> dict:
    """Make rows with one setting on one fold; a generator that cannot serve it gives a reason instead."""
    torch.set_num_threads(1)
    spec = RunSpec("generator_settings", SUITE, table, fold_number, ARM[generator])
    arm, dataset = find_arm(spec.arm), load_spec_table(spec)
    fold = split_fold(leave_gaps(dataset) if generator == WITH_GAPS else dataset, spec)
    environment = describe_environment()
    row = {
        **dict(zip(KEYS, (generator, setting, table, fold_number), strict=True)),
        "reason": "",
        "revision": environment["revision"],
        "machine": environment["machine"],
    }
    made = make_generator(arm.generator, **{**arm.params, **SETTINGS[generator][setting]})
    seed, start = derive_seed("generator_settings", table, fold_number, arm.generator), time.process_time()
    try:
        rows = made.fit(fold.train, fold.target, seed).sample(len(fold.train))
    except GeneratorError as error:
        return {**row, "reason": str(error)}
    seconds = time.process_time() - start
    pool = make_pool(fold, SyntheticTable(rows, (), seconds, {}), arm, spec)
    trajectory = tune(load_once(spec.model, "cpu")[0], fold, pool, spec)
    return {
        **row,
        "forest_auc": tstr_auc(RealRows(fold), rows),
        "finetuned_auc": trajectory.at_selected("test_auc"),
        "zero_shot_auc": trajectory.at_start("test_auc"),
        "seconds": seconds,
    }


def main() -> None:
    """Measure what is not recorded, print, write."""
    parser = make_parser(__doc__, "one table, one fold", "results/generators")
    parser.add_argument("--generators", nargs="+", default=list(SETTINGS), choices=SETTINGS, metavar="NAME")
    options = parser.parse_args()
    tables, folds = (TABLES[:1], FOLDS[:1]) if options.quick else (TABLES, FOLDS)
    record = open_record(options, "settings.csv", KEYS)
    cases = [
        (generator, setting, table, fold)
        for fold in folds
        for table in tables
        for generator in options.generators
        for setting in SETTINGS[generator]
    ]
    measured = measure_lacking(
        record, cases, measure, "generator settings", anew=options.anew, workers=options.workers
    )
    summary = summarise_settings(measured)
    print(summary.round(3).to_string(index=False))
    means = summary.set_index(["generator", "setting", "score"])["mean"].round(4)
    scores = {", ".join(name): value for name, value in means.items()}
    print(json.dumps({"benchmark": "generator_settings", "n_tables": len(tables), **scores}))


if __name__ == "__main__":
    main()
