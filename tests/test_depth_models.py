"""The dial with a second model: what the written rule makes of it, and what stands beside the answer."""

from __future__ import annotations

import math

import pandas as pd
import pytest
import yaml

from causalmix import depth_models
from causalmix.claims import decide, load_claims
from causalmix.depth_dial import dial_against_controls
from causalmix.depth_models import (
    against_controls,
    along_controls,
    answer_for_controls,
    answer_for_models,
    answer_for_new_folds,
    compare_models,
    decide_each,
    describe_pairs,
    table_correlations,
)
from causalmix.depth_models_measures import compare_measures, describe_measures
from causalmix.depth_models_rules import (
    CONTROLS_RULE_FILE,
    REGRET_RULE_FILE,
    RULE_FILE,
    Reading,
    apply_rule,
    as_written,
    load_rule,
    say_answer,
    say_drawn,
    tabulate,
)
from causalmix.depth_tests import MEASURES, PRIMARY_MEASURE, measurements
from causalmix.figures import load_depth_models, new_figure, plot_depth_models
from causalmix.figures.depth_models import AGAINST
from causalmix.incomplete import whole_only
from causalmix.intervals import Interval
from causalmix.notebook import open_study
from causalmix.rules import short
from causalmix.stability import name_measure
from causalmix.study_view import StudyView
from tests.recorded import DIAL_LIFTS, make_study

TABLES = tuple(f"table{i}" for i in range(20))
OWN_DIAL = {arm: lift for arm, lift in DIAL_LIFTS.items() if "depth" in arm}


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> dict[str, StudyView]:
    """The dial with models that depth steadies, or not; one was run on one fold less, one on few tables."""
    folder = tmp_path_factory.mktemp("results")
    make_study(folder / "ours", datasets=TABLES, n_folds=2, lifts=DIAL_LIFTS, depth_steadies=True)
    make_study(folder / "longer", datasets=TABLES, n_folds=5, lifts=DIAL_LIFTS, depth_steadies=True)
    make_study(folder / "ours_few", datasets=TABLES[:3], n_folds=2, lifts=DIAL_LIFTS, depth_steadies=True)
    for name, about in {
        "controlled": {"depth_steadies": True, "lifts": DIAL_LIFTS},
        "one_control": {"depth_steadies": True, "lifts": {**OWN_DIAL, "causalmix@edges=1": 0.04}},
        "alike": {"depth_steadies": True},
        "three_folds": {"depth_steadies": True, "n_folds": 3, "lifts": DIAL_LIFTS},
        "five_folds": {"depth_steadies": True, "n_folds": 5, "lifts": DIAL_LIFTS},
        "unlike": {"depth_steadies": False},
        "begun": {"depth_steadies": True, "n_folds": 1},
        "few": {"depth_steadies": True, "datasets": TABLES[:3]},
    }.items():
        whole = {"datasets": TABLES, "n_folds": 2, "lifts": OWN_DIAL, "seed": 1}
        make_study(folder / name, model=name, **{**whole, **about})
    return {path.name: open_study(str(path)) for path in folder.iterdir()}


def dial_difference(study):
    found = against_controls(study)
    return Interval(found["effect"], found["lower"], found["upper"], int(found["n"]))


def row_of(answer, about):
    """The one row of an answer's table whose first cell holds some words."""
    _, *rows = answer.text.split("\n* - ")
    (row,) = (row for row in rows if about in row.partition("\n")[0])
    return row


def answer_about(pair):
    return answer_for_models(pair, decide_each(pair))


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
    for file in (RULE_FILE, CONTROLS_RULE_FILE, REGRET_RULE_FILE):
        assert outcome in load_rule(file).answers


def test_an_association_of_both_models_holds_and_the_answer_quotes_each_models_own_verdict(studies):
    both = studies["ours"], studies["alike"]
    answer = answer_about(both)
    assert answer.outcome == "holds" and load_rule().answers["holds"] in answer.text
    for study in both:
        verdict = decide(load_claims()["19"], study)
        quoted = f"{verdict.value:.3g}".replace("-", "−")
        about = f"*{verdict.label}* with `{study.model}` (20 tables, 200 runs, permutation p"
        assert f"[`{study.model}`]{{.cm-label}} {quoted} [" in answer.text and about in answer.text
    pairs = describe_pairs(both)
    assert "does not tell the two apart" in pairs and "(20 tables, 40 folds in all)" in pairs


def test_a_model_that_depth_does_not_steady_gets_another_answer(studies):
    answer = answer_about((studies["ours"], studies["unlike"]))
    assert answer.outcome == "does not hold"
    assert ", which tells the two apart," in describe_pairs((studies["ours"], studies["unlike"]))
    assert answer_about((studies["unlike"], studies["ours"])).outcome == "nothing"


