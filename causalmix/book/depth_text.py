"""The open question of depth and stability as text: its answer, and what stands beside it.

Numbers come from the verdict of claim 19 and from the tables that the notebooks published.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from causalmix.book.claims_text import Claim
from causalmix.book.execute import Execution
from causalmix.book.text import badge, count, interval, number, sentence_list
from causalmix.depth_contrasts import DISCOVERED, RANDOM
from causalmix.depth_tests import PRIMARY_MEASURE
from causalmix.figures.depth import MEASURE_LABELS
from causalmix.verdicts import Verdict

ABSENT = "The runs behind this are not recorded here."

ALPHA = 0.05


def depth_snippets(claim: Claim, verdict: Verdict, executions: Sequence[Execution]) -> dict[str, str]:
    """Return the pieces of text of the chapter on depth by name."""
    tables = published_tables(executions)
    return {
        "depth_question": f"> {claim['sentence']}\n",
        "depth_answer": depth_answer(claim, verdict, tables),
        "depth_rule": depth_rule(claim),
        "depth_within": within_text(tables.get("depth_within_tables")),
        "depth_known": known_text(tables.get("depth_known_truth")),
        "depth_recovered": recovery_text(tables.get("depth_recovery")),
        "depth_isolated": isolation_text(tables.get("depth_isolated_target")),
        "depth_scarcity": scarcity_text(tables.get("depth_low_data")),
    }


def earlier_text(path: Path) -> str:
    """Return what earlier records of the same study said, and why they were replaced; nothing without one.

    Parameters
    ----------
    path : Path
        ``earlier.json`` of the study, a list in the order of time: the commit that holds the record, what was
        changed after it, and the verdict on it.
    """
    if not path.is_file():
        return ""
    lines = ["**What earlier records of this study said.** The rule stayed as it was.", ""]
    for earlier in json.loads(path.read_text(encoding="utf-8")):
        found = Verdict.from_dict(earlier["verdict"])
        lines.append(
            f"- Commit `{earlier['commit']}`, {count(found.n_datasets, 'table')}: "
            f"{badge(found.verdict, found.label)}, {number(found.value)} {interval(*found.interval)}, "
            f"permutation p {number(found.quantities['p_value'])}. {earlier['reason']}"
        )
    return "\n".join(lines)


def published_tables(executions: Sequence[Execution]) -> dict[str, pd.DataFrame]:
    """Return the data that each depth notebook published with its figure, where it has any rows."""
    files = {
        one.name: one.out / "data" / f"{one.name}.csv"
        for one in executions
        if one.name.startswith(("depth_", "claim_19"))
    }
    tables = {name: pd.read_csv(file) for name, file in files.items() if file.is_file()}
    return {name: table for name, table in tables.items() if len(table)}


def depth_answer(claim: Claim, verdict: Verdict, tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the answer to the open question, from its verdict, or that the runs are not there.

    Parameters
    ----------
    claim : mapping
        Entry 19 of claims.yml.
    verdict : Verdict
    tables : mapping
        From `published_tables`.
    """
    if verdict.verdict == "not tested":
        return (
            f"[](depth.md) asks another question; the runs that answer it are not recorded here: "
            f"{verdict.reason}."
        )
    measure = claim["estimand"]["measure"].replace("_", " ")
    smallest = float(claim["estimand"]["smallest_effect"])
    p_value = verdict.quantities.get("p_value", math.nan)
    parts = [
        f"**Does structural depth go with the stability of fine-tuning?** "
        f"{badge(verdict.verdict, verdict.label)} {in_short(verdict, p_value)} Over {verdict.n_datasets} "
        f"tables and {verdict.n_runs} runs of `{verdict.model}`, the correlation of *{measure}* with the "
        f"depth that graphs were cut to was {number(verdict.value)} {interval(*verdict.interval)} (95 % "
        f"interval over tables; permutation p {number(p_value)}; below zero means that deeper graphs "
        f"converge more steadily).",
        excluded_text(verdict.interval, smallest),
        change_text(tables.get("claim_19_depth_and_stability")),
        scarcity_text(tables["depth_low_data"]) if "depth_low_data" in tables else "",
        "It is a finding about this model on these tables.",
    ]
    return " ".join(part for part in parts if part)


