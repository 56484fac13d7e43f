"""The open question of depth and stability in one table: every way it was asked, with what came out.

Numbers come from the verdict of claim 19 and from the tables that the notebooks published.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from causalmix.book.claims_text import Claim
from causalmix.book.text import count, number, sentence_list
from causalmix.depth_known import TRUE
from causalmix.depth_models_rules import REGRET_RULE_FILE, load_rule
from causalmix.depth_tests import PRIMARY_MEASURE
from causalmix.intervals import signed
from causalmix.markdown import cards
from causalmix.stability import name_measure
from causalmix.verdicts import Verdict

CLAIM_19 = "claim_19_depth_and_stability"
"""The notebook of the dial: it publishes the figure's data and the secondary tests."""

SECOND_MEASURE = load_rule(REGRET_RULE_FILE).measure
"""The measure of stability that the second model was asked about, too."""

HEADER = ["Question", "How it was asked", "Result (+: deeper is less steady)", "Answer"]
Row = Mapping[Hashable, Any]
OPEN, NONE = "undecided", "no effect of relevant size"
OF_VERDICT = {"not reproduced": NONE, "partly": OPEN}


@dataclass(frozen=True)
class Asked:
    """One way to ask: a row of the table, and its part of the sentence that answers.

    Attributes
    ----------
    question, how, result, answer : str
        Cells of the row.
    found : tuple of (str, str)
        What was found, and where, for the sentence.
    """

    question: str
    how: str
    result: str
    answer: str
    found: tuple[tuple[str, str], ...]


