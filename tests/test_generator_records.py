"""What benchmarks record of the generators: resumable cases, costs of a process, figures and text."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
import pytest

from causalmix.book.execute import Execution
from causalmix.book.generators_text import _say_ratios, cost_text, quality_text, ratio_text, see, speed_text
from causalmix.figures import (
    load_generator_cost,
    load_quality,
    new_figure,
    plot_generator_cost,
    plot_quality,
    summarise_cost,
    summarise_quality,
)
from causalmix.generators import GENERATORS, GeneratorError, make_generator
from causalmix.generators.cost import PeakMemory, measure_cost
from causalmix.intervals import cluster_bootstrap, mean_interval
from causalmix.profiles import Profile
from causalmix.recorded_cases import RecordedCases, list_sources, read_record
from causalmix.specs import ARMS
from tests.benchmark_scripts import load_benchmark
from tests.generator_records import TABLES, make_costs, make_scores
from tests.recorded import make_study


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    path = tmp_path_factory.mktemp("quality") / "scores.csv"
    return path, make_scores(path)


@pytest.fixture(scope="module")
def costs(tmp_path_factory):
    path = tmp_path_factory.mktemp("cost") / "cost.csv"
    return path, make_costs(path)


# Sources and cases


def test_every_generator_that_an_arm_uses_is_a_source_once_and_so_are_the_controls():
    sources = list_sources()
    plain = [ARMS[arm].generator for arm in sources.values() if not ARMS[arm].params]
    assert sorted(plain) == sorted({arm.generator for arm in ARMS.values() if arm.generator})
    assert set(plain) == set(GENERATORS)
    assert {"independent", "random_dag"} <= set(sources) and not any("@" in arm for arm in sources.values())


def test_cases_are_kept_in_order_and_only_the_lacking_ones_are_made(tmp_path):
    record = RecordedCases(tmp_path / "new" / "scores.csv", ["dataset", "fold"])
    assert record.frame().empty
    record.add({"dataset": "b", "fold": 1, "score": 0.123456789, "reason": "", "revision": "0012345"})
    record.add({"dataset": "a", "fold": 0, "score": None, "reason": "one row", "revision": "0012345"})
    assert record.lacking([("a", 0), ("a", 1), ("b", 1)]) == [("a", 1)]
    frame = record.frame()
    assert frame["dataset"].tolist() == ["a", "b"] and frame["reason"].tolist() == ["one row", ""]
    assert set(frame["revision"]) == {"0012345"}  # text, also where it looks like a number
    before = record.path.read_bytes()
    record.forget([("c", 0)])
    assert record.path.read_bytes() == before
    record.forget([("b", 1)])
    assert record.lacking([("a", 0), ("b", 1)]) == [("b", 1)]


def test_writing_cases_again_changes_no_digit(tmp_path):
    record = RecordedCases(tmp_path / "scores.csv", ["dataset"])
    for number, value in enumerate(np.random.default_rng(0).normal(size=20)):
        record.add({"dataset": number, "score": value, "reason": ""})
    before = record.path.read_text().splitlines()
    record.add({"dataset": 99, "score": 1.0, "reason": ""})
    assert record.path.read_text().splitlines()[:-1] == before


def test_a_record_that_is_not_there_says_how_to_make_it(tmp_path, scores):
    frame, line = read_record(tmp_path / "none.csv", "python benchmarks/quality.py")
    assert frame.empty and "Not recorded yet: `python benchmarks/quality.py`" in line
    _, line = read_record(scores[0], "python benchmarks/quality.py")
    assert "3 tables, 60 cases, 0 failed; code revision made-up" in line


# The benchmarks


@pytest.mark.parametrize("name", ["quality", "generator_cost", "zero_shot"])
def test_a_benchmark_without_tables_says_what_it_needs(name, monkeypatch, capsys):
    monkeypatch.delenv("CAUSALMIX_DATA", raising=False)
    monkeypatch.setattr(sys, "argv", [f"{name}.py"])
    with pytest.raises(SystemExit, match="2"):
        load_benchmark(name).main()
    assert "set CAUSALMIX_DATA or --data" in capsys.readouterr().err


def test_the_quality_benchmark_records_failures_and_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    pytest.importorskip("sdmetrics")
    bench = load_benchmark("quality")
    monkeypatch.setattr(bench, "PROFILE", Profile(datasets=("iris",)))
    words = ["quality.py", "--data", "none", "--out", str(tmp_path), "--generators", "bootstrap"]
    monkeypatch.setattr(sys, "argv", words)
    bench.main()
    (row,) = RecordedCases(tmp_path / "scores.csv", bench.KEYS).frame().to_dict("records")
    assert (row["generator"], row["closest_record"], row["reason"]) == ("bootstrap", 0, "")

    def refuse(fold, spec):
        raise GeneratorError(f"{spec.arm} serves no table")

    monkeypatch.setattr(bench, "make_rows", refuse)
    monkeypatch.setattr(sys, "argv", [*words, "copula"])
    bench.main()
    frame = RecordedCases(tmp_path / "scores.csv", bench.KEYS).frame().set_index("generator")
    assert frame.loc["copula", "reason"] == "copula serves no table"
    assert frame.loc["bootstrap", "closest_record"] == 0  # not made again
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["benchmark"] == "quality" and last["bootstrap_closest_record"] == 0
    assert (tmp_path / "summary.csv").read_text().startswith("measure,generator,mean,lower,upper")


def test_the_slow_generators_are_measured_on_eight_widths_and_the_others_on_all(data_dir):
    bench = load_benchmark("generator_cost")
    cases = bench.choose_cases(data_dir, list(bench.SOURCES), quick=False)
    tables = {name: {table for table, other in cases if other == name} for name in bench.SOURCES}
    assert len(set(cases)) == len(cases) and set(bench.SLOW) < set(bench.SOURCES)
    for name, own in tables.items():
        assert len(own) >= 8 if name in bench.SLOW else own == set.union(*tables.values())


def test_a_case_of_the_cost_benchmark_names_the_table_its_width_and_the_machine(monkeypatch):
    bench = load_benchmark("generator_cost")
    monkeypatch.setattr(bench, "SUITE", "bundled")
    row = bench.measure("iris", "bootstrap", None)
    assert (row["dataset"], row["generator"], row["n_features"], row["reason"]) == (
        "iris",
        "bootstrap",
        4,
        "",
    )
    assert row["seconds_fit"] >= 0 and row["machine"] and row["revision"]


# Cost


class Hoarder:
    """Holds a block of memory while it fits and lets go of it."""

    graphs, metadata = (), {}

    def fit(self, train, target, seed):
        block = np.ones(20_000_000)  # 160 MB
        time.sleep(0.1)  # many times as long as between two looks at the memory
        del block
        return self

    def sample(self, n):
        return pd.DataFrame({"n": range(n)})


def test_the_peak_counts_memory_that_was_let_go_of_and_nothing_from_before():
    kept = np.ones(20_000_000)
    cost = measure_cost(Hoarder(), pd.DataFrame(), "y", 10)
    assert 120 < cost.peak_mb < 250
    with PeakMemory() as memory:
        kept[0] = 2.0
    assert memory.peak - memory.base < 20e6


def test_a_generator_that_cannot_serve_the_table_says_so():
    with pytest.raises(GeneratorError, match="at least 4 training rows"):
        measure_cost(make_generator("bootstrap"), pd.DataFrame({"y": pd.Categorical(["a"])}), "y", 5)


# Figures and text


def test_the_interval_of_a_mean_is_that_of_clusters_of_one_row():
    values = np.random.default_rng(0).normal(size=12)
    fast, slow = mean_interval(values), cluster_bootstrap(values, np.arange(12), np.mean)
    assert fast.value == slow.value and fast.n_clusters == slow.n_clusters
    assert np.allclose([fast.lower, fast.upper], [slow.lower, slow.upper], atol=0.03)
    assert np.isnan(mean_interval(values[:1]).lower) and np.isnan(mean_interval(values[:0]).value)


def test_quality_is_averaged_over_folds_then_over_tables(scores):
    frame = load_quality(scores[1])
    own = frame[(frame["measure"] == "skeleton_f1") & (frame["generator"] == "scm")]
    assert sorted(own["dataset"]) == sorted(TABLES)
    one = scores[1].query("generator == 'scm' and dataset == 'wide'")["skeleton_f1"].mean()
    assert own.set_index("dataset")["value"]["wide"] == pytest.approx(one)
    first = own.iloc[0]
    assert first["mean"] == pytest.approx(own["value"].mean())
    assert first["lower"] <= first["mean"] <= first["upper"] and first["n_tables"] == 3
    assert set(frame.loc[frame["measure"] == "tstr_auc", "reference"].round(6)) == {0.8}


def test_costs_are_compared_on_the_tables_that_all_generators_share(costs):
    summary = summarise_cost(costs[1]).set_index("generator")
    assert list(summary.index) == ["scm", "ctgan", "copula"] and set(summary["n_tables"]) == {2}
    assert summary.loc["scm", "peak_mb"] == (5 + 80) / 2


def test_both_figures_are_drawn_from_their_frames(scores, costs):
    _, ax = new_figure("tall")
    figure = ax.figure
    plot_quality(load_quality(scores[1]), ax)
    assert len(figure.axes) == 6 and all(panel.has_data() for panel in figure.axes)
    _, ax = new_figure("tall")
    figure = ax.figure
    plot_generator_cost(load_generator_cost(costs[1]), ax)
    *panels, legend = figure.axes
    assert [panel.get_yscale() for panel in panels] == ["log"] * 3
    assert [text.get_text() for text in legend.get_legend().get_texts()] == ["SCM", "CTGAN", "copula"]


@pytest.mark.parametrize("load", [load_quality, load_generator_cost])
def test_nothing_recorded_shows_that_nothing_was_run(load):
    _, ax = new_figure()
    {load_quality: plot_quality, load_generator_cost: plot_generator_cost}[load](load(pd.DataFrame()), ax)
    assert "not run yet" in ax.texts[0].get_text()
    assert summarise_cost(pd.DataFrame()).empty and summarise_quality(pd.DataFrame()).empty


def test_the_chapter_says_in_words_what_was_measured(scores, costs, tmp_path):
    text = quality_text(scores[0])
    assert "Means over 3 tables" in text and "The rows of *bootstrap* lie less than half as far" in text
    assert "the best of the others" in text and "real rows drawn again" in text
    assert "not recorded here" in quality_text(tmp_path / "none.csv")
    assert "Medians over the 2 tables" in cost_text(costs[0]) and "a processor" in cost_text(costs[0])
    assert "not recorded here" in cost_text(tmp_path / "none.csv")


def test_the_chapter_sets_the_speed_beside_that_of_the_peers(tmp_path):
    assert "not recorded here" in speed_text(tmp_path)
    peers = {"ours": (2.0, 0.8), "causal-learn out of the box": (9.0, 0.7)}
    pd.DataFrame(
        [
            {"n_rows": 192, "graph": graph, "method": method, "seconds": seconds, "skeleton_f1": f1}
            for graph in range(2)
            for method, (seconds, f1) in peers.items()
        ]
    ).to_csv(tmp_path / "discovery.csv", index=False)
    pd.DataFrame({"n_rows": 192, "generator": ["causal", "ctgan"], "seconds": [3.0, 18.0]}).to_csv(
        tmp_path / "seconds.csv", index=False
    )
    text = speed_text(tmp_path)
    cells = [line.removeprefix("* -").removeprefix("  -").strip() for line in text.splitlines()]
    first, second = (cells.index(peer) for peer in ("PC and FCI of causal-learn", "CTGAN"))
    assert cells[first + 1 :][:6] == ["192", "2", "9", "4.5×", "0.800", "0.700"]
    assert cells[second + 1 :][:4] == ["192", "3", "18", "6.0×"]
    assert "2 known graphs" in text
    assert {"Seconds, ours", "Seconds, theirs", "F1, ours", "F1, theirs"} <= set(cells)


def test_the_chapter_shows_the_ratios_once_they_are_run_and_says_so_before(tmp_path):
    assert "has not been run yet" in ratio_text(tmp_path / "sensitivity")
    study = make_study(tmp_path / "sensitivity", datasets=("a", "b"), n_folds=1, ratios=(0.5, 2.0))
    text = ratio_text(study.root)
    assert text.count("- `causalmix`") == 2 and text.count("- none") == 1 and "95 %" in text
    assert "the score of `causalmix` is higher with 2 than with 0.50" in text
    frame = pd.DataFrame(
        {"measure": "score", "arm": "scm", "ratio": [0.0, 1, 4], "lower": [9, 0.1, 0.4]}
    ).assign(upper=[10, 0.3, 0.6])
    said = "Intervals that do not overlap: the score of `scm` is higher with 4 than with 1; all others do."
    assert _say_ratios(frame) == said
    assert "intervals of all ratios overlap: none stands out" in _say_ratios(frame.assign(upper=0.7))


def test_a_page_is_linked_only_where_the_book_has_it(tmp_path):
    page = Execution("fig_quality", tmp_path, 1.0, "2026-01-01 12:00", "a machine", cached=False)
    assert "(../notebooks/fig_quality.ipynb)" in see([page], "fig_quality")
    assert see([page], "fig_generator_cost") == ""
