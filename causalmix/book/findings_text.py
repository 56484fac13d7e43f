"""What was found so far as text: the index page's first answer, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from causalmix.analysis import NORMALISATIONS, improvement_summary, normalise_scores, unit_scores
from causalmix.book.claims_text import Claim, tally_by_kind
from causalmix.book.controls_text import first_lead
from causalmix.book.study import Study
from causalmix.book.study_text import models_of, shape
from causalmix.book.text import badge, interval, number, percent, sentence_list, table
from causalmix.cells import count_folds
from causalmix.controls import load_rule
from causalmix.depth_contrasts import ALPHA
from causalmix.depth_dial import dial_against_controls
from causalmix.depth_tests import PRIMARY_MEASURE, measurements
from causalmix.differences import pool_tables, table_differences
from causalmix.figures import load_critical_difference
from causalmix.figures.ranks import say_lead
from causalmix.figures.style import arm_name
from causalmix.incomplete import incomplete_tables
from causalmix.intervals import Interval, mean_interval, signed
from causalmix.store import ResultStore
from causalmix.verdicts import Verdict

ABOUT_SUITE = {
    "bundled": "the tables that come with scikit-learn, which are too easy to decide anything",
    "tabarena33": "tables of the benchmark TabArena",
}
"""What a suite is, for the reader."""

LEADING = {
    "causalmix": "CausalMixFT",
    "default": "plain fine-tuning",
    "scm": "the rows of its causal models alone",
}
"""The arms that the index page names, in words."""

IMPROVEMENT_CLAIMS = {"04": "causalmix", "05": "default"}
"""The claims about the median improvement over the pre-trained model, and whose it is."""

GAP_CLAIM = "18"
"""The claim about the gap of validation and test along fine-tuning."""


def snippets(
    studies: Sequence[Study], claims: Sequence[Claim], verdicts: Sequence[Verdict]
) -> dict[str, str]:
    """Return the pieces of text of the index page about the main study.

    Parameters
    ----------
    studies : sequence of Study
        The recorded studies, the main one first.
    """
    study = studies[0]
    return {
        "lead": say_first_lead(study),
        "in_short": in_short(study, verdicts, against_controls(studies, verdicts)),
        "found": found_so_far(study, claims, verdicts),
        "leads": compare_leads(studies),
    }


def in_short(study: Study, verdicts: Sequence[Verdict], against: Mapping[str, float] | None = None) -> str:
    """Return the first words of the index page: the book's title answered, for the model that was run.

    Parameters
    ----------
    against : mapping, optional
        From `against_controls`.
    """
    tested = [one for one in verdicts if one.verdict != "not tested"]
    medians = [one for one in tested if one.id in IMPROVEMENT_CLAIMS]
    items = [_say_medians(study.runs, medians)] if medians else []
    items += [_say_gap(one) for one in tested if one.id == GAP_CLAIM]
    items += [_say_depth(one, against) for one in tested if one.kind == "exploratory"]
    if not _is_mitra(study):
        items.append("Whether any of this holds for Mitra, the paper's model, was not tested.")
    return "\n".join([f"**In short.** {say_first_lead(study)}", "", *(f"- {item}" for item in items)])


def say_first_lead(study: Study) -> str:
    """Say whether CausalMixFT did better than plain fine-tuning, for the model that was run."""
    rule = load_rule()
    tables = table_differences(normalise_scores(study.runs), rule.arm, rule.baseline)
    if tables.empty:
        return first_lead(study)  # which says so
    lead = pool_tables(tables)
    return (
        f"With {models_of(study)}, CausalMixFT (the arm `{rule.arm}`) {_how(lead)} plain fine-tuning on the "
        f"real rows (the arm `{rule.baseline}`): its mean lead was {_with_ends(lead)} of the error that the "
        f"pre-trained model leaves (95 % interval over {len(tables)} tables, "
        f"{number(tables['n_pairs'].sum())} pairs of runs of the study `{study.name}`)."
    )


def _how(lead: Interval) -> str:
    """Say on which side of zero an interval lies, above being better."""
    better = "better" if lead.lower > 0 else "worse"
    return f"did {better} than" if lead.lower > 0 or lead.upper < 0 else "could not be told from"


def _say_medians(runs: pd.DataFrame, verdicts: Sequence[Verdict]) -> str:
    """Say how far the arms' medians and means lie from the pre-trained model, and why medians are small."""
    arms = [IMPROVEMENT_CLAIMS[one.id] for one in verdicts]
    means = _means(runs)
    each, sides = [], dict[str, list[str]]()
    for arm, one in zip(arms, verdicts, strict=True):
        lower, upper = one.interval
        mean = f" (mean over tables {_with_ends(means[arm])})" if arm in means else ""
        each.append(f"{signed(one.value, lower, upper)}{mean} for {LEADING[arm]}")
        side = "a gain" if lower > 0 else "a loss" if upper < 0 else "no clear gain"
        sides.setdefault(side, []).append(LEADING[arm])
    told = ", ".join(f"{side} in the median for {sentence_list(which)}" for side, which in sides.items())
    own = runs[(runs["status"] == "ok") & runs["arm"].isin(arms)]
    kept = float((own["selected_step"] == 0).mean()) if len(own) else 0.0
    partly = "; that is partly why the medians are so near zero" if "no clear gain" in sides else ""
    at_zero = (
        f" Of these runs {percent(kept)} kept step 0, the pre-trained model itself, which our protocol "
        f"allows, and score exactly 0{partly}."
    )
    paper = sentence_list([f"{one.reference:+.2f}".replace("-", "−") for one in verdicts])
    return (
        f"Over the pre-trained model the median improvement was {sentence_list(each)}: {told}; a few tables "
        "can carry a mean."
        f"{at_zero if kept else ''} The paper's medians, {paper}, are Mitra's, by a formula, a learning "
        "rate, a number of steps and a stopping rule that we do not know."
    )


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


