"""Behaviour of structural causal models: what is fitted, what is drawn, and nothing left behind."""

from __future__ import annotations

import warnings

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from dowhy.gcm import config as dowhy_config

from causalmix.causal.dags import empty_dag, random_dag
from causalmix.causal.mechanisms import MECHANISMS, ParentEncoder
from causalmix.causal.redundancy import find_redundant_columns
from causalmix.causal.schema import MISSING, TableSchema
from causalmix.causal.scm import draw_noise, draw_samples, fit_scm, propagate_noise
from tests.simulated_tables import TARGET, awkward_table, simulate_mixed

each_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS)


def distinct_awkward_table() -> pd.DataFrame:
    table = awkward_table()
    return find_redundant_columns(table, keep=TARGET).reduce(table)


def dense_dag(columns, seed: int = 0) -> nx.DiGraph:
    d = len(columns)
    return random_dag(list(columns), d * (d - 1) // 3, np.random.default_rng(seed))


@each_mechanism
def test_a_drawn_row_is_the_propagation_of_its_noise(mechanism):
    dag, table = simulate_mixed(2, n_rows=200, n_columns=7, n_edges=9)
    scm = fit_scm(dag, table, seed=1, mechanism=mechanism)
    rows, noise = draw_samples(scm, 100, seed=5), draw_noise(scm, 100, seed=5)
    pd.testing.assert_frame_equal(rows, propagate_noise(scm, noise))


def test_other_noise_of_one_node_changes_that_node_and_its_descendants_only():
    dag = nx.DiGraph([("x1", "x2"), ("x2", "x4"), ("x1", "x5")])
    table = simulate_mixed(2, n_rows=200, n_columns=6, n_edges=6)[1]
    dag.add_nodes_from(table.columns)
    scm = fit_scm(dag, table, seed=1)
    noise, other = draw_noise(scm, 50, seed=5), draw_noise(scm, 50, seed=6)
    rows, changed = propagate_noise(scm, noise), propagate_noise(scm, {**noise, "x2": other["x2"]})
    assert {name for name in rows if not rows[name].equals(changed[name])} == {"x2", "x4"}


def test_a_known_linear_mechanism_is_recovered():
    rng = np.random.default_rng(0)
    cause = rng.normal(size=800)
    table = pd.DataFrame({"cause": cause, "effect": 2.0 * cause + 0.5 * rng.normal(size=800)})
    scm = fit_scm(nx.DiGraph([("cause", "effect")]), table)
    rows = draw_samples(scm, 2000, seed=0)
    slope, intercept = np.polyfit(rows["cause"], rows["effect"], 1)
    assert slope == pytest.approx(2.0, abs=0.1) and intercept == pytest.approx(0.0, abs=0.1)
    assert (rows["effect"] - slope * rows["cause"]).std() == pytest.approx(0.5, abs=0.06)


def test_a_bent_mechanism_needs_boosting():
    rng = np.random.default_rng(0)
    cause = rng.uniform(-2, 2, size=600)
    table = pd.DataFrame({"cause": cause, "effect": cause**2 + 0.2 * rng.normal(size=600)})
    errors = {}
    for mechanism in MECHANISMS:
        scm = fit_scm(nx.DiGraph([("cause", "effect")]), table, mechanism=mechanism)
        rows = draw_samples(scm, 1000, seed=0)
        errors[mechanism] = float((rows["effect"] - rows["cause"] ** 2).abs().mean())
    assert errors["hist_gradient_boosting"] < 0.3 < 0.8 < errors["linear"]


def test_columns_without_edges_are_independent_and_keep_their_distribution():
    _, table = simulate_mixed(0, n_rows=500, n_columns=6, n_edges=8)
    rows = draw_samples(fit_scm(empty_dag(table.columns), table), 3000, seed=1)
    numbers = rows.select_dtypes("float64")
    correlation = numbers.corr().to_numpy() - np.eye(numbers.shape[1])
    assert np.abs(correlation).max() < 0.08
    np.testing.assert_allclose(numbers.std(), table[numbers.columns].std(), rtol=0.08)
    shares = rows[TARGET].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(shares, table[TARGET].value_counts(normalize=True).sort_index(), atol=0.04)


def test_dependence_along_an_edge_between_categories_is_kept():
    rng = np.random.default_rng(0)
    cause = rng.integers(0, 3, 500)
    effect = np.where(rng.random(500) < 0.85, 2 - cause, rng.integers(0, 3, 500))
    table = pd.DataFrame(
        {
            "cause": pd.Categorical.from_codes(cause, list("abc")),
            "effect": pd.Categorical.from_codes(effect, list("uvw")),
        }
    )
    rows = draw_samples(fit_scm(nx.DiGraph([("cause", "effect")]), table), 3000, seed=0)
    real, drawn = (pd.crosstab(t["cause"], t["effect"], normalize="index") for t in (table, rows))
    np.testing.assert_allclose(drawn, real, atol=0.07)


@each_mechanism
def test_a_categorical_node_only_emits_levels_that_were_seen(mechanism):
    table = distinct_awkward_table()
    for seed in range(3):
        scm = fit_scm(dense_dag(table.columns, seed), table, mechanism=mechanism, target=TARGET)
        rows = draw_samples(scm, 400, seed=seed)
        for name in table.select_dtypes("category"):
            assert set(rows[name].dropna()) <= set(table[name].dropna())
            assert rows[name].dtype == table[name].dtype
            assert table[name].isna().any() or not rows[name].isna().any()


def test_extreme_noise_of_a_classifier_still_finds_a_level():
    dag, table = simulate_mixed(2, n_rows=100, n_columns=4, n_edges=6)
    scm = fit_scm(dag, table)
    noise = draw_noise(scm, 2, seed=0)
    extreme = {
        name: np.array([0.0, 1 - 1e-16])
        if scm.model.graph.in_degree(name) and isinstance(table[name].dtype, pd.CategoricalDtype)
        else values
        for name, values in noise.items()
    }
    rows = propagate_noise(scm, extreme)
    assert not rows.isna().any().any()


@each_mechanism
def test_numbers_stay_in_the_training_range_and_whole_where_they_were_whole(mechanism):
    table = distinct_awkward_table()
    rows = draw_samples(fit_scm(dense_dag(table.columns), table, mechanism=mechanism), 500, seed=0)
    for name in table.select_dtypes("float64"):
        assert rows[name].min() >= table[name].min() and rows[name].max() <= table[name].max()
    assert (rows["holes"].dropna() % 1 == 0).all()


def test_continuous_roots_are_not_copies_of_training_values():
    _, table = simulate_mixed(0, n_rows=100, n_columns=3, n_edges=0)
    rows = draw_samples(fit_scm(empty_dag(table.columns), table), 500, seed=0)
    assert rows["x1"].isin(table["x1"]).mean() < 0.05
    assert rows["x1"].nunique() > 450


def test_whole_and_tied_roots_only_take_training_values():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"whole": rng.integers(0, 9, 80) * 10.0, "tied": rng.choice([0.5, 0.75], 80)})
    table["of a third"] = np.arange(80) // 3 + 0.5
    rows = draw_samples(fit_scm(empty_dag(table.columns), table), 300, seed=0)
    assert set(rows["whole"]) <= set(table["whole"]) and set(rows["tied"]) == {0.5, 0.75}
    assert set(rows["of a third"]) <= set(table["of a third"])


