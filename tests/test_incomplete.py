"""Incomplete tables are named, and the claims are decided with and without them."""

from __future__ import annotations

import pandas as pd
import pytest

from causalmix.figures import load_completeness, new_figure, plot_completeness
from causalmix.incomplete import (
    ALL,
    WHOLE,
    decide_with_and_without,
    incomplete_tables,
    say_what_hangs_on_incomplete,
    whole_only,
)
from causalmix.locations import find_root
from causalmix.notebook import open_study
from causalmix.rules import load_claims
from causalmix.specs import OWN_TABLE
from causalmix.study_view import StudyView
from tests.recorded import DIAL_LIFTS, make_study

TABLES = tuple(f"table{i}" for i in range(21))
PART = "table20"


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> tuple[StudyView, StudyView]:
    folder = tmp_path_factory.mktemp("results")
    make_study(folder / "ours", datasets=TABLES, n_folds=2)
    make_study(folder / "dial", datasets=TABLES, n_folds=1, lifts=DIAL_LIFTS, depth_steadies=True)
    return open_study(str(folder / "ours")), open_study(str(folder / "dial"))


@pytest.fixture
def record(studies, tmp_path):
    """What `causalmix data check --out` writes; another table is incomplete in another version of it."""
    used = studies[0].runs().set_index("dataset")["data_fingerprint"].groupby(level=0).first()
    rows = pd.DataFrame(
        {
            "name": [PART, "table0", "table1"],
            "shape": ["7 of 90 rows", "8 of 90 rows", "as TabArena"],
            "fingerprint": [used[PART], "another", used["table1"]],
            "verdict": ["partial", "partial", "ok"],
        }
    )
    rows.to_csv(tmp_path / "tables.csv", index=False)
    return tmp_path / "tables.csv"


def test_a_table_is_incomplete_by_its_fingerprint(studies, record, tmp_path):
    found = incomplete_tables(studies[0].runs(), record)
    assert found.to_dict("records") == [{"dataset": PART, "shape": "7 of 90 rows"}]
    assert incomplete_tables(studies[0].runs(), tmp_path / "absent.csv").empty
    whole = whole_only(studies[0], record)
    assert set(whole.runs()["dataset"]) == set(TABLES) - {PART}
    assert set(whole.trajectories()["dataset"]) == set(TABLES) - {PART}


def test_claims_are_decided_with_and_without_incomplete_tables(studies, record):
    verdicts = decide_with_and_without(load_claims(), *studies, record=record)
    for name, n_datasets in ((ALL, 21), (WHOLE, 20)):
        assert {one.n_datasets for one in verdicts[name]} == {n_datasets}
        assert [one.id for one in verdicts[name]][-1] == "19"
    text = say_what_hangs_on_incomplete(incomplete_tables(studies[0].runs(), record), verdicts)
    assert (
        f"Of *{PART}* (7 of 90 rows) only a part" in text
        and "of the 8 claims about results and stability (04–09, 18, 19)" in text
    )
    then, now = (f"{verdicts[name][-1].value:.3g} [".replace("-", "−") for name in (ALL, WHOLE))
    assert text.index(now) < text.index("in place of") < text.index(then)
    assert "No table of these runs" in say_what_hangs_on_incomplete(pd.DataFrame(), verdicts)


def test_the_figure_shows_every_arm_with_and_without(studies, monkeypatch, record):
    monkeypatch.setattr("causalmix.incomplete.find_root", lambda: record.parent)
    monkeypatch.setattr("causalmix.incomplete.RECORD", record.name)
    frame = load_completeness(studies[0])
    assert frame.groupby("tables", sort=False)["n_datasets"].first().to_dict() == {ALL: 21, WHOLE: 20}
    fig, ax = new_figure()
    plot_completeness(frame, ax)
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [ALL, WHOLE]


def test_the_recorded_tables_are_those_of_the_recorded_runs():
    root = find_root()
    tables = pd.read_csv(root / "results" / "tables.csv").set_index("name")["fingerprint"]
    for path in sorted(root.glob("results/*/runs.parquet")):
        columns = ["suite", "dataset", "data_fingerprint"]
        runs = pd.read_parquet(path, columns=columns).drop_duplicates()
        runs = runs[runs["suite"] != OWN_TABLE]  # of whoever ran the README's commands here
        assert (runs["data_fingerprint"] == runs["dataset"].map(tables)).all(), path
