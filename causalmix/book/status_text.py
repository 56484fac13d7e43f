"""The state of the published record as text: which notebooks were executed, which runs were made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from causalmix.audit import AUDIT_FILE, read_audits
from causalmix.audit_compare import SAME
from causalmix.book.execute import Execution
from causalmix.book.study import Study
from causalmix.book.text import auc, badge, count, number, sentence_list, table
from causalmix.book.workspace import BookError
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


def audit_text(studies: Sequence[Study]) -> str:
    """Return the audits of each study that has any, or that there is none.

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
    return "\n\n".join([audit_summary(runs), counted, *sections])


def audit_summary(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return how many of the audited runs came out again, and of which arms and places the others are.

    Examples
    --------
    >>> run = {"verdict": "differs", "arm": "ctgan", "recorded_on": "other versions"}
    >>> audit_summary([run, {**run, "verdict": "equal"}]).partition(". ")[0]
    '1 of 2 repetitions of recorded runs came out again'
    """
    others = [run for run in runs if run["verdict"] not in SAME]
    n_all = count(len(runs), "repetition")
    text = f"{number(len(runs) - len(others))} of {n_all} of recorded runs came out again."
    if not others:
        return text
    arms = sentence_list([f"`{arm}`" for arm in sorted({run["arm"] for run in others})])
    places = {run["recorded_on"] for run in others}
    where = " or on ".join(words for place, words in PLACES.items() if place in places)
    which = "The other one is a run" if len(others) == 1 else f"The other {number(len(others))} are runs"
    return f"{text} {which} of {arms}, recorded on {where}, seen from the audit."


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
        f"### {audit['environment']['machine']}, {audit['day']}",
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