def test_whole_numbers_are_rounded_to_the_nearest():
    table = pd.DataFrame({"cause": np.arange(50.0), "effect": 3 * np.arange(50.0)})
    scm = fit_scm(nx.DiGraph([("cause", "effect")]), table)
    mechanism = scm.model.causal_mechanism("effect")
    cause = np.full(4, 25.0)
    off = 75 - mechanism.evaluate_unbounded(cause[:, None], np.zeros((4, 1)))[0, 0]
    rows = propagate_noise(scm, {"cause": cause, "effect": off + np.array([-0.6, -0.4, 0.4, 0.6])})
    assert rows["effect"].tolist() == [74, 75, 75, 76]


def test_missing_values_come_back_at_the_rate_of_their_class():
    rng = np.random.default_rng(0)
    yes = rng.random(400) < 0.5
    number = np.where(yes & (rng.random(400) < 0.6), np.nan, rng.normal(size=400))
    level = np.where(rng.random(400) < 0.3, None, rng.choice(["a", "b"], 400))
    table = pd.DataFrame(
        {
            "number": number,
            "level": pd.Categorical(level, ["a", "b"]),
            TARGET: pd.Categorical(np.where(yes, "yes", "no")),
        }
    )
    rows = draw_samples(
        fit_scm(nx.DiGraph([(TARGET, "number"), ("level", "number")]), table, target=TARGET), 3000, 1
    )
    missing = rows["number"].isna().groupby(rows[TARGET], observed=True).mean()
    assert missing["no"] == 0
    assert missing["yes"] == pytest.approx(np.isnan(number[yes]).mean(), abs=0.05)
    assert rows["level"].isna().mean() == pytest.approx(table["level"].isna().mean(), abs=0.05)


