"""The question of the controls as text: the rule, and what was run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from scipy import stats

from causalmix.analysis import normalise_scores
from causalmix.book import claims_text, study_text
from causalmix.book.study import Study
from causalmix.book.text import table
from causalmix.controls import RULE_FILE, ControlsRule, load_rule
from causalmix.differences import pool_tables, table_differences
from causalmix.intervals import CONFIDENCE, signed
from causalmix.profiles import PROFILES


def snippets(studies: Sequence[Study]) -> dict[str, str]:
    """Return the pieces of text of the chapter on controls, but for the answer.

    Parameters
    ----------
    studies : sequence of Study
        The recorded studies, the main one first; that of the controls may be missing.
    """
    study = next((one for one in studies if one.name == "controls"), None)
    absent = "The runs of the controls are not recorded here: `causalmix run --profile controls` makes them."
    return {
        "controls_rule": rule_text(load_rule()),
        "controls_commit": claims_text.rules_commit(RULE_FILE, [study] if study else []),
        "controls_study": study_text.study_summary(study) if study else absent,
        "controls_arms": study_text.arms_table(study, {}) if study else "",
        "controls_main": first_lead(studies[0]) if studies else "",
        "controls_tables": tables_text(study) if study else "",
        "controls_interval": interval_text(
            study.runs["dataset"].nunique() if study else load_rule().min_tables
        ),
    }


def first_lead(study: Study) -> str:
    """Return the lead over plain fine-tuning, which needs no control, in the main study."""
    rule, scores = load_rule(), normalise_scores(study.runs)
    tables = table_differences(scores, rule.arm, rule.baseline)
    if tables.empty:
        return f"The study `{study.name}` does not compare `{rule.arm}` with `{rule.baseline}`."
    return (
        f"The study `{study.name}` makes the first of these comparisons on more runs: over {len(tables)} "
        f"tables and {tables['n_pairs'].sum()} pairs of runs the mean lead of `{rule.arm}` over "
        f"`{rule.baseline}` is {_mean_lead(tables)}."
    )


def tables_text(study: Study) -> str:
    """Return which tables were run first, and the lead over plain fine-tuning on those and on the others."""
    first = "Ten tables, those that the dial of [](depth.md) began with, were run first"
    rule, scores = load_rule(), normalise_scores(study.runs)
    tables = table_differences(scores, rule.arm, rule.baseline)
    is_first = tables["dataset"].isin(PROFILES["first-look"].datasets)
    if is_first.all():
        return f"{first}; they are not a sample of the benchmark, and no others are recorded."
    return (
        f"{first}; they are not a sample of the benchmark. The others were added when the answer on those "
        f"was known. The mean lead of `{rule.arm}` over `{rule.baseline}` is {_mean_lead(tables[is_first])} "
        f"on the former, {_mean_lead(tables[~is_first])} on the {(~is_first).sum()} others."
    )


def interval_text(n_tables: int) -> str:
    """Return how often an interval that resamples so many tables covers the mean, for normal differences.

    Its ends are the mean plus and minus 1.96 standard errors with n in place of n - 1.

    Examples
    --------
    >>> interval_text(10).split(": ")[1].split(";")[0]
    'with 10 they cover 90 % where 95 % are meant (for normal differences)'
    """
    width = stats.norm.ppf((1 + CONFIDENCE) / 2) * math.sqrt((n_tables - 1) / n_tables)
    covered = 2 * stats.t.cdf(width, n_tables - 1) - 1
    return (
        f"Intervals that resample few tables are too short: with {n_tables} they cover {100 * covered:.0f} % "
        f"where {100 * CONFIDENCE:.0f} % are meant (for normal differences); the rule uses them as they are. "
        "The test by sign flips only needs differences that are symmetric about zero; its adjusted p stands "
        "in the figure's data."
    )


def _mean_lead(tables: pd.DataFrame) -> str:
    """The mean of `table_differences` over tables, with its interval."""
    found = pool_tables(tables)
    return signed(found.value, found.lower, found.upper)


def rule_text(rule: ControlsRule) -> str:
    """Return the rule with the controls that decide and the answers that it can give."""
    controls = [[f"`{arm}`", what] for arm, what in rule.without_structure.items()]
    answers = [[outcome, answer] for outcome, answer in rule.answers.items()]
    return "\n\n".join(
        [
            table(["Control that decides", "Mixes the real rows with"], controls, widths=[28, 72]),
            f"**The rule.** {rule.rule} *Above* means that the whole {1 - rule.alpha:.0%} interval of the "
            "difference lies above zero.",
            table(["Outcome", "Answer"], answers, widths=[28, 72]),
        ]
    )
