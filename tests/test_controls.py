"""The rule of the controls gives each of its answers where the runs were made to call for it."""

from __future__ import annotations

import pandas as pd
import pytest

from causalmix.analysis import NORMALISATIONS
from causalmix.controls import answer_by_controls, compare_with_controls, load_rule
from causalmix.specs import ARMS

CONTROLS = ("bootstrap_mix", "independent_mix", "random_dag_mix")


class MadeUp:
    """Runs on ``n_tables`` tables: arm -> change of the ROC-AUC, or one for even and one for odd tables."""

    def __init__(self, changes: dict, n_tables: int = 8, note: str = ""):
        self.changes, self.n_tables, self.note = changes, n_tables, note

    def runs(self) -> pd.DataFrame:
        rows = []
        for table in range(self.n_tables):
            for fold in range(2):
                start = 0.6 + 0.02 * table + 0.01 * fold
                for arm, change in {"zero_shot": 0.0, **self.changes}.items():
                    both = change if isinstance(change, tuple) else (change, change)
                    end = (
                        start + both[table % 2] + (0 if arm == "zero_shot" else 0.001 * ((table + fold) % 3))
                    )
                    rows.append((f"t{table}", fold, 0, arm, "ok", end, start, "made-up"))
        columns = ["dataset", "fold", "repeat", "arm", "status", "test_auc", "zero_shot_auc", "model"]
        return pd.DataFrame(rows, columns=columns).assign(study="made_up")


CASES = {
    "causality": {"default": 0.01, "causalmix": 0.05, **dict.fromkeys(CONTROLS, 0.02)},
    "mixing": {"default": 0.01, "causalmix": 0.05, **dict.fromkeys(CONTROLS, -0.1), "bootstrap_mix": 0.05},
    "no gain": {"default": 0.05, "causalmix": 0.05, **dict.fromkeys(CONTROLS, 0.0)},
    "undecided": {
        "default": 0.01, "causalmix": 0.03, **dict.fromkeys(CONTROLS, 0.0), "bootstrap_mix": (0.05, -0.03),
    },
}  # fmt: skip


@pytest.mark.parametrize("outcome", CASES)
def test_each_answer_is_given_where_the_runs_call_for_it(outcome):
    answer = answer_by_controls(MadeUp(CASES[outcome]))
    assert answer.outcome == outcome and load_rule().answers[outcome] in answer.text
    assert set(answer.outcomes) == set(NORMALISATIONS)
    assert "the same under all four" in answer.text and "`made-up`" in answer.text


def test_the_answer_says_what_its_interval_leaves_open_and_what_hangs_on_one_table():
    class WithOutlier(MadeUp):
        def runs(self):
            runs = super().runs()
            lost = (runs["dataset"] == "t3") & (runs["arm"] == "causalmix")
            return runs.assign(test_auc=runs["test_auc"].mask(lost, runs["test_auc"] - 0.3))

    even, uneven = (answer_by_controls(made(CASES["causality"])).text for made in (MadeUp, WithOutlier))
    assert "over `default` (sign-flip p 0.0" in even and "pairs of runs of the study `made_up`)" in even
    assert "runs of 2 folds a table" in even and "is not excluded" in even
    assert "Without `t3`, the table farthest from the mean, the first lead is +" in uneven


def test_the_leads_stand_beside_the_smallest_adjusted_p_of_the_controls():
    made = MadeUp({**CASES["causality"], "random_dag_mix": 0.05})
    compared = compare_with_controls(made.runs())
    smallest = compared.loc[compared["arm"].isin(CONTROLS), "p_holm"].min()
    expected = f"adjusted by Holm over all {len(compared)} arms that it was compared with, is {smallest:.2g}."
    first, rest = answer_by_controls(made).text.split("\n\n")
    assert f"the smallest p of the 3, {expected}" in first and "under all four" in rest
    assert all(f"over `{arm}` ({what})" in first for arm, what in load_rule().without_structure.items())


def test_an_arm_that_loses_to_one_control_is_no_proof_of_causality():
    changes = {**CASES["causality"], "random_dag_mix": 0.05}
    assert answer_by_controls(MadeUp(changes)).outcome == "mixing"


def test_a_missing_control_few_tables_and_an_absent_study_are_not_tested():
    changes = dict(CASES["causality"])
    del changes["independent_mix"]
    assert "no finished run of the arms independent_mix" in answer_by_controls(MadeUp(changes)).text
    few = answer_by_controls(MadeUp(CASES["causality"], n_tables=5))
    assert few.outcome == "not tested" and "on 5 tables, the rule asks for at least 6" in few.text
    absent = answer_by_controls(MadeUp({}, n_tables=0, note="the study controls has not been run yet"))
    assert absent.outcome == "not tested" and "has not been run yet" in absent.text


def test_the_lead_over_an_arm_and_its_gain_add_up_to_the_gain_of_causalmix():
    frame = compare_with_controls(MadeUp(CASES["causality"]).runs()).set_index("arm")
    whole = frame.loc["default", "difference"]
    controls = frame.loc[list(CONTROLS)]
    assert (controls["difference"] + controls["gain"]).to_numpy() == pytest.approx(whole)
    assert (frame["p_holm"] >= frame["p_value"]).all() and (frame["p_value"] == 2 / 2**8).all()


def test_a_failed_run_is_left_out_of_its_pair_only():
    runs = MadeUp(CASES["causality"]).runs()
    lost = (runs["arm"] == "bootstrap_mix") & (runs["dataset"] == "t0") & (runs["fold"] == 0)
    runs.loc[lost, ["status", "test_auc"]] = ["failed", float("nan")]
    counts = compare_with_controls(runs).set_index("arm")["n_pairs"]
    assert counts["bootstrap_mix"] == 15 and counts["default"] == 16


def test_the_rule_names_arms_that_exist_and_mix():
    rule = load_rule()
    assert all(ARMS[arm].mixed for arm in (rule.arm, *rule.without_structure))
    assert not ARMS[rule.baseline].mixed and set(rule.answers) == set(CASES)
