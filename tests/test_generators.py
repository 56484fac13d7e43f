"""Behaviour of the causal generator and of the cache of synthetic rows."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import warnings

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from dowhy.gcm import config as dowhy_config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causalmix.causal.dags import GraphStatistics
from causalmix.causal.redundancy import find_redundant_columns
from causalmix.data import TablePreprocessor
from causalmix.data.splits import Protocol
from causalmix.generators import CausalGenerator, GeneratorError, make_generator
from causalmix.generators import cache as cache_module
from causalmix.generators.cache import SyntheticCache, SyntheticKey, SyntheticTable
from tests.mixed_tables import mixed_tables
from tests.simulated_tables import TARGET, awkward_table, simulate_mixed

SMALL = {"n_dags": 2, "n_bootstraps": 2}


@pytest.fixture(scope="module")
def fitted() -> tuple[nx.DiGraph, pd.DataFrame, CausalGenerator]:
    """A known graph, its table and a generator fitted to the table."""
    dag, table = simulate_mixed(1, n_rows=400, n_columns=7, n_edges=8)
    return dag, table, CausalGenerator(n_dags=3, n_bootstraps=4).fit(table, TARGET, seed=5)


def test_every_dag_is_described_and_acyclic(fitted):
    _, table, generator = fitted
    assert len(generator.graphs) == len(generator.dags) == generator.metadata["n_dags"] == 3
    for dag, statistics in zip(generator.dags, generator.graphs, strict=True):
        assert nx.is_directed_acyclic_graph(dag) and set(dag.nodes) == set(table.columns)
        assert (statistics.n_edges, statistics.n_nodes) == (dag.number_of_edges(), 7)
        assert statistics.edge_entropy == generator.edge_probabilities.entropy()


def test_dependence_is_kept_along_edges_and_absent_without_them(fitted):
    _, table, generator = fitted
    independent = CausalGenerator(graph="empty").fit(table, TARGET, seed=5)
    real, drawn, none = (
        t.select_dtypes("float64").corr().abs().where(lambda c: c < 1).max().max()
        for t in (table, generator.sample(1000), independent.sample(1000))
    )
    assert none < 0.12 < 0.3 < drawn
    assert drawn == pytest.approx(real, abs=0.2)
    assert [s.depth for s in independent.graphs] == [0]
    assert independent.edge_probabilities is None


def test_random_dags_have_as_many_edges_as_the_discovered_ones(fitted):
    _, table, generator = fitted
    randomised = CausalGenerator(n_dags=3, n_bootstraps=4, graph="random").fit(table, TARGET, seed=5)
    assert [s.n_edges for s in randomised.graphs] == [s.n_edges for s in generator.graphs]
    assert {frozenset(d.edges) for d in randomised.dags}.isdisjoint(
        frozenset(d.edges) for d in generator.dags
    )
    np.testing.assert_array_equal(randomised.edge_probabilities.matrix, generator.edge_probabilities.matrix)


def test_a_given_graph_is_used_as_it_is(fitted):
    dag, table, _ = fitted
    generator = CausalGenerator(graph=dag).fit(table, TARGET, seed=0)
    assert [set(used.edges) for used in generator.dags] == [set(dag.edges)]
    assert generator.edge_probabilities is None


@pytest.mark.parametrize(
    ("edges", "message"),
    [([("x1", "stranger")], "'stranger'"), ([("x1", "x2"), ("x2", "x1")], "directed cycle")],
)
def test_a_given_graph_that_does_not_fit_the_table_is_refused(fitted, edges, message):
    with pytest.raises(GeneratorError, match=message):
        CausalGenerator(graph=nx.DiGraph(edges)).fit(fitted[1], TARGET, seed=0)


def test_every_model_draws_an_equal_share_in_an_order_that_does_not_tell(fitted, monkeypatch):
    _, table, generator = fitted
    marks = {id(model): float(k) for k, model in enumerate(generator._models)}

    def marked(model, n, seed):
        return table.head(n).assign(x1=marks[id(model)])

    monkeypatch.setattr("causalmix.causal.scm.draw_samples", marked)
    drawn = generator.sample(31)["x1"]
    assert sorted(drawn.value_counts()) == [10, 10, 11]
    assert not drawn.is_monotonic_increasing


@pytest.mark.parametrize("graph", ["discovered", "empty", "random"])
def test_an_awkward_table_is_served_with_its_redundant_columns(graph):
    table = awkward_table()
    rows = CausalGenerator(**SMALL, graph=graph).fit(table, TARGET, seed=0).sample(80)
    assert rows.dtypes.to_dict() == table.dtypes.to_dict()
    assert set(rows["constant"]) == {3.25} and set(rows["only level"]) == {"CHF"}
    pd.testing.assert_series_equal(rows["a"], rows["a again"], check_names=False)
    assert (rows["town"].cat.codes == rows["town again"].cat.codes).all()
    assert (rows[TARGET].cat.codes == rows["target again"].cat.codes).all()
    assert rows["town"].isna().any() and rows["holes"].isna().any()


def test_what_is_redundant_is_counted():
    metadata = CausalGenerator(**SMALL).fit(awkward_table(), TARGET, seed=0).metadata
    counted = {"n_dags": 2, "n_bootstraps": 2, "n_constant_columns": 2, "n_repeated_columns": 3}
    assert metadata == metadata | counted


def test_a_target_of_one_class_is_served():
    table = awkward_table().assign(y=pd.Categorical(["no"] * 60, categories=["no", "yes"]))
    rows = CausalGenerator(**SMALL).fit(table, TARGET, seed=0).sample(10)
    assert set(rows[TARGET]) == {"no"}


def test_negative_zero_and_missing_values_do_not_hide_a_repeat():
    frame = pd.DataFrame({"a": [0.0, np.nan, 1.0], "b": [-0.0, np.nan, 1.0], "c": [0.0, 2.0, 1.0]})
    assert list(find_redundant_columns(frame).repeats) == ["b"]


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(raw=mixed_tables(max_rows=24, max_columns=4), seed=st.integers(0, 99))
def test_rows_of_random_raw_tables_are_like_the_encoded_ones(raw, seed):
    raw = pd.concat([raw] * 3)
    train = TablePreprocessor().fit(raw).transform(raw).reset_index(drop=True)
    train["the label"] = pd.Categorical.from_codes(np.arange(len(train)) % 2, ["no", "yes"])
    rows = CausalGenerator(n_dags=1, n_bootstraps=1).fit(train, "the label", seed).sample(20)
    assert rows.dtypes.to_dict() == train.dtypes.to_dict() and len(rows) == 20
    for name in train:
        assert train[name].isna().any() or rows[name].notna().all()
        seen, drawn = train[name].dropna(), rows[name].dropna()
        if isinstance(train[name].dtype, pd.CategoricalDtype):
            assert set(drawn) <= set(seen)
        elif len(drawn):
            assert seen.min() <= drawn.min() and drawn.max() <= seen.max()


_IN_A_NEW_PROCESS = """
import sys
from causalmix.generators import CausalGenerator
from tests.simulated_tables import TARGET, simulate_mixed
_, table = simulate_mixed(4, n_rows=200, n_columns=8, n_edges=10)
generator = CausalGenerator(n_dags=2, n_bootstraps=2).fit(table, TARGET, seed=9)
sys.stdout.write(repr(generator.edge_probabilities.matrix.tolist()) + generator.sample(30).to_csv())
"""


def test_the_same_seed_gives_the_same_edges_and_rows_whatever_the_hash_seed():
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _IN_A_NEW_PROCESS],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for hash_seed in ("1", "2")
    ]
    (first, first_errors), (second, second_errors) = [process.communicate() for process in processes]
    assert first_errors == second_errors == b""
    assert first.startswith(b"[[") and len(first) > 1000
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(second).hexdigest()


def test_the_generator_is_silent_and_leaves_nothing_changed(capfd):
    table = awkward_table()
    before = table.copy()
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    config = dowhy_config.show_progress_bars, dowhy_config.default_n_jobs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CausalGenerator(**SMALL).fit(table, TARGET, seed=0).sample(10)
    assert capfd.readouterr() == ("", "")
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert (dowhy_config.show_progress_bars, dowhy_config.default_n_jobs) == config
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t.drop(columns=TARGET), "target 'y' is not a column"),
        (lambda t: t.head(3), "at least 4 training rows, got 3"),
        (lambda t: t.assign(a=t["a"].round().astype("int64")), "column 'a' has dtype int64"),
        (lambda t: t.assign(y=1.0), "target 'y' must be categorical"),
        (lambda t: t.assign(y=t[TARGET].where(t.index > 0)), "target 'y' has missing labels"),
        (lambda t: t.assign(a=t["a"].where(t.index > 0, np.inf)), "column 'a' holds infinite values"),
    ],
)
def test_a_table_that_cannot_be_served_is_a_generator_error(damage, message):
    with pytest.raises(GeneratorError, match=message):
        CausalGenerator(**SMALL).fit(damage(awkward_table()), TARGET, seed=0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"graph": "magic"}, "graph must be one of"),
        ({"n_dags": 0}, "n_dags must be at least 1"),
        ({"mechanism": "magic"}, "mechanism must be one of .*'linear'.*, got 'magic'"),
        ({"missing": "mean"}, "missing must be one of .*'median'.*, got 'mean'"),
    ],
)
def test_wrong_parameters_are_named_at_once(params, message):
    with pytest.raises(ValueError, match=message):
        CausalGenerator(**params)


def test_an_unknown_generator_or_parameter_is_answered_with_what_exists():
    with pytest.raises(ValueError, match=r"unknown generator 'cuasal'; known: .*causal"):
        make_generator("cuasal")
    with pytest.raises(ValueError, match=r"'causal' does not take these parameters.*n_dag"):
        make_generator("causal", n_dag=3)


KEY = SyntheticKey("wine", "f" * 16, 3, 0, "causal", {"n_dags": 5}, 40, 7, Protocol())


def made_table() -> SyntheticTable:
    rows = awkward_table(40)
    graphs = (GraphStatistics(2, 1, 0.5, 9, 11, 4, 2), GraphStatistics(3, 1, 0.7, 9, 11, 4, 2, 0.25))
    return SyntheticTable(rows, graphs, 1.5, {"n_dags": 2})


def test_a_cached_table_comes_back_as_it_was(tmp_path):
    cache, table = SyntheticCache(tmp_path / "new folder"), made_table()
    assert cache.get(KEY) is None
    cache.put(KEY, table)
    found = cache.get(KEY)
    pd.testing.assert_frame_equal(found.rows, table.rows)
    assert repr(found.graphs) == repr(table.graphs)
    assert (found.seconds, found.metadata) == (1.5, {"n_dags": 2})


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "e" * 16},
        {"fold": 4},
        {"repeat": 1},
        {"generator": "copula"},
        {"params": {"n_dags": 6}},
        {"params": {"n_dags": 5, "graph": "empty"}},
        {"params": {"graph": nx.DiGraph([("a", "b")])}},
        {"n_rows": 41},
        {"seed": 8},
        {"protocol": Protocol(max_train_rows=128)},
    ],
    ids=lambda change: "-".join(change),
)
def test_another_key_never_finds_the_table(tmp_path, change):
    cache = SyntheticCache(tmp_path)
    cache.put(KEY, made_table())
    other = dataclasses.replace(KEY, **change)
    assert other.name != KEY.name
    assert cache.get(other) is None


def test_every_field_of_a_key_enters_its_name():
    assert set(KEY.to_dict()) == {f.name for f in dataclasses.fields(SyntheticKey)} | {"rows_version"}
    same = dataclasses.replace(KEY, params={"n_dags": np.int64(5)}, protocol=dataclasses.asdict(Protocol()))
    assert same.name == KEY.name


def test_rows_of_an_older_version_of_the_code_are_not_found(tmp_path, monkeypatch):
    cache = SyntheticCache(tmp_path)
    cache.put(KEY, made_table())
    monkeypatch.setattr(cache_module, "ROWS_VERSION", cache_module.ROWS_VERSION + 1)
    assert cache.get(KEY) is None


def only(folder, suffix: str):
    (path,) = folder.rglob(f"*{suffix}")
    return path


DAMAGE = {
    "rows cut off": lambda root: only(root, ".parquet").write_bytes(only(root, ".parquet").read_bytes()[:99]),
    "rows lost": lambda root: only(root, ".parquet").unlink(),
    "rows of another table": lambda root: made_table().rows.head(3).to_parquet(only(root, ".parquet")),
    "description cut off": lambda root: only(root, ".json").write_text(only(root, ".json").read_text()[:50]),
    "description empty": lambda root: only(root, ".json").write_text(""),
    "description not text": lambda root: only(root, ".json").write_bytes(b"\xff\xfe\x00"),
    "description a list": lambda root: only(root, ".json").write_text("[]"),
    "description of another key": lambda root: only(root, ".json").write_text(
        json.dumps(json.loads(only(root, ".json").read_text()) | {"key": {}})
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_table_is_absent_with_a_warning_and_can_be_made_again(tmp_path, damage):
    cache, table = SyntheticCache(tmp_path), made_table()
    cache.put(KEY, table)
    DAMAGE[damage](tmp_path)
    with pytest.warns(UserWarning, match=r"causal-.*damaged.*made again"):
        assert cache.get(KEY) is None
    assert cache.get(KEY) is None
    cache.put(KEY, table)
    pd.testing.assert_frame_equal(cache.get(KEY).rows, table.rows)


def test_a_write_that_dies_between_rows_and_description_leaves_no_table(tmp_path, monkeypatch):
    write = cache_module.write_atomically

    def dies_at_the_description(path, content):
        if path.suffix == ".json":
            raise KeyboardInterrupt
        return write(path, content)

    monkeypatch.setattr(cache_module, "write_atomically", dies_at_the_description)
    cache = SyntheticCache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        cache.put(KEY, made_table())
    assert cache.get(KEY) is None


def test_nothing_but_the_two_files_is_left_in_the_folder(tmp_path):
    cache = SyntheticCache(tmp_path)
    cache.put(KEY, made_table())
    cache.put(KEY, made_table())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.suffix for path in files) == [".json", ".parquet"]