def questions_text(claim: Claim, verdict: Verdict, tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the ways in which the question was asked as a table, and one sentence that answers it.

    Parameters
    ----------
    claim : mapping
        Entry 19 of claims.yml.
    verdict : Verdict
    tables : mapping
        From `causalmix.book.depth_text.published_tables`; a way whose table is not there has no row.
    """
    if verdict.verdict == "not tested":
        return f"The runs that answer it are not recorded here: {verdict.reason}."
    smallest = float(claim["estimand"]["smallest_effect"])
    asked = [
        *_between(tables, smallest),
        _dial(verdict, tables),
        *_beyond_edges(tables, smallest),
        *_second_measure(tables, smallest),
        *_second_model(verdict.model, tables, smallest),
        *_known_depth(tables, smallest),
    ]
    rows = [[one.question, one.how, one.result, one.answer] for one in asked]
    return (
        f"{cards(HEADER, rows, widths=[19, 33, 24, 24])}\n\nResults are rank correlations of depth with a "
        "measure of stability, or differences of such, with 95 % intervals over tables. Of relevant size is "
        f"{number(smallest)}, fixed beforehand for the dial; *a little* is less. Where nothing else is "
        f"named, the measure is *{name_measure(PRIMARY_MEASURE)}* and the model `{verdict.model}`.\n\n"
        f"**In one sentence:** {_one_sentence(asked)}."
    )


def _one_sentence(asked: Sequence[Asked]) -> str:
    """Say each finding once, with all the places where it was found."""
    places: dict[str, list[str]] = {NONE: [], OPEN: []}
    for found, where in (pair for one in asked for pair in one.found):
        places.setdefault(found, []).append(where)
    words = {NONE: f"{NONE} was found", OPEN: "it is undecided"}
    return "; ".join(
        f"{words.get(found, found)} {sentence_list(where)}" for found, where in places.items() if where
    )


def read_effect(lower: float, upper: float, smallest: float) -> str:
    """Say what an interval leaves of an effect of depth on a measure of which less is steadier.

    Examples
    --------
    >>> read_effect(-0.3, 0.4, 0.2), read_effect(-0.1, 0.1, 0.2), read_effect(0.3, 0.4, 0.2)
    ('undecided', 'no effect of relevant size', 'deeper is less steady')
    >>> read_effect(-0.18, -0.07, 0.2)
    'deeper is a little steadier'
    """
    inside = -smallest < lower and upper < smallest
    if not lower * upper > 0:
        return NONE if inside else OPEN
    return f"deeper is {'a little ' if inside else ''}{'steadier' if upper < 0 else 'less steady'}"


def _between(tables: Mapping[str, pd.DataFrame], smallest: float) -> list[Asked]:
    """Observation: do the means of tables go together?"""
    frame = tables.get("depth_between_tables")
    own = None if frame is None else frame[frame["measure"] == PRIMARY_MEASURE]
    if own is None or own.empty or not math.isfinite(own["rho_lower"].iloc[0]):
        return []
    row, n_tables = own.to_dict("records")[0], count(own["dataset"].nunique(), "table")
    found = read_effect(row["rho_lower"], row["rho_upper"], smallest)
    return [
        Asked(
            "Do depth and stability go together between tables?",
            f"Observed: mean depth of a table's uncut graphs against its mean measure, {n_tables}",
            signed(row["rho"], row["rho_lower"], row["rho_upper"]),
            f"{found}; and tables differ in more than depth",
            ((found, "between tables"),),
        )
    ]


def _dial(verdict: Verdict, tables: Mapping[str, pd.DataFrame]) -> Asked:
    """Experiment: does the measure change when depth is set?"""
    side = "deeper is steadier" if verdict.value < 0 else "deeper is less steady"
    n_tables = count(verdict.n_datasets, "table")
    return Asked(
        "Does setting the depth change stability?",
        f"The dial: graphs of a table and fold are cut, {n_tables}{_lost_edges(tables.get(CLAIM_19))}",
        signed(verdict.value, *verdict.interval),
        f"**{verdict.label or verdict.verdict}** (the verdict of claim {verdict.id})",
        ((OF_VERDICT.get(verdict.verdict, side), "where the depth is set"),),
    )


def _lost_edges(dial: pd.DataFrame | None) -> str:
    """Say by how much the edges fall along the dial."""
    if dial is None:
        return ""
    own = dial[dial["series"] == "dial"]
    edges = own.groupby(own["setting"].astype(str))["n_edges"].mean()
    if not {"0", "1", "full"} <= set(edges.index):
        return ""
    return (
        f"; edges fall too, on average from {edges['full']:.1f} in uncut graphs to {edges['1']:.1f} at depth "
        f"1 and {edges['0']:.0f} at depth 0"
    )


def _beyond_edges(tables: Mapping[str, pd.DataFrame], smallest: float) -> list[Asked]:
    """Experiment: the dial against controls that lose as many edges."""
    return [
        Asked(
            "And beyond the number of edges?",
            "Dial minus controls, which lose as many edges and keep their depth",
            f"{_result(row)} (adjusted p {number(row['p_holm'])})",
            found,
            ((found, "beyond the number of edges"),),
        )
        for row, found in _secondary(tables, PRIMARY_MEASURE, smallest)
    ]


def _second_measure(tables: Mapping[str, pd.DataFrame], smallest: float) -> list[Asked]:
    """The same against the controls, in another measure of stability."""
    name = f"*{name_measure(SECOND_MEASURE)}*"
    return [
        Asked(
            "And by a second measure?",
            f"Dial minus controls in {name}",
            f"{_result(row)} (adjusted p {number(row['p_holm'])})",
            f"{found}{_on_later_folds(tables)}",
            ((found, f"in {name}"),),
        )
        for row, found in _secondary(tables, SECOND_MEASURE, smallest)
    ]


def _secondary(tables: Mapping[str, pd.DataFrame], measure: str, smallest: float) -> list[tuple[Row, str]]:
    """Find the secondary test of the dial against its controls: one, or none where it was not made."""
    frame = tables.get(f"{CLAIM_19}_secondary")
    if frame is None:
        return []
    own = frame[(frame["test"] == "dial_against_controls") & (frame["measure"] == measure)]
    return [(row, read_effect(row["lower"], row["upper"], smallest)) for row in own.to_dict("records")]


def _on_later_folds(tables: Mapping[str, pd.DataFrame]) -> str:
    frame = tables.get(f"{CLAIM_19}_by_folds")
    if frame is None:
        return ""
    own = frame[(frame["part"] == "later") & (frame["measure"] == SECOND_MEASURE)]
    return "".join(f"; on later folds alone {_result(row)}" for row in own.to_dict("records"))


def _second_model(first: str, tables: Mapping[str, pd.DataFrame], smallest: float) -> list[Asked]:
    """The dial and its controls with another model, on all of its folds."""
    frame = tables.get("depth_models_all_folds")
    rows = [] if frame is None else frame[frame["model"] != first].to_dict("records")
    own = {row["test"]: row for row in rows}
    if not {"dial", "dial_against_controls"} <= own.keys():
        return []
    dial, beyond = own["dial"], own["dial_against_controls"]
    model = f"`{dial['model']}`"
    alone, apart = (read_effect(row["lower"], row["upper"], smallest) for row in (dial, beyond))
    return [
        Asked(
            "And with another model?",
            f"{model}, the same tables and graphs, {count(int(dial['n_folds']), 'fold')}: the dial; "
            "the dial minus controls",
            f"{_result(dial)}; {_result(beyond)}",
            f"dial: {alone}; minus controls: {apart}",
            ((alone, f"with {model}"),),
        )
    ]


def _known_depth(tables: Mapping[str, pd.DataFrame], smallest: float) -> list[Asked]:
    """Simulated tables, whose true graphs have the depth that was set."""
    row, exploratory = true_graphs(tables)
    if row is None:
        return []
    found = read_effect(row["lower"], row["upper"], smallest)
    which = "" if exploratory else "; folds that were run for this question, after its rule was written"
    how, mark = ("exploratory, ", " (exploratory)") if exploratory else ("", "")
    return [
        Asked(
            "And where the true depth is known?",
            f"{count(int(row['n']), 'simulated table')}, each with its true graph{which}",
            _result(row, "rho"),
            f"{found} ({how}p {number(row['p_value'])}, not adjusted)",
            ((found, f"on simulated tables with their true graphs{mark}"),),
        )
    ]


def true_graphs(tables: Mapping[str, pd.DataFrame]) -> tuple[Row | None, bool]:
    """Return the correlation of the depth that was set, for runs on graphs that have it; none without.

    Returns
    -------
    row : mapping or None
        Of the folds that a rule reads, or of all, where these were not run.
    exploratory : bool
        Whether it is of all.
    """
    for name, exploratory in (("new_folds", False), ("set_depth", True)):
        frame = tables.get(f"depth_known_truth_{name}")
        rows = [] if frame is None else frame[frame["arm"] == TRUE].to_dict("records")
        if rows:
            return rows[0], exploratory
    return None, True


def _result(row: Row, effect: str = "effect") -> str:
    return signed(row[effect], row["lower"], row["upper"])
