"""The secondary tests of the depth question find what is there, and nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from causalmix.depth_dial import count_distinct, dial, dial_against_controls, differences_from_controls
from causalmix.depth_tests import (
    between_datasets,
    known_scm,
    measurements,
    mixed_model,
    secondary_tests,
    within_datasets,
)
from tests.by_hand import make_store
from tests.recorded import DIAL_LIFTS, make_study

SETTINGS = ("0", "1", "2", "3", "full")


def make_table(
    depth_effect: float, edge_effect: float = 0.0, n_datasets: int = 8, seed: int = 0
) -> pd.DataFrame:
    """Measurements of the dial and its controls: effects of depth and of lost edges on the measure."""
    rng = np.random.default_rng(seed)
    rows = []
    for dataset in range(n_datasets):
        level, n_edges = rng.normal(0, 3), int(rng.integers(12, 30))
        for fold in range(3):
            for place, setting in enumerate(SETTINGS):
                for arm, depth in ((f"causalmix@depth={setting}", place), (f"causalmix@edges={setting}", 4)):
                    if arm == "causalmix@edges=full":
                        continue
                    left = n_edges * (place + 1) / 5
                    value = level + depth_effect * depth + edge_effect * left + rng.normal(0, 0.5)
                    sizes = {"n_edges": left, "log_rows": 5.0, "n_features": 9.0}
                    cell = {"dataset": f"t{dataset}", "fold": fold, "repeat": 0, "arm": arm}
                    rows.append({**cell, "depth": float(depth), **sizes, "value": value})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    tables = tuple(f"table{i}" for i in range(8))
    folder = tmp_path_factory.mktemp("results") / "depth"
    return make_study(folder, lifts=DIAL_LIFTS, datasets=tables, n_folds=2, noise=0.03)


def test_the_dial_finds_an_effect_of_depth_with_its_sign():
    found = dial(make_table(depth_effect=-0.6))
    assert found["effect"] < -0.5 and found["upper"] < 0 and found["p_value"] < 0.01 and found["n"] == 8


def test_the_dial_finds_nothing_where_nothing_is():
    assert dial(make_table(depth_effect=0.0, seed=3))["p_value"] > 0.05


def test_an_effect_of_lost_edges_moves_the_dial_but_not_its_difference_from_the_controls():
    table = make_table(depth_effect=0.0, edge_effect=-0.3)
    assert dial(table)["effect"] < -0.5
    against = dial_against_controls(table)
    assert abs(against["effect"]) < 0.3 and against["p_value"] > 0.05


def test_an_effect_of_depth_remains_against_the_controls():
    found = dial_against_controls(make_table(depth_effect=-0.6))
    assert found["effect"] < -0.5 and found["p_value"] < 0.05


def test_settings_that_are_one_and_the_same_run_count_once_on_the_side_that_has_fewer():
    table = make_table(depth_effect=-0.6)
    uncut = table["arm"] == "causalmix@depth=full"
    for prefix, dataset, settings in (("edges", "t0", "23"), ("depth", "t1", "3"), ("edges", "t2", "0123")):
        for setting in settings:
            own = (table["arm"] == f"causalmix@{prefix}={setting}") & (table["dataset"] == dataset)
            same = table.loc[uncut & (table["dataset"] == dataset), ["n_edges", "value"]]
            table.loc[own, ["n_edges", "value"]] = same.to_numpy()
    counted = count_distinct(table).groupby("dataset")["n_distinct"].agg(["min", "max"])
    assert (counted["min"] == counted["max"]).all()
    assert counted["min"].to_dict() == {"t0": 3, "t1": 4, "t2": 1} | {f"t{i}": 5 for i in range(3, 8)}
    assert set(differences_from_controls(table)["dataset"]) == set(counted.index) - {"t2"}


def test_a_setting_can_be_left_out_on_either_side():
    table = make_table(depth_effect=-0.6)
    table.loc[table["arm"].str.endswith("=0"), "value"] += 100
    spoilt, without = (dial_against_controls(table, without=settings) for settings in ((), ("0",)))
    assert without["effect"] < -0.4 and without["effect"] < spoilt["effect"]


def test_too_few_tables_are_no_test():
    assert np.isnan(dial(make_table(-0.6, n_datasets=2))["p_value"])


def make_observations(slope: float) -> pd.DataFrame:
    """Uncut runs of twelve tables: depth varies over folds, tables differ by far more than depth does."""
    rng = np.random.default_rng(0)
    rows = []
    for dataset in range(12):
        level = rng.normal(0, 5)
        for fold in range(8):
            depth = rng.uniform(1, 5)
            value = level + slope * depth + rng.normal(0, 0.3)
            cell = {"dataset": f"t{dataset}", "fold": fold, "repeat": 0, "arm": "causalmix"}
            sizes = {"n_edges": depth + rng.normal(8, 2), "log_rows": 5.0, "n_features": float(dataset)}
            rows.append({**cell, "depth": depth, **sizes, "value": value})
    return pd.DataFrame(rows)


def test_the_mixed_model_sees_through_the_differences_between_tables():
    found = within_datasets(make_observations(slope=0.5))
    assert found["lower"] > 0 and found["p_value"] < 0.001 and found["n"] == 96


@pytest.mark.parametrize("slope", [0.5, -1.0, 0.0])
def test_the_mixed_model_recovers_the_slope_that_was_simulated(slope):
    terms = mixed_model(make_observations(slope)).set_index("term")
    unit = terms["slope"]["depth"] / terms["effect"]["depth"]
    assert terms["lower"]["depth"] * unit <= slope <= terms["upper"]["depth"] * unit
    assert terms["slope"]["depth"] == pytest.approx(slope, abs=0.15)


def test_the_mixed_model_keeps_the_covariates_that_vary_where_another_is_constant():
    """192 rows in each run: their logarithm has an SD of rounding errors, not of 0."""
    table = make_observations(0.5).assign(log_rows=np.log(192.0))
    assert list(mixed_model(table)["term"]) == ["depth", "n_edges", "n_features"]
    varied = table.assign(log_rows=np.log(64.0) + np.arange(len(table)) % 4)
    assert list(mixed_model(varied)["term"]) == ["depth", "n_edges", "log_rows", "n_features"]


def test_the_mixed_model_tells_edges_from_depth():
    table = make_observations(0.0)
    found = mixed_model(table.assign(value=table["value"] + 0.4 * table["n_edges"])).set_index("term")
    assert found["slope"]["n_edges"] == pytest.approx(0.4, abs=0.15)
    assert found["lower"]["depth"] < 0 < found["upper"]["depth"]


def test_the_centred_mixed_model_shows_what_holds_within_tables_where_tables_say_the_opposite():
    table = make_observations(0.5)
    table["depth"] += 3 * table["n_features"]
    table["value"] = 0.5 * table["depth"] - 4 * table["n_features"] + np.tile([0.1, -0.1], len(table) // 2)
    within = mixed_model(table.drop(columns="n_features").assign(n_features=1.0), centred=True)
    depth = within.set_index("term").loc["depth"]
    assert depth["slope"] == pytest.approx(0.5, abs=0.1) and depth["lower"] > 0


def test_the_mixed_model_needs_depth_to_vary():
    assert np.isnan(within_datasets(make_observations(0.5).assign(depth=2.0))["p_value"])


def test_depth_that_is_constant_within_tables_is_no_effect_within_tables():
    table = make_observations(0.5)
    constant = table.assign(depth=table.groupby("dataset")["depth"].transform("mean"))
    assert constant.groupby("dataset")["depth"].nunique().max() == 1
    assert mixed_model(constant, centred=True).empty and len(mixed_model(constant))


def test_the_mixed_model_needs_a_table_with_two_runs():
    table = make_observations(0.5)
    one_each = table[table["fold"] == 0]
    assert np.isnan(within_datasets(one_each)["p_value"])
    assert np.isfinite(within_datasets(table[table["fold"] < 2])["p_value"])


@pytest.mark.parametrize("seed", range(8))
def test_the_mixed_model_of_tables_that_are_alike_is_nearly_least_squares(seed):
    """A small variance between tables is where optimisers by gradient stop at other places."""
    rng = np.random.default_rng(seed)
    table = make_observations(0.0)
    table = table.assign(value=rng.normal(size=len(table)) + 0.05 * table["n_features"])
    terms = mixed_model(table).set_index("term")
    X = np.column_stack([table[name] for name in terms.index] + [np.ones(len(table))])
    slopes = np.linalg.lstsq(X, table["value"], rcond=None)[0][:-1]
    half = (terms["upper"] - terms["lower"]) / 2 * terms["slope"] / terms["effect"]
    assert len(terms) == 3 and (np.abs(terms["slope"] - slopes) < half.abs()).all()


def test_between_tables_each_table_is_one_point():
    assert between_datasets(make_observations(0.5)).n == 12


def test_between_tables_means_over_folds_are_compared_and_uncut_runs_alone():
    """The more depth, the less of the measure; each table's first fold and cut graphs say the opposite."""
    rows = [
        (f"t{i}", fold, arm, i + 1.0, value)
        for i in range(6)
        for fold, arm, value in (
            (0, "causalmix", i),
            (1, "causalmix", -3 * i),
            (0, "causalmix@depth=1", 9 * i),
        )
    ]
    found = between_datasets(pd.DataFrame(rows, columns=["dataset", "fold", "arm", "depth", "value"]))
    assert found.rho == -1 and found.n == 6


