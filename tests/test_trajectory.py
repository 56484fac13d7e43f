"""What a trajectory promises."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalmix.trajectory import CURVES, Trajectory


def make_trajectory(steps=(0, 3, 6), selected_step=3, **curves) -> Trajectory:
    values = {curve: tuple(0.5 + 0.01 * i for i in range(len(steps))) for curve in CURVES} | curves
    return Trajectory(steps=tuple(steps), selected_step=selected_step, **values)


measured = st.floats(width=64) | st.just(math.nan)


@given(st.lists(measured, min_size=3, max_size=3))
def test_a_trajectory_survives_json_exactly_nan_and_infinity_included(values):
    run = make_trajectory(train_loss=tuple(values))
    text = json.dumps(run.to_dict(), allow_nan=False)
    assert repr(Trajectory.from_dict(json.loads(text))) == repr(run)


def test_selected_and_start_values_are_read_by_step():
    run = make_trajectory(steps=(0, 3, 6), selected_step=6, test_auc=(0.5, 0.7, 0.6))
    assert run.at_selected("test_auc") == 0.6
    assert run.at_start("test_auc") == 0.5


def test_the_zero_shot_trajectory_is_a_single_step():
    run = make_trajectory(steps=(0,), selected_step=0)
    assert run.at_selected("val_auc") == run.at_start("val_auc")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": (1, 2, 3), "selected_step": 1}, "starts at step 0"),
        ({"steps": (0, 3, 3)}, "increase strictly"),
        ({"test_auc": (0.5,)}, "test_auc has 1 values for 3 evaluation steps"),
        ({"selected_step": 4}, "selected_step 4 is not an evaluation step"),
    ],
)
def test_a_trajectory_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make_trajectory(**change)
