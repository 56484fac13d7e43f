"""Every notebook runs under papermill on a made-up study; its verdict, figure and data are checked.

The study is a fixture: its numbers are drawn from known distributions, no model was fitted.
"""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest

from causalmix.claims import VERDICT_SCHEMA, collect_verdicts, load_claims
from causalmix.locations import find_root
from causalmix.notebook import find_study, open_study
from causalmix.specs import RunSpec
from causalmix.store import ResultStore, StoreError
from tests.recorded import make_study

NOTEBOOKS = find_root() / "notebooks"
CLAIMS = load_claims()

# Per notebook: the verdict on the made-up study (default +0.02 ROC-AUC, causalmix +0.04, scm -0.03), the
# columns of its data and the parameters that differ from the defaults.
CLAIM_RUNS = {
    "claim_04_causalmix_improvement": ("partly", {"dataset", "fold", "arm", "score"}),
    "claim_05_default_improvement": ("reproduced", {"dataset", "fold", "arm", "score"}),
    "claim_07_variability": ("not reproduced", {"arm", "measure", "value", "lower", "upper"}),
    "claim_08_average_rank": ("partly", {"dataset", "arm", "rank", "critical_difference"}),
    "claim_11_zero_when_equal": ("reproduced", {"arm", "change", "score"}),
    "claim_13_pc_and_fci": ("reproduced", {"seed", "search", "auroc"}),
    "claim_14_edge_probabilities": ("reproduced", {"seed", "pairs", "mean_probability"}),
    "claim_17_noise_propagation": ("reproduced", {"seed", "deviation"}),
}
FIGURE_RUNS = {
    "fig_improvements": {"arm", "score", "arm_median"},
    "fig_ranks": {"arm", "rank", "mean_rank"},
    "fig_causal_graph": {"cause", "effect", "probability"},
    "fig_trajectories": {"arm", "curve", "step", "median"},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "made_up"
    make_study(folder)
    return folder


def run(name: str, folder: Path, values: dict) -> nbformat.NotebookNode:
    return papermill.execute_notebook(
        NOTEBOOKS / f"{name}.ipynb",
        folder / "executed.ipynb",
        parameters=values,
        cwd=folder,
        kernel_name="python3",
        progress_bar=False,
    )


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
def test_a_claim_notebook_decides_stored_runs_by_the_written_rule(study, tmp_path, name):
    expected, columns = CLAIM_RUNS[name]
    out = tmp_path / "out"
    notebook = run(name, tmp_path, {"study": str(study), "out": str(out)})
    check_published(name, notebook, out, columns)
    (verdict,) = collect_verdicts(out / "verdicts")
    assert (verdict["id"], verdict["verdict"]) == (name[6:8], expected)
    assert set(verdict) == set(VERDICT_SCHEMA["required"])
    assert (verdict["study"], verdict["model"]) == ("made_up", "made-up")
    assert verdict["store_hash"] == ResultStore(study).hash and verdict["n_runs"] > 0
    assert set(verdict["sensitivity"]) == {"error_removed", "difference", "largest_change", "dataset_sd"}


@pytest.mark.parametrize("name", [name for name in CLAIM_RUNS if CLAIMS[name[6:8]].simulated])
def test_a_claim_notebook_decides_the_method_by_its_behaviour(tmp_path, name):
    expected, columns = CLAIM_RUNS[name]
    out = tmp_path / "out"
    notebook = run(name, tmp_path, {"profile": "smoke", "out": str(out)})
    check_published(name, notebook, out, columns)
    (verdict,) = collect_verdicts(out / "verdicts")
    assert (verdict["id"], verdict["verdict"]) == (name[6:8], expected)
    assert (verdict["study"], verdict["model"]) == ("simulated", "none")
    assert "shortened run" in verdict["explanation"]


@pytest.mark.parametrize("name", FIGURE_RUNS)
def test_a_figure_notebook_runs_from_any_folder_and_writes_beside_itself(study, tmp_path, name):
    notebook = run(name, tmp_path, {"study": str(study)})
    check_published(name, notebook, tmp_path / "files" / name, FIGURE_RUNS[name])


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


def test_a_study_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(StoreError, match="no recorded study 'first-lok'"):
        find_study("first-lok")


def test_an_incomplete_study_names_what_it_lacks(tmp_path):
    store = make_study(tmp_path / "made_up", datasets=("a",), n_folds=1)
    store.plan([RunSpec("made_up", "bundled", "b", 0, "scm", "made-up")])
    with pytest.raises(StoreError, match=r"lacks 1 of its planned runs \(b fold 0 scm"):
        open_study(str(tmp_path / "made_up"))


def test_a_model_that_the_study_lacks_is_refused(study):
    with pytest.raises(StoreError, match="no run of 'mitra'; it holds made-up"):
        open_study(str(study), model="mitra")


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
    folder = tmp_path / "new"
    with pytest.raises(StoreError, match="lacks"):
        open_study(str(folder), profile="smoke", run_missing=True, device="cuda", data="tables")
    assert {spec.study for spec in asked["specs"]} == {"new"} and len(asked["specs"]) == 6
    assert asked["device"] == "cuda" and asked["data_dir"] == "tables"
