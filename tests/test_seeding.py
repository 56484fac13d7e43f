from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalmix.seeding import MAX_SEED, derive_seed, temporary_seed

PARTS = st.lists(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()))


@dataclass(frozen=True)
class Setting:
    number: object
    others: object


SEED_OF_A_SETTING = 1089340597
"""Of Setting(3, (0.5,)): seeds of dataclasses never change."""


@given(PARTS)
def test_a_seed_lies_in_range_and_repeats(parts):
    assert 0 <= derive_seed(*parts) < MAX_SEED
    assert derive_seed(*parts) == derive_seed(*parts)


def test_a_seed_is_the_same_in_every_process():
    parts = "'iris', 3, ('a', 0.5), {'b': 1, 'a': 2}"
    code = f"from causalmix.seeding import derive_seed; print(derive_seed({parts}))"
    seeds = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    }
    assert seeds == {f"{derive_seed('iris', 3, ('a', 0.5), {'a': 2, 'b': 1})}\n"}


def test_parts_do_not_run_into_each_other():
    assert (
        len({derive_seed("ab", "c"), derive_seed("a", "bc"), derive_seed("abc"), derive_seed(("ab", "c"))})
        == 4
    )


def test_numpy_numbers_count_as_python_numbers():
    assert derive_seed(np.int64(3), np.float64(0.5), [np.int8(1)]) == derive_seed(3, 0.5, [1])


def test_numpy_numbers_count_as_python_numbers_in_a_dataclass():
    setting = Setting(np.int64(3), (np.float64(0.5),))
    assert derive_seed(setting) == derive_seed(Setting(3, (0.5,))) == SEED_OF_A_SETTING
    assert isinstance(setting.number, np.int64)


@pytest.mark.parametrize(
    "part",
    [{"a", "b"}, Setting(1, frozenset("ab")), [Setting({"a"}, ())], object()],
    ids=["set", "frozenset in a dataclass", "set in a dataclass in a list", "object"],
)
def test_a_part_without_a_stable_text_is_refused(part):
    with pytest.raises(TypeError, match="instead"):
        derive_seed(part)


def test_temporary_seed_repeats_draws_and_puts_the_states_back():
    import torch

    def draw():
        return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002

    expected_after = []
    for use_block in (False, True):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)
        if use_block:
            with temporary_seed(5):
                first = draw()
            with temporary_seed(5):
                assert draw() == first
        expected_after.append(draw())
    assert expected_after[0] == expected_after[1] != first


def test_the_states_are_put_back_after_an_error():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(RuntimeError), temporary_seed(5):
        raise RuntimeError
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_importing_causalmix_and_its_data_loads_no_torch_and_no_dowhy():
    code = (
        "import sys, causalmix; assert 'pandas' not in sys.modules; causalmix.load_dataset; "
        "print(sorted({'torch', 'dowhy', 'causallearn'} & set(sys.modules)), causalmix.__version__ != '')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"


def test_an_unknown_public_name_is_an_attribute_error():
    import causalmix

    with pytest.raises(AttributeError, match="nothing_here"):
        _ = causalmix.nothing_here
    assert "load_table" in dir(causalmix)
