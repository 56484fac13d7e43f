"""The secondary analyses of claim 19: depth and stability between tables, within tables, by the dial.

Each test takes one table of measurements (`measurements`) and returns one row; `secondary_tests` runs all of
them and adjusts the p values by Holm. The primary analysis is `causalmix.estimands.depth_dial_correlation`.
Free of torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from statsmodels.tools.sm_exceptions import ModelWarning

from causalmix.analysis import CELL, depth_and_stability, normalise_scores
from causalmix.cells import Store
from causalmix.data.known_scm import KNOWN_SCM
from causalmix.depth_dial import DIAL, FULL, dial, dial_against_controls, no_result
from causalmix.differences import holm
from causalmix.intervals import Correlation, correlate
from causalmix.stability import STABILITY_MEASURES

PRIMARY_MEASURE = "tail_volatility"
MEASURES = (*STABILITY_MEASURES, "fold_dispersion")
"""The stability measures of one run, and the one of the folds of a table."""

RESULT_COLUMNS = ["measure", "test", "effect", "lower", "upper", "p_value", "sign_flip_p", "n", "unit"]
COVARIATES = ("depth", "n_edges", "log_rows", "n_features")


def measurements(runs: pd.DataFrame, trajectories: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return depth and one stability measure per block and arm, undefined values left out.

    Parameters
    ----------
    runs, trajectories : DataFrame
        Tables of a `ResultStore`.
    measure : str
        One of `MEASURES`. A block is (dataset, fold, repeat); for ``fold_dispersion``, the SD of the
        normalised score over folds, it is (dataset, repeat), written as fold -1.

    Returns
    -------
    DataFrame
        ``dataset, fold, repeat, arm, depth, n_edges, log_rows, n_features, value``.

    Raises
    ------
    ValueError
        For an unknown measure.
    """
    return measurements_of_all(runs, trajectories, (measure,))[measure]


def measurements_of_all(
    runs: pd.DataFrame, trajectories: pd.DataFrame, measures: Sequence[str] = MEASURES
) -> dict[str, pd.DataFrame]:
    """Return `measurements` by measure; the trajectories are gone through once for all of them."""
    for measure in measures:
        if measure not in MEASURES:
            raise ValueError(f"unknown stability measure {measure!r}: choose one of {', '.join(MEASURES)}")
    own = [measure for measure in measures if measure in STABILITY_MEASURES]
    joined = depth_and_stability(runs, trajectories, own)
    joined = joined.assign(log_rows=np.log(joined["n_train"].astype(float)))
    return {measure: _take(joined, runs, measure) for measure in measures}


