"""The models as text: scores before fine-tuning, what ensembling brings, what a run takes, learning rates."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from causalmix.book.study import Study
from causalmix.book.text import auc, count, number, score, sentence_list, table
from causalmix.intervals import cluster_bootstrap
from causalmix.presets import PRESETS
from causalmix.recorded_cases import count_cases, name_left_out
from causalmix.specs import RunSpec

SUITES = {
    "tabarena33": ("table", "of the benchmark that could be had whole"),
    "graph_scm": ("task", "held out, drawn by another generator than those that the model was trained on"),
}
"""Suite of the benchmark's record -> what it consists of, for the line below its table."""

FOREST = "random forest"


def model_scores(folder: Path) -> str:
    """Return what ``benchmarks/zero_shot.py`` recorded: a table per suite, then what stands out.

    Parameters
    ----------
    folder : Path
        Holds ``scores.csv`` and ``summary.csv`` of the benchmark.
    """
    if not (folder / "summary.csv").is_file():
        return "Its scores are not recorded here: `python benchmarks/zero_shot.py` makes them."
    scores, summary = pd.read_csv(folder / "scores.csv"), pd.read_csv(folder / "summary.csv")
    parts = []
    for suite, (noun, origin) in SUITES.items():
        counts = count_cases(scores[scores["suite"] == suite])
        whole = counts[counts["n_cases"] == counts["n_all"]]
        own = summary.merge(whole, on=["suite", "n_rows", "method"]).sort_values(["n_rows", "roc_auc"])
        if own.empty:
            continue
        rows = [
            [
                row["method"],
                *(number(row[name]) for name in ("n_rows", "n_cases")),
                *(auc(row[name]) for name in ("roc_auc", "log_loss")),
                number(row["seconds"]),
            ]
            for row in own.to_dict("records")
        ]
        header = ["Method", "Training rows", "Cases", "ROC-AUC", "Log-loss", "CPU-seconds"]
        n_tables = scores.loc[scores["suite"] == suite, "dataset"].nunique()
        below = f"Means over {count(n_tables, noun)} {origin}. {name_left_out(counts)}".rstrip()
        parts.append(f"{table(header, rows, widths=[34, 16, 10, 14, 14, 14])}\n\n{below}")
    return "\n\n".join([_CASES, *parts, *_beside_forest(scores), *_ensembling(scores)])


_CASES = (
    "A case is one table and fold; `x4` averages four views of a table. [](models.md) says what the three "
    "embedded models are."
)


def main_model(study: Study, folder: Path) -> str:
    """Return how strong the model of the study is before fine-tuning, and how its training bounds it.

    Parameters
    ----------
    study : Study
        The shown study, of an embedded model.
    folder : Path
        Holds ``scores.csv`` of ``benchmarks/zero_shot.py``.
    """
    (model,) = study.models if len(study.models) == 1 else ("",)
    limits = _pretrained_on(model)
    if limits is None:
        return ""
    n_features, n_rows = limits
    wide = study.runs.groupby("dataset", observed=True)["n_features"].first()
    text = (
        f"`{model}` was pre-trained on tables of at most {n_features} features and {n_rows} rows: "
        f"{(wide > n_features).sum()} of the {count(len(wide), 'table')} of the study are wider."
    )
    return f"{text}{_before_tuning(model, folder / 'scores.csv')}"


def _pretrained_on(model: str) -> tuple[int, int] | None:
    """Return the largest numbers of features and rows that the model's card names; none without a card."""
    card = Path(str(files("causalmix"))) / "models" / "weights" / model / "README.md"
    if not model or not card.is_file():
        return None
    found = re.search(r"at most (\d+) features and (\d+) rows", " ".join(card.read_text().split()))
    return (int(found[1]), int(found[2])) if found else None


def _before_tuning(model: str, path: Path) -> str:
    """Say how the model scores beside a forest, and which other embedded models score higher."""
    if not path.is_file():
        return ""
    scores = pd.read_csv(path)
    own = scores[scores["suite"] == "tabarena33"]
    wide = own.pivot_table(index=["dataset", "fold", "n_rows"], columns="method", values="roc_auc")
    if not {model, FOREST} <= set(wide):
        return ""
    apart = [
        f"by {_mean_change((one[model] - one[FOREST]).dropna())} with {n_rows:,} training rows"
        for n_rows, one in wide.groupby(level="n_rows")
    ]
    text = f" Before fine-tuning its ROC-AUC differs from that of a {FOREST} {sentence_list(apart)}."
    embedded = [name for name in map(str, wide) if name.startswith("embedded-") and " x" not in name]
    means = wide.groupby(level="n_rows").mean()
    higher = [f"`{name}`" for name in embedded if (means[name] > means[model]).all()]
    scored = "score" if len(higher) > 1 else "scores"
    return f"{text} {sentence_list(higher)} {scored} higher." if higher else text


def _beside_forest(scores: pd.DataFrame) -> list[str]:
    """Say by how much the best method exceeds a random forest, at each number of training rows."""
    found = []
    for n_rows, own in scores[scores["suite"] == "tabarena33"].groupby("n_rows"):
        wide = own.pivot_table(index=["dataset", "fold"], columns="method", values="roc_auc").dropna(axis=1)
        if FOREST not in wide or len(wide.columns) < 2:
            continue
        best = wide.drop(columns=FOREST).mean().idxmax()
        change = _mean_change(wide[best] - wide[FOREST])
        found.append(f"with {n_rows:,} training rows that of `{best}` by {change}")
    text = f"The best ROC-AUC of the other methods differs from that of the {FOREST}: "
    below = ". Which is best was read off these very tables."
    return [f"{text}{', '.join(found)}{below}"] if found else []


