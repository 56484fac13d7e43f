"""Bootstrap, SMOTENC and copula: what each is known for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalmix.generators import GeneratorError, make_generator


@pytest.fixture
def train() -> pd.DataFrame:
    """Two classes a unit apart in `a`; `b` follows `a`; `level` follows the class."""
    rng = np.random.default_rng(0)
    n = 120
    positive = np.arange(n) % 3 == 0
    a = rng.normal(size=n) + positive
    return pd.DataFrame(
        {
            "a": a,
            "b": a + 0.1 * rng.normal(size=n),
            "level": pd.Categorical(np.where(positive, "up", "down")),
            "y": pd.Categorical(np.where(positive, "yes", "no")),
        }
    )


def test_bootstrap_rows_are_real_rows(train):
    rows = make_generator("bootstrap").fit(train, "y", seed=0).sample(200)
    real = set(map(tuple, train.to_numpy()))
    assert set(map(tuple, rows.to_numpy())) <= real


def test_the_copula_keeps_margins_and_rank_correlation_without_copying_rows(train):
    rows = make_generator("copula").fit(train, "y", seed=0).sample(2000)
    assert rows["a"].corr(rows["b"], method="spearman") > 0.95
    assert abs((rows["y"] == "yes").mean() - 1 / 3) < 0.04
    assert abs(rows["a"].quantile(0.25) - train["a"].quantile(0.25)) < 0.15
    assert not set(rows["a"]) & set(train["a"].sort_values().iloc[1:-1])


def test_the_copula_links_levels_to_numbers(train):
    rows = make_generator("copula").fit(train, "y", seed=0).sample(2000)
    means = rows.groupby("y", observed=True)["a"].mean()
    assert means["yes"] - means["no"] > 0.3


def test_smote_rows_lie_between_rows_of_their_class(train):
    pytest.importorskip("imblearn")
    rows = make_generator("smotenc").fit(train, "y", seed=0).sample(60)
    assert rows["y"].value_counts().to_dict() == {"no": 40, "yes": 20}
    for label, part in rows.groupby("y", observed=True):
        real = train[train["y"] == label]
        assert part["a"].between(real["a"].min(), real["a"].max()).all()
        assert (part["level"] == ("up" if label == "yes" else "down")).all()
        assert (part["b"] - part["a"]).abs().max() < 0.5


@pytest.mark.parametrize("columns", [["a", "b"], ["level"], ["a", "level"]])
def test_smote_serves_tables_of_numbers_of_levels_and_of_both(columns, train):
    pytest.importorskip("imblearn")
    rows = make_generator("smotenc").fit(train[[*columns, "y"]], "y", seed=0).sample(30)
    assert rows.shape == (30, len(columns) + 1)


def test_smote_serves_numbers_whose_squares_overflow(train):
    pytest.importorskip("imblearn")
    huge = train.assign(a=train["a"] * 1e300)
    rows, usual = (make_generator("smotenc").fit(table, "y", seed=0).sample(60) for table in (huge, train))
    np.testing.assert_allclose(rows["a"] / 1e300, usual["a"], rtol=1e-9)


def test_smote_copies_the_row_of_a_class_of_one(train):
    pytest.importorskip("imblearn")
    labels = train["y"].astype(str)
    labels[5] = "rare"
    rows = make_generator("smotenc").fit(train.assign(y=pd.Categorical(labels)), "y", seed=0).sample(240)
    assert rows.loc[rows["y"] == "rare", "a"].tolist() == [train["a"][5]] * 2


def test_smote_says_that_it_needs_two_classes(train):
    pytest.importorskip("imblearn")
    with pytest.raises(GeneratorError, match="SMOTE needs two classes"):
        make_generator("smotenc").fit(train.assign(y=pd.Categorical(["no"] * len(train))), "y", seed=0)


def test_smote_without_its_package_names_the_cure(train, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(GeneratorError, match=r"pip install 'causalmix\[baselines\]'"):
        make_generator("smotenc").fit(train, "y", seed=0)


@pytest.mark.parametrize(("name", "params"), [("copula", {"shrinkage": 0}), ("smotenc", {"k_neighbors": 0})])
def test_a_parameter_outside_its_range_is_named(name, params):
    with pytest.raises(ValueError, match=next(iter(params))):
        make_generator(name, **params)
