"""Failed runs counted by generator, table and reason. Free of torch."""

from __future__ import annotations

import pandas as pd

from causalmix.specs import ARMS

COLUMNS = ["generator", "arms", "dataset", "reason", "n_failed", "n_runs"]
NO_GENERATOR = "real rows only"


def count_failures(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs per generator and table, by the reason why they failed.

    Parameters
    ----------
    runs : DataFrame
        ``ResultStore.runs()``.

    Returns
    -------
    DataFrame
        ``generator, arms, dataset, reason, n_failed, n_runs``: one row per generator, table and reason; where
        no run failed the reason is empty. ``n_runs`` counts all runs of the generator on the table.
    """
    if runs.empty:
        return pd.DataFrame(columns=COLUMNS)
    runs = runs.assign(generator=[generator_of(arm) for arm in runs["arm"]], failed=runs["status"] != "ok")
    runs["reason"] = runs["reason"].where(runs["failed"], "").fillna("")
    keys = ["generator", "dataset"]
    whole = runs.groupby(keys, observed=True).agg(
        n_runs=("failed", "size"),
        any_failed=("failed", "any"),
        arms=("arm", lambda x: " ".join(sorted(set(x)))),
    )
    reasons = runs.groupby([*keys, "reason"], observed=True)["failed"].sum().rename("n_failed").reset_index()
    joined = reasons.merge(whole.reset_index(), on=keys)
    return joined[(joined["n_failed"] > 0) | ~joined["any_failed"]][COLUMNS].reset_index(drop=True)


def generator_of(arm: str) -> str:
    """Return the generator of an arm.

    Examples
    --------
    >>> generator_of("ctgan_mix"), generator_of("default"), generator_of("independent_mix")
    ('ctgan', 'real rows only', 'causal')
    """
    known = ARMS.get(arm)
    return arm if known is None else known.generator or NO_GENERATOR
