"""Numbers of frozen settings as Python's own."""

from __future__ import annotations

import operator
from dataclasses import fields
from typing import Any


def settle_numbers(settings: Any, error: type[Exception]) -> None:
    """Turn numbers into Python's own: JSON does not take numpy's, and writes an int unlike a float.

    Parameters
    ----------
    settings : dataclass
        Its fields of type ``int`` and ``float`` are replaced.
    error : type
        Raised, naming the field, for a value that is no such number.

    Examples
    --------
    >>> import numpy as np
    >>> from causalmix.data import Protocol
    >>> Protocol(n_folds=np.int64(5))
    Protocol(n_folds=5, validation_share=0.25, max_train_rows=256, max_test_rows=500, version=1)
    """
    for item in fields(settings):
        if item.type not in ("int", "float"):
            continue
        value = getattr(settings, item.name)
        try:
            number = operator.index(value) if item.type == "int" else float(value)
        except (TypeError, ValueError):
            kind = "a whole number" if item.type == "int" else "a number"
            raise error(f"{item.name} is {value!r}; give {kind}") from None
        object.__setattr__(settings, item.name, number)
