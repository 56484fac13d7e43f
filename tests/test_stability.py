"""Known answers of the stability measures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalmix.record_files import read_record
from causalmix.specs import RunSpec
from causalmix.stability import (
    STABILITY_MEASURES,
    early_stopping_regret,
    fold_dispersion,
    measure_stability,
    seed_dispersion,
    steps_to_best,
    tail_volatility,
    validation_test_gap,
)
from causalmix.trajectory import CURVES, Trajectory
from tests.recorded import make_study


def trajectory_of(steps=None, selected=None, **curves) -> Trajectory:
    length = len(next(iter(curves.values())))
    steps = steps or tuple(range(0, 5 * length, 5))
    full = {curve: tuple(curves.get(curve, (0.5,) * length)) for curve in CURVES}
    return Trajectory(steps=steps, selected_step=steps[-1] if selected is None else selected, **full)


def test_a_validation_loss_that_falls_evenly_has_no_volatility():
    assert tail_volatility(trajectory_of(val_log_loss=(0.9, 0.8, 0.7, 0.6, 0.5))) == pytest.approx(0)


def test_volatility_is_the_sd_of_changes_in_the_second_half_only():
    calm_at_the_end = trajectory_of(val_log_loss=(0.9, 0.1, 0.7, 0.6, 0.5))
    wobbling_at_the_end = trajectory_of(val_log_loss=(0.9, 0.8, 0.7, 0.8, 0.7))
    assert tail_volatility(calm_at_the_end) == pytest.approx(0)
    assert tail_volatility(wobbling_at_the_end) == pytest.approx(np.std([0.1, -0.1], ddof=1))


def test_volatility_of_a_trajectory_with_one_change_is_undefined():
    assert math.isnan(tail_volatility(trajectory_of(val_log_loss=(0.9, 0.8))))


def test_a_monotone_trajectory_stopped_at_its_end_has_no_regret():
    assert early_stopping_regret(trajectory_of(test_auc=(0.6, 0.7, 0.8))) == 0


def test_regret_is_what_the_selected_step_leaves_on_the_table():
    stopped_early = trajectory_of(test_auc=(0.6, 0.7, 0.9), selected=5)
    assert early_stopping_regret(stopped_early) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("validation", "test", "gap"),
    [
        ((0.6, 0.7, 0.8), (0.5, 0.55, 0.9), 0.0),
        ((0.6, 0.7, 0.8), (0.9, 0.7, 0.5), 2.0),
        ((0.6, 0.8, 0.7, 0.9), (0.6, 0.7, 0.8, 0.9), 0.2),
    ],
)
def test_the_gap_is_one_minus_the_rank_correlation(validation, test, gap):
    assert validation_test_gap(trajectory_of(val_auc=validation, test_auc=test)) == pytest.approx(gap)


@pytest.mark.parametrize("flat", ["val_auc", "test_auc"])
def test_the_gap_is_undefined_where_a_curve_is_flat(flat):
    curves = {"val_auc": (0.6, 0.7, 0.8), "test_auc": (0.6, 0.7, 0.8), flat: (0.5, 0.5, 0.5)}
    assert math.isnan(validation_test_gap(trajectory_of(**curves)))


def test_roc_aucs_that_differ_in_the_last_digit_of_a_float_are_equal():
    above = math.nextafter(0.7, 1)
    tied = trajectory_of(val_auc=(0.6, 0.7, above, 0.7), test_auc=(0.5, 0.8, 0.8, 0.8), selected=5)
    assert validation_test_gap(tied) == 0
    assert early_stopping_regret(trajectory_of(test_auc=(0.5, 0.7, above), selected=5)) == 0
    assert math.isnan(validation_test_gap(trajectory_of(val_auc=(0.7, above, 0.7), test_auc=(0.6, 0.7, 0.8))))


def test_steps_to_best_is_the_first_lowest_validation_loss():
    assert steps_to_best(trajectory_of(val_log_loss=(0.6, 0.4, 0.5, 0.4))) == 5


def test_steps_to_best_is_zero_where_fine_tuning_only_hurts():
    assert steps_to_best(trajectory_of(val_log_loss=(0.4, 0.5, 0.6))) == 0


def test_dispersion_over_folds_averages_repeats_first():
    scores = pd.DataFrame(
        {
            "dataset": "wine",
            "arm": "default",
            "fold": [0, 0, 1, 1],
            "repeat": [0, 1, 0, 1],
            "score": [0.0, 0.2, 0.3, 0.3],
        }
    )
    assert fold_dispersion(scores)["fold_dispersion"].item() == pytest.approx(np.std([0.1, 0.3], ddof=1))
    assert seed_dispersion(scores)["seed_dispersion"].item() == pytest.approx(np.std([0.0, 0.2], ddof=1) / 2)


def test_as_many_repeats_are_reported_as_every_fold_has():
    cells = {"dataset": "wine", "arm": "default", "fold": [0, 0, 0, 1, 1], "repeat": [0, 1, 2, 0, 1]}
    assert seed_dispersion(pd.DataFrame({**cells, "score": 0.1}))["n_repeats"].item() == 2


def test_dispersion_of_a_single_fold_is_undefined():
    scores = pd.DataFrame({"dataset": "wine", "arm": "scm", "fold": [0], "repeat": [0], "score": [0.1]})
    assert math.isnan(fold_dispersion(scores)["fold_dispersion"].item())
    assert math.isnan(seed_dispersion(scores)["seed_dispersion"].item())


def test_every_run_of_a_study_gets_every_measure(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("a", "b"), n_folds=2, keep_records=True)
    measures = measure_stability(store.trajectories())
    assert len(measures) == len(store.runs())
    assert set(STABILITY_MEASURES) <= set(measures.columns)
    spec = RunSpec("made_up", "bundled", "a", 0, "default", "made-up")
    record = read_record(store.records / f"{spec.spec_hash}.json")
    row = measures.set_index("spec_hash").loc[record.spec.spec_hash]
    assert row["tail_volatility"] == pytest.approx(tail_volatility(record.trajectory))


def test_some_measures_alone_are_those_of_all(tmp_path):
    trajectories = make_study(tmp_path / "made_up", datasets=("a",), n_folds=2).trajectories()
    every = measure_stability(trajectories)
    for measure in STABILITY_MEASURES:
        alone = measure_stability(trajectories, [measure])
        others = [name for name in STABILITY_MEASURES if name != measure]
        pd.testing.assert_frame_equal(alone, every.drop(columns=others))
    with pytest.raises(ValueError, match=r"unknown stability measures \['regret'\]: choose among"):
        measure_stability(trajectories, ["regret"])


def test_measures_do_not_depend_on_the_order_of_the_rows(tmp_path):
    trajectories = make_study(tmp_path / "made_up", datasets=("a",), n_folds=1).trajectories()
    shuffled = trajectories.sample(frac=1, random_state=0)
    found, expected = (measure_stability(one).set_index("spec_hash") for one in (shuffled, trajectories))
    pd.testing.assert_frame_equal(found.loc[expected.index], expected)


def test_a_run_without_a_selected_step_is_refused(tmp_path):
    trajectories = make_study(tmp_path / "made_up", datasets=("a",), n_folds=1).trajectories()
    with pytest.raises(ValueError, match="0 selected steps"):
        measure_stability(trajectories.assign(selected=False))


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="val_auc"):
        measure_stability(pd.DataFrame({"spec_hash": ["a"]}))


@given(st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 3), min_size=3, max_size=12))
def test_measures_stay_in_their_range(points):
    validation, test, loss = zip(*points, strict=True)
    run = trajectory_of(val_auc=validation, test_auc=test, val_log_loss=loss, selected=5)
    assert 0 <= early_stopping_regret(run) <= 1
    assert steps_to_best(run) in run.steps
    gap, volatility = validation_test_gap(run), tail_volatility(run)
    assert math.isnan(gap) or -1e-9 <= gap <= 2 + 1e-9
    assert math.isnan(volatility) or volatility >= 0


@given(st.lists(st.floats(0, 1, width=32), min_size=5, max_size=12), st.floats(-1, 1))
def test_volatility_does_not_see_a_shift_of_the_loss(losses, shift):
    shifted = tuple(loss + shift for loss in losses)
    expected = tail_volatility(trajectory_of(val_log_loss=losses))
    assert tail_volatility(trajectory_of(val_log_loss=shifted)) == pytest.approx(expected, abs=1e-9)