def test_too_few_tables_or_no_study_are_not_tested_and_the_reason_is_given(studies):
    few = answer_about((studies["ours_few"], studies["few"]))
    assert few.outcome == "not tested" and "the study has 3 tables" in few.text
    absent = open_study("/nowhere/depth-known", required=False)
    for pair in ((studies["ours"], absent), (absent, studies["ours"])):
        assert "the study depth-known has not been run yet" in answer_about(pair).text


def test_the_answer_is_not_read_before_the_second_study_has_all_folds_of_the_first(studies):
    answer = answer_about((studies["ours"], studies["begun"]))
    assert answer.outcome == "not tested"
    assert "the study begun holds the dial on 20 of the 40 tables and folds of ours" in answer.text
    assert answer_about((studies["begun"], studies["ours"])).outcome != "not tested"


def test_depth_that_steadies_beyond_its_controls_with_both_models_is_told_from_the_number_of_edges(studies):
    both = studies["ours"], studies["controlled"]
    answer = answer_for_controls(both)
    assert answer.outcome == "holds" and load_rule(CONTROLS_RULE_FILE).answers["holds"] in answer.text
    for study in both:
        found = dial_against_controls(measurements(study.runs(), study.trajectories(), PRIMARY_MEASURE))
        cell = f"[`{study.model}`]{{.cm-label}} "
        assert cell + f"{found['effect']:.3g} [".replace("-", "−") in row_of(
            answer, "the rule was written for"
        )
        assert f"{short(found['p_value'])} with `{study.model}` (20 tables)" in answer.text
        matched = against_controls(study, without=["0"])
        assert cell + f"{matched['effect']:.3g} [".replace("-", "−") in row_of(
            answer, "without depth 0, where"
        )
        alone = along_controls(study)
        assert found["effect"] == pytest.approx(table_correlations(study)["rho"].mean() - alone["effect"])
        assert cell + f"{alone['effect']:.3g} [".replace("-", "−") in row_of(answer, "the controls alone")


def test_controls_are_not_read_before_all_of_them_were_run_with_the_second_model(studies):
    for name in ("alike", "one_control"):
        answer = answer_for_controls((studies["ours"], studies[name]))
        assert answer.outcome == "not tested"
        assert f"the study {name} holds the dial's controls on 0 of the 40 tables and folds" in answer.text
    without = answer_for_controls((studies["alike"], studies["controlled"]))
    assert "fewer than three tables of alike have both the dial and its controls" in without.text
    absent = open_study("/nowhere/depth-known", required=False)
    assert answer_for_controls((absent, studies["ours"])).outcome == "not tested"


def test_what_the_rules_would_answer_without_incomplete_tables_is_said(studies, tmp_path):
    both, record = (studies["ours"], studies["controlled"]), tmp_path / "tables.csv"
    used = both[0].runs().groupby("dataset")["data_fingerprint"].first()
    about = {"name": TABLES[0], "shape": "7 of 90 rows", "fingerprint": used[TABLES[0]], "verdict": "partial"}
    pd.DataFrame([about]).to_csv(record, index=False)
    whole = [whole_only(study, record) for study in both]
    without = f"Without *{TABLES[0]}* (7 of 90 rows), of which rows are missing"
    said = row_of(answer_for_controls(both, record), without)
    for study in whole:
        found = dial_against_controls(measurements(study.runs(), study.trajectories(), PRIMARY_MEASURE))
        assert f"{found['effect']:.3g} [".replace("-", "−") in said
    assert load_rule(CONTROLS_RULE_FILE).answers["holds"] in said
    association = row_of(answer_for_models(both, decide_each(both), record), without)
    for verdict in decide_each(whole):
        assert f"{verdict.value:.3g} [".replace("-", "−") in association


def test_the_rules_are_read_on_the_folds_they_were_written_for_and_later_ones_stand_beside(studies):
    both = studies["longer"], studies["three_folds"]
    read = as_written(both)
    decided = decide_each(read)
    assert [{*study.runs()["fold"]} for study in read] == [{0, 1, 2}, {0, 1, 2}]
    beside = "On all folds that were run (5 with `made-up` and 3 with `three_folds`)"
    answers = answer_for_models(both, decided), answer_for_controls(both)
    alone = answer_for_models(read, decided), answer_for_controls(read)
    for answer, before in zip(answers, alone, strict=True):
        assert answer.outcome == before.outcome == "holds"
        first = "On the folds that the rule was written for (0, 1, 2)"
        assert row_of(answer, first).partition("\n```")[0] == row_of(before, first).partition("\n```")[0]
        assert beside not in before.text
    measured = [(decide_each(both), decided), [[*map(dial_difference, pair)] for pair in (both, read)]]
    for (found, before), answer in zip(measured, answers, strict=True):
        values = [one.value for one in found]
        assert values[0] != before[0].value and values[1] == before[1].value
        quoted = row_of(answer, beside)
        assert all(f"{value:.3g} [".replace("-", "−") in quoted for value in values)


