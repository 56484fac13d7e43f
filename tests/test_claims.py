"""Claims are decided by their written rule, by code, from recorded runs or simulated behaviour."""

from __future__ import annotations

import json
import math

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml

from causalmix.claims import (
    VERDICT_SCHEMA,
    ClaimError,
    Verdict,
    collect_verdicts,
    decide,
    load_claims,
    write_verdict,
)
from causalmix.estimands import ESTIMANDS, NORMALISED
from causalmix.locations import MARKER, find_root
from causalmix.method_estimands import METHOD_ESTIMANDS
from causalmix.rules import short
from tests.recorded import PAPER_LIFTS, make_study

CLAIMS = load_claims()
QUICK = {"resamples": 200}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A function that makes (once) a made-up study with given lifts."""
    made = {}

    def make(**options):
        key = repr(sorted(options.items()))
        if key not in made:
            store = make_study(tmp_path_factory.mktemp("results") / "made_up", **options)
            made[key] = _Snapshot(store.runs(), store.trajectories(), store.hash)
        return made[key]

    return make


def lifts(default: float, causalmix: float, scm: float = -0.03) -> dict[str, float]:
    return {"zero_shot": 0.0, "default": default, "causalmix": causalmix, "scm": scm}


# The written rules


def test_all_nineteen_claims_are_written_down_with_a_rule():
    assert list(CLAIMS) == [f"{number:02d}" for number in range(1, 20)]
    assert all(claim.core and claim.rule and claim.estimand["text"] for claim in CLAIMS.values())


def test_every_kind_of_estimand_is_used_by_a_claim():
    used = {claim.estimand["kind"] for claim in CLAIMS.values()}
    assert used == set(ESTIMANDS) | set(METHOD_ESTIMANDS)


def test_the_four_normalisations_of_the_file_are_those_of_the_code():
    from causalmix.analysis import NORMALISATIONS, PRIMARY_NORMALISATION

    written = yaml.safe_load((find_root() / MARKER).read_text())["normalisations"]
    assert list(written["all"]) == list(NORMALISATIONS) and written["primary"] == PRIMARY_NORMALISATION


def test_a_claim_with_an_unknown_estimand_names_the_known_ones(tmp_path):
    entry = yaml.safe_load((find_root() / MARKER).read_text())["claims"][3]
    entry["estimand"]["kind"] = "average_joy"
    (tmp_path / "claims.yml").write_text(yaml.safe_dump({"claims": [entry]}))
    with pytest.raises(ClaimError, match="median_improvement"):
        load_claims(tmp_path / "claims.yml")


def test_a_claim_without_a_rule_is_refused_by_name(tmp_path):
    entry = yaml.safe_load((find_root() / MARKER).read_text())["claims"][3]
    del entry["decision"]
    (tmp_path / "claims.yml").write_text(yaml.safe_dump({"claims": [entry]}))
    with pytest.raises(ClaimError, match=r"claim 04.*decision"):
        load_claims(tmp_path / "claims.yml")


# Empirical claims


def test_claim_04_is_reproduced_where_the_lift_matches_the_paper(study):
    # A tenth of the remaining error: about +0.03 ROC-AUC from a zero-shot 0.75
    verdict = decide(CLAIMS["04"], study(lifts=lifts(0.02, 0.03)), **QUICK)
    assert verdict.value == pytest.approx(0.12, abs=0.06)
    assert verdict.interval[0] > 0
    assert verdict.verdict == "reproduced"
    assert f"; standard deviation over runs {short(verdict.quantities['sd'])})" in verdict.explanation


def test_claim_04_is_partly_reproduced_where_the_lift_is_far_larger(study):
    verdict = decide(CLAIMS["04"], study(lifts=lifts(0.02, 0.12)), **QUICK)
    assert verdict.verdict == "partly" and "distance <= 0.06 fails" in verdict.explanation


def test_claim_04_is_not_reproduced_where_fine_tuning_hurts(study):
    verdict = decide(CLAIMS["04"], study(lifts=lifts(0.02, -0.05)), **QUICK)
    assert verdict.verdict == "not reproduced" and verdict.value < 0
    assert set(verdict.sensitivity.values()) == {"not reproduced"}


def test_claim_05_is_decided_on_the_default_arm(study):
    verdict = decide(CLAIMS["05"], study(lifts=lifts(0.025, 0.03)), **QUICK)
    assert verdict.n_runs == 18 and verdict.verdict == "reproduced"


def test_claim_07_sees_a_smaller_spread_of_causalmix(study):
    store = study(lifts=lifts(0.02, 0.03))
    runs = store.runs()
    change = (runs["test_auc"] - runs["zero_shot_auc"]) * np.where(runs["arm"] == "default", 3, 0.3)
    wider = _with_runs(store, runs.assign(test_auc=runs["zero_shot_auc"] + change))
    assert decide(CLAIMS["07"], wider, **QUICK).verdict == "reproduced"
    change = (runs["test_auc"] - runs["zero_shot_auc"]) * np.where(runs["arm"] == "causalmix", 3, 0.3)
    narrower = _with_runs(store, runs.assign(test_auc=runs["zero_shot_auc"] + change))
    assert decide(CLAIMS["07"], narrower, **QUICK).verdict == "not reproduced"


def test_claim_08_stays_partly_reproduced_while_arms_of_the_paper_are_absent(study):
    verdict = decide(CLAIMS["08"], study(lifts=lifts(0.02, 0.05)), **QUICK)
    assert verdict.quantities["arm_position"] == 1 and verdict.quantities["n_arms"] == 3
    assert verdict.verdict == "partly"


def test_claim_08_is_reproduced_with_all_seven_arms_in_the_papers_order(study):
    seven = {
        **lifts(0.03, 0.06),
        "ctgan": -0.01,
        "tabebm": -0.02,
        "table_augment": -0.04,
        "mixed_model": -0.02,
    }
    store = study(lifts=seven)
    assert decide(CLAIMS["08"], store, **QUICK).verdict == "reproduced"
    assert decide(CLAIMS["09"], store, **QUICK).verdict == "reproduced"
    assert decide(CLAIMS["06"], store, **QUICK).verdict == "reproduced"


def test_claim_08_is_not_reproduced_where_default_ranks_first(study):
    assert decide(CLAIMS["08"], study(lifts=lifts(0.06, 0.02)), **QUICK).verdict == "not reproduced"


def test_a_verdict_that_depends_on_the_normalisation_says_so(study):
    verdict = decide(CLAIMS["04"], study(lifts=lifts(0.02, 0.03)), **QUICK)
    assert verdict.sensitivity["difference"] != verdict.sensitivity["error_removed"]
    assert verdict.depends_on_normalisation and "depends on the normalisation" in verdict.explanation


def test_claim_18_compares_the_median_gaps(study):
    verdict = decide(CLAIMS["18"], study(), **QUICK)
    expected = verdict.quantities["gap_baseline"] - verdict.quantities["gap_arm"]
    assert verdict.value == pytest.approx(expected) and verdict.sensitivity == {}


# Protocol claims


@pytest.mark.parametrize("number", ["03", "10", "11"])
def test_the_protocol_of_a_sound_study_is_confirmed(study, number):
    assert decide(CLAIMS[number], study(), **QUICK).verdict == "reproduced"


def test_claim_03_notices_a_run_without_its_zero_shot_counterpart(study):
    store = study()
    runs = store.runs()
    zero = runs.index[runs["arm"] == "zero_shot"]
    verdict = decide(CLAIMS["03"], _with_runs(store, runs.drop(zero[:1])), **QUICK)
    assert verdict.value < 1 and verdict.verdict == "not reproduced"


def test_claims_about_the_benchmark_are_not_tested_on_another_suite(study):
    verdict = decide(CLAIMS["01"], study(), **QUICK)
    assert verdict.verdict == "not tested" and "tabarena33" in verdict.reason


def test_claims_01_and_02_count_tables_folds_arms_and_runs(study):
    store = study(suite="tabarena33", datasets=tuple(f"t{i}" for i in range(26)), n_folds=1)
    first = decide(CLAIMS["01"], store, **QUICK)
    assert first.value == 26 and first.verdict == "partly" and first.quantities["model_is_mitra"] == 0
    second = decide(CLAIMS["02"], store, **QUICK)
    assert second.value == 26 * 3 and second.verdict == "not reproduced"


# Depth and stability


@pytest.mark.parametrize(("slope", "expected"), [(0.02, {"reproduced"}), (0.0, {"partly", "not reproduced"})])
def test_claim_19_finds_a_dose_response_only_where_there_is_one(study, slope, expected):
    levels = ("0", "1", "2", "3", "full")
    dial = {f"causalmix@depth={level}": 0.0 for level in levels}
    store = study(lifts={"zero_shot": 0.0, **dial}, datasets=tuple(f"t{i}" for i in range(9)), n_folds=4)
    runs, curves = store.runs(), store.trajectories()
    depth = runs["arm"].map({arm: float(k) for k, arm in enumerate(dial)})
    wobble = curves["arm"].map({arm: float(k) for k, arm in enumerate(dial)}).fillna(0) * slope
    sign = np.where(curves["step"] % 2 == 0, 1, -1)
    changed = curves.assign(val_log_loss=curves["val_log_loss"] + wobble * sign)
    verdict = decide(CLAIMS["19"], _with_runs(store, runs.assign(depth=depth), changed), **QUICK)
    assert verdict.verdict in expected
    assert verdict.label == CLAIMS["19"].labels[verdict.verdict]


def test_a_run_that_ended_early_is_no_steady_one_for_claim_19_but_undefined_and_counted(study):
    dial = {f"causalmix@depth={level}": 0.0 for level in ("0", "1", "2", "3", "full")}
    store = study(lifts={"zero_shot": 0.0, **dial}, datasets=tuple(f"t{i}" for i in range(9)), n_folds=4)
    curves = store.trajectories()
    one = curves["spec_hash"] == curves.loc[curves["arm"] == "causalmix@depth=1", "spec_hash"].iloc[0]
    cut = curves[~one | (curves["step"] < curves["step"].max())]
    cut = cut.assign(selected=cut["selected"].mask(one, cut["step"] == 0))
    whole, ended = (
        decide(CLAIMS["19"], _with_runs(store, store.runs(), rows), **QUICK) for rows in (curves, cut)
    )
    assert whole.quantities["n_undefined"] == 0 and ended.quantities["n_undefined"] == 1
    assert ended.quantities["n_blocks"] == whole.quantities["n_blocks"] and ended.value != whole.value


def test_claim_19_is_not_tested_without_the_dial(study):
    verdict = decide(CLAIMS["19"], study(), **QUICK)
    assert verdict.verdict == "not tested" and "causalmix@depth=" in verdict.reason


# Method claims


def test_claim_13_asks_that_both_algorithms_recover_the_graph():
    seeds = np.arange(10)
    good = pd.DataFrame({"seed": seeds, "auroc": 0.95, "pc_auroc": 0.9, "fci_auroc": 0.9})
    assert decide(CLAIMS["13"], evidence=good, **QUICK).verdict == "reproduced"
    assert decide(CLAIMS["13"], evidence=good.assign(fci_auroc=0.5), **QUICK).verdict == "partly"
    assert decide(CLAIMS["13"], evidence=good.assign(auroc=0.6), **QUICK).verdict == "not reproduced"


def test_claim_14_refuses_a_matrix_that_is_not_probabilistic():
    good = pd.DataFrame(
        {"seed": np.arange(10), "auroc": 0.9, "valid": 1.0, "graded_share": 0.5, "strength_gap": 0.6}
    )
    assert decide(CLAIMS["14"], evidence=good, **QUICK).verdict == "reproduced"
    assert decide(CLAIMS["14"], evidence=good.assign(valid=0.9), **QUICK).verdict == "not reproduced"
    assert decide(CLAIMS["14"], evidence=good.assign(graded_share=0.0), **QUICK).verdict == "partly"


def test_claim_17_fails_on_a_single_row_that_its_noise_does_not_explain():
    good = pd.DataFrame({"seed": np.arange(10), "deviation": 1e-14, "descendants_only": 1.0})
    assert decide(CLAIMS["17"], evidence=good, **QUICK).verdict == "reproduced"
    off = good.assign(deviation=[0.0] * 9 + [0.01])
    assert decide(CLAIMS["17"], evidence=off, **QUICK).verdict == "not reproduced"


def test_a_shortened_simulation_says_so():
    evidence = pd.DataFrame({"seed": [0, 1], "deviation": 0.0, "descendants_only": 1.0})
    assert "shortened run" in decide(CLAIMS["17"], evidence=evidence, **QUICK).explanation


def test_a_method_claim_without_evidence_is_not_tested():
    assert decide(CLAIMS["13"]).verdict == "not tested"


# What a store may lack


def test_an_absent_arm_is_named(study):
    verdict = decide(CLAIMS["06"], study(), **QUICK)
    assert verdict.verdict == "not tested" and "ctgan" in verdict.reason and "scm" not in verdict.reason


def test_too_few_tables_are_counted(study):
    verdict = decide(CLAIMS["04"], study(datasets=("a", "b")), **QUICK)
    assert verdict.verdict == "not tested" and "2 tables" in verdict.reason


def test_no_store_is_not_tested():
    assert decide(CLAIMS["04"]).reason == "there is no recorded study"


def test_an_incomplete_grid_is_not_ranked(study):
    store = study()
    runs = store.runs()
    verdict = decide(CLAIMS["08"], _with_runs(store, runs.drop(runs.index[runs["arm"] == "scm"][0])), **QUICK)
    assert verdict.verdict == "not tested" and "no record" in verdict.reason


def test_two_models_in_one_store_must_be_told_apart(study):
    store = study()
    runs = store.runs()
    other = pd.concat([runs, runs.assign(model="mitra", spec_hash="x" + runs["spec_hash"])])
    with pytest.raises(ClaimError, match="mitra"):
        decide(CLAIMS["04"], _with_runs(store, other), **QUICK)
    assert decide(CLAIMS["04"], _with_runs(store, other), model="mitra", **QUICK).model == "mitra"
    with pytest.raises(ClaimError, match="no run of the model 'tabicl'"):
        decide(CLAIMS["04"], store, model="tabicl", **QUICK)


# Verdict files


def test_every_claim_gives_a_verdict_that_fits_the_schema_and_comes_back_from_its_file(study, tmp_path):
    store = study()
    for claim in CLAIMS.values():
        verdict = decide(claim, store, **QUICK)
        written = json.loads(write_verdict(verdict, tmp_path / "verdicts").read_text())
        jsonschema.validate(written, VERDICT_SCHEMA)
        assert Verdict.from_dict(written).to_dict() == verdict.to_dict()
        assert written["id"] == claim.id
    collected = collect_verdicts(tmp_path / "verdicts", tmp_path / "verdicts.json")
    assert [verdict["id"] for verdict in collected] == list(CLAIMS)
    assert json.loads((tmp_path / "verdicts.json").read_text()) == collected


def test_a_verdict_names_model_study_runs_and_store(study):
    store = study()
    verdict = decide(CLAIMS["04"], store, **QUICK)
    assert (verdict.model, verdict.study, verdict.suite) == ("made-up", "made_up", "bundled")
    assert (verdict.n_runs, verdict.n_datasets, verdict.store_hash) == (18, 6, store.hash)
    assert "made-up" in verdict.explanation


def test_sensitivity_is_given_exactly_where_the_normalisation_plays_a_part(study):
    for claim in CLAIMS.values():
        verdict = decide(claim, study(), **QUICK)
        if verdict.verdict != "not tested":
            assert bool(verdict.sensitivity) == (claim.estimand["kind"] in NORMALISED)


def test_verdicts_that_rest_on_signs_and_ranks_say_that_the_normalisations_share_them(study):
    store = study(lifts=PAPER_LIFTS)
    for name in ("06", "08", "09"):
        verdict = decide(CLAIMS[name], store, **QUICK)
        assert verdict.verdict != "not tested" and "which it rests on" in verdict.explanation
    assert "which it rests on" not in decide(CLAIMS["04"], store, **QUICK).explanation


def test_not_tested_needs_a_reason_and_a_verdict_a_known_word():
    with pytest.raises(ValueError, match="reason"):
        Verdict("04", "t", "s", "empirical", "not tested", "r")
    with pytest.raises(ValueError, match="not 'confirmed'"):
        Verdict("04", "t", "s", "empirical", "confirmed", "r")


def test_a_file_that_is_no_verdict_is_named(tmp_path):
    (tmp_path / "04.json").write_text("{}")
    with pytest.raises(ValueError, match=r"04\.json is no verdict"):
        collect_verdicts(tmp_path)


def test_nan_becomes_null_and_comes_back():
    verdict = Verdict("04", "t", "s", "empirical", "not tested", "r", reason="no runs")
    assert verdict.to_dict()["value"] is None
    assert math.isnan(Verdict.from_dict(verdict.to_dict()).value)


class _Snapshot:
    """The tables of a store, read once."""

    def __init__(self, runs, trajectories, digest="changed"):
        self._runs, self._trajectories, self.hash = runs, trajectories, digest

    def runs(self):
        return self._runs

    def trajectories(self):
        return self._trajectories


def _with_runs(store, runs, trajectories=None):
    return _Snapshot(runs, store.trajectories() if trajectories is None else trajectories)