def test_missing_values_are_filled_with_the_lower_median_and_a_level_of_their_own():
    table = pd.DataFrame({"number": [9.0, np.nan, 1.0, 2.0, 40.0, np.nan], "level": list("ab") * 3})
    table["level"] = table["level"].where(table.index > 0).astype("category")
    filled = TableSchema.of(table).fill(table)
    assert filled["number"].tolist() == [9, 2, 1, 2, 40, 2]
    assert filled["level"].nunique() == 3 and (filled["level"] == MISSING).tolist() == [True] + [False] * 5


def table_with_gaps(share: float = 0.4, n_rows: int = 2000) -> pd.DataFrame:
    """cause -> effect with a correlation near .95; a share of either column is missing at random."""
    rng = np.random.default_rng(3)
    cause = rng.normal(size=n_rows)
    whole = pd.DataFrame({"cause": cause, "effect": 3 * cause + rng.normal(size=n_rows)})
    return whole.mask(rng.random(whole.shape) < share)


@each_mechanism
def test_imputed_numbers_keep_the_spread_and_the_tie_that_the_median_loses(mechanism):
    table, dag = table_with_gaps(), nx.DiGraph([("cause", "effect")])
    filled, imputed = (
        draw_samples(fit_scm(dag, table, mechanism=mechanism, missing=missing), 4000, seed=1)
        for missing in ("median", "imputed")
    )
    assert filled.corr().iloc[0, 1] < 0.6
    assert imputed.corr().iloc[0, 1] == pytest.approx(table.corr().iloc[0, 1], abs=0.02)
    assert (filled.std() < 0.9 * table.std()).all()
    assert imputed.std().to_numpy() == pytest.approx(table.std().to_numpy(), rel=0.06)
    assert imputed.isna().mean().to_numpy() == pytest.approx(0.4, abs=0.04)


def test_imputing_changes_nothing_where_no_number_is_missing():
    dag, table = simulate_mixed(2, n_rows=100, n_columns=5, n_edges=5)
    rows, imputed = (
        draw_samples(fit_scm(dag, table, seed=3, missing=missing), 40, 7) for missing in ("median", "imputed")
    )
    pd.testing.assert_frame_equal(rows, imputed)


def test_gaps_that_depend_on_the_class_do_not_change_its_share():
    rng = np.random.default_rng(5)
    cause = rng.normal(size=600)
    sick = cause + 0.5 * rng.normal(size=600) > 0.6
    table = pd.DataFrame({"cause": cause, TARGET: pd.Categorical(np.where(sick, "sick", "well"))})
    table["cause"] = table["cause"].mask(sick & (rng.random(600) < 0.8))
    scm = fit_scm(nx.DiGraph([("cause", TARGET)]), table, missing="imputed", target=TARGET)
    rows = draw_samples(scm, 4000, seed=0)
    assert (rows[TARGET] == "sick").mean() == pytest.approx(sick.mean(), abs=0.05)
    means = rows.groupby(TARGET, observed=True)["cause"].mean()
    assert means["sick"] > means["well"] + 0.8


def test_an_unknown_way_with_missing_numbers_is_refused():
    with pytest.raises(ValueError, match="'mean'; known: median, imputed"):
        fit_scm(nx.DiGraph([("cause", "effect")]), table_with_gaps(), missing="mean")


