"""The state of the published record as text: which notebooks were executed, which runs were made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from causalmix.audit import AUDIT_FILE, read_audits
from causalmix.audit_compare import SAME
from causalmix.book.claims_text import Claim
from causalmix.book.execute import Execution
from causalmix.book.study import Study
from causalmix.book.text import auc, badge, count, number, sentence_list, table
from causalmix.book.workspace import BookError
from causalmix.rules import name_ids
from causalmix.store import StoreError
from causalmix.verdicts import Verdict

NO_AUDIT = (
    "No recorded run has been made again yet. `make audit` makes a sample of them again and compares; the "
    "next `make book` shows what came out."
)


PLACES = {
    "same place": "the same processor and versions",
    "other versions": "another processor, or with other versions",
    "other device": "another kind of device (GPU against CPU)",
}
"""Where a run was recorded, seen from its audit: the keys of `audit_compare.TOLERANCES` in words."""

SEVERAL = {"differs": "differ", "data changed": "of changed data"}
"""Verdicts of an audit as they follow any number but one."""


def status_table(
    executions: Sequence[Execution], verdicts: Sequence[Verdict], notebooks: Mapping[str, str]
) -> str:
    """Return which notebooks were executed, how long each took, when, where, and what came out.

    Parameters
    ----------
    executions : sequence of Execution
    verdicts : sequence of Verdict
        One per claim.
    notebooks : mapping
        Claim id to the name of the notebook that decides it.
    """
    decided = {notebooks[one.id]: one for one in verdicts if one.id in notebooks}
    machines = list(dict.fromkeys(one.machine for one in executions))
    rows = []
    for one in executions:
        verdict = decided.get(one.name)
        outcome = badge(verdict.verdict, verdict.label) if verdict else "figure"
        row = [
            f"[{one.name}](../notebooks/{one.name}.ipynb)",
            outcome,
            number(round(one.seconds, 1)),
            one.when,
        ]
        rows.append([*row, number(machines.index(one.machine) + 1)])
    header = ["Notebook", "Outcome", "Seconds", "When (UTC)", "Machine"]
    places = "\n".join(f"{place}. {machine}" for place, machine in enumerate(machines, 1))
    text = table(header, rows, widths=[36, 18, 10, 26, 10], css="cm-cards cm-status")
    return (
        f"All {count(len(executions), 'notebook')} ended without an error; their times add up to "
        f"{_minutes(executions)}.\n\n"
        f"{text}\n\nMachines:\n\n{places}"
    )


def book_time(executions: Sequence[Execution]) -> str:
    """Return what the notebooks of the book took in all, for who is about to make it."""
    return (
        f"Installing apart, the first call executes {count(len(executions), 'notebook')}, whose times added "
        f"up to {_minutes(executions)} where this book was made; [](status.md) has the seconds of each."
    )


def _minutes(executions: Sequence[Execution]) -> str:
    return f"{number(round(sum(one.seconds for one in executions) / 60, 1))} minutes"


def audit_text(studies: Sequence[Study], claims: Sequence[Claim] = ()) -> str:
    """Return the audits of each study that has any, or that there is none.

    Parameters
    ----------
    claims : sequence of mapping
        Entries of ``claims.yml``: which of them read the arms that did not come out again.

    Raises
    ------
    BookError
        If an ``audit.json`` cannot be read.
    """
    audited = [study for study in studies if (study.folder / AUDIT_FILE).is_file()]
    without = sentence_list([f"`{study.name}`" for study in studies if study not in audited])
    if not audited:
        return NO_AUDIT
    sections, counts, runs = [], [], []
    for study in audited:
        path = study.folder / AUDIT_FILE
        try:
            audits = read_audits(path)
            parts = [audit_part(audit, study.hash) for audit in audits]
            runs += [run for audit in audits for run in audit["runs"]]
            counts += [audit_counts(study.name, audit) for audit in audits]
        except StoreError as error:
            raise BookError(str(error)) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BookError(f"{path} holds no audits ({error}): delete it and audit again.") from error
        sections += [f"## The study {study.name}", *parts]
    if without:
        sections.append(f"Not audited: {without}.")
    header = ["Study", "Machine", "Recorded runs", "Made again", "Came out again"]
    counted = table(header, counts, widths=[18, 40, 14, 14, 14], css="cm-cards cm-audits")
    return "\n\n".join([audit_summary(runs, claims), counted, *sections])


def audit_sentence(audit: str) -> str:
    """Return the first sentence of `audit_text`, with a link to the rest.

    Examples
    --------
    >>> audit_sentence("All of it came out again. And more.\\n\\nA table.")
    'All of it came out again. [The audit](audit.md) has each run.'
    """
    first = audit.partition("\n\n")[0].partition(". ")[0].rstrip(".")
    return f"{first}. [The audit](audit.md) has each run."


def audit_summary(runs: Sequence[Mapping[str, Any]], claims: Sequence[Claim] = ()) -> str:
    """Return how many of the audited runs came out again, how nearly, and of which arms the others are.

    Examples
    --------
    >>> run = {"verdict": "differs", "arm": "ctgan", "recorded_on": "other versions", "difference": 0.2}
    >>> run |= {"tolerance": 0.01, "test_auc": 0.8, "test_auc_now": 0.75}
    >>> near = run | {"verdict": "within tolerance", "difference": 0.001}
    >>> audit_summary([run, near]).partition(". ")[0].split(": ")[1]
    '0 equal, 1 off by at most 0.001 where 0.01 is allowed'
    """
    others = [run for run in runs if run["verdict"] not in SAME]
    near = [run for run in runs if run["verdict"] == "within tolerance"]
    n_all = count(len(runs), "repetition")
    n_equal = number(len(runs) - len(others) - len(near))
    how = f"{n_equal} equal"
    if near:
        allowed = number(max(run["tolerance"] for run in near))
        how += f", {number(len(near))} off by at most {number(_largest(near))} where {allowed} is allowed"
    text = f"{number(len(runs) - len(others))} of {n_all} of recorded runs came out again: {how}."
    parts = [text, _say_same_place(runs), _say_others(runs, others), _say_readers(others, claims)]
    return " ".join(part for part in parts if part)


def _say_same_place(runs: Sequence[Mapping[str, Any]]) -> str:
    """Say how many of the runs that were made again where they were recorded are equal."""
    verdicts = [run["verdict"] for run in runs if run["recorded_on"] == "same place"]
    if not verdicts:
        return ""
    equal = f"{number(verdicts.count('equal'))} of {number(len(verdicts))} are equal"
    return f"Of those made again on {PLACES['same place']} {equal}."


def _say_others(runs: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> str:
    """Say of which arms and places the runs are that did not come out again, and how far they are off."""
    if not others:
        return ""
    arms = sentence_list([f"`{arm}`" for arm in sorted({run["arm"] for run in others})])
    places = [place for place in PLACES if place in {run["recorded_on"] for run in others}]
    where = " or on ".join(PLACES[place] for place in places)
    n_there = sum(run["recorded_on"] in places for run in runs)
    which = "The other one is a run" if len(others) == 1 else f"The other {number(len(others))} are runs"
    moved = [
        abs(run["test_auc"] - run["test_auc_now"])
        for run in others
        if run["test_auc"] is not None and run["test_auc_now"] is not None
    ]
    by = f", and its test ROC-AUC at the step that is kept by up to {number(max(moved))}" if moved else ""
    return (
        f"{which} of {arms}, made again on {where}, than the recorded run, as {number(n_there)} of the "
        f"{number(len(runs))} were: a score of such a run is off by up to {number(_largest(others))}{by}."
    )


def _say_readers(others: Sequence[Mapping[str, Any]], claims: Sequence[Claim]) -> str:
    """Say which claims read the arms of the runs that did not come out again."""
    arms = {run["arm"] for run in others}
    ids = [claim["id"] for claim in claims if arms & _named(claim["estimand"])]
    if not ids:
        return ""
    read = "Claims {} read" if len(ids) > 1 else "Claim {} reads"
    return f"{read.format(name_ids(ids))} the scores of these arms."


def _named(estimand: Mapping[str, Any]) -> set[str]:
    """The arms that an estimand names, and whatever else it holds."""
    lists = [value for value in estimand.values() if isinstance(value, list)]
    texts = {value for value in estimand.values() if isinstance(value, str)}
    return texts.union(*lists)


def _largest(runs: Sequence[Mapping[str, Any]]) -> float | None:
    """The largest difference of any score of any of the runs, where they have both."""
    return max((run["difference"] for run in runs if run["difference"] is not None), default=None)


def audit_counts(study: str, audit: Mapping[str, Any]) -> list[str]:
    """Return one audit as a row: how many of the runs that were made again came out as recorded."""
    same = sum(audit["verdicts"].get(verdict, 0) for verdict in SAME)
    numbers = [number(n) for n in (audit["n_recorded"], audit["n_audited"], same)]
    return [f"`{study}`", f"{audit['environment']['machine']}, {audit['day']}", *numbers]


def audit_part(audit: Mapping[str, Any], hash_now: str) -> str:
    """Return what one audit found: which runs, differences, tolerances, machine, revision."""
    found = audit["verdicts"]
    counts = sentence_list(
        [f"{number(n)} {SEVERAL.get(name, name) if n != 1 else name}" for name, n in found.items()]
    )
    lines = [
        f"### {audit['environment']['machine']}, {audit['day']}: {number(audit['n_audited'])} of "
        f"{number(audit['n_recorded'])} runs",
        f"Of {count(audit['n_recorded'], 'recorded run')}, {number(audit['n_audited'])} were drawn at "
        f"random, evenly over the arms (seed {audit['seed']}), and made again with their synthetic rows: "
        f"{counts}. {audit_place(audit['environment'])}",
    ]
    if audit["store_hash"] != hash_now:
        lines.append(
            f"The study has changed since: its store hash was `{audit['store_hash']}` then and is "
            f"`{hash_now}` now."
        )
    header = ["Run", "Outcome", "ROC-AUC, then and now", "Largest difference", "Tolerance", "Seconds"]
    rows = [audited_row(run) for run in audit["runs"]]
    lines.append(table(header, rows, widths=[32, 16, 20, 12, 10, 10], css="cm-cards cm-audit"))
    whole = "curves" in audit.get("compared", {})
    where = "at any evaluation" if whole else "before training and at the selected step"
    lines.append(f"A recorded run counts as the same up to this difference of any of its scores {where}:")
    limits = [[PLACES.get(place, place), number(limit)] for place, limit in audit["tolerances"].items()]
    lines.append(table(["Where it was recorded, seen from the audit", "Tolerance"], limits, widths=[75, 25]))
    return "\n\n".join(lines)


def audited_row(run: Mapping[str, Any]) -> list[str]:
    """Return one audited run as a row."""
    good = run["verdict"] in SAME
    note = f" [{run['note']}]{{.cm-reason}}" if run["note"] else ""
    return [
        f"{run['dataset']}, fold {run['fold']}, `{run['arm']}`",
        badge("reproduced" if good else "not reproduced", run["verdict"]) + note,
        f"{auc(run['test_auc'])}, {auc(run['test_auc_now'])}",
        number(run["difference"]),
        number(run["tolerance"]),
        number(run["seconds"]),
    ]


def audit_place(environment: Mapping[str, Any]) -> str:
    """Return on what and with what an audit was made."""
    versions = sentence_list([f"{name} {version}" for name, version in environment["versions"].items()])
    return (
        f"It ran on {environment['machine']} ({environment['device']}), with Python {environment['python']}, "
        f"code revision `{environment['revision']}`, {versions}."
    )