def _ensembling(scores: pd.DataFrame) -> list[str]:
    """Say what averaging views gains and costs each model that was measured with and without."""
    own = scores[scores["suite"] == "tabarena33"]
    places = ["dataset", "fold", "n_rows"]
    auc = own.pivot_table(index=places, columns="method", values="roc_auc")
    seconds = own.pivot_table(index=[*places, "revision"], columns="method", values="seconds")
    found = []
    for method in sorted(set(own["method"])):
        model, _, members = method.partition(" x")
        if not members or model not in set(own["method"]):
            continue
        gain = (auc[method] - auc[model]).dropna()
        together = seconds[[model, method]].dropna().sum()  # a ratio of two occasions would say little
        times = f" ({together[method] / together[model]:.1f} times as long)" if together[model] else ""
        found.append(f"that of `{model}` by {_mean_change(gain)} with {members} views{times}")
    text = (
        "Averaging several views of each table (classes and categories recoded, signs flipped, features in "
        "another order) changes the ROC-AUC, over the tables, folds and numbers of rows above: "
    )
    below = " How much longer that takes is said where both were measured on one occasion."
    some = any(" times as long" in one for one in found) and not all(" times as long" in one for one in found)
    return [f"{text}{'; '.join(found)}.{below if some else ''}"] if found else []


def _mean_change(change: pd.Series) -> str:
    """Return the mean of what is indexed by ``dataset``, with its interval over those."""
    tables = change.index.get_level_values("dataset").to_numpy()
    found = cluster_bootstrap(change.to_numpy(), tables, np.mean)
    return f"{score(found.value)} [{score(found.lower)}, {score(found.upper)}]"


def run_speed(folder: Path) -> str:
    """Return what ``benchmarks/finetune.py`` recorded: a run beside its floor, and beside AutoGluon's loop.

    Parameters
    ----------
    folder : Path
        Holds ``floor.csv`` and, where AutoGluon was there, ``autogluon.csv`` of the benchmark.
    """
    if not (folder / "floor.csv").is_file():
        return "Not recorded here: `python benchmarks/finetune.py` measures it."
    floor = pd.read_csv(folder / "floor.csv")
    rows = [
        [
            row["table"],
            *(number(row[name]) for name in ("features", "seconds", "floor_s", "ratio", "memory_gb")),
        ]
        for row in floor.to_dict("records")
    ]
    header = ["Table", "Features", "Seconds", "Floor", "Ratio", "Memory [GB]"]
    text = (
        f"{table(header, rows, widths=[34, 12, 14, 14, 12, 14])}\n\nOne run of `embedded-mini` on "
        f"{floor['machine'].iloc[0]}. The floor is the run's floating-point operations over the rate at "
        "which the machine multiplies matrices of the model's shapes."
    )
    return f"{text}{_beside_autogluon(folder / 'autogluon.csv')}"


def _beside_autogluon(path: Path) -> str:
    if not path.is_file():
        return ""
    peer = pd.read_csv(path)
    times = peer["ours_per_s"] / peer["autogluon_per_s"]
    return (
        f" AutoGluon's own loop, with the same checkpoint, steps and rows, takes {times.min():.1f} to "
        f"{times.max():.1f} times as long; the mean test ROC-AUC is {auc(peer['autogluon_auc'].mean())}, "
        f"with ours {auc(peer['ours_auc'].mean())} ({count(len(peer), 'table')}, one run each: no interval)."
    )


def learning_rates(folder: Path) -> str:
    """Return what ``benchmarks/learning_rate.py`` recorded: the score of each rate, each model's best.

    Parameters
    ----------
    folder : Path
        Holds ``learning_rates.csv`` of the benchmark.
    """
    path = folder / "learning_rates.csv"
    if not path.is_file():
        return (
            "The rates that were tried are not recorded here: `python benchmarks/learning_rate.py` does it."
        )
    tried = pd.read_csv(path)
    means = tried.groupby(["model", "learning_rate"], as_index=False)[["zero_shot_auc", "test_auc"]].mean()
    rows = [
        [
            f"`{row['model']}`",
            f"{row['learning_rate']:g}{_USED if _is_used(row) else ''}",
            auc(row["zero_shot_auc"]),
            auc(row["test_auc"]),
        ]
        for row in means.to_dict("records")
    ]
    header = ["Model", "Learning rate", "ROC-AUC before", "ROC-AUC at the selected step"]
    best = means.loc[means.groupby("model")["test_auc"].idxmax()]
    smallest = means.groupby("model")["learning_rate"].min()
    chosen = sentence_list(
        [
            f"{row['learning_rate']:g} for `{row['model']}`"
            + (", the smallest tried" if row["learning_rate"] == smallest[row["model"]] else "")
            for row in best.to_dict("records")
        ]
    )
    n_tables = count(tried["dataset"].nunique(), "simulated table")
    below = f"Means over {n_tables}, on folds that no study uses. The best rate is {chosen}."
    return f"{table(header, rows, widths=[28, 18, 24, 30])}\n\n{below}"


_USED = " (used)"


def _is_used(row: Mapping[Hashable, Any]) -> bool:
    """Return whether the studies of the row's model were run at its rate."""
    preset = "tabpfn" if row["model"].startswith("tabpfn") else RunSpec.preset
    return math.isclose(PRESETS[preset].learning_rate, row["learning_rate"])