def test_each_doubling_of_the_rows_is_a_step_of_the_same_size():
    sizes = {"a": 50, "b": 100, "c": 200}
    store = make_store({"dataset": name, "arm": "causalmix", "n_train": n} for name, n in sizes.items())
    table = measurements(store.runs(), store.trajectories(), "early_stopping_regret")
    first, second = np.diff(table["log_rows"])
    assert first == pytest.approx(second) and first > 0


def test_known_tables_are_placed_at_the_depth_that_was_set():
    names = [f"scm-depth{k}-linear-low" for k in range(1, 9)]
    table = pd.DataFrame({"dataset": [*names, "wine"], "arm": "causalmix", "value": [*range(8), 99.0]})
    found = known_scm(table)
    assert found.rho == 1 and found.n == 8


def test_all_tests_that_can_be_computed_form_one_family_adjusted_by_holm(store):
    frame = secondary_tests(store)
    assert (frame["p_holm"] >= frame["p_value"]).all() and frame["p_value"].notna().all()
    assert frame["p_holm"].to_numpy() == pytest.approx(multipletests(frame["p_value"], method="holm")[1])
    assert not ((frame["measure"] == "tail_volatility") & (frame["test"] == "dial")).any()
    assert {"dial", "dial_against_controls"} <= set(frame["test"])


