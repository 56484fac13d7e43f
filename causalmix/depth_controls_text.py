"""Whether depth does more for stability than the number of edges, as text: a paragraph, and two tables.

Numbers come from `causalmix.depth_tests.secondary_tests` and from the comparisons that were added to it in
`causalmix.depth_contrasts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from causalmix.depth_contrasts import ALPHA, FIRST_FOLDS
from causalmix.depth_tests import PRIMARY_MEASURE
from causalmix.intervals import signed
from causalmix.markdown import cards
from causalmix.rules import short
from causalmix.stability import name_measure

FIRST, LATER = "first", "later"
"""Parts of `causalmix.depth_contrasts.controls_by_folds`."""


def say_against_controls(
    secondary: pd.DataFrame,
    without_zero: pd.DataFrame,
    by_folds: pd.DataFrame | None = None,
    among_distinct: pd.DataFrame | None = None,
) -> str:
    """Return whether depth does more than the number of edges; empty without such runs.

    The first line has the primary measure and the one that the controls set apart most clearly. The tables
    below it read these two on parts of the runs, and all measures on all of them.

    Parameters
    ----------
    secondary : DataFrame
        From `causalmix.depth_tests.secondary_tests`.
    without_zero : DataFrame
        From `causalmix.depth_contrasts.controls_without` the setting at which a control cannot lose as many
        edges.
    by_folds : DataFrame, optional
        From `causalmix.depth_contrasts.controls_by_folds`.
    among_distinct : DataFrame, optional
        From `causalmix.depth_contrasts.controls_among_distinct`.
    """
    tested = secondary[secondary["test"] == "dial_against_controls"]
    own, alone = (_of(frame, PRIMARY_MEASURE) for frame in (tested, without_zero))
    if not own or not alone:
        return ""
    clearest = str(tested.sort_values("p_value")["measure"].iloc[0])
    text = (
        f"**Depth, or the number of edges?** The correlation of *{name_measure(PRIMARY_MEASURE)}* with depth "
        "along the dial minus that along controls, which lose as many edges without becoming shallower, is "
        f"{_effect(own[0])} (95 % interval over tables; sign-flip p {own[0]['p_value']:.2g}, after "
        f"adjustment by Holm over the {len(secondary)} secondary tests {own[0]['p_holm']:.2g}). "
        f"{_say_clearest(tested, clearest, without_zero, by_folds)}"
    )
    measures = list(dict.fromkeys([PRIMARY_MEASURE, clearest]))
    parts = tabulate_parts(measures, tested, without_zero, by_folds, among_distinct)
    return f"{text}\n\n{_say_rows(by_folds, among_distinct)}\n\n{parts}\n\n{tabulate_measures(secondary)}"


def _say_clearest(
    tested: pd.DataFrame, measure: str, without_zero: pd.DataFrame, by_folds: pd.DataFrame | None
) -> str:
    """Say how many measures the controls set apart after adjustment, and what is left of the clearest."""
    apart = int((tested["p_holm"] < ALPHA).sum())
    (row,) = _of(tested, measure)
    others = {
        "on the folds that were run later": _part(by_folds, "part", LATER),
        "without depth 0, where the controls keep more edges": without_zero,
    }
    rest = [f"{_with_p(one)} {where}" for where, frame in others.items() for one in _of(frame, measure)]
    left = f" It is {', and '.join(rest)}; these are not adjusted." if rest else ""
    return (
        f"After adjustment {apart or 'none'} of the {len(tested)} measures of stability told the dial from "
        f"its controls at {ALPHA:g}; clearest is *{name_measure(measure)}*, with {_effect(row)} (p "
        f"{row['p_value']:.2g}, adjusted {row['p_holm']:.2g}; below zero, it is steadier with deeper "
        f"graphs).{left}"
    )


def _say_rows(by_folds: pd.DataFrame | None, among_distinct: pd.DataFrame | None) -> str:
    """Say what the tables hold, and why their rows leave something out."""
    parts = [
        "A control's place on the axis is the depth of the graphs whose loss of edges it matches. The first "
        "table has the difference from the controls on parts of the runs, with its sign-flip p, which is not "
        "adjusted."
    ]
    if among_distinct is not None and len(among_distinct):
        parts.append(
            "In some blocks (a table's fold) fewer than three settings are different runs, of the dial or of "
            "its controls, so that a correlation can be −1 or 1 only; to leave them out was added when this "
            "was seen."
        )
    if by_folds is not None and len(by_folds):
        parts.append("The folds were told apart when all were there.")
    parts.append(
        "The second table has every measure, on all of its runs; that of the primary measure along the dial "
        "alone is the primary test, which stands above. The adjusted p of the dial alone is by permutation "
        "within blocks."
    )
    return " ".join(parts)


def tabulate_parts(
    measures: list[str],
    tested: pd.DataFrame,
    without_zero: pd.DataFrame,
    by_folds: pd.DataFrame | None,
    among_distinct: pd.DataFrame | None,
) -> str:
    """Return the difference from the controls as a table: a row per part of the runs, a column a measure."""
    first = ", ".join(map(str, FIRST_FOLDS))
    rows = {
        "All runs": tested,
        "Without depth 0": without_zero,
        "Without blocks of too few different runs": _part(among_distinct, "settings", "all"),
        "Without depth 0 and such blocks": _part(among_distinct, "settings", "without 0"),
        f"Folds that were run first ({first})": _part(by_folds, "part", FIRST),
        "Folds that were run later": _part(by_folds, "part", LATER),
    }
    cells = {
        name: ["".join(map(_with_p, _of(frame, measure))) for measure in measures]
        for name, frame in rows.items()
    }
    kept = [[name, *values] for name, values in cells.items() if any(values)]
    return cards(["Runs that are read", *map(name_measure, measures)], kept)


def tabulate_measures(secondary: pd.DataFrame) -> str:
    """Return the tests of the dial as a table: a row per measure."""
    rows = []
    for measure in dict.fromkeys(secondary["measure"]):
        own = secondary[secondary["measure"] == measure]
        dial = [
            f"{_effect(row)} ({row['p_holm']:.2g}; {row['sign_flip_p']:.2g})"
            for row in own[own["test"] == "dial"].to_dict("records")
        ]
        against = [
            f"{_effect(row)} ({row['p_holm']:.2g}; {row['p_value']:.2g})"
            for row in own[own["test"] == "dial_against_controls"].to_dict("records")
        ]
        if dial or against:
            rows.append([name_measure(str(measure)), "".join(dial), "".join(against)])
    both_p = "(adjusted p; sign-flip p)"
    header = ["Measure", f"Dial alone {both_p}", f"Dial minus controls {both_p}"]
    return cards(header, rows, widths=[24, 38, 38])


TESTS = {
    "between_datasets": "between tables",
    "within_datasets": "within tables",
    "dial": "dial alone",
    "dial_against_controls": "dial minus controls",
    "known_scm": "simulated tables",
}
"""Name of each test of `causalmix.depth_tests.secondary_tests` as pages write it."""


def readable(found: pd.DataFrame) -> pd.DataFrame:
    """Return tests as a page shows them: names in words, the interval beside its effect, no constant column.

    Parameters
    ----------
    found : DataFrame
        ``measure, effect, lower, upper, p_value`` and what else `secondary_tests` or a comparison of
        `causalmix.depth_contrasts` gives; not changed.

    Examples
    --------
    >>> row = {"measure": "steps_to_best", "test": "dial", "effect": -0.1, "lower": -0.2, "upper": 0.1}
    >>> readable(pd.DataFrame([{**row, "p_value": 0.1234, "n": 31, "unit": "tables"}])).iloc[0].tolist()
    ['steps to best', 'dial alone', '−0.100 [−0.200, +0.100]', '0.123', '31 tables']
    """
    columns: dict[str, Sequence] = {"measure": [name_measure(one) for one in found["measure"]]}
    columns |= {name: [*found[name].replace(TESTS)] for name in ("test", "part", "settings") if name in found}
    columns["effect [95 % interval]"] = [_effect(row) for row in found.to_dict("records")]
    for name, label in (("p_value", "p"), ("p_holm", "p (Holm)"), ("sign_flip_p", "sign-flip p")):
        if name in found:
            columns[label] = [*found[name].map(short).replace("nan", "")]
    if "n_left_out" in found:
        columns["blocks left out"] = [
            f"{out} of {n}" for out, n in found[["n_left_out", "n_blocks"]].to_numpy()
        ]
    if "unit" in found:
        columns["n"] = [f"{n} {unit}" for n, unit in found[["n", "unit"]].to_numpy()]
    elif found["n"].nunique() > 1:
        columns["tables"] = [*found["n"]]
    return pd.DataFrame(columns)


def _part(frame: pd.DataFrame | None, column: str, value: str) -> pd.DataFrame | None:
    return None if frame is None else frame[frame[column] == value]


def _of(frame: pd.DataFrame | None, measure: str) -> list[dict]:
    """The rows of one measure: one, or none where it could not be tested."""
    return [] if frame is None else frame[frame["measure"] == measure].to_dict("records")


def _with_p(row: Mapping) -> str:
    left_out = f"; {row['n_left_out']} of {row['n_blocks']} blocks left out" if "n_left_out" in row else ""
    return f"{_effect(row)} (p {row['p_value']:.2g}{left_out})"


def _effect(row: Mapping) -> str:
    return signed(row["effect"], row["lower"], row["upper"])
