"""Stratified folds in the low-data regime: training, validation and test rows of one run.

The protocol says ten stratified folds per dataset (the paper's sentence); the validation share, the low-data
caps and the treatment of small classes are our choices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalmix.data.gate import DataError, Dataset
from causalmix.data.plain_numbers import settle_numbers
from causalmix.seeding import derive_seed


@dataclass(frozen=True)
class Protocol:
    """The numbers that define a run's rows.

    Attributes
    ----------
    n_folds
        Stratified folds per dataset.
    validation_share
        Share of the training part that is held back for early stopping.
    max_train_rows
        Cap on the training part, validation included.
    max_test_rows
        Cap on the test part.
    version
        Raised whenever the same numbers would give other rows.

    Raises
    ------
    DataError
        For numbers with which no table could be split, or that are none.
    """

    n_folds: int = 10
    validation_share: float = 0.25
    max_train_rows: int = 256
    max_test_rows: int = 500
    version: int = 1

    def __post_init__(self) -> None:
        settle_numbers(self, DataError)
        if not 0 < self.validation_share < 1:
            raise DataError(f"validation_share is {self.validation_share}; give a share between 0 and 1")
        for name, least in (("n_folds", 2), ("max_train_rows", 4), ("max_test_rows", 2)):
            if getattr(self, name) < least:
                raise DataError(f"{name} is {getattr(self, name)}; give at least {least}")


@dataclass(frozen=True, eq=False)
class SplitData:
    """Rows of one run: raw columns, the original index, no row in two parts.

    Attributes
    ----------
    X_train, X_val, X_test
        (n_rows, n_features) frames.
    y_train, y_val, y_test
        (n_rows,) labels; every class of validation and test is also in y_train.
    notes
        What could not be had, e.g. a class too small to be in every fold.
    """

    X_train: pd.DataFrame
    y_train: pd.Series
    X_val: pd.DataFrame
    y_val: pd.Series
    X_test: pd.DataFrame
    y_test: pd.Series
    notes: tuple[str, ...] = ()


def split_dataset(ds: Dataset, fold: int, protocol: Protocol, repeat: int = 0) -> SplitData:
    """Split a dataset for one fold; equal arguments give equal rows, on every machine.

    Folds differ by at most one row in size and by at most one row in each class. Rows are drawn by the
    dataset's name, so that the same table read from another source is split alike.

    Parameters
    ----------
    ds
        A dataset from the gate.
    fold
        0 <= fold < protocol.n_folds; the rows that are tested on.
    protocol
        Numbers of folds and rows.
    repeat
        Another shuffle of the whole table.

    Raises
    ------
    DataError
        When there is no such fold, there are fewer rows than two per fold, the caps leave no room for every
        class, or a part would hold one class only, so that no ROC-AUC could be computed.

    Examples
    --------
    >>> from causalmix.data import load_dataset
    >>> split = split_dataset(load_dataset("iris"), fold=0, protocol=Protocol(max_train_rows=40))
    >>> len(split.X_train), len(split.X_val), len(split.X_test)
    (30, 10, 15)
    """
    codes = ds.y.cat.codes.to_numpy()
    n_classes = len(ds.y.cat.categories)
    _check_request(ds, fold, protocol, n_classes)
    rng = np.random.default_rng(derive_seed("split", protocol.version, ds.name, protocol.n_folds, repeat))
    folds = assign_folds(codes, protocol.n_folds, rng)
    rng = np.random.default_rng(
        derive_seed("rows", protocol.version, ds.name, protocol.n_folds, repeat, fold)
    )
    pool, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
    untrained = test[~np.isin(codes[test], codes[pool])]
    test = np.setdiff1d(test, untrained)
    pool = draw_stratified(pool, codes, protocol.max_train_rows, 2, rng)
    test = draw_stratified(test, codes, protocol.max_test_rows, 1, rng)
    train, val = hold_back(pool, codes, protocol.validation_share, rng)
    _check_classes(ds, fold, codes, {"training": train, "validation": val, "test": test})
    notes = _note_small_classes(ds, codes, {"validation": val, "test": test}, untrained)
    return SplitData(
        X_train=ds.X.iloc[train],
        y_train=ds.y.iloc[train],
        X_val=ds.X.iloc[val],
        y_val=ds.y.iloc[val],
        X_test=ds.X.iloc[test],
        y_test=ds.y.iloc[test],
        notes=tuple(notes),
    )


def assign_folds(codes: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Deal the shuffled rows out, class after class, as cards.

    Parameters
    ----------
    codes
        (n_rows,) class codes.

    Returns
    -------
    ndarray
        (n_rows,) the fold in which each row is tested.
    """
    shuffled = rng.permutation(len(codes))
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    folds = np.empty(len(codes), dtype=int)
    folds[by_class] = np.arange(len(codes)) % n_folds
    return folds