def _say_depth(verdict: Verdict, against: Mapping[str, float] | None) -> str:
    """Say whether the depth that graphs were cut to goes with unsteadiness, and whether beyond the edges."""
    text = (
        "The depth that we cut its causal graphs to, and how unsteady fine-tuning is late in a run (*tail "
        f"volatility*): {badge(verdict.verdict, verdict.label)}. Their rank correlation is "
        f"{signed(verdict.value, *verdict.interval)}; above zero, deeper graphs are less steady; "
        f"{number(verdict.tolerance)} was fixed beforehand as the smallest size that is relevant."
    )
    if not against:
        return text
    told = (
        "an effect of depth on it was" if against["p_value"] < ALPHA else "no effect of depth on it could be"
    )
    found = signed(against["effect"], against["lower"], against["upper"])
    return (
        f"{text} Beyond the number of edges {told} seen: the correlation minus that along controls, which "
        f"lose as many edges and keep their depth, is {found}."
    )


def against_controls(studies: Sequence[Study], verdicts: Sequence[Verdict]) -> dict[str, float] | None:
    """Compare the dial with its controls in the study of the open question; nothing where it has none."""
    names = {one.study for one in verdicts if one.kind == "exploratory" and one.verdict != "not tested"}
    study = next((one for one in studies if one.name in names), None)
    if study is None:
        return None
    trajectories = ResultStore(study.folder).trajectories()
    found = dial_against_controls(measurements(study.runs, trajectories, PRIMARY_MEASURE))
    return found if found["n"] else None


