"""Third-party code, confined: its randomness, its threads, its worker processes, its known warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from joblib import parallel_config
from sklearn.exceptions import ConvergenceWarning

from causalmix.seeding import temporary_seed
from causalmix.threads import cpu_threads


@contextmanager
def confined(seed: int) -> Iterator[None]:
    """Run foreign code on one thread, in this process, from one seed, and put everything back after.

    One thread makes the rows independent of the machine's number of cores, and keeps parallel workers out of
    each other's way.

    Parameters
    ----------
    seed : int
        Seed of the global generators of random, NumPy and torch.

    Examples
    --------
    >>> import torch
    >>> with confined(0):
    ...     torch.get_num_threads()
    1
    """
    with cpu_threads(1), temporary_seed(seed), parallel_config("sequential"), warnings.catch_warnings():
        warnings.simplefilter("ignore", category=ConvergenceWarning)
        yield
