from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest

from causalmix.data import SUITES, DataError, check_datasets, list_datasets, load_dataset, tabarena
from causalmix.data.files import UnreadableError
from causalmix.data.tabarena_tasks import TABARENA33, TASKS
from causalmix.planning import find_absent
from tests.openml_server import openml_with

NAME = "blood-transfusion-service-center"
TASK = TASKS[NAME]


def donors(n_rows: int = TASK.rows) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.integers(0, 50, (n_rows, TASK.features)), columns=list("abcd"))
    return table.assign(**{TASK.target: pd.Categorical(rng.choice(["0", "1"], n_rows))})


BAD_CSVS = {
    "row numbers": (lambda table: table.to_csv(), "first column has no name.*index=False"),
    "semicolons": (lambda table: table.to_csv(index=False, sep=";"), "separated by semicolons"),
    "no name for the rows": (lambda table: table.to_csv().removeprefix(","), "more fields than its header"),
    "a row cut off": (
        lambda table: table.to_csv(index=False)[:-3],
        "line 749: 4 fields.*header has 5",
    ),
    "labels read as missing": (
        lambda table: table.to_csv(index=False).replace(",0\n", ",None\n"),
        "holds 'None' in .* read as missing",
    ),
}


@pytest.fixture
def fetched(monkeypatch):
    """OpenML holds `donors()` under the task's number; the paths that it was asked for."""
    with openml_with(donors(), TASK.target, TASK.openml_dataset, monkeypatch) as asked:
        yield asked


@pytest.fixture
def offline(monkeypatch):
    def refuse(request):
        raise URLError("no route to host")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", refuse)
    monkeypatch.setattr("causalmix.data.availability.openml_is_reachable", lambda: False)


def test_33_tasks_of_38_have_at_most_100_features():
    assert len(TASKS) == 38 and len(TABARENA33) == 33
    assert {task.name for task in TASKS.values() if task.features > 100} == set(TASKS) - set(TABARENA33)
    assert (
        len({task.openml_dataset for task in TASKS.values()} | {t.openml_task for t in TASKS.values()}) == 76
    )


@pytest.mark.parametrize("place", [".", "tabarena", "tabarena_partial"])
def test_a_local_file_comes_first(tmp_path, offline, place):
    (tmp_path / place).mkdir(exist_ok=True)
    donors().to_parquet(tmp_path / place / f"{NAME}.parquet")
    ds = load_dataset(NAME, data_dir=tmp_path, cache_dir=tmp_path / "cache")
    assert ds.X.shape == (TASK.rows, TASK.features) and ds.notes == ()


def test_a_sibling_folder_of_partial_tables_is_found_and_noted(tmp_path, offline):
    for folder in ("tabarena", "tabarena_partial"):
        (tmp_path / folder).mkdir()
    donors(100).to_csv(tmp_path / "tabarena_partial" / f"{NAME}.csv", index=False)
    ds = load_dataset(NAME, data_dir=tmp_path / "tabarena", cache_dir=tmp_path / "cache")
    assert ds.notes == ("partial: 100 of 748 rows",)
    assert ds.y.cat.categories.tolist() == ["0", "1"]


def test_the_literal_level_nan_becomes_missing(tmp_path, offline):
    level = pd.Categorical(["x", "nan"] * (TASK.rows // 2))
    donors().assign(c=level).to_parquet(tmp_path / f"{NAME}.parquet")
    ds = load_dataset(NAME, data_dir=tmp_path, cache_dir=tmp_path / "cache")
    assert ds.X["c"].isna().sum() == TASK.rows // 2
    assert ds.notes == ("the level 'nan' is read as missing in 1 columns: c",)


def test_openml_is_asked_once_and_then_the_cache(tmp_path, fetched):
    first = load_dataset(NAME, cache_dir=tmp_path)
    second = load_dataset(NAME, cache_dir=tmp_path)
    assert fetched.count(f"/{TASK.openml_dataset}") == 1
    assert first.X.shape == (TASK.rows, TASK.features) and set(first.y) == {"0", "1"}
    assert first.fingerprint == second.fingerprint
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet", ".json", ".lock"}


def test_several_that_need_a_table_at_once_fetch_it_once(tmp_path, fetched):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: load_dataset(NAME, cache_dir=tmp_path), range(4)))
    assert fetched.count(f"/{TASK.openml_dataset}") == 1
    assert len({ds.fingerprint for ds in found}) == 1