def test_the_figure_says_which_folds_it_draws(studies):
    both = studies["longer"], studies["five_folds"]
    assert "(0, 1, 2); the tables" in say_drawn(as_written(both))
    begun = studies["ours"], studies["begun"]
    assert "(0, 1); the tables" in say_drawn(as_written(begun))
    absent = open_study("/nowhere/depth-known", required=False)
    assert say_drawn((absent, absent)) == ""


def test_a_second_model_with_later_folds_is_also_judged_by_itself_on_all_of_them(studies):
    both = studies["three_folds"], studies["longer"]
    verdict = decide(load_claims()["19"], studies["longer"])
    alone = answer_for_models(both, decide_each(as_written(both)))
    said = (
        f"; on all of its folds, *{verdict.label}* with `{studies['longer'].model}` (20 tables, "
        f"{verdict.n_runs} runs, permutation p {short(verdict.quantities['p_value'])})."
    )
    assert said in alone.text
    assert f"{verdict.value:.3g} [".replace("-", "−") in row_of(alone, "On all folds that were run")


def test_later_folds_and_incomplete_tables_are_told_apart(studies, tmp_path):
    both, record = (studies["longer"], studies["three_folds"]), tmp_path / "tables.csv"
    used = both[0].runs().groupby("dataset")["data_fingerprint"].first()
    about = {"name": TABLES[0], "shape": "7 of 90 rows", "fingerprint": used[TABLES[0]], "verdict": "partial"}
    pd.DataFrame([about]).to_csv(record, index=False)
    answer = answer_for_models(both, decide_each(as_written(both)), record)
    without, later, neither = (
        row_of(answer, about)
        for about in (f"Without *{TABLES[0]}*", "On all folds that", "On all folds, without")
    )
    whole = [whole_only(study, record) for study in both]
    for said, pair in ((without, as_written(whole)), (later, both), (neither, whole)):
        assert f"{decide_each(pair)[0].value:.3g} [".replace("-", "−") in said


@pytest.fixture
def new_folds(tmp_path, monkeypatch):
    """A rule that reads folds 3 and 4 of the second model."""
    rule = yaml.safe_load(REGRET_RULE_FILE.read_text())
    path = tmp_path / "rule.yml"
    path.write_text(yaml.safe_dump({**rule, "measure": PRIMARY_MEASURE, "folds": [3, 4]}))
    monkeypatch.setattr(depth_models, "REGRET_RULE_FILE", path)
    return load_rule(path)


def test_new_folds_of_the_second_model_are_read_alone_beside_all_of_the_first(studies, new_folds):
    first, second = studies["longer"], studies["five_folds"]
    answer = answer_for_new_folds((first, second))
    assert answer.outcome == "holds" and new_folds.answers["holds"] in answer.text
    table = measurements(second.runs(), second.trajectories(), PRIMARY_MEASURE)
    found = dial_against_controls(table[table["fold"].isin([3, 4])])
    row = row_of(answer, "On all folds of `made-up`, and on folds 3, 4 of `five_folds`, which were run for")
    for effect, model in ((found["effect"], "five_folds"), (dial_difference(first).value, "made-up")):
        assert f"[`{model}`]{{.cm-label}} " + f"{effect:.3g} [".replace("-", "−") in row
    assert dial_against_controls(table)["effect"] != found["effect"]


def test_new_folds_are_not_read_before_all_of_them_are_there(studies, new_folds):
    for name in ("three_folds", "alike"):
        answer = answer_for_new_folds((studies["longer"], studies[name]))
        assert answer.outcome == "not tested"
        assert f"the study {name} holds the dial on 0 of the 40 tables and folds of longer" in answer.text
    without = answer_for_new_folds((studies["ours"], studies["five_folds"])).text
    assert "the study ours has none of these folds" in without


def test_the_rule_about_regret_reads_folds_that_the_other_rules_do_not():
    rule = load_rule(REGRET_RULE_FILE)
    assert rule.measure in MEASURES and not {*rule.folds} & {*load_rule().folds}


