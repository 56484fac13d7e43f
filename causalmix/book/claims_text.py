"""The claims and their verdicts as text: verdict table, rules, reference values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from causalmix.book.study import Study
from causalmix.book.text import VERDICTS, badge, interval, number, sentence_list, table
from causalmix.book.workspace import BookError
from causalmix.claims import ClaimError, load_claims
from causalmix.history import GitError, ask_git
from causalmix.rules import name_ids
from causalmix.verdicts import Verdict

Claim = Mapping[str, Any]
"""An entry of claims.yml, as it is written there."""

QUANTITIES = {
    "datasets_covered": "tables run, with whatever model",
    "runs_counted": "runs",
    "zero_shot_paired": "share of runs with a baseline",
    "median_improvement": "median score",
    "largest_median_improvement": "largest of the medians",
    "spread_ratio": "ratio of SDs",
    "rank_lead": "lead in average rank",
    "rank_gap": "gap in average rank",
    "baseline_of_normalisation": "largest score of the pre-trained model",
    "zero_when_equal": "largest score where nothing changed",
    "gap_reduction": "fall of the median gap",
    "fitted_to_target": "share of simulated tables",
    "skeleton_auroc": "area under the ROC curve",
    "directed_auroc": "area under the ROC curve",
    "additive_noise": "largest deviation, in SDs",
    "node_mechanisms": "share of categorical columns",
    "noise_propagation": "largest deviation, in SDs",
    "depth_dial_correlation": "rank correlation of set depth with tail volatility (+: less steady)",
}
"""The quantity that each kind of estimand finds, in a few words; `claims.yml` has it in full."""


def read_claims(path: Path) -> list[Claim]:
    """Return the entries of ``claims.yml``, in their order.

    Raises
    ------
    BookError
        If the file is absent, or an entry cannot be read.
    """
    if not path.is_file():
        raise BookError(f"{path} does not exist: restore it from git; the verdicts are decided by its rules.")
    try:
        load_claims(path)
    except ClaimError as error:
        raise BookError(str(error)) from error
    return yaml.safe_load(path.read_text(encoding="utf-8"))["claims"]


def rules_commit(path: Path, studies: Sequence[Study]) -> str:
    """Return the commit that last changed the rules, and whether it precedes the runs of the studies.

    Parameters
    ----------
    path : Path
        The file that holds the rules.
    studies : sequence of Study
        The studies that are decided by them: the code of each of their runs should contain that commit.
    """
    commit, _, when = _git(
        path, "log", "-1", "--format=%H %h of %ad", "--date=iso-local", "--", path.name
    ).partition(" ")
    if not commit:
        return "This checkout has no history: the date of the rules cannot be shown."
    sentences = [f"The rules were last changed in commit {when}."]
    for study in studies:
        n_runs = sum(study.manifest["revisions"].values())
        for revision, n_own in ((name, n) for name, n in study.manifest["revisions"].items() if name):
            made = _git(path, "log", "-1", "--format=%h of %ad", "--date=iso-local", revision)
            if not made:
                how = f"is not in this checkout (`{revision}`)"
            elif _git(path, "merge-base", commit, revision) == commit:
                continue
            else:
                how = f"({made}) does not contain that commit: only the dates tell which came first"
            sentences.append(f"The code that made {n_own} of the {n_runs} runs of `{study.name}` {how}.")
    if len(sentences) == 1 and studies:
        names = sentence_list([f"`{study.name}`" for study in studies])
        sentences.append(f"The code that made the recorded runs ({names}) contains that commit.")
    return " ".join(sentences)


def _git(path: Path, *arguments: str) -> str:
    """Return what git answers beside ``path``; nothing where there is no history."""
    try:
        return ask_git(path.parent, *arguments)
    except GitError:
        return ""


def all_verdicts(
    claims: Sequence[Claim], files: Sequence[Path], study: Study, notebooks: Mapping[str, str]
) -> list[Verdict]:
    """Return one verdict per claim: what a notebook decided, or ``not tested`` with the reason.

    Parameters
    ----------
    claims : sequence of mapping
        Entries of ``claims.yml``.
    files : sequence of Path
        The verdict files of the executed notebooks.
    study : Study
        The recorded study.
    notebooks : mapping
        Claim id to the name of the notebook that decides it.

    Raises
    ------
    BookError
        If a file is no verdict, two notebooks decide one claim, or a verdict is about no known claim.
    """
    decided: dict[str, Verdict] = {}
    for path in files:
        try:
            verdict = Verdict.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise BookError(f"{path} is no verdict ({error}): its notebook must write one.") from error
        if verdict.id in decided:
            raise BookError(f"{path}: claim {verdict.id} is decided by another notebook as well.")
        decided[verdict.id] = verdict
    unknown = decided.keys() - {claim["id"] for claim in claims}
    if unknown:
        raise BookError(f"verdicts about claims that claims.yml does not hold: {', '.join(sorted(unknown))}.")
    return [decided.get(claim["id"]) or not_tested(claim, study, notebooks) for claim in claims]


def not_tested(claim: Claim, study: Study, notebooks: Mapping[str, str]) -> Verdict:
    """Return the verdict of a claim that no notebook decided, with the reason."""
    needs = claim.get("needs") or {}
    lacking = [arm for arm in needs.get("arms", ()) if arm not in study.arms]
    prefix = needs.get("arm_prefix")
    if prefix and not any(arm.startswith(prefix) for arm in study.arms):
        lacking.append(f"{prefix}…")
    reason = "its notebook comes with a later version"
    if claim["id"] in notebooks:
        reason = f"its notebook {notebooks[claim['id']]} wrote no verdict"
    if lacking:
        reason += f"; the study {study.name} has no runs of {sentence_list(lacking)}"
    return Verdict(
        **{name: claim[name] for name in ("id", "title", "sentence", "kind")},
        verdict="not tested",
        label="not tested",
        reason=reason,
        rule=claim["decision"]["text"],
        reference=float(claim["reference"]),
        tolerance=float(claim["tolerance"]),
        model=sentence_list(study.models),
        suite=sentence_list(list(study.manifest["suites"])),
        study=study.name,
        store_hash=study.hash,
    )


def verdict_table(claims: Sequence[Claim], verdicts: Sequence[Verdict], notebooks: Mapping[str, str]) -> str:
    """Return the table of all claims with verdict, reason, value, interval and the paper's value."""
    rows = []
    for claim, verdict in zip(claims, verdicts, strict=True):
        name, tested = claim["id"], verdict.verdict != "not tested"
        link = f"[{name}](../notebooks/{notebooks[name]}.ipynb)" if name in notebooks else name
        reason = "; ".join(filter(None, [say_other_formulas(verdict), verdict.reason]))
        title = f"[{claim['title']}](#claim-{name})" + (f" [{reason}]{{.cm-reason}}" if reason else "")
        bounds = interval(*verdict.interval)
        found = number(verdict.value) + (f" [{bounds}]{{.cm-interval}}" if bounds else "") if tested else ""
        found += f" [{QUANTITIES[claim['estimand']['kind']]}]{{.cm-quantity}}" if tested else ""
        reference = number(claim.get("reference"))
        rows.append([link, title, badge(verdict.verdict, verdict.label), found, reference])
    header = ["Claim", "What is claimed", "Verdict", "Found here", "Reference"]
    return table(header, rows, widths=[8, 42, 18, 20, 12], css="cm-verdicts cm-cards")