def test_a_fetch_that_is_stopped_half_way_leaves_no_table(tmp_path, fetched, monkeypatch):
    def stop(handle):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", stop)
        with pytest.raises(KeyboardInterrupt):
            load_dataset(NAME, cache_dir=tmp_path)
    assert not list(tmp_path.glob("*.parquet")) and not list(tmp_path.glob("*.json"))
    assert load_dataset(NAME, cache_dir=tmp_path).X.shape == (TASK.rows, TASK.features)


@pytest.mark.parametrize("content", ["[]", '{"sha256": null}', "{}", '{"sha256": 5', "7"])
def test_a_damaged_checksum_beside_a_cached_table_is_refused(tmp_path, fetched, content):
    load_dataset(NAME, cache_dir=tmp_path)
    (tmp_path / f"{NAME}.json").write_text(content)
    with pytest.raises(DataError, match=rf"has changed since it was fetched.*delete it and {NAME}\.json"):
        load_dataset(NAME, cache_dir=tmp_path)


def test_a_changed_cache_file_is_refused(tmp_path, fetched):
    load_dataset(NAME, cache_dir=tmp_path)
    donors(700).to_parquet(tmp_path / f"{NAME}.parquet")
    with pytest.raises(DataError, match=r"has changed since it was fetched.*delete it"):
        load_dataset(NAME, cache_dir=tmp_path)
    checked = check_datasets(names=[NAME], cache_dir=tmp_path)
    assert checked["verdict"].iloc[0].startswith("bad: the cached table")


def test_without_internet_the_error_says_what_to_do(tmp_path, offline):
    message = rf"{TASK.openml_dataset}.*URLError.*no route to host.*--data or CAUSALMIX_DATA"
    with warnings.catch_warnings(), pytest.raises(UnreadableError, match=message):
        warnings.simplefilter("error")  # the error says it all
        load_dataset(NAME, cache_dir=tmp_path)


def test_a_data_folder_that_does_not_exist_is_a_fault_of_the_machine_and_named(tmp_path):
    with pytest.raises(UnreadableError, match=r"data folder .*nowhere does not exist"):
        load_dataset(NAME, data_dir=tmp_path / "nowhere")


@pytest.mark.parametrize("case", BAD_CSVS)
def test_a_csv_of_a_suite_is_checked_as_a_users_own_is(tmp_path, case):
    change, message = BAD_CSVS[case]
    sorted_by_class = donors().sort_values(TASK.target, ignore_index=True)
    (tmp_path / f"{NAME}.csv").write_text(change(sorted_by_class))
    with pytest.raises(DataError, match=rf"{NAME}\.csv.*{message}"):
        load_dataset(NAME, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row": range(TASK.rows)}, "has 5 features, TabArena has 4"),
        ({TASK.target: ["0", "1", "2", "3"] * (TASK.rows // 4)}, "has 4 classes, TabArena has 2"),
    ],
    ids=["features", "classes"],
)
def test_a_table_with_other_features_or_classes_than_tabarenas_is_refused(tmp_path, change, message):
    donors().assign(**change).to_parquet(tmp_path / f"{NAME}.parquet")
    with pytest.raises(DataError, match=f"{message}; it is not TabArena's table, replace the file"):
        load_dataset(NAME, data_dir=tmp_path)
    assert check_datasets(tmp_path, [NAME])["verdict"].iloc[0].startswith(f"bad: {NAME} from")


def test_labels_of_a_suites_table_that_differ_by_blanks_are_noted(tmp_path):
    task = TASKS["maternal_health_risk"]
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(task.rows, task.features))).add_prefix("x")
    labels = np.resize(["high", " high", "low"], task.rows)
    table.assign(**{task.target: labels}).to_csv(tmp_path / f"{task.name}.csv", index=False)
    (note,) = load_dataset(task.name, data_dir=tmp_path).notes
    assert "' high', 'high' differ only by the blanks" in note


def test_a_file_without_the_target_is_refused(tmp_path):
    donors().drop(columns=TASK.target).to_parquet(tmp_path / f"{NAME}.parquet")
    with pytest.raises(DataError, match=f"no column '{TASK.target}'"):
        load_dataset(NAME, data_dir=tmp_path)


