"""The same runs read at other steps: known trajectories, then the claims decided each way."""

from __future__ import annotations

from dataclasses import replace
from math import nextafter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from causalmix.claims import load_claims
from causalmix.figures import load_selections, new_figure, plot_selections
from causalmix.locations import find_root
from causalmix.selection import (
    LAST,
    RECORDED,
    ROUNDED,
    SELECTIONS,
    TRAINED,
    Reselected,
    choose_steps,
    decide_by_selection,
    say_what_hangs_on_selection,
)
from causalmix.store import ResultStore
from tests.recorded import make_study

TABLES = tuple(f"table{i}" for i in range(6))


def trajectory(val_auc: list[float], val_log_loss: list[float], name: str = "a") -> pd.DataFrame:
    curves = {"val_auc": val_auc, "val_log_loss": val_log_loss}
    steps = np.arange(len(val_auc)) * 3
    test = {"test_auc": 0.5 + steps / 100, "test_log_loss": 1.0 - steps / 100}
    return pd.DataFrame({"spec_hash": name, "step": steps, **curves, **test})


@pytest.mark.parametrize(
    ("selection", "val_auc", "val_log_loss", "expected"),
    [
        (TRAINED, [0.9, 0.6, 0.8, 0.7], [1.0, 1.0, 1.0, 1.0], 6),
        (TRAINED, [0.9, 0.8, 0.8, 0.7], [1.0, 0.5, 0.4, 0.1], 6),
        (TRAINED, [0.9, 0.8, 0.8, 0.7], [1.0, 0.5, 0.5, 0.1], 3),
        (LAST, [0.1, 0.8, 0.9, 0.2], [1.0, 1.0, 1.0, 1.0], 9),
        (ROUNDED, [0.9, 0.8, 0.8, 0.7], [1.0, 0.5, 0.4, 0.1], 0),
        (ROUNDED, [0.6, 0.8, nextafter(0.8, 1), 0.7], [1.0, 0.4, 0.5, 0.1], 3),
        (TRAINED, [0.6, 0.8, nextafter(0.8, 1), 0.7], [1.0, 0.4, 0.5, 0.1], 6),
    ],
)
def test_the_step_is_the_best_one_or_the_last(selection, val_auc, val_log_loss, expected):
    curves = trajectory(val_auc, val_log_loss).sample(frac=1, random_state=0)
    (row,) = choose_steps(curves, selection).to_dict("records")
    assert row["step"] == expected and row["test_auc"] == pytest.approx(0.5 + expected / 100)


def test_an_unknown_selection_is_refused():
    with pytest.raises(ValueError, match=r"'first': name one of .* step, best step to 12 digits"):
        choose_steps(trajectory([0.5, 0.6], [1.0, 1.0]), "first")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("results") / "made_up", datasets=TABLES)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_only_scores_of_trained_runs_change_and_they_are_those_of_the_trajectory(study, selection):
    before, after = study.runs().set_index("spec_hash"), Reselected(study, selection).runs()
    assert list(after.columns) == list(study.runs().columns) and (after.dtypes == study.runs().dtypes).all()
    after = after.set_index("spec_hash")
    kept = [name for name in before if name not in ("selected_step", "val_auc", "test_auc", "test_log_loss")]
    pd.testing.assert_frame_equal(after[kept], before[kept])
    untrained = before["arm"] == "zero_shot"
    pd.testing.assert_frame_equal(after[untrained], before[untrained])
    curves = study.trajectories().set_index(["spec_hash", "step"])["test_auc"]
    for name, row in after[~untrained].iterrows():
        assert row["test_auc"] == curves[name, row["selected_step"]]
        assert selection == RECORDED or row["selected_step"] > 0
        assert selection != LAST or row["selected_step"] == curves[name].index.max()


def test_recorded_runs_that_kept_a_later_step_would_keep_it_again():
    study = ResultStore(find_root() / "results" / "paper")
    recorded, trained = study.runs(), Reselected(study, TRAINED).runs()
    later = recorded["selected_step"] > 0
    assert later.sum() > 1000
    pd.testing.assert_frame_equal(trained[later], recorded[later])
    tuned = (recorded["status"] == "ok") & (recorded["arm"] != "zero_shot")
    assert (trained.loc[tuned & ~later, "selected_step"] > 0).all()


def test_the_text_counts_the_runs_at_step_0_and_names_the_verdicts_that_change(study):
    claims = load_claims()
    verdicts = decide_by_selection(claims, study, resamples=200)
    assert list(verdicts) == [*SELECTIONS, ROUNDED]
    assert [verdict.id for verdict in verdicts[LAST]] == ["04", "05", "06", "07", "08", "09"]
    runs = study.runs()
    tuned = runs.index[runs["arm"] != "zero_shot"]
    runs.loc[tuned[:5], "selected_step"] = 0
    curves = [
        trajectory([0.6, 0.8, nextafter(0.8, 1), 0.7], [1.0, 0.4, 0.5, 0.1], "tied").assign(
            selected=[False, False, True, False]
        ),
        trajectory([0.6, 0.8, 0.9, 0.7], [1.0, 0.4, 0.5, 0.1], "clear").assign(
            selected=[False, False, True, False]
        ),
    ]
    read = SimpleNamespace(runs=lambda: runs, trajectories=lambda: pd.concat(curves, ignore_index=True))
    text = say_what_hangs_on_selection(read, verdicts)
    assert text.startswith(f"5 of {len(tuned)} fine-tuning runs kept step 0")
    assert "none of the 6 claims about the selected step (04–09) gets another verdict." in text
    assert text.count("\n|") == 2 + 6
    assert "to 12 digits, 1 run would have kept another step, and no claim gets another verdict." in text
    other = [replace(verdict, verdict="not reproduced") for verdict in verdicts[LAST][:2]]
    said = say_what_hangs_on_selection(read, {**verdicts, LAST: [*other, *verdicts[LAST][2:]]})
    assert "2 of the 6 claims about the selected step (04–09) get another verdict: " in said
    assert "at the best step after 0 none; at the last step *not reproduced* for 04, 05." in said
    said = say_what_hangs_on_selection(read, {**verdicts, ROUNDED: [*other, *verdicts[LAST][2:]]})
    assert "and another verdict is got: *not reproduced* for 04, 05." in said
    found = [replace(verdicts[LAST][2], verdict="reproduced", value=-0.0171, interval=(-0.0367, 0.00383))]
    firm = [replace(verdicts[RECORDED][2], verdict="partly")]
    said = say_what_hangs_on_selection(read, {RECORDED: firm, TRAINED: firm, LAST: found, ROUNDED: firm})
    assert "at the last step *reproduced* for 06 (−0.0171 [−0.0367, 0.00383])." in said


def test_the_figure_has_a_mark_per_selection_and_arm_on_each_panel(study):
    frame = load_selections(study, "difference")
    assert list(dict.fromkeys(frame["selection"])) == list(SELECTIONS)
    fig, ax = new_figure()
    plot_selections(frame, ax)
    for panel in fig.axes:
        assert [line.get_label() for line in panel.lines[:3]] == list(SELECTIONS)
        assert all(len(line.get_xdata()) == 3 for line in panel.lines[:3])
