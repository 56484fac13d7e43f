"""Where the checkout is, from any working folder."""

from __future__ import annotations

import os
from pathlib import Path

MARKER = Path("notebooks") / "claims.yml"

STUDY_ORDER = ("paper", "first-look", "quick")
"""Studies that the claims may be decided from, the most complete first."""


def find_root(start: str | os.PathLike | None = None) -> Path:
    """Return the checkout's root: the nearest folder above ``start``, else above this package, with `MARKER`.

    Parameters
    ----------
    start : path, optional
        Where to look first; the working folder by default.

    Raises
    ------
    FileNotFoundError
        When neither lies in a checkout.
    """
    first = Path(start) if start is not None else Path.cwd()
    for origin in (first.resolve(), Path(__file__).resolve().parent):
        for folder in (origin, *origin.parents):
            if (folder / MARKER).is_file():
                return folder
    raise FileNotFoundError(
        f"no folder above {first} holds {MARKER}: work inside a checkout of causalmix, or give full paths"
    )
