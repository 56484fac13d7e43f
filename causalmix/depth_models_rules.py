"""The rules on whether an answer about depth holds for another model, and what they say to other runs.

They stand beside this module: ``depth_models.yml``, committed before the dial was turned with the second
model; ``depth_models_controls.yml``, committed before the edge-matched controls were run with it; and
``depth_regret.yml``, committed before the folds were run on which it reads the second model. The first two
are read on `FOLDS`; what they would answer with more folds, or without incomplete tables, stands beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from causalmix.depth_tests import PRIMARY_MEASURE
from causalmix.incomplete import incomplete_tables, name_incomplete, whole_only
from causalmix.intervals import Interval
from causalmix.markdown import cards
from causalmix.rules import with_ends
from causalmix.two_models import Pair

RULE_FILE = Path(__file__).with_name("depth_models.yml")
CONTROLS_RULE_FILE = Path(__file__).with_name("depth_models_controls.yml")
REGRET_RULE_FILE = Path(__file__).with_name("depth_regret.yml")

FOLDS = (0, 1, 2)
"""The folds that the first two rules were written for: all that both studies had when they were read."""

WRITTEN_FOR = f"On the folds that the rule was written for ({', '.join(map(str, FOLDS))})"


@dataclass(frozen=True)
class DepthModelsRule:
    """One of the rules.

    Attributes
    ----------
    question, rule : str
        The question, and how it is answered, in words.
    claim : str
        The claim whose estimand, interval and conditions are used for each model.
    answers : dict
        Sentence per outcome: ``nothing, holds, does not hold, undecided``.
    measure : str
        The measure of stability that is compared.
    folds : sequence of int
        The folds of the second model that are read.
    """

    question: str
    claim: str
    rule: str
    answers: Mapping[str, str]
    measure: str = PRIMARY_MEASURE
    folds: Sequence[int] = FOLDS


def load_rule(path: Path = RULE_FILE) -> DepthModelsRule:
    """Read one of the rules.

    Examples
    --------
    >>> load_rule().claim
    '19'
    """
    return DepthModelsRule(**yaml.safe_load(path.read_text(encoding="utf-8")))


def as_written(studies: Pair) -> Pair:
    """Cut two studies down to `FOLDS`."""
    return studies[0].only_folds(FOLDS), studies[1].only_folds(FOLDS)


def say_drawn(read: Pair) -> str:
    """Say which folds a figure of `as_written` shows, and where the others are; nothing without runs."""
    folds = sorted({int(fold) for study in read for fold in study.runs()["fold"].unique()})
    if not folds:
        return ""
    return (
        f"Drawn are the folds that the first two rules were written for ({', '.join(map(str, folds))}); the "
        "tables beside their answers read all folds too."
    )


def apply_rule(first: Interval, second: Interval) -> str:
    """Return the outcome of a rule for two estimates with their intervals: a key of its ``answers``.

    All say the same of what they compare: a correlation, or by how much it exceeds the controls'.

    Examples
    --------
    >>> first, ends = Interval(0.15, 0.02, 0.26, 31), [(0.1, 0.3), (-0.1, 0.1), (-0.1, 0.2)]
    >>> [apply_rule(first, Interval(sum(pair) / 2, *pair, 31)) for pair in ends]
    ['holds', 'does not hold', 'undecided']
    """
    if not first.lower * first.upper > 0:
        return "nothing"
    side = np.sign(first.value)
    near, far = sorted((side * second.lower, side * second.upper))
    if near > 0:
        return "holds"
    return "does not hold" if far < side * first.value else "undecided"


@dataclass(frozen=True)
class Reading:
    """What a rule answers to some of the runs.

    Attributes
    ----------
    about : str
        Which runs, as the start of a sentence.
    first, second : Interval
        What is estimated for either model.
    outcome : str
        From `apply_rule`; empty for an estimate that the rule does not read.
    """

    about: str
    first: Interval
    second: Interval
    outcome: str = ""

    @classmethod
    def by_rule(cls, about: str, first: Interval, second: Interval) -> Reading:
        """Return the reading with the outcome of `apply_rule`."""
        return cls(about, first, second, apply_rule(first, second))


def read_again(
    studies: Pair, read: Pair, estimate: Callable[[Pair], Iterable[Interval]], record: Path | None
) -> list[Reading]:
    """Apply a rule without incomplete tables, and with more folds than it was read on, where there are.

    Parameters
    ----------
    studies : pair of StudyView
    read : pair of StudyView
        The same, cut down to the folds that the rule is read on.
    estimate : callable
        Returns what the rule compares, for either model.
    record : Path, optional
        See `causalmix.incomplete.incomplete_tables`.
    """
    tables = incomplete_tables(studies[0].runs(), record)
    n_folds = [study.runs()["fold"].nunique() for study in studies]
    folds = " and ".join(f"{n} with `{study.model}`" for n, study in zip(n_folds, studies, strict=True))
    more = n_folds != [study.runs()["fold"].nunique() for study in read]
    again = {}
    if more:
        again[f"On all folds that were run ({folds})"] = studies
    if len(tables):
        again[f"Without {name_incomplete(tables)}, of which rows are missing"] = _whole_only(read, record)
    if more and len(tables):
        again["On all folds, without those tables"] = _whole_only(studies, record)
    readings = []
    for about, pair in again.items():
        first, second = estimate(pair)
        if np.isfinite([first.value, second.value]).all():  # enough tables are left for both
            readings.append(Reading.by_rule(about, first, second))
    return readings


def _whole_only(studies: Pair, record: Path | None) -> Pair:
    return whole_only(studies[0], record), whole_only(studies[1], record)


def say_answer(rule: DepthModelsRule, readings: Sequence[Reading], models: Sequence[str], what: str) -> str:
    """Return the question with its answer, which is called unsettled where other runs would give another.

    Parameters
    ----------
    rule : DepthModelsRule
    readings : sequence of Reading
        The rule's own first, then those of `read_again`; of these, the first with another answer is quoted.
    models : sequence of str
        Names of the two models.
    what : str
        What the rule compares, with its article.
    """
    own, *again = readings
    answer = rule.answers[own.outcome]
    other = next((one for one in again if one.outcome != own.outcome), None)
    if other is None:
        return f"**{rule.question}** {answer}"
    nearer = abs(other.first.value) < abs(own.first.value)
    shrunk = " There the first model's own estimate is nearer to zero: the rule's answer hangs on it."
    return (
        f"**{rule.question}** Not settled: the rule answers differently to other runs. {own.about}, {what} "
        f"is {say(own.first)} with `{models[0]}` and {say(own.second)} with `{models[1]}`; to these the rule "
        f"says: *{answer}* {other.about}, it is {say(other.first)} and {say(other.second)}; to these the "
        f"rule says: *{rule.answers[other.outcome]}*{shrunk if nearer else ''}"
    )


def tabulate(rule: DepthModelsRule, readings: Sequence[Reading], models: Sequence[str]) -> str:
    """Return a table of what is estimated for both models, and what the rule answers to it."""
    rows = [
        [one.about, say(one.first), say(one.second), rule.answers.get(one.outcome, "")] for one in readings
    ]
    header = ["Runs that are read", *(f"`{model}`" for model in models), "The rule's answer"]
    return cards(header, rows, widths=[30, 21, 21, 28])


def say(found: Interval) -> str:
    """Return an estimate and its interval as the sentences about a second model write them."""
    return with_ends(found.value, found.lower, found.upper)
