"""What was found so far as text: the index page's first answer, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from causalmix.analysis import improvement_summary, normalise_scores, unit_scores
from causalmix.book.claims_text import Claim, tally_by_kind
from causalmix.book.controls_text import first_lead
from causalmix.book.study import Study
from causalmix.book.study_text import models_of, shape
from causalmix.book.text import badge, interval, number, score, sentence_list
from causalmix.controls import load_rule
from causalmix.differences import pool_tables, table_differences
from causalmix.incomplete import incomplete_tables
from causalmix.intervals import mean_interval, signed
from causalmix.verdicts import Verdict

ABOUT_SUITE = {
    "bundled": "the tables that come with scikit-learn, which are too easy to decide anything",
    "tabarena33": "tables of the benchmark TabArena",
}
"""What a suite is, for the reader."""

IMPROVEMENT_CLAIMS = {"04": "CausalMixFT", "05": "plain fine-tuning"}
"""The claims about the median improvement over the pre-trained model, and whose it is."""

GAP_CLAIM = "18"
"""The claim about the gap of validation and test along fine-tuning."""

LEADING = ("causalmix", "default", "scm")
"""The arms that the index page names."""


def in_short(study: Study, verdicts: Sequence[Verdict]) -> str:
    """Return the first paragraph of the index page: the book's title answered, for the model that was run."""
    rule = load_rule()
    tables = table_differences(normalise_scores(study.runs), rule.arm, rule.baseline)
    if tables.empty:
        return first_lead(study)  # which says so
    lead = pool_tables(tables)
    parts = [
        f"**In short.** With {models_of(study)}, CausalMixFT (the arm `{rule.arm}`) did "
        f"{_how(lead.lower, lead.upper)} than plain fine-tuning on the real rows (the arm "
        f"`{rule.baseline}`), as far as these runs can tell: its mean lead was "
        f"{signed(lead.value, lead.lower, lead.upper)} of the error that the pre-trained model leaves "
        f"(95 % interval over {len(tables)} tables, {number(tables['n_pairs'].sum())} pairs of runs of "
        f"the study `{study.name}`)."
    ]
    tested = [one for one in verdicts if one.verdict != "not tested"]
    parts += [_say_medians([one for one in tested if one.id in IMPROVEMENT_CLAIMS])]
    parts += [_say_gap(one) for one in tested if one.id == GAP_CLAIM]
    parts += [
        f"The structural depth of its causal models and the steadiness of fine-tuning: "
        f"{badge(one.verdict, one.label)} (rank correlation {signed(one.value, *one.interval)})."
        for one in tested
        if one.kind == "exploratory"
    ]
    if not _is_mitra(study):
        parts.append("Whether any of this holds for Mitra, the paper's model, was not tested.")
    return " ".join(part for part in parts if part)


def _say_medians(verdicts: Sequence[Verdict]) -> str:
    """Say how far the arms' medians lie from the pre-trained model, with the paper's; nothing without any."""
    if not verdicts:
        return ""
    medians = [
        f"{signed(one.value, *one.interval)} for {IMPROVEMENT_CLAIMS[one.id]} "
        + f"(the paper: {one.reference:+.2f})".replace("-", "−")
        for one in verdicts
    ]
    sides: dict[str, list[str]] = {}
    for one in verdicts:
        lower, upper = one.interval
        side = "a gain" if lower > 0 else "a loss" if upper < 0 else "no clear gain"
        sides.setdefault(side, []).append(IMPROVEMENT_CLAIMS[one.id])
    told = [f"{side} for {sentence_list(arms)}" for side, arms in sides.items()]
    text = f"Over the pre-trained model the median improvement was {sentence_list(medians)}"
    return f"{text}: {', '.join(told)}."


def _say_gap(verdict: Verdict) -> str:
    """Say whether validation and test scores agree better along CausalMixFT's runs than along plain ones."""
    (lower, upper), paper = verdict.interval, verdict.reference
    fell = verdict.value >= 0
    ends = interval(lower, upper) if fell else interval(-upper, -lower)
    clear = "" if lower > 0 or upper < 0 else ": no clear change"
    excluded = "is" if paper < lower or paper > upper else "is not"
    change = f"{'fell' if fell else 'rose'} by {number(abs(verdict.value))} {ends}".strip()
    return (
        "The median gap of validation and test (one minus the rank correlation of validation and test scores "
        f"along a run) {change} from plain fine-tuning to CausalMixFT{clear}. "
        f"The paper's fall of {number(paper)} {excluded} excluded for this model."
    )


def _how(lower: float, upper: float) -> str:
    """Say on which side of zero an interval lies, above being better."""
    return "better" if lower > 0 else "worse" if upper < 0 else "neither better nor worse"


def found_so_far(study: Study, claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> str:
    """Return the paragraph of the index page that says what was found so far."""
    suites = [f"`{name}` ({ABOUT_SUITE.get(name, 'own tables')})" for name in study.manifest["suites"]]
    summary = {row["arm"]: row for row in improvement_summary(study.runs).to_dict("records")}
    reference = {
        claim["estimand"].get("arm"): claim["reference"]
        for claim in claims
        if claim["estimand"]["kind"] == "median_improvement"
    }
    medians = []
    for arm in LEADING:
        if arm in summary:
            row = summary[arm]
            text = f"{score(row['median'])} [{score(row['lower'])}, {score(row['upper'])}] for `{arm}`"
            paper = reference.get(arm)
            medians.append(text + (f" (the paper: {paper:+.2f})" if paper else ""))
    return (
        f"**What was found so far.** The recorded study `{study.name}` holds {shape(study)} on "
        f"{sentence_list(suites)}, with the model {models_of(study)}: {verdict_caveat(study)} "
        f"The median improvement over the pre-trained model, as a share of the remaining error and with its "
        f"95 % interval over tables, was "
        f"{sentence_list(medians)}. The paper's values are Mitra's, by a formula that we do not have. "
        f"{_say_means(study.runs)} {tally_by_kind(verdicts)}"
    )


def _say_means(runs: pd.DataFrame) -> str:
    """Say the mean scores, which a few tables can carry, and what they are without incomplete tables."""
    text = f"The means over tables are {_means(runs)}"
    partial = incomplete_tables(runs)
    if partial.empty:
        return f"{text}."
    rest = runs[~runs["dataset"].isin(partial["dataset"])]
    names = sentence_list([f"*{name}*" for name in partial["dataset"]])
    return f"{text}; without {names}, of which rows are missing, {_means(rest)}."


def _means(runs: pd.DataFrame) -> str:
    tables = unit_scores(runs).groupby(["arm", "dataset"], observed=True)["score"].mean()
    found = [(arm, mean_interval(tables[arm].to_numpy())) for arm in LEADING if arm in tables.index]
    return sentence_list([f"{signed(one.value, one.lower, one.upper)} for `{arm}`" for arm, one in found])


def verdict_caveat(study: Study) -> str:
    """Return for which model the findings hold."""
    if _is_mitra(study):
        return "the paper's own model."
    ours = all(model.startswith("embedded-") for model in study.models)
    kind = "a small model of Mitra's architecture" if ours else "not the paper's"
    return f"{kind}. What follows is about that model, not about Mitra."


def _is_mitra(study: Study) -> bool:
    return {model.partition("@")[0] for model in study.models} == {"mitra"}
