"""Speed of discovery and of the generators beside their peers, on the same rows in one run.

    python benchmarks/generators.py [--quick] [--out FOLDER]

Two questions, on mixed tables of 20 columns simulated from graphs that are known:

1. Is our discovery (PC and FCI on subsamples with a test for mixed types) faster than causal-learn called
   out of the box (PC and FCI, Fisher-Z on ordinal codes) on as many bootstraps, at no worse a skeleton?
2. Is discovery + SCM fit + draw faster than training CTGAN, as we size it and as its package does?

Times are CPU-seconds on one thread, imports excluded. Prints two tables, writes them as `discovery.csv` and
`seconds.csv`, and ends with one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import torch
from causallearn.search.ConstraintBased.FCI import fci
from causallearn.search.ConstraintBased.PC import pc
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from causalmix.causal.dags import random_dag
from causalmix.causal.discovery import discover_edges
from causalmix.causal.votes import count_votes
from causalmix.generators import GENERATORS, make_generator
from causalmix.generators.confinement import confined
from causalmix.generators.table import CodedTable

N_COLUMNS, N_EDGES, N_BOOTSTRAPS, ALPHA = 20, 26, 10, 0.05
TARGET = "y"
PACKAGE_CTGAN = {"n_steps": 300, "batch_size": 500, "width": 256, "learning_rate": 2e-4}
"""The package's own numbers: 300 epochs, which are 300 steps for at most 500 rows."""


def simulate(seed: int, n_rows: int) -> tuple[pd.DataFrame, nx.DiGraph]:
    """A mixed table from a known graph: smooth additive effects, every third column categorical.

    Returns
    -------
    DataFrame, shape (n_rows, N_COLUMNS)
        Canonical; the target is the last column, with two classes.
    networkx.DiGraph
        The graph over the columns.
    """
    rng = np.random.default_rng(seed)
    names = [*(f"x{j}" for j in range(N_COLUMNS - 1)), TARGET]
    dag = random_dag(names, N_EDGES, rng, max_parents=4)
    shown: dict[str, pd.Series] = {}
    felt: dict[str, np.ndarray] = {}
    for name in nx.topological_sort(dag):
        parents = list(dag.predecessors(name))
        effect = sum(
            (rng.choice([-1, 1]) * rng.uniform(0.7, 1.5) * felt[p] for p in parents), np.zeros(n_rows)
        )
        value = effect + rng.normal(size=n_rows)
        value = (value - value.mean()) / value.std()
        is_target = name == TARGET
        if not is_target and names.index(name) % 3:
            shown[name], felt[name] = pd.Series(np.sinh(value)), value
            continue
        n_levels = 2 if is_target else 3
        level = np.searchsorted(np.quantile(value, np.arange(1, n_levels) / n_levels), value)
        shown[name] = pd.Series(pd.Categorical.from_codes(level, [f"l{k}" for k in range(n_levels)]))
        felt[name] = rng.permutation(np.linspace(-1.3, 1.3, n_levels))[level]  # no order
    return pd.DataFrame({name: shown[name] for name in names}), dag


def skeleton_f1(matrix: np.ndarray, dag: nx.DiGraph, names: list[str]) -> float:
    """F1 of the pairs whose edge, in either direction, has more than half of the votes."""
    i, j = np.triu_indices(len(names), k=1)
    truth = nx.to_numpy_array(dag, nodelist=names, weight=None)
    return float(f1_score((truth + truth.T)[i, j] > 0, (matrix + matrix.T)[i, j] > 0.5))


def discover_out_of_the_box(train: pd.DataFrame, seed: int) -> np.ndarray:
    """causal-learn's PC and FCI with Fisher-Z and its defaults on bootstraps of ordinal codes: mean votes."""
    codes = CodedTable.of(train, TARGET).values
    rng = np.random.default_rng(seed)
    votes = np.zeros((codes.shape[1], codes.shape[1]))
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of features is much larger")
        for _ in range(N_BOOTSTRAPS):
            drawn = codes[rng.integers(0, len(codes), size=len(codes))]
            votes += count_votes(pc(drawn, ALPHA, "fisherz", show_progress=False).G.graph)
            votes += count_votes(fci(drawn, "fisherz", ALPHA, show_progress=False)[0].graph)
    return votes / (2 * N_BOOTSTRAPS)


def discover_ours(train: pd.DataFrame, seed: int) -> np.ndarray:
    """Mean votes of our discovery."""
    return discover_edges(train, TARGET, n_bootstraps=N_BOOTSTRAPS, alpha=ALPHA, seed=seed).matrix


