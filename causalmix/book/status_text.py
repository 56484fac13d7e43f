"""The state of the published record as text: which notebooks were executed, which runs were made again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from causalmix.book.execute import Execution
from causalmix.book.study import Study
from causalmix.book.text import badge, count, number, sentence_list, table
from causalmix.book.workspace import BookError
from causalmix.verdicts import Verdict

AUDIT = "audit.json"

NO_AUDIT = (
    "No recorded run has been made again yet. `make audit` makes a sample of them again and compares; the "
    "next `make book` shows what came out."
)


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
    minutes = number(round(sum(one.seconds for one in executions) / 60, 1))
    places = "\n".join(f"{place}. {machine}" for place, machine in enumerate(machines, 1))
    text = table(header, rows, widths=[36, 18, 10, 26, 10], css="cm-cards cm-status")
    return (
        f"All {count(len(executions), 'notebook')} ended without an error; their times add up to {minutes} "
        "minutes.\n\n"
        f"{text}\n\nMachines:\n\n{places}"
    )


def audit_text(studies: Sequence[Study]) -> str:
    """Return the last audit of each study that has one, or that there is none.

    Raises
    ------
    BookError
        If an ``audit.json`` cannot be read.
    """
    parts = [audit_section(study) for study in studies if (study.folder / AUDIT).is_file()]
    return "\n\n".join(parts) or NO_AUDIT


def audit_section(study: Study) -> str:
    """Return what the last audit of a study found: which runs, differences, tolerances, machine, revision."""
    path = study.folder / AUDIT
    try:
        audit = json.loads(path.read_text(encoding="utf-8"))
        rows = [audited_row(run) for run in audit["runs"]]
        counts = sentence_list([f"{number(n)} {name}" for name, n in audit["verdicts"].items()])
        limits = [[place, number(limit)] for place, limit in audit["tolerances"].items()]
        where = audit_place(audit["environment"])
        drawn = f"{count(audit['n_audited'], 'run')} of the {number(audit['n_recorded'])} recorded"
        day, seed, hash_then = audit["day"], audit["seed"], audit["store_hash"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BookError(f"{path} is no audit ({error}): `causalmix audit` writes it again.") from error
    lines = [
        f"## The study {study.name}",
        f"On {day}, {drawn} were drawn at random, evenly over the arms (seed {seed}), and made again with "
        f"their synthetic rows: {counts}. {where}",
    ]
    if hash_then != study.hash:
        lines.append(
            f"The study has changed since: its store hash was `{hash_then}` then and is `{study.hash}` now."
        )
    header = ["Run", "Outcome", "ROC-AUC, then and now", "Largest difference", "Tolerance", "Seconds"]
    lines.append(table(header, rows, widths=[32, 16, 20, 12, 10, 10], css="cm-cards cm-audit"))
    lines.append("A recorded run counts as the same up to this difference of any of its scores:")
    lines.append(table(["Where it was recorded, seen from the audit", "Tolerance"], limits, widths=[75, 25]))
    return "\n\n".join(lines)


def audited_row(run: Mapping[str, Any]) -> list[str]:
    """Return one audited run as a row."""
    good = run["verdict"] in ("equal", "within tolerance")
    note = f" [{run['note']}]{{.cm-reason}}" if run["note"] else ""
    return [
        f"{run['dataset']}, fold {run['fold']}, `{run['arm']}`",
        badge("reproduced" if good else "not reproduced", run["verdict"]) + note,
        f"{number(run['test_auc'])}, {number(run['test_auc_now'])}",
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
