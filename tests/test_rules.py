"""How a decision rule is read, and what it asks of a study before it decides."""

from __future__ import annotations

import pytest
import yaml

from causalmix.claims import ClaimError, decide, load_claims
from causalmix.locations import MARKER, find_root
from causalmix.rules import Condition
from tests.by_hand import make_store

CLAIMS = load_claims()


@pytest.mark.parametrize(
    ("relation", "below", "at", "above"),
    [
        (">", False, False, True),
        (">=", False, True, True),
        ("<", True, False, False),
        ("<=", True, True, False),
        ("==", False, True, False),
    ],
)
def test_a_condition_holds_below_at_or_above_its_bound_as_its_sign_says(relation, below, at, above):
    condition = Condition("share", relation, 0.5)
    assert [condition.holds({"share": share}) for share in (0.4, 0.5, 0.6)] == [below, at, above]
    assert not condition.holds({"share": float("nan")})


def write_claims(folder, *entries):
    path = folder / "claims.yml"
    path.write_text(yaml.safe_dump({"claims": entries}))
    return path


def first_entry() -> dict:
    return yaml.safe_load((find_root() / MARKER).read_text())["claims"][0]


def test_a_rule_says_which_intervals_contradict_it():
    above, below = CLAIMS["18"], CLAIMS["07"]
    assert above.contradicted_by(-0.6, -0.01) and not above.contradicted_by(-0.6, 0.0)
    assert below.contradicted_by(1.01, 1.2) and not below.contradicted_by(0.7, 0.9)
    assert not any(claim.contradicted_by(float("nan"), float("nan")) for claim in CLAIMS.values())
    assert not CLAIMS["06"].contradicted_by(0.1, 0.2)  # its rule counts arms


def test_two_claims_of_one_number_are_refused(tmp_path):
    other = {**first_entry(), "title": "Another claim"}
    with pytest.raises(ClaimError, match="'01', '01'"):
        load_claims(write_claims(tmp_path, first_entry(), other))


@pytest.mark.parametrize("part", ["core", "full"])
def test_a_rule_with_an_unknown_sign_is_refused_and_names_the_known_ones(tmp_path, part):
    entry = first_entry()
    entry["decision"][part] = [{"quantity": "value", "is": "!=", "bound": 3}]
    with pytest.raises(ClaimError, match="claim 01: unknown relation '!='; known: > >= < <= =="):
        load_claims(write_claims(tmp_path, entry))


def test_as_many_tables_as_the_rule_asks_for_are_enough():
    least = CLAIMS["04"].needs["min_datasets"]
    rows = [{"dataset": f"t{i}", "arm": "causalmix", "test_auc": 0.8 + i / 100} for i in range(least)]
    enough, too_few = (decide(CLAIMS["04"], make_store(rows[:n]), resamples=50) for n in (least, least - 1))
    assert enough.n_datasets == least and enough.verdict != "not tested"
    assert too_few.verdict == "not tested" and f"{least - 1} tables" in too_few.reason


def test_the_curves_of_another_model_have_no_part_in_a_verdict():
    gaps = {
        ("one", "default"): 2.0,
        ("one", "causalmix"): 0.5,
        ("two", "default"): 0.5,
        ("two", "causalmix"): 0.0,
    }
    rows = [
        {"dataset": f"t{i}", "arm": arm, "model": model, "gap": gap}
        for i in range(CLAIMS["18"].needs["min_datasets"])
        for (model, arm), gap in gaps.items()
    ]
    verdicts = [decide(CLAIMS["18"], make_store(rows), model=model, resamples=50) for model in ("one", "two")]
    assert [verdict.value for verdict in verdicts] == pytest.approx([1.5, 0.5])
