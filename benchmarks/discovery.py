"""How causal discovery is set: share of the rows in a subsample and significance level, on graphs we know.

    python benchmarks/discovery.py [--quick] [--anew] [--out FOLDER] [--workers N]

Tables of the suite `known_scm`, at the protocol's number of training rows, on folds that no recorded study
uses. Every setting sees the same rows. Measured:

- ``edge_auroc``: AUROC of the edge probabilities against the directed edges of the true graph;
- ``skeleton_f1``: F1 of the edges of the sampled DAGs, whatever their direction;
- ``n_edges``: their number (the true graphs have 16);
- ``isolated_target``: share of sampled DAGs in which nothing is connected to the target;
- ``depth_error``: absolute difference of their depth and the true one;
- ``forest_auc``: test ROC-AUC of a random forest trained on rows of the fitted models;
- ``seconds``: CPU-seconds of discovery.

Goes on where it was stopped; `--anew` measures again. Writes `discovery_settings.csv` (one row per share,
level, table and fold) and ends with one JSON object.
"""

from __future__ import annotations

import itertools
import json
import time

import networkx as nx
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from causalmix.causal.dags import sample_dag, structural_depth
from causalmix.causal.discovery import discover_edges
from causalmix.causal.scm import draw_samples, fit_scm
from causalmix.data.known_scm import KNOWN_SCM, true_graph
from causalmix.depth_recovery import edge_f1
from causalmix.environment import describe_environment
from causalmix.folds import Fold, prepare_fold
from causalmix.measuring import make_parser, measure_lacking, open_record
from causalmix.quality import RealRows, tstr_auc
from causalmix.setting_scores import summarise_discovery
from causalmix.specs import RunSpec

SUITE = "known_scm"
TABLES = tuple(name for name, table in KNOWN_SCM.items() if table.depth in (1, 3, 5, 7))
FOLDS, N_DAGS = (8, 9), 5
SHARES, ALPHAS = (0.5, 0.65, 0.8, 0.95), (0.05, 0.1, 0.2)
KEYS = ["share", "alpha", "dataset", "fold"]


def measure(share: float, alpha: float, dataset: str, fold_number: int) -> dict:
    """Discover, sample DAGs, fit and draw on one fold of one table; compare with its true graph."""
    fold = prepare_fold(RunSpec("discovery", SUITE, dataset, fold_number, "scm"))
    truth, environment, start = true_graph(dataset), describe_environment(), time.process_time()
    P = discover_edges(fold.train, fold.target, alpha=alpha, subsample_share=share, seed=fold_number)
    seconds = time.process_time() - start
    rng = np.random.default_rng(fold_number)
    dags = [sample_dag(P, rng) for _ in range(N_DAGS)]
    adjacency = nx.to_numpy_array(truth, nodelist=list(P.columns), weight=None) > 0
    off_diagonal = ~np.eye(len(adjacency), dtype=bool)
    depth = KNOWN_SCM[dataset].depth
    return {
        **dict(zip(KEYS, (share, alpha, dataset, fold_number), strict=True)),
        "reason": "",
        "revision": environment["revision"],
        "machine": environment["machine"],
        "edge_auroc": float(roc_auc_score(adjacency[off_diagonal], P.matrix[off_diagonal])),
        "skeleton_f1": float(np.mean([edge_f1(dag, truth, directed=False) for dag in dags])),
        "n_edges": float(np.mean([dag.number_of_edges() for dag in dags])),
        "isolated_target": float(np.mean([dag.degree(fold.target) == 0 for dag in dags])),
        "depth_error": float(np.mean([abs(structural_depth(dag) - depth) for dag in dags])),
        "forest_auc": tstr_auc(RealRows(fold), draw_rows(fold, dags, fold_number)),
        "seconds": seconds,
    }


def draw_rows(fold: Fold, dags: list[nx.DiGraph], seed: int) -> pd.DataFrame:
    """As many rows per DAG as there are real ones."""
    models = [fit_scm(dag, fold.train, seed, mechanism="linear", target=fold.target) for dag in dags]
    return pd.concat([draw_samples(model, len(fold.train), seed) for model in models], ignore_index=True)


def main() -> None:
    """Measure what is not recorded, print, write."""
    options = make_parser(__doc__, "one table, one fold", "results/generators").parse_args()
    tables, folds = (TABLES[:1], FOLDS[:1]) if options.quick else (TABLES, FOLDS)
    record = open_record(options, "discovery_settings.csv", KEYS)
    cases = [
        (share, alpha, table, fold)
        for fold, table, share, alpha in itertools.product(folds, tables, SHARES, ALPHAS)
    ]
    measured = measure_lacking(
        record, cases, measure, "discovery", anew=options.anew, workers=options.workers
    )
    summary = summarise_discovery(measured)
    print(summary.round(3).to_string(index=False))
    means = summary.set_index(["share", "alpha", "score"])["mean"].round(4)
    scores = {", ".join(map(str, name)): value for name, value in means.items()}
    print(json.dumps({"benchmark": "discovery", "n_tables": len(tables), **scores}))


if __name__ == "__main__":
    main()
