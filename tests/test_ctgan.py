"""CTGAN: small batches that train, one process, and a clear word where the package is absent."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from causalmix.generators import GeneratorError, make_generator


@pytest.fixture
def train() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 192
    positive = rng.random(n) < 0.5
    return pd.DataFrame(
        {"a": rng.normal(size=n) + 4 * positive, "y": pd.Categorical(np.where(positive, "yes", "no"))}
    )


def test_the_gradient_steps_are_recorded_and_as_many_as_asked_for(train):
    pytest.importorskip("ctgan")
    generator = make_generator("ctgan", n_steps=7).fit(train, "y", seed=0)
    assert generator.metadata == {"n_gradient_steps": 9, "n_epochs": 3, "batch_size": 60}
    assert len(generator._network.loss_values) == 3


def test_no_worker_process_is_started_for_a_long_table(train, monkeypatch):
    pytest.importorskip("ctgan")
    import joblib.externals.loky

    def refuse(*args, **kwargs):
        raise AssertionError("worker processes were asked for")

    monkeypatch.setattr(joblib.externals.loky, "get_reusable_executor", refuse)
    monkeypatch.setattr("joblib._parallel_backends.get_memmapping_executor", refuse)
    long = pd.concat([train] * 3, ignore_index=True)
    assert len(make_generator("ctgan", n_steps=1).fit(long, "y", seed=0).sample(10)) == 10


def test_training_makes_the_classes_differ_as_the_real_ones_do(train):
    pytest.importorskip("ctgan")
    rows = make_generator("ctgan", n_steps=300).fit(train, "y", seed=0).sample(400)
    means = rows.groupby("y", observed=True)["a"].mean()
    assert means["yes"] - means["no"] > 0.5


def test_numbers_whose_squares_overflow_are_served(train):
    pytest.importorskip("ctgan")
    huge = train.assign(a=train["a"] * 1e300)
    rows = make_generator("ctgan", n_steps=20).fit(huge, "y", seed=0).sample(50)
    assert rows["a"].between(huge["a"].min(), huge["a"].max()).all() and rows["a"].nunique() > 25


def test_without_the_package_the_error_names_the_cure(train, monkeypatch):
    monkeypatch.setitem(sys.modules, "ctgan", None)
    with pytest.raises(GeneratorError, match=r"pip install 'causalmix\[baselines\]'"):
        make_generator("ctgan").fit(train, "y", seed=0)


@pytest.mark.parametrize("batch_size", [0, 25, 30 + 1, 50 + 5])
def test_a_batch_that_cannot_be_grouped_is_refused(batch_size):
    with pytest.raises(ValueError, match="even multiple of 10"):
        make_generator("ctgan", batch_size=batch_size)
