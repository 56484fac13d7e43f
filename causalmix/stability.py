"""How steadily a fine-tuning run converged: measures of one trajectory, and of a set of runs.

Each measure of `STABILITY_MEASURES` takes a `Trajectory` and returns one number, NaN where the trajectory
is too short or a curve is constant. Lower is steadier, for all of them. ROC-AUCs are compared to 12 digits:
equal ones, summed in another order, differ in the last of a float. Free of torch.

==========================  ============================================================  ==============
measure                     formula                                                       range
==========================  ============================================================  ==============
`tail_volatility`           SD of d(val log-loss) over the evaluations of the second half  [0, inf), nats
`early_stopping_regret`     max test ROC-AUC - test ROC-AUC at the selected step           [0, 1]
`validation_test_gap`       1 - Spearman(val ROC-AUC, test ROC-AUC)                        [0, 2]
`steps_to_best`             first step with the lowest val log-loss                        [0, n_steps]
`fold_dispersion`           SD over folds of the normalised score, per dataset and arm     [0, inf)
`seed_dispersion`           SD over repeats of the normalised score, mean over folds       [0, inf)
==========================  ============================================================  ==============
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from causalmix.trajectory import CURVES, Trajectory

RUN_KEYS = ("study", "dataset", "fold", "arm", "model", "repeat", "spec_hash")
"""Columns that name a run in the store's tables."""

_DIGITS = 12


def tail_volatility(trajectory: Trajectory) -> float:
    """Standard deviation of the step-to-step change of validation log-loss over the second half.

    The second half are the evaluations at or after half of the last step; the change is that between
    neighbouring evaluations, so only trajectories evaluated equally often can be compared.

    Returns
    -------
    float
        In nats, at least 0 (sample SD, ``ddof=1``); NaN with fewer than two changes.

    Examples
    --------
    A validation loss that falls by the same amount each time does not wobble:

    >>> nan = float("nan")
    >>> def run(losses):
    ...     n = len(losses)
    ...     flat = (0.5,) * n
    ...     return Trajectory(tuple(range(n)), (nan,) * n, tuple(losses), flat, flat, flat, flat, 0)
    >>> round(tail_volatility(run([0.9, 0.8, 0.7, 0.6, 0.5])), 6)
    0.0
    >>> round(tail_volatility(run([0.9, 0.8, 0.7, 0.8, 0.7])), 6)  # changes +0.1, -0.1
    0.141421
    """
    steps = np.asarray(trajectory.steps, dtype=float)
    tail = np.asarray(trajectory.val_log_loss, dtype=float)[steps >= steps[-1] / 2]
    changes = np.diff(tail)
    return float(np.std(changes, ddof=1)) if len(changes) >= 2 else float("nan")


def early_stopping_regret(trajectory: Trajectory) -> float:
    """Best test ROC-AUC on the trajectory minus the test ROC-AUC at the selected step.

    Returns
    -------
    float
        In [0, 1]: 0 where early stopping found the best state.

    Examples
    --------
    >>> half = (0.5, 0.5, 0.5)
    >>> curve = Trajectory((0, 5, 10), half, half, half, half, (0.7, 0.9, 0.8), half, selected_step=10)
    >>> round(early_stopping_regret(curve), 6)
    0.1
    """
    return round(float(np.max(trajectory.test_auc) - trajectory.at_selected("test_auc")), _DIGITS)


def validation_test_gap(trajectory: Trajectory) -> float:
    """One minus the Spearman correlation of validation and test ROC-AUC along the trajectory.

    Returns
    -------
    float
        0 where they rise and fall together, 1 where they are unrelated, 2 where they are opposed; NaN where
        one of the curves is constant or has fewer than three evaluations.

    Examples
    --------
    >>> half = (0.5, 0.5, 0.5)
    >>> together = Trajectory((0, 5, 10), half, half, (0.6, 0.8, 0.7), half, (0.5, 0.9, 0.6), half, 5)
    >>> opposed = Trajectory((0, 5, 10), half, half, (0.6, 0.8, 0.7), half, (0.9, 0.5, 0.6), half, 5)
    >>> validation_test_gap(together), validation_test_gap(opposed)
    (0.0, 2.0)
    """
    validation, test = np.round(trajectory.val_auc, _DIGITS), np.round(trajectory.test_auc, _DIGITS)
    if len(test) < 3 or np.ptp(validation) == 0 or np.ptp(test) == 0:
        return float("nan")
    rho = np.corrcoef(stats.rankdata(validation), stats.rankdata(test))[0, 1]
    return round(1.0 - float(rho), _DIGITS)


def steps_to_best(trajectory: Trajectory) -> float:
    """First evaluation step at which the validation log-loss is at its lowest.

    Returns
    -------
    float
        A step of the trajectory; 0 where fine-tuning never lowered the validation log-loss.

    Examples
    --------
    >>> half = (0.5, 0.5, 0.5)
    >>> steps_to_best(Trajectory((0, 5, 10), half, (0.6, 0.4, 0.4), half, half, half, half, 5))
    5.0
    """
    return float(trajectory.steps[int(np.argmin(trajectory.val_log_loss))])


STABILITY_MEASURES: dict[str, Callable[[Trajectory], float]] = {
    "tail_volatility": tail_volatility,
    "early_stopping_regret": early_stopping_regret,
    "validation_test_gap": validation_test_gap,
    "steps_to_best": steps_to_best,
}
"""The measures of one trajectory by name."""


