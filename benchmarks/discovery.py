"""How causal discovery is set: share of the rows in a subsample and significance level, on graphs we know.

    python benchmarks/discovery.py [--quick] [--out FOLDER]

Tables of suite ``known_scm`` at the protocol's number of training rows, on folds that no recorded study uses.
Every setting sees the same rows. What is measured, as means over tables:

- ``edge_auroc``: AUROC of the edge probabilities against the directed edges of the true graph;
- ``skeleton_f1``: F1 of the edges of the sampled DAGs, whatever their direction;
- ``n_edges``: their number (the true graphs have 16);
- ``isolated_target``: share of sampled DAGs in which nothing is connected to the target;
- ``depth_error``: absolute difference of their depth and the true one;
- ``tstr_auc``: test ROC-AUC of a random forest trained on rows of the fitted models;
- ``seconds``: CPU-seconds of discovery.

In use are a share of .8 and a level of .1. Rows made at a level of .2 are about as useful, but discovery then
costs several times as much on tables of 40 columns and more. Prints the table, writes every measurement as
`settings.csv`, and ends with one JSON object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from causalmix.causal.dags import sample_dag, structural_depth
from causalmix.causal.discovery import discover_edges
from causalmix.causal.scm import draw_samples, fit_scm
from causalmix.causal.settings import ALPHA, SUBSAMPLE_SHARE
from causalmix.data.known_scm import KNOWN_SCM, true_graph
from causalmix.depth_recovery import edge_f1
from causalmix.folds import Fold, prepare_fold
from causalmix.specs import RunSpec

SHARES, ALPHAS = (0.5, 0.65, 0.8, 0.95), (0.05, 0.1, 0.2)
FOLDS, N_DAGS = (8, 9), 5


def measure(name: str, fold_number: int, share: float, alpha: float) -> dict[str, float | str]:
    """Discover, sample DAGs, fit and draw on one fold of one table; compare with its true graph."""
    fold = prepare_fold(RunSpec("discovery", "known_scm", name, fold_number, "scm"))
    truth, seed = true_graph(name), fold_number
    start = time.process_time()
    P = discover_edges(fold.train, fold.target, alpha=alpha, subsample_share=share, seed=seed)
    seconds = time.process_time() - start
    rng = np.random.default_rng(seed)
    dags = [sample_dag(P, rng) for _ in range(N_DAGS)]
    adjacency = nx.to_numpy_array(truth, nodelist=list(P.columns), weight=None) > 0
    off_diagonal = ~np.eye(len(adjacency), dtype=bool)
    return {
        "dataset": name,
        "fold": fold_number,
        "share": share,
        "alpha": alpha,
        "edge_auroc": float(roc_auc_score(adjacency[off_diagonal], P.matrix[off_diagonal])),
        "skeleton_f1": float(np.mean([edge_f1(dag, truth, directed=False) for dag in dags])),
        "n_edges": float(np.mean([dag.number_of_edges() for dag in dags])),
        "isolated_target": float(np.mean([dag.degree(fold.target) == 0 for dag in dags])),
        "depth_error": float(np.mean([abs(structural_depth(dag) - KNOWN_SCM[name].depth) for dag in dags])),
        "tstr_auc": train_synthetic_test_real(fold, dags, seed),
        "seconds": seconds,
    }


def train_synthetic_test_real(fold: Fold, dags: list[nx.DiGraph], seed: int) -> float:
    """Test ROC-AUC of a random forest trained on as many rows per DAG as there are real ones."""
    models = [fit_scm(dag, fold.train, seed, mechanism="linear", target=fold.target) for dag in dags]
    rows = pd.concat([draw_samples(model, len(fold.train), seed) for model in models], ignore_index=True)
    return forest_auc(fold, rows, seed)


def forest_auc(fold: Fold, rows: pd.DataFrame, seed: int) -> float:
    """Test ROC-AUC of a random forest trained on ``rows``."""
    prep, labels, split = fold.preprocessor, fold.labels, fold.split
    y = labels.transform(rows[fold.target])
    if len(np.unique(y)) < 2:
        return 0.5
    forest = RandomForestClassifier(200, min_samples_leaf=3, random_state=seed).fit(prep.encode(rows), y)
    proba = forest.predict_proba(prep.encode(prep.transform(split.X_test)))
    return float(roc_auc_score(labels.transform(split.y_test), proba[:, 1]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="four tables, one fold, four settings")
    parser.add_argument("--out", type=Path, default=Path("_build/benchmarks"), help="folder of settings.csv")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    arguments = parser.parse_args()
    tables = [name for name, table in KNOWN_SCM.items() if table.depth in (1, 3, 5, 7)]
    grid = list(itertools.product(SHARES, ALPHAS))
    folds: tuple[int, ...] = FOLDS
    if arguments.quick:
        tables, folds, grid = tables[::6], FOLDS[:1], list(itertools.product(SHARES[::2], ALPHAS[:2]))
    calls = [
        delayed(measure)(name, fold, share, alpha)
        for name, fold, (share, alpha) in itertools.product(tables, folds, grid)
    ]
    rows = pd.DataFrame(tqdm(Parallel(arguments.workers, return_as="generator")(calls), total=len(calls)))
    summary = rows.groupby(["share", "alpha"]).mean(numeric_only=True).drop(columns="fold")
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows.to_csv(arguments.out / "settings.csv", index=False)
    print(summary.round(3).to_string())
    in_use = summary.loc[(SUBSAMPLE_SHARE, ALPHA)].round(4).to_dict()
    print(json.dumps({"benchmark": "discovery", "n_tables": len(tables), "n_folds": len(folds), **in_use}))


if __name__ == "__main__":
    main()