def timed(call: Callable[[], object]) -> tuple[object, float]:
    """What `call` returns, and its CPU-seconds."""
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def compare_discovery(sizes: list[int], n_graphs: int) -> pd.DataFrame:
    """One row per size, graph and method: seconds and skeleton F1."""
    methods = {"ours": discover_ours, "causal-learn out of the box": discover_out_of_the_box}
    rows = []
    for n_rows in sizes:
        for seed in range(n_graphs):
            train, dag = simulate(seed, n_rows)
            for method, discover in methods.items():
                votes, seconds = timed(
                    lambda discover=discover, train=train, seed=seed: discover(train, seed)
                )
                f1 = skeleton_f1(votes, dag, list(train.columns))
                rows.append(
                    {"n_rows": n_rows, "graph": seed, "method": method, "seconds": seconds, "skeleton_f1": f1}
                )
    return pd.DataFrame(rows)


def compare_generators(sizes: list[int], names: list[str], package_too: bool) -> pd.DataFrame:
    """One row per size and generator: seconds of fitting and of drawing as many rows."""
    methods = [(name, name, {}) for name in names]
    if package_too:
        methods.append(("ctgan, its package's numbers", "ctgan", PACKAGE_CTGAN))
    rows = []
    for n_rows in sizes:
        train, _ = simulate(0, n_rows)
        for label, name, params in methods:
            generator = make_generator(name, **params)
            _, seconds_fit = timed(
                lambda generator=generator, train=train: generator.fit(train, TARGET, seed=0)
            )
            _, seconds_draw = timed(lambda generator=generator, n=n_rows: generator.sample(n))
            rows.append(
                {
                    "n_rows": n_rows,
                    "generator": label,
                    "seconds_fit": seconds_fit,
                    "seconds_draw": seconds_draw,
                }
            )
    table = pd.DataFrame(rows)
    return table.assign(seconds=table["seconds_fit"] + table["seconds_draw"])


def warm_up() -> None:
    """Import what the generators import where they use it, and run each once."""
    train, _ = simulate(0, 40)
    small = {"causal": {"n_dags": 1, "n_bootstraps": 1}, "ctgan": {"n_steps": 1}, "tabebm": {"n_steps": 1}}
    for name in ("causal", "ctgan", "tabebm", "smotenc", "copula"):
        make_generator(name, **small.get(name, {})).fit(train, TARGET, seed=0).sample(5)


def summarise(discovery: pd.DataFrame, seconds: pd.DataFrame) -> dict[str, float | str]:
    """The figures at the smallest size, and the same ratios at the largest."""
    figures: dict[str, float | str] = {"benchmark": "generators", "n_columns": N_COLUMNS}
    sizes = sorted(discovery["n_rows"].unique())
    for n_rows in sizes:
        found = discovery[discovery["n_rows"] == n_rows].groupby("method")[["seconds", "skeleton_f1"]].mean()
        made = seconds[seconds["n_rows"] == n_rows].set_index("generator")["seconds"]
        ours, theirs = found.loc["ours"], found.loc["causal-learn out of the box"]
        named = {
            "discovery_seconds": ours["seconds"],
            "discovery_ratio": theirs["seconds"] / ours["seconds"],
            "discovery_f1": ours["skeleton_f1"],
            "causallearn_f1": theirs["skeleton_f1"],
            "causal_seconds": made["causal"],
            "ctgan_seconds": made["ctgan"],
            "ctgan_ratio": made["ctgan"] / made["causal"],
        }
        figures |= {f"{name}_{n_rows}": round(float(value), 3) for name, value in named.items()}
    return figures


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="192 rows, two graphs, causal and CTGAN only")
    parser.add_argument("--out", type=Path, default=Path("results/generators"), help="where the CSV files go")
    return parser.parse_args()


def main() -> None:
    """Run, print, write."""
    options = parse()
    torch.set_num_threads(1)
    sizes, n_graphs = ([192], 2) if options.quick else ([192, 800], 5)
    names = ["causal", "ctgan"] if options.quick else list(GENERATORS)
    with threadpool_limits(1), confined(0):
        warm_up()
        discovery = compare_discovery(sizes, n_graphs)
        seconds = compare_generators(sizes, names, package_too=not options.quick)
    options.out.mkdir(parents=True, exist_ok=True)
    discovery.to_csv(options.out / "discovery.csv", index=False, float_format="%.6g")
    seconds.to_csv(options.out / "seconds.csv", index=False, float_format="%.6g")
    means = discovery.groupby(["n_rows", "method"])[["seconds", "skeleton_f1"]].mean()
    print(means.round(3).to_string(), seconds.round(2).to_string(index=False), sep="\n\n")
    print(json.dumps(summarise(discovery, seconds)))


if __name__ == "__main__":
    main()
