"""What other settings of the generators score beside those in use."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from causalmix.book.settings_text import tried_discovery, tried_settings
from causalmix.causal.settings import ALPHA, SUBSAMPLE_SHARE
from causalmix.experiment import load_spec_table
from causalmix.generators import make_generator
from causalmix.profiles import PROFILES
from causalmix.setting_scores import (
    DISCOVERY_SCORES,
    GAPS,
    IN_USE,
    WITH_GAPS,
    summarise_discovery,
    summarise_settings,
)
from causalmix.specs import ARMS, RunSpec
from tests.benchmark_scripts import load_benchmark


def made_up_cases(gain: float = 0.1) -> pd.DataFrame:
    """Four tables x two folds; the other setting gains on the fine-tuned score, varies on the forest's."""
    rows = []
    for k, dataset in enumerate("abcd"):
        for fold in (8, 9):
            base = {
                "generator": "ctgan",
                "dataset": dataset,
                "fold": fold,
                "reason": "",
                "zero_shot_auc": 0.6,
            }
            level = 0.6 + 0.05 * k + 0.01 * (fold - 8)
            forest = level + (0.2 if k % 2 else -0.2)
            rows.append(
                {**base, "setting": IN_USE, "forest_auc": level, "finetuned_auc": level, "seconds": 2.0}
            )
            other = {"forest_auc": forest, "finetuned_auc": level + gain * (1 + 0.01 * k), "seconds": 6.0}
            rows.append({**base, "setting": "another", **other})
    return pd.DataFrame(rows)


def test_settings_are_compared_on_the_folds_that_both_have_and_the_one_in_use_comes_first():
    cases = made_up_cases()
    lost = (cases["setting"] == "another") & (cases["dataset"] == "d")
    cases.loc[lost, ["forest_auc", "finetuned_auc"]] = np.nan
    summary = summarise_settings(cases)
    assert list(summary["setting"]) == [IN_USE, IN_USE, "another", "another"]
    row = summary[(summary["setting"] == "another") & (summary["score"] == "finetuned_auc")].iloc[0]
    assert row["n_tables"] == 3 and row["seconds"] == 6.0
    assert row["difference"] == pytest.approx(0.101)  # mean of .1, .101 and .102, table d left out
    assert row["mean"] == pytest.approx(0.6 + 0.05 + 0.005 + 0.101)
    assert row["lower"] > 0


def test_the_book_names_the_settings_that_can_be_told_from_the_one_in_use(tmp_path):
    path = tmp_path / "settings.csv"
    assert "not compared here" in tried_settings(path)
    made_up_cases().to_csv(path, index=False)
    text = tried_settings(path)
    assert "By the fine-tuned score CTGAN (another) lies above the setting in use;" in text
    assert "By the forest's score no other setting is told from" in text and "4 simulated tables" in text
    assert "could not be served" not in text
    made_up_cases(gain=0.0).assign(reason=["too few"] + [""] * 15).to_csv(path, index=False)
    text = tried_settings(path)
    assert (
        "By the fine-tuned score no other setting is told from" in text
        and "1 case could not be served" in text
    )
    assert "*gaps*" not in text


def test_the_book_says_what_tables_with_gaps_are_and_how_good_the_model_is_on_them(tmp_path):
    path, whole = tmp_path / "settings.csv", made_up_cases()
    holed = whole.assign(generator=WITH_GAPS, zero_shot_auc=0.55)
    pd.concat([whole, holed]).to_csv(path, index=False)
    text = tried_settings(path)
    assert "before fine-tuning it is 0.600." in text
    assert "Of tables with *gaps* 30 % of the numbers are missing" in text and "it is 0.550 there" in text
    assert "*SCM, gaps*" in text


def made_up_discovery() -> pd.DataFrame:
    """Three tables x two folds x three pairs; a level of .2 makes rows that are worth .02 more."""
    pairs = ((SUBSAMPLE_SHARE, ALPHA), (SUBSAMPLE_SHARE, 0.2), (0.5, ALPHA))
    rows = []
    for (k, dataset), fold, (share, alpha) in itertools.product(enumerate("abc"), (8, 9), pairs):
        scores = dict.fromkeys(DISCOVERY_SCORES, 0.5 + 0.1 * k + 0.01 * fold)
        scores["forest_auc"] += (0.02 + 0.001 * k) * (alpha == 0.2)
        about = {"share": share, "alpha": alpha, "dataset": dataset, "fold": fold, "reason": ""}
        rows.append({**about, **scores, "seconds": 3.0 if alpha == 0.2 else 1.0})
    return pd.DataFrame(rows)


