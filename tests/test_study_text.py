"""What the book says about the studies that were run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from causalmix.book.controls_text import tables_text
from causalmix.book.depth_text import earlier_text
from causalmix.book.study import Study, open_study
from causalmix.book.study_text import study_summary, verdict_caveat
from causalmix.profiles import PROFILES
from tests.book_checkout import ROOT
from tests.recorded import CONTROL_LIFTS, make_study


def test_a_study_with_more_folds_of_some_tables_names_a_command_for_each_set_of_folds(tmp_path: Path) -> None:
    store = make_study(tmp_path / "controls", lifts=CONTROL_LIFTS, n_folds=2)
    ragged = replace(
        open_study(store.root), runs=store.runs().query("fold == 0 or dataset in ['table0', 'table1']")
    )
    text = study_summary(ragged)
    assert "64 runs (6 data sets × 1 to 2 folds × 8 arms)" in text
    assert "--folds 0` and `causalmix run --profile controls --datasets table0,table1 --folds 1`" in text


def test_the_chapter_on_controls_tells_the_tables_that_were_run_first_from_the_others(tmp_path: Path) -> None:
    study = open_study(make_study(tmp_path / "controls", lifts=CONTROL_LIFTS, n_folds=1).root)
    first = dict(zip(["table0", "table1", "table2"], PROFILES["first-look"].datasets[:3], strict=True))
    mixed = study.runs.assign(dataset=study.runs["dataset"].replace(first))
    mixed.loc[mixed["dataset"].isin(first.values()) & (mixed["arm"] == "causalmix"), "test_auc"] = 0.5
    text = tables_text(replace(study, runs=mixed))
    assert "on the former" in text and "on the 3 others" in text
    former, others = re.findall(r"(.)\d?\.\d+ \[", text.split("is ")[-1])
    assert (former, others) == ("−", "+")


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (("embedded-mini", "embedded-mini-2"), "a small model of Mitra's architecture."),
        (("mitra@main",), "the paper's own model."),
        (("tabpfn-v1",), "not the paper's."),
        (("mitra-v2",), "not the paper's."),
        (("mitra", "/home/mitra/my-net"), "not the paper's."),
    ],
)
def test_only_mitra_is_the_papers_model(models, words):
    study = Study(Path("s"), {"models": dict.fromkeys(models, 1)}, pd.DataFrame())
    assert verdict_caveat(study).startswith(words)


def test_earlier_records_of_a_study_are_listed_with_their_verdicts(tmp_path: Path) -> None:
    assert earlier_text(tmp_path / "earlier.json") == ""
    recorded = json.loads((ROOT / "results" / "depth" / "earlier.json").read_text(encoding="utf-8"))
    text = earlier_text(ROOT / "results" / "depth" / "earlier.json")
    for earlier in recorded:
        assert f"`{earlier['commit']}`" in text and earlier["reason"] in text
        assert f"{earlier['verdict']['n_datasets']} tables" in text
