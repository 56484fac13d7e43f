"""Every generator gives rows like the real ones: one contract, random mixed tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from causalmix.causal.schema import MISSING
from causalmix.generators import GENERATORS, Generator, GeneratorError, make_generator
from causalmix.models.checkpoints import save_checkpoint
from causalmix.models.tab2d import Tab2D, Tab2DConfig
from tests.canonical_tables import TARGET, canonical_tables

EXAMPLES = {"ctgan": 3, "tabebm": 5, "mixed_model": 3, "causal": 8}
"""Few where an example takes long."""

N_EXAMPLES = 30
N_SYNTHETIC = 25

PACKAGES = {"ctgan": ("ctgan",), "mixed_model": ("ctgan",), "smotenc": ("imblearn",)}
"""Optional packages by generator."""


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A checkpoint of random weights."""
    folder = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_checkpoint(Tab2D(Tab2DConfig(dim=8, n_layers=1, n_heads=2)), folder)
    return str(folder)


@pytest.fixture
def make(small_model: str):
    """Makes a generator of a name, small where size is a parameter."""
    small = {
        "causal": {"n_dags": 2, "n_bootstraps": 2},
        "ctgan": {"n_steps": 2},
        "tabebm": {"model": small_model, "n_steps": 2},
        "table_augment": {},
    }

    def _make(name: str) -> Generator:
        for package in PACKAGES.get(name, ()):
            pytest.importorskip(package)
        params = {"params": small} if name == "mixed_model" else small.get(name, {})
        return make_generator(name, **params)

    return _make


def assert_like(rows: pd.DataFrame, train: pd.DataFrame) -> None:
    """The rows have columns, dtypes, levels, bounds and missingness of the training rows."""
    assert list(rows.columns) == list(train.columns)
    assert rows.dtypes.to_dict() == train.dtypes.to_dict()
    assert not rows[TARGET].isna().any()
    for name in train:
        drawn, real = rows[name].dropna(), train[name].dropna()
        assert train[name].isna().any() or not rows[name].isna().any()
        if isinstance(train[name].dtype, pd.CategoricalDtype):
            assert set(drawn) <= set(real)
            continue
        assert np.isfinite(drawn).all()
        if len(drawn):
            assert real.min() <= drawn.min() and drawn.max() <= real.max()
        if (real == real.round()).all():
            assert (drawn == drawn.round()).all()


@pytest.mark.parametrize("name", GENERATORS)
def test_rows_have_the_columns_types_levels_bounds_and_missingness_of_the_real_ones(name, make):
    @settings(
        max_examples=EXAMPLES.get(name, N_EXAMPLES),
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(canonical_tables())
    def holds(train: pd.DataFrame) -> None:
        before = train.copy()
        generator = make(name).fit(train, TARGET, seed=3)
        rows = generator.sample(N_SYNTHETIC)
        assert len(rows) == N_SYNTHETIC
        assert list(rows.index) == list(range(N_SYNTHETIC))
        assert_like(rows, train)
        assert isinstance(generator, Generator)
        pd.testing.assert_frame_equal(train, before)

    holds()


@pytest.fixture
def train() -> pd.DataFrame:
    """48 mixed rows; the class "rare" has one row, the numbers of "yes" are often missing."""
    rng = np.random.default_rng(5)
    n = 48
    classes = np.array(["no", "yes"], dtype=object)[np.arange(n) % 2]
    classes[7] = "rare"
    a = rng.normal(size=n) + 3 * (classes == "yes")
    a[(classes == "yes") & (rng.random(n) < 0.5)] = np.nan
    level = np.where(rng.random(n) < 0.2, None, np.where(classes == "yes", "up", "down"))
    return pd.DataFrame(
        {
            "a": a,
            "b": rng.integers(0, 9, n).astype(float),
            "level": pd.Categorical(level, ["down", "up"]),
            TARGET: pd.Categorical(classes, ["no", "rare", "yes"]),
        }
    )


@pytest.mark.parametrize("name", GENERATORS)
def test_the_same_seed_gives_the_same_rows_and_another_seed_others(name, make, train):
    rows = make(name).fit(train, TARGET, seed=1).sample(20)
    np.random.random()  # noqa: NPY002 (the global generators must not matter)
    torch.rand(1)
    again = make(name).fit(train, TARGET, seed=1)
    pd.testing.assert_frame_equal(rows, again.sample(20))
    pd.testing.assert_frame_equal(rows, again.sample(20))
    assert not rows.equals(make(name).fit(train, TARGET, seed=2).sample(20))


@pytest.mark.parametrize("name", GENERATORS)
def test_the_global_generators_and_threads_are_as_before(name, make, train):
    before = np.random.get_state()[1].copy(), torch.get_rng_state(), torch.get_num_threads()  # noqa: NPY002
    make(name).fit(train, TARGET, seed=1).sample(5)
    assert (np.random.get_state()[1] == before[0]).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])
    assert torch.get_num_threads() == before[2]


@pytest.mark.parametrize("name", GENERATORS)
def test_no_rows_can_be_asked_for(name, make, train):
    assert_like(make(name).fit(train, TARGET, seed=1).sample(0), train)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_negative_number_of_rows_is_refused(name, make, train):
    with pytest.raises(ValueError, match="cannot draw -1 rows"):
        make(name).fit(train, TARGET, seed=1).sample(-1)


@pytest.mark.parametrize("name", GENERATORS)
def test_sampling_before_fitting_says_to_fit_first(name, make):
    with pytest.raises(RuntimeError, match="call fit"):
        make(name).sample(1)


@pytest.mark.parametrize("name", GENERATORS)
def test_the_level_that_stands_for_missing_values_is_refused(name, make, train):
    taken = train.assign(c=pd.Categorical([MISSING, "u"] * (len(train) // 2)))
    with pytest.raises(GeneratorError, match=f"column 'c' has the level '{MISSING}'.*rename it"):
        make(name).fit(taken, TARGET, seed=1)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_column_that_is_not_canonical_is_named(name, make, train):
    with pytest.raises(GeneratorError, match="column 'b' has dtype int64"):
        make(name).fit(train.astype({"b": "int64"}), TARGET, seed=1)