def test_the_list_says_where_each_table_is(tmp_path, offline):
    donors(100).to_parquet(tmp_path / f"{NAME}.parquet")
    listed = list_datasets(tmp_path, cache_dir=tmp_path / "cache").set_index("name")
    assert sorted(listed.index) == sorted(name for suite in SUITES.values() for name in suite.datasets)
    assert listed.loc["iris", ["rows", "features", "classes", "available"]].tolist() == [150, 4, 3, "bundled"]
    assert listed.loc[NAME, ["openml_dataset", "available"]].tolist() == [TASK.openml_dataset, "partial"]
    assert listed.loc["diabetes", "available"] == "absent"


def test_tables_that_can_be_fetched_are_listed_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr("causalmix.data.availability.openml_is_reachable", lambda: True)
    assert set(list_datasets(cache_dir=tmp_path)["available"]) == {"bundled", "OpenML", "simulated"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ("www.openml.org", 443)),
        ({"https_proxy": "http://user:word@gate.example:3128/"}, ("gate.example", 3128)),
        ({"https_proxy": "gate.example:8080"}, ("gate.example", 8080)),
        ({"https_proxy": "http://gate.example:3128", "no_proxy": ".openml.org"}, ("www.openml.org", 443)),
        ({"http_proxy": "http://gate.example:3128"}, ("www.openml.org", 443)),
    ],
    ids=["no proxy", "proxy with a password", "proxy without a scheme", "exempt", "proxy of http only"],
)
def test_openml_is_looked_for_where_a_download_would_connect(monkeypatch, variables, expected):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    called = []
    monkeypatch.setattr(
        "socket.create_connection", lambda address, timeout: called.append(address) or nullcontext()
    )
    assert tabarena.openml_is_reachable() and called == [expected]


def test_openml_is_out_of_reach_behind_a_proxy_that_is_no_address(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://gate.example:port")
    monkeypatch.setenv("no_proxy", "")
    assert not tabarena.openml_is_reachable()


def test_only_the_tables_that_are_asked_for_are_looked_up(tmp_path, offline, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("nobody asked for this")

    monkeypatch.setattr("causalmix.data.availability.load_dataset", refuse)
    monkeypatch.setattr(tabarena, "default_cache_dir", lambda: tmp_path)
    assert find_absent({"iris", NAME, "scm-depth3-linear-low"}, tmp_path) == [NAME]
    monkeypatch.setattr("causalmix.data.availability.openml_is_reachable", refuse)
    donors().to_parquet(tmp_path / f"{NAME}.parquet")
    assert find_absent({"iris", NAME}, tmp_path) == []


def test_the_check_gives_a_verdict_per_table(tmp_path, offline):
    donors().to_parquet(tmp_path / f"{NAME}.parquet")
    donors(300).to_parquet(tmp_path / "diabetes.parquet")
    good = tabarena.sha256_of(tmp_path / f"{NAME}.parquet")
    pd.DataFrame({"name": [NAME], "parquet_sha256": [good]}).to_csv(tmp_path / "provenance.csv", index=False)
    checked = check_datasets(tmp_path, [NAME, "diabetes", "heloc", "iris"], tmp_path / "cache").set_index(
        "name"
    )
    assert checked.loc[NAME, ["shape", "checksum", "verdict"]].tolist() == ["as TabArena", "ok", "ok"]
    assert checked.loc["diabetes", "verdict"].startswith("bad: diabetes from")
    assert checked.loc["heloc", "verdict"] == "not here"
    assert checked.loc["iris", "verdict"] == "ok"


def test_the_check_sees_a_file_that_differs_from_its_provenance(tmp_path, offline):
    donors().to_parquet(tmp_path / f"{NAME}.parquet")
    pd.DataFrame({"name": [NAME], "parquet_sha256": ["0" * 64]}).to_csv(
        tmp_path / "provenance.csv", index=False
    )
    checked = check_datasets(tmp_path, [NAME])
    assert checked["checksum"].tolist() == ["differs"] and checked["verdict"].iloc[0].startswith("bad")


def test_the_check_refuses_an_unknown_name(tmp_path, offline):
    with pytest.raises(DataError, match="no dataset 'heloq'"):
        check_datasets(tmp_path, ["heloq"])


def test_the_real_tables_are_sound(data_dir):
    checked = check_datasets(data_dir)
    here = checked[checked["verdict"] != "not here"]
    assert set(here["verdict"]) <= {"ok", "partial"}
    assert here["fingerprint"].is_unique
