"""What each generator costs on real tables of growing width: seconds to fit, seconds to draw, peak memory.

    CAUSALMIX_DATA=FOLDER python benchmarks/generator_cost.py [--quick] [--anew] [--generators NAME ...]

The training rows of fold 0 of every TabArena table at hand; the slow generators see every fourth table only.
Each measurement has a process of its own, in which everything is imported and was called once on a small
table: CPU-seconds on one thread, and resident memory above what was there before. Goes on where it was
stopped; `--anew` measures again. Writes `cost.csv` (one row per table and generator) and ends with one JSON
object.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context

import numpy as np
import pandas as pd
import torch

from causalmix.data import list_datasets
from causalmix.environment import describe_environment
from causalmix.figures import summarise_cost
from causalmix.folds import prepare_fold
from causalmix.generators import GeneratorError, make_generator
from causalmix.generators.cost import measure_cost
from causalmix.measuring import add_data_option, make_parser, measure_lacking, open_record
from causalmix.recorded_cases import list_sources
from causalmix.specs import ARMS, RunSpec

SUITE, N_ROWS = "tabarena33", 1000
SOURCES = {name: ARMS[arm].generator for name, arm in list_sources().items() if not ARMS[arm].params}
SLOW = ("ctgan", "tabebm", "mixed_model")
KEYS = ["dataset", "generator"]
SMALL = {"causal": {"n_dags": 1, "n_bootstraps": 1}, "ctgan": {"n_steps": 1}, "tabebm": {"n_steps": 1}}
IMPORTED = ["ctgan", "imblearn", "causalmix.causal.discovery", "causalmix.causal.scm", "causalmix.generators"]
"""What generators import at their first use: time and memory that are not theirs."""


def measure(dataset: str, name: str, data_dir: str) -> dict:
    """Measure one generator on one table, in this process; the reason instead where it cannot serve it."""
    torch.set_num_threads(1)
    fold = prepare_fold(RunSpec("cost", SUITE, dataset, 0, "default"), data_dir)
    warm_up(SOURCES[name])
    environment = describe_environment()
    row = {
        "dataset": dataset,
        "generator": name,
        "n_features": fold.sizes["n_features"],
        "n_rows": len(fold.train),
        "reason": "",
        "revision": environment["revision"],
        "machine": environment["machine"],
    }
    try:
        cost = measure_cost(make_generator(SOURCES[name]), fold.train, fold.target, N_ROWS)
    except GeneratorError as error:
        return {**row, "reason": str(error)}
    return {**row, **asdict(cost)}


def warm_up(generator: str) -> None:
    """Fit and draw once on a small table: first calls import, compile and allocate."""
    rng = np.random.default_rng(0)
    kinds = pd.Categorical(rng.choice(["a", "b"], size=40))
    train = pd.DataFrame({"x": rng.normal(size=40), "z": rng.normal(size=40), "y": kinds})
    params = {"params": SMALL} if generator == "mixed_model" else SMALL.get(generator, {})
    make_generator(generator, **params).fit(train, "y", seed=0).sample(5)


def measure_apart(dataset: str, name: str, data_dir: str) -> dict:
    """Measure in a fresh process, forked from one that has imported everything and done nothing."""
    context = get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(measure, dataset, name, data_dir).result()
        except BrokenProcessPool:
            return {"dataset": dataset, "generator": name, "reason": "its process died (out of memory?)"}


def choose_cases(data_dir: str, generators: list[str], quick: bool) -> list[tuple[str, str]]:
    """Return (table, generator): the fast generators on all tables, then the slow ones on a few widths."""
    listed = list_datasets(data_dir)
    listed = listed[(listed["suite"] == SUITE) & (listed["available"] == "local")]
    tables = list(listed.sort_values(["features", "name"])["name"])
    few = [tables[0], tables[len(tables) // 2]] if quick else [*tables[:-1:4], tables[-1]]
    fast = [(table, name) for table in (few if quick else tables) for name in generators if name not in SLOW]
    return fast + [(table, name) for table in few for name in generators if name in SLOW]


def main() -> None:
    """Measure what is not recorded, print, write."""
    parser = make_parser(__doc__, "two tables, fast generators", "results/generators", workers=False)
    parser.add_argument("--generators", nargs="+", default=list(SOURCES), choices=SOURCES, metavar="NAME")
    add_data_option(parser)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    generators = [name for name in options.generators if name not in (SLOW if options.quick else ())]
    record = open_record(options, "cost.csv", KEYS)
    cases = choose_cases(options.data, generators, options.quick)
    own = partial(measure_apart, data_dir=options.data)
    summary = summarise_cost(measure_lacking(record, cases, own, "cost", anew=options.anew))
    print(summary.round(3).to_string(index=False))
    medians = summary.set_index("generator").drop(columns="n_tables").round(4)
    figures = {f"{name}_{cost}": value for name, row in medians.iterrows() for cost, value in row.items()}
    print(
        json.dumps({"benchmark": "generator_cost", "n_datasets": int(summary["n_tables"].max()), **figures})
    )


if __name__ == "__main__":
    main()
