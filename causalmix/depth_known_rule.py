"""Does the correlation with a depth that is known hold on new folds? By ``depth_known.yml``. Free of torch.

The rule stands beside this module and was committed before those folds were run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd
import yaml

from causalmix.data.known_scm import KNOWN_SCM
from causalmix.depth_tests import known_scm, measurements
from causalmix.intervals import Correlation
from causalmix.rules import short, with_ends
from causalmix.stability import name_measure
from causalmix.study_view import StudyView

RULE_FILE = Path(__file__).with_name("depth_known.yml")

COLUMNS = ("arm", *(field.name for field in fields(Correlation)), "outcome")
"""Of `read_new_folds`."""


@dataclass(frozen=True)
class KnownDepthRule:
    """The rule.

    Attributes
    ----------
    question, rule : str
        The question, and how it is answered, in words.
    claim : str
        The claim that it belongs to.
    measure, arm : str
        The measure of stability that is read, and of which runs.
    folds : sequence of int
        The folds that are read: they were run for this question.
    smallest_effect : float
        The smallest correlation of interest, that of the claim.
    answers : dict
        Sentence per outcome: ``holds, does not hold, undecided``.
    """

    question: str
    claim: str
    rule: str
    measure: str
    arm: str
    folds: Sequence[int]
    smallest_effect: float
    answers: Mapping[str, str]

    def outcome(self, lower: float, upper: float) -> str:
        """Return the outcome for a correlation with this interval: a key of ``answers``.

        Examples
        --------
        >>> rule = load_rule()
        >>> [rule.outcome(*ends) for ends in ((-0.5, -0.1), (-0.1, 0.3), (-0.3, 0.1))]
        ['holds', 'does not hold', 'undecided']
        """
        if upper < 0:
            return "holds"
        return "does not hold" if lower > -self.smallest_effect else "undecided"


def load_rule() -> KnownDepthRule:
    """Read the rule.

    Examples
    --------
    >>> load_rule().claim
    '19'
    """
    return KnownDepthRule(**yaml.safe_load(RULE_FILE.read_text(encoding="utf-8")))


def read_new_folds(known: StudyView) -> pd.DataFrame:
    """Return the correlation that the rule reads, with its outcome.

    Returns
    -------
    DataFrame
        One row, ``arm, rho, lower, upper, p_value, n`` (see `causalmix.depth_tests.known_scm`) and
        ``outcome``; none where a table lacks a run on its true graph in one of the rule's folds.
    """
    rule = load_rule()
    if count_runs(known) < len(KNOWN_SCM) * len(rule.folds):
        return pd.DataFrame(columns=COLUMNS)
    read = known.only_folds(rule.folds)
    found = known_scm(measurements(read.runs(), read.trajectories(), rule.measure), arm=rule.arm)
    row = {"arm": rule.arm, **asdict(found), "outcome": rule.outcome(found.lower, found.upper)}
    return pd.DataFrame([row], columns=COLUMNS).dropna(subset=["p_value"])


def count_runs(known: StudyView) -> int:
    """Return how many of the runs that the rule reads are there."""
    rule, runs = load_rule(), known.runs()
    own = runs[(runs["arm"] == rule.arm) & runs["dataset"].isin(KNOWN_SCM) & runs["fold"].isin(rule.folds)]
    return len(own[["dataset", "fold"]].drop_duplicates())


def say_new_folds(known: StudyView, found: pd.DataFrame) -> str:
    """Return the question with the answer of `read_new_folds`, or why there is none."""
    rule = load_rule()
    if found.empty:
        return (
            f"**{rule.question}** Not tested: the study {known.name} holds {count_runs(known)} of the "
            f"{len(KNOWN_SCM) * len(rule.folds)} runs that the rule reads."
        )
    row = found.to_dict("records")[0]
    return (
        f"**{rule.question}** {rule.answers[row['outcome']]} On folds {' and '.join(map(str, rule.folds))}, "
        "which were run for this question after its rule was written down, Spearman's correlation of the "
        f"depth that was set with *{name_measure(rule.measure)}* is "
        f"{with_ends(row['rho'], row['lower'], row['upper'])} over {row['n']} simulated tables (permutation "
        f"p {short(row['p_value'])})."
    )
