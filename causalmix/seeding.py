"""Seeds that are the same in every process, and global generators that are put back after use."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

MAX_SEED = 2**32


def derive_seed(*parts: object) -> int:
    """Derive a seed from whatever names a piece of work.

    The seed depends on nothing but the parts: not on the process, the platform or ``PYTHONHASHSEED``.

    Parameters
    ----------
    *parts
        Text, numbers, None, and tuples, lists, dicts or dataclasses of them. NumPy scalars count as the
        Python numbers that they hold, in containers and dataclasses as well.

    Returns
    -------
    int
        A seed in [0, 2**32).

    Raises
    ------
    TypeError
        For a set, wherever it is (its order varies between processes), or an object whose text holds a
        memory address.

    Examples
    --------
    >>> derive_seed("split", "iris", 0) == derive_seed("split", "iris", np.int64(0))
    True
    >>> derive_seed("split", "iris", 0) == derive_seed("split", "iris", 1)
    False
    """
    text = repr(tuple(_stable(part) for part in parts))
    if " at 0x" in text:
        raise TypeError(f"a seed cannot be derived from {text}: pass text or numbers instead")
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _stable(part: object) -> object:
    """Replace NumPy scalars by Python ones, sort dicts, refuse sets; the part itself is not changed."""
    if isinstance(part, np.generic):
        return part.item()
    if isinstance(part, list | tuple):
        return type(part)(_stable(item) for item in part) if type(part) in (list, tuple) else part
    if isinstance(part, dict):
        return {key: _stable(part[key]) for key in sorted(part, key=repr)}
    if isinstance(part, set | frozenset):
        raise TypeError(f"the order of the set {part} varies between processes: pass sorted(...) instead")
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        twin = copy.copy(part)
        for field in dataclasses.fields(part):
            object.__setattr__(twin, field.name, _stable(getattr(part, field.name)))
        return twin
    return part


@contextmanager
def temporary_seed(seed: int) -> Iterator[None]:
    """Seed the global generators of random, NumPy and (where already imported) torch, then put them back.

    For third-party code that draws from global generators; our own code takes an ``rng``.

    Parameters
    ----------
    seed
        A number in [0, 2**32).

    Examples
    --------
    >>> with temporary_seed(7):
    ...     first = np.random.random()
    >>> with temporary_seed(7):
    ...     first == np.random.random()
    True
    """
    torch = sys.modules.get("torch")
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    torch_state = torch.get_rng_state() if torch else None
    cuda_states = torch.cuda.get_rng_state_all() if torch and torch.cuda.is_initialized() else None
    random.seed(seed)
    np.random.seed(seed % MAX_SEED)  # noqa: NPY002
    if torch:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002
        if torch:
            torch.set_rng_state(torch_state)
        if torch and cuda_states is not None:
            torch.cuda.set_rng_state_all(cuda_states)