def found_so_far(study: Study, claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> str:
    """Return what the index page says about the main study: its runs, how far arms improve, the tally."""
    suites = [f"`{name}` ({ABOUT_SUITE.get(name, 'own tables')})" for name in study.manifest["suites"]]
    return (
        f"**What was found so far.** The recorded study `{study.name}` holds {shape(study)} on "
        f"{sentence_list(suites)}, with the model {models_of(study)}: {verdict_caveat(study)} "
        f"{tally_by_kind(verdicts)}\n\n{_improvements(study, claims)}"
    )


def _improvements(study: Study, claims: Sequence[Claim]) -> str:
    """Return how far the leading arms improve on the pre-trained model, as a table and what it shows."""
    paper = {
        claim["estimand"]["arm"]: f"{claim['reference']:+.2f}".replace("-", "−")
        for claim in claims
        if claim["estimand"]["kind"] == "median_improvement"
    }
    summary = {row["arm"]: row for row in improvement_summary(study.runs).to_dict("records")}
    partial = list(incomplete_tables(study.runs)["dataset"])
    means, rest = _means(study.runs), _means(study.runs[~study.runs["dataset"].isin(partial)])
    rows = []
    for arm in (arm for arm in LEADING if arm in summary):
        median = signed(*(summary[arm][name] for name in ("median", "lower", "upper")))
        found = [
            _with_ends(one[arm]) if arm in one else "–" for one in ([means, rest] if partial else [means])
        ]
        rows.append([f"{LEADING[arm]} (`{arm}`)", median, *found, paper.get(arm, "–")])
    header = ["Arm", "Median", "Mean over tables"]
    header += ["Mean without incomplete tables"] if partial else []
    names = f" (without {sentence_list([f'*{name}*' for name in partial])})" if partial else ""
    return (
        f"{table([*header, 'Median in the paper'], rows, css='cm-cards')}\n\n"
        "The improvement over the pre-trained model, as a share of the remaining error, with 95 % intervals "
        f"over tables{names}. A few tables can carry a mean. The paper's values are Mitra's, by a formula "
        "that we do not have."
    )


def _means(runs: pd.DataFrame) -> dict[str, Interval]:
    """The mean score over tables of each leading arm that has runs."""
    tables = unit_scores(runs).groupby(["arm", "dataset"], observed=True)["score"].mean()
    return {arm: mean_interval(tables[arm].to_numpy()) for arm in LEADING if arm in tables.index}


def _with_ends(found: Interval) -> str:
    return signed(found.value, found.lower, found.upper)


def compare_leads(studies: Sequence[Study]) -> str:
    """Say the lead over plain fine-tuning in the main study and in that of the controls, with their folds."""
    rule = load_rule()
    main, controls = studies[0], next((one for one in studies if one.name == "controls"), None)
    if controls is None or controls is main:
        return ""
    shared = main.runs.merge(controls.runs[["dataset", "fold"]].drop_duplicates())
    tables = [
        table_differences(normalise_scores(runs), rule.arm, rule.baseline)
        for runs in (main.runs, controls.runs, shared)
    ]
    if any(one.empty for one in tables):
        return ""
    first, second, same = (_with_ends(pool_tables(one)) for one in tables)
    return (
        f"The mean lead of CausalMixFT over plain fine-tuning is {first} in the study `{main.name}` "
        f"({count_folds(main.runs)} a table) and {second} in the study `controls` "
        f"({count_folds(controls.runs)} a table). On the tables and folds that are in both, `{main.name}` "
        f"has {same}{': the folds make the difference' if same == second else ''}."
    )


def clearest_difference(study: Study) -> str:
    """Say which arms are told apart under every normalisation, or that none are."""
    store = ResultStore(study.folder)
    tests = {name: load_critical_difference(store, name) for name in NORMALISATIONS}
    apart: dict[tuple[str, str], list[float]] = {}
    for frame in tests.values():
        for row in frame[frame["wilcoxon"].astype(bool)].to_dict("records"):
            apart.setdefault((row["arm"], row["against"]), []).append(row["p_holm"])
    each = [
        f"{_arm(better)} above {_arm(worse, f'; adjusted p at most {number(max(found))}')}"
        for (better, worse), found in apart.items()
        if len(found) == len(tests)
    ]
    return (
        f"Wilcoxon's test over tables, adjusted by Holm over all pairs of arms, sets "
        f"{sentence_list(each) or 'no arm above another'} under each of the {len(tests)} formulas of the "
        "score."
    )


def _arm(name: str, more: str = "") -> str:
    return f"{LEADING.get(name) or arm_name(name)} (`{name}`{more})"


def with_remarks(study: Study, claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts; where a lead in rank is met in part, with how it comes about as the reason."""
    found = []
    for claim, verdict in zip(claims, verdicts, strict=True):
        estimand = claim["estimand"]
        if estimand["kind"] == "rank_lead" and verdict.verdict == "partly":
            store = ResultStore(study.folder)
            told = say_lead(store, estimand["arm"], estimand["baseline"], arms=estimand["arms"])
            verdict = replace(verdict, reason=told.rstrip("."))
        found.append(verdict)
    return found


def verdict_caveat(study: Study) -> str:
    """Return for which model the findings hold."""
    if _is_mitra(study):
        return "the paper's own model."
    ours = all(model.startswith("embedded-") for model in study.models)
    kind = "a small model of Mitra's architecture" if ours else "not the paper's"
    return f"{kind}. What follows is about that model, not about Mitra."


def _is_mitra(study: Study) -> bool:
    return {model.partition("@")[0] for model in study.models} == {"mitra"}
