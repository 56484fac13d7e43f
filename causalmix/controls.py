"""Is it the causality or the mixing? CausalMixFT against arms that mix in the same way. Free of torch.

The paper compares a mixed arm with purely synthetic ones, so that its gain may come from mixing. The rule
that answers stands in ``controls.yml`` beside this module; it was committed before any control was run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from causalmix.analysis import NORMALISATIONS, PRIMARY_NORMALISATION, normalise_scores
from causalmix.cells import Store, count_folds
from causalmix.differences import holm, pool_tables, sign_flip_p, table_differences
from causalmix.intervals import Interval, signed
from causalmix.specs import ARMS

RULE_FILE = Path(__file__).with_suffix(".yml")

COMPARISON_COLUMNS = [
    "arm", "group", "n_tables", "n_pairs", "difference", "lower", "upper", "p_value", "p_holm",
    "gain", "gain_lower", "gain_upper",
]  # fmt: skip


@dataclass(frozen=True)
class ControlsRule:
    """The rule of ``controls.yml``.

    Attributes
    ----------
    question, rule : str
        The question, and how it is answered, in words.
    arm, baseline : str
        The arm whose gain over the baseline is to be explained.
    without_structure : dict
        The controls that decide: arm to what it is.
    min_tables : int
        With fewer tables nothing is decided.
    alpha : float
        One minus the level of the intervals.
    answers : dict
        Sentence per outcome: ``no gain, causality, mixing, undecided``.
    """

    question: str
    arm: str
    baseline: str
    without_structure: Mapping[str, str]
    min_tables: int
    alpha: float
    rule: str
    answers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What the runs of the controls say.

    Attributes
    ----------
    outcome : str
        A key of ``ControlsRule.answers``, or ``not tested``.
    text : str
        The answer in sentences, with its numbers; why there is none, where nothing was tested.
    outcomes : dict
        Normalisation to outcome; empty where nothing was tested.
    """

    outcome: str
    text: str
    outcomes: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        return self.text


def load_rule() -> ControlsRule:
    """Read the rule.

    Examples
    --------
    >>> sorted(load_rule().without_structure)
    ['bootstrap_mix', 'independent_mix', 'random_dag_mix']
    """
    return ControlsRule(**yaml.safe_load(RULE_FILE.read_text(encoding="utf-8")))


def compare_with_controls(runs: pd.DataFrame, normalisation: str = PRIMARY_NORMALISATION) -> pd.DataFrame:
    """Compare CausalMixFT with each other fine-tuned arm, and each of those with default fine-tuning.

    Parameters
    ----------
    runs : DataFrame
        ``ResultStore.runs()`` of one model.

    Returns
    -------
    DataFrame
        One row per other arm: ``arm, group`` (``real rows only``, ``mixed, no learned structure``, ``mixed,
        other generator`` or ``purely synthetic``), ``n_tables, n_pairs``; ``difference`` (causalmix minus the
        arm: mean over tables) with ``lower, upper`` (tables resampled), ``p_value`` (sign flips over tables),
        ``p_holm`` (adjusted over the rows); ``gain`` (the arm minus default) with its ends, NaN for default.
    """
    rule, scores = load_rule(), normalise_scores(runs, normalisation)
    others = [arm for arm in ARMS if arm in set(scores["arm"]) - {"zero_shot", rule.arm}]
    rows = []
    for other in sorted(others, key=lambda arm: _GROUPS.index(_group(arm, rule))):
        tables = table_differences(scores, rule.arm, other)
        found = pool_tables(tables)
        gain = _against(scores, other, rule.baseline) if other != rule.baseline else _NONE
        values = (found.value, found.lower, found.upper, sign_flip_p(tables["difference"].to_numpy()), np.nan)
        counts = (len(tables), int(tables["n_pairs"].sum()))
        rows.append((other, _group(other, rule), *counts, *values, gain.value, gain.lower, gain.upper))
    frame = pd.DataFrame(rows, columns=COMPARISON_COLUMNS)
    return frame.assign(p_holm=holm(frame["p_value"]))


