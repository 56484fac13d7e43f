"""What other settings score beside those in use.

Of the generators, from ``benchmarks/generator_settings.py``; of discovery, from ``benchmarks/discovery.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pandas as pd

from causalmix.causal.settings import ALPHA, SUBSAMPLE_SHARE
from causalmix.differences import pool_tables, table_differences

IN_USE = "in use"
"""Name of the setting that the studies use."""

GAPS, WITH_GAPS = 0.3, "causal, gaps"
"""Share of the numbers that is missing in tables with gaps; name of the causal generator on them."""

SCORES = ("forest_auc", "finetuned_auc")
"""Test ROC-AUC of a random forest trained on the rows alone, and of the fine-tuned model."""


DISCOVERY_SCORES = (
    "edge_auroc", "skeleton_f1", "n_edges", "isolated_target", "depth_error", "forest_auc",
)  # fmt: skip
"""What a setting of discovery is measured by; the last as in `SCORES`."""


def summarise_settings(cases: pd.DataFrame, scores: Sequence[str] = SCORES) -> pd.DataFrame:
    """Return each setting's scores, and their differences from those of the setting in use.

    Parameters
    ----------
    cases : DataFrame
        ``generator, setting, dataset, fold, seconds`` and the scores, one row per case. A case without
        scores is left out.
    scores : sequence of str

    Returns
    -------
    DataFrame, one row per generator, setting and score
        ``generator, setting, score, n_tables, mean, difference, lower, upper, seconds``. Folds are averaged
        per table; the difference is over the cases that both settings have, with a 95 % interval that
        resamples tables; seconds are the median. The setting in use comes first.

    Examples
    --------
    >>> cases = pd.DataFrame({"generator": "g", "setting": ["in use", "other"], "dataset": "a", "fold": 8,
    ...                       "forest_auc": [0.7, 0.6], "finetuned_auc": [0.75, 0.8], "seconds": 1.0})
    >>> summarise_settings(cases)[["setting", "score", "mean", "difference"]].round(2).values.tolist()[2:]
    [['other', 'forest_auc', 0.6, -0.1], ['other', 'finetuned_auc', 0.8, 0.05]]
    """
    measured = cases.dropna(subset=[*scores]).assign(repeat=0, arm=cases["setting"])
    rows = []
    for generator, tried in measured.groupby("generator"):
        settings = sorted(tried["setting"].unique(), key=lambda setting: (setting != IN_USE, setting))
        for setting, score in itertools.product(settings, scores):
            own = tried[tried["setting"] == setting]
            found = pool_tables(table_differences(tried, setting, IN_USE, score))
            rows.append(
                {
                    "generator": generator,
                    "setting": setting,
                    "score": score,
                    "n_tables": own["dataset"].nunique(),
                    "mean": own.groupby("dataset")[score].mean().mean(),
                    "difference": found.value,
                    "lower": found.lower,
                    "upper": found.upper,
                    "seconds": own["seconds"].median(),
                }
            )
    return pd.DataFrame(rows)


def summarise_discovery(cases: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of each share of rows and level of discovery, beside the pair in use.

    Parameters
    ----------
    cases : DataFrame
        ``share, alpha, dataset, fold, seconds`` and `DISCOVERY_SCORES`, one row per case.

    Returns
    -------
    DataFrame, one row per share, level and score
        ``share, alpha`` and the columns of `summarise_settings` from ``setting`` on.
    """
    pairs = list(zip(cases["share"], cases["alpha"], strict=True))
    names = [IN_USE if pair == (SUBSAMPLE_SHARE, ALPHA) else str(pair) for pair in pairs]
    summary = summarise_settings(cases.assign(generator="discovery", setting=names), DISCOVERY_SCORES)
    pair_of = pd.DataFrame(pairs, index=names, columns=["share", "alpha"]).drop_duplicates()
    placed = summary.join(pair_of, on="setting")
    return placed[["share", "alpha", *summary.columns[1:]]]
