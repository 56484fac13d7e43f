"""Zero-shot scores of the embedded models beside three classifiers trained on the same rows, in one run.

    CAUSALMIX_DATA=FOLDER python benchmarks/zero_shot.py [--quick] [--rows N ...] [--folds N ...]

Every table of the TabArena suite that is at hand, each at two sizes of the training part; the models see the
training rows as context and are not trained on them. Prints a table, writes `scores.csv` (one row per table,
fold, size and method) and `summary.csv`, and ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
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
from causalmix.models import MODELS, load_model
from causalmix.models.inference import predict_proba, roc_auc

CLASSIFIERS = {
    "logistic regression": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "random forest": lambda: RandomForestClassifier(300, random_state=0),
    "gradient boosting": lambda: HistGradientBoostingClassifier(random_state=0),
}
ENSEMBLE = 4
SHORT = {"logistic regression": "lr", "random forest": "rf", "gradient boosting": "hgb"}


def score_fold(dataset: str, fold: int, n_rows: int, models: list[str], data_dir: str) -> list[dict]:
    """Score every method on one fold at one size; the training part is the context, validation included."""
    torch.set_num_threads(1)
    split = split_dataset(load_dataset(dataset, data_dir=data_dir), fold, Protocol(max_train_rows=n_rows))
    X_train, y_train = pd.concat((split.X_train, split.X_val)), pd.concat((split.y_train, split.y_val))
    preprocessor, labels = TablePreprocessor().fit(X_train), TargetEncoder().fit(y_train)
    X, X_test = (preprocessor.encode(preprocessor.transform(part)) for part in (X_train, split.X_test))
    y, y_test = labels.transform(y_train), labels.transform(split.y_test)
    n_classes = len(labels.classes_)
    predictors = {
        name: lambda make=make: make().fit(X, y).predict_proba(X_test) for name, make in CLASSIFIERS.items()
    }
    for name in models:
        model = load_model(name)
        for members in (1, ENSEMBLE):
            label = name if members == 1 else f"{name} x{members}"
            predictors[label] = lambda model=model, members=members: predict_proba(
                model, X, y, X_test, n_classes, n_members=members
            )
    rows = []
    for method, predict in predictors.items():
        started = time.perf_counter()
        proba = predict()
        rows.append(
            {
                "dataset": dataset,
                "fold": fold,
                "n_rows": n_rows,
                "method": method,
                "roc_auc": roc_auc(y_test, proba),
                "log_loss": log_loss(y_test, proba, labels=np.arange(n_classes)),
                "seconds": time.perf_counter() - started,
            }
        )
    return rows


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean per method and size: over folds first, then over tables."""
    per_table = scores.groupby(["n_rows", "method", "dataset"])[["roc_auc", "log_loss", "seconds"]].mean()
    return per_table.groupby(level=["n_rows", "method"], sort=False).mean().reset_index()


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="one fold, 256 rows, tables with at most 25 features"
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[256, 1000], help="sizes of the training part")
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2], help="folds of each table")
    data = os.environ.get("CAUSALMIX_DATA")
    parser.add_argument("--data", default=data, required=not data, help="folder with the TabArena tables")
    parser.add_argument("--out", type=Path, default=Path("results/zero-shot"), help="where the CSV files go")
    parser.add_argument("--models", nargs="*", default=list(MODELS), help="model names or folders")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    return parser.parse_args()


def main() -> None:
    """Run, print, write."""
    options = parse()
    at_hand = list_datasets(options.data)
    at_hand = at_hand[(at_hand["suite"] == "tabarena33") & (at_hand["available"] == "local")]
    if options.quick:
        at_hand = at_hand[at_hand["features"] <= 25]
    sizes, folds = ([256], [0]) if options.quick else (options.rows, options.folds)
    jobs = [(name, fold, size) for size in sizes for name in at_hand["name"] for fold in folds]
    parallel = Parallel(n_jobs=options.workers, verbose=1)
    results = parallel(
        delayed(score_fold)(name, fold, size, options.models, options.data) for name, fold, size in jobs
    )
    scores = pd.DataFrame([row for rows in results for row in rows])
    summary = summarise(scores)
    options.out.mkdir(parents=True, exist_ok=True)
    scores.to_csv(options.out / "scores.csv", index=False, float_format="%.6g")
    summary.to_csv(options.out / "summary.csv", index=False, float_format="%.6g")
    print(summary.round(4).to_string(index=False))
    first = summary[summary["n_rows"] == sizes[0]].set_index("method")
    names = {**SHORT, **{name: name.removeprefix("embedded-") for name in options.models}}
    figures = {f"{short}_auc": round(float(first.loc[name, "roc_auc"]), 4) for name, short in names.items()}
    figures |= {
        f"{short}_log_loss": round(float(first.loc[name, "log_loss"]), 4) for name, short in names.items()
    }
    print(json.dumps({"benchmark": "zero_shot", "n_datasets": len(at_hand), "n_rows": sizes[0], **figures}))


if __name__ == "__main__":
    main()
