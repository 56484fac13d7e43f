"""Tables of MyST Markdown, for notebooks' answers and for the book."""

from __future__ import annotations

import re
from collections.abc import Sequence


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int] = (), css: str = ""
) -> str:
    """Format a table as a MyST ``list-table``, whose cells may hold any Markdown of one line.

    Examples
    --------
    >>> print(table(["arm", "runs"], [["default", "3"]]))
    ```{list-table}
    :header-rows: 1
    <BLANKLINE>
    * - arm
      - runs
    * - default
      - 3
    ```
    """
    options = [":header-rows: 1"]
    options += [f":widths: {' '.join(map(str, widths))}"] if widths else []
    options += [f":class: {css}"] if css else []
    lines = []
    for cells in (header, *rows):
        texts = [re.sub(r"[ \t\n]+", " ", str(cell)).strip() for cell in cells]
        lines += [f"* - {texts[0]}".rstrip(), *(f"  - {text}".rstrip() for text in texts[1:])]
    return "\n".join(["```{list-table}", *options, "", *lines, "```"])


def cards(header: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int] = ()) -> str:
    """Format a table whose rows become cards on a phone, where each cell names its column.

    An interval in a cell stays on one line.

    Examples
    --------
    >>> print(cards(["arm", "runs"], [["default", "3"], ["scm", ""]]))
    ```{list-table}
    :header-rows: 1
    :class: cm-cards
    <BLANKLINE>
    * - arm
      - runs
    * - default
      - [runs]{.cm-label} 3
    * - scm
      -
    ```
    """
    labelled = [
        [first, *(_label(name, cell) for name, cell in zip(header[1:], rest, strict=True))]
        for first, *rest in rows
    ]
    return table(header, labelled, widths=widths, css="cm-cards")


def _label(name: str, cell: str) -> str:
    """Name the column in a cell that is not empty, and keep its interval on one line."""
    whole = re.sub(r"\[[^]]*]", lambda ends: ends[0].replace(" ", "\N{NO-BREAK SPACE}"), cell)
    return f"[{name}]{{.cm-label}} {whole}" if cell else ""
