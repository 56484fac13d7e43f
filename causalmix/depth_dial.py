"""The dial of depth, block by block: what it does to a measure, and what its edge-matched controls do.

Tables are those of `causalmix.depth_tests.measurements`. Free of torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from causalmix.cells import CELL
from causalmix.differences import sign_flip_p
from causalmix.estimands import block_permutation_p
from causalmix.intervals import bca_interval, spearman

DIAL, CONTROL = "causalmix@depth=", "causalmix@edges="
FULL = "full"
"""Setting of the dial that cuts nothing: the common end of the dial and of its controls."""


def dial(table: pd.DataFrame, seed: int = 0) -> dict[str, float]:
    """Correlation of depth and the measure within blocks along the dial, mean over datasets.

    Returns
    -------
    dict
        ``effect``, its BCa interval ``lower, upper`` over datasets, ``n`` (datasets), the ``p_value`` of the
        primary test (depth permuted within blocks) and ``sign_flip_p`` over datasets.
    """
    found = mean_over_datasets(block_correlations(table, DIAL), seed)
    own = table[table["arm"].str.startswith(DIAL)]
    blocks = [
        (str(key[0]), block[["depth", "value"]].to_numpy(dtype=float))
        for key, block in own.groupby(CELL, observed=True)
    ]
    informative = [(name, rows) for name, rows in blocks if len(rows) >= 3 and np.ptp(rows, axis=0).all()]
    p_value = block_permutation_p(informative, found["effect"], 10_000, seed)
    return {**found, "p_value": p_value, "sign_flip_p": found["p_value"]}


def dial_against_controls(
    table: pd.DataFrame, seed: int = 0, without: Sequence[str] = ()
) -> dict[str, float]:
    """Dial correlation minus that of the controls, which lose as many edges and keep their depth.

    Parameters
    ----------
    without : sequence of str
        Settings to leave out, of the dial and of its controls: for a sensitivity analysis.

    Returns
    -------
    dict
        As `dial`, with a sign-flip p over datasets.
    """
    return mean_over_datasets(differences_from_controls(leave_out(table, without)), seed)


def leave_out(table: pd.DataFrame, settings: Sequence[str]) -> pd.DataFrame:
    """Return the table without the runs of some settings, of the dial and of its controls."""
    return table[~table["arm"].isin([f"{prefix}{k}" for prefix in (DIAL, CONTROL) for k in settings])]


def count_distinct(table: pd.DataFrame) -> pd.DataFrame:
    """Count the different runs of each block, of the dial or of its controls, whichever has fewer.

    Where a graph is shallow, several settings cut nothing: runs of equal value whose graphs have as many
    edges are one and the same run. With two different runs a correlation can be -1 or 1 only.

    Returns
    -------
    DataFrame
        ``dataset, fold, repeat, n_distinct``.
    """
    sides = []
    for prefix in (DIAL, CONTROL):
        own = _side(table, prefix)
        sides.append(own.drop_duplicates([*CELL, "n_edges", "value"]).groupby(CELL, observed=True).size())
    return pd.concat(sides, axis=1, join="inner").min(axis=1).rename("n_distinct").reset_index()


def differences_from_controls(table: pd.DataFrame) -> pd.DataFrame:
    """Subtract the controls' correlation from the dial's within each block that has both.

    A control's place on the axis is the depth of the dial's arm of the same setting and block: its own depth
    does not change. The uncut arm is the last point of both. At setting 0 a control can never lose as many
    edges: one longest path is left.

    Returns
    -------
    DataFrame
        ``dataset, fold, repeat, rho``.
    """
    cut, control = block_correlations(table, DIAL), block_correlations(table, CONTROL)
    both = cut.merge(control, on=CELL, suffixes=("", "_control"))
    return both.assign(rho=both["rho"] - both["rho_control"])[[*CELL, "rho"]]


def block_correlations(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Correlate depth and the measure within each block over the arms with the prefix `DIAL` or `CONTROL`.

    Returns
    -------
    DataFrame
        ``dataset, fold, repeat, rho``: blocks where one of them is constant are left out.
    """
    place = table[table["arm"].str.startswith(DIAL)]
    place = place.assign(setting=place["arm"].str.removeprefix(DIAL))[[*CELL, "setting", "depth"]]
    own = _side(table, prefix)
    own = own.assign(setting=own["arm"].str.split("=").str[-1]).drop(columns="depth")
    placed = own.merge(place, on=[*CELL, "setting"], how="inner")
    rows = [
        (*key, spearman(block["depth"].to_numpy(), block["value"].to_numpy()) if len(block) >= 3 else np.nan)
        for key, block in placed.groupby(CELL, observed=True)
    ]
    return pd.DataFrame(rows, columns=[*CELL, "rho"]).dropna()


def _side(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Return the runs of the dial or of its controls; the uncut arm belongs to both."""
    return table[table["arm"].str.startswith((prefix, f"{DIAL}{FULL}"))]


def mean_over_datasets(blocks: pd.DataFrame, seed: int) -> dict[str, float]:
    """Return the mean over datasets of their mean ``rho`` with a BCa interval and a sign-flip p.

    Returns
    -------
    dict
        ``effect, lower, upper, p_value, n`` (datasets); NaN with fewer than three datasets.
    """
    means = blocks.groupby("dataset", observed=True)["rho"].mean().to_numpy()
    if len(means) < 3:
        return no_result(len(means))
    lower, upper = bca_interval(means, seed=seed)
    ends = {"effect": means.mean(), "lower": lower, "upper": upper}
    return {**ends, "p_value": sign_flip_p(means), "n": len(means)}


def no_result(n: int) -> dict[str, float]:
    """Return the quantities of a test that could not be made on its ``n`` units: all NaN."""
    nan = float("nan")
    return {"effect": nan, "lower": nan, "upper": nan, "p_value": nan, "n": n}