def answer_by_controls(store: Store, normalisation: str = PRIMARY_NORMALISATION) -> Answer:
    """Answer the question by the written rule.

    Parameters
    ----------
    store : Store
        The study of the controls, of one model.
    normalisation : str
        Of the numbers in the text; the outcome is also found under the others.

    Returns
    -------
    Answer
        ``not tested`` with the reason where the study lacks what the rule asks for.
    """
    rule, runs = load_rule(), store.runs()
    lacking = getattr(store, "note", "") or _what_is_lacking(runs, rule)
    if lacking:
        return Answer("not tested", f"**{rule.question}** Not tested: {lacking}.")
    scores = {name: normalise_scores(runs, name) for name in NORMALISATIONS}
    outcomes = {name: _apply(rule, own) for name, own in scores.items()}
    outcome = outcomes[normalisation]
    listed = ", ".join(f"`{name}`: {found}" for name, found in outcomes.items())
    same = len(set(outcomes.values())) == 1
    choice = "The answer is the same under all four normalisations."
    choice = choice if same else f"The answer depends on the normalisation ({listed})."
    compared = compare_with_controls(runs, normalisation)
    numbers = _numbers(rule, scores[normalisation], compared, runs["study"].iloc[0])
    about = f"It is a finding about `{runs['model'].iloc[0]}` on these tables."
    caution = _caution(rule, scores[normalisation])
    text = f"**{rule.question}** {rule.answers[outcome]} {numbers} {about}\n\n{caution} {choice}"
    return Answer(outcome, text, outcomes)


_GROUPS = ("real rows only", "mixed, no learned structure", "mixed, other generator", "purely synthetic")
_NONE = Interval(float("nan"), float("nan"), float("nan"), 0)


def _group(arm: str, rule: ControlsRule) -> str:
    if arm in rule.without_structure:
        return _GROUPS[1]
    if ARMS[arm].generator is None:
        return _GROUPS[0]
    return _GROUPS[2] if ARMS[arm].mixed else _GROUPS[3]


def _against(scores: pd.DataFrame, arm: str, baseline: str, confidence: float = 0.95) -> Interval:
    return pool_tables(table_differences(scores, arm, baseline), confidence)


def _apply(rule: ControlsRule, scores: pd.DataFrame) -> str:
    """Return the outcome of the rule; "above" is an interval that lies above 0."""
    level = 1 - rule.alpha
    if not _against(scores, rule.arm, rule.baseline, level).lower > 0:
        return "no gain"
    controls = rule.without_structure
    as_good = [other for other in controls if not _against(scores, rule.arm, other, level).lower > 0]
    if not as_good:
        return "causality"
    widened = 1 - rule.alpha / len(controls)
    gains = [_against(scores, other, rule.baseline, widened).lower > 0 for other in as_good]
    return "mixing" if any(gains) else "undecided"


def _what_is_lacking(runs: pd.DataFrame, rule: ControlsRule) -> str:
    finished = runs[runs["status"] == "ok"]
    named = [rule.arm, rule.baseline, *rule.without_structure]
    missing = [arm for arm in named if arm not in set(finished["arm"])]
    if missing:
        return f"the study has no finished run of the arms {', '.join(missing)}"
    tables = finished.groupby("arm", observed=True)["dataset"].nunique()[named]
    if tables.min() < rule.min_tables:
        few = f"{tables.idxmin()} finished on {tables.min()} tables"
        return f"{few}, the rule asks for at least {rule.min_tables}"
    return ""


def _numbers(rule: ControlsRule, scores: pd.DataFrame, compared: pd.DataFrame, study: str) -> str:
    tables = table_differences(scores, rule.arm, rule.baseline)
    p_value = sign_flip_p(tables["difference"].to_numpy())
    first = _lead(scores, rule.arm, rule.baseline)
    others = [f"{_lead(scores, rule.arm, arm)} ({what})" for arm, what in rule.without_structure.items()]
    adjusted = compared.loc[compared["arm"].isin(rule.without_structure), "p_holm"].min()
    return (
        f"On {len(tables)} tables ({tables['n_pairs'].sum()} pairs of runs of the study `{study}`) the mean "
        f"lead of `{rule.arm}` was {first} (sign-flip p {p_value:.2g}), and among arms that mix in the "
        f"same way {', '.join(others[:-1])} and {others[-1]}. These are leads in the normalised score, with "
        f"95 % intervals over tables, not adjusted; the smallest p of the {len(others)}, adjusted by Holm "
        f"over all {len(compared)} arms that it was compared with, is {adjusted:.2g}."
    )


def _caution(rule: ControlsRule, scores: pd.DataFrame) -> str:
    """Say how few the runs are, what the interval leaves open, and what hangs on a single table."""
    tables = table_differences(scores, rule.arm, rule.baseline)
    found = pool_tables(tables)
    open_to = (
        f"a gain of up to {found.upper:+.3f} is not excluded" if found.upper > 0 else "a gain is excluded"
    )
    far = tables["dataset"].iloc[int((tables["difference"] - found.value).abs().argmax())]
    rest = _lead(scores[scores["dataset"] != far], rule.arm, rule.baseline)
    return (
        f"These are runs of {count_folds(scores)} a table; {open_to}. Without `{far}`, the table farthest "
        f"from the mean, the first lead is {rest}."
    )


def _lead(scores: pd.DataFrame, arm: str, other: str) -> str:
    found = _against(scores, arm, other)
    return f"{signed(found.value, found.lower, found.upper)} over `{other}`"
