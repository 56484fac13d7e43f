"""The dial with a second model: what the written rule makes of it, and what stands beside the answer."""

from __future__ import annotations

import math
from itertools import product

import pytest

from causalmix.claims import decide, load_claims
from causalmix.depth_models import (
    answer_for_models,
    apply_rule,
    compare_models,
    load_rule,
    table_correlations,
)
from causalmix.figures import load_depth_models, new_figure, plot_depth_models
from causalmix.intervals import Interval
from causalmix.notebook import open_study
from causalmix.study_view import StudyView
from tests.recorded import DIAL_LIFTS, make_study

TABLES = tuple(f"table{i}" for i in range(12))
OWN_DIAL = {arm: lift for arm, lift in DIAL_LIFTS.items() if "depth" in arm}


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> dict[str, StudyView]:
    """The dial with models that depth steadies, or not; one was run on fewer tables, one on too few."""
    folder = tmp_path_factory.mktemp("results")
    make_study(folder / "ours", datasets=TABLES, lifts=DIAL_LIFTS, depth_steadies=True)
    for name, tables, steadied in (
        ("alike", TABLES[:9], True),
        ("unlike", TABLES, False),
        ("few", TABLES[:3], True),
    ):
        about = {"datasets": tables, "lifts": OWN_DIAL, "depth_steadies": steadied, "seed": 1}
        make_study(folder / name, model=name, n_folds=2, **about)
    return {path.name: open_study(str(path)) for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ((0.02, 0.26), (0.01, 0.2), "holds"),
        ((0.02, 0.26), (0.3, 0.5), "holds"),
        ((0.02, 0.26), (-0.1, 0.139), "does not hold"),
        ((0.02, 0.26), (-0.1, 0.141), "undecided"),
        ((0.02, 0.26), (-0.3, -0.1), "does not hold"),
        ((-0.01, 0.26), (0.1, 0.3), "nothing"),
        ((math.nan, math.nan), (0.1, 0.3), "nothing"),
    ],
)
def test_the_rule_gives_the_written_outcomes_on_either_side_of_zero(first, second, outcome):
    for sign in (1, -1):
        own, other = (
            Interval(sign * sum(ends) / 2, *sorted(sign * end for end in ends), 31)
            for ends in (first, second)
        )
        assert apply_rule(own, other) == outcome
    assert outcome in load_rule().answers


def test_an_association_of_both_models_holds_and_the_answer_quotes_each_models_own_verdict(studies):
    both = studies["ours"], studies["alike"]
    answer = answer_for_models(both)
    assert answer.outcome == "holds" and load_rule().answers["holds"] in answer.text
    for study, n_runs in zip(both, (180, 90), strict=True):
        verdict = decide(load_claims()["19"], study)
        quoted = f"{verdict.value:.3g}".replace("-", "−")
        about = f"with `{study.model}` ({verdict.n_datasets} tables, {n_runs} runs"
        assert f"{quoted} [" in answer.text and about in answer.text
    assert "On the 9 tables (18 folds in all) that both were run on" in answer.text


def test_a_model_that_depth_does_not_steady_gets_another_answer(studies):
    answer = answer_for_models((studies["ours"], studies["unlike"]))
    assert answer.outcome == "does not hold"
    assert answer_for_models((studies["unlike"], studies["ours"])).outcome == "nothing"


def test_too_few_tables_or_no_study_are_not_tested_and_the_reason_is_given(studies):
    few = answer_for_models((studies["ours"], studies["few"]))
    assert few.outcome == "not tested" and "the study has 3 tables" in few.text
    absent = open_study("depth-never-run", required=False)
    for pair in ((studies["ours"], absent), (absent, studies["ours"])):
        assert "the study depth-never-run has not been run yet" in answer_for_models(pair).text


def test_tables_are_paired_fold_by_fold(studies):
    tables = compare_models((studies["ours"], studies["unlike"])).set_index("dataset")
    assert set(tables.index) == set(TABLES) and set(tables["n_blocks"]) == {2}
    assert (tables["rho"] == tables["second"] - tables["first"]).all()
    for study, column in (("ours", "first"), ("unlike", "second")):
        blocks = table_correlations(studies[study])
        shared = blocks[blocks["fold"] < 2].groupby("dataset")["rho"].mean()
        assert tables[column].to_dict() == pytest.approx(shared.to_dict())


def test_the_figure_shows_each_model_as_claim_19_decides_it_and_a_dot_per_shared_table(studies):
    both = studies["ours"], studies["alike"]
    frame = load_depth_models(both)
    sizes = frame.groupby("series", sort=False)["dataset"].nunique()
    assert sizes.to_dict() == {"made-up": 12, "alike": 9, "difference": 9}
    for study, name in product(both, ("mean", "lower")):
        verdict = decide(load_claims()["19"], study)
        shown = frame.loc[frame["series"] == study.model, name].unique()
        assert shown == pytest.approx([verdict.value if name == "mean" else verdict.interval[0]])
    fig, ax = new_figure()
    plot_depth_models(frame, ax)
    left, right = fig.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["made-up", "alike", "difference"]
    assert len(right.collections[0].get_offsets()) == 9
    assert (right.get_xlabel(), right.get_ylabel()) == ("made-up", "alike")


def test_one_model_alone_is_still_drawn_and_none_says_so(studies):
    absent = open_study("depth-never-run", required=False)
    frame = load_depth_models((studies["ours"], absent))
    assert set(frame["series"]) == {"made-up"}
    plot_depth_models(frame, new_figure()[1])
    _, ax = new_figure()
    plot_depth_models(load_depth_models((absent, absent)), ax)
    assert any("not run yet" in text.get_text() for text in ax.texts)