def say_other_formulas(verdict: Verdict) -> str:
    """Return which verdicts the other formulas of the score give, where any differs.

    Examples
    --------
    >>> outcomes = {"error_removed": "not reproduced", "dataset_sd": "partly"}
    >>> say_other_formulas(Verdict("07", "t", "s", "empirical", "not reproduced", "r", sensitivity=outcomes))
    'by another formula of the score: partly (dataset sd)'
    """
    others: dict[str, list[str]] = {}
    for formula, outcome in verdict.sensitivity.items():
        if outcome != verdict.verdict:
            others.setdefault(outcome, []).append(formula.replace("_", " "))
    named = [f"{outcome} ({', '.join(formulas)})" for outcome, formulas in others.items()]
    return f"by another formula of the score: {'; '.join(named)}" if named else ""


def tally(verdicts: Sequence[Verdict]) -> str:
    """Return how many claims have which verdict, as part of a sentence.

    Examples
    --------
    >>> tally([Verdict("04", "t", "s", "empirical", "partly", "rule")])
    '0 reproduced, 1 partly, 0 not reproduced and 0 not tested'
    """
    counts = Counter(verdict.verdict for verdict in verdicts)
    return sentence_list([f"{counts[word]} {word}" for word in VERDICTS])


def tally_by_kind(verdicts: Sequence[Verdict]) -> str:
    """Return how the claims about results came out, and apart from them those about set-up and method.

    Examples
    --------
    >>> tally_by_kind([Verdict("04", "t", "s", "empirical", "partly", "r")]).split(". ")[0]
    'Of the 1 claims about results (04), 0 reproduced, 1 partly, 0 not reproduced and 0 not tested'
    """
    results = [one for one in verdicts if one.kind == "empirical"]
    others = [one for one in verdicts if one.kind in ("protocol", "method")]
    return (
        f"Of the {len(results)} claims about results{_ids(results)}, {tally(results)}. "
        f"Of the {len(others)} about the set-up and the method{_ids(others)}, most of which "
        f"our own code meets by construction or on simulated tables, {tally(others)}."
    )


