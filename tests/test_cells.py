"""One run per cell and arm, or a message that says in what they differ."""

from __future__ import annotations

import json
from dataclasses import asdict

import pandas as pd
import pytest

from causalmix.cells import SETTINGS, AnalysisError, check_one_run_per_cell
from causalmix.data import Protocol
from causalmix.rows import run_rows
from tests.runs import make_record, make_spec

ONCE = {"dataset": "wine", "fold": 0, "repeat": 0, "arm": "default"}


def runs_of(*specs) -> pd.DataFrame:
    return pd.DataFrame([row for spec in specs for row in run_rows(make_record(spec))])


def refusal(table: pd.DataFrame) -> str:
    with pytest.raises(AnalysisError) as error:
        check_one_run_per_cell(table)
    return str(error.value)


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("model", ("mini", "mitra")),
        ("preset", ("smoke", "causalmix")),
        ("synthetic_ratio", (0.5, 2.0)),
        ("n_steps", (0, 9)),
        ("protocol", (Protocol(), Protocol(n_folds=3))),
    ],
)
def test_only_the_setting_in_which_the_runs_differ_is_named(setting, values):
    runs = runs_of(*(make_spec(**{setting: value}) for value in values))
    assert refusal(runs).endswith(f": choose one {setting}")


def test_a_row_limit_is_named_for_itself_and_not_as_another_protocol():
    limits = [Protocol(max_train_rows=limit) for limit in (64, 256)]
    assert refusal(runs_of(*(make_spec(protocol=one) for one in limits))).endswith(
        ": choose one max_train_rows"
    )
    other = [Protocol(max_train_rows=64), Protocol(n_folds=3)]
    assert refusal(runs_of(*(make_spec(protocol=one) for one in other))).endswith(
        ": choose one max_train_rows, one protocol"
    )


def test_what_varies_between_cells_only_is_not_named():
    runs = runs_of(make_spec("zero_shot", preset="smoke"), *(make_spec(synthetic_ratio=r) for r in (1, 2)))
    assert refusal(runs).endswith(": choose one synthetic_ratio")


def test_runs_that_are_there_twice_and_settings_without_a_column_are_named():
    assert refusal(runs_of(make_spec(), make_spec())).endswith(": each is there twice, keep one")
    unknown = refusal(pd.DataFrame([ONCE, ONCE]).assign(model="mini"))
    assert unknown.endswith(": choose one " + ", one ".join(name for name in SETTINGS if name != "model"))


def test_one_run_per_cell_is_let_through():
    check_one_run_per_cell(runs_of(make_spec(), make_spec("default"), make_spec(fold=1)))
    check_one_run_per_cell(pd.DataFrame([{**ONCE, "protocol": json.dumps(asdict(Protocol()))}]))
