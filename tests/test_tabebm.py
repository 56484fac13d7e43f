"""TabEBM: energies of our own model, its gradient, and what Langevin steps do to rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from causalmix.generators import make_generator
from causalmix.generators.tabebm import ClassEnergy
from causalmix.models.base import ModelError
from causalmix.models.checkpoints import load_checkpoint, save_checkpoint
from causalmix.models.tab2d import Tab2D, Tab2DConfig


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint of random weights."""
    path = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    save_checkpoint(Tab2D(Tab2DConfig(dim=16, n_layers=2, n_heads=2)), path)
    return str(path)


@pytest.fixture
def energy(folder: str) -> ClassEnergy:
    rng = np.random.default_rng(0)
    corners = 5 * rng.choice([-1.0, 1.0], size=(4, 3))
    return ClassEnergy(load_checkpoint(folder), rng.normal(size=(20, 3)), corners)


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(15, 3))


def test_the_gradient_is_that_of_the_energy(energy, rows):
    _, gradient = energy.with_gradient(rows)
    for j in range(rows.shape[1]):
        step = np.zeros_like(rows)
        step[:, j] = 0.02
        slope = (energy.with_gradient(rows + step)[0] - energy.with_gradient(rows - step)[0]) / 0.04
        np.testing.assert_allclose(gradient[:, j], slope, atol=0.02 * np.abs(gradient).max())


def test_small_steps_against_the_gradient_lower_the_energy(energy, rows):
    start, _ = energy.with_gradient(rows)
    for _ in range(10):
        rows = rows - 0.02 * energy.with_gradient(rows)[1]
    assert energy.with_gradient(rows)[0].mean() < start.mean()


def test_a_row_does_not_change_the_energy_of_another(energy, rows):
    np.testing.assert_allclose(
        energy.with_gradient(rows)[0][:4], energy.with_gradient(rows[:4])[0], rtol=1e-4, atol=1e-5
    )


@pytest.fixture
def train() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    classes = np.repeat(["no", "yes"], [30, 10])
    return pd.DataFrame(
        {
            "a": rng.normal(size=40) + 5 * (classes == "yes"),
            "level": pd.Categorical(rng.choice(["x", "y", "z"], 40)),
            "y": pd.Categorical(classes),
        }
    )


def test_classes_keep_their_shares_and_their_place(folder, train):
    rows = make_generator("tabebm", model=folder, n_steps=3).fit(train, "y", seed=0).sample(40)
    assert rows["y"].value_counts().to_dict() == {"no": 30, "yes": 10}
    means = rows.groupby("y", observed=True)["a"].mean()
    assert means["yes"] - means["no"] > 2


def test_without_steps_that_move_the_rows_are_the_real_ones(folder, train):
    still = {"step_size": 0, "noise": 0, "start_noise": 0, "n_steps": 1}
    rows = make_generator("tabebm", model=folder, **still).fit(train, "y", seed=0).sample(40)
    order = ["y", "level", "a"]
    pd.testing.assert_frame_equal(
        rows.sort_values(order, ignore_index=True), train.sort_values(order, ignore_index=True)
    )


def test_one_table_does_not_change_the_rows_of_the_next(folder, train):
    def draw() -> pd.DataFrame:
        return make_generator("tabebm", model=folder, n_steps=2).fit(train, "y", seed=0).sample(20)

    first = draw()
    make_generator("tabebm", model=folder, n_steps=2).fit(train.iloc[::2], "y", seed=9).sample(5)
    pd.testing.assert_frame_equal(draw(), first)


def test_an_unknown_model_is_named(train):
    with pytest.raises(ModelError, match="unknown model 'no-such-model'"):
        make_generator("tabebm", model="no-such-model").fit(train, "y", seed=0).sample(4)
