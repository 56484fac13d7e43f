"""Each figure has a load and a plot function; the frame holds what the figure shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import causalmix.figures as figures
from causalmix.figures import (
    ARM_COLOURS,
    arm_colour,
    load_additivity,
    load_agreement,
    load_baseline,
    load_causal_graph,
    load_coverage,
    load_depth_recovery,
    load_depth_stability,
    load_dial,
    load_distances,
    load_gaps,
    load_improvements,
    load_pairs,
    load_predictions,
    load_propagation,
    load_ranks,
    load_recovery,
    load_spread,
    load_strengths,
    load_trajectories,
    new_figure,
    plot_additivity,
    plot_agreement,
    plot_baseline,
    plot_causal_graph,
    plot_coverage,
    plot_depth_recovery,
    plot_depth_stability,
    plot_dial,
    plot_distances,
    plot_gaps,
    plot_improvements,
    plot_pairs,
    plot_predictions,
    plot_propagation,
    plot_ranks,
    plot_recovery,
    plot_spread,
    plot_strengths,
    plot_trajectories,
    save_figure,
)
from causalmix.figures.graph import legible_dataset
from tests.recorded import DIAL_LIFTS, LIFTS, make_study

STORED = {
    "improvements": (load_improvements, plot_improvements),
    "spread": (load_spread, plot_spread),
    "baseline": (load_baseline, plot_baseline),
    "ranks": (load_ranks, plot_ranks),
    "trajectories": (load_trajectories, plot_trajectories),
    "coverage": (load_coverage, plot_coverage),
    "pairs": (load_pairs, plot_pairs),
    "gaps": (load_gaps, plot_gaps),
    "depth_stability": (lambda store: load_depth_stability(store, "tail_volatility"), plot_depth_stability),
    "agreement": (load_agreement, plot_agreement),
}
SIMULATED = {
    "recovery": (load_recovery, plot_recovery),
    "strengths": (load_strengths, plot_strengths),
    "propagation": (load_propagation, plot_propagation),
    "distances": (load_distances, plot_distances),
    "additivity": (load_additivity, plot_additivity),
    "predictions": (load_predictions, plot_predictions),
    "depth_recovery": (load_depth_recovery, plot_depth_recovery),
}
EVIDENCE = pd.DataFrame(
    {
        "seed": range(4),
        "auroc": [0.9, 0.95, 0.85, 1.0],
        "pc_auroc": 0.9,
        "fci_auroc": 0.8,
        "strength_true": 0.7,
        "strength_elsewhere": 0.1,
        "deviation": [0.0, 1e-15, 0.0, 1e-14],
        "descendants_only": 1.0,
        "distance_own": 0.5,
        "distance_other": [2.0, 3.0, 2.5, 2.0],
        "acyclic": 1.0,
        "n_nodes": 5.0,
        "bounded_share": 0.01,
        "r2": [0.4, 0.5, 0.6, 0.5],
        "accuracy_gain": 0.2,
        "noise": ["low", "high", "low", "high"],
        "true_depth": [1, 2, 3, 4],
        "depth": [1.4, 2.0, 2.4, 3.0],
        "skeleton_f1": 0.8,
    }
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("results") / "made_up", noise=0.03)


@pytest.fixture(scope="module")
def dial_store(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("results") / "dial", lifts=DIAL_LIFTS, n_folds=2)


def test_every_loader_has_its_plot():
    loaders = {name.removeprefix("load_") for name in figures.__all__ if name.startswith("load_")}
    plots = {name.removeprefix("plot_") for name in figures.__all__ if name.startswith("plot_")}
    assert loaders == plots == {*STORED, *SIMULATED, "causal_graph", "dial", "presets"}


@pytest.mark.parametrize("name", STORED)
def test_a_figure_of_stored_runs_is_drawn_from_its_frame(store, name):
    load, plot = STORED[name]
    frame = load(store)
    before = frame.copy()
    _, ax = new_figure()
    plot(frame, ax)
    assert ax.has_data() and ax.get_xlabel()
    pd.testing.assert_frame_equal(frame, before)


def test_the_dial_is_drawn_from_its_frame(dial_store):
    _, ax = new_figure()
    plot_dial(load_dial(dial_store), ax)
    assert ax.has_data() and "tail volatility" in ax.get_ylabel()


@pytest.mark.parametrize("name", SIMULATED)
def test_a_figure_of_simulated_behaviour_is_drawn_from_its_frame(name):
    load, plot = SIMULATED[name]
    _, ax = new_figure("short")
    plot(load(EVIDENCE), ax)
    assert ax.has_data()


@pytest.mark.parametrize("name", STORED)
def test_an_empty_frame_says_that_there_is_nothing_to_show(store, name):
    load, plot = STORED[name]
    _, ax = new_figure()
    plot(load(store).iloc[:0], ax)
    assert any("not run yet" in text.get_text() for text in ax.texts)


def test_the_improvements_are_those_of_the_analysis(store):
    frame = load_improvements(store, "difference")
    causalmix = frame[frame["arm"] == "causalmix"]
    assert set(frame["arm"]) >= {"default", "causalmix", "scm"} and "zero_shot" not in set(frame["arm"])
    assert causalmix["arm_median"].iloc[0] == pytest.approx(causalmix["score"].median())


def test_the_best_arm_comes_first_in_the_ranks(store):
    frame = load_ranks(store, arms=["scm", "default", "causalmix"])
    assert list(dict.fromkeys(frame["arm"])) == ["causalmix", "default", "scm"]
    assert frame["critical_difference"].nunique() == 1


def test_curves_start_at_zero_change(store):
    frame = load_trajectories(store)
    assert (frame.loc[frame["step"] == 0, ["median", "q25", "q75"]] == 0).all(axis=None)
    assert set(frame["curve"]) == {"test_auc", "val_auc"}


def test_the_baseline_frame_has_a_row_per_finished_run(store):
    assert len(load_baseline(store)) == len(store.runs())


def test_the_dial_is_paired_with_uncut_graphs_and_beside_its_controls(dial_store):
    frame = load_dial(dial_store)
    assert (frame.loc[frame["setting"] == "full", "change"] == 0).all()
    assert set(frame["series"]) == {"dial", "control"}
    depth = frame[frame["series"] == "dial"].groupby("setting")["depth"].mean()
    assert depth.tolist() == [0, 1, 2, 3, 4] and depth.index.tolist() == ["0", "1", "2", "3", "full"]


def test_a_study_without_the_dial_has_no_dial_to_show(tmp_path):
    frame = load_dial(make_study(tmp_path / "made_up", n_folds=1))
    _, ax = new_figure()
    plot_dial(frame, ax)
    assert frame.empty and "not run yet" in ax.texts[0].get_text()


def test_depth_against_each_measure_gets_a_panel_each(store):
    frame = load_depth_stability(store)
    fig, ax = new_figure("tall")
    plot_depth_stability(frame, ax)
    assert len(fig.axes) == frame["measure"].nunique() == 4
    assert frame["dataset"].nunique() == 6 and set(frame["n_runs"]) <= {1, 2, 3}


def test_a_measure_agrees_with_itself_and_the_matrix_is_symmetric(store):
    matrix = load_agreement(store).pivot(index="first", columns="second", values="rho").to_numpy()
    assert np.allclose(np.diagonal(matrix)[np.isfinite(np.diagonal(matrix))], 1)
    assert np.allclose(matrix, matrix.T, equal_nan=True)


def test_coverage_counts_finished_folds_per_table_and_arm(store):
    frame = load_coverage(store)
    assert (frame["n_finished"] == 3).all() and (frame["n_failed"] == 0).all()
    assert len(frame) == 6 * len(LIFTS)


def test_runs_are_paired_with_the_recorded_zero_shot_run(store):
    frame = load_pairs(store)
    assert frame["zero_shot_auc"].notna().all() and "zero_shot" not in set(frame["arm"])


def test_published_medians_are_marked_on_their_arms(store):
    _, ax = new_figure()
    plot_gaps(load_gaps(store), ax, {"default": 0.67, "ctgan": 0.1})
    (line,) = [line for line in ax.lines if line.get_label() == "published median"]
    assert line.get_xdata().tolist() == [0.67]


def test_many_arms_make_the_figure_higher(dial_store):
    fig, ax = new_figure()
    before = fig.get_figheight()
    plot_improvements(load_improvements(dial_store), ax)
    assert fig.get_figheight() > before


def test_arms_keep_their_colour_and_all_colours_differ():
    assert len(set(ARM_COLOURS.values())) == len(ARM_COLOURS)
    assert arm_colour("causalmix@depth=3") == ARM_COLOURS["causalmix"]
    assert arm_colour("ctgan_mix") == ARM_COLOURS["ctgan"]


def test_main_arms_are_told_apart_by_lightness_or_hue_under_deuteranopia():
    # Machado, Oliveira and Fernandes (2009), severity 1.0
    deutan = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])

    def seen(colour: str) -> np.ndarray:
        channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
        return deutan @ channels

    main = ["default", "causalmix", "scm", "ctgan", "tabebm", "table_augment"]
    distances = [
        np.linalg.norm(seen(ARM_COLOURS[a]) - seen(ARM_COLOURS[b]))
        for i, a in enumerate(main)
        for b in main[i + 1 :]
    ]
    assert min(distances) > 0.12


def test_a_saved_figure_has_a_white_card_and_the_same_bytes_each_time(store, tmp_path):
    saved = []
    for attempt in ("a", "b"):
        fig, ax = new_figure()
        plot_ranks(load_ranks(store), ax)
        saved.append([path.read_bytes() for path in save_figure(fig, tmp_path / attempt)])
    assert saved[0] == saved[1]
    assert fig.get_facecolor() == (1.0, 1.0, 1.0, 1.0)


def test_an_unknown_size_names_the_known_ones():
    with pytest.raises(ValueError, match="short"):
        new_figure("huge")


# The causal graph


def test_the_causal_graph_shows_a_table_of_the_study(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("iris",), n_folds=1)
    frame = load_causal_graph(store, "iris")
    columns = set(frame["cause"]) | set(frame["effect"])
    assert frame["dataset"].iloc[0] == "iris" and len(frame) == len(columns) * (len(columns) - 1)
    assert frame["probability"].between(0, 1).all() and frame["probability"].max() > 0.5
    _, ax = new_figure("tall")
    plot_causal_graph(frame, ax)
    assert any("(target)" in text.get_text() for text in ax.texts)


def test_a_table_that_cannot_be_had_is_replaced_unless_it_was_named(store):
    assert load_causal_graph(store)["dataset"].iloc[0] == "wine"
    with pytest.raises(ValueError, match="table0"):
        load_causal_graph(store, "table0")


def test_a_table_that_the_study_lacks_is_refused_with_those_it_has(store):
    with pytest.raises(ValueError, match="table0, table1"):
        load_causal_graph(store, "titanic")


def test_the_most_legible_table_has_about_eight_features():
    runs = pd.DataFrame({"dataset": ["a", "b", "c"], "n_features": [70.0, 9.0, 2.0]})
    assert legible_dataset(runs) == "b"