def _take(joined: pd.DataFrame, runs: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Take one measure out of the runs with all of them."""
    columns = [*CELL, "arm", *COVARIATES, "value"]
    if measure != "fold_dispersion":
        return joined.assign(value=joined[measure])[columns].dropna(subset=["value"]).reset_index(drop=True)
    score = normalise_scores(runs)[["spec_hash", "score"]]
    per_arm = joined.merge(score, on="spec_hash").groupby(["dataset", "repeat", "arm"], observed=True)
    means = per_arm[list(COVARIATES)].mean().assign(value=per_arm["score"].std(), fold=-1)
    return means.reset_index()[columns].dropna(subset=["value"]).reset_index(drop=True)


def between_datasets(table: pd.DataFrame, seed: int = 0) -> Correlation:
    """Spearman's correlation of dataset means of depth and the measure, over uncut CausalMixFT runs.

    Returns
    -------
    Correlation
        With BCa interval and permutation p; one pair per dataset.
    """
    means = uncut(table).groupby("dataset", observed=True)[["depth", "value"]].mean()
    return correlate(means["depth"].to_numpy(), means["value"].to_numpy(), seed=seed)


def within_datasets(table: pd.DataFrame) -> dict[str, float]:
    """Return the row of depth of `mixed_model`.

    Returns
    -------
    dict
        ``effect`` (SDs of the measure per SD of depth), ``lower, upper, p_value, n`` (runs); NaN where the
        model cannot be fitted.
    """
    terms = mixed_model(table)
    depth = terms[terms["term"] == "depth"]
    if depth.empty:
        return no_result(len(uncut(table)))
    return {name: float(depth[name].iloc[0]) for name in ("effect", "lower", "upper", "p_value", "n")}


def mixed_model(table: pd.DataFrame, centred: bool = False) -> pd.DataFrame:
    """Fit ``value ~ depth + edges + log rows + features + (1 | dataset)`` to the uncut runs.

    All variables are standardised; covariates without variation are left out, and all of them where they
    cannot be told apart.

    Parameters
    ----------
    table : DataFrame
        One row per run, with the measure as ``value``.
    centred : bool
        Whether depth and edges are deviations from their table's mean: effects within tables, not a blend.

    Returns
    -------
    DataFrame
        ``term`` (of `COVARIATES`), ``effect`` (SDs of the measure per SD of the term), ``lower, upper``
        (Wald, 95 %), ``p_value, slope`` (units of the measure per unit of the term), ``n`` (runs); empty
        where depth does not vary, fewer than three datasets have runs, none has two (what tells datasets
        apart is then not told from noise), or the fit does not converge.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM  # slow to import

    own = uncut(table)
    if centred:
        columns = ["depth", "n_edges"]
        own = own.assign(**(own[columns] - own.groupby("dataset", observed=True)[columns].transform("mean")))
    varied = [name for name in COVARIATES if own[name].round(9).nunique() > 1]
    columns = ["term", "effect", "lower", "upper", "p_value", "slope", "n"]
    few = own["dataset"].nunique() < 3 or own["dataset"].is_unique
    if few or "depth" not in varied or not own["value"].std() > 0:
        return pd.DataFrame(columns=columns)
    X = own[varied].astype(float)
    X = ((X - X.mean()) / X.std()).assign(intercept=1.0)
    y = (own["value"] - own["value"].mean()) / own["value"].std()
    if np.linalg.matrix_rank(X.to_numpy()) < X.shape[1]:
        X = X[["depth", "intercept"]]
    model = MixedLM(y.to_numpy(), X, groups=own["dataset"].to_numpy())
    with warnings.catch_warnings():  # a variance between tables of 0 is a result, not a failure
        warnings.simplefilter("ignore", ModelWarning)
        fitted = model.fit(reml=True, method="powell")  # gradients fail where that variance is small
    terms = [name for name in X.columns if name != "intercept"] if fitted.converged else []
    ends = fitted.conf_int().loc[terms]
    found = {"effect": fitted.params[terms], "lower": ends[0], "upper": ends[1]}
    found["p_value"] = fitted.pvalues[terms]
    slopes = fitted.params[terms] * own["value"].std() / own[terms].std()
    return pd.DataFrame({**found, "slope": slopes, "n": len(own)}).rename_axis("term").reset_index()[columns]


def known_scm(table: pd.DataFrame, seed: int = 0, arm: str = "") -> Correlation:
    """Spearman's correlation of the depth that we set and the mean of the measure, one pair per table.

    Parameters
    ----------
    table : DataFrame
        `measurements` of a study on the suite ``known_scm``; other tables have no known depth and are left
        out.
    arm : str
        Whose runs; by default those on uncut graphs, which were discovered and need not have that depth.
    """
    own = table[table["arm"] == arm] if arm else uncut(table)
    means = own.groupby("dataset", observed=True)["value"].mean()
    depths = [KNOWN_SCM[name].depth if name in KNOWN_SCM else np.nan for name in means.index]
    return correlate(np.array(depths, dtype=float), means.to_numpy(), seed=seed)


def secondary_tests(store: Store, known: Store | None = None) -> pd.DataFrame:
    """Run every secondary test on every measure that can be computed.

    Parameters
    ----------
    store : Store
        The depth study.
    known : Store, optional
        A study on the tables of suite ``known_scm``.

    Returns
    -------
    DataFrame
        ``measure, test, effect, lower, upper, p_value, p_holm, sign_flip_p`` (of the dial, whose own p is by
        permutation within blocks; not adjusted), ``n, unit``; the dial with the primary measure is the
        primary test and not among them, nor is a test that could not be made.
    """
    simulated = None if known is None else measurements_of_all(known.runs(), known.trajectories())
    rows = []
    for measure, table in measurements_of_all(store.runs(), store.trajectories()).items():
        found: dict[str, tuple[dict[str, float], str]] = {
            "between_datasets": (_as_dict(between_datasets(table)), "tables"),
            "within_datasets": (within_datasets(table), "runs"),
            "dial": (dial(table), "tables"),
            "dial_against_controls": (dial_against_controls(table), "tables"),
        }
        if simulated is not None:
            found["known_scm"] = (_as_dict(known_scm(simulated[measure])), "tables")
        if measure == PRIMARY_MEASURE:
            del found["dial"]
        rows += [
            {"measure": measure, "test": test, **row, "unit": unit} for test, (row, unit) in found.items()
        ]
    frame = pd.DataFrame(rows, columns=RESULT_COLUMNS).dropna(subset=["p_value"]).reset_index(drop=True)
    frame.insert(list(frame.columns).index("p_value") + 1, "p_holm", holm(frame["p_value"]))
    return frame.astype({"n": int})


def uncut(table: pd.DataFrame) -> pd.DataFrame:
    """Return the CausalMixFT runs on graphs as they were discovered; one arm where two names have them."""
    return table[
        table["arm"] == next((n for n in ("causalmix", f"{DIAL}{FULL}") if n in set(table["arm"])), "")
    ]


def _as_dict(found: Correlation) -> dict[str, float]:
    others = {name: getattr(found, name) for name in ("lower", "upper", "p_value", "n")}
    return {"effect": found.rho, **others}
