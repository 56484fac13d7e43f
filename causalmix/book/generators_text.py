"""The synthetic rows as text: how good they are, what they cost, how much their number matters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from causalmix.book.execute import Execution
from causalmix.book.study import is_recorded
from causalmix.book.text import auc, count, interval, number, score, sentence_list, table
from causalmix.cells import count_folds
from causalmix.figures import load_ratio_sensitivity, summarise_cost, summarise_quality
from causalmix.figures.style import arm_name, order_arms
from causalmix.recorded_cases import RecordedCases
from causalmix.store import ResultStore

OURS = "scm"
CONTROLS = ("bootstrap", "independent", "random_dag")
"""Sources that show what a measure means, not generators of their own."""

HEADERS = {
    "quality_score": "Quality score",
    "skeleton_f1": "Skeleton F1",
    "ci_agreement": "Independences alike",
    "tstr_auc": "Trained on them: ROC-AUC",
    "detection_auc": "Told apart: ROC-AUC",
    "closest_record": "Distance to closest record",
}


Found = dict[tuple[str, str], dict]
"""(measure, source) -> ``mean, lower, upper, reference, n_tables``."""


def quality_text(scores: Path) -> str:
    """Return what ``benchmarks/quality.py`` recorded: the findings in words, then a table of means.

    Parameters
    ----------
    scores : Path
        ``scores.csv`` of the benchmark.
    """
    if not scores.is_file():
        return "Their quality is not recorded here: `python benchmarks/quality.py` measures it."
    summary = summarise_quality(RecordedCases(scores, []).frame())
    found: Found = {(row["measure"], row["generator"]): row for row in summary.to_dict("records")}
    names = order_arms(summary["generator"])
    rows = [[f"*{arm_name(name)}*", *(_mean(found, measure, name) for measure in HEADERS)] for name in names]
    real = {measure: found[measure, names[0]]["reference"] for measure in HEADERS}
    rows.append(["real rows", *(_as_score(value, measure) for measure, value in real.items())])
    n_tables = count(int(summary["n_tables"].max()), "table")
    sentences = [f"Means over {n_tables} with their 95 % intervals, with as many synthetic as real rows."]
    if OURS in names:
        sentences += [_structure(found, names), _usefulness(found, names)]
    sentences.append(_copies(found, names))
    return f"{' '.join(sentences)}\n\n{table(['Source', *HEADERS.values()], rows, css='cm-wide')}"


def _structure(found: Found, names: Sequence[str]) -> str:
    """Say how much of the discovered structure the causal models keep, beside the controls."""
    controls = {
        "random_dag": "fitted to random graphs with as many edges {}",
        "independent": "without edges {}",
        "bootstrap": "real rows drawn again {}",
    }
    others = [
        text.format(_with_interval(found, "skeleton_f1", name))
        for name, text in controls.items()
        if name in names
    ]
    return (
        "Discovery finds in the rows of the causal models the skeleton that it finds in the real rows with "
        f"an F1 score of {_with_interval(found, 'skeleton_f1', OURS)}"
        f"{f' ({sentence_list(others)})' if others else ''}."
    )


def _usefulness(found: Found, names: Sequence[str]) -> str:
    """Say what a forest learns from the causal models' rows, and whether it knows them from real ones."""
    others = [name for name in names if name not in (OURS, *CONTROLS)]
    trained = (
        "A random forest trained on them alone reaches a ROC-AUC of "
        f"{_with_interval(found, 'tstr_auc', OURS)} on real test rows, trained on the real rows "
        f"{auc(found['tstr_auc', OURS]['reference'])}"
    )
    apart = (
        f"It tells them from real rows with {_with_interval(found, 'detection_auc', OURS)}, where 0.5 is not "
        "at all"
    )
    if others:
        best = max(others, key=lambda name: found["tstr_auc", name]["mean"])
        by_auc = sorted(others, key=lambda name: found["detection_auc", name]["mean"])
        trained += f"; on those of *{arm_name(best)}*, the best of the others, "
        trained += _with_interval(found, "tstr_auc", best)
        ends = [
            f"{_mean(found, 'detection_auc', name)} (*{arm_name(name)}*)" for name in (by_auc[0], by_auc[-1])
        ]
        apart += f"; of the others, between {sentence_list(ends)}"
    return f"{trained}. {apart}."


def _copies(found: Found, names: Sequence[str]) -> str:
    """Say whose rows are near copies: closer than half the distance of unseen real rows."""
    rows = {name: found["closest_record", name] for name in names}
    near = [f"*{arm_name(name)}*" for name, row in rows.items() if row["mean"] < row["reference"] / 2]
    whose = f"The rows of {sentence_list(near)}" if near else "No source's rows"
    return f"{whose} lie less than half as far from a training row as unseen real rows do."


def cost_text(cases: Path) -> str:
    """Return what ``benchmarks/generator_cost.py`` recorded as a table of medians.

    Parameters
    ----------
    cases : Path
        ``cost.csv`` of the benchmark.
    """
    if not cases.is_file():
        return "Their cost is not recorded here: `python benchmarks/generator_cost.py` measures it."
    frame = RecordedCases(cases, []).frame()
    summary = summarise_cost(frame)
    rows = [
        [
            f"*{arm_name(row['generator'])}*",
            *(number(row[cost]) for cost in ("seconds_fit", "seconds_per_1000", "peak_mb")),
        ]
        for row in summary.to_dict("records")
    ]
    header = ["Generator", "CPU-seconds to fit", "CPU-seconds per 1,000 rows", "Peak memory [MB]"]
    machines = sentence_list(sorted(set(frame["machine"].dropna())))
    n_tables = count(int(summary["n_tables"].max()), "table")
    note = f"Medians over the {n_tables} on which every generator was measured; one thread of {machines}."
    return f"{table(header, rows)}\n\n{note}"


