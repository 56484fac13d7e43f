"""Two models side by side: only what both were run on counts, and both are decided by the same rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from causalmix.cells import CELL
from causalmix.claims import decide, load_claims
from causalmix.figures import load_models, new_figure, plot_models
from causalmix.notebook import open_study
from causalmix.rules import name_ids
from causalmix.study_view import StudyView
from causalmix.two_models import agree_by_part, decide_for_both, say_what_carries_over, share_cells
from tests.recorded import LIFTS, PAPER_LIFTS, make_study

TABLES = tuple(f"table{i}" for i in range(8))
WORSE = {**LIFTS, "causalmix": -0.04}


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> dict[str, StudyView]:
    """A study of three folds, and one of another model: fewer tables, two folds, causalmix does harm."""
    folder = tmp_path_factory.mktemp("results")
    make_study(folder / "ours", datasets=TABLES)
    make_study(folder / "theirs", datasets=TABLES[2:], n_folds=2, model="other", lifts=WORSE)
    make_study(folder / "elsewhere", datasets=("table99",), n_folds=1, model="other")
    return {path.name: open_study(str(path)) for path in folder.iterdir()}


def test_both_are_cut_down_to_the_tables_and_folds_of_both(studies):
    ours, theirs = share_cells(studies["ours"], studies["theirs"])
    assert (ours.model, theirs.model) == ("made-up", "other")
    for study, whole in ((ours, studies["ours"]), (theirs, studies["theirs"])):
        assert set(study.runs()["dataset"]) == set(TABLES[2:]) and set(study.runs()["fold"]) == {0, 1}
        assert set(study.trajectories()["spec_hash"]) == set(study.runs()["spec_hash"])
        assert set(study.graphs()["spec_hash"]) <= set(study.runs()["spec_hash"])
        assert study.hash == whole.hash
        assert f"6 tables, 2 folds), model {study.model}, {len(study.runs())} runs" in study.provenance()


def test_the_frame_holds_each_models_own_scores(studies):
    both = share_cells(studies["ours"], studies["theirs"])
    frame = load_models(*both, "difference").set_index(["measure", "model", "arm"])
    assert set(frame["n_runs"]) == {12} and set(frame["n_datasets"]) == {6}
    for measure in ("median", "mean"):
        assert frame["value"][measure, "made-up", "causalmix"] == pytest.approx(0.04, abs=0.01)
        assert frame["value"][measure, "other", "causalmix"] == pytest.approx(-0.04, abs=0.01)
    assert (frame["lower"] <= frame["value"]).all() and (frame["value"] <= frame["upper"]).all()


def test_the_figure_has_a_mark_per_model_and_arm_on_each_panel(studies):
    frame = load_models(*share_cells(studies["ours"], studies["theirs"]))
    fig, ax = new_figure()
    plot_models(frame, ax)
    assert [panel.get_title() for panel in fig.axes] == [
        "median over tables and folds",
        "mean over tables and folds",
    ]
    for panel in fig.axes:
        assert [line.get_label() for line in panel.lines[:2]] == ["made-up", "other"]
        assert all(len(line.get_xdata()) == 3 for line in panel.lines[:2])


def test_the_same_rules_decide_for_both_and_the_text_says_which_verdicts_agree(studies):
    both, claims = share_cells(studies["ours"], studies["theirs"]), load_claims()
    verdicts = {first.id: (first, second) for first, second in decide_for_both(claims, both, resamples=200)}
    assert all(claims[name].kind == "empirical" for name in verdicts) and "05" in verdicts
    ours, theirs = verdicts["04"]
    assert (ours.model, theirs.model) == ("made-up", "other")
    assert (ours.verdict, theirs.verdict) == ("reproduced", "not reproduced")
    tested = [pair for pair in verdicts.values() if "not tested" not in {pair[0].verdict, pair[1].verdict}]
    alike = sum(first.verdict == second.verdict for first, second in tested)
    text = say_what_carries_over(both, list(verdicts.values()))
    named = name_ids(first.id for first, _ in tested)
    assert f"{alike} of the {len(tested)} empirical claims that could be decided for both ({named})" in text
    assert "On the 6 tables (12 folds in all)" in text and text.count("\n|") == len(verdicts) + 2
    assert 0 < alike < len(tested) < len(verdicts)


def count_alike(claims, study: StudyView, folds: tuple[int, ...]) -> int:
    """How many of the claims that the study can decide get its verdict from these folds alone."""
    cells = study.runs().loc[lambda runs: runs["fold"].isin(folds), CELL].drop_duplicates()
    whole = {
        name: decide(claims[name], study, resamples=200).verdict for name in ("04", "05", "07", "08", "18")
    }
    alone = {name: decide(claims[name], study.only(cells), resamples=200).verdict for name in whole}
    return sum(alone[name] == whole[name] for name in whole if whole[name] != "not tested")


@pytest.mark.parametrize(
    ("n_folds", "parts"),
    [(1, [(0,), (1,), (2,)]), (2, [(0, 1)]), (3, [(0, 1, 2)]), (4, []), (0, [])],
)
def test_parts_of_the_folds_are_counted_that_decide_as_the_whole_study(studies, n_folds, parts):
    claims, ours = load_claims(), studies["ours"]
    counts = agree_by_part(claims, ours, n_folds, resamples=200)
    assert counts == [count_alike(claims, ours, part) for part in parts]
    assert all(0 < count <= 5 for count in counts)


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ((0,), "How much one fold can decide: cut into single folds, the 3 folds of `made-up` give"),
        ((0, 1), "How much 2 folds can decide: cut into sets of 2, the 3 folds of `made-up` give"),
    ],
)
def test_shared_folds_are_said_to_decide_no_more_than_they_can(studies, folds, said):
    both = share_cells(studies["ours"], studies["theirs"].only_folds(folds))
    verdicts = decide_for_both(load_claims(), both, resamples=200)
    n_decided = sum(first.verdict != "not tested" for first, _ in verdicts)
    said += f", each part alone, the verdict of all 3 for 2 to 4 of the {n_decided} claims."
    assert said in say_what_carries_over(both, verdicts, [3, 2, 4]) and n_decided >= 4
    assert "for 3 of the" in say_what_carries_over(both, verdicts, [3, 3])
    assert "How much" not in say_what_carries_over(both, verdicts, [5])  # all folds of the study are shared
    assert "How much" not in say_what_carries_over(both, verdicts)


def test_an_interval_on_the_other_side_of_a_claim_is_named(studies):
    both, claims = share_cells(studies["ours"], studies["theirs"]), load_claims()
    verdicts = decide_for_both(claims, both, resamples=200)
    place = [first.id for first, _ in verdicts].index("18")
    given, ours = verdicts[place]
    said = f"For `other` the interval of claim 18 ({given.title}) lies wholly on the other side"
    for ends, is_said in (((-0.4, -0.1), True), ((-0.4, 0.1), False), ((0.1, 0.4), False)):
        pair = (given, replace(ours, interval=ends))
        text = say_what_carries_over(both, [*verdicts[:place], pair, *verdicts[place + 1 :]], claims=claims)
        assert (said in text) == is_said
        assert said not in say_what_carries_over(both, [pair])  # the rules were not given


def test_a_claim_that_one_of_the_models_cannot_decide_says_why(studies, tmp_path):
    make_study(tmp_path / "all_arms", datasets=TABLES, lifts=PAPER_LIFTS)
    both = share_cells(open_study(str(tmp_path / "all_arms")), studies["theirs"])
    text = say_what_carries_over(both, decide_for_both(load_claims(), both, resamples=200))
    assert "not tested: the study has no finished run of the arms ctgan" in text


def test_studies_without_a_common_table_are_not_compared(studies):
    both = share_cells(studies["ours"], studies["elsewhere"])
    frame = load_models(*both)
    assert frame.empty
    _, ax = new_figure()
    plot_models(frame, ax)
    assert "share no table" in say_what_carries_over(
        both, decide_for_both(load_claims(), both, resamples=200)
    )


def test_a_study_that_is_not_there_yet_leaves_the_question_open(studies):
    both = share_cells(studies["ours"], open_study("/nowhere/paper-tabpfn", required=False))
    assert load_models(*both).empty
    text = say_what_carries_over(both, decide_for_both(load_claims(), both, resamples=200))
    assert text == "Not tested: the study paper-tabpfn has not been run yet."