def allocate(counts: np.ndarray, total: int, minimum: int) -> np.ndarray:
    """How many of each class make a sample of `total` rows, as proportionally as the minimum allows.

    Parameters
    ----------
    counts
        (n_classes,) rows at hand.
    total
        Rows wanted.
    minimum
        Rows that each class gets at least, where it has them.

    Returns
    -------
    ndarray
        (n_classes,) with ``min(total, counts.sum())`` in sum, or more where the minimum demands it.

    Examples
    --------
    >>> allocate(np.array([90, 9, 1]), total=20, minimum=2)
    array([17,  2,  1])
    """
    total = min(total, int(counts.sum()))
    ideal = counts * (total / max(int(counts.sum()), 1))
    floor = np.minimum(minimum, counts)
    taken = np.maximum(np.floor(ideal).astype(int), floor)
    while taken.sum() < total:
        taken[np.argmax(np.where(taken < counts, ideal - taken, -np.inf))] += 1
    while taken.sum() > total and (taken > floor).any():
        taken[np.argmax(np.where(taken > floor, taken - ideal, -np.inf))] -= 1
    return taken


def draw_stratified(
    rows: np.ndarray, codes: np.ndarray, total: int, minimum: int, rng: np.random.Generator
) -> np.ndarray:
    """A stratified sample of at most `total` of the row numbers `rows`, sorted.

    Parameters
    ----------
    rows : (n,) int array
        Row numbers to draw from.
    codes : int array
        Class of every row of the table.
    total, minimum : int
        Most rows in all, least rows of each class (of which there may be fewer).
    rng : numpy.random.Generator
    """
    classes, counts = np.unique(codes[rows], return_counts=True)
    parts = [
        rng.permutation(rows[codes[rows] == code])[:n]
        for code, n in zip(classes, allocate(counts, total, minimum), strict=True)
    ]
    return np.sort(np.concatenate([*parts, np.empty(0, dtype=int)]).astype(int))


def hold_back(
    rows: np.ndarray, codes: np.ndarray, share: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split row numbers into training and validation; a class of one row stays in training.

    Parameters
    ----------
    rows : (n,) int array
        Row numbers to split.
    codes : int array
        Class of every row of the table.
    share : float
        Share of `rows` for validation, in (0, 1).
    rng : numpy.random.Generator

    Returns
    -------
    training, validation : int arrays
        Sorted and disjoint; together `rows`.
    """
    kept = [rng.choice(rows[codes[rows] == code]) for code in np.unique(codes[rows])]
    val = draw_stratified(np.setdiff1d(rows, kept), codes, round(share * len(rows)), 1, rng)
    return np.setdiff1d(rows, val), val


def _check_request(ds: Dataset, fold: int, protocol: Protocol, n_classes: int) -> None:
    if not 0 <= fold < protocol.n_folds:
        raise DataError(f"there is no fold {fold}: folds go from 0 to {protocol.n_folds - 1}")
    if len(ds.y) < 2 * protocol.n_folds:
        raise DataError(
            f"table {ds.name!r} has {len(ds.y)} rows, fewer than two for each of {protocol.n_folds} "
            "folds; add rows, or use fewer folds (--n-folds)"
        )
    for cap, least in (("max_train_rows", 2 * n_classes), ("max_test_rows", n_classes)):
        if getattr(protocol, cap) < least:
            raise DataError(
                f"{cap}={getattr(protocol, cap)} leaves no room for the {n_classes} classes of "
                f"{ds.name!r}; use at least {least}"
            )


def _check_classes(ds: Dataset, fold: int, codes: np.ndarray, parts: dict[str, np.ndarray]) -> None:
    """Refuse a part in which ROC-AUC is undefined."""
    for part, rows in parts.items():
        if len(np.unique(codes[rows])) < 2:
            sizes = ds.y.value_counts()
            raise DataError(
                f"table {ds.name!r}, fold {fold}: the {part} part does not hold two classes, so ROC-AUC "
                f"is undefined; class {sizes.index[-1]!r} has {sizes.iloc[-1]} rows: merge it with "
                "another class, add rows, or use fewer folds (--n-folds)"
            )


def _note_small_classes(
    ds: Dataset, codes: np.ndarray, parts: dict[str, np.ndarray], untrained: np.ndarray
) -> list[str]:
    """What a class too small for the folds has cost."""
    sizes = ds.y.value_counts()
    notes = [
        f"class {label!r} ({sizes[label]} rows) has no row in the {part} part of this fold"
        for part, rows in parts.items()
        for code, label in enumerate(ds.y.cat.categories)
        if code not in codes[rows]
    ]
    if len(untrained):
        labels = ", ".join(map(repr, ds.y.iloc[untrained].unique()))
        notes.append(f"{len(untrained)} test rows left out: no training row has their class ({labels})")
    return notes