MEASURE_LABELS: dict[str, str] = {
    "tail_volatility": "tail volatility [nats]",
    "early_stopping_regret": "early-stopping regret [ROC-AUC]",
    "validation_test_gap": "validation-test gap",
    "steps_to_best": "steps to best",
    "fold_dispersion": "fold dispersion",
}
"""Axis label per stability measure; lower is steadier for all of them."""


def name_measure(measure: str) -> str:
    """Return the name of a stability measure as texts write it.

    Examples
    --------
    >>> name_measure("validation_test_gap"), name_measure("early_stopping_regret")
    ('validation-test gap', 'early-stopping regret')
    """
    return MEASURE_LABELS[measure].partition(" [")[0]


def measure_stability(
    trajectories: pd.DataFrame, measures: Sequence[str] = tuple(STABILITY_MEASURES)
) -> pd.DataFrame:
    """Compute stability measures for each run of a store.

    Parameters
    ----------
    trajectories : DataFrame
        ``ResultStore.trajectories()``: one row per run and evaluation.
    measures : sequence of str
        Names in `STABILITY_MEASURES`: all, unless told.

    Returns
    -------
    DataFrame
        One row per run: `RUN_KEYS`, ``n_evaluations`` and one column per measure.

    Raises
    ------
    ValueError
        When a measure is unknown, a column is missing, or a run has no selected step.
    """
    unknown = [measure for measure in measures if measure not in STABILITY_MEASURES]
    if unknown:
        raise ValueError(f"unknown stability measures {unknown}: choose among {[*STABILITY_MEASURES]}")
    needed = [*RUN_KEYS, "step", "selected", *CURVES]
    missing = [column for column in needed if column not in trajectories]
    if missing:
        raise ValueError(f"the trajectories lack the columns {missing}: pass ResultStore.trajectories()")
    columns = {column: trajectories[column].to_numpy() for column in needed}
    runs = pd.factorize(columns["spec_hash"])[0]
    order = np.lexsort((columns["step"], runs))
    groups = np.split(order, np.flatnonzero(np.diff(runs[order])) + 1)
    rows = [
        _measure({column: values[where] for column, values in columns.items()}, measures)
        for where in groups
        if len(where)
    ]
    return pd.DataFrame(rows, columns=[*RUN_KEYS, "n_evaluations", *measures])


def fold_dispersion(scores: pd.DataFrame, column: str = "score") -> pd.DataFrame:
    """Standard deviation of the normalised score over the folds of a dataset, per arm.

    Parameters
    ----------
    scores : DataFrame
        ``dataset, arm, fold, repeat`` and ``column``; repeats of a fold are averaged first.

    Returns
    -------
    DataFrame
        ``dataset, arm, n_folds, fold_dispersion`` (sample SD, NaN with fewer than two folds).

    Examples
    --------
    >>> runs = pd.DataFrame({"dataset": "wine", "arm": "scm", "fold": [0, 1], "repeat": 0, "score": [0, 0.2]})
    >>> fold_dispersion(runs).fold_dispersion.round(4).tolist()
    [0.1414]
    """
    per_fold = scores.groupby(["dataset", "arm", "fold"], as_index=False, observed=True)[column].mean()
    grouped = per_fold.groupby(["dataset", "arm"], observed=True)[column]
    return grouped.agg(n_folds="count", fold_dispersion="std").reset_index()


def seed_dispersion(scores: pd.DataFrame, column: str = "score") -> pd.DataFrame:
    """Standard deviation of the normalised score over the repeats of a fold, averaged over folds.

    Parameters
    ----------
    scores : DataFrame
        ``dataset, arm, fold, repeat`` and ``column``.

    Returns
    -------
    DataFrame
        ``dataset, arm, n_repeats, seed_dispersion`` (NaN with fewer than two repeats).

    Examples
    --------
    >>> runs = pd.DataFrame({"dataset": "wine", "arm": "scm", "fold": 0, "repeat": [0, 1], "score": [0, 0.2]})
    >>> seed_dispersion(runs).seed_dispersion.round(4).tolist()
    [0.1414]
    """
    per_fold = scores.groupby(["dataset", "arm", "fold"], observed=True)[column].agg(["count", "std"])
    grouped = per_fold.groupby(["dataset", "arm"], observed=True)
    return grouped.agg(n_repeats=("count", "min"), seed_dispersion=("std", "mean")).reset_index()


def _measure(run: Mapping[str, np.ndarray], measures: Sequence[str]) -> dict:
    """Measure the trajectory of one run, whose columns are sorted by step."""
    trajectory = _trajectory_of(run)
    values = {name: STABILITY_MEASURES[name](trajectory) for name in measures}
    return {**{key: run[key][0] for key in RUN_KEYS}, "n_evaluations": len(run["step"]), **values}


def _trajectory_of(run: Mapping[str, np.ndarray]) -> Trajectory:
    """Rebuild the trajectory of one run from its columns."""
    selected = run["step"][run["selected"].astype(bool)].tolist()
    if len(selected) != 1:
        raise ValueError(
            f"run {run['spec_hash'][0]} has {len(selected)} selected steps, not one: run it again"
        )
    curves = {curve: tuple(run[curve].astype(float).tolist()) for curve in CURVES}
    return Trajectory(steps=tuple(run["step"].astype(int).tolist()), selected_step=int(selected[0]), **curves)
