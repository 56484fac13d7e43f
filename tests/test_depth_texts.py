"""What the book says about depth and stability: the table of questions, and how to read the answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from causalmix.book.claims_text import read_claims
from causalmix.book.depth_questions_text import CLAIM_19, HEADER, SECOND_MEASURE, questions_text
from causalmix.book.depth_reading_text import second_model_text, tail_text
from causalmix.book.depth_records_text import known_earlier_text
from causalmix.book.depth_text import published_tables, reservations
from causalmix.book.depth_views_text import change_text, scarcity_text
from causalmix.book.execute import Execution
from causalmix.book.study import Study, open_study
from causalmix.depth_known import RANDOM, TRUE
from causalmix.depth_models_measures import on_all_folds
from causalmix.depth_tests import PRIMARY_MEASURE
from causalmix.notebook import open_study as view_study
from causalmix.verdicts import Verdict
from tests.book_checkout import ROOT
from tests.recorded import DIAL_LIFTS, make_study

CLAIM = next(c for c in read_claims(ROOT / "notebooks" / "claims.yml") if c["kind"] == "exploratory")
FOUND = Verdict(
    **{name: CLAIM[name] for name in ("id", "title", "sentence", "kind")},
    rule="r", verdict="not reproduced", label="no association of relevant size", value=0.05,
    interval=(-0.02, 0.117), model="ours", n_datasets=31,
)  # fmt: skip


def secondary(*rows: tuple[str, float, float, float]) -> pd.DataFrame:
    """The dial against its controls, per measure: effect and interval."""
    frame = pd.DataFrame(rows, columns=["measure", "effect", "lower", "upper"])
    return frame.assign(test="dial_against_controls", p_holm=0.5, part="later")


def all_tables() -> dict[str, pd.DataFrame]:
    between = {"measure": PRIMARY_MEASURE, "dataset": ["a", "b", "c"], "rho": 0.08}
    ends = {"lower": [-0.1, -0.3], "upper": [0.1, 0.2], "effect": [0.0, -0.05]}
    about = {"model": "theirs", "n_folds": 6, "test": ["dial", "dial_against_controls"]}
    known = {"arm": [RANDOM, TRUE], "rho": [-0.1, -0.4], "lower": -0.6, "upper": [0.3, -0.1], "n": 48}
    return {
        "depth_between_tables": pd.DataFrame({**between, "rho_lower": -0.3, "rho_upper": 0.5}),
        f"{CLAIM_19}_secondary": secondary(
            (PRIMARY_MEASURE, 0.04, -0.03, 0.1), (SECOND_MEASURE, -0.3, -0.4, -0.25)
        ),
        f"{CLAIM_19}_by_folds": secondary((SECOND_MEASURE, -0.067, -0.136, 0.001)),
        "depth_models_all_folds": pd.DataFrame({**about, **ends}),
        "depth_known_truth_set_depth": pd.DataFrame({**known, "p_value": 0.015}),
    }


def answers(text: str) -> dict[str, str]:
    """Question to answer, from the table of a text."""
    _, _, *rows = text.partition("\n```\n")[0].split("\n* - ")
    return {row.splitlines()[0]: row.rsplit("[Answer]{.cm-label} ")[-1].strip() for row in rows}


def test_the_table_of_questions_tells_observation_from_experiment_and_gives_each_an_answer() -> None:
    text = questions_text(CLAIM, FOUND, all_tables())
    found = answers(text)
    assert list(found.values()) == [
        "undecided; and tables differ in more than depth",
        "**no association of relevant size** (the verdict of claim 19)",
        "no effect of relevant size",
        "deeper is steadier; on later folds alone −0.067 [−0.136,\N{NO-BREAK SPACE}+0.001]",
        "dial: no effect of relevant size; minus controls: undecided",
        "deeper is steadier (exploratory, p 0.015, not adjusted)",
    ]
    assert "between tables" in next(iter(found)) and HEADER[2] in text
    assert text.endswith(
        "**In one sentence:** no effect of relevant size was found where the depth is set, beyond the number "
        "of edges and with `theirs`; it is undecided between tables; deeper is steadier in "
        "*early-stopping regret* and on simulated tables with their true graphs (exploratory)."
    )


def test_a_way_to_ask_without_records_has_no_row_and_an_untested_dial_says_why() -> None:
    assert len(answers(questions_text(CLAIM, FOUND, {}))) == 1
    untested = replace(FOUND, verdict="not tested", reason="no runs of the dial")
    assert questions_text(CLAIM, untested, all_tables()).endswith("not recorded here: no runs of the dial.")


def test_folds_that_a_rule_reads_replace_the_exploratory_correlation_of_true_graphs() -> None:
    new = {"arm": [TRUE], "rho": -0.1, "lower": -0.4, "upper": 0.2, "n": 48, "p_value": 0.4}
    tables = {**all_tables(), "depth_known_truth_new_folds": pd.DataFrame(new)}
    text = questions_text(CLAIM, FOUND, tables)
    assert answers(text)["And where the true depth is known?"] == "undecided (p 0.40, not adjusted)"
    assert "folds that were run for this question, after its rule was written" in text
    assert "it is undecided between tables and on simulated tables with their true graphs;" in text
    held = reservations(Path("absent"), FOUND, tables)
    assert "−0.100 [−0.400, +0.200] (by a rule of its own, on folds that were run for it)." in held


def test_an_earlier_record_of_the_simulated_tables_is_quoted_with_the_reason_for_the_next(tmp_path) -> None:
    rows = [{"arm": TRUE, "rho": -0.35, "lower": -0.6, "upper": -0.05, "p_value": 0.015, "n": 48}]
    path = tmp_path / "earlier.json"
    assert known_earlier_text(path) == ""
    path.write_text(json.dumps([{"commit": "0123abc", "reason": "Values changed.", "set_depth": rows}]))
    text = known_earlier_text(path)
    assert "(commit `0123abc`). Values changed. It said: Over 48 simulated tables" in text
    assert "−0.350 [−0.600, −0.050] on the true graphs, which have it, p 0.015" in text


def test_how_many_edges_the_dial_takes_with_the_depth_is_said_beside_it() -> None:
    dial = pd.DataFrame({"series": "dial", "setting": ["0", "1", "full"], "n_edges": [0.0, 17.04, 25.41]})
    text = questions_text(CLAIM, FOUND, {CLAIM_19: dial})
    assert "from 25.4 in uncut graphs to 17.0 at depth 1 and 0 at depth 0" in text


@pytest.fixture(scope="module")
def dials(tmp_path_factory) -> list[Study]:
    folder = tmp_path_factory.mktemp("results")
    for name in ("depth", "depth-tabpfn"):
        make_study(folder / name, n_folds=2, lifts=DIAL_LIFTS, model=name)
    return [open_study(folder / name) for name in ("depth", "depth-tabpfn")]


def test_tail_volatility_is_defined_with_the_sizes_of_the_recorded_runs(dials: list[Study]) -> None:
    runs = dials[0].runs.assign(n_val=64)
    text = tail_text([replace(dials[0], runs=runs)])
    assert " changes, " in text and " steps apart, on 64 validation rows." in text
    assert tail_text([]).startswith("*Tail volatility* is the standard deviation of the change")
    assert "steps apart" not in tail_text([])


def test_a_second_model_with_the_smallest_learning_rate_is_called_a_check(dials, tmp_path: Path) -> None:
    second = replace(dials[1], runs=dials[1].runs.assign(preset="tabpfn"))
    tried = pd.DataFrame({"model": "depth-tabpfn", "learning_rate": [3e-6, 1e-5, 3e-6, 3e-4]})
    tried.to_csv(tmp_path / "learning_rates.csv")
    text = second_model_text([dials[0], second], tmp_path)
    assert "a check, not a replication" in text and "of 3e-06, the smallest of 3 that were tried." in text
    assert "of 0.001 of 3 that" in second_model_text(
        [dials[0], replace(second, runs=second.runs.assign(preset="causalmix"))], tmp_path
    )
    assert second_model_text(dials[:1], tmp_path) == ""


def test_both_models_are_read_on_all_their_folds_with_the_dial_and_beside_its_controls(dials) -> None:
    pair = tuple(view_study(str(study.folder)) for study in dials)
    found = on_all_folds(pair)
    assert found["model"].tolist() == ["depth", "depth", "depth-tabpfn", "depth-tabpfn"]
    assert set(found["test"]) == {"dial", "dial_against_controls"} and set(found["n_folds"]) == {2}
    absent = view_study("/nowhere/depth", required=False)
    assert on_all_folds((absent, absent)).empty


def test_the_reservations_name_noise_single_runs_and_the_sign_where_the_depth_is_true(dials) -> None:
    text = reservations(Path("absent"), FOUND, all_tables(), dials)
    assert "draws correlations towards zero, and no run was repeated." in text
    assert "−0.400 [−0.600, −0.100], of the other sign than the dial's (exploratory)" in text
    repeated = [replace(dials[0], runs=dials[0].runs.assign(repeat=1))]
    same_sign = reservations(Path("absent"), replace(FOUND, value=-0.05), all_tables(), repeated)
    assert "of the other sign" not in same_sign and "no run was repeated" not in same_sign


@pytest.mark.parametrize(
    ("p_value", "smallest", "found"),
    [
        (0.04, 0.2, "The answer changes with scarcity."),
        (0.06, 0.2, "Whether scarcity changes the answer is undecided."),
        (0.06, 0.5, "No change of relevant size was found."),
    ],
)
def test_scarcity_leaves_the_answer_open_where_its_interval_is_wide(p_value, smallest, found) -> None:
    own = {
        "quantity": "correlation", "series": "dial", "dataset": ["a", "b"], "max_train_rows": [64, 128],
        "measure": PRIMARY_MEASURE, "trend": -0.2, "trend_lower": -0.4, "trend_upper": -0.1,
        "trend_p": p_value, "n_folds": 1, "smallest": smallest,
    }  # fmt: skip
    changes = pd.DataFrame(own).assign(quantity="change", series=["dial 0", "control 1"])
    text = scarcity_text(pd.concat([pd.DataFrame(own), changes]))
    assert text.startswith(found) and "along the dial, here over depth 0 and uncut graphs" in text


def changes(controls: float | None) -> pd.DataFrame:
    """The change along a dial, and that of its controls as a share of it."""
    settings = {"0": -0.0008, "2": 0.0004, "full": 0.0}
    rows = [
        {"series": series, "setting": setting, "mean": share * mean, "matched_share": float(setting != "0")}
        for series, share in (("dial", 1.0), ("control", controls))
        if share is not None
        for setting, mean in settings.items()
    ]
    ends = {"lower": -0.0016, "upper": 0.000054}
    return pd.DataFrame(rows).assign(measure=PRIMARY_MEASURE, uncut=0.008, dataset="a", **ends)


def test_changes_in_the_measures_unit_stand_beside_those_of_the_controls() -> None:
    text = change_text(changes(0.5))
    assert "is 0.008 nats; without any edge it is 10 % lower." in text and "e-05" not in text
    assert (
        "* - Depth of at most 0 (controls keep more edges)\n  - [Dial]{.cm-label} −0.0008 [−0.0016," in text
    )
    assert "[Controls]{.cm-label} +0.0002 [−0.0016,\N{NO-BREAK SPACE}+0.000054]" in text
    assert "the same way at every setting, by 50 % to 50 % of the dial's change; none of the 2 inter" in text


def test_controls_that_move_the_other_way_or_are_absent_are_not_said_to_go_along() -> None:
    assert "does not move it the same way" in change_text(changes(-0.5))
    assert "Losing edges" not in change_text(changes(None)) and change_text(None) == ""


def test_chapters_find_every_table_that_a_notebook_on_depth_published(tmp_path: Path) -> None:
    for name in ("depth_models", "fig_ranks"):
        (tmp_path / name / "out" / "data").mkdir(parents=True)
        for stem in (name, f"{name}_all_folds"):
            pd.DataFrame({"x": [1]}).to_csv(tmp_path / name / "out" / "data" / f"{stem}.csv")
    executions = [Execution(path.name, path, 0.0, "", "", False) for path in sorted(tmp_path.iterdir())]
    assert set(published_tables(executions)) == {"depth_models", "depth_models_all_folds"}
