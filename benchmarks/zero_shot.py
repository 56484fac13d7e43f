"""Zero-shot scores of the embedded models beside three classifiers trained on the same rows, in one run.

    CAUSALMIX_DATA=FOLDER python benchmarks/zero_shot.py [--quick] [--anew] [--rows N ...] [--folds N ...]

Two suites: every table of TabArena that is at hand, at two sizes of the training part, and tasks held out,
which come from another generator than the one that the models were pre-trained on (`graph_scm` of the package
tabicl: `pip install xgboost-cpu`, which it imports). The models see the training rows as context and are not
trained on them. Goes on where it was stopped; `--anew` measures again. Writes `scores.csv` (one row per
table, fold, size and method) and `summary.csv`, and ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from causalmix.data import (
    Protocol,
    TablePreprocessor,
    TargetEncoder,
    list_datasets,
    load_dataset,
    split_dataset,
)
from causalmix.environment import code_revision
from causalmix.measuring import add_data_option, make_parser, measure_lacking, open_record
from causalmix.models import load_model
from causalmix.models.inference import predict_proba, roc_auc
from causalmix.recorded_cases import count_cases, name_left_out
from causalmix.seeding import temporary_seed

CLASSIFIERS = {
    "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "random forest": lambda: RandomForestClassifier(300, random_state=0),
    "gradient boosting": lambda: HistGradientBoostingClassifier(random_state=0),
}
KEYS = ["suite", "n_rows", "dataset", "fold", "method"]
TABLES, HELD_OUT = "tabarena33", "graph_scm"
N_TEST = 250
"""Query rows of a task held out."""


class Rows(NamedTuple):
    """Encoded training and test rows of one case."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    n_classes: int
    categorical: tuple[int, ...] = ()


def load_rows(suite: str, n_rows: int, dataset: str, fold: int, data_dir: str) -> Rows:
    """Encoded rows of one case; the validation rows belong to the training rows here."""
    if suite == HELD_OUT:
        return draw_task(int(dataset.removeprefix("task ")), n_rows)
    split = split_dataset(load_dataset(dataset, data_dir=data_dir), fold, Protocol(max_train_rows=n_rows))
    X_train, y_train = pd.concat((split.X_train, split.X_val)), pd.concat((split.y_train, split.y_val))
    preprocessor, labels = TablePreprocessor().fit(X_train), TargetEncoder().fit(y_train)
    X, X_test = (preprocessor.encode(preprocessor.transform(part)) for part in (X_train, split.X_test))
    categorical = tuple(map(preprocessor.columns.index, preprocessor.categorical))
    return Rows(
        X,
        labels.transform(y_train),
        X_test,
        labels.transform(split.y_test),
        len(labels.classes_),
        categorical,
    )


def draw_task(seed: int, n_rows: int) -> Rows:
    """One task of tabicl's `graph_scm` with 3 to 24 features, all its classes among the training rows."""
    from tabicl.prior import PriorDataset

    sizes = {"max_seq_len": n_rows + N_TEST, "min_train_size": n_rows, "max_train_size": n_rows + 1}
    for attempt in count(1000 * seed):
        with temporary_seed(attempt):
            drawn = PriorDataset(
                batch_size=1, batch_size_per_gp=1, min_features=3, max_features=24, prior_type="graph_scm",
                n_jobs=1, **sizes,
            ).get_batch()  # fmt: skip
        X, y = drawn[0][0, :, : int(drawn[2][0])].numpy(), drawn[1][0].numpy().astype(np.int64)
        if np.array_equal(np.unique(y[:n_rows]), np.arange(y.max() + 1)) and y.max() > 0:
            return Rows(X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:], int(y.max()) + 1)
    raise AssertionError("count() does not end")


def predictors(methods: list[str], rows: Rows) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """Each method with what predicts the test rows; a model's name may end in the size of an ensemble."""
    X, y, X_test, _, n_classes, categorical = rows
    for method in methods:
        if method in CLASSIFIERS:
            yield method, lambda method=method: CLASSIFIERS[method]().fit(X, y).predict_proba(X_test)
            continue
        name, _, members = method.partition(" x")
        views = {"categorical_features": categorical, "n_members": int(members or 1)}
        yield method, partial(predict_proba, load_model(name), X, y, X_test, n_classes, **views)


