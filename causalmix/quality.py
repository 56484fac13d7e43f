"""How good synthetic rows are, measured against the real training rows that they were made from.

==================  ================================================================  ======  ==============
measure             formula                                                           range   best
==================  ================================================================  ======  ==============
`quality_score`     sdmetrics: mean of column-shape and column-pair similarity        [0, 1]  1
`skeleton_f1`       F1 of the undirected edges discovered on synthetic and real rows  [0, 1]  1
`ci_agreement`      share of independence statements decided alike on both            [0, 1]  1
`tstr_auc`          ROC-AUC on real test rows, trained on synthetic rows              [0, 1]  1
`detection_auc`     ROC-AUC of a classifier that tells synthetic from real rows       [0, 1]  0.5
`closest_record`    median distance of a synthetic row to its closest real one        [0, 1]  as real rows
==================  ================================================================  ======  ==============

A copy of the real rows is perfect by the first five measures and worthless: its distance to the closest
record is 0. No single measure says that rows are good. Heavy packages are imported where they are used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from causalmix.causal.ci_test import DegenerateGaussianTest
from causalmix.folds import Fold

ALPHA, N_TREES, N_PARTS = 0.05, 100, 5
"""Level of the independence statements, trees of each random forest, parts of the cross-validation."""


@dataclass(frozen=True, eq=False)
class RealRows:
    """The real side of every comparison; what is found in it is found once.

    Attributes
    ----------
    fold : Fold
        Its training rows are compared with, its test rows tested on.
    seed : int
        Seed of discovery, random forests and cross-validation.
    """

    fold: Fold
    seed: int = 0

    @property
    def train(self) -> pd.DataFrame:
        """Canonical training rows, target included."""
        return self.fold.train

    @cached_property
    def skeleton(self) -> frozenset[tuple[str, str]]:
        """Edges discovered in the training rows, as `find_skeleton`."""
        return find_skeleton(self.train, self.fold.target, self.seed)

    @cached_property
    def independent(self) -> np.ndarray:
        """`independence_statements` of the training rows."""
        return independence_statements(self.train)

    @cached_property
    def trtr_auc(self) -> float:
        """Train real, test real: what `tstr_auc` is to be compared with."""
        return _transfer_auc(self, self.train)

    @cached_property
    def closest_record(self) -> float:
        """Median distance of a real validation row to its closest training row: as `closest_record`."""
        split = self.fold.split
        rows = self.fold.preprocessor.transform(split.X_val)
        rows[self.fold.target] = split.y_val.astype(str).astype(self.train[self.fold.target].dtype)
        return _median_distance(self.train, rows)


def quality_score(real: RealRows, synthetic: pd.DataFrame) -> float:
    """Overall score of sdmetrics' quality report.

    The mean of *column shapes* (1 - Kolmogorov-Smirnov distance of a number, 1 - total variation distance of
    a category; mean over columns) and *column pair trends* (likeness of correlations and of contingency
    tables; mean over pairs).

    Returns
    -------
    float
        In [0, 1]; 1 for rows with the same one- and two-column distributions.

    References
    ----------
    SDMetrics, *Quality report*, https://docs.sdv.dev/sdmetrics.
    """
    from sdmetrics.reports import QualityReport

    report, metadata = QualityReport(), {"tables": {"rows": _metadata(real.train)}}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="ks_2samp: Exact calculation unsuccessful")
        report.generate({"rows": _plain(real.train)}, {"rows": _plain(synthetic)}, metadata, verbose=False)
    return float(report.get_score())


def closest_record(real: RealRows, synthetic: pd.DataFrame) -> float:
    """Median over synthetic rows of the distance to the closest real training row (DCR).

    The distance of two rows is the mean over columns of |difference| / range of a number (at most 1) and of
    0 or 1 for equal or different categories (Gower 1971), as sdmetrics computes it.

    Returns
    -------
    float
        In [0, 1]. 0: copies. Near `RealRows.closest_record`: as close as unseen real rows are. Well below
        it training rows are repeated, well above it the rows lie elsewhere.

    References
    ----------
    Zhao et al., *CTAB-GAN* (2021), section 5.3. Gower, *A general coefficient of similarity* (1971).
    """
    return _median_distance(real.train, synthetic)


def skeleton_f1(real: RealRows, synthetic: pd.DataFrame) -> float:
    """F1 score of the undirected edges discovered on the synthetic rows against those on the real rows.

    2 |A and B| / (|A| + |B|) with A and B the edges of `find_skeleton`, called alike on both: give as many
    rows, so that both searches have the same power. What discovery sees in the real rows need not be true.

    Returns
    -------
    float
        In [0, 1]; 1 also where neither has an edge.

    References
    ----------
    Spirtes, Glymour and Scheines, *Causation, Prediction, and Search* (2000), on adjacency errors.
    """
    found = find_skeleton(synthetic, real.fold.target, real.seed)
    size = len(found) + len(real.skeleton)
    return 2 * len(found & real.skeleton) / size if size else 1.0


def ci_agreement(real: RealRows, synthetic: pd.DataFrame) -> float:
    """Share of independence statements that are decided alike on real and synthetic rows.

    Every pair of columns, tested alone and given each one of the other columns, at level `ALPHA`.

    Returns
    -------
    float
        In [0, 1]. Tables with few dependences agree by chance: compare generators on the same tables.

    References
    ----------
    Andrews, Ramsey and Cooper, PMLR 104 (2019): the test; see `causalmix.causal.ci_test`.
    """
    return float((independence_statements(synthetic) == real.independent).mean())


def tstr_auc(real: RealRows, synthetic: pd.DataFrame) -> float:
    """Train on synthetic, test on real: ROC-AUC of a random forest on the real test rows.

    Returns
    -------
    float
        In [0, 1], one class against the rest with several; to be compared with `RealRows.trtr_auc`, that of
        the same forest trained on the real rows.

    References
    ----------
    Esteban, Hyland and Rätsch, *Real-valued (medical) time series generation* (2017).
    """
    return _transfer_auc(real, synthetic)


def detection_auc(real: RealRows, synthetic: pd.DataFrame) -> float:
    """ROC-AUC of a random forest that tells synthetic from real rows, target included, cross-validated.

    Rows that are equal stay in one part of the cross-validation: a copy cannot betray its original.

    Returns
    -------
    float
        In [0, 1]. 0.5: not to be told apart; 1: told apart without error. Below 0.5: synthetic rows lie
        closer to single real rows than real rows lie to each other, as near copies do.

    References
    ----------
    Lopez-Paz and Oquab, *Revisiting classifier two-sample tests* (ICLR 2017).
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_score

    rows = np.vstack([np.column_stack(_encode(real.fold, part)) for part in (real.train, synthetic)])
    is_synthetic = np.repeat([0, 1], [len(real.train), len(synthetic)])
    twins = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
    forest = RandomForestClassifier(N_TREES, random_state=real.seed)
    parts = StratifiedGroupKFold(N_PARTS, shuffle=True, random_state=real.seed)
    scores = cross_val_score(forest, rows, is_synthetic, groups=twins, cv=parts, scoring="roc_auc")
    return float(np.mean(scores))


