"""What the book says about the studies that were run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from causalmix.book.claims_text import reference_values
from causalmix.book.controls_text import tables_text
from causalmix.book.depth_records_text import earlier_text
from causalmix.book.depth_text import reservations
from causalmix.book.findings_text import (
    against_controls,
    clearest_difference,
    compare_leads,
    found_so_far,
    in_short,
    verdict_caveat,
    with_remarks,
)
from causalmix.book.study import Study, open_study
from causalmix.book.study_text import study_summary
from causalmix.book.text import number
from causalmix.profiles import PROFILES
from causalmix.verdicts import Verdict
from tests.book_checkout import ROOT
from tests.recorded import CONTROL_LIFTS, make_study


def test_a_study_with_more_folds_of_some_tables_names_a_command_for_each_set_of_folds(tmp_path: Path) -> None:
    store = make_study(tmp_path / "controls", lifts=CONTROL_LIFTS, n_folds=2)
    ragged = replace(
        open_study(store.root), runs=store.runs().query("fold == 0 or dataset in ['table0', 'table1']")
    )
    text = study_summary(ragged)
    assert "64 runs (6 tables × 1 to 2 folds × 8 arms)" in text
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


def test_the_published_values_name_the_medians_of_both_mixed_and_plain_fine_tuning() -> None:
    claims = yaml.safe_load((ROOT / "notebooks" / "claims.yml").read_text(encoding="utf-8"))["claims"]
    text = reference_values(claims)
    for name, arm in (("04", "causalmix"), ("05", "default")):
        claim = next(one for one in claims if one["id"] == name)
        row = [f"* - {name}", f"  - {claim['title']}", f"  - `{arm}`", f"  - {number(claim['reference'])}"]
        assert "\n".join(row) in text


def test_earlier_records_of_a_study_are_listed_with_their_verdicts(tmp_path: Path) -> None:
    assert earlier_text(tmp_path / "earlier.json") == ""
    recorded = json.loads((ROOT / "results" / "depth" / "earlier.json").read_text(encoding="utf-8"))
    text = earlier_text(ROOT / "results" / "depth" / "earlier.json")
    for earlier in recorded:
        assert f"`{earlier['commit']}`" in text and earlier["reason"] in text
        assert f"{earlier['verdict']['n_datasets']} tables" in text


@pytest.mark.parametrize(
    ("lift", "words"), [(0.2, "did better than"), (-0.2, "did worse than"), (0, "could not be told from")]
)
def test_the_first_paragraph_says_which_arm_did_better_and_for_which_model(tmp_path, lift, words) -> None:
    store = make_study(tmp_path / "made_up", lifts={"default": 0.1, "causalmix": 0.1 + lift}, n_folds=2)
    given = {"id": "18", "title": "t", "sentence": "s", "kind": "empirical", "rule": "r", "reference": 0.37}
    gap = Verdict(**given, verdict="reproduced", value=0.3, interval=(0.1, 0.5))
    text = in_short(open_study(store.root), [gap])
    assert (
        f"{words} plain fine-tuning" in text.split(":")[0]
        and "12 pairs of runs of the study `made_up`)." in text
    )
    assert "fell by 0.30 [0.10, 0.50] from plain fine-tuning to CausalMixFT. " in text
    assert "The paper's fall of 0.37 is not excluded for this model." in text
    assert text.endswith("Whether any of this holds for Mitra, the paper's model, was not tested.")


def test_the_first_paragraph_gives_medians_gap_and_depth_with_their_intervals(tmp_path: Path) -> None:
    store = make_study(tmp_path / "made_up", lifts={"default": 0.1, "causalmix": 0.1}, n_folds=1)
    given = {"title": "t", "sentence": "s", "rule": "r", "verdict": "partly", "kind": "empirical"}
    ours = Verdict("04", **given, value=0.02, interval=(0.01, 0.03), reference=0.12)
    plain = Verdict("05", **given, value=-0.01, interval=(-0.02, 0.0), reference=-0.1)
    gap = Verdict("18", **given, value=-0.02, interval=(-0.2, 0.15), reference=0.37)
    depth = Verdict(
        "19", **given | {"kind": "exploratory"}, value=0.05, interval=(-0.02, 0.117), tolerance=0.2
    )
    text = in_short(open_study(store.root), [ours, plain, gap, depth])
    assert re.search(r"\+0\.020 \[\+0\.010, \+0\.030] \(mean over tables [^)]+\) for CausalMixFT", text)
    assert re.search(r"−0\.010 \[−0\.020, \+0\.000] \(mean over tables [^)]+\) for plain fine-tuning", text)
    assert "The paper's medians, +0.12 and −0.10, are Mitra's" in text
    assert (
        ": a gain in the median for CausalMixFT, no clear gain in the median for plain fine-tuning;" in text
    )
    assert "rose by 0.02 [−0.15, 0.20] from plain fine-tuning to CausalMixFT: no clear change." in text
    assert "fall of 0.37 is excluded for this model" in text
    assert "Their rank correlation is +0.050 [−0.020, +0.117]; above zero, deeper graphs are less" in text
    assert "0.20 was fixed beforehand" in text and "number of edges" not in text
    neither = in_short(open_study(store.root), [replace(ours, interval=(0, 0.03)), plain])
    assert ": no clear gain in the median for CausalMixFT and plain fine-tuning;" in neither
    assert "rose by" not in neither
    unknown = replace(gap, interval=(float("nan"), float("nan")))
    assert "is not excluded" in in_short(open_study(store.root), [unknown])


def test_the_first_paragraph_says_how_many_runs_kept_the_pretrained_model(tmp_path: Path) -> None:
    study = open_study(make_study(tmp_path / "made_up", lifts={"default": 0.1, "causalmix": 0.1}).root)
    given = {"title": "t", "sentence": "s", "rule": "r", "verdict": "partly", "kind": "empirical"}
    ours = Verdict("04", **given, value=0.0, interval=(0.0, 0.1), reference=0.12)
    own = study.runs["arm"] == "causalmix"
    kept = study.runs.assign(selected_step=1 - (own & (study.runs["fold"] == 0)).astype(int))
    share = f"{100 * (kept.loc[own, 'selected_step'] == 0).mean():.0f} %"
    text = in_short(replace(study, runs=kept), [ours])
    assert f"Of these runs {share} kept step 0" in text and "partly why the medians" in text
    assert "partly why" not in in_short(replace(study, runs=kept), [replace(ours, interval=(0.1, 0.2))])
    assert "kept step 0" not in in_short(replace(study, runs=kept.assign(selected_step=1)), [ours])


@pytest.mark.parametrize(
    ("p_value", "told"), [(0.3, "no effect of depth on it could be seen"), (0.01, "an effect of")]
)
def test_the_first_paragraph_says_whether_depth_matters_beyond_the_number_of_edges(tmp_path, p_value, told):
    study = open_study(make_study(tmp_path / "made_up", n_folds=1).root)
    given = {"title": "t", "sentence": "s", "rule": "r", "kind": "exploratory", "study": "depth"}
    depth = Verdict("19", **given, verdict="partly", value=0.05, interval=(-0.02, 0.117))
    against = {"effect": 0.04, "lower": -0.03, "upper": 0.1, "p_value": p_value}
    text = in_short(study, [depth], against)
    assert f"Beyond the number of edges {told}" in text and "is +0.040 [−0.030, +0.100]." in text
    assert against_controls([study], [depth]) is None
    assert against_controls([study], [replace(depth, study="made_up")]) is None  # it has no dial


def test_medians_and_means_stand_in_one_table_with_the_papers_medians(tmp_path: Path) -> None:
    claims = yaml.safe_load((ROOT / "notebooks" / "claims.yml").read_text(encoding="utf-8"))["claims"]
    study = open_study(make_study(tmp_path / "made_up", lifts={"default": 0.1, "causalmix": 0.2}).root)
    rows = found_so_far(study, claims, []).split("* - ")[1:]
    assert [row.partition("\n")[0] for row in rows[1:]] == [
        "CausalMixFT (`causalmix`)",
        "plain fine-tuning (`default`)",
    ]
    assert "+0.12" in rows[1] and "+0.10" in rows[2] and rows[1].count("[") == 2


def test_the_leads_of_two_studies_stand_with_their_folds_and_the_lead_on_the_shared_ones(
    tmp_path: Path,
) -> None:
    main = open_study(make_study(tmp_path / "made_up", lifts=CONTROL_LIFTS, n_folds=2).root)
    controls = replace(main, folder=main.folder.parent / "controls", runs=main.runs[main.runs["fold"] == 0])
    text = compare_leads([main, controls])
    assert "in the study `made_up` (2 folds a table)" in text and "`controls` (1 fold a table)" in text
    assert text.endswith(": the folds make the difference.")
    assert compare_leads([main]) == "" and compare_leads([controls]) == ""


def test_an_arm_that_every_formula_sets_above_another_is_named(tmp_path: Path) -> None:
    lifts = {"default": 0.1, "causalmix": 0.3, "scm": -0.3}
    study = open_study(make_study(tmp_path / "far", lifts=lifts, datasets=[f"t{i}" for i in range(12)]).root)
    assert "CausalMixFT (`causalmix`) above the rows of its causal models alone (`scm`; adjusted p" in (
        clearest_difference(study)
    )
    same = open_study(make_study(tmp_path / "same", lifts={"default": 0.0, "causalmix": 0.0}).root)
    assert "sets no arm above another under each" in clearest_difference(same)


def test_a_first_rank_that_may_be_chance_says_how_often_each_arm_scored_higher(tmp_path: Path) -> None:
    claims = yaml.safe_load((ROOT / "notebooks" / "claims.yml").read_text(encoding="utf-8"))["claims"]
    (claim,) = (one for one in claims if one["estimand"]["kind"] == "rank_lead")
    study = open_study(make_study(tmp_path / "made_up", n_folds=1).root)
    verdict = Verdict(claim["id"], "t", "s", "empirical", "partly", "r")
    (told,) = with_remarks(study, [claim], [verdict])
    assert "tables and folds, CausalMixFT scores higher in" in told.reason
    assert with_remarks(study, [claim], [replace(verdict, verdict="reproduced")])[0].reason == ""


def test_the_answer_on_depth_says_how_often_it_was_looked_at(tmp_path: Path) -> None:
    file = ROOT / "results" / "depth" / "earlier.json"
    given = {"id": "19", "title": "t", "sentence": "s", "kind": "exploratory", "rule": "r"}
    found = Verdict(**given, verdict="partly")
    n_looks = len(json.loads(file.read_text(encoding="utf-8"))) + 1
    assert f"record number {n_looks} of a study" in reservations(file, found, {})
    assert "record number" not in reservations(tmp_path / "earlier.json", found, {})
    assert reservations(file, replace(found, verdict="not tested", reason="no runs"), {}) == ""