def in_short(verdict: Verdict, p_value: float) -> str:
    """Return the verdict on the open question in plain words."""
    if verdict.verdict == "reproduced":
        return "An association of relevant size was found."
    if verdict.verdict == "not reproduced":
        return "Nothing of relevant size was found, and an effect of relevant size can be excluded."
    if p_value < ALPHA:
        return "There is a trace of an association, but none of relevant size is established."
    return "Nothing was found; but the data are too few to exclude an effect of relevant size."


def excluded_text(ends: tuple[float, float], smallest: float) -> str:
    """Return how large an effect the data can exclude.

    Examples
    --------
    >>> excluded_text((-0.3, 0.1), 0.2).split("; ")[1]
    'an effect of the smallest size of interest, 0.20, is excluded above zero and not below.'
    """
    lower, upper = ends
    if not (math.isfinite(lower) and math.isfinite(upper)):
        return ""
    side = {
        (True, True): "above and below zero",
        (True, False): "above zero and not below",
        (False, True): "below zero and not above",
        (False, False): "neither above nor below zero",
    }[upper < smallest, lower > -smallest]
    return (
        f"With this confidence the data exclude correlations below {number(lower)} and above "
        f"{number(upper)}; an effect of the smallest size of interest, {number(smallest)}, is excluded "
        f"{side}."
    )


def change_text(dial: pd.DataFrame | None) -> str:
    """Return what graphs without any edge change, in the unit of the measure."""
    if dial is None:
        return ""
    own = dial[(dial["series"] == "dial") & (dial["setting"].astype(str) == "0")]
    if own.empty:
        return ""
    row = own.iloc[0]
    name, unit = describe_measure(row["measure"])
    return (
        f"In its own unit: graphs without any edge in the place of uncut ones changed *{name}* by "
        f"{signed(row['mean'])}{unit} [{signed(row['lower'])}, {signed(row['upper'])}], from a mean of "
        f"{signed(own['uncut'].mean()).lstrip('+')}{unit}."
    )


def scarcity_text(low_data: pd.DataFrame | None) -> str:
    """Return whether the answer changes with the number of training rows."""
    own = None if low_data is None else low_data[low_data["quantity"] == "correlation"]
    if own is None or own.empty or not math.isfinite(own["trend"].iloc[0]):
        return ABSENT
    row, limits = own.iloc[0], own["max_train_rows"]
    clear = row["trend_lower"] > 0 or row["trend_upper"] < 0
    found = "The answer changes" if clear else "No change of the answer was found"
    trend = f"{number(row['trend'])} {interval(row['trend_lower'], row['trend_upper'])}"
    return (
        f"{found} with scarcity: on {own['dataset'].nunique()} tables, from {limits.min()} to {limits.max()} "
        f"rows for training and validation, the correlation changed by {trend} per doubling (sign-flip p "
        f"{number(row['trend_p'])})."
    )


def within_text(within: pd.DataFrame | None) -> str:
    """Return the effect of depth on each measure in the mixed model, as it is and centred within tables."""
    if within is None or not (within["term"] == "depth").any():
        return ABSENT

    def effects(term: str) -> str:
        own = within[within["term"] == term].to_dict("records")
        return sentence_list(
            [
                f"{number(row['effect'])} {interval(row['lower'], row['upper'])} in "
                f"*{describe_measure(row['measure'])[0]}*"
                for row in own
            ]
        )

    text = (
        f"Over {int(within['n'].max())} runs on uncut graphs, one SD more of depth goes with this change in "
        f"SDs of the measure (95 % intervals, not adjusted for their number): {effects('depth')}."
    )
    centred = effects("depth_within")
    return f"{text} Centred within tables, which was added after the runs: {centred}." if centred else text