def test_the_measures_that_the_rules_do_not_read_are_quoted_for_both_models(studies):
    both = studies["ours"], studies["controlled"]
    found = compare_measures(both)
    assert [*found["measure"].unique()] == [name for name in MEASURES if name != PRIMARY_MEASURE]
    text = describe_measures(found)
    for row in found.itertuples():
        study = next(study for study in both if study.model == row.model)
        own = dial_against_controls(measurements(study.runs(), study.trajectories(), row.measure))
        assert (row.effect, row.lower) == pytest.approx((own["effect"], own["lower"]), nan_ok=True)
        named = f"* - {name_measure(row.measure)}\n"
        assert (named in text) == math.isfinite(row.effect)
    assert "on the folds of the first two rules." in text
    assert "* - Measure\n  - `made-up`\n  - `controlled`\n" in text
    absent = open_study("/nowhere/depth-known", required=False)
    for pair in ((studies["ours"], absent), (absent, absent), (studies["ours"], studies["alike"])):
        assert describe_measures(compare_measures(pair)) == ""


def test_tables_are_paired_fold_by_fold(studies):
    tables = compare_models((studies["ours"], studies["unlike"])).set_index("dataset")
    assert set(tables.index) == set(TABLES) and set(tables["n_blocks"]) == {2}
    assert (tables["rho"] == tables["second"] - tables["first"]).all()
    for study, column in (("ours", "first"), ("unlike", "second")):
        own = table_correlations(studies[study]).groupby("dataset")["rho"].mean()
        assert tables[column].to_dict() == pytest.approx(own.to_dict())
    begun = compare_models((studies["ours"], studies["begun"])).set_index("dataset")
    blocks = table_correlations(studies["ours"])
    first = blocks[blocks["fold"] == 0].set_index("dataset")["rho"]
    assert begun["first"].to_dict() == pytest.approx(first.to_dict()) and set(begun["n_blocks"]) == {1}


def test_the_figure_shows_each_model_as_claim_19_decides_it_and_a_dot_per_shared_table(studies):
    both = studies["ours"], studies["few"]
    frame = load_depth_models(both, decide_each(both))
    sizes = frame.groupby("series", sort=False)["dataset"].nunique()
    assert sizes.to_dict() == {"made-up": 20, "few": 3, "difference": 3, f"made-up{AGAINST}": 20}
    verdict = decide(load_claims()["19"], both[0])
    shown = frame.loc[frame["series"] == "made-up", ["mean", "lower", "upper"]].drop_duplicates()
    assert shown.to_numpy().tolist() == [pytest.approx([verdict.value, *verdict.interval])]
    fig, ax = new_figure()
    plot_depth_models(frame, ax)
    left, right = fig.axes
    named = [label.get_text() for label in left.get_yticklabels()]
    assert named == ["made-up", "few", "difference", "made-up,\nminus controls"]
    assert len(right.collections[0].get_offsets()) == 3
    assert (right.get_xlabel(), right.get_ylabel()) == ("made-up", "few")


def test_one_model_alone_is_still_drawn_and_none_says_so(studies):
    absent = open_study("/nowhere/depth-known", required=False)
    one = studies["ours"], absent
    frame = load_depth_models(one, decide_each(one))
    assert set(frame["series"]) == {"made-up", f"made-up{AGAINST}"}
    plot_depth_models(frame, new_figure()[1])
    _, ax = new_figure()
    none = absent, absent
    plot_depth_models(load_depth_models(none, decide_each(none)), ax)
    assert any("not run yet" in text.get_text() for text in ax.texts)


def test_an_answer_that_other_runs_would_change_is_called_unsettled_and_both_are_given_with_their_values():
    rule, models, what = load_rule(), ("ours", "theirs"), "the correlation"
    clear, none = Interval(0.2, 0.1, 0.3, 9), Interval(0.0, -0.1, 0.1, 9)
    own = Reading("On three folds", clear, clear, apply_rule(clear, clear))
    same = Reading("Without *a*", clear, clear, apply_rule(clear, clear))
    other = Reading("On all folds", none, clear, apply_rule(none, clear))
    settled = say_answer(rule, [own, same], models, what)
    assert settled == f"**{rule.question}** {rule.answers['holds']}"
    assert say_answer(rule, [own, same, other], models, what) == (
        f"**{rule.question}** Not settled: the rule answers differently to other runs. On three folds, the "
        "correlation is 0.2 [0.1, 0.3] with `ours` and 0.2 [0.1, 0.3] with `theirs`; to these the rule says: "
        f"*{rule.answers['holds']}* On all folds, it is 0 [−0.1, 0.1] and 0.2 [0.1, 0.3]; to these the rule "
        f"says: *{rule.answers['nothing']}* There the first model's own estimate is nearer to zero: the "
        "rule's answer hangs on it."
    )
    assert "nearer to zero" not in say_answer(rule, [other, own], models, what)
    table = tabulate(rule, [own, Reading("The controls alone", none, none)], models)
    assert f"  - [The rule's answer]{{.cm-label}} {rule.answers['holds']}\n* - The controls alone\n" in table
    assert table.endswith("[`theirs`]{.cm-label} 0 [−0.1,\N{NO-BREAK SPACE}0.1]\n  -\n```")
