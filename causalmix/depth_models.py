"""Does the answer about depth and stability hold for another model? Free of torch.

The rules stand beside this module: ``depth_models.yml``, committed before the dial was turned with the second
model, and ``depth_models_controls.yml``, committed before the edge-matched controls were run with it. Both
are read on `FOLDS`; what they would answer with more folds stands beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from causalmix.cells import CELL, Store
from causalmix.claims import decide
from causalmix.controls import Answer
from causalmix.depth_dial import CONTROL, DIAL, block_correlations, dial_against_controls, mean_over_datasets
from causalmix.depth_tests import PRIMARY_MEASURE, measurements
from causalmix.incomplete import incomplete_tables, name_incomplete, whole_only
from causalmix.intervals import Interval, correlate
from causalmix.rules import load_claims, short, with_ends
from causalmix.study_view import StudyView
from causalmix.two_models import Pair, share_cells
from causalmix.verdicts import Verdict

RULE_FILE = Path(__file__).with_suffix(".yml")
CONTROLS_RULE_FILE = Path(__file__).with_name("depth_models_controls.yml")

FOLDS = (0, 1, 2)
"""The folds that the rules were written for: all that both studies had when the answers were read."""


@dataclass(frozen=True)
class DepthModelsRule:
    """A rule of ``depth_models.yml`` or ``depth_models_controls.yml``.

    Attributes
    ----------
    question, rule : str
        The question, and how it is answered, in words.
    claim : str
        The claim whose estimand, interval and conditions are used for each model.
    answers : dict
        Sentence per outcome: ``nothing, holds, does not hold, undecided``.
    """

    question: str
    claim: str
    rule: str
    answers: Mapping[str, str]


def load_rule(path: Path = RULE_FILE) -> DepthModelsRule:
    """Read one of the two rules.

    Examples
    --------
    >>> load_rule().claim
    '19'
    """
    return DepthModelsRule(**yaml.safe_load(path.read_text(encoding="utf-8")))


def as_written(studies: Pair) -> Pair:
    """Cut two studies down to `FOLDS`."""
    cells = (study.runs()[CELL].drop_duplicates() for study in studies)
    first, second = (own[own["fold"].isin(FOLDS)] for own in cells)
    return studies[0].only(first), studies[1].only(second)


def decide_each(studies: Pair) -> tuple[Verdict, Verdict]:
    """Decide the open question for each model, from all of its own runs."""
    claim = load_claims()[load_rule().claim]
    return decide(claim, studies[0]), decide(claim, studies[1])


def apply_rule(first: Interval, second: Interval) -> str:
    """Return the outcome of a rule for two estimates with their intervals: a key of its ``answers``.

    Both rules say the same of what they compare: the correlation, and by how much it exceeds the controls'.

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


def tail_volatility(store: Store) -> pd.DataFrame:
    """Return depth and tail volatility per block and arm, see `causalmix.depth_tests.measurements`."""
    return measurements(store.runs(), store.trajectories(), PRIMARY_MEASURE)


def table_correlations(store: Store) -> pd.DataFrame:
    """Return the correlation of depth and tail volatility along the dial, per table, fold and repeat.

    Returns
    -------
    DataFrame
        ``dataset, fold, repeat, rho``, see `causalmix.depth_dial.block_correlations`.
    """
    return block_correlations(tail_volatility(store), DIAL)


def compare_models(studies: Pair) -> pd.DataFrame:
    """Pair the two models' correlations, on the tables and folds where both have one.

    Returns
    -------
    DataFrame
        ``dataset, n_blocks, first, second`` (means over the blocks), ``rho`` (second minus first).
    """
    first, second = (table_correlations(study) for study in share_cells(*studies))
    both = first.merge(second, on=CELL, suffixes=("_first", "_second"))
    tables = both.groupby("dataset", observed=True).agg(
        n_blocks=("fold", "size"), first=("rho_first", "mean"), second=("rho_second", "mean")
    )
    return tables.assign(rho=tables["second"] - tables["first"]).reset_index()