def known_text(contrasts: pd.DataFrame | None) -> str:
    """Return how the true graph compares with discovered and random ones."""
    if contrasts is None:
        return ABSENT
    against = ", and ".join(
        f"{difference_text(contrasts[contrasts['baseline'] == baseline])} against {name} graphs"
        for baseline, name in ((DISCOVERED, "discovered"), (RANDOM, "random"))
    )
    clear = int((contrasts["p_holm"] < ALPHA).sum())
    return (
        f"On {int(contrasts['n'].max())} simulated tables, paired by table and with 95 % intervals, the true "
        f"graph changes {against}. After adjustment by Holm, {clear or 'none'} of {len(contrasts)} "
        f"comparisons {'differs' if clear == 1 else 'differ'} from zero at {ALPHA:g}."
    )


def difference_text(own: pd.DataFrame) -> str:
    """Return the differences of stability and score between two arms, in their own units."""
    rows = own.set_index("outcome")
    names = {PRIMARY_MEASURE: "*tail volatility* [nats]", "score": "the normalised score"}
    return sentence_list(
        [
            f"{name} by {signed(row['difference'])} "
            f"[{signed(row['difference_lower'])}, {signed(row['difference_upper'])}]"
            for outcome, name in names.items()
            for row in [rows.loc[outcome].to_dict()]
        ]
    )


def recovery_text(recovered: pd.DataFrame | None) -> str:
    """Return how well discovery recovers the depth of simulated tables."""
    if recovered is None:
        return ABSENT
    row = recovered.iloc[0]
    return (
        f"Over {len(recovered)} simulated tables the Spearman correlation of true and recovered depth is "
        f"{number(row['rho'])} {interval(row['rho_lower'], row['rho_upper'])}; the mean F1 score of the "
        f"edges is {number(recovered['skeleton_f1'].mean())} whichever way round, and "
        f"{number(recovered['directed_f1'].mean())} the right way round."
    )


def isolation_text(isolation: pd.DataFrame | None) -> str:
    """Return how many graphs leave the target on its own, and whether that goes with the effect."""
    if isolation is None:
        return ABSENT
    row, n_dags, share = isolation.iloc[0], int(isolation["n_dags"].sum()), isolation["share"]
    return (
        f"In {isolation['n_isolated'].sum() / n_dags:.0%} of {n_dags} uncut graphs no edge goes to or from "
        f"the target; from table to table this share goes from {share.min():.0%} to {share.max():.0%}. "
        f"Its Spearman correlation with the effect of the dial on the table is {number(row['correlation'])} "
        f"{interval(row['lower'], row['upper'])}."
    )


def describe_measure(measure: str) -> tuple[str, str]:
    """Return a measure's name and its unit, with a space before it where it has one.

    Examples
    --------
    >>> describe_measure("tail_volatility"), describe_measure("steps_to_best")
    (('tail volatility', ' nats'), ('steps to best', ''))
    """
    name, _, unit = MEASURE_LABELS[measure].partition(" [")
    return name, f" {unit.rstrip(']')}" if unit else ""


def signed(value: float) -> str:
    """Format a small difference: its sign and two significant digits.

    Examples
    --------
    >>> signed(-0.0011364), signed(0.2)
    ('−0.0011', '+0.2')
    """
    return f"{value:+.2g}".replace("-", "−") if math.isfinite(value) else "–"


def depth_rule(claim: Claim) -> str:
    """Return how the open question will be decided."""
    estimand = claim["estimand"]
    secondary = estimand.get("secondary") or {}
    lines = [
        f"**The primary analysis.** {' '.join(estimand['text'].split())}",
        f"**The rule.** {' '.join(claim['decision']['text'].split())}",
        f"**The smallest effect of interest** is a correlation of {number(estimand['smallest_effect'])}; "
        f"the test is {estimand['direction']}. {estimand.get('expectation', '')}".strip(),
    ]
    if secondary:
        measures = sentence_list([f"*{name.replace('_', ' ')}*" for name in secondary["measures"]])
        lines.append(f"**Secondary analyses.** {' '.join(secondary['note'].split())} Measures: {measures}.")
    return "\n\n".join(lines)
