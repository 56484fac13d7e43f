"""What stands beside the answer on depth and stability, as text: other ways to ask, and what goes with it.

Numbers come from the tables that the notebooks published.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from causalmix.book.text import count, interval, number, percent, sentence_list
from causalmix.depth_dial import FULL
from causalmix.depth_known import DISCOVERED, RANDOM
from causalmix.depth_tests import PRIMARY_MEASURE
from causalmix.markdown import cards
from causalmix.stability import MEASURE_LABELS, STABILITY_MEASURES, name_measure

ABSENT = "The runs behind this are not recorded here."

ALPHA = 0.05

Row = Mapping[Hashable, Any]


def scarcity_text(low_data: pd.DataFrame | None) -> str:
    """Return whether the answer changes with the number of training rows."""
    own = None if low_data is None else low_data[low_data["quantity"] == "correlation"]
    if low_data is None or own is None or own.empty or not math.isfinite(own["trend"].iloc[0]):
        return ABSENT
    row, limits = own.iloc[0], own["max_train_rows"]
    doublings = math.log2(limits.max() / limits.min())
    lower, upper = doublings * row["trend_lower"], doublings * row["trend_upper"]
    wide = not -row["smallest"] < lower <= upper < row["smallest"]
    found = "No change of relevant size was found"
    if row["trend_p"] < ALPHA:
        found = "The answer changes with scarcity"
    elif wide:
        found = "Whether scarcity changes the answer is undecided"
    cut = low_data.loc[low_data["quantity"] == "change", "series"].astype(str)
    settings = sorted(name.removeprefix("dial ") for name in set(cut) if name.startswith("dial "))
    return (
        f"{found}. The correlation of *{name_measure(row['measure'])}* with depth along the dial, here over "
        f"{_name_settings(settings)}, was taken with {limits.min()} to {limits.max()} rows for training and "
        f"validation, on {count(own['dataset'].nunique(), 'table')} and "
        f"{count(int(row['n_folds']), 'fold')} of each. It changed by {number(row['trend'])} "
        f"{interval(row['trend_lower'], row['trend_upper'])} per doubling of the rows (sign-flip p "
        f"{number(row['trend_p'])}); over that whole range the interval is {interval(lower, upper)}, "
        f"{'wider than' if wide else 'within'} the smallest effect of interest, {number(row['smallest'])} "
        "either way."
    )


def _name_settings(cut: Sequence[str]) -> str:
    """Name the settings of a dial, uncut graphs last.

    Examples
    --------
    >>> _name_settings(["0", "1"]), _name_settings([])
    ('depth 0, depth 1 and uncut graphs', 'uncut graphs')
    """
    return sentence_list([*(f"depth {setting}" for setting in cut), "uncut graphs"])


def change_text(dial: pd.DataFrame | None) -> str:
    """Return what cut graphs change in the place of uncut ones, and their controls, in the measure's unit."""
    if dial is None:
        return ""
    summary = dial.assign(setting=dial["setting"].astype(str)).drop_duplicates(["series", "setting"])
    sides: dict[str, dict[str, Row]] = {"dial": {}, "control": {}}
    for row in summary[summary["setting"] != FULL].to_dict("records"):
        sides[row["series"]][row["setting"]] = row
    along, control = sides.values()
    if "0" not in along:
        return ""
    rows = [
        [_name_setting(setting, control), _change(row), _change(control.get(setting))]
        for setting, row in along.items()
    ]
    name, unit = describe_measure(along["0"]["measure"])
    uncut = dial.loc[dial["series"] == "dial"].drop_duplicates("dataset")["uncut"].mean()
    bare = along["0"]["mean"]
    header = ["Setting", "Dial", "Controls"]
    parts = [
        f"In its own unit: by how much *{name}* differs from that of uncut graphs, in{unit}, with 95 % "
        "intervals over tables. Minus: steadier than uncut graphs. The mean over tables of *"
        f"{name}* on uncut graphs is {signed(uncut).lstrip('+')}{unit}; without any edge it is "
        f"{percent(abs(bare) / uncut)} {'lower' if bare < 0 else 'higher'}.",
        cards(header, rows, widths=[34, 33, 33]),
        f"{_beside_controls(along, control)}No smallest size of interest was set in this unit, "
        "and none of these intervals is adjusted for the others. A rank correlation sees only what rises or "
        "falls all along the dial.",
    ]
    return "\n\n".join(parts)


def _name_setting(setting: str, control: Mapping[str, Row]) -> str:
    unmatched = setting in control and control[setting]["matched_share"] == 0
    return f"Depth of at most {setting}{' (controls keep more edges)' if unmatched else ''}"


def _change(row: Row | None) -> str:
    return "" if row is None else f"{signed(row['mean'])} [{signed(row['lower'])}, {signed(row['upper'])}]"


def _beside_controls(along: Mapping[str, Row], control: Mapping[str, Row]) -> str:
    """Say whether losing edges without losing depth moves the measure the same way, and by how much."""
    shares = [row["mean"] / along[setting]["mean"] for setting, row in control.items() if setting in along]
    if not shares:
        return ""
    if min(shares) <= 0:
        return "Losing edges without losing depth does not move it the same way at every setting. "
    clear = sum(row["lower"] * row["upper"] > 0 for row in control.values())
    return (
        "Losing edges without losing depth moves it the same way at every setting, by "
        f"{percent(min(shares))} to {percent(max(shares))} of the dial's change; {clear or 'none'} of the "
        f"{len(shares)} intervals of the controls leave{'' if clear > 1 else 's'} zero out. "
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
    clear = contrasts[contrasts["p_holm"] < ALPHA].sort_values("p_value")
    named = clear if len(clear) else contrasts.nsmallest(1, "p_value")
    return (
        f"On {int(contrasts['n'].max())} simulated tables, paired by table and with 95 % intervals, the true "
        f"graph changes {against}. After adjustment by Holm, {len(clear) or 'none'} of {len(contrasts)} "
        f"comparisons {'differs' if len(clear) == 1 else 'differ'} from zero at {ALPHA:g}"
        f"{': ' if len(clear) else '; the smallest p is that of '}"
        f"{sentence_list([_describe_contrast(row) for row in named.to_dict('records')])}."
    )


def _describe_contrast(row: Row) -> str:
    """Name a comparison, its difference and both its p."""
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