def test_another_seed_hides_other_values():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"number": rng.normal(size=100), "other": rng.normal(size=100)})
    scm = fit_scm(empty_dag(table.columns), table.mask(rng.random(table.shape) < 0.5))
    first, again, another = (draw_samples(scm, 60, seed).isna() for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(another)


@each_mechanism
def test_a_class_of_one_row_and_a_node_of_one_class_can_be_fitted(mechanism):
    table = distinct_awkward_table().assign(single=pd.Categorical(["one"] * 60, categories=["one", "other"]))
    dag = empty_dag(table.columns)
    dag.add_edges_from([("a", TARGET), ("a", "single"), (TARGET, "rare level"), ("a", "rare level")])
    dag.add_edges_from([("single", "holes"), ("rare level", "town")])
    rows = draw_samples(fit_scm(dag, table, mechanism=mechanism, target=TARGET), 500, seed=0)
    assert set(rows["single"]) == {"one"}
    assert set(rows[TARGET]) >= {"no", "yes"}


def test_the_same_seed_gives_the_same_rows_and_another_one_others():
    dag, table = simulate_mixed(2, n_rows=100, n_columns=5, n_edges=5)
    scm = fit_scm(dag, table, seed=3)
    np.random.random()  # noqa: NPY002 (the global generator must not matter)
    pd.testing.assert_frame_equal(draw_samples(scm, 40, 7), draw_samples(fit_scm(dag, table, seed=3), 40, 7))
    assert not draw_samples(scm, 40, 7).equals(draw_samples(scm, 40, 8))


def test_no_rows_have_the_columns_and_types_of_the_table():
    table = distinct_awkward_table()
    rows = draw_samples(fit_scm(empty_dag(table.columns), table), 0, seed=0)
    assert len(rows) == 0
    assert rows.dtypes.to_dict() == table.dtypes.to_dict()


@pytest.mark.parametrize("bars", [True, False])
def test_fitting_and_drawing_are_silent_and_leave_nothing_changed(bars, capfd):
    table = distinct_awkward_table()
    dag, before = dense_dag(table.columns), table.copy()
    edges = list(dag.edges(data=True))
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    old = dowhy_config.show_progress_bars, dowhy_config.default_n_jobs
    dowhy_config.show_progress_bars, dowhy_config.default_n_jobs = bars, 2
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            draw_samples(fit_scm(dag, table, target=TARGET), 20, seed=0)
        assert (dowhy_config.show_progress_bars, dowhy_config.default_n_jobs) == (bars, 2)
    finally:
        dowhy_config.show_progress_bars, dowhy_config.default_n_jobs = old
    assert capfd.readouterr() == ("", "")
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    pd.testing.assert_frame_equal(table, before)
    assert list(dag.edges(data=True)) == edges


def test_a_cyclic_graph_is_refused():
    _, table = simulate_mixed(0, 50, 2, 1)
    with pytest.raises(ValueError, match="directed cycle"):
        fit_scm(nx.DiGraph([(TARGET, "x1"), ("x1", TARGET)]), table)


def test_nodes_that_are_not_the_columns_are_named():
    _, table = simulate_mixed(0, 50, 2, 1)
    with pytest.raises(ValueError, match=r"differ in \['x1', 'x9'\]"):
        fit_scm(nx.DiGraph([(TARGET, "x9")]), table)


def test_a_column_that_is_missing_throughout_is_named():
    _, table = simulate_mixed(0, 50, 2, 1)
    with pytest.raises(ValueError, match="x1"):
        fit_scm(empty_dag(table.columns), table.assign(x1=np.nan))


def test_an_unknown_mechanism_is_answered_with_those_that_exist():
    _, table = simulate_mixed(0, 50, 2, 1)
    with pytest.raises(ValueError, match="known: linear, hist_gradient_boosting"):
        fit_scm(empty_dag(table.columns), table, mechanism="magic")


def test_a_negative_number_of_rows_is_refused():
    _, table = simulate_mixed(0, 50, 2, 1)
    with pytest.raises(ValueError, match="cannot draw -1 rows"):
        draw_samples(fit_scm(empty_dag(table.columns), table), -1, seed=0)


def test_an_unseen_level_of_a_parent_is_encoded_as_no_level():
    encoder = ParentEncoder().fit(np.array([["a", 1.0], ["b", 3.0]], dtype=object))
    np.testing.assert_allclose(
        encoder.transform(np.array([["b", 3.0], ["c", 2.0]], dtype=object)), [[0, 1, 1], [0, 0, 0]]
    )


@each_mechanism
def test_astronomic_numbers_do_not_overflow(mechanism):
    rng = np.random.default_rng(0)
    a = rng.choice([1e300, -1e300, 1.0], 60)
    table = pd.DataFrame({"a": a, "b": rng.normal(size=60), "c": -a})
    dag = nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = draw_samples(fit_scm(dag, table, mechanism=mechanism), 50, seed=0)
    assert np.isfinite(rows).all().all() and rows["c"].abs().max() <= 1e300
    assert np.corrcoef(np.sign(rows["a"]), np.sign(rows["c"]))[0, 1] < -0.5


def test_the_largest_value_of_a_continuous_root_is_no_likelier_than_its_neighbours():
    table = pd.DataFrame({"a": np.sqrt(np.arange(40.0))})
    drawn = draw_samples(fit_scm(empty_dag(["a"]), table), 2000, seed=0)["a"]
    assert (drawn == table["a"].max()).mean() < 0.005 and (drawn == table["a"].min()).mean() < 0.005