MEASURES: dict[str, Callable[[RealRows, pd.DataFrame], float]] = {
    "quality_score": quality_score,
    "skeleton_f1": skeleton_f1,
    "ci_agreement": ci_agreement,
    "tstr_auc": tstr_auc,
    "detection_auc": detection_auc,
    "closest_record": closest_record,
}
"""The measures by name."""

REFERENCES = {"tstr_auc": "trtr_auc", "closest_record": "closest_record_real"}
"""Measure -> the column of `measure_quality` with its value for real rows."""


def measure_quality(real: RealRows, synthetic: pd.DataFrame) -> dict[str, float]:
    """Return all `MEASURES`, ``trtr_auc`` and ``closest_record_real``.

    Parameters
    ----------
    real : RealRows
    synthetic : DataFrame, shape (n_synthetic, d)
        Canonical rows with the columns of ``real.train``, target included; not changed.

    Examples
    --------
    >>> from causalmix.folds import prepare_fold
    >>> from causalmix.specs import RunSpec
    >>> real = RealRows(prepare_fold(RunSpec("demo", "bundled", "iris", fold=0, arm="scm")))
    >>> closest_record(real, real.train), skeleton_f1(real, real.train), ci_agreement(real, real.train)
    (0.0, 1.0, 1.0)
    """
    values = {name: measure(real, synthetic) for name, measure in MEASURES.items()}
    return {**values, "trtr_auc": real.trtr_auc, "closest_record_real": real.closest_record}


def find_skeleton(rows: pd.DataFrame, target: str, seed: int = 0) -> frozenset[tuple[str, str]]:
    """Return the pairs of columns whose edge has more than half of the votes, whatever its direction."""
    from causalmix.causal.discovery import discover_edges  # causal-learn: imported where it is used

    matrix = discover_edges(rows, target, seed=seed).matrix
    names = list(map(str, rows.columns))
    either = matrix + matrix.T
    return frozenset((names[i], names[j]) for i, j in np.argwhere(np.triu(either, k=1) > 0.5))


def independence_statements(rows: pd.DataFrame, alpha: float = ALPHA) -> np.ndarray:
    """Decide for every pair of columns, alone and given each one other column, whether it is independent.

    Returns
    -------
    ndarray of bool, shape (d (d - 1) / 2 * (d - 1),)
        In an order that depends on the number of columns only.
    """
    test, d = DegenerateGaussianTest(rows), rows.shape[1]
    return np.array(
        [
            test.p_value(x, y, given) > alpha
            for x, y in combinations(range(d), 2)
            for given in ((), *((z,) for z in range(d) if z not in (x, y)))
        ]
    )


def _transfer_auc(real: RealRows, rows: pd.DataFrame) -> float:
    """ROC-AUC on the real test rows of a random forest trained on ``rows``; an absent class gets 0."""
    from sklearn.ensemble import RandomForestClassifier

    from causalmix.models.inference import roc_auc  # torch: imported where it is used

    fold = real.fold
    forest = RandomForestClassifier(N_TREES, random_state=real.seed).fit(*_encode(fold, rows))
    X_test = fold.preprocessor.encode(fold.preprocessor.transform(fold.split.X_test))
    proba = np.zeros((len(X_test), len(fold.labels.classes_)))
    proba[:, forest.classes_] = forest.predict_proba(X_test)
    return roc_auc(fold.labels.transform(fold.split.y_test), proba)


def _encode(fold: Fold, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, C) as a model reads them, and class codes (n,)."""
    return fold.preprocessor.encode(rows), fold.labels.transform(rows[fold.target])


def _median_distance(real: pd.DataFrame, rows: pd.DataFrame) -> float:
    from sdmetrics.single_table.privacy.dcr_utils import calculate_dcr

    return float(calculate_dcr(_plain(rows), _plain(real), _metadata(real)).median())


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """Categories as text, which is how sdmetrics wants them."""
    return rows.astype(dict.fromkeys(rows.select_dtypes("category").columns, object))


def _metadata(rows: pd.DataFrame) -> dict:
    kinds = (rows.dtypes == "float64").map({True: "numerical", False: "categorical"})
    return {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}}
