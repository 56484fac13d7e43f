"""MixedModel: equal shares of its members, and none of them silently left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalmix.generators import GeneratorError
from causalmix.generators import mixed as mixed_module
from causalmix.generators.mixed import MEMBERS, MixedModelGenerator
from causalmix.generators.table import TableGenerator


class Marked(TableGenerator):
    """Rows that all hold one number."""

    def __init__(self, mark: float) -> None:
        super().__init__()
        self.mark = mark

    def _learn(self) -> None:
        self.metadata = {"mark": self.mark}

    def _draw(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        return self._train.iloc[[0] * n].assign(a=self.mark)


class Refusing(Marked):
    def _learn(self) -> None:
        raise GeneratorError("this table is too blue")


@pytest.fixture
def train() -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(8.0), "y": pd.Categorical(["no", "yes"] * 4)})


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"one": lambda: Marked(1.0), "two": lambda: Marked(2.0), "bad": lambda: Refusing(3.0)}
    monkeypatch.setattr(mixed_module, "MEMBERS", made)


def test_each_member_gives_an_equal_share_in_random_order(members, train):
    rows = MixedModelGenerator(["one", "two"]).fit(train, "y", seed=0).sample(11)
    assert rows["a"].value_counts().to_dict() == {1.0: 6, 2.0: 5}
    assert rows["a"].tolist() != sorted(rows["a"])


def test_the_metadata_of_each_member_is_kept(members, train):
    fitted = MixedModelGenerator(["one", "two"]).fit(train, "y", seed=0)
    assert fitted.metadata == {"one": {"mark": 1.0}, "two": {"mark": 2.0}}


def test_a_member_that_cannot_serve_the_table_fails_the_whole_and_is_named(members, train):
    with pytest.raises(GeneratorError, match="member 'bad' of the mixed model: this table is too blue"):
        MixedModelGenerator(["one", "bad"]).fit(train, "y", seed=0)


@pytest.mark.parametrize("make", [lambda: Refusing(3.0), lambda: MixedModelGenerator(["one", "bad"])])
def test_a_generator_that_could_not_be_fitted_draws_no_rows(members, train, make):
    generator = make()
    with pytest.raises(GeneratorError, match="too blue"):
        generator.fit(train, "y", seed=0)
    with pytest.raises(RuntimeError, match="is not fitted yet"):
        generator.sample(2)


def test_an_unknown_member_is_refused():
    with pytest.raises(ValueError, match="members must be some of causal, ctgan"):
        MixedModelGenerator(["nobody"])


def test_the_members_are_the_papers_purely_synthetic_generators():
    assert MixedModelGenerator().members == tuple(MEMBERS) == ("causal", "ctgan", "tabebm", "table_augment")
