"""The command line: what a user types, reads, and gets wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from causalmix.cli import app
from causalmix.data import SUITES
from causalmix.data.tabarena_tasks import TASKS
from causalmix.models import MODELS
from causalmix.models.recipes import RECIPES
from causalmix.options import parse_numbers
from causalmix.presets import PRESETS
from causalmix.profiles import PROFILES
from causalmix.specs import ARMS, Arm, SpecError
from causalmix.store import ResultStore
from causalmix.terminal import print_table
from causalmix.verdicts import Verdict
from tests.runs import make_failure, make_record, make_spec, save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Run a command in an empty folder, without the environment variable of the data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAUSALMIX_DATA", raising=False)

    def call(*words: str) -> Result:
        return CliRunner().invoke(app, words, env={"COLUMNS": "200"})

    return call


@pytest.fixture
def own_table(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"size": rng.normal(size=60), "town": rng.choice(["Bern", "Chur"], 60)})
    table["kind"] = np.where(table["size"] > 0, "big", "small")
    path = tmp_path / "mine.csv"
    table.to_csv(path, index=False)
    return path


HERE = ("--engine", "here", "--quiet", "--presets", "smoke")


# Help


def test_help_reads_well_and_lists_the_commands(cli):
    text = cli("--help").output
    for command in ("run", "generate", "status", "audit", "verdicts", "pretrain", "data"):
        assert re.search(rf"│ {command} +\w", text), command
    assert "try them on your own table" in text


@pytest.mark.parametrize(
    "command",
    [
        ("run",),
        ("generate",),
        ("status",),
        ("audit",),
        ("verdicts",),
        ("pretrain",),
        ("data", "list"),
        ("data", "check"),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself_and_each_of_its_options(cli, command):
    result = cli(*command, "--help")
    assert result.exit_code == 0
    options = re.findall(r"│ [* ]*(--[a-z-]+)[^│]*", result.output)
    assert "--help" in options
    for line in re.findall(r"│ [* ]*--[^│]*", result.output):
        assert len(line.split()) > 4, f"without a help text: {line}"


def test_the_options_of_a_sweep_are_the_fields_of_its_dataclass(cli):
    text = cli("run", "--help").output
    for name in (
        "suite",
        "datasets",
        "folds",
        "arms",
        "model",
        "presets",
        "synthetic-ratios",
        "max-train-rows",
    ):
        assert f"--{name} " in text


def test_the_help_of_a_sweep_lists_every_name_and_the_protocols_numbers(cli):
    text = " ".join(re.sub("[│\n]", " ", cli("run", "--help").output).split())
    for name in (*MODELS, *PRESETS, *SUITES):
        assert re.search(rf"\b{re.escape(name)}[,. ;]", text), name
    for arm in ARMS:
        assert arm in text.replace(" ", "") or arm in text, arm
    for number in (10, 0.25, 256, 500):
        assert f"Default: {number}." in text
    recipes = " ".join(re.sub("[│\n]", " ", cli("pretrain", "--help").output).split())
    assert all(name in recipes for name in RECIPES)


def test_the_version_is_printed(cli):
    assert cli("--version").output.startswith("causalmix ")


# Running


def test_a_study_is_run_consolidated_shown_and_skipped_the_next_time(cli, model):
    words = ("run", "--profile", "smoke", "--study", "mine", "--arms", "zero_shot,default", "--model", model)
    first = cli(*words, *HERE)
    assert first.exit_code == 0, first.output
    assert "4 done, 0 failed, 0 there already" in first.output
    assert re.search(r"default +│ +2 │ +2 │ +0 │ +0", first.output)
    store = ResultStore("results/mine")
    assert store.manifest()["runs"] == {"planned": 4, "done": 4, "failed": 0, "absent": 0}
    assert "0 done, 0 failed, 4 there already" in cli(*words, *HERE).output


@pytest.mark.parametrize("again", [(), ("--retry-failed",)])
def test_a_corrupt_record_is_named_and_its_run_made_again(cli, model, own_table, again):
    words = ("run", "--table", str(own_table), "--target", "kind", "--arms", "zero_shot", "--model", model)
    cli(*words, *HERE, "--folds", "0,1")
    (broken, _) = sorted(Path("results/mine/records").iterdir())
    broken.write_text("half")
    result = cli(*words, *HERE, "--folds", "0,1", *again)
    assert result.exit_code == 0, result.output
    assert f"as if not there: {broken.name}" in result.output
    assert "1 done, 0 failed, 1 there already" in result.output
    assert ResultStore("results/mine").corrupt() == []


def test_one_row_limit_is_not_given_to_a_profile_that_has_several(cli):
    result = cli("run", "--profile", "depth-low-data", "--max-train-rows", "64")
    assert result.exit_code and "say --train-rows" in result.output


def test_a_part_of_a_study_leaves_the_rest_planned(cli, model):
    words = ("run", "--profile", "smoke", "--study", "mine", "--arms", "zero_shot", "--model", model)
    assert "1 done" in cli(*words, *HERE, "--shard", "1/2").output
    assert ResultStore("results/mine").manifest()["runs"]["absent"] == 1


def test_a_users_own_table_takes_a_path_and_a_target(cli, model, own_table):
    words = ("run", "--table", str(own_table), "--target", "kind", "--arms", "zero_shot,causalmix")
    result = cli(*words, "--folds", "0", "--model", model, *HERE)
    assert result.exit_code == 0, result.output
    runs = ResultStore("results/mine").runs()
    assert set(runs["status"]) == {"ok"} and set(runs["dataset"]) == {"mine.csv"}


def test_what_is_left_out_of_a_users_own_table_is_said_once(cli, model, own_table):
    table = pd.read_csv(own_table).assign(unit="cm", street=[f"street {i % 50}" for i in range(60)])
    table.loc[0, "kind"] = "odd"
    table["number"] = range(60)
    table.to_csv(own_table, index=False)
    words = ("run", "--table", str(own_table), "--target", "kind", "--model", model, *HERE)
    output = cli(*words, "--arms", "zero_shot", "--folds", "0-9", "--repeats", "0").output
    assert output.count("mine.csv: column 'unit': constant cm: left out (10 of 10 splits)") == 1
    assert len(re.findall(r"column 'street': \d+ rare levels of \d+ pooled \(10 of 10 splits\)", output)) == 1
    assert output.count("mine.csv: column 'number': it runs from 0 to 59 in the order of the rows") == 1
    left_out = "1 test rows left out: no training row has their class ('odd') (1 of 10 splits)"
    assert output.count(left_out) == 1
    words = ("run", "--profile", "smoke", "--study", "other", "--arms", "zero_shot", "--folds", "0")
    studied = cli(*words, "--model", model, *HERE)
    assert studied.exit_code == 0 and "splits)" not in studied.output


def test_a_table_that_changed_since_its_study_began_is_refused(cli, model, own_table):
    words = ("run", "--table", str(own_table), "--target", "kind", "--arms", "zero_shot", "--folds", "0")
    cli(*words, "--model", model, *HERE)
    pd.read_csv(own_table).head(50).to_csv(own_table, index=False)
    result = cli(*words, "--model", model, *HERE)
    assert result.exit_code == 2 and "has changed since results/mine was begun" in result.output


def test_a_users_own_table_stays_out_of_the_studies_that_are_there(cli, own_table):
    words = ("run", "--target", "kind", "--arms", "zero_shot", "--folds", "0", *HERE)
    own_table.rename("paper.csv")
    profile = cli(*words, "--table", "paper.csv")
    message = "paper is the study of the profile of that name"
    assert profile.exit_code == 2 and message in profile.output
    Path("paper.csv").rename("controlled.csv")
    store = ResultStore("results/controlled")
    store.write(make_record(make_spec("default", study="controlled")))
    before = store.consolidate().read_bytes()
    other = cli(*words, "--table", "controlled.csv")
    assert other.exit_code == 2 and "results/controlled holds runs of suite bundled" in other.output
    assert "a name of their own with --study" in other.output
    assert (store.root / "manifest.json").read_bytes() == before


def test_the_study_of_a_profile_takes_no_runs_of_another(cli):
    result = cli("run", "--study", "paper", *HERE)
    assert result.exit_code == 2 and "runs of profile quick another --study" in result.output
    store = ResultStore("results/mine")
    store.write(make_record(make_spec("default", study="mine")))
    other = cli("run", "--profile", "depth-known", "--study", "mine", *HERE)
    assert other.exit_code == 2 and "results/mine holds runs of suite bundled" in other.output


def test_runs_under_another_preset_take_a_study_of_their_own(cli, model, own_table):
    words = ("run", "--table", str(own_table), "--target", "kind", "--arms", "zero_shot", "--folds", "0")
    words += ("--model", model, "--engine", "here", "--quiet")
    assert cli(*words, "--presets", "smoke").exit_code == 0
    before = Path("results/mine/manifest.json").read_bytes()
    other = cli(*words)
    assert other.exit_code == 2
    assert "holds runs of preset smoke, these are of preset causalmix" in other.output
    assert Path("results/mine/manifest.json").read_bytes() == before
    both = cli(*words, "--presets", "smoke,causalmix")
    assert both.exit_code == 0, both.output


def test_runs_under_another_protocol_take_a_study_of_their_own(cli, model, own_table):
    words = ("run", "--table", str(own_table), "--target", "kind", "--arms", "zero_shot", "--folds", "0")
    words += ("--model", model, *HERE)
    assert cli(*words).exit_code == 0
    before = Path("results/mine/manifest.json").read_bytes()
    other = cli(*words, "--n-folds", "3")
    assert other.exit_code == 2
    assert "holds runs of n_folds 10, these are of n_folds 3: give these runs a name" in other.output
    assert Path("results/mine/manifest.json").read_bytes() == before
    fewer_rows = cli(*words, "--max-train-rows", "40")
    assert fewer_rows.exit_code == 0, fewer_rows.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--model", "embeded-mini"), "unknown model 'embeded-mini'"),
        (("--engine", "lokal"), "unknown engine 'lokal'"),
        (("--shard", "3/2"), "shard 3/2 does not exist"),
        (("--shard", "x"), "shard 'x' is not of the form i/n"),
        (("--validation-share", "2"), "validation_share is 2.0; give a share between 0 and 1"),
        (("--max-train-rows", "1"), "max_train_rows is 1; give at least 4"),
        (("--profile", "paper", "--data", "nowhere"), "nowhere"),
    ],
)
def test_what_no_run_can_be_made_with_is_refused_before_a_run_is_planned(cli, words, message):
    result = cli("run", "--study", "mine", *words, "--quiet")
    assert result.exit_code == 2 and message in result.output, result.output
    assert not Path("results").exists()


def test_rows_are_generated_beforehand_and_counted(cli, model):
    words = ("generate", "--profile", "smoke", "--folds", "0", "--study", "s", "--engine", "here", "--quiet")
    assert "1 done, 0 failed, 0 there already" in cli(*words).output
    assert "0 done, 0 failed, 1 there already" in cli(*words).output


@pytest.mark.parametrize("quiet", [(), ("--quiet",)], ids=["with-progress", "quiet"])
@pytest.mark.parametrize("command", ["run", "generate"])
def test_why_a_run_failed_is_said_once(cli, model, monkeypatch, command, quiet):
    monkeypatch.setitem(ARMS, "broken", Arm(generator="causal", params={"n_dags": 0}))
    words = ("--profile", "smoke", "--study", "s", "--folds", "0", "--arms", "broken", "--engine", "here")
    result = cli(command, *words, "--model", model, *quiet)
    assert result.exit_code == 1, result.output
    assert result.output.count("n_dags must be at least 1") == 1


def test_runs_that_failed_beside_others_that_did_not_are_no_error(cli, model, monkeypatch):
    monkeypatch.setitem(ARMS, "broken", Arm(generator="causal", params={"n_dags": 0}))
    words = ("run", "--profile", "smoke", "--study", "s", "--folds", "0", "--model", model, *HERE)
    assert cli(*words, "--arms", "broken,zero_shot").exit_code == 0
    again = cli(*words, "--arms", "broken")
    assert again.exit_code == 0 and "0 done, 0 failed, 1 there already" in again.output
    assert "1 of those there failed before: --retry-failed makes them again" in again.output
    assert "failed before" not in cli(*words, "--arms", "zero_shot").output
    retried = cli(*words, "--arms", "broken", "--retry-failed")
    assert retried.exit_code == 1 and "failed before" not in retried.output


def test_the_folder_of_the_tables_can_stand_in_the_environment(cli, model, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    target = TASKS["diabetes"].target
    table = pd.DataFrame(rng.normal(size=(80, TASKS["diabetes"].features))).add_prefix("x")
    table[target] = rng.choice(["yes", "no"], 80)
    (tmp_path / "tables" / "tabarena").mkdir(parents=True)
    table.to_parquet(tmp_path / "tables" / "tabarena" / "diabetes.parquet")
    words = ("run", "--profile", "first-look", "--study", "mine", "--datasets", "diabetes", "--folds", "0")
    words += ("--arms", "zero_shot", "--model", model, *HERE)
    absent = cli(*words)
    assert absent.exit_code == 2 and "by --data or CAUSALMIX_DATA" in absent.output
    for folder in ("tables", "tables/tabarena"):
        monkeypatch.setenv("CAUSALMIX_DATA", folder)
        result = cli(*words)
        assert result.exit_code == 0 and "0 failed" in result.output
        assert "With fewer rows than TabArena's: diabetes" in result.output
    assert ResultStore("results/mine").runs()["status"].tolist() == ["ok"]


def test_tables_that_are_absent_are_named_and_the_rest_is_run(cli, model, monkeypatch):
    monkeypatch.setattr("causalmix.planning.find_absent", lambda names, data_dir: ["wine"])
    words = ("run", "--profile", "quick", "--study", "mine", "--datasets", "iris,wine", "--folds", "0")
    result = cli(*words, "--arms", "zero_shot", "--model", model, *HERE)
    assert result.exit_code == 0 and "Not to be had here, left out: wine" in result.output
    assert ResultStore("results/mine").manifest()["runs"] == {
        "planned": 2,
        "done": 1,
        "failed": 0,
        "absent": 1,
    }


@pytest.mark.parametrize("command", ["run", "generate"])
@pytest.mark.parametrize(
    ("words", "note"),
    [
        (("--workers", "99", "--address", "x"), "--engine here ignores --workers, --address\n"),
        (("--address", "x"), "--engine here ignores --address\n"),
        ((), None),
    ],
    ids=["both", "address", "neither"],
)
def test_options_that_the_engine_ignores_are_named(cli, model, command, words, note):
    some = ("--profile", "smoke", "--study", "s", "--folds", "0", "--arms", "zero_shot", "--model", model)
    result = cli(command, *some, "--engine", "here", "--quiet", *words)
    assert result.exit_code == 0 and (note in result.output if note else "ignores" not in result.output)


@pytest.mark.parametrize("command", ["run", "generate"])
def test_a_part_of_which_no_table_is_here_is_no_error(cli, model, monkeypatch, command):
    monkeypatch.setattr("causalmix.planning.find_absent", lambda names, data_dir: ["wine"])
    words = (command, "--profile", "quick", "--study", "mine", "--datasets", "iris,wine", "--folds", "0")
    words += ("--arms", "bootstrap_mix", "--model", model, "--engine", "here", "--quiet")
    here, nothing = (cli(*words, "--shard", f"{part}/2") for part in range(2))
    assert here.exit_code == nothing.exit_code == 0, nothing.output
    assert "1 done" in here.output and "0 done, 0 failed, 0 there already" in nothing.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--profile", "qick"), "unknown profile 'qick': did you mean 'quick'?"),
        (("--arms", "causalmx"), "unknown arm 'causalmx': did you mean 'causalmix'?"),
        (("--datasets", "irsi"), "unknown dataset of suite bundled 'irsi': did you mean 'iris'?"),
        (("--folds", "1;2"), "'1;2' is not a number or a range"),
        (("--folds", "5-3"), "the range '5-3' runs backwards: write 3-5"),
        (("--folds", ","), "--folds is given but empty: name at least one, or leave it out"),
        (("--folds", "²"), "'²' is not a number or a range"),
        (("--shard", "²/4"), "shard '²/4' is not of the form i/n"),
        (("--datasets", ""), "--datasets is given but empty"),
        (("--profile", "depth-low-data", "--train-rows", " ,"), "--train-rows is given but empty"),
        (("--n-steps=-5", "--study", "s"), "n_steps is -5: give at least 1"),
        (("--folds", "12"), "fold 12 does not exist"),
        (("--shard", "3"), "shard '3' is not of the form i/n"),
        (("--engine", "lokal"), "unknown engine 'lokal': did you mean 'local'?"),
        (("--model", "embeded-mini", "--study", "s", "--engine", "here"), "unknown model 'embeded-mini'"),
        (("--model", "other"), "give these runs a name of their own with --study"),
        (("--study", "a/b"), "without slashes"),
        (("--study", ".."), "without slashes"),
        (("--study", "."), "without slashes"),
        (("--study", ""), "--study '' must be the name of a folder"),
        (("--data", "nowhere"), "nowhere, named by --data or CAUSALMIX_DATA, does not exist"),
        (("--table", "mine.csv"), "needs --target"),
        (("--target", "y"), "--target belongs to --table"),
        (("--table", "nowhere.csv", "--target", "y"), "nowhere.csv"),
    ],
)
def test_what_does_not_exist_is_named_with_a_way_out(cli, words, message):
    result = cli("run", *words, "--quiet")
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_mistyped_preset_is_refused_before_a_run_is_planned(cli):
    result = cli("run", "--profile", "smoke", "--study", "mine", "--presets", "causalmx", "--quiet")
    assert result.exit_code == 2 and "unknown preset 'causalmx': did you mean 'causalmix'?" in result.output
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("gpu", "device 'gpu' is not one of PyTorch's: say cpu or cuda"),
        ("cuda:99", "device 'cuda:99' is not here"),
        ("meta", "device 'meta' is not here"),
    ],
)
def test_a_device_that_is_not_here_is_refused_before_a_run_is_planned(cli, device, message):
    for words in (("run", "--profile", "smoke"), ("pretrain", "--out", "mine"), ("audit", "smoke")):
        result = cli(*words, "--device", device, "--quiet")
        assert result.exit_code == 2 and message in result.output, result.output
        assert "Traceback" not in result.output
    assert not Path("results").exists() and not Path("mine").exists()


def test_a_table_without_the_target_column_is_named(cli, own_table):
    result = cli("run", "--table", str(own_table), "--target", "knd", "--quiet")
    assert result.exit_code == 2 and "did you mean 'kind'" in result.output


# Looking


def test_status_shows_every_arm_and_names_corrupt_records(cli):
    store = ResultStore("results/demo")
    store.plan([make_spec("default", fold=fold) for fold in (0, 1, 2)])
    store.write(make_record(make_spec("default")))
    store.write(make_failure(make_spec("default", fold=1)))
    broken = store.write(make_record(make_spec("scm")))
    broken.write_text("half")
    output = cli("status").output
    assert re.search(r"default +│ +3 │ +1 │ +1 │ +1", output)
    assert f"corrupt: {broken}: delete it and run again" in output
    assert cli("status", "demo").exit_code == 0


def test_status_of_an_unknown_study_lists_the_known_ones(cli):
    ResultStore("results/demo").plan([make_spec()])
    result = cli("status", "dmo")
    assert result.exit_code == 2 and "did you mean 'demo'" in result.output


def test_status_without_any_study_says_how_to_make_one(cli):
    assert "causalmix run --profile quick" in cli("status").output


def test_status_says_which_study_cannot_be_read_and_shows_the_others(cli):
    for name, manifest in (("a", "[]"), ("b", ""), ("c", "half")):
        store = ResultStore(f"results/{name}")
        store.plan([make_spec("scm", study=name)])
        if manifest:
            (store.root / "manifest.json").write_text(manifest)
    result = cli("status")
    assert result.exit_code == 1 and re.search(r"scm +│ +1 │ +0 │ +0 │ +1", result.output)
    for name in ("a", "c"):
        assert f"Error: results/{name}/manifest.json is corrupt" in result.output
        assert cli("status", name).exit_code == 2
    assert "Traceback" not in result.output


def test_a_file_where_a_folder_is_due_is_named(cli, tmp_path):
    Path("file").write_text("")
    for words in (
        ("run", "--profile", "smoke", "--results", "file", "--quiet"),
        ("pretrain", "--out", "file", "--steps", "1", "--quiet"),
        ("data", "check", "--datasets", "iris", "--out", "file/checked.csv"),
        ("data", "check", "--datasets", "diabetes", "--data", "file"),
        ("run", "--profile", "first-look", "--data", "file", "--quiet"),
    ):
        result = cli(*words)
        assert result.exit_code == 2 and "file" in result.output, (words, result.output)
        assert "a file, not a folder" in result.output or "on the way to it is a file" in result.output
        assert isinstance(result.exception, SystemExit)


def test_a_folder_where_a_file_is_due_is_named(cli):
    Path("folder.csv").mkdir()
    for words in (
        ("verdicts", "--file", "folder.csv"),
        ("data", "check", "--datasets", "iris", "--out", "folder.csv"),
        ("run", "--table", "folder.csv", "--target", "y", "--quiet"),
    ):
        result = cli(*words)
        assert result.exit_code == 2 and "folder.csv" in result.output, (words, result.output)
        assert "is a folder, not a file" in result.output
        assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    "words",
    [("run", "--profile", "smoke"), ("audit", "demo"), ("pretrain", "--out", "results/demo", "--steps", "1")],
    ids=lambda words: words[0],
)
def test_a_folder_that_cannot_be_written_to_is_named_before_any_run(cli, model, monkeypatch, words):
    store = ResultStore("results/demo")
    store.write(make_record(make_spec("zero_shot", model=model)))
    store.consolidate()

    def refuse(path, *arguments, **options):
        raise OSError(30, "Read-only file system", str(path))

    def never(*arguments, **options):
        raise AssertionError("work was begun")

    monkeypatch.setattr("causalmix.store.locked", refuse)
    monkeypatch.setattr("causalmix.audit.check_writable", refuse)
    monkeypatch.setattr("causalmix.pretraining.check_writable", refuse)
    for work in ("engine.run_all", "audit.run_in_processes", "pretraining.Pretrainer"):
        monkeypatch.setattr(f"causalmix.{work}", never)
    result = cli(*words, "--quiet")
    assert result.exit_code == 2, result.output
    assert re.search(r"Error: cannot read or write results/\S+: Read-only file system", result.output)


def test_a_study_of_another_protocol_is_refused(cli):
    store = ResultStore("results/quick")
    store.plan([make_spec()])
    path = store.root / "manifest.json"
    path.write_text(path.read_text().replace('"protocol_version": 1', '"protocol_version": 9'))
    for words in (("status", "quick"), ("run", "--profile", "quick", "--quiet")):
        result = cli(*words)
        assert result.exit_code == 2 and "protocol version 9" in result.output


def test_verdicts_are_printed_as_a_table(cli, tmp_path):
    verdict = Verdict(
        "04", "t", "It improves.", "empirical", "partly", "rule", value=0.12, interval=(0.1, 0.2)
    )
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps([verdict.to_dict()]))
    output = cli("verdicts", "--file", str(path)).output
    assert "It improves." in output and "partly" in output and "0.12 [0.1, 0.2]" in output
    for other in ([{"id": "04"}], ["04"], {"id": "04"}, 4):
        path.write_text(json.dumps(other))
        result = cli("verdicts", "--file", str(path))
        assert result.exit_code == 2 and "no list of verdicts" in result.output
    missing = cli("verdicts", "--file", "nowhere.json")
    assert missing.exit_code == 2 and "make book" in missing.output


def test_an_audit_of_an_unknown_study_lists_the_known_ones(cli):
    ResultStore("results/demo").plan([make_spec()])
    result = cli("audit", "dmo")
    assert result.exit_code == 2 and "did you mean 'demo'" in result.output


def test_data_list_shows_every_table_and_where_it_is(cli):
    output = cli("data", "list", "--data", ".").output
    assert re.search(r"bundled +│ iris", output) and "credit-g" in output


def test_data_check_verifies_tables_and_fails_on_bad_ones(cli):
    assert cli("data", "check", "--datasets", "iris,wine").exit_code == 0
    Path("diabetes.parquet").write_bytes(b"no parquet")
    bad = cli("data", "check", "--datasets", "diabetes", "--data", ".")
    assert bad.exit_code == 1 and "bad" in bad.output
    unknown = cli("data", "check", "--datasets", "irsi")
    assert unknown.exit_code == 2 and "irsi" in unknown.output


@pytest.mark.parametrize("names", ["", ",", " "])
@pytest.mark.parametrize("command", [("run",), ("generate",), ("data", "check")], ids=" ".join)
def test_an_empty_list_of_tables_is_refused_not_taken_for_all_of_them(cli, command, names):
    result = cli(*command, "--datasets", names)
    assert result.exit_code == 2 and "name at least one, or leave" in result.output
    assert not Path("results").exists()


def test_the_help_of_a_profile_counts_its_folds_as_it_has_them():
    words = {"three folds": 3, "five folds": 5}
    told = {name: words[word] for word in words for name, p in PROFILES.items() if word in p.description}
    assert told == {name: len(PROFILES[name].folds) for name in ("first-look", "paper-tabpfn")}


def test_nothing_of_a_table_is_cut_when_it_is_piped(cli):
    checked = cli("data", "check").output
    assert all(name in checked for suite in SUITES.values() for name in suite.datasets)
    assert "…" not in checked


def test_numbers_are_given_singly_and_as_ranges():
    assert parse_numbers("0, 3-5,4") == (0, 3, 4, 5)
    for wrong in ("a", "1-", "-3", "1.5"):
        with pytest.raises(SpecError, match="is not a number or a range"):
            parse_numbers(wrong)


def test_the_module_is_a_program_too(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "causalmix.cli", "--version"], capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stdout.startswith("causalmix ")


def test_a_table_shows_text_in_brackets_as_it_is(capsys):
    reason = "RuntimeError: [enforce fail at alloc_cpu.cpp:117] no memory for [/tmp/x]"
    print_table(pd.DataFrame({"reason": [reason]}))
    assert reason in capsys.readouterr().out
