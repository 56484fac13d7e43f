"""Every notebook runs under papermill on a made-up study; its verdict, figure and data are checked.

The study is a fixture: its numbers are drawn from known distributions, no model was fitted.
"""

from __future__ import annotations

import atexit
import functools
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest
from jupyter_client.manager import KernelManager, start_new_kernel

from causalmix.book.execute import START_SECONDS
from causalmix.claims import VERDICT_SCHEMA, collect_verdicts, load_claims
from causalmix.locations import find_root
from causalmix.notebook import find_study, open_study
from causalmix.specs import OWN_TABLE, RunSpec, SpecError
from causalmix.store import ResultStore, StoreError
from tests.generator_records import make_costs, make_scores
from tests.pretraining_log import make_log
from tests.recorded import CONTROL_LIFTS, DIAL_LIFTS, KNOWN_LIFTS, PAPER_LIFTS, make_study
from tests.runs import make_record, make_spec

pytestmark = pytest.mark.slow

NOTEBOOKS = find_root() / "notebooks"
CLAIMS = load_claims()

# Made-up studies. `made_up`: default +0.02 ROC-AUC, causalmix +0.04, scm -0.03; `made_up_paper`: the seven
# arms, the synthetic ones all below 0; `made_up_controls`: rows drawn again do as well as causalmix;
# `made_up_dial`: deeper graphs make the validation loss wobble less.
EIGHT_TABLES = {"datasets": tuple(f"table{i}" for i in range(8)), "n_folds": 2, "suite": "tabarena33"}
STUDIES = {
    "made_up": {},
    "made_up_paper": {**EIGHT_TABLES, "lifts": PAPER_LIFTS},
    "made_up_controls": {**EIGHT_TABLES, "lifts": CONTROL_LIFTS},
    "made_up_other": {"n_folds": 2, "model": "made-up-too"},
    "made_up_presets": {"n_folds": 1, "presets": ("causalmix", "autogluon-mitra")},
    "made_up_dial": {**EIGHT_TABLES, "lifts": DIAL_LIFTS, "depth_steadies": True},
    "made_up_dial_other": {**EIGHT_TABLES, "lifts": DIAL_LIFTS, "model": "made-up-too"},
    "made_up_ratios": {"n_folds": 2, "ratios": (0.5, 1.0, 2.0)},
    "made_up_rows": {**EIGHT_TABLES, "n_folds": 1, "lifts": DIAL_LIFTS, "row_limits": (64, 128)},
    "made_up_known": {"lifts": KNOWN_LIFTS, "n_folds": 1},
}

