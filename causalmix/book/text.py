"""Small pieces of MyST Markdown: numbers and badges, beside the tables of `causalmix.markdown`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from causalmix.markdown import table as table
from causalmix.verdicts import OUTCOMES

VERDICTS = OUTCOMES
"""The four verdicts, in the order in which they are counted."""


def number(value: float | int | None) -> str:
    """Format a number for a reader: a real minus sign, a dash for none.

    Three significant digits below 1, four up to 1000, then all digits before the point.

    Examples
    --------
    >>> number(0.12345), number(2310), number(-0.01), number(0.00002), number(None), number(float("nan"))
    ('0.123', '2,310', '−0.01', '2e−05', '–', '–')
    >>> number(0.01234), number(0.00123), number(12.3456), number(12345.6)
    ('0.0123', '0.00123', '12.35', '12,346')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    size = abs(value)
    if size < 1e15 and (size >= 1000 or float(value).is_integer()):
        text = f"{round(value):,}"
    elif 1e-3 <= size < 1:
        whole, decimals = f"{value:.{2 - math.floor(math.log10(size))}f}".split(".")
        text = f"{whole}.{decimals.rstrip('0'):0<2}"
    else:
        text = f"{value:.4g}" if 1 <= size < 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def percent(share: float) -> str:
    """Format a share in whole per cent.

    Examples
    --------
    >>> percent(0.137), percent(0.0)
    ('14 %', '0 %')
    """
    return f"{100 * share:.0f} %"


def score(value: float | None) -> str:
    """Format a normalised score: signed, three decimals.

    Examples
    --------
    >>> score(0.0667), score(-0.00002), score(None)
    ('+0.067', '−0.000', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:+.3f}".replace("-", "−")


def auc(value: float | None) -> str:
    """Format a ROC-AUC, or another score between 0 and 1: three decimals, as many as its column has.

    Examples
    --------
    >>> auc(0.81), auc(0.7894), auc(None)
    ('0.810', '0.789', '–')
    """
    return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"


def interval(lower: float | None, upper: float | None) -> str:
    """Format an interval, or nothing where it has no bounds.

    Examples
    --------
    >>> interval(-0.1, 0.25), interval(None, None)
    ('[−0.10, 0.25]', '')
    """
    bounds = [number(lower), number(upper)]
    return "" if "–" in bounds else f"[{bounds[0]}, {bounds[1]}]"


def count(n: int, noun: str) -> str:
    """Format a count with its noun.

    Examples
    --------
    >>> count(1, "run"), count(2310, "run"), count(0, "table")
    ('1 run', '2,310 runs', '0 tables')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def badge(verdict: str, label: str | None = None) -> str:
    """Format a verdict as a coloured word.

    Examples
    --------
    >>> badge("not tested")
    '[not tested]{.cm-verdict .cm-not-tested}'
    """
    return f"[{label or verdict}]{{.cm-verdict .cm-{verdict.replace(' ', '-')}}}"


def sentence_list(items: Sequence[str]) -> str:
    """Join names as in a sentence.

    Examples
    --------
    >>> sentence_list(["a", "b", "c"]), sentence_list(["a"])
    ('a, b and c', 'a')
    """
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
