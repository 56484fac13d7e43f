"""What stands beside claim 19: known answers for scarcity, controls and isolated targets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from causalmix.depth_contrasts import (
    controls_among_distinct,
    controls_by_folds,
    controls_without,
    dial_by_rows,
    isolation_and_effect,
    measurements_by_rows,
    target_isolation,
    trend_over_rows,
)
from causalmix.depth_controls_text import readable, say_against_controls
from causalmix.depth_dial import dial_against_controls
from causalmix.depth_tests import MEASURES, measurements, secondary_tests
from causalmix.intervals import signed
from causalmix.rules import short
from causalmix.stability import name_measure
from tests.by_hand import make_store
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


def row_of(text: str, about: str) -> str:
    """The one row of the tables of a text that starts with some words."""
    (row,) = (row for row in text.split("\n* - ")[1:] if row.partition("\n")[0] == about)
    return row


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


def test_blocks_of_too_few_different_runs_are_left_out_counted_and_said():
    """In table t0 the settings 2, 3 and full are one run: without 0 it has two different ones."""
    rows = []
    for table in range(6):
        places = [0, 1, 2, 2, 2] if table == 0 else [0, 1, 2, 3, 4]
        for setting, place in zip(("0", "1", "2", "3", "full"), places, strict=True):
            run = {"dataset": f"t{table}", "n_edges": 3 + place}
            regret = {"regret": 0.3 - 0.05 * place}
            rows.append({**run, **regret, "arm": f"causalmix@depth={setting}", "depth": float(place)})
            if setting != "full":
                noise = {
                    "regret": regret["regret"] if place == 2 and table == 0 else 0.1 + 0.03 * (place % 2)
                }
                rows.append({**run, **noise, "arm": f"causalmix@edges={setting}", "depth": 4.0})
    store = make_store(rows)
    frame = controls_among_distinct(store).set_index(["measure", "settings"]).loc["early_stopping_regret"]
    assert frame.loc["all", ["n_blocks", "n_left_out", "n"]].tolist() == [6, 0, 6]
    assert frame.loc["without 0", ["n_blocks", "n_left_out", "n"]].tolist() == [6, 1, 5]
    table = measurements(store.runs(), store.trajectories(), "early_stopping_regret")
    assert frame.loc["all", "effect"] == dial_against_controls(table)["effect"]
    others = table[table["dataset"] != "t0"]
    assert frame.loc["without 0", "effect"] == dial_against_controls(others, without=("0",))["effect"]


def test_what_is_left_without_blocks_of_too_few_runs_stands_in_the_sentence(dial_store):
    secondary, without_zero = secondary_tests(dial_store), controls_without(dial_store, ["0"])
    among = controls_among_distinct(dial_store)
    among = among.assign(n_left_out=among["settings"].map({"all": 7, "without 0": 16}))
    said = say_against_controls(secondary, without_zero, among_distinct=among)
    clearest = secondary[secondary["test"] == "dial_against_controls"].sort_values("p_value").iloc[0]
    every, without = among[among["measure"] == clearest["measure"]].to_dict("records")
    named = (
        ("Without blocks of too few different runs", 7, every),
        ("Without depth 0 and such blocks", 16, without),
    )
    for about, n_left_out, found in named:
        row = row_of(said, about)
        assert f"{found['effect']:+.3f}".replace("-", "−") in row
        assert f"(p {found['p_value']:.2g}; {n_left_out} of {found['n_blocks']} blocks left out)" in row


def test_the_folds_that_were_run_first_and_later_are_compared_apart(tmp_path):
    store = make_study(tmp_path / "dial", lifts=DIAL_LIFTS, n_folds=5, depth_steadies=True)
    frame = controls_by_folds(store)
    table = measurements(store.runs(), store.trajectories(), "tail_volatility")
    for part, folds in (("first", [0, 1, 2]), ("later", [3, 4])):
        own = frame[(frame["part"] == part) & (frame["measure"] == "tail_volatility")].iloc[0]
        assert own["effect"] == dial_against_controls(table[table["fold"].isin(folds)])["effect"]
    secondary, without_zero = secondary_tests(store), controls_without(store, ["0"])
    said = say_against_controls(secondary, without_zero, frame)
    for part, about in (
        ("first", "Folds that were run first (0, 1, 2)"),
        ("later", "Folds that were run later"),
    ):
        own = frame[(frame["part"] == part) & (frame["measure"] == "tail_volatility")].iloc[0]
        row = row_of(said, about)
        assert f"{own['effect']:+.3f} [".replace("-", "−") in row and f"(p {own['p_value']:.2g})" in row
    clearest = secondary[secondary["test"] == "dial_against_controls"].sort_values("p_value").iloc[0]
    later = frame[(frame["part"] == "later") & (frame["measure"] == clearest["measure"])].iloc[0]
    headline, alone = said.partition("\n")[0], say_against_controls(secondary, without_zero)
    assert f"(p {later['p_value']:.2g}) on the folds that were run later, and " in headline
    assert f"It is {later['effect']:+.3f} [".replace("-", "−") in headline
    assert "were run later" not in alone and "were run first" not in alone


def test_depth_is_told_from_the_number_of_edges_in_a_sentence_with_its_adjusted_p(dial_store):
    secondary, without_zero = secondary_tests(dial_store), controls_without(dial_store, ["0"])
    text = say_against_controls(secondary, without_zero)
    row = secondary.query("measure == 'tail_volatility' and test == 'dial_against_controls'").iloc[0]
    assert f"{row['effect']:+.3f}".replace("-", "−") in text and f"{row['p_holm']:.2g}" in text
    assert f"the {len(secondary)} secondary tests" in text
    other = without_zero.set_index("measure").loc["tail_volatility"]
    assert f"(p {other['p_value']:.2g})" in row_of(text, "Without depth 0")
    tested = secondary[secondary["test"] == "dial_against_controls"]
    clearest = tested.loc[tested["p_value"].idxmin()]
    apart = int((tested["p_holm"] < 0.05).sum())
    assert f"adjustment {apart or 'none'} of the {len(tested)} measures" in text
    assert f"(p {clearest['p_value']:.2g}, adjusted {clearest['p_holm']:.2g}; below zero" in text
    assert f"*{name_measure(clearest['measure'])}*" in text
    along = secondary[secondary["test"] == "dial"]
    assert len(along) >= 3 and "tail_volatility" not in set(along["measure"])
    for row in along.to_dict("records"):
        said = row_of(text, name_measure(row["measure"]))
        assert f"{row['effect']:+.3f} [".replace("-", "−") in said.split("Dial minus controls")[0]
        assert f"({row['p_holm']:.2g}; {row['sign_flip_p']:.2g})" in said.split("Dial minus controls")[0]
    for row in tested.to_dict("records"):
        said = row_of(text, name_measure(row["measure"])).split("Dial minus controls")[1]
        assert f"({row['p_holm']:.2g}; {row['p_value']:.2g})" in said
    assert say_against_controls(secondary.iloc[:0], without_zero) == ""


def test_tests_are_shown_with_names_in_words_and_the_interval_beside_the_effect(dial_store):
    secondary = secondary_tests(dial_store)
    page = readable(secondary)
    assert [*page.columns] == [
        "measure",
        "test",
        "effect [95 % interval]",
        "p",
        "p (Holm)",
        "sign-flip p",
        "n",
    ]
    assert len(page) == len(secondary) and not page.map(lambda cell: "_" in str(cell)).to_numpy().any()
    for shown, row in zip(page.to_dict("records"), secondary.to_dict("records"), strict=True):
        assert shown["effect [95 % interval]"] == signed(row["effect"], row["lower"], row["upper"])
        assert (shown["p"], shown["n"]) == (short(row["p_value"]), f"{row['n']} {row['unit']}")
    among = readable(controls_among_distinct(dial_store))
    assert "n" not in among and among["blocks left out"].str.match(r"\d+ of \d+$").all()
    assert [*readable(secondary.iloc[:0]).columns] == [*page.columns]