# Per notebook: the study, the verdict on it and the columns of its data.
CLAIM_RUNS = {
    "claim_01_mitra_33_datasets": ("made_up_paper", "not reproduced", {"dataset", "arm", "n_finished"}),
    "claim_02_number_of_runs": ("made_up_paper", "not reproduced", {"dataset", "arm", "n_folds"}),
    "claim_03_normalised_auc": ("made_up_paper", "reproduced", {"arm", "zero_shot_auc", "test_auc"}),
    "claim_04_causalmix_improvement": ("made_up", "partly", {"dataset", "fold", "arm", "score"}),
    "claim_05_default_improvement": ("made_up", "reproduced", {"dataset", "fold", "arm", "score"}),
    "claim_06_purely_synthetic": ("made_up_paper", "reproduced", {"dataset", "fold", "arm", "score"}),
    "claim_07_variability": ("made_up", "not reproduced", {"arm", "measure", "value", "lower", "upper"}),
    "claim_08_average_rank": ("made_up", "partly", {"dataset", "arm", "rank", "critical_difference"}),
    "claim_09_synthetic_ranks": ("made_up_paper", "reproduced", {"dataset", "arm", "rank"}),
    "claim_10_zero_shot_baseline": ("made_up_paper", "reproduced", {"arm", "change", "score"}),
    "claim_11_zero_when_equal": ("made_up", "reproduced", {"arm", "change", "score"}),
    "claim_12_fitted_to_the_table": ("", "reproduced", {"seed", "table", "distance"}),
    "claim_13_pc_and_fci": ("", "reproduced", {"seed", "search", "auroc"}),
    "claim_14_edge_probabilities": ("", "reproduced", {"seed", "pairs", "mean_probability"}),
    "claim_15_additive_noise": ("", "reproduced", {"seed", "deviation", "bounded_share"}),
    "claim_16_regressors_and_classifiers": ("", "reproduced", {"seed", "mechanism", "gain"}),
    "claim_17_noise_propagation": ("", "reproduced", {"seed", "deviation"}),
    "claim_18_validation_test_gap": ("made_up_paper", "partly", {"dataset", "arm", "gap", "arm_median"}),
    "claim_19_depth_and_stability": ("made_up_dial", "reproduced", {"series", "setting", "change", "mean"}),
}
FIGURE_RUNS = {
    "fig_improvements": ("made_up", {"arm", "score", "arm_median"}),
    "fig_ranks": ("made_up", {"arm", "rank", "mean_rank"}),
    "fig_critical_difference": ("made_up_paper", {"arm", "against", "p_holm", "nemenyi", "wilcoxon"}),
    "fig_win_rates": ("made_up", {"arm", "against", "win_rate", "n_cells"}),
    "fig_differences": ("made_up", {"dataset", "difference", "lower", "upper", "pooled", "p_value"}),
    "fig_cost": ("made_up", {"arm", "score", "seconds", "pareto"}),
    "fig_failures": ("made_up", {"generator", "dataset", "reason", "n_failed", "n_runs"}),
    "fig_causal_graph": ("made_up", {"cause", "effect", "probability"}),
    "fig_quality": ("", {"measure", "generator", "dataset", "value", "mean", "lower", "upper"}),
    "fig_pretraining": ("", {"model", "step", "tasks", "loss", "seconds"}),
    "fig_generator_cost": ("", {"cost", "generator", "dataset", "n_features", "value"}),
    "fig_ratio_sensitivity": ("made_up_ratios", {"measure", "arm", "ratio", "value", "lower", "upper"}),
    "fig_models": ("made_up", {"measure", "model", "arm", "value", "lower", "upper", "n_runs"}),
    "fig_incomplete": ("made_up", {"measure", "tables", "arm", "value", "lower", "upper", "n_runs"}),
    "fig_selection": ("made_up", {"measure", "selection", "arm", "value", "lower", "upper", "n_runs"}),
    "fig_presets": ("made_up_presets", {"measure", "preset", "arm", "step", "median", "n_runs"}),
    "fig_trajectories": ("made_up", {"arm", "curve", "step", "median"}),
    "depth_between_tables": ("made_up", {"measure", "dataset", "depth", "value", "rho"}),
    "depth_dial": ("made_up_dial", {"series", "setting", "dataset", "change"}),
    "depth_examples": ("made_up", {"setting", "column", "layer", "parents"}),
    "depth_isolated_target": ("made_up_dial", {"dataset", "n_dags", "share", "rho"}),
    "depth_known_truth": ("made_up_known", {"baseline", "outcome", "difference", "effect", "p_holm"}),
    "depth_models": ("made_up_dial", {"series", "dataset", "value", "mean", "lower", "upper", "smallest"}),
    "depth_low_data": ("made_up_rows", {"quantity", "max_train_rows", "dataset", "value", "trend"}),
    "depth_trajectories": ("made_up_dial", {"arm", "step", "change", "median"}),
    "depth_within_tables": ("made_up", {"measure", "term", "effect", "slope"}),
    "depth_measures": ("made_up", {"first", "second", "rho"}),
    "controls": ("made_up_controls", {"arm", "group", "difference", "p_holm", "gain"}),
    "depth_recovery": ("", {"dataset", "true_depth", "depth", "skeleton_f1"}),
}
# These show no study but the record of a benchmark or of a training.
RECORDS = {"fig_quality": make_scores, "fig_generator_cost": make_costs, "fig_pretraining": make_log}
# These compare two studies.
OTHERS = {
    "fig_models": "made_up_other",
    "fig_incomplete": "made_up_dial",
    "depth_models": "made_up_dial_other",
}
STUDY_OF = {name: entry[0] for name, entry in {**CLAIM_RUNS, **FIGURE_RUNS}.items()}


