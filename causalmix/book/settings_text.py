"""The settings behind every recorded run, read off the code that makes the runs, and others beside them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import pandas as pd

from causalmix.book.text import auc, count, number, percent, sentence_list, table
from causalmix.causal import settings as discovery
from causalmix.data.known_scm import N_EDGES
from causalmix.figures.style import arm_name
from causalmix.generators.causal import CausalGenerator
from causalmix.intervals import signed
from causalmix.presets import PRESETS, FinetunePreset
from causalmix.recorded_cases import RecordedCases
from causalmix.setting_scores import GAPS, IN_USE, WITH_GAPS, summarise_discovery, summarise_settings
from causalmix.specs import RunSpec


def settings(presets: Iterable[str]) -> str:
    """Return the settings of the fine-tuning, a column per preset, and those of the causal generator."""
    names = [name for name in presets if name in PRESETS]
    chosen = [PRESETS[name] for name in names]
    patient = all(one.patience >= one.n_steps // one.eval_every for one in chosen)
    tuning = [[label, *(read(preset) for preset in chosen)] for label, read in FINETUNING.items()]
    return "\n\n".join(
        [
            table(["Fine-tuning", *(f"`{name}`" for name in names)], tuning),
            *(["Patience is as long as a run: early stopping only chooses the step."] if patient else []),
            table(["Synthetic rows of the causal models", "Value"], _generator_rows(), widths=[62, 38]),
        ]
    )


_CONTEXT = {"real": "the real training rows", "pool": "all rows that are fine-tuned on"}

FINETUNING: dict[str, Callable[[FinetunePreset], str]] = {
    "Steps": lambda preset: number(preset.n_steps),
    "Steps between evaluations; the first is before any training": lambda preset: number(preset.eval_every),
    "Evaluations without a better one after which a run stops": lambda preset: number(preset.patience),
    "Learning rate of AdamW": lambda preset: f"{preset.learning_rate:g}",
    "Steps of linear warm-up, then constant": lambda preset: number(preset.warmup_steps),
    "Weight decay": lambda preset: f"{preset.weight_decay:g}",
    "Rows drawn for a step, of real or real and synthetic ones": lambda preset: number(preset.rows_per_step),
    "Share of them that is predicted, from the others": lambda preset: f"{preset.query_share:g}",
    "Context of predictions": lambda preset: _CONTEXT[preset.prediction_context],
}
"""What the table of fine-tuning settings shows: label to how it reads a preset."""


def _generator_rows() -> list[list[str]]:
    defaults = {name: one.default for name, one in signature(CausalGenerator.__init__).parameters.items()}
    algorithms = sentence_list([name.upper() for name in defaults["algorithms"]])
    subsamples = (
        f"{number(defaults['n_bootstraps'])}, or {number(discovery.WIDE_BOOTSTRAPS)} on tables of more than "
        f"{number(discovery.WIDE_TABLE)} columns"
    )
    return [
        ["Synthetic rows per real training row", f"{RunSpec.synthetic_ratio:g}"],
        [f"Subsamples on which each of {algorithms} is run", subsamples],
        ["Share of the training rows in a subsample", f"{discovery.SUBSAMPLE_SHARE:g}"],
        ["Significance level of the independence tests", f"{defaults['alpha']:g}"],
        ["Columns that an independence is conditioned on, at most", number(discovery.MAX_CONDITIONING)],
        ["The same in FCI's search among Possible-D-Sep", number(discovery.MAX_POSSIBLE_DSEP)],
        ["Graphs drawn, each with a causal model of its own", number(defaults["n_dags"])],
        ["Parents of a column, at most", number(defaults["max_parents"])],
        ["Mechanisms", f"{defaults['mechanism']} regressors and classifiers"],
        ["Missing numbers, for fitting", f"the {defaults['missing']} of the column"],
    ]


def tried_settings(cases: Path) -> str:
    """Return what ``benchmarks/generator_settings.py`` recorded: other settings beside those in use.

    Parameters
    ----------
    cases : Path
        ``settings.csv`` of the benchmark.
    """
    if not cases.is_file():
        return "Other settings are not compared here: `python benchmarks/generator_settings.py` does it."
    frame = RecordedCases(cases, []).frame()
    summary = summarise_settings(frame)
    found = summary.to_dict("records")
    rows = [
        [
            f"*{_name(forest['generator'])}*",
            f"**{IN_USE}**" if forest["setting"] == IN_USE else forest["setting"],
            *_score_cells(forest),
            *_score_cells(tuned),
            number(forest["seconds"]),
        ]
        for forest, tuned in zip(found[::2], found[1::2], strict=True)  # in the order of SCORES
    ]
    header = ["Rows of", "Setting", "Forest", "Forest: difference", "Fine-tuned"]
    header += ["Fine-tuned: difference", "CPU-seconds"]
    n_tables = count(int(summary["n_tables"].max()), "simulated table")
    n_failed = int((frame["reason"] != "").sum())
    failed = f" {count(n_failed, 'case')} could not be served and are left out." if n_failed else ""
    holed = frame["generator"] == WITH_GAPS
    gaps = (
        f"Of tables with *gaps* {percent(GAPS)} of the numbers are missing, chosen at random, in all rows; "
        f"before fine-tuning it is {auc(frame.loc[holed, 'zero_shot_auc'].mean())} there. "
    )
    return (
        f"{table(header, rows, widths=[14, 26, 9, 21, 10, 21, 10], css='cm-wide')}\n\n"
        "Test ROC-AUC of a random forest trained on the rows alone, and of "
        f"`{RunSpec.model}` fine-tuned as the studies do it; before fine-tuning it is "
        f"{auc(frame.loc[~holed, 'zero_shot_auc'].mean())}. Means over {n_tables}, on folds that no study "
        "uses; differences from the setting in use with 95 % intervals that resample tables, not adjusted "
        f"for how many there are. {gaps if holed.any() else ''}{_apart(summary)}{failed}"
    )


_SHARES = ("edge_auroc", "skeleton_f1", "isolated_target")
"""The measures of discovery that lie between 0 and 1."""


def tried_discovery(cases: Path) -> str:
    """Return what ``benchmarks/discovery.py`` recorded: shares of rows and levels beside the pair in use.

    Parameters
    ----------
    cases : Path
        ``discovery_settings.csv`` of the benchmark.
    """
    if not cases.is_file():
        return "How discovery was set is not recorded here: `python benchmarks/discovery.py` measures it."
    frame = RecordedCases(cases, []).frame()
    summary = summarise_discovery(frame)
    rows = []
    for (share, alpha), found in summary.groupby(["share", "alpha"]):
        scores = {row["score"]: row for row in found.to_dict("records")}
        forest, pair = scores.pop("forest_auc"), f"{share:g}, {alpha:g}"
        rows.append(
            [
                f"**{pair}**" if forest["setting"] == IN_USE else pair,
                # in the order of DISCOVERY_SCORES
                *((auc if name in _SHARES else number)(row["mean"]) for name, row in scores.items()),
                *_score_cells(forest),
                number(forest["seconds"]),
            ]
        )
    header = ["Share, level", "Edge AUROC", "F1", "Edges", "Isolated", "Depth off by", "Forest", "Difference"]
    n_tables = count(frame["dataset"].nunique(), "simulated table")
    widths = [14, 11, 9, 9, 10, 11, 9, 21, 10]
    return (
        f"{table([*header, 'CPU-seconds'], rows, widths=widths, css='cm-wide')}\n\n"
        "The share of the training rows in a subsample and the level of the independence tests; in bold the "
        "pair in use. AUROC of the edge probabilities against the true directed edges; of sampled graphs, "
        "the F1 of their edges, whichever way round, how many they are, in how many graphs none is the "
        "target's, and by how much the depth is off; test ROC-AUC of a random forest trained on the rows of "
        "their models, with its difference from the pair in use (95 % interval over tables). Means over "
        f"{n_tables} whose graphs are known and have {N_EDGES} edges, on folds that no study uses."
    )


def _score_cells(found: Mapping[Hashable, Any]) -> tuple[str, str]:
    """A score, and its difference from that in use."""
    gain = signed(found["difference"], found["lower"], found["upper"])
    return auc(found["mean"]), "" if found["setting"] == IN_USE else gain


def _apart(summary: pd.DataFrame) -> str:
    """Say which settings are told from the setting in use, by the forest and once a model is fine-tuned."""
    others = summary[summary["setting"] != IN_USE]
    found = [
        _say_apart(others[others["score"] == score], words)
        for score, words in (("forest_auc", "forest's"), ("finetuned_auc", "fine-tuned"))
    ]
    return " ".join(found)


def _say_apart(scores: pd.DataFrame, words: str) -> str:
    """Say which settings lie above or below that in use by one score."""
    names = [f"{_name(row['generator'])} ({row['setting']})" for row in scores.to_dict("records")]
    sides = {
        "above": [name for name, lower in zip(names, scores["lower"], strict=True) if lower > 0],
        "below": [name for name, upper in zip(names, scores["upper"], strict=True) if upper < 0],
    }
    found = [
        f"{sentence_list(which)} {'lies' if len(which) == 1 else 'lie'} {side} the setting in use"
        for side, which in sides.items()
        if which
    ]
    if not found:
        return f"By the {words} score no other setting is told from the setting in use."
    return f"By the {words} score {', and '.join(found)}; of the others none is told from it."


def _name(generator: str) -> str:
    """The generator as figures write the arm that draws its rows; a word where its tables have gaps."""
    base, *gaps = generator.split(", ")
    return ", ".join([arm_name("scm" if base == "causal" else base), *gaps])