def speed_text(folder: Path) -> str:
    """Return what ``benchmarks/generators.py`` recorded: discovery and the causal models beside their peers.

    Parameters
    ----------
    folder : Path
        Holds ``discovery.csv`` and ``seconds.csv`` of the benchmark.
    """
    paths = folder / "discovery.csv", folder / "seconds.csv"
    if not all(path.is_file() for path in paths):
        return "Their speed is not recorded here: `python benchmarks/generators.py` measures it."
    discovery, seconds = (pd.read_csv(path) for path in paths)
    means = discovery.groupby(["n_rows", "method"])[["seconds", "skeleton_f1"]].mean()
    made = seconds.set_index(["n_rows", "generator"])["seconds"]
    rows = []
    for n_rows in sorted(discovery["n_rows"].unique()):
        ours, theirs = means.loc[n_rows, "ours"], means.loc[n_rows, "causal-learn out of the box"]
        scores = [auc(found["skeleton_f1"]) for found in (ours, theirs)]
        times = _race(ours["seconds"], theirs["seconds"])
        rows.append(["discovery", "PC and FCI of causal-learn", number(n_rows), *times, *scores])
        times = _race(made[n_rows, "causal"], made[n_rows, "ctgan"])
        rows.append(["discovery, fit and draw", "CTGAN", number(n_rows), *times, "", ""])
    header = ["Ours", "Against", "Rows", "Seconds, ours", "Seconds, theirs", "Faster"]
    ordered = sorted(rows, key=lambda row: row[0])
    widths = [20, 24, 8, 10, 10, 10, 9, 9]
    text = table([*header, "F1, ours", "F1, theirs"], ordered, widths=widths, css="cm-wide")
    graphs = count(discovery["graph"].nunique(), "known graph")
    return (
        f"{text}\n\nCPU-seconds on the same mixed tables, simulated from {graphs}, and the F1 score of the "
        "skeletons. We search subsamples; causal-learn, with its default settings, is run on as many "
        "bootstrap samples."
    )


def _race(ours: float, theirs: float) -> tuple[str, str, str]:
    """Both times, and how many times the first goes into the second."""
    return number(ours), number(theirs), f"{theirs / ours:.1f}×"


def ratio_text(folder: Path) -> str:
    """Return what the study ``sensitivity`` says about the number of synthetic rows.

    Parameters
    ----------
    folder : Path
        ``results/sensitivity``.
    """
    if not is_recorded(folder) or ResultStore(folder).absent():
        return "That study has not been run yet: `causalmix run --profile sensitivity` makes its runs."
    frame = load_ratio_sensitivity(ResultStore(folder))
    rows = [
        [
            f"`{arm}`",
            "none" if ratio == 0 else number(ratio),
            *(_cell(frame, measure, arm, ratio) for measure in ("score", "gap")),
        ]
        for arm, ratio in frame.loc[frame["measure"] == "score", ["arm", "ratio"]].itertuples(index=False)
    ]
    header = ["Arm", "Synthetic rows per real row", "Normalised score", "Validation-test gap"]
    runs = ResultStore(folder).runs()
    tables = count(runs["dataset"].nunique(), "table")
    return (
        f"{table(header, rows)}\n\nMedians over {tables}, {count_folds(runs)} each, with their 95 % "
        f"intervals, tables resampled. {_say_ratios(frame)}"
    )


def _say_ratios(frame: pd.DataFrame) -> str:
    """Say whether the intervals of an arm's ratios, of either measure, leave any two of them apart."""
    varied = frame[frame["ratio"] > 0].dropna(subset=["lower", "upper"])
    apart = []
    for (measure, arm), own in varied.groupby(["measure", "arm"], observed=True):
        if own["lower"].max() > own["upper"].min():
            ratios, lower, upper = (own[name].to_numpy() for name in ("ratio", "lower", "upper"))
            high, low = float(ratios[lower.argmax()]), float(ratios[upper.argmin()])
            what = "score" if measure == "score" else "gap"
            apart.append(f"the {what} of `{arm}` is higher with {number(high)} than with {number(low)}")
    if not apart:
        return "Per arm and measure the intervals of all ratios overlap: none stands out on so few tables."
    return f"Intervals that do not overlap: {sentence_list(apart)}; all others do."


def see(executions: Sequence[Execution], name: str) -> str:
    """Return a sentence that links to a notebook's page, or nothing where the book has no such page."""
    there = any(execution.name == name for execution in executions)
    return f"\n\nFigure, data and explanation: [](../notebooks/{name}.ipynb)." if there else ""


def _cell(frame: pd.DataFrame, measure: str, arm: str, ratio: float) -> str:
    own = frame[(frame["measure"] == measure) & (frame["arm"] == arm) & (frame["ratio"] == ratio)]
    if own.empty:
        return "–"
    row = own.iloc[0]
    value = score(row["value"]) if measure == "score" else number(row["value"])
    return f"{value} {interval(row['lower'], row['upper'])}".strip()


def _mean(found: Found, measure: str, name: str) -> str:
    return _as_score(found[measure, name]["mean"], measure)


def _as_score(value: float, measure: str) -> str:
    """A distance as a number, the other measures as scores between 0 and 1."""
    return number(value) if measure == "closest_record" else auc(value)


def _with_interval(found: Found, measure: str, name: str) -> str:
    row = found[measure, name]
    return f"{auc(row['mean'])} {interval(row['lower'], row['upper'])}".strip()
