"""What stands beside claim 19: known answers for scarcity, controls and isolated targets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalmix.depth_contrasts import (
    controls_by_folds,
    controls_without,
    dial_by_rows,
    isolation_and_effect,
    measurements_by_rows,
    say_against_controls,
    target_isolation,
    trend_over_rows,
)
from causalmix.depth_dial import dial_against_controls
from causalmix.depth_tests import MEASURES, measurements, secondary_tests
from tests.recorded import DIAL_LIFTS, make_study

SETTINGS = ("0", "1", "full")


def make_rows(effects: dict[int, float], n_datasets: int = 8, seed: int = 0) -> pd.DataFrame:
    """Measurements of the dial under several row limits, with an effect of depth per limit."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        [
            {
                "dataset": f"t{dataset}",
                "fold": fold,
                "repeat": 0,
                "arm": f"causalmix@depth={setting}",
                "depth": float(place),
                "value": effect * place + rng.normal(0, 0.5),
                "max_train_rows": limit,
            }
            for limit, effect in effects.items()
            for dataset in range(n_datasets)
            for fold in range(3)
            for place, setting in enumerate(SETTINGS)
        ]
    )


@pytest.fixture(scope="module")
def dial_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "dial"
    return make_study(folder, lifts=DIAL_LIFTS, n_folds=2, depth_steadies=True)


def test_an_effect_that_fades_with_more_rows_has_a_trend():
    by_rows = dial_by_rows(make_rows({64: -3.0, 128: -0.7, 256: -0.3, 512: 0.0}))
    means = by_rows.groupby("max_train_rows")["rho"].mean()
    assert means[64] < -0.9 and abs(means[512]) < 0.4
    trend = trend_over_rows(by_rows)
    assert trend["lower"] > 0 and trend["effect"] == pytest.approx(0.3, abs=0.1) and trend["n"] == 8


def test_the_same_effect_at_each_row_limit_has_no_trend():
    trend = trend_over_rows(dial_by_rows(make_rows(dict.fromkeys((64, 128, 256, 512), -0.8))))
    assert trend["lower"] < 0 < trend["upper"]


def test_one_row_limit_has_no_trend():
    assert np.isnan(trend_over_rows(dial_by_rows(make_rows({256: -0.8})))["effect"])


def test_each_row_limit_is_measured_apart(tmp_path):
    one = make_study(tmp_path / "one", lifts=DIAL_LIFTS, n_folds=1)
    two = make_study(tmp_path / "two", lifts=DIAL_LIFTS, n_folds=1, row_limits=(64, 256))
    assert len(measurements_by_rows(two, "tail_volatility")) == 2 * len(
        measurements_by_rows(one, "tail_volatility")
    )


def test_targets_without_an_edge_are_counted_per_table(dial_store):
    graphs = dial_store.graphs()
    alone = graphs["dataset"].isin(["table0", "table1"])
    tables = target_isolation(
        dial_store, graphs.assign(n_target_neighbours=graphs["n_target_neighbours"].where(~alone, 0))
    ).set_index("dataset")
    assert (tables["share"] == [1, 1, 0, 0, 0, 0]).all() and (tables["n_dags"] == 2).all()


def test_a_share_that_hides_effects_of_either_sign_goes_with_their_size_alone():
    one_sign = pd.DataFrame({"share": np.linspace(0, 1, 9), "rho": np.linspace(-1, 0, 9)})
    assert [found.rho for found in isolation_and_effect(one_sign)] == [1, -1]
    both = one_sign.assign(rho=one_sign["rho"] * np.tile([1, -1], 5)[:9])
    signed, size = isolation_and_effect(both)
    assert abs(signed.rho) < 0.5 and size.rho == -1 and size.p_value < 0.05


def test_the_controls_are_compared_without_the_setting_that_they_cannot_match(dial_store):
    frame = controls_without(dial_store, ["0"])
    assert set(frame["measure"]) <= set(MEASURES) and (frame["n"] == 6).any()


def test_the_folds_that_were_run_first_and_later_are_compared_apart(tmp_path):
    store = make_study(tmp_path / "dial", lifts=DIAL_LIFTS, n_folds=5, depth_steadies=True)
    frame = controls_by_folds(store)
    table = measurements(store.runs(), store.trajectories(), "tail_volatility")
    for part, folds in (("first", [0, 1, 2]), ("later", [3, 4])):
        own = frame[(frame["part"] == part) & (frame["measure"] == "tail_volatility")].iloc[0]
        assert own["effect"] == dial_against_controls(table[table["fold"].isin(folds)])["effect"]
    secondary, without_zero = secondary_tests(store), controls_without(store, ["0"])
    said = say_against_controls(secondary, without_zero, frame)
    assert "On the three folds that were run first it is " in said
    assert said.replace(said[said.index(" On the three folds") : said.index(" Along the dial")], "") == (
        say_against_controls(secondary, without_zero)
    )


def test_depth_is_told_from_the_number_of_edges_in_a_sentence_with_its_adjusted_p(dial_store):
    secondary, without_zero = secondary_tests(dial_store), controls_without(dial_store, ["0"])
    text = say_against_controls(secondary, without_zero)
    row = secondary.query("measure == 'tail_volatility' and test == 'dial_against_controls'").iloc[0]
    assert f"{row['effect']:+.3f}".replace("-", "−") in text and f"{row['p_holm']:.2g}" in text
    assert f"the {len(secondary)} secondary tests" in text
    other = without_zero.set_index("measure").loc["tail_volatility"]
    assert f"(p {other['p_value']:.2g})." in text
    tested = secondary[secondary["test"] == "dial_against_controls"]
    clearest = tested.loc[tested["p_value"].idxmin()]
    apart = int((tested["p_holm"] < 0.05).sum())
    assert f"adjustment {apart or 'none'} of the {len(tested)} measures" in text
    assert f"(p {clearest['p_value']:.2g}, adjusted {clearest['p_holm']:.2g}; below zero" in text
    assert f"*{clearest['measure'].replace('_', ' ')}*" in text
    along = secondary[secondary["test"] == "dial"]
    assert len(along) >= 3 and "tail_volatility" not in set(along["measure"])
    for row in along.to_dict("records"):
        both = f"({row['p_holm']:.2g}; {row['sign_flip_p']:.2g})"
        assert f"for *{row['measure'].replace('_', ' ')}* {both}" in text
    assert say_against_controls(secondary.iloc[:0], without_zero) == ""
