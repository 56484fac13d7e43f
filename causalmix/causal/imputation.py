"""Missing numbers of a table, drawn from what the other columns say about them.

References
----------
van Buuren, Groothuis-Oudshoorn (2011), *mice: Multivariate imputation by chained equations in R*, JSS 45.
Andrews, Ramsey, Cooper (2019), PMLR 104 (the embedding, as in `causalmix.causal.ci_test`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (makes IterativeImputer importable)
from sklearn.impute import IterativeImputer

from causalmix.causal.ci_test import embed_column, normal_scores
from causalmix.causal.schema import is_integer_valued, is_numeric

ROUNDS = 5
"""Times that every column with gaps is imputed from the others. Ours; more change little."""


def impute_numbers(train: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Draw each missing number from its distribution given the other columns of the row.

    Numbers enter by their normal scores, categories by indicators, a missing category being a level; the
    scores are linear in one another, with Gaussian noise (chained Bayesian ridge regressions). Where gaps
    depend on observed columns, so the class, this keeps spreads and ties between columns.

    Parameters
    ----------
    train : DataFrame, shape (n, d)
        Canonical frame with at least one observed value per column.
    seed : int
        The same seed gives the same numbers.

    Returns
    -------
    DataFrame, shape (n, d)
        Numbers are complete and inside the observed range, whole where all observed ones are. Categories are
        as they were.

    Examples
    --------
    >>> a = np.arange(50.0)
    >>> train = pd.DataFrame({"a": a, "b": np.where(a == 40, np.nan, 2 * a)})
    >>> bool(70 < impute_numbers(train, seed=0)["b"][40] < 90)
    True
    """
    gaps = [name for name in train.columns if is_numeric(train[name]) and train[name].isna().any()]
    if not gaps:
        return train
    with_gaps = [normal_scores(train[name].to_numpy(dtype=np.float64)) for name in gaps]
    complete = [embed_column(train[name]) for name in train.columns if name not in gaps]
    imputer = IterativeImputer(
        sample_posterior=True,
        max_iter=ROUNDS,
        skip_complete=True,
        keep_empty_features=True,
        random_state=seed,
    )
    drawn = imputer.fit_transform(np.column_stack([*with_gaps, *complete]))
    imputed = train.copy()
    for name, scores, filled in zip(gaps, with_gaps, drawn.T, strict=False):
        observed = train[name].dropna().to_numpy(dtype=np.float64)
        values = np.interp(filled, np.unique(scores[~np.isnan(scores)]), np.unique(observed))
        values = np.round(values) if is_integer_valued(observed) else values
        imputed[name] = np.where(np.isnan(scores), values, train[name])
    return imputed
