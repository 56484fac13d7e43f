"""Two models side by side: only what both were run on counts, and both are decided by the same rules."""

from __future__ import annotations

from dataclasses import replace
from operator import eq

import pytest

from causalmix.cells import CELL
from causalmix.claims import decide, load_claims
from causalmix.figures import load_models, new_figure, plot_models
from causalmix.notebook import open_study
from causalmix.rules import name_ids
from causalmix.study_view import StudyView
from causalmix.two_models import agree_with_itself, decide_for_both, say_what_carries_over, share_cells
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


def verdicts_of(claims, study: StudyView, folds: tuple[int, ...]) -> list[str]:
    """The verdicts of these folds alone on the claims that this study can decide."""
    cells = study.runs().loc[lambda runs: runs["fold"].isin(folds), CELL].drop_duplicates()
    named = ("04", "05", "07", "08", "18")
    return [decide(claims[name], study.only(cells), resamples=200).verdict for name in named]


def test_any_two_folds_of_a_study_are_compared_by_their_verdicts(studies):
    claims, ours = load_claims(), studies["ours"]
    counts = agree_with_itself(claims, ours, resamples=200)
    alone = [verdicts_of(claims, ours, (fold,)) for fold in range(3)]
    pairs = [sum(map(eq, alone[one], alone[other])) for one, other in ((0, 1), (0, 2), (1, 2))]
    assert sorted(counts) == sorted(pairs) and 0 < min(counts) < max(counts) < 5
    assert agree_with_itself(claims, ours, resamples=200, n_pairs=2) == counts[:2]


@pytest.mark.parametrize("n_folds", [0, 2, 3])
def test_without_two_sets_of_folds_that_share_none_nothing_is_compared(studies, n_folds):
    assert agree_with_itself(load_claims(), studies["ours"], n_folds) == []


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ((0,), "How much one fold can decide: two folds of `made-up` that share none get"),
        ((0, 1), "How much 2 folds can decide: two sets of 2 folds of `made-up` that share none get"),
    ],
)
def test_shared_folds_are_said_to_decide_no_more_than_they_can(studies, folds, said):
    both = share_cells(studies["ours"], studies["theirs"].only_folds(folds))
    verdicts = decide_for_both(load_claims(), both, resamples=200)
    n_decided = sum(first.verdict != "not tested" for first, _ in verdicts)
    of_all = f"of the {n_decided} claims"
    mean = f"the same verdict for 2 to 4 {of_all}, 3.3 on average over 3 such pairs."
    assert f"{said} {mean}" in say_what_carries_over(both, verdicts, [4, 2, 4]) and n_decided >= 4
    assert f"{said} the same verdict for 3 {of_all}." in say_what_carries_over(both, verdicts, [3])
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