def _ids(verdicts: Sequence[Verdict]) -> str:
    return f" ({name_ids(one.id for one in verdicts)})" if verdicts else ""


def verdict_legend(claims: Sequence[Claim], study: Study) -> str:
    """Return what the words of the verdict table mean, and which study and model they are about."""
    own = [claim for claim in claims if claim.get("labels")]
    models = sentence_list([f"`{model}`" for model in study.models])
    lines = [
        "*Found here* is the claim's own quantity with its 95 % interval, *reference* what the paper "
        "reports or what the claim implies. **Reproduced**: all conditions of the rule hold. **Partly**: "
        "the weaker condition of the rule holds. It can hold by a hair: where the interval covers zero, the "
        "order may be chance. **Not reproduced**: not even that holds. **Not tested**: the reason stands "
        f"with the claim. Verdicts are about the model {models} in the study `{study.name}` (store hash "
        f"`{study.hash}`), except for method claims, which are decided by behaviour on simulated tables, "
        "and where another study is named."
    ]
    for claim in own:
        words = [f"*{label}* for {verdict}" for verdict, label in claim["labels"].items()]
        lines.append(
            f"Claim {claim['id']} asks a question, is decided from runs of its own study, and has its own "
            f"words: {', '.join(words)}."
        )
    return "\n\n".join(lines)


def paper_claims(claims: Sequence[Claim]) -> str:
    """Return the claims in the source's words, with its own marks."""
    rows = []
    for claim in claims:
        flag = claim.get("verified")
        marked = claim.get("source", "") if flag is None else ("yes" if flag else "no")
        rows.append([claim["id"], claim["sentence"], marked, number(claim.get("confidence"))])
    return table(
        ["Claim", "Sentence", "Verified there", "Confidence"],
        rows,
        widths=[8, 66, 14, 12],
        css="cm-claims cm-cards",
    )


def reference_values(claims: Sequence[Claim]) -> str:
    """Return the values that the source reports per arm."""
    rows = []
    for claim in claims:
        estimand, values = claim["estimand"], claim.get("reference_values") or {}
        if estimand["kind"] == "median_improvement":  # the claim's reference is that of its arm
            values = {estimand["arm"]: claim["reference"]}
        rows += [[claim["id"], claim["title"], f"`{name}`", number(value)] for name, value in values.items()]
    return table(["Claim", "About", "Arm", "Value"], rows, widths=[8, 56, 20, 16])


def claim_rules(claims: Sequence[Claim], verdicts: Sequence[Verdict], notebooks: Mapping[str, str]) -> str:
    """Return a section per claim: sentence, estimand, rule, verdict."""
    parts = []
    for claim, verdict in zip(claims, verdicts, strict=True):
        name = claim["id"]
        head = [f"(claim-{name})=", f"### {name} · {claim['title']}", "", f"> {claim['sentence']}", ""]
        state = f"{badge(verdict.verdict, verdict.label)} {verdict.explanation or verdict.reason}"
        if name in notebooks:
            state += f" · [notebook](../notebooks/{notebooks[name]}.ipynb)"
        body = [
            f"**Kind**\n: {claim['kind']}",
            f"**Estimand**\n: {' '.join(claim['estimand']['text'].split())}",
            f"**Rule**\n: {' '.join(claim['decision']['text'].split())}",
            f"**Reference, tolerance**\n: {number(claim['reference'])}, {number(claim['tolerance'])}",
            f"**Verdict**\n: {state}",
        ]
        parts.append("\n".join([*head, "\n\n".join(body), ""]))
    return "\n".join(parts)
