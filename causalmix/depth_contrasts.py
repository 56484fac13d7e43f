"""What stands beside claim 19: does scarcity change the answer, and is the target part of the graphs at all?

None of this belongs to the family of tests that claims.yml fixed before the runs: it is exploratory, and
every table that shows it says so. Free of torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalmix.cells import CELL, Store
from causalmix.depth_dial import (
    DIAL,
    FULL,
    block_correlations,
    count_distinct,
    dial_against_controls,
    differences_from_controls,
    leave_out,
    mean_over_datasets,
)
from causalmix.depth_tests import PRIMARY_MEASURE, measurements, measurements_of_all
from causalmix.intervals import Correlation, correlate
from causalmix.stability import STABILITY_MEASURES

ALPHA = 0.05
FIRST_FOLDS = (0, 1, 2)
"""The folds of the recorded study that were run before its others."""


def measurements_by_rows(store: Store, measure: str) -> pd.DataFrame:
    """Return `measurements` of a study with one or several row limits, apart by limit.

    Returns
    -------
    DataFrame
        As `measurements`, with ``max_train_rows``.
    """
    runs, trajectories = store.runs(), store.trajectories()
    tables = []
    for limit, own in runs.groupby("max_train_rows"):
        theirs = trajectories[trajectories["spec_hash"].isin(own["spec_hash"])]
        tables.append(measurements(own, theirs, measure).assign(max_train_rows=limit))
    return pd.concat(tables, ignore_index=True) if tables else measurements(runs, trajectories, measure)


def dial_by_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Correlate depth and the measure along the dial, apart by row limit.

    Parameters
    ----------
    table : DataFrame
        From `measurements_by_rows`.

    Returns
    -------
    DataFrame
        ``max_train_rows, dataset, rho``: mean over the blocks of the dataset, as in claim 19.
    """
    columns = ["max_train_rows", "dataset", "rho"]
    found = [
        block_correlations(own, DIAL).assign(max_train_rows=limit)
        for limit, own in table.groupby("max_train_rows")
    ]
    if not found:
        return pd.DataFrame(columns=columns)
    blocks = pd.concat(found, ignore_index=True)
    return blocks.groupby(columns[:2], observed=True)["rho"].mean().reset_index()


def trend_over_rows(by_rows: pd.DataFrame) -> dict[str, float]:
    """Change of the dial's correlation per doubling of the training rows, mean over datasets.

    Parameters
    ----------
    by_rows : DataFrame
        From `dial_by_rows`.

    Returns
    -------
    dict
        ``effect, lower, upper, p_value, n``: least-squares slope of each dataset on log2 of the row limit,
        its BCa interval over datasets and sign-flip p.
    """
    slopes = [
        (dataset, np.polyfit(np.log2(own["max_train_rows"].astype(float)), own["rho"].astype(float), 1)[0])
        for dataset, own in by_rows.groupby("dataset", observed=True)
        if own["max_train_rows"].nunique() >= 2
    ]
    return mean_over_datasets(pd.DataFrame(slopes, columns=["dataset", "rho"]), seed=0)


def controls_without(store: Store, settings: Sequence[str]) -> pd.DataFrame:
    """Compare the dial with its controls without some settings: a sensitivity analysis.

    Parameters
    ----------
    settings : sequence of str
        Left out on either side. At setting "0" a control has more edges than the dial.

    Returns
    -------
    DataFrame
        ``measure`` and the quantities of `dial_against_controls`.
    """
    return measures_against_controls(store, settings).dropna(subset=["p_value"]).reset_index(drop=True)


def measures_against_controls(store: Store, without: Sequence[str] = ()) -> pd.DataFrame:
    """Return ``measure`` and the quantities of `dial_against_controls` for each; NaN where undefined."""
    tables = measurements_of_all(store.runs(), store.trajectories())
    return pd.DataFrame(
        [{"measure": name, **dial_against_controls(table, without=without)} for name, table in tables.items()]
    )


def controls_among_distinct(store: Store, without: Sequence[str] = ("0",), least: int = 3) -> pd.DataFrame:
    """Compare the dial with its controls in blocks that have enough different runs on either side.

    Parameters
    ----------
    without : sequence of str
        Settings that the second comparison leaves out, see `controls_without`.
    least : int
        Different runs that a block must have, see `causalmix.depth_dial.count_distinct`.

    Returns
    -------
    DataFrame
        ``measure, settings`` (``all`` or ``without ...``), ``n_blocks, n_left_out`` and the quantities of
        `dial_against_controls`.
    """
    rows = []
    tables = measurements_of_all(store.runs(), store.trajectories(), tuple(STABILITY_MEASURES))
    for measure, table in tables.items():
        for name, kept in (("all", table), (f"without {', '.join(without)}", leave_out(table, without))):
            blocks = differences_from_controls(kept).merge(count_distinct(kept), on=CELL)
            enough = blocks[blocks["n_distinct"] >= least]
            counts = {"n_blocks": len(blocks), "n_left_out": len(blocks) - len(enough)}
            found = mean_over_datasets(enough, seed=0)
            rows.append({"measure": measure, "settings": name, **counts, **found})
    return pd.DataFrame(rows).dropna(subset=["p_value"]).reset_index(drop=True)


def controls_by_folds(store: Store, first: Sequence[int] = FIRST_FOLDS) -> pd.DataFrame:
    """Compare the dial with its controls on the folds that were run first, and on those that were run later.

    Returns
    -------
    DataFrame
        ``measure, part`` (``first`` or ``later``) and the quantities of `dial_against_controls`.
    """
    tables = measurements_of_all(store.runs(), store.trajectories(), tuple(STABILITY_MEASURES))
    rows = []
    for measure, table in tables.items():
        early = table["fold"].isin(first)
        parts = {"first": table[early], "later": table[~early]}
        rows += [
            {"measure": measure, "part": part, **dial_against_controls(own)} for part, own in parts.items()
        ]
    return pd.DataFrame(rows).dropna(subset=["p_value"]).reset_index(drop=True)


def target_isolation(store: Store, graphs: pd.DataFrame, measure: str = PRIMARY_MEASURE) -> pd.DataFrame:
    """Share of a table's uncut DAGs in which no edge goes to or from the target, beside the dial's effect.

    Returns
    -------
    DataFrame
        ``dataset, n_dags, n_isolated, share, rho`` (the table's correlation along the dial, as in claim 19).
    """
    uncut = graphs[graphs["arm"] == f"{DIAL}{FULL}"]
    isolated = (uncut["n_target_neighbours"] == 0).groupby(uncut["dataset"], observed=True)
    counts = isolated.agg(n_dags="size", n_isolated="sum", share="mean").reset_index()
    blocks = block_correlations(measurements(store.runs(), store.trajectories(), measure), DIAL)
    return counts.merge(blocks.groupby("dataset", observed=True)["rho"].mean().reset_index(), on="dataset")


def isolation_and_effect(tables: pd.DataFrame) -> tuple[Correlation, Correlation]:
    """Spearman's correlations over tables of ``share`` with ``rho`` of `target_isolation`, and with its size.

    An isolated target would hide an effect of either sign, so that the size would fall with the share.
    """
    share, rho = tables["share"].to_numpy(), tables["rho"].to_numpy()
    return correlate(share, rho), correlate(share, np.abs(rho))