def answer_for_models(studies: Pair, verdicts: tuple[Verdict, Verdict], record: Path | None = None) -> Answer:
    """Answer by the written rule whether the association holds for the second model.

    Parameters
    ----------
    studies : pair of StudyView
        The dial with the model of the book, and with another. What the rule would answer with folds that are
        not of `FOLDS` is said beside its answer.
    verdicts : pair of Verdict
        From `decide_each`, on the folds of `as_written`.
    record : Path, optional
        Which tables are incomplete, see `causalmix.incomplete.incomplete_tables`: what the rule would answer
        without them is said, too.

    Returns
    -------
    Answer
        ``not tested`` with the reason where either study lacks what claim 19 asks for.
    """
    rule, read = load_rule(), as_written(studies)
    lacking = [verdict.reason for verdict in verdicts if verdict.verdict == "not tested"]
    lacking += _name_lacking(read, DIAL)
    if lacking:
        return Answer("not tested", f"**{rule.question}** Not tested: {lacking[0]}.")
    outcome = apply_rule(*map(_of_verdict, verdicts))
    found = [_describe(study, verdict) for study, verdict in zip(read, verdicts, strict=True)]
    text = (
        f"**{rule.question}** {rule.answers[outcome]} The correlation of *tail volatility* with the depth "
        f"that graphs were cut to was {found[0]}, and {found[1]}; 95 % intervals are over tables."
        f"{_say_again(studies, rule, lambda pair: map(_of_verdict, decide_each(pair)), record)}"
    )
    return Answer(outcome, text)


def answer_for_controls(studies: Pair, record: Path | None = None) -> Answer:
    """Answer by the written rule whether depth matters beyond the number of edges for the second model.

    Parameters as in `answer_for_models`.

    Returns
    -------
    Answer
        ``not tested`` with the reason where either study lacks edge-matched controls.
    """
    rule, read = load_rule(CONTROLS_RULE_FILE), as_written(studies)
    found = [*map(against_controls, read)]
    lacking = _name_lacking(read, CONTROL) + [
        f"fewer than three tables of {study.name} have both the dial and its controls"
        for study, one in zip(studies, found, strict=True)
        if one["n"] < 3
    ]
    if lacking:
        return Answer("not tested", f"**{rule.question}** Not tested: {lacking[0]}.")
    outcome = apply_rule(*map(_of_test, found))
    first, second = (
        f"{_say(_of_test(one))} with `{study.model}` ({one['n']} tables, sign-flip p {short(one['p_value'])})"
        for study, one in zip(studies, found, strict=True)
    )
    along = [_say(_of_test(along_controls(study))) for study in read]
    text = (
        f"**{rule.question}** {rule.answers[outcome]} The correlation along the dial minus that along "
        f"controls, which lose as many edges without becoming shallower, was {first}, and {second}; along "
        f"the controls alone it was {along[0]} and {along[1]}. 95 % intervals are over tables and not "
        "adjusted for other tests."
        f"{_say_again(studies, rule, lambda pair: map(_of_test, map(against_controls, pair)), record)}"
    )
    return Answer(outcome, text)


def describe_pairs(studies: Pair) -> str:
    """Say how the two models differ table by table; nothing with fewer than three tables."""
    tables = compare_models(studies)
    if len(tables) < 3:
        return ""
    gap = mean_over_datasets(tables, seed=0)
    alike = correlate(tables["first"].to_numpy(), tables["second"].to_numpy())
    apart = "tells the two apart" if gap["lower"] * gap["upper"] > 0 else "does not tell the two apart"
    return (
        "The rules take the first model's estimate as if it were exact. Paired by table and fold, which "
        f"{apart}, the second correlation minus the first is "
        f"{_say(_of_test(gap))} ({len(tables)} tables, "
        f"{tables['n_blocks'].sum()} folds in all); over tables Spearman's correlation of the two is "
        f"{with_ends(alike.rho, alike.lower, alike.upper)}."
    )


