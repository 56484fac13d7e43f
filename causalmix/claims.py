"""Claims and how they are decided: the rules stand in ``notebooks/claims.yml``, the numbers come from runs.

A rule is a list of conditions on named quantities. All conditions of ``core`` must hold, or the verdict is
"not reproduced"; when those of ``full`` hold as well it is "reproduced", else "partly". A store that lacks
what a claim needs gives "not tested" with the reason.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from causalmix.analysis import NORMALISATIONS, PRIMARY_NORMALISATION, AnalysisError
from causalmix.cells import Store
from causalmix.estimands import ESTIMANDS, NORMALISED, Quantities, Stored
from causalmix.method_estimands import METHOD_ESTIMANDS, Simulated
from causalmix.rules import Claim, ClaimError, Condition, load_claims, short, with_ends
from causalmix.verdicts import VERDICT_SCHEMA, Verdict, collect_verdicts, write_verdict

__all__ = [
    "VERDICT_SCHEMA",
    "Claim",
    "ClaimError",
    "Condition",
    "Verdict",
    "collect_verdicts",
    "compare_verdicts",
    "decide",
    "load_claims",
    "write_verdict",
]


SIGNS_AND_RANKS = frozenset({"largest_median_improvement", "rank_lead", "rank_gap"})
"""The kinds whose rules use nothing that the normalisations do not share."""


def decide(
    claim: Claim,
    store: Store | None = None,
    *,
    evidence: pd.DataFrame | None = None,
    model: str | None = None,
    normalisation: str = PRIMARY_NORMALISATION,
    resamples: int = 5000,
) -> Verdict:
    """Decide a claim by its own rule.

    Parameters
    ----------
    claim : Claim
    store : ResultStore, optional
        The recorded study; needed by all but the method claims.
    evidence : DataFrame, optional
        One row per seed, from `causalmix.method_checks`; needed by the method claims.
    model : str, optional
        The model to decide about; by default the only one in the store.
    normalisation : str
        Of the verdict; the others are reported as its sensitivity.
    resamples : int
        Bootstrap resamples.

    Returns
    -------
    Verdict
        "not tested" with the reason when the store or the evidence lacks what the claim needs.

    Raises
    ------
    ClaimError
        When the store holds several models and none was named, or lacks the one named.
    AnalysisError
        For an unknown normalisation.
    """
    if normalisation not in NORMALISATIONS:
        known = ", ".join(NORMALISATIONS)
        raise AnalysisError(f"unknown normalisation {normalisation!r}: choose one of {known}")
    if claim.simulated:
        return _decide_simulated(claim, evidence, resamples)
    runs = store.runs() if store is not None else pd.DataFrame()
    if store is None or runs.empty:
        return _not_tested(_blank(claim), getattr(store, "note", "") or "there is no recorded study")
    return _decide_stored(claim, store, _of_one_model(runs, model), normalisation, resamples)


def compare_verdicts(columns: Mapping[str, Sequence[Verdict]]) -> str:
    """Return a table in Markdown: the same claims decided several ways, a column for each.

    Examples
    --------
    >>> verdict = Verdict("04", "It improves", "s", "empirical", "partly", "r", value=0.1, interval=(0, 0.2))
    >>> print(compare_verdicts({"here": [verdict]}))
    | Claim | here |
    |---|---|
    | 04: It improves | partly: 0.1 [0, 0.2] |
    """
    lines = [f"| Claim | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for row in zip(*columns.values(), strict=True):
        lines.append(f"| {row[0].id}: {row[0].title} | {' | '.join(map(_outcome, row))} |")
    return "\n".join(lines)


def _outcome(verdict: Verdict) -> str:
    if verdict.verdict == "not tested":
        return f"not tested: {verdict.reason}"
    return f"{verdict.label or verdict.verdict}: {with_ends(verdict.value, *verdict.interval)}"


def _decide_simulated(claim: Claim, evidence: pd.DataFrame | None, resamples: int) -> Verdict:
    verdict = replace(_blank(claim), suite="simulated", study="simulated")
    if evidence is None or evidence.empty:
        return _not_tested(verdict, "it is decided on simulated tables, and none was simulated")
    verdict = replace(verdict, n_runs=len(evidence), store_hash=_frame_hash(evidence))
    quantities = METHOD_ESTIMANDS[claim.estimand["kind"]](Simulated(evidence, resamples))
    planned = claim.estimand["simulation"]["n_seeds"]
    about = f"{len(evidence)} simulated tables."
    if len(evidence) < planned:
        about += f" The rule asks for {planned}: this is a shortened run."
    return _conclude(claim, verdict, quantities, about)


def _decide_stored(
    claim: Claim, store: Store, runs: pd.DataFrame, normalisation: str, resamples: int
) -> Verdict:
    trajectories = store.trajectories()
    trajectories = trajectories[trajectories["spec_hash"].isin(runs["spec_hash"])]
    finished = _relevant(claim, runs[runs["status"] == "ok"])
    verdict = replace(
        _blank(claim),
        model=str(runs["model"].iloc[0]),
        suite=" + ".join(sorted(runs["suite"].unique())),
        study=str(runs["study"].iloc[0]),
        n_runs=len(finished),
        n_failed=len(_relevant(claim, runs[runs["status"] != "ok"])),
        n_datasets=int(finished["dataset"].nunique()),
        store_hash=store.hash,
    )
    lacking = _what_is_lacking(claim, runs, trajectories)
    if lacking:
        return _not_tested(verdict, lacking)
    kind = claim.estimand["kind"]
    names = list(NORMALISATIONS) if kind in NORMALISED else [normalisation]
    outcomes = {}
    for name in names:
        stored = Stored(runs, trajectories, name, resamples)
        try:
            outcomes[name] = _add_distance(claim, ESTIMANDS[kind](stored, claim.estimand))
        except AnalysisError as error:
            return _not_tested(verdict, str(error))
    if kind in NORMALISED:
        sensitivity = {name: claim.apply(outcomes[name]) for name in names}
        verdict = replace(verdict, normalisation=normalisation, sensitivity=sensitivity)
    about = f"{len(finished)} runs on {verdict.n_datasets} tables, {verdict.n_failed} failed; "
    about += f"a finding about {verdict.model}."
    return _conclude(claim, verdict, outcomes[normalisation], about)


def _conclude(claim: Claim, verdict: Verdict, quantities: Quantities, about: str) -> Verdict:
    quantities = _add_distance(claim, quantities)
    if math.isnan(quantities["value"]):
        return _not_tested(verdict, f"the estimand is undefined on these data: {claim.estimand['text']}")
    outcome = claim.apply(quantities)
    differs = len(set(verdict.sensitivity.values())) > 1
    return replace(
        verdict,
        verdict=outcome,
        reason="",
        label=claim.labels.get(outcome, outcome),
        value=quantities["value"],
        interval=(quantities["lower"], quantities["upper"]),
        quantities=dict(quantities),
        depends_on_normalisation=differs,
        explanation=_explain(claim, verdict, quantities, about, differs),
    )


def _explain(claim: Claim, verdict: Verdict, quantities: Quantities, about: str, differs: bool) -> str:
    beside = []
    if not math.isnan(quantities["lower"]):
        beside.append(f"95 % interval {short(quantities['lower'])} to {short(quantities['upper'])}")
    if "sd" in quantities:
        beside.append(f"standard deviation over runs {short(quantities['sd'])}")
    found = f"Found {short(quantities['value'])}"
    found += (f" ({'; '.join(beside)})" if beside else "") + f", reference {claim.reference:g}."
    core = "; ".join(condition.describe(quantities) for condition in claim.core)
    full = "; ".join(condition.describe(quantities) for condition in claim.full)
    conditions = f"Needed at all: {core}." + (f" Needed in full: {full}." if full else "")
    choice = ""
    if verdict.sensitivity:
        choice = " The verdict is the same under all four normalisations"
        shared = ": they share the signs and the ranks within a fold, which it rests on."
        choice += shared if claim.estimand["kind"] in SIGNS_AND_RANKS else "."
    if differs:
        listed = ", ".join(f"{name}: {outcome}" for name, outcome in verdict.sensitivity.items())
        choice = f" The verdict depends on the normalisation ({listed})."
    return f"{found} {conditions} {about}{choice}"


def _add_distance(claim: Claim, quantities: Quantities) -> Quantities:
    return {**quantities, "distance": abs(quantities["value"] - claim.reference)}


def _what_is_lacking(claim: Claim, runs: pd.DataFrame, trajectories: pd.DataFrame) -> str:
    needs, finished = claim.needs, runs[runs["status"] == "ok"]
    arms = set(finished["arm"])
    missing = [arm for arm in needs.get("arms", []) if arm not in arms]
    if missing:
        return f"the study has no finished run of the arms {', '.join(missing)}"
    prefix = needs.get("arm_prefix")
    if prefix and not any(arm.startswith(prefix) for arm in arms):
        return f"the study has no finished run of the arms {prefix}…"
    suites = sorted(runs["suite"].unique())
    if "suite" in needs and suites != [needs["suite"]]:
        return f"the study is on {' + '.join(suites)}, the claim is about {needs['suite']}"
    n_datasets = _relevant(claim, finished)["dataset"].nunique()
    if n_datasets < needs.get("min_datasets", 0):
        return f"the study has {n_datasets} tables, the rule asks for at least {needs['min_datasets']}"
    if needs.get("trajectories") and trajectories.empty:
        return "the study has no trajectories"
    return ""


def _relevant(claim: Claim, runs: pd.DataFrame) -> pd.DataFrame:
    estimand, needs = claim.estimand, claim.needs
    if "arm_prefix" in needs:
        return runs[runs["arm"].str.startswith(needs["arm_prefix"])]
    named = [estimand[key] for key in ("arm", "baseline") if key in estimand]
    listed = [arm for key in ("arms", "better", "worse") for arm in estimand.get(key, [])]
    chosen = {*named, *listed}
    return runs[runs["arm"].isin(chosen)] if chosen else runs[runs["arm"] != "zero_shot"]


def _of_one_model(runs: pd.DataFrame, model: str | None) -> pd.DataFrame:
    models = sorted(runs["model"].unique())
    if model is None and len(models) > 1:
        raise ClaimError(f"the study holds runs of {', '.join(models)}: name the model to decide about")
    if model is not None and model not in models:
        raise ClaimError(f"the study holds no run of the model {model!r}; it holds {', '.join(models)}")
    return runs[runs["model"] == (model or models[0])]


def _blank(claim: Claim) -> Verdict:
    return Verdict(
        id=claim.id,
        title=claim.title,
        sentence=claim.sentence,
        kind=claim.kind,
        verdict="not tested",
        reason="undecided",
        rule=claim.rule,
        reference=claim.reference,
        tolerance=claim.tolerance,
    )


def _not_tested(verdict: Verdict, reason: str) -> Verdict:
    return replace(verdict, reason=reason, label="not tested", explanation=f"Not tested: {reason}.")


def _frame_hash(frame: pd.DataFrame) -> str:
    return hashlib.sha256(frame.round(9).to_csv(index=False).encode()).hexdigest()[:16]
