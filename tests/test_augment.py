"""The three-line use: synthetic rows for one's own table, with scikit-learn's conventions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from causalmix.augment import CausalMixAugmenter


@pytest.fixture
def augmenter() -> CausalMixAugmenter:
    return CausalMixAugmenter(n_dags=2, random_state=0)


def test_three_lines_turn_a_raw_table_into_synthetic_rows(mixed_table, labels, augmenter):
    before, labels.index = mixed_table.copy(), mixed_table.index
    X_synth, y_synth = augmenter.fit(mixed_table, labels).sample()
    assert X_synth.dtypes.to_dict() == mixed_table.dtypes.to_dict()
    assert list(X_synth.columns) == list(mixed_table.columns)
    assert len(X_synth) == len(y_synth) == len(mixed_table)
    assert list(X_synth.index) == list(y_synth.index) == list(range(60))
    assert set(y_synth) <= set(labels) and y_synth.name == "answer"
    assert set(X_synth["city"].dropna()) <= {"Basel", "Bern", "Chur"}
    assert set(X_synth["size"].dropna()) <= {"S", "M", "L"}
    assert set(X_synth["currency"]) == {"CHF"}
    assert X_synth["age"].between(mixed_table["age"].min(), mixed_table["age"].max()).all()
    assert X_synth["since"].dropna().between(mixed_table["since"].min(), mixed_table["since"].max()).all()
    assert X_synth["income"].isna().any() and not X_synth["age"].isna().any()
    pd.testing.assert_frame_equal(mixed_table, before)


@pytest.mark.parametrize(
    "labels_of",
    [
        lambda y: y.map({"no": 0, "perhaps": 1, "yes": 2}),
        lambda y: y == "yes",
        lambda y: y.astype("category"),
        lambda y: y.astype("string"),
        lambda y: y.map({"no": 0, "perhaps": 1, "yes": 2}).astype("Int64"),
        lambda y: (y == "yes").astype(object),
        lambda y: y.map({"no": 0, "perhaps": 1, "yes": 2}).astype(object),
    ],
    ids=["int", "bool", "category", "string", "Int64", "bool among objects", "int among objects"],
)
def test_labels_keep_their_type(mixed_table, labels, labels_of, augmenter):
    y = labels_of(labels)
    _, y_synth = augmenter.fit(mixed_table[["age", "city"]], y).sample(30)
    assert y_synth.dtype == y.dtype
    assert set(y_synth) <= set(y) and len(set(y_synth)) > 1


def test_real_rows_come_first_in_a_resampled_table(mixed_table, labels):
    X_all, y_all = CausalMixAugmenter(0.5, n_dags=1, random_state=0).fit_resample(mixed_table, labels)
    assert X_all.shape == (90, 8) and y_all.shape == (90,)
    pd.testing.assert_frame_equal(X_all.head(60), mixed_table.reset_index(drop=True))
    assert list(y_all.head(60)) == list(labels) and y_all.name == "answer"


def test_a_ratio_of_zero_gives_the_real_rows(mixed_table, labels):
    X_all, y_all = CausalMixAugmenter(0.0, n_dags=1).fit_resample(mixed_table, labels)
    pd.testing.assert_frame_equal(X_all, mixed_table.reset_index(drop=True))
    pd.testing.assert_series_equal(y_all, labels)


def test_arrays_are_welcome(augmenter):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = (X[:, 0] > 0).astype(int)
    X_synth, y_synth = augmenter.fit(X, y).sample(200)
    assert X_synth.shape == (200, 3) and augmenter.n_features_in_ == 3
    assert X_synth["x0"][y_synth == 1].mean() > X_synth["x0"][y_synth == 0].mean() + 0.8


def test_numbers_in_an_array_of_objects_are_numbers(augmenter):
    rng = np.random.default_rng(0)
    X = np.empty((80, 2), dtype=object)
    X[:, 0], X[:, 1] = rng.normal(size=80), rng.choice(["a", "b"], 80)
    X_synth, _ = augmenter.fit(X, (X[:, 0] > 0).astype(int)).sample(50)
    assert X_synth["x0"].dtype == float and set(X_synth["x1"]) == {"a", "b"}


def test_the_same_random_state_gives_the_same_rows(mixed_table, labels):
    X = mixed_table[["age", "member", "visits"]]

    def drawn(random_state):
        return CausalMixAugmenter(n_dags=1, random_state=random_state).fit(X, labels).sample(20)[0]

    pd.testing.assert_frame_equal(drawn(3), drawn(3))
    pd.testing.assert_frame_equal(drawn(np.random.RandomState(3)), drawn(np.random.RandomState(3)))
    assert not drawn(3).equals(drawn(4))


def test_parameters_can_be_read_set_and_cloned(mixed_table, labels, augmenter):
    parameters = {"synthetic_ratio": 1.0, "n_dags": 2, "missing": "imputed", "random_state": 0}
    assert augmenter.get_params() == parameters
    copy = clone(augmenter.fit(mixed_table, labels)).set_params(n_dags=1)
    assert (copy.n_dags, copy.random_state, hasattr(copy, "generator_")) == (1, 0, False)
    assert augmenter.n_dags == 2
    assert repr(CausalMixAugmenter(n_dags=3)) == "CausalMixAugmenter(n_dags=3)"


def test_missing_numbers_do_not_heap_up_at_the_median_unless_the_median_is_asked_for():
    rng = np.random.default_rng(0)
    number = rng.normal(size=150)
    X = pd.DataFrame({"other": number + rng.normal(size=150), "number": number})
    X["number"] = X["number"].mask(rng.random(150) < 0.4)
    y = pd.Series(np.where(number > 0, "yes", "no"))
    near_median, spread = {}, {}
    for missing in ("imputed", "median"):
        augmenter = CausalMixAugmenter(10, n_dags=2, missing=missing, random_state=0)
        drawn = augmenter.fit(X, y).sample()[0]["number"].dropna()
        near_median[missing] = drawn.between(*X["number"].quantile([0.48, 0.52])).mean()
        spread[missing] = drawn.std() / X["number"].std()
    assert near_median["imputed"] < 0.05 and near_median["median"] > 0.1
    assert spread["imputed"] == pytest.approx(1, abs=0.05) and spread["median"] < 0.85


def test_a_number_of_two_values_keeps_its_tie_to_the_others_and_its_type():
    rng = np.random.default_rng(0)
    cause = rng.normal(size=300)
    flag = (cause + 0.5 * rng.normal(size=300) > 0.8).astype(int)
    X = pd.DataFrame(
        {"cause": cause, "flag": flag, "half": np.where(rng.random(300) < 0.2, np.nan, flag / 2)}
    )
    y = pd.Series(np.where(cause + rng.normal(size=300) > 0, "yes", "no"))
    rows, _ = CausalMixAugmenter(5, random_state=0).fit(X, y).sample()
    assert rows.dtypes.to_dict() == X.dtypes.to_dict()
    assert set(rows["flag"]) == {0, 1} and set(rows["half"].dropna()) == {0, 0.5}
    assert rows["half"].isna().mean() == pytest.approx(0.2, abs=0.06)
    assert np.corrcoef(rows["cause"], rows["flag"])[0, 1] > 0.75 * np.corrcoef(cause, flag)[0, 1]


def test_an_unknown_way_with_missing_numbers_is_refused_before_any_work(mixed_table, labels):
    with pytest.raises(ValueError, match=r"missing must be one of \('median', 'imputed'\), got 'mean'"):
        CausalMixAugmenter(missing="mean").fit(mixed_table.iloc[:1], labels)


def test_fitting_sets_scikit_learns_attributes(mixed_table, labels, augmenter):
    assert augmenter.fit(mixed_table, labels) is augmenter
    assert list(augmenter.classes_) == ["no", "perhaps", "yes"]
    assert list(augmenter.feature_names_in_) == list(mixed_table.columns)
    assert len(augmenter.generator_.graphs) == 2


def test_names_are_those_of_the_last_frame_with_text_names_or_none(mixed_table, labels, augmenter):
    numbers = np.random.default_rng(0).normal(size=(len(labels), 3))
    assert not hasattr(augmenter.fit(numbers, labels), "feature_names_in_")
    assert hasattr(augmenter.fit(mixed_table, labels), "feature_names_in_")
    assert not hasattr(augmenter.fit(pd.DataFrame(numbers), labels), "feature_names_in_")


def test_sampling_before_fitting_is_scikit_learns_error(augmenter):
    with pytest.raises(NotFittedError, match="CausalMixAugmenter"):
        augmenter.sample()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda X, y: (X, y.head(59)), "X has 60 rows and y has 59"),
        (lambda X, y: (X, y.where(y.index > 1)), "2 missing labels"),
        (lambda X, y: (X, y.replace(["perhaps", "yes"], "no")), "single class 'no'"),
        (lambda X, y: (X, (y == "yes").astype(object).where(y.index > 1)), "2 missing labels"),
        (lambda X, y: (X, y.replace("no", 0)), "labels of several types; turn them all into text"),
        (lambda X, y: (X, pd.Series(np.linspace(0, 1, 60))), "continuous"),
        (lambda X, y: (X["age"].to_numpy(), y), "two dimensions"),
        (lambda X, y: (X.assign(age=X["age"].astype(float).where(X["age"] > 30, np.inf)), y), "age"),
        (lambda X, y: (X.rename(columns={"age": "city"}), y), "city"),
        (lambda X, y: (X.assign(age=[b"a", b"b"] * 30), y), r"X, column 'age': .*bytes.*decode"),
        (lambda X, y: (X.assign(age=pd.to_timedelta(range(60), unit="s")), y), "column 'age': .*seconds"),
        (lambda X, y: (X.assign(age=[3, "abc"] * 30), y), r"column 'age': .*several types \(int 3, str"),
        (
            lambda X, y: (X.assign(city=["__missing__", "u"] * 30), y),
            "column 'city': .*'__missing__'.*rename",
        ),
    ],
)
def test_input_that_cannot_be_used_is_named(mixed_table, labels, damage, message, augmenter):
    with pytest.raises(ValueError, match=message):
        augmenter.fit(*damage(mixed_table, labels))


def test_a_negative_ratio_is_refused_at_fit(mixed_table, labels):
    with pytest.raises(ValueError, match="finite and not negative"):
        CausalMixAugmenter(synthetic_ratio=-1).fit(mixed_table, labels)