def _of_verdict(verdict: Verdict) -> Interval:
    """The correlation that a verdict is about; NaN where nothing was tested."""
    return Interval(verdict.value, *verdict.interval, verdict.n_datasets)


def _of_test(found: Mapping[str, float]) -> Interval:
    """The effect that a test of `causalmix.depth_dial` found; NaN with fewer than three tables."""
    return Interval(found["effect"], found["lower"], found["upper"], int(found["n"]))


def _say(found: Interval) -> str:
    return with_ends(found.value, found.lower, found.upper)


def _say_again(
    studies: Pair, rule: DepthModelsRule, estimate: Callable[[Pair], Iterable[Interval]], record: Path | None
) -> str:
    """Say what the rule would answer without incomplete tables, and with more folds than those of `FOLDS`."""
    read, tables = as_written(studies), incomplete_tables(studies[0].runs(), record)
    n_folds = [study.runs()["fold"].nunique() for study in studies]
    folds = " and ".join(f"{n} with `{study.model}`" for n, study in zip(n_folds, studies, strict=True))
    again = {}
    if len(tables):
        again[f"Without {name_incomplete(tables)}, of which rows are missing"] = _whole_only(read, record)
    if n_folds != [study.runs()["fold"].nunique() for study in read]:
        again[f"With the folds that were run since ({folds})"] = studies
        if len(tables):
            again["With these folds and without those tables"] = _whole_only(studies, record)
    return "".join(_say_answer(about, rule, estimate(pair)) for about, pair in again.items())


def _whole_only(studies: Pair, record: Path | None) -> Pair:
    return whole_only(studies[0], record), whole_only(studies[1], record)


def _say_answer(about: str, rule: DepthModelsRule, estimates: Iterable[Interval]) -> str:
    """Say what the rule would answer to two estimates; nothing where too few tables are left for one."""
    first, second = estimates
    if not np.isfinite([first.value, second.value]).all():
        return ""
    return (
        f" {about}, the first two would be {_say(first)} and {_say(second)}, and the answer of the rule: "
        f"*{rule.answers[apply_rule(first, second)]}*"
    )


def against_controls(store: Store) -> dict[str, float]:
    """Return by how much the dial's correlation with tail volatility exceeds its controls'.

    Returns
    -------
    dict
        See `causalmix.depth_dial.dial_against_controls`.
    """
    return dial_against_controls(tail_volatility(store))


def along_controls(store: Store) -> dict[str, float]:
    """Return the mean correlation over tables of the controls alone, placed at the depth that they match."""
    return mean_over_datasets(block_correlations(tail_volatility(store), CONTROL), seed=0)


def _name_lacking(studies: Pair, arms: str) -> list[str]:
    """Say how many folds of the first study the second lacks with such arms: answers are read at the end."""
    first, second = (study.runs()[[*CELL, "arm"]].drop_duplicates() for study in studies)
    wanted = first[first["arm"].str.startswith(arms)].merge(second, how="left", indicator="found")
    complete = wanted.assign(found=wanted["found"] == "both").groupby(CELL, observed=True)["found"].all()
    what = "the dial" if arms == DIAL else "the dial's controls"
    lacking = (
        f"the study {studies[1].name} holds {what} on {complete.sum()} of the {len(complete)} tables "
        f"and folds of {studies[0].name}"
    )
    return [] if complete.all() else [lacking]


def _describe(study: StudyView, verdict: Verdict) -> str:
    return (
        f"{with_ends(verdict.value, *verdict.interval)} with `{study.model}` ({verdict.n_datasets} tables, "
        f"{verdict.n_runs} runs, permutation p {short(verdict.quantities['p_value'])}; by the rule of claim "
        f"{verdict.id}: {verdict.label})"
    )
