"""The open question of depth and stability as text: its answer, and what stands beside it.

Numbers come from the verdict of claim 19 and from the tables that the notebooks published.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from causalmix.book.claims_text import Claim
from causalmix.book.depth_questions_text import CLAIM_19, questions_text, true_graphs
from causalmix.book.depth_reading_text import second_model_text, tail_text
from causalmix.book.depth_records_text import EARLIER, earlier_text, known_earlier_text
from causalmix.book.depth_views_text import (
    ALPHA,
    agreement_of_primary,
    agreement_text,
    change_text,
    isolation_text,
    known_text,
    recovered_depths,
    recovery_text,
    scarcity_text,
    within_text,
)
from causalmix.book.execute import Execution
from causalmix.book.study import Study
from causalmix.book.text import badge, interval, number, sentence_list
from causalmix.intervals import signed as signed_with_ends
from causalmix.stability import name_measure
from causalmix.verdicts import Verdict


def depth_snippets(
    claim: Claim, verdict: Verdict, executions: Sequence[Execution], studies: Sequence[Study], results: Path
) -> dict[str, str]:
    """Return the pieces of text on depth by name; ``results`` is the folder of the recorded studies."""
    tables, earlier = published_tables(executions), results / "depth" / EARLIER
    return {
        "depth_questions": questions_text(claim, verdict, tables),
        "depth_tail": tail_text(studies),
        "depth_change": change_text(tables.get(CLAIM_19)),
        "depth_second_model": second_model_text(studies, results / "finetune"),
        "depth_question": f"> {claim['sentence']}\n",
        "depth_answer": depth_answer(claim, verdict),
        "depth_caution": depth_caution(verdict),
        "depth_reservations": reservations(earlier, verdict, tables, studies),
        "depth_agreement": agreement_text(tables.get("depth_measures")),
        "depth_earlier": earlier_text(earlier),
        "depth_known_earlier": known_earlier_text(results / "depth-known" / EARLIER),
        "depth_rule": depth_rule(claim),
        "depth_within": within_text(tables.get("depth_within_tables")),
        "depth_known": known_text(tables.get("depth_known_truth")),
        "depth_recovered": recovery_text(tables.get("depth_recovery")),
        "depth_isolated": isolation_text(tables.get("depth_isolated_target")),
        "depth_scarcity": scarcity_text(tables.get("depth_low_data")),
    }


def reservations(
    path: Path, verdict: Verdict, tables: Mapping[str, pd.DataFrame], studies: Sequence[Study] = ()
) -> str:
    """Return what to hold against the answer to the open question; nothing where it was not tested.

    Parameters
    ----------
    path : Path
        See `earlier_text`.
    tables : mapping
        From `published_tables`.
    studies : sequence of Study
        Of which the dial's own tells whether runs were repeated.
    """
    if verdict.verdict == "not tested":
        return ""
    looks = len(json.loads(path.read_text(encoding="utf-8"))) + 1 if path.is_file() else 1
    parts = ["**What to hold against it.** The verdict is about one measure of stability."]
    if "depth_measures" in tables:
        parts.append(agreement_of_primary(tables["depth_measures"]))
    parts.append(_say_noisy(studies))
    if looks > 1:
        parts.append(
            f"This is record number {looks} of a study that was made larger, mostly because earlier ones "
            "were undecided; nothing is adjusted for that."
        )
    if "depth_recovery" in tables:
        found = recovered_depths(tables["depth_recovery"])
        parts.append(f"The depth is that of *discovered* graphs. {found}")
    parts.append(_say_where_depth_is_true(verdict.value, tables))
    return " ".join(part for part in parts if part)


def _say_noisy(studies: Sequence[Study]) -> str:
    """Say what noise does to a correlation, and whether runs were repeated against it."""
    own = [study.runs["repeat"].max() for study in studies if study.name == "depth"]
    once = ", and no run was repeated" if own and own[0] == 0 else ""
    return f"It rests on few changes of a loss on few rows; such noise draws correlations towards zero{once}."


def _say_where_depth_is_true(value: float, tables: Mapping[str, pd.DataFrame]) -> str:
    """Say what was found where graphs have the depth that was set; and if it is clearly of the other sign."""
    row, exploratory = true_graphs(tables)
    if row is None:
        return ""
    clear = row["lower"] * row["upper"] > 0
    other = ", of the other sign than the dial's" if clear and row["rho"] * value < 0 else ""
    how = "exploratory" if exploratory else "by a rule of its own, on folds that were run for it"
    return (
        "Where simulated graphs truly have the depth that was set, the correlation was "
        f"{signed_with_ends(row['rho'], row['lower'], row['upper'])}{other} ({how})."
    )


def published_tables(executions: Sequence[Execution]) -> dict[str, pd.DataFrame]:
    """Return the tables with any rows that depth notebooks published, by the name of their file."""
    folders = [one.out / "data" for one in executions if one.name.startswith(("depth_", "claim_19"))]
    files = [file for folder in folders for file in sorted(folder.glob("*.csv"))]
    tables = {file.stem: pd.read_csv(file) for file in files}
    return {name: table for name, table in tables.items() if len(table)}


def depth_answer(claim: Claim, verdict: Verdict) -> str:
    """Return the answer to the open question, from its verdict, or that the runs are not there.

    Parameters
    ----------
    claim : mapping
        Entry 19 of claims.yml.
    verdict : Verdict
    """
    if verdict.verdict == "not tested":
        return (
            f"[](depth.md) asks another question; the runs that answer it are not recorded here: "
            f"{verdict.reason}."
        )
    measure = name_measure(claim["estimand"]["measure"])
    smallest = float(claim["estimand"]["smallest_effect"])
    p_value = verdict.quantities.get("p_value", math.nan)
    parts = [
        f"**Does structural depth go with the stability of fine-tuning?** "
        f"{badge(verdict.verdict, verdict.label)} {in_short(verdict, p_value)} Over {verdict.n_datasets} "
        f"tables and {verdict.n_runs:,} runs of `{verdict.model}`, the Spearman correlation of *{measure}* "
        f"with the depth that graphs were cut to, taken within each table and fold and averaged over tables, "
        f"was {number(verdict.value)} {interval(*verdict.interval)} (95 % interval over tables; permutation "
        f"p {number(p_value)}, sign-flip p over tables "
        f"{number(verdict.quantities.get('sign_flip_p', math.nan))}; below zero means that deeper graphs "
        f"converge more steadily).",
        excluded_text(verdict.interval, smallest),
        "It is a finding about this model on these tables.",
    ]
    return " ".join(part for part in parts if part)


def depth_caution(verdict: Verdict) -> str:
    """Return what the permutation p of the verdict does not take into account."""
    found = verdict.quantities
    if "n_repeated" not in found:
        return ""
    return (
        f"The permutation p {number(found['p_value'])}, which the rule uses, asks whether the order of the "
        "depths matters on these very tables. It permutes the settings of a block as if each were a run of "
        f"its own; in {number(found['n_repeated'])} of {number(found['n_blocks'])} blocks two settings or "
        "more left the graphs as they were, and are one run. The sign-flip p "
        f"{number(found['sign_flip_p'])} takes whole tables as the units, as the interval does; it was added "
        "later."
    )


def in_short(verdict: Verdict, p_value: float) -> str:
    """Return the verdict on the open question in plain words."""
    if verdict.verdict == "reproduced":
        return "An association of relevant size was found."
    if verdict.verdict == "not reproduced":
        return "Nothing of relevant size was found."
    if p_value < ALPHA:
        return "There is a trace of an association, but none of relevant size is established."
    return "Nothing was found; but the data are too few to exclude an effect of relevant size."


def excluded_text(ends: tuple[float, float], smallest: float) -> str:
    """Return whether the data exclude an effect of the size that was fixed as relevant.

    Examples
    --------
    >>> excluded_text((-0.3, 0.1), 0.2).split(", ")[2]
    'is excluded above zero and not below.'
    """
    lower, upper = ends
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return ""
    side = {
        (True, True): "excluded in either direction",
        (True, False): "excluded above zero and not below",
        (False, True): "excluded below zero and not above",
        (False, False): "excluded neither above nor below zero",
    }[upper < smallest, lower > -smallest]
    return (
        f"An average correlation of {number(smallest)} or more, the size fixed beforehand as relevant, is "
        f"{side}."
    )


def depth_rule(claim: Claim) -> str:
    """Return how the open question will be decided."""
    estimand = claim["estimand"]
    secondary = estimand.get("secondary") or {}
    lines = [
        f"**The primary analysis.** {' '.join(estimand['text'].split())}",
        f"**The rule.** {' '.join(claim['decision']['text'].split())}",
        f"**The smallest effect of interest** is a correlation of {number(estimand['smallest_effect'])}; "
        f"the test is {estimand['direction']}. {estimand.get('expectation', '')}".strip(),
    ]
    if secondary:
        measures = sentence_list([f"*{name_measure(name)}*" for name in secondary["measures"]])
        lines.append(
            f"**Secondary analyses.** {' '.join(secondary['note'].split())} Measures: {measures}. "
            "The family that is adjusted also holds the other tests of the primary measure, which makes the "
            "adjustment stricter."
        )
    return "\n\n".join(lines)
