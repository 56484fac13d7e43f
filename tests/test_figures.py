"""Each figure has a load and a plot function; the frame holds what the figure shows."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine

import causalmix.figures as figures
from causalmix.cells import AnalysisError
from causalmix.data import Protocol
from causalmix.experiment import draw_graphs
from causalmix.figures import (
    ARM_COLOURS,
    arm_colour,
    load_additivity,
    load_agreement,
    load_baseline,
    load_causal_graph,
    load_controls,
    load_cost,
    load_coverage,
    load_critical_difference,
    load_depth_examples,
    load_depth_recovery,
    load_depth_stability,
    load_depth_trajectories,
    load_dial,
    load_differences,
    load_distances,
    load_failures,
    load_gaps,
    load_graph_contrasts,
    load_improvements,
    load_isolation,
    load_low_data,
    load_pairs,
    load_predictions,
    load_propagation,
    load_ranks,
    load_recovery,
    load_selections,
    load_spread,
    load_strengths,
    load_trajectories,
    load_win_rates,
    load_within,
    new_figure,
    plot_additivity,
    plot_agreement,
    plot_baseline,
    plot_causal_graph,
    plot_controls,
    plot_cost,
    plot_coverage,
    plot_critical_difference,
    plot_depth_examples,
    plot_depth_recovery,
    plot_depth_stability,
    plot_depth_trajectories,
    plot_dial,
    plot_differences,
    plot_distances,
    plot_failures,
    plot_gaps,
    plot_graph_contrasts,
    plot_improvements,
    plot_isolation,
    plot_low_data,
    plot_pairs,
    plot_predictions,
    plot_propagation,
    plot_ranks,
    plot_recovery,
    plot_selections,
    plot_spread,
    plot_strengths,
    plot_trajectories,
    plot_win_rates,
    plot_within,
    provenance_of_table,
    save_figure,
    say_lead,
    say_pairs_apart,
)
from causalmix.figures.graph import NUMBER, legible_dataset, place_number
from causalmix.figures.style import MUTED
from causalmix.folds import prepare_fold
from causalmix.ranking import critical_difference, rank_arms
from causalmix.rows import spec_of_row
from causalmix.specs import OWN_TABLE, RunSpec, SpecError
from causalmix.store import ResultStore
from causalmix.study_view import StudyView
from tests.recorded import CONTROL_LIFTS, DIAL_LIFTS, KNOWN_LIFTS, LIFTS, make_study
from tests.runs import make_failure, make_record, make_spec

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
    "critical_difference": (load_critical_difference, plot_critical_difference),
    "win_rates": (load_win_rates, plot_win_rates),
    "selections": (load_selections, plot_selections),
    "differences": (load_differences, plot_differences),
    "controls": (load_controls, plot_controls),
    "cost": (load_cost, plot_cost),
    "failures": (load_failures, plot_failures),
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
DEPTH = {
    "dial": (load_dial, plot_dial),
    "isolation": (load_isolation, plot_isolation),
    "low_data": (load_low_data, plot_low_data),
    "depth_trajectories": (load_depth_trajectories, plot_depth_trajectories),
    "within": (load_within, plot_within),
    "graph_contrasts": (load_graph_contrasts, plot_graph_contrasts),
}
ELSEWHERE = {
    "causal_graph",
    "completeness",
    "depth_examples",
    "depth_models",
    "generator_cost",
    "models",
    "presets",
    "pretraining",
    "quality",
    "ratio_sensitivity",
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
        "directed_f1": 0.6,
    }
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("results") / "made_up", noise=0.03)


@pytest.fixture(scope="module")
def dial_store(tmp_path_factory):
    return make_study(tmp_path_factory.mktemp("results") / "dial", lifts=DIAL_LIFTS, n_folds=2)


@pytest.fixture(scope="module")
def depth_stores(store, dial_store, tmp_path_factory):
    """Figure of the depth study to a study that holds what it shows."""
    known = make_study(tmp_path_factory.mktemp("results") / "known", lifts=KNOWN_LIFTS, n_folds=1)
    return {**dict.fromkeys(DEPTH, dial_store), "within": store, "graph_contrasts": known}


def test_every_loader_has_its_plot():
    loaders = {name.removeprefix("load_") for name in figures.__all__ if name.startswith("load_")}
    plots = {name.removeprefix("plot_") for name in figures.__all__ if name.startswith("plot_")}
    assert loaders == plots == {*STORED, *SIMULATED, *DEPTH, *ELSEWHERE}


@pytest.mark.parametrize("name", STORED)
def test_a_figure_of_stored_runs_is_drawn_from_its_frame(store, name):
    load, plot = STORED[name]
    frame = load(store)
    before = frame.copy()
    fig, ax = new_figure()
    plot(frame, ax)
    assert all(panel.has_data() or panel.texts for panel in fig.axes)
    assert fig.get_supxlabel() or any(one.get_xlabel() or one.get_title() or one.texts for one in fig.axes)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("name", DEPTH)
def test_a_figure_of_the_depth_study_is_drawn_from_its_frame(depth_stores, name):
    load, plot = DEPTH[name]
    frame = load(depth_stores[name])
    before = frame.copy()
    fig, ax = new_figure("column")
    plot(frame, ax)
    assert len(frame) and all(panel.has_data() for panel in fig.axes)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("name", [*DEPTH, "depth_examples"])
def test_a_study_without_the_arms_of_a_depth_figure_has_nothing_to_show(tmp_path, name):
    load, plot = {**DEPTH, "depth_examples": (load_depth_examples, plot_depth_examples)}[name]
    without = make_study(tmp_path / "made_up", lifts={"zero_shot": 0.0}, n_folds=1)
    for study in (without, ResultStore(tmp_path / "not run")):
        _, ax = new_figure()
        plot(load(study), ax)
        assert "not run yet" in ax.texts[0].get_text()


def test_a_study_whose_runs_all_failed_is_not_called_one_that_was_not_run(tmp_path):
    failed = ResultStore(tmp_path / "demo")
    for arm in ("zero_shot", "default"):
        failed.write(make_failure(make_spec(arm)))
    _, ax = new_figure()
    plot_improvements(load_improvements(failed), ax)
    assert "not run yet, or failed: no " in ax.texts[0].get_text()


def test_ranks_on_one_table_say_that_nothing_is_known_about_others(tmp_path):
    for names, said in ((("a",), True), (("a", "b"), False)):
        _, ax = new_figure()
        plot_ranks(load_ranks(make_study(tmp_path / "".join(names), datasets=names)), ax)
        assert ("one table: no interval, no critical difference" in ax.get_xlabel()) == said
        assert ("over one dataset" in ax.get_xlabel()) == said


@pytest.mark.parametrize("name", SIMULATED)
def test_a_figure_of_simulated_behaviour_is_drawn_from_its_frame(name):
    load, plot = SIMULATED[name]
    fig, ax = new_figure("short")
    plot(load(EVIDENCE), ax)
    assert all(panel.has_data() for panel in fig.axes)


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


def test_pairs_that_are_told_apart_under_some_normalisations_only_are_named_apart(monkeypatch):
    def made_up(store, normalisation, arms):
        apart = [True, normalisation == "difference", False]
        pairs = [("causalmix", "scm"), ("causalmix", "ctgan"), ("scm", "ctgan")]
        return pd.DataFrame(pairs, columns=["arm", "against"]).assign(wilcoxon=apart)

    monkeypatch.setattr("causalmix.figures.comparisons.load_critical_difference", made_up)
    each, some = say_pairs_apart(None).split(" Under some only: ")
    assert each.endswith("under each of the 4 normalisations: CausalMixFT from SCM.")
    assert some == "CausalMixFT from CTGAN (difference)."


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


def test_a_control_with_more_edges_than_the_dial_is_drawn_hollow_and_named(dial_store):
    frame = load_dial(dial_store)
    matched = frame.drop_duplicates(["series", "setting"]).set_index(["series", "setting"])["matched_share"]
    assert (matched["dial"] == 1).all() and matched["control", "0"] == 0
    _, ax = new_figure()
    plot_dial(frame, ax)
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert hollow and any("hollow" in text.get_text() for text in ax.get_legend().get_texts())


def test_dots_of_the_dial_that_the_axis_cuts_off_are_counted(dial_store):
    frame = load_dial(dial_store)
    far = frame.index[(frame["series"] == "dial") & (frame["setting"] == "0")][:2]
    frame.loc[far, "change"] = [-50.0, 50.0]
    _, ax = new_figure()
    plot_dial(frame, ax)
    low, high = ax.get_ylim()
    hidden = (~frame.loc[frame["series"] == "dial", "change"].between(low, high)).sum()
    assert hidden >= 2 and f"({hidden} of {(frame['series'] == 'dial').sum()} dots" in ax.get_xlabel()


def test_the_curves_of_the_dial_start_at_zero_and_show_each_run(dial_store):
    frame = load_depth_trajectories(dial_store)
    assert (frame.loc[frame["step"] == 0, "change"] == 0).all()
    assert frame["arm"].nunique() == 5 and (frame["n_runs"] == 12).all()


def test_effects_at_several_row_limits_stay_apart(tmp_path):
    options = {"lifts": DIAL_LIFTS, "n_folds": 1, "depth_steadies": True}
    both = load_low_data(make_study(tmp_path / "both", row_limits=(64, 256), **options))
    assert set(both["max_train_rows"]) == {64, 256} and both["trend"].notna().all()
    found = both[both["quantity"] == "correlation"].groupby("max_train_rows")["value"].agg(["size", "mean"])
    assert (found["size"] == 6).all() and (found["mean"] < 0).all()


def test_a_graph_is_shown_as_it_is_cut_layer_by_layer(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("iris",), n_folds=1)
    frame = load_depth_examples(store, "iris")
    per_setting = frame.groupby("setting").agg(depth=("depth", "first"), layer=("layer", "max"))
    assert (per_setting["depth"] == per_setting["layer"]).all()
    assert per_setting.loc["0", "depth"] == 0 and per_setting.loc["1", "depth"] == 1
    edges = {
        setting: {
            (parent, row["column"]) for _, row in own.iterrows() for parent in json.loads(row["parents"])
        }
        for setting, own in frame.groupby("setting")
    }
    assert edges["0"] == set() and edges["1"] <= edges["full"]
    fig, ax = new_figure("tall")
    plot_depth_examples(frame, ax)
    assert len(fig.axes) == 5 and any("◆" in label.get_text() for label in fig.axes[0].get_yticklabels())


def test_an_example_needs_a_table_and_fold_of_the_study(store):
    with pytest.raises(ValueError, match="no run on fold 7 of 'table0'"):
        load_depth_examples(store, "table0", fold=7)


def test_depth_against_each_measure_gets_a_panel_each(store):
    frame = load_depth_stability(store)
    fig, ax = new_figure("tall")
    plot_depth_stability(frame, ax)
    assert len(fig.axes) == frame["measure"].nunique() == 5
    assert frame["dataset"].nunique() == 6 and set(frame["n_runs"]) <= {1, 2, 3}


def test_a_measure_agrees_with_itself_and_the_matrix_is_symmetric(store):
    matrix = load_agreement(store).pivot(index="first", columns="second", values="rho").to_numpy()
    assert np.allclose(np.diagonal(matrix)[np.isfinite(np.diagonal(matrix))], 1)
    assert np.allclose(matrix, matrix.T, equal_nan=True)


def test_coverage_counts_finished_folds_per_table_and_arm(store):
    frame = load_coverage(store)
    assert (frame["n_finished"] == 3).all() and (frame["n_failed"] == 0).all()
    assert len(frame) == 6 * len(LIFTS)


def test_a_planned_table_without_runs_has_a_grey_row_of_zeros(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("a", "b", "z"), n_folds=2)
    runs, cell = store.runs(), {"dataset": "c", "arm": "scm", "fold": 0}
    planned = [cell, {**cell, "fold": 1}, {**cell, "dataset": "a", "fold": 2}]
    whole = StoreOf(runs)
    whole.absent = lambda: planned
    frame = load_coverage(whole)
    zeros = frame[frame["n_folds"] == 0]
    about = zeros[["suite", "dataset", "arm", "n_finished"]].to_numpy().tolist()
    assert about == [[runs["suite"][0], "c", "scm", 0]]
    kept, without = frame[frame["n_folds"] > 0], load_coverage(StoreOf(runs))
    pd.testing.assert_frame_equal(kept, without, check_dtype=False)
    _, ax = new_figure()
    plot_coverage(frame, ax)
    grey = [tick.get_text() for tick in ax.get_yticklabels() if tick.get_color() == MUTED]
    assert grey == ["c"] and "could not be had" in ax.get_xlabel()
    _, ax = new_figure()
    plot_coverage(load_coverage(StoreOf(runs)), ax)
    assert ax.get_xlabel() == "finished runs per table and arm"


def test_a_view_names_the_planned_runs_of_its_model_that_are_absent(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("iris",), n_folds=1)
    cell = {"dataset": "c", "fold": 0, "repeat": 0, "arm": "scm"}
    manifest = store.root / "manifest.json"
    planned = [{**cell, "model": model, "spec_hash": model} for model in ("made-up", "other")]
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "absent": planned}))
    view = StudyView(store, "made-up")
    assert view.absent() == [{**cell, "model": "made-up"}]
    assert "1 planned ones absent" in view.provenance()
    assert set(load_coverage(view)["dataset"]) == {"iris", "c"}
    assert view.only_folds([1]).absent() == []


def test_the_baseline_figure_says_how_many_dots_its_axis_cuts_off(store):
    frame = load_baseline(store)
    _, ax = new_figure()
    plot_baseline(pd.concat([frame, frame.iloc[:1].assign(score=50.0)]), ax)
    assert f"of {len(frame) + 1} runs lie outside)" in ax.get_ylabel()


def test_the_numbers_of_edges_stand_apart_and_nearer_to_the_cause():
    top, bottom, left, right = (np.array(place) for place in ((0, 1), (0, -1), (-1, 0), (1, 0)))
    first = place_number(bottom, top, [])
    assert np.linalg.norm(first - bottom) < np.linalg.norm(first - top)
    second = place_number(bottom, top, [first])
    assert (np.abs(second - first) / NUMBER).max() >= 1
    assert np.allclose(place_number(left, right, [first, second]), place_number(left, right, []))


def test_runs_are_paired_with_the_recorded_zero_shot_run(store):
    frame = load_pairs(store)
    assert frame["zero_shot_auc"].notna().all() and "zero_shot" not in set(frame["arm"])


def test_runs_of_several_models_are_not_paired_with_one_zero_shot_run(store):
    both = pd.concat((store.runs(), store.runs().assign(model="other")))
    with pytest.raises(AnalysisError, match="choose one model"):
        load_pairs(StoreOf(both))


def test_published_medians_are_marked_on_their_arms(store):
    _, ax = new_figure()
    plot_gaps(load_gaps(store), ax, {"default": 0.67, "ctgan": 0.1})
    (line,) = [line for line in ax.lines if line.get_label() == "published median"]
    assert line.get_xdata().tolist() == [0.67]


# Arms against each other


class StoreOf:
    """A store of the given runs."""

    def __init__(self, frame: pd.DataFrame):
        self.frame = frame

    def runs(self) -> pd.DataFrame:
        return self.frame


class Runs(StoreOf):
    """A store of the given rows: dataset, fold, arm, test ROC-AUC, seconds."""

    def __init__(self, *rows: tuple):
        columns = ["dataset", "fold", "arm", "test_auc", "seconds_finetune"]
        frame = pd.DataFrame(rows, columns=columns)
        super().__init__(
            frame.assign(
                repeat=0, status="ok", zero_shot_auc=0.5, seconds_generate=0.0, device="cpu", reason=""
            )
        )


def test_the_critical_difference_diagram_joins_the_arms_that_are_not_told_apart():
    arms = {"causalmix": 0.9, "default": 0.899, "scm": 0.6}
    wiggle = {"causalmix": 0.003, "default": -0.003, "scm": 0.0}
    rows = [
        (f"t{table}", 0, arm, auc + wiggle[arm] * (-1) ** table, 1.0)
        for table in range(12)
        for arm, auc in arms.items()
    ]
    frame = load_critical_difference(Runs(*rows))
    told = {(row.arm, row.against): (row.nemenyi, row.wilcoxon) for row in frame.itertuples()}
    assert [pair for pair, apart in told.items() if apart == (False, False)] == [("causalmix", "default")]
    assert told["causalmix", "scm"] == told["default", "scm"] == (True, True)
    _, ax = new_figure("short")
    plot_critical_difference(frame, ax)
    bars = [line.get_xdata() for line in ax.lines if line.get_linewidth() == 4 and len(line.get_xdata())]
    assert [tuple(np.round(bar, 2)) for bar in bars] == [(1.48, 1.52)] * 2
    words = " ".join(text.get_text() for text in ax.texts)
    assert "CausalMixFT 1.50" in words and "SCM 3.00" in words and "critical difference 0.96" in words


def test_the_ranks_of_the_diagram_are_those_of_the_tests(store):
    frame = load_critical_difference(store)
    found = critical_difference(rank_arms(store.runs(), arms=["causalmix", "default", "scm"]))
    assert dict(zip(frame["arm"], frame["rank"], strict=True)).items() <= found.mean_ranks.items()
    assert (frame["friedman_p"] == found.friedman_p).all() and (frame["rank"] <= frame["rank_against"]).all()


def test_win_rates_count_ties_half_and_name_the_cells():
    rows = [
        ("a", 0, "x", 0.9, 1.0),
        ("a", 0, "y", 0.8, 1.0),
        ("a", 1, "x", 0.7, 1.0),
        ("a", 1, "y", 0.7, 1.0),
    ]
    frame = load_win_rates(Runs(*rows)).set_index(["arm", "against"])
    assert frame.loc[("x", "y"), "win_rate"] == 0.75 and frame.loc[("y", "x"), "win_rate"] == 0.25
    assert (frame["n_cells"] == 2).all()


def test_differences_are_sorted_and_pooled_over_tables(store):
    frame = load_differences(store, "difference")
    assert frame["difference"].is_monotonic_decreasing and len(frame) == 6 and (frame["n_pairs"] == 3).all()
    assert frame["pooled"].iloc[0] == pytest.approx(frame["difference"].mean())
    swapped = load_differences(store, "difference", "default", "causalmix")
    assert swapped["pooled"].iloc[0] == pytest.approx(-frame["pooled"].iloc[0])


def test_a_difference_of_an_unknown_arm_is_refused_with_the_closest_name(store):
    with pytest.raises(SpecError, match="causalmix"):
        load_differences(store, arm="causalmx")


def test_the_pareto_front_holds_the_arms_that_no_other_beats_in_both():
    rows = [
        (dataset, 0, arm, auc, seconds)
        for dataset in ("a", "b")
        for arm, auc, seconds in (
            ("zero_shot", 0.5, 0.1), ("default", 0.7, 5.0), ("scm", 0.6, 6.0), ("causalmix", 0.8, 7.0),
        )
    ]  # fmt: skip
    frame = load_cost(Runs(*rows)).set_index("arm")
    assert frame["pareto"].to_dict() == {"zero_shot": True, "default": True, "causalmix": True, "scm": False}
    assert frame.loc["default", "seconds"] == 5.0 and frame.loc["causalmix", "score"] == pytest.approx(0.6)


def test_the_controls_are_grouped_by_what_they_keep_of_the_method(tmp_path):
    store = make_study(tmp_path / "made_up", lifts=CONTROL_LIFTS, n_folds=1)
    frame = load_controls(store)
    assert list(frame["group"].unique()) == [
        "real rows only", "mixed, no learned structure", "mixed, other generator", "purely synthetic",
    ]  # fmt: skip
    fig, ax = new_figure()
    plot_controls(frame, ax)
    left, right = fig.axes
    assert [panel.get_title() for panel in fig.axes] == ["CausalMixFT minus the arm", "the arm minus default"]
    filled = [dot.get_markerfacecolor() != "white" for dot in left.lines if dot.get_marker() == "o"]
    assert filled == (frame["p_holm"] < 0.05).tolist()
    diamonds = [dot.get_markerfacecolor() for dot in right.lines if dot.get_marker() == "D"]
    assert set(diamonds) == {"white"}  # no p is computed for them


def test_each_arm_has_a_panel_and_all_of_its_runs_select_a_step(store):
    frame = load_trajectories(store)
    shares = frame[frame["curve"] == "test_auc"].groupby("arm")["selected_share"].sum()
    assert shares.to_numpy() == pytest.approx(1)
    fig, ax = new_figure()
    plot_trajectories(frame, ax)
    assert [panel.get_title() for panel in fig.axes] == ["default", "CausalMixFT", "SCM"]


# Failures


def test_failures_are_counted_by_generator_with_their_reason(tmp_path):
    store = ResultStore(tmp_path / "made_up")
    for fold in (0, 1):
        for arm in ("scm", "causalmix", "default"):
            spec = make_spec(arm, fold=fold)
            store.write(make_failure(spec, "one row") if (arm, fold) == ("scm", 1) else make_record(spec))
    store.consolidate()
    frame = load_failures(store)
    row = frame[frame["n_failed"] > 0].iloc[0]
    assert (row["generator"], row["arms"], row["n_failed"], row["n_runs"]) == (
        "causal",
        "causalmix scm",
        1,
        4,
    )
    _, ax = new_figure("short")
    plot_failures(frame, ax)
    assert [text.get_text() for text in ax.texts] == ["1 of 4: a"] and "a: one row" in ax.get_xlabel()


def test_a_study_without_failures_says_so(store):
    _, ax = new_figure()
    plot_failures(load_failures(store), ax)
    assert "No run failed:\nall 72 finished (arms: 4, tables: 6)." in ax.texts[0].get_text()


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


def test_two_arms_are_also_compared_with_tables_as_units_and_cell_by_cell(tmp_path):
    store = ResultStore(tmp_path / "s")
    scores = {("a", 0): (0.8, 0.9), ("a", 1): (0.9, 0.8), ("b", 0): (0.8, 0.8), ("b", 1): (0.8, 0.9)}
    for (dataset, fold), pair in scores.items():
        for arm, test_auc in zip(("default", "causalmix"), pair, strict=True):
            store.write(make_record(make_spec(arm, dataset=dataset, fold=fold), test_auc))
    text = say_lead(store, "causalmix", "default")
    assert "CausalMixFT is at 1.25 and default at 1.75. Of 4 tables and folds" in text
    assert text.endswith("CausalMixFT scores higher in 2, lower in 1, the same in 1.")
    assert say_lead(store, "causalmix", "scm") == ""


def test_an_unknown_size_names_the_known_ones():
    with pytest.raises(ValueError, match="short"):
        new_figure("huge")


# The causal graph


def test_a_table_that_stands_in_is_not_called_one_of_the_study(tmp_path):
    study = StudyView(make_study(tmp_path / "made_up", datasets=("iris",), n_folds=1), "made-up")
    own, other = pd.DataFrame({"dataset": ["iris"]}), pd.DataFrame({"dataset": ["wine"]})
    assert provenance_of_table(study, own) == study.provenance()
    assert provenance_of_table(study, other).startswith("Table wine of scikit-learn, in the place of one")


def test_the_causal_graph_shows_a_table_of_the_study(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("iris",), n_folds=1)
    frame = load_causal_graph(store, "iris")
    columns = set(frame["cause"]) | set(frame["effect"])
    assert frame["dataset"].iloc[0] == "iris" and len(frame) == len(columns) * (len(columns) - 1)
    assert frame["probability"].between(0, 1).all() and frame["probability"].max() > 0.5
    _, ax = new_figure("tall")
    plot_causal_graph(frame, ax)
    assert any("(target)" in text.get_text() for text in ax.texts)


def test_the_causal_graph_is_that_of_the_rows_and_the_target_of_the_study(tmp_path):
    table = load_wine(as_frame=True).frame[["alcohol", "hue", "magnesium", "target"]]
    table.assign(kind=[f"k{i}" for i in table["target"]]).drop(columns="target").to_csv(
        tmp_path / "own.csv", index=False
    )
    protocol = Protocol(max_train_rows=64)
    spec = RunSpec("s", OWN_TABLE, "own.csv", 0, "default", target="kind", protocol=protocol, repeat=1)
    store = ResultStore(tmp_path / "s")
    store.write(make_record(spec))
    frame = load_causal_graph(store, "own.csv", fold=1, data=tmp_path)
    rows = prepare_fold(replace(spec, fold=1), tmp_path).train
    assert (frame["target"].iloc[0], frame["fold"].iloc[0]) == ("kind", 1)
    assert frame["n_rows"].iloc[0] == len(rows) <= 64


def test_the_causal_graph_has_the_probabilities_that_the_rows_of_the_runs_came_from(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("iris",), n_folds=1)
    runs = store.runs()
    spec = spec_of_row(runs[runs["arm"] == "causalmix"].to_dict("records")[0])
    edges = draw_graphs(prepare_fold(spec), spec).edge_probabilities.to_frame()
    shown = load_causal_graph(store, "iris").pivot(index="cause", columns="effect", values="probability")
    shown = shown.loc[edges.index, edges.columns].fillna(0.0).to_numpy()
    np.testing.assert_array_equal(shown, edges.to_numpy())


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