def test_pairs_of_share_and_level_are_compared_with_the_pair_in_use():
    summary = summarise_discovery(made_up_discovery()).set_index(["share", "alpha", "score"])
    assert len(summary) == 3 * len(DISCOVERY_SCORES) and set(summary["n_tables"]) == {3}
    assert tuple(summary.index[0][:2]) == (SUBSAMPLE_SHARE, ALPHA)
    found = summary.loc[(SUBSAMPLE_SHARE, 0.2, "forest_auc")]
    assert found["difference"] == pytest.approx(0.021) and found["lower"] > 0 and found["seconds"] == 3.0
    assert summary.loc[(0.5, ALPHA, "n_edges"), "difference"] == 0
    assert summary.loc[(0.5, ALPHA, "n_edges"), "mean"] == pytest.approx(0.685)


def test_the_book_shows_how_discovery_was_set_with_the_pair_in_use_in_bold(tmp_path):
    path = tmp_path / "discovery_settings.csv"
    assert "not recorded here" in tried_discovery(path)
    made_up_discovery().to_csv(path, index=False)
    text = tried_discovery(path)
    assert f"**{SUBSAMPLE_SHARE:g}, {ALPHA:g}**" in text and text.count("**") == 2
    assert "+0.021 [+0.020, +0.022]" in text and "3 simulated tables" in text and "have 16 edges" in text


@pytest.mark.parametrize("benchmark", ["generator_settings", "discovery"])
def test_settings_are_tried_on_folds_that_no_study_uses(benchmark):
    script = load_benchmark(benchmark)
    used = {fold for profile in PROFILES.values() if profile.suite == script.SUITE for fold in profile.folds}
    assert used and not used & set(script.FOLDS)


def test_the_pair_in_use_is_among_those_that_discovery_is_measured_with():
    script = load_benchmark("discovery")
    assert SUBSAMPLE_SHARE in script.SHARES and ALPHA in script.ALPHAS
    row = script.measure(SUBSAMPLE_SHARE, ALPHA, "scm-depth1-linear-low", 8)
    assert {*script.KEYS, *DISCOVERY_SCORES, "seconds"} <= set(row)
    assert 0.7 < row["edge_auroc"] <= 1 and 0.5 < row["skeleton_f1"] <= 1 and 0.6 < row["forest_auc"] <= 1
    assert 5 < row["n_edges"] < 30 and 0 <= row["isolated_target"] <= 1 and row["depth_error"] >= 0


def test_every_setting_of_a_generator_exists_and_is_another():
    script = load_benchmark("generator_settings")
    for name, settings in script.SETTINGS.items():
        assert settings[IN_USE] == {}
        generator = ARMS[script.ARM[name]].generator
        made = {setting: vars(make_generator(generator, **changed)) for setting, changed in settings.items()}
        assert len({str(state) for state in made.values()}) == len(made)


def test_the_rows_of_a_setting_are_scored_by_a_forest_and_by_fine_tuning():
    script = load_benchmark("generator_settings")
    row = script.measure("causal", "one graph", "scm-depth2-linear-low", 8)
    assert row["reason"] == "" and row["seconds"] > 0
    assert 0.6 < row["forest_auc"] <= 1 and 0.6 < row["finetuned_auc"] <= 1
    again = script.measure("causal", "one graph", "scm-depth2-linear-low", 8)
    assert {k: v for k, v in again.items() if k != "seconds"} == {
        k: v for k, v in row.items() if k != "seconds"
    }


def test_a_share_of_the_numbers_is_missing_on_tables_with_gaps_and_nothing_else_changes():
    script = load_benchmark("generator_settings")
    dataset = load_spec_table(RunSpec("test", script.SUITE, script.TABLES[0], 8, "zero_shot"))
    holed = script.leave_gaps(dataset)
    numbers = dataset.X.select_dtypes("number")
    assert holed.X[numbers.columns].isna().to_numpy().mean() == pytest.approx(GAPS, abs=0.02)
    pd.testing.assert_frame_equal(holed.X.fillna(dataset.X), dataset.X)
    pd.testing.assert_frame_equal(holed.X.drop(columns=numbers), dataset.X.drop(columns=numbers))
    assert script.leave_gaps(dataset).X.equals(holed.X)
