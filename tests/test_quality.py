"""Measures of quality have known answers: a copy, shuffled columns, independent noise."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from causalmix.folds import prepare_fold
from causalmix.generators import make_generator
from causalmix.quality import (
    MEASURES,
    REFERENCES,
    RealRows,
    ci_agreement,
    closest_record,
    detection_auc,
    find_skeleton,
    independence_statements,
    measure_quality,
    quality_score,
    skeleton_f1,
    tstr_auc,
)
from causalmix.specs import OWN_TABLE, RunSpec

pytest.importorskip("sdmetrics")


@pytest.fixture(scope="module")
def real() -> RealRows:
    return RealRows(prepare_fold(RunSpec("demo", "known_scm", "scm-depth3-linear-low", 0, "scm")))


@pytest.fixture(scope="module")
def shuffled(real: RealRows) -> pd.DataFrame:
    """Each column in an order of its own: the same columns, no dependence left."""
    rng = np.random.default_rng(0)
    return real.train.apply(lambda column: column.iloc[rng.permutation(len(column))].to_numpy()).astype(
        real.train.dtypes
    )


@pytest.fixture(scope="module")
def noise(real: RealRows) -> pd.DataFrame:
    """Uniform noise in the range of the numbers, levels drawn evenly."""
    rng = np.random.default_rng(1)

    def draw(column: pd.Series) -> pd.Series:
        if isinstance(column.dtype, pd.CategoricalDtype):
            levels = rng.choice(np.array(column.cat.categories, dtype=object), len(column))
            return pd.Series(pd.Categorical(levels, dtype=column.dtype))
        return pd.Series(rng.uniform(column.min(), column.max(), len(column)))

    return pd.DataFrame({name: draw(column) for name, column in real.train.items()})


@pytest.fixture(scope="module")
def of_copy(real: RealRows) -> dict[str, float]:
    """The measures of a copy of the real rows; neither side is changed by them."""
    before, copy = real.train.copy(), real.train.copy()
    found = measure_quality(real, copy)
    pd.testing.assert_frame_equal(real.train, before)
    pd.testing.assert_frame_equal(copy, before)
    return found


def test_a_copy_of_the_real_rows_is_perfect_and_found_out(of_copy):
    found = of_copy
    assert found["quality_score"] == pytest.approx(1)
    assert found["skeleton_f1"] == found["ci_agreement"] == 1
    assert found["tstr_auc"] == found["trtr_auc"] > 0.6
    assert found["detection_auc"] == 0.5
    assert found["closest_record"] == 0 < found["closest_record_real"]


def test_unseen_real_rows_are_as_far_from_the_training_rows_as_the_reference_says(real):
    split, fold = real.fold.split, real.fold
    rows = fold.preprocessor.transform(split.X_val).assign(
        **{fold.target: pd.Categorical(split.y_val.astype(str), dtype=real.train[fold.target].dtype)}
    )
    assert closest_record(real, rows) == real.closest_record


def test_shuffled_columns_keep_their_shapes_and_lose_the_skeleton(real, shuffled):
    assert len(real.skeleton) > 5
    assert skeleton_f1(real, shuffled) < 0.3
    assert ci_agreement(real, shuffled) < 0.9
    assert abs(tstr_auc(real, shuffled) - 0.5) < 0.15
    assert 0.7 < quality_score(real, shuffled) < 1  # all column shapes are right


def test_independent_noise_is_detected_and_far_away(real, noise):
    assert detection_auc(real, noise) > 0.9
    assert closest_record(real, noise) > 1.3 * real.closest_record
    assert quality_score(real, noise) < quality_score(real, real.train)


def test_a_causal_model_keeps_more_of_the_structure_than_shuffled_columns(real, shuffled):
    generator = make_generator("causal", n_dags=2, n_bootstraps=4).fit(real.train, real.fold.target, seed=0)
    rows = generator.sample(len(real.train))
    for measure in (skeleton_f1, ci_agreement, tstr_auc):
        assert measure(real, rows) > measure(real, shuffled), measure.__name__
    assert 0.4 < detection_auc(real, rows) < detection_auc(real, shuffled)


def test_rows_of_one_class_predict_nothing(real):
    target = real.fold.target
    one = real.train[real.train[target] == real.train[target].iloc[0]]
    assert tstr_auc(real, one) == 0.5


def test_tables_without_edges_agree_that_there_are_none():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b", "y"])
    assert find_skeleton(rows, "y") == frozenset()


def test_every_pair_is_tested_alone_and_given_each_other_column():
    rng = np.random.default_rng(0)
    a = rng.normal(size=400)
    m = a + rng.normal(size=400)
    chain = pd.DataFrame({"a": a, "m": m, "y": m + rng.normal(size=400)})
    # a-m, a-m|y, a-y, a-y|m, m-y, m-y|a: only the ends are independent, given the middle
    assert independence_statements(chain).tolist() == [False, False, False, True, False, False]


def test_missing_values_are_measured_too(tmp_path):
    rng = np.random.default_rng(0)
    n = 200
    table = pd.DataFrame({"x": rng.normal(size=n), "town": rng.choice(["Bern", "Chur"], n)})
    table["kind"] = np.where(table["x"] + rng.normal(size=n) > 0, "big", "small")
    table.loc[rng.random(n) < 0.2, "x"] = None
    table.loc[rng.random(n) < 0.2, "town"] = None
    table.to_csv(tmp_path / "mine.csv", index=False)
    spec = RunSpec("demo", OWN_TABLE, "mine.csv", fold=0, arm="scm", target="kind")
    fold = prepare_fold(spec, tmp_path)
    found = measure_quality(RealRows(fold), fold.train)
    assert all(np.isfinite(value) for value in found.values()) and found["closest_record"] == 0


def test_the_target_may_have_the_name_of_an_argument_of_pandas(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=60), "self": rng.choice(["big", "small"], 60)})
    table.to_csv(tmp_path / "mine.csv", index=False)
    fold = prepare_fold(RunSpec("demo", OWN_TABLE, "mine.csv", 0, "scm", target="self"), tmp_path)
    assert list(fold.train) == ["x", "self"] and fold.train["self"].tolist() == fold.split.y_train.tolist()
    assert 0 < RealRows(fold).closest_record < 1


def test_every_measure_is_described_and_returned(of_copy):
    assert set(of_copy) == {*MEASURES, *REFERENCES.values()}
    for measure in MEASURES.values():
        assert "Returns" in measure.__doc__ and "References" in measure.__doc__


def test_importing_the_measures_needs_neither_torch_nor_the_searches():
    heavy = "{'torch', 'causallearn', 'sdmetrics'}"
    code = f"import sys, causalmix.quality; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
