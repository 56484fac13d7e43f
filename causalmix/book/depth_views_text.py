"""What stands beside the answer on depth and stability, as text: other ways to ask, and what goes with it.

Numbers come from the tables that the notebooks published.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from causalmix.book.text import count, interval, number, percent, sentence_list
from causalmix.depth_known import DISCOVERED, RANDOM
from causalmix.depth_tests import PRIMARY_MEASURE
from causalmix.stability import MEASURE_LABELS, STABILITY_MEASURES, name_measure

ABSENT = "The runs behind this are not recorded here."

ALPHA = 0.05


def scarcity_text(low_data: pd.DataFrame | None) -> str:
    """Return whether the answer changes with the number of training rows."""
    own = None if low_data is None else low_data[low_data["quantity"] == "correlation"]
    if own is None or own.empty or not math.isfinite(own["trend"].iloc[0]):
        return ABSENT
    row, limits = own.iloc[0], own["max_train_rows"]
    found = "The answer changes" if row["trend_p"] < ALPHA else "No change of the answer was found"
    trend = f"{number(row['trend'])} {interval(row['trend_lower'], row['trend_upper'])}"
    doublings = math.log2(limits.max() / limits.min())
    whole = interval(doublings * row["trend_lower"], doublings * row["trend_upper"])
    return (
        f"{found} with scarcity: on {own['dataset'].nunique()} tables, from {limits.min()} to {limits.max()} "
        f"rows for training and validation, that correlation, over fewer depths, changed by {trend} per "
        f"doubling (sign-flip p {number(row['trend_p'])}; {count(int(row['n_folds']), 'fold')} of each "
        f"table); over that whole range the interval is {whole}."
    )


def agreement_text(agreement: pd.DataFrame | None) -> str:
    """Return how the measure of the verdict goes with the others, and which two go together most."""
    if agreement is None:
        return ABSENT
    pairs = agreement[agreement["first"] < agreement["second"]].dropna(subset=["rho"])
    if pairs.empty:
        return ABSENT
    most = pairs.iloc[int(pairs["rho"].abs().argmax())]
    names = " and ".join(f"*{name_measure(most[side])}*" for side in ("first", "second"))
    return (
        f"{agreement_of_primary(agreement)} The two that agree most are {names}: {number(most['rho'])} "
        f"{interval(most['lower'], most['upper'])}."
    )


def agreement_of_primary(agreement: pd.DataFrame) -> str:
    """Return between which values the correlations of the verdict's measure with the others lie."""
    own = agreement[(agreement["first"] == PRIMARY_MEASURE) & (agreement["second"] != PRIMARY_MEASURE)]["rho"]
    return (
        f"The Spearman correlations of *{name_measure(PRIMARY_MEASURE)}*, the measure of the verdict, "
        f"with the other measures of a run lie between {number(own.min())} and {number(own.max())}."
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
                f"*{name_measure(row['measure'])}*"
                for row in own
            ]
        )

    text = (
        f"Over {int(within['n'].max())} runs on uncut graphs, one SD more of depth goes with this change in "
        f"SDs of the measure (95 % intervals, not adjusted for their number): {effects('depth')}."
    )
    centred = effects("depth_within")
    if centred:
        text += f" Centred within tables, which was added after the runs: {centred}."
    return f"{text}{_say_not_fitted(within)}"


def _say_not_fitted(within: pd.DataFrame) -> str:
    """Name the measures of a run whose mixed model did not converge, which the figure leaves out."""
    named = []
    for term, how in (("depth", ""), ("depth_within", " centred")):
        there = set(within.loc[within["term"] == term, "measure"])
        named += [f"*{name_measure(one)}*{how}" for one in STABILITY_MEASURES if there and one not in there]
    return f" The models of {sentence_list(named)} did not converge and have no row." if named else ""


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
        f"comparisons {'differs' if clear == 1 else 'differ'} from zero at {ALPHA:g}; the smallest p is that "
        f"of {_least_by_chance(contrasts)}."
    )


def _least_by_chance(contrasts: pd.DataFrame) -> str:
    """Name the comparison with the smallest p, its difference and both its p."""
    row = contrasts.iloc[int(contrasts["p_value"].argmin())]
    name, unit = ("the score", "") if row["outcome"] == "score" else describe_measure(row["outcome"])
    other = "discovered" if row["baseline"] == DISCOVERED else "random"
    return (
        f"*{name}* against {other} graphs, {signed(row['difference'])}{unit} "
        f"[{signed(row['difference_lower'])}, {signed(row['difference_upper'])}] (p "
        f"{number(row['p_value'])}, adjusted {number(row['p_holm'])})"
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
        f"{number(recovered['directed_f1'].mean())} the right way round. {recovered_depths(recovered)}"
    )


def recovered_depths(recovered: pd.DataFrame) -> str:
    """Return between which values the mean recovered depth lies while the true one goes over its range."""
    means = recovered.groupby("true_depth")["depth"].mean()
    return (
        f"On simulated tables whose true depth goes from {means.index.min()} to {means.index.max()}, the "
        f"mean depth of discovered graphs lies between {means.min():.1f} and {means.max():.1f}."
    )


def isolation_text(isolation: pd.DataFrame | None) -> str:
    """Return how many graphs leave the target on its own, and whether that goes with the effect."""
    if isolation is None:
        return ABSENT
    row, n_dags, share = isolation.iloc[0], int(isolation["n_dags"].sum()), isolation["share"]
    covers = not row["size_lower"] * row["size_upper"] > 0
    disagree = covers == (row["size_p_value"] < ALPHA)
    left_open = " Interval and p disagree about zero, so that nothing is concluded from this."
    return (
        f"In {percent(isolation['n_isolated'].sum() / n_dags)} of {count(n_dags, 'uncut graph')} no edge "
        f"goes to or from the target; by table this is {percent(share.min())} to {percent(share.max())} of "
        "the graphs. Such graphs would hide an effect of the dial whichever its sign, so that it would be "
        "smaller on tables with more of them. Over tables, the Spearman correlation of their share with the "
        f"size of the effect is {number(row['size_correlation'])} "
        f"{interval(row['size_lower'], row['size_upper'])} (permutation p {number(row['size_p_value'])})."
        f"{left_open if disagree else ''} With the effect itself, sign included, it is "
        f"{number(row['correlation'])} {interval(row['lower'], row['upper'])}."
    )


def describe_measure(measure: str) -> tuple[str, str]:
    """Return a measure's name and its unit, with a space before it where it has one.

    Examples
    --------
    >>> describe_measure("tail_volatility"), describe_measure("steps_to_best")
    (('tail volatility', ' nats'), ('steps to best', ''))
    """
    _, _, unit = MEASURE_LABELS[measure].partition(" [")
    return name_measure(measure), f" {unit.rstrip(']')}" if unit else ""


def signed(value: float) -> str:
    """Format a small difference: its sign and two significant digits, as a decimal however small.

    Examples
    --------
    >>> signed(-0.0011364), signed(0.2), signed(-0.0000541)
    ('−0.0011', '+0.2', '−0.000054')
    """
    if not math.isfinite(value):
        return "–"
    text = np.format_float_positional(value, precision=2, fractional=False, sign=True, trim="-")
    return text.replace("-", "−")