@pytest.fixture(scope="module")
def studies(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("results")
    return {name: make_study(folder / name, **options).root for name, options in STUDIES.items()}


@pytest.fixture(scope="module")
def study(studies) -> Path:
    return studies["made_up"]


@pytest.fixture(scope="module")
def executed(studies, tmp_path_factory, request) -> dict[str, tuple[Path, str]]:
    """Folder and error of each notebook that this module's selected tests ask for, run side by side."""
    asked = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    names = [name for name in STUDY_OF if name in asked]
    folders = [tmp_path_factory.mktemp(name) for name in names]
    values = [parameters_of(name, studies, folder) for name, folder in zip(names, folders, strict=True)]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        errors = list(pool.map(try_run, names, folders, values))
    return dict(zip(names, zip(folders, errors, strict=True), strict=True))


def parameters_of(name: str, studies: dict[str, Path], folder: Path) -> dict[str, str]:
    """Return the made-up study or record that a notebook shows; the short form of one that shows neither."""
    if name in RECORDS:
        RECORDS[name](folder / "made_up.csv")
        return {"record": str(folder / "made_up.csv")}
    if not STUDY_OF[name]:
        return {"profile": "smoke"}
    other = {"other": str(studies[OTHERS[name]])} if name in OTHERS else {}
    return {"study": str(studies[STUDY_OF[name]]), **other}


@functools.cache
def start_kernel() -> KernelManager:
    """Start the kernel that runs all notebooks of this process; it ends with the process.

    A notebook takes a fraction of the time that a kernel takes to import what it needs.
    """
    kernel, client = start_new_kernel(startup_timeout=START_SECONDS, kernel_name="python3")
    client.stop_channels()
    atexit.register(kernel.shutdown_kernel, now=True)
    return kernel


def move_kernel(kernel: KernelManager, folder: Path) -> None:
    """Forget what earlier notebooks defined, and go to a folder."""
    client = kernel.blocking_client()
    client.start_channels()
    client.wait_for_ready(START_SECONDS)
    done = client.execute_interactive(f"%reset -f\nimport os\nos.chdir({str(folder)!r})\ndel os")
    client.stop_channels()
    assert done["content"]["status"] == "ok", done


def run(name: str, folder: Path, values: dict) -> nbformat.NotebookNode:
    kernel = start_kernel()
    move_kernel(kernel, folder)
    return papermill.execute_notebook(
        NOTEBOOKS / f"{name}.ipynb",
        folder / "executed.ipynb",
        parameters=values,
        kernel_name="python3",
        km=kernel,
        progress_bar=False,
    )


def try_run(name: str, folder: Path, values: dict) -> str:
    """Run a notebook in a pool's process; return its error, which need not be picklable, as text."""
    try:
        run(name, folder, values)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def published(executed: dict, name: str, columns: set[str]) -> Path:
    """Return what a notebook published, checked."""
    folder, error = executed[name]
    assert not error, error
    out = folder / "files" / name
    check_published(name, nbformat.read(folder / "executed.ipynb", as_version=4), out, columns)
    return out


def check_published(name: str, notebook: nbformat.NotebookNode, out: Path, columns: set[str]) -> None:
    """The figure is shown and saved, its data and provenance lie beside it, nothing was complained about."""
    assert (out / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (out / "figures" / f"{name}.svg").read_text()[:1000]
    frame = pd.read_csv(out / "data" / f"{name}.csv")
    assert columns <= set(frame.columns) and len(frame) >= 2
    line = (out / "values" / f"{name}.md").read_text()
    assert "simulated" in line or "made_up" in line
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.get("data", {}) for output in outputs]
    assert any("image/png" in data for data in shown)
    assert any(f"files/{name}/data/{name}.csv" in data.get("text/markdown", "") for data in shown)
    assert not [output for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize("name", [name for name in CLAIM_RUNS if not CLAIMS[name[6:8]].simulated])
def test_a_claim_notebook_decides_stored_runs_by_the_written_rule(studies, executed, name):
    study, expected, columns = CLAIM_RUNS[name]
    out = published(executed, name, columns)
    (verdict,) = collect_verdicts(out / "verdicts")
    assert (verdict["id"], verdict["verdict"]) == (name[6:8], expected)
    assert set(verdict) == set(VERDICT_SCHEMA["required"])
    assert (verdict["study"], verdict["model"]) == (study, "made-up")
    assert verdict["store_hash"] == ResultStore(studies[study]).hash and verdict["n_runs"] > 0
    four = {"error_removed", "difference", "largest_change", "dataset_sd"}
    assert set(verdict["sensitivity"]) == (four if verdict["normalisation"] else set())


@pytest.mark.parametrize("name", [name for name in CLAIM_RUNS if CLAIMS[name[6:8]].simulated])
def test_a_claim_notebook_decides_the_method_by_its_behaviour(executed, name):
    _, expected, columns = CLAIM_RUNS[name]
    out = published(executed, name, columns)
    (verdict,) = collect_verdicts(out / "verdicts")
    assert (verdict["id"], verdict["verdict"]) == (name[6:8], expected)
    assert (verdict["study"], verdict["model"]) == ("simulated", "none")
    assert "shortened run" in verdict["explanation"]


@pytest.mark.parametrize("name", FIGURE_RUNS)
def test_a_figure_notebook_runs_from_any_folder_and_writes_beside_itself(executed, name):
    published(executed, name, FIGURE_RUNS[name][1])


def test_the_depth_claim_lists_its_secondary_tests_adjusted_by_holm(
    executed, name="claim_19_depth_and_stability"
):
    if name not in executed:
        pytest.skip("the notebook was not selected")
    shown = (executed[name][0] / "executed.ipynb").read_text()
    assert "<th>p (Holm)</th>" in shown and "<th>dial minus controls</th>" in shown
    (secondary,) = executed[name][0].rglob(f"{name}_secondary.csv")
    assert {"dial_against_controls", "dial"} <= set(pd.read_csv(secondary)["test"])


def test_the_controls_answer_their_question_in_a_sentence(executed, name="controls"):
    if name not in executed:
        pytest.skip("the notebook was not selected")
    answer = (executed[name][0] / "files" / name / "values" / "controls_answer.md").read_text()
    assert "The gain comes from mixing" in answer and "over `bootstrap_mix`" in answer


def test_controls_that_are_not_recorded_leave_the_question_open(tmp_path):
    run("controls", tmp_path, {"study": str(tmp_path / "controls")})
    values = tmp_path / "files" / "controls" / "values"
    answer = (values / "controls_answer.md").read_text()
    assert "Not tested: the study controls has not been run yet" in answer
    assert "not been run yet" in (values / "controls.md").read_text()


def test_a_study_that_is_not_there_yet_is_not_tested_and_says_so(tmp_path):
    run("claim_19_depth_and_stability", tmp_path, {"study": str(tmp_path / "depth")})
    out = tmp_path / "files" / "claim_19_depth_and_stability"
    (verdict,) = collect_verdicts(out / "verdicts")
    assert verdict["verdict"] == "not tested" and "has not been run yet" in verdict["reason"]
    assert "not been run yet" in (out / "values" / "claim_19_depth_and_stability.md").read_text()


def test_another_normalisation_changes_the_value_and_is_named(study, tmp_path):
    values = {"study": str(study), "out": str(tmp_path / "out"), "normalisation": "difference"}
    run("claim_04_causalmix_improvement", tmp_path, values)
    verdict = json.loads((tmp_path / "out" / "verdicts" / "04.json").read_text())
    assert verdict["normalisation"] == "difference" and abs(verdict["value"] - 0.04) < 0.01


# Opening a study


def test_a_study_is_found_by_its_path(study):
    view = open_study(str(study))
    assert (view.name, view.model, len(view.runs())) == ("made_up", "made-up", 72)
    assert "6 tables" in view.provenance() and view.hash in view.provenance()


def test_a_table_of_a_study_is_read_once_and_what_a_notebook_does_to_it_is_its_own(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("a",), n_folds=2)
    view = open_study(str(store.root))
    runs, seen = view.runs(), view.hash
    store.write(make_record(make_spec(study="made_up", model="made-up", fold=7)))
    runs["fold"] = -1
    assert set(view.runs()["fold"]) == set(view.only_folds([0, 1, 7]).runs()["fold"]) == {0, 1}
    assert view.hash == seen != open_study(str(store.root)).hash


def test_a_study_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(StoreError, match="no recorded study 'first-lok'"):
        find_study("first-lok")


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("asked", ["depth-tabpnf", "controlls", "{folder}/depth-tabpnf"])
def test_a_misspelt_study_is_refused_with_the_name_that_was_meant(tmp_path, asked, required):
    meant = {"controlls": "controls"}.get(asked, "depth-tabpfn")
    with pytest.raises(StoreError, match=f"no recorded study '.*', did you mean '{meant}'"):
        open_study(asked.format(folder=tmp_path), required=required)


@pytest.mark.parametrize("planned", [True, False])
def test_a_study_that_is_only_planned_or_not_there_is_an_empty_one_where_it_is_not_required(
    tmp_path, planned
):
    folder = tmp_path / ("mine" if planned else "depth")
    if planned:
        ResultStore(folder).plan([make_spec()])
    view = open_study(str(folder), required=False)
    assert view.runs().empty and view.note == f"the study {folder.name} has not been run yet"
    with pytest.raises(StoreError, match="holds no run"):
        open_study(str(folder))


def damage(store: ResultStore, how: str) -> None:
    if how == "truncated":
        path = store.root / "runs.parquet"
        path.write_bytes(path.read_bytes()[:200])
    elif how == "no runs":
        (store.root / "runs.parquet").unlink()
    elif how == "no tables":
        for path in store.root.glob("*.parquet"):
            path.unlink()
    elif how == "no runs and manifest":
        for name in ("runs.parquet", "manifest.json"):
            (store.root / name).unlink()
    else:
        (store.root / "manifest.json").write_text(how)


@pytest.mark.parametrize(
    "how", ["truncated", "no runs", "no tables", "no runs and manifest", "half", "[]", "{}"]
)
def test_a_damaged_study_is_refused_whether_it_is_required_or_not(tmp_path, how):
    store = make_study(tmp_path / "controls", datasets=("a",), n_folds=1)
    assert len(open_study(str(store.root), required=False).runs())
    damage(store, how)
    for required in (True, False):
        with pytest.raises(StoreError, match=r"damaged|corrupt|cannot be read|no manifest"):
            open_study(str(store.root), required=required)


def test_the_most_complete_study_is_not_passed_over_because_it_is_damaged(tmp_path, monkeypatch):
    for name in ("paper", "quick"):
        make_study(tmp_path / "results" / name, datasets=("a",), n_folds=1)
    (tmp_path / "results" / "paper" / "runs.parquet").unlink()
    monkeypatch.setattr("causalmix.study_folders.find_root", lambda: tmp_path)
    with pytest.raises(StoreError, match=r"paper is damaged: runs\.parquet is lost, with the rows of 4 runs"):
        open_study("auto", required=False)


@pytest.mark.parametrize(
    ("study", "cure"),
    [
        ("quick", "finish it with `causalmix run --profile quick`, or pass run_missing=True$"),
        ("mine", r"--study mine`\), or pass run_missing=True and profile=NAME"),
    ],
)
def test_an_incomplete_study_is_finished_by_advice_that_works(tmp_path, study, cure):
    store = make_study(tmp_path / study, datasets=("iris",), n_folds=1)
    store.plan([RunSpec(study, "bundled", "iris", 0, "tabebm", "made-up")])
    with pytest.raises(StoreError, match=cure):
        open_study(str(store.root))


def test_run_missing_is_not_advised_for_a_users_own_table(tmp_path):
    store = make_study(tmp_path / "mine", datasets=("mine.csv",), n_folds=1)
    store.plan([RunSpec("mine", OWN_TABLE, "mine.csv", 0, "tabebm", "made-up")])
    with pytest.raises(StoreError, match=r"--study mine`\)$"):
        open_study(str(store.root))


def test_a_path_is_honoured_whatever_of_the_study_lies_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_study(tmp_path / "mystores" / "foo", datasets=("a",), n_folds=1)
    for path in (tmp_path / "mystores" / "foo").glob("*.parquet"):
        path.unlink()
    for profile in ("", "smoke"):
        assert find_study("mystores/foo", profile) == tmp_path / "mystores" / "foo"
    assert find_study("mystores/new", "smoke") == tmp_path / "mystores" / "new"
    assert find_study("results/new", "smoke") == find_root() / "results" / "new"
    assert find_study("new", "smoke") == find_root() / "results" / "new"


def test_a_study_with_a_fold_that_was_only_begun_names_what_it_lacks(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("a",), n_folds=1)
    store.plan([RunSpec("made_up", "bundled", "a", 0, "tabebm", "made-up")])
    with pytest.raises(StoreError, match=r"lacks 1 planned runs of folds .*\(a fold 0 tabebm"):
        open_study(str(tmp_path / "made_up"))


def test_a_study_without_some_folds_and_tables_is_a_smaller_one_that_says_so(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("a",), n_folds=1)
    store.plan([RunSpec("made_up", "bundled", *place, "scm", "made-up") for place in (("a", 1), ("b", 0))])
    view = open_study(str(tmp_path / "made_up"))
    assert len(view.runs()) and "2 planned ones absent" in view.provenance()


def test_a_model_that_the_study_lacks_is_refused(study):
    with pytest.raises(StoreError, match="no run of 'mitra'; it holds made-up"):
        open_study(str(study), model="mitra")


@pytest.mark.parametrize("required", [True, False])
def test_a_study_on_two_versions_of_a_table_is_refused_with_the_table(tmp_path, required):
    store = ResultStore(tmp_path / "demo")
    store.write(make_record())
    store.write(make_record(make_spec("default"), data_fingerprint="0" * 16))
    with pytest.raises(StoreError, match="mixes different versions of iris"):
        open_study(str(store.root), required=required)


def test_an_empty_store_is_refused(tmp_path):
    (tmp_path / "made_up" / "records").mkdir(parents=True)
    with pytest.raises(StoreError, match="holds no run"):
        open_study(str(tmp_path / "made_up"))


def test_missing_runs_are_made_with_run_missing(tmp_path, monkeypatch):
    asked = {}

    def record_instead(specs, store, **options):
        asked.update(options, specs=list(specs))
        make_study(store.root, datasets=("iris",), n_folds=1, lifts={"zero_shot": 0.0})

    monkeypatch.setattr("causalmix.engine.run_all", record_instead)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    folder = tmp_path / "new"
    with pytest.raises(StoreError, match="lacks"):
        open_study(str(folder), profile="smoke", run_missing=True, device="cuda", data="tables")
    assert {spec.study for spec in asked["specs"]} == {"new"} and len(asked["specs"]) == 6
    assert asked["device"] == "cuda" and asked["data_dir"] == "tables"


def test_a_device_that_is_not_here_is_refused_before_a_run_is_planned(tmp_path):
    with pytest.raises(SpecError, match="device 'gpu' is not one of PyTorch's: say cpu or cuda"):
        open_study(str(tmp_path / "new"), profile="smoke", run_missing=True, device="gpu")
    assert not (tmp_path / "new").exists()


def test_tables_that_cannot_be_had_here_stay_planned_and_make_a_smaller_study(tmp_path, monkeypatch):
    made = []

    def record_instead(specs, store, **options):
        made.extend(specs)
        for spec in specs:
            store.write(make_record(spec))

    monkeypatch.setattr("causalmix.engine.run_all", record_instead)
    monkeypatch.setattr("causalmix.planning.find_absent", lambda names, data_dir: ["wine"])
    view = open_study(str(tmp_path / "new"), profile="quick", run_missing=True)
    assert {spec.dataset for spec in made} == {"breast_cancer", "iris"}
    assert view.store.manifest()["runs"] == {"planned": 60, "done": 40, "failed": 0, "absent": 20}
    assert "20 planned ones absent" in view.provenance()


def test_runs_made_in_another_way_are_not_added_to_a_study_of_any_name(tmp_path):
    store = make_study(tmp_path / "mine", datasets=("iris",), n_folds=1, suite="bundled")
    before = (store.root / "manifest.json").read_bytes()
    model = store.runs()["model"].iloc[0]
    with pytest.raises(StoreError, match="of preset causalmix, these are of preset smoke: pass study=NAME"):
        open_study(str(store.root), profile="smoke", model=model, run_missing=True)
    assert (store.root / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"study": "auto"}, "say to which: pass study=NAME and profile="),
        ({"study": "paper", "model": "mitra"}, "holds runs of model made-up, not mitra: pass study=NAME"),
        ({"study": "paper", "model": "made-up"}, "another model these are not the runs of profile paper"),
        ({"study": "paper", "profile": "quick", "model": "made-up"}, "suite tabarena33, not bundled"),
        ({"study": "quick", "model": "made-up"}, "another model these are not the runs of profile quick"),
        ({"study": "first-look", "profile": "depth-low-data"}, "another train_rows these are not the runs"),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_runs_that_are_not_of_the_study_are_refused_and_it_stays_as_it_was(
    tmp_path, monkeypatch, asked, message
):
    store = make_study(tmp_path / "results" / "paper", datasets=("a",), n_folds=1, suite="tabarena33")
    before = (store.root / "manifest.json").read_bytes()
    for module in ("notebook", "study_folders"):
        monkeypatch.setattr(f"causalmix.{module}.find_root", lambda: tmp_path)
    with pytest.raises(SpecError, match=message):
        open_study(**asked, run_missing=True)
    assert (store.root / "manifest.json").read_bytes() == before
    assert [folder.name for folder in (tmp_path / "results").iterdir()] == ["paper"]