def measure(
    suite: str, n_rows: int, dataset: str, fold: int, methods: list[str], data_dir: str
) -> list[dict]:
    """Score the methods on one table, fold and size."""
    torch.set_num_threads(1)
    place = suite, n_rows, dataset, fold
    rows, measured = load_rows(*place, data_dir), []
    for method, predict in predictors(methods, rows):
        started = time.process_time()
        proba = predict()
        scores = {
            "roc_auc": roc_auc(rows.y_test, proba),
            "log_loss": log_loss(rows.y_test, proba, labels=np.arange(rows.n_classes)),
            "seconds": time.process_time() - started,
        }
        key = dict(zip(KEYS, (*place, method), strict=True))
        measured.append({**key, **scores, "reason": "", "revision": code_revision()})
    return measured


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean per suite, size and method: over folds, then over tables; of methods that lack no case."""
    kept = ["suite", "n_rows", "method"]
    counts = count_cases(scores)
    scores = scores.merge(counts.loc[counts["n_cases"] == counts["n_all"], kept], on=kept)
    per_table = scores.groupby([*kept, "dataset"])[["roc_auc", "log_loss", "seconds"]].mean()
    return per_table.groupby(level=kept, sort=False).mean().reset_index()


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = make_parser(__doc__, "one fold, few features", "results/zero-shot")
    parser.add_argument("--rows", type=int, nargs="+", default=[256, 1000], help="sizes of the training part")
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2], help="folds of each table")
    parser.add_argument("--tasks", type=int, default=200, help="number of tasks held out")
    parser.add_argument("--models", nargs="*", default=["embedded-mini"], help="model names or folders")
    parser.add_argument(
        "--members", type=int, nargs="*", default=[4], help="sizes of ensembles of their views"
    )
    add_data_option(parser)
    return parser.parse_args()


def list_cases(options: argparse.Namespace) -> list[tuple]:
    """What is to be measured: the keys of each row."""
    at_hand = list_datasets(options.data)
    at_hand = at_hand[(at_hand["suite"] == TABLES) & (at_hand["available"] == "local")]
    if options.quick:
        at_hand, options.rows, options.folds, options.tasks = (
            at_hand[at_hand["features"] <= 25],
            [256],
            [0],
            0,
        )
    sizes = ["", *(f" x{n}" for n in options.members)]
    methods = [*CLASSIFIERS, *(f"{name}{size}" for name in options.models for size in sizes)]
    places = [
        (TABLES, size, name, fold)
        for size in options.rows
        for name in at_hand["name"]
        for fold in options.folds
    ]
    places += [(HELD_OUT, options.rows[0], f"task {seed:03d}", 0) for seed in range(options.tasks)]
    return [(*place, method) for place in places for method in methods]


def fix_hashes() -> None:
    """Start again with a fixed PYTHONHASHSEED where there is none: the tasks held out depend on it."""
    if "PYTHONHASHSEED" not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})


def main() -> None:
    """Measure what is not recorded, print, write."""
    options = parse()
    cases = list_cases(options)
    record, own = open_record(options, "scores.csv", KEYS), partial(measure, data_dir=options.data)
    scores = measure_lacking(
        record, cases, own, "zero-shot", anew=options.anew, workers=options.workers, together=True
    )
    summary = summarise(scores)
    summary.to_csv(record.path.with_name("summary.csv"), index=False, float_format="%.6g")
    print(summary.round(4).to_string(index=False))
    print(name_left_out(count_cases(scores)))
    first = summary[(summary["suite"] == TABLES) & (summary["n_rows"] == options.rows[0])]
    auc = {row.method: round(row.roc_auc, 4) for row in first.itertuples(index=False)}
    print(json.dumps({"benchmark": "zero_shot", "n_rows": options.rows[0], "roc_auc": auc}))


if __name__ == "__main__":
    fix_hashes()
    main()
