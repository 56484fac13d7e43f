"""Does the answer about depth and stability hold for another model? Free of torch.

By the rules of `causalmix.depth_models_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from causalmix.cells import CELL, Store
from causalmix.claims import decide
from causalmix.controls import Answer
from causalmix.depth_dial import CONTROL, DIAL, block_correlations, dial_against_controls, mean_over_datasets
from causalmix.depth_models_rules import (
    CONTROLS_RULE_FILE,
    REGRET_RULE_FILE,
    WRITTEN_FOR,
    Reading,
    as_written,
    load_rule,
    read_again,
    say,
    say_answer,
    tabulate,
)
from causalmix.depth_tests import PRIMARY_MEASURE, measurements
from causalmix.intervals import Interval, correlate
from causalmix.rules import load_claims, short, with_ends
from causalmix.stability import name_measure
from causalmix.study_view import StudyView
from causalmix.two_models import Pair, share_cells
from causalmix.verdicts import Verdict


def decide_each(studies: Pair) -> tuple[Verdict, Verdict]:
    """Decide the open question for each model, from all of its own runs."""
    return _decide_alone(studies[0]), _decide_alone(studies[1])


def _decide_alone(study: StudyView) -> Verdict:
    return decide(load_claims()[load_rule().claim], study)


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
    own = Reading.by_rule(WRITTEN_FOR, *map(_of_verdict, verdicts))
    decide_once = cache(_decide_alone)
    again = read_again(studies, read, lambda pair: map(_of_verdict, map(decide_once, pair)), record)
    alone = [_describe(study, verdict) for study, verdict in zip(read, verdicts, strict=True)]
    by_itself = ""
    if len(studies[1].runs()) > len(read[1].runs()):
        by_itself = f"; on all of its folds, {_describe(studies[1], decide_once(studies[1]))}"
    models, readings = [study.model for study in read], [own, *again]
    text = (
        f"{say_answer(rule, readings, models, 'the correlation of *tail volatility* with depth')}\nThe table "
        "has the correlation of *tail volatility* with the depth that graphs were cut to; 95 % intervals are "
        f"over tables. By the rule of claim {rule.claim}, on the runs of its first row, each model alone is "
        f"{alone[0]} and {alone[1]}{by_itself}.\n\n{tabulate(rule, readings, models)}"
    )
    return Answer(own.outcome, text)


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
    own = Reading.by_rule(WRITTEN_FOR, *map(_of_test, found))
    again = read_again(studies, read, lambda pair: map(_of_test, map(against_controls, pair)), record)
    along = [_of_test(along_controls(study)) for study in read]
    matched = [_of_test(against_controls(study, without=["0"])) for study in read]
    beside = [
        Reading("On the first row's runs: the correlation along the controls alone", along[0], along[1]),
        Reading(
            "On the first row's runs: without depth 0, where the controls keep more edges",
            matched[0],
            matched[1],
        ),
    ]
    p_values = " and ".join(
        f"{short(one['p_value'])} with `{study.model}` ({one['n']} tables)"
        for study, one in zip(studies, found, strict=True)
    )
    models, readings = [study.model for study in read], [own, *again]
    what = f"the correlation of *{name_measure(rule.measure)}* with depth minus that along the controls"
    text = (
        f"{say_answer(rule, readings, models, what)}\nThe table has {what}, which lose as many edges without "
        "becoming shallower; 95 % intervals are over tables and not adjusted for other tests. On the runs of "
        f"its first row, the sign-flip p is {p_values}."
        f"\n\n{tabulate(rule, [*readings, *beside], models)}"
    )
    return Answer(own.outcome, text)


def answer_for_new_folds(studies: Pair, record: Path | None = None) -> Answer:
    """Answer by the written rule whether the second model's regret falls with depth too, on folds of its own.

    Parameters as in `answer_for_models`.

    Returns
    -------
    Answer
        ``not tested`` with the reason where the second study lacks some of the rule's folds.
    """
    rule = load_rule(REGRET_RULE_FILE)
    read = studies[0], studies[1].only_folds(rule.folds)
    wanted = studies[0].only_folds(rule.folds)
    lacking = _name_lacking((wanted, read[1]), DIAL) + _name_lacking((wanted, read[1]), CONTROL)
    if lacking or not len(wanted.runs()):
        reason = lacking[0] if lacking else f"the study {studies[0].name} has none of these folds"
        return Answer("not tested", f"**{rule.question}** Not tested: {reason}.")

    def estimate(pair: Pair) -> list[Interval]:
        return [_of_test(against_controls(study, rule.measure)) for study in pair]

    first, second = estimate(read)
    models = [study.model for study in studies]
    about = (
        f"On all folds of `{models[0]}`, and on folds {', '.join(map(str, rule.folds))} of `{models[1]}`, "
        "which were run for this question"
    )
    own = Reading.by_rule(about, first, second)
    readings = [own, *read_again(read, read, estimate, record)]
    what = f"the correlation of *{name_measure(rule.measure)}* with depth minus that along the controls"
    text = (
        f"{say_answer(rule, readings, models, what)}\nThe table has {what} ({second.n_clusters} tables of "
        f"`{models[1]}`).\n\n{tabulate(rule, readings, models)}"
    )
    return Answer(own.outcome, text)


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
        f"{apart}, the correlation with `{studies[1].model}` minus that with "
        f"`{studies[0].model}` is {say(_of_test(gap))} ({len(tables)} tables, "
        f"{tables['n_blocks'].sum()} folds in all); over tables Spearman's correlation of the two is "
        f"{with_ends(alike.rho, alike.lower, alike.upper)}."
    )


def _of_verdict(verdict: Verdict) -> Interval:
    """The correlation that a verdict is about; NaN where nothing was tested."""
    return Interval(verdict.value, *verdict.interval, verdict.n_datasets)


def _of_test(found: Mapping[str, float]) -> Interval:
    """The effect that a test of `causalmix.depth_dial` found; NaN with fewer than three tables."""
    return Interval(found["effect"], found["lower"], found["upper"], int(found["n"]))


def against_controls(
    store: Store, measure: str = PRIMARY_MEASURE, without: Sequence[str] = ()
) -> dict[str, float]:
    """Return by how much the dial's correlation with a measure of stability exceeds its controls'.

    Returns
    -------
    dict
        See `causalmix.depth_dial.dial_against_controls`.
    """
    table = measurements(store.runs(), store.trajectories(), measure)
    return dial_against_controls(table, without=without)


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
        f"*{verdict.label}* with `{study.model}` ({verdict.n_datasets} tables, {verdict.n_runs} runs, "
        f"permutation p {short(verdict.quantities['p_value'])})"
    )