def test_a_store_without_runs_gives_an_empty_table(tmp_path):
    from causalmix.store import ResultStore

    assert secondary_tests(ResultStore(tmp_path / "none")).empty


def test_the_dispersion_over_folds_has_one_value_per_table_and_arm(store):
    table = measurements(store.runs(), store.trajectories(), "fold_dispersion")
    assert not table.duplicated(["dataset", "arm"]).any() and (table["value"] >= 0).all()


def test_an_unknown_measure_names_the_known_ones(store):
    with pytest.raises(ValueError, match="tail_volatility"):
        measurements(store.runs(), store.trajectories(), "wobble")


def test_the_dispersion_over_folds_is_the_sample_sd_of_the_share_of_error_removed():
    scores = {"a": (0.76, 0.85, 0.94), "b": (0.7, 0.85, 0.85)}
    store = make_store(
        {"dataset": dataset, "fold": fold, "arm": "causalmix", "test_auc": auc, "zero_shot_auc": 0.7}
        for dataset, own in scores.items()
        for fold, auc in enumerate(own)
    )
    table = measurements(store.runs(), store.trajectories(), "fold_dispersion")
    assert table["value"].tolist() == pytest.approx([0.3, 0.5 / 3**0.5])


def test_a_block_whose_runs_are_all_alike_has_no_part_in_the_p_of_the_dial():
    table = make_table(depth_effect=0.0, seed=3)
    alike = (table["dataset"] == "t0") & (table["fold"] == 0)
    assert dial(table.assign(value=table["value"].mask(alike, 1.0))) == dial(table[~alike])
