"""Recorded benchmarks go on where they were stopped, case by case or several at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from causalmix.measuring import add_data_option, make_parser, measure_lacking, open_record
from causalmix.recorded_cases import RecordedCases

KEYS = ["dataset", "fold", "method"]
CASES = [(dataset, fold, method) for dataset in ("a", "b") for fold in (0, 1) for method in ("x", "y")]


class Interrupted(Exception):
    """What stops a benchmark in these tests."""


class Lab:
    """Measures a case, and knows what it was asked for; interrupted when ``budget`` cases are measured."""

    def __init__(self, budget: int = 1000) -> None:
        self.asked: list[tuple] = []
        self.budget = budget

    def measure(self, *case: object) -> dict:
        if len(self.asked) >= self.budget:
            raise Interrupted
        self.asked.append(case)
        return {**dict(zip(KEYS, case, strict=True)), "score": len(self.asked), "reason": ""}

    def measure_methods(self, dataset: str, fold: int, methods: list[str]) -> Iterator[dict]:
        for method in methods:
            yield self.measure(dataset, fold, method)


@pytest.fixture
def record(tmp_path) -> RecordedCases:
    return RecordedCases(tmp_path / "scores.csv", KEYS)


@pytest.mark.parametrize("together", [False, True])
def test_what_was_measured_before_an_interruption_is_kept_and_not_measured_again(record, together):
    first, second = Lab(budget=3), Lab()
    call = "measure_methods" if together else "measure"
    with pytest.raises(Interrupted):
        measure_lacking(record, CASES, getattr(first, call), "test", together=together)
    assert first.asked == CASES[:3]
    frame = measure_lacking(record, CASES, getattr(second, call), "test", together=together)
    assert second.asked == CASES[3:]
    assert list(frame[KEYS].itertuples(index=False, name=None)) == CASES


def test_anew_measures_the_named_cases_and_keeps_the_others(record):
    measure_lacking(record, CASES, Lab().measure, "test")
    again = Lab()
    frame = measure_lacking(record, CASES[2:4], again.measure, "test", anew=True)
    assert again.asked == CASES[2:4] and len(frame) == len(CASES)
    assert frame["score"].tolist() == [1, 2, 1, 2, 5, 6, 7, 8]


def double(dataset: str, fold: int, method: str) -> dict:
    return {"dataset": dataset, "fold": fold, "method": method, "score": 2 * fold, "reason": ""}


def test_cases_measured_side_by_side_are_recorded_in_the_order_of_their_keys(record):
    frame = measure_lacking(record, CASES[::-1], double, "test", workers=2)
    assert list(frame[KEYS].itertuples(index=False, name=None)) == CASES
    assert frame["score"].tolist() == [0, 0, 2, 2, 0, 0, 2, 2]


def test_a_quick_look_records_nothing(tmp_path):
    parser = make_parser("Title.\n\nMore.", "one table", str(tmp_path))
    lasting, passing = (parser.parse_args(given) for given in ([], ["--quick"]))
    assert open_record(lasting, "scores.csv", KEYS).path == tmp_path / "scores.csv"
    assert tmp_path not in open_record(passing, "scores.csv", KEYS).path.parents
    assert parser.description == "Title."
    with pytest.raises(SystemExit):
        make_parser("Title.", "one table", "out", workers=False).parse_args(["--workers", "2"])


def test_a_benchmark_on_real_tables_asks_for_their_folder(monkeypatch, capsys):
    monkeypatch.delenv("CAUSALMIX_DATA", raising=False)
    parser = make_parser("Title.", "one table", "out")
    add_data_option(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([])
    assert "CAUSALMIX_DATA" in capsys.readouterr().err
    monkeypatch.setenv("CAUSALMIX_DATA", "/tables")
    parser = make_parser("Title.", "one table", "out")
    add_data_option(parser)
    assert parser.parse_args([]).data == "/tables"
