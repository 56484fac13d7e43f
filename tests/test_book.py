"""The book: what is executed, what is refused, what the built pages are like in a real browser."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import platform
import re
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from bs4 import BeautifulSoup

from causalmix.book import controls_text
from causalmix.book.build import build
from causalmix.book.claims_text import QUANTITIES, read_claims, rules_commit
from causalmix.book.crate import METADATA
from causalmix.book.depth_records_text import later_rules
from causalmix.book.depth_text import depth_answer, depth_caution, depth_snippets
from causalmix.book.depth_views_text import (
    agreement_text,
    isolation_text,
    known_text,
    within_text,
)
from causalmix.book.execute import RECORD, Job, check_parameters, execute, execute_all, package_checksum
from causalmix.book.models_text import learning_rates, main_model, model_scores, run_speed
from causalmix.book.pdf import FLAGS
from causalmix.book.study import Study, choose_study, open_study, recorded_studies
from causalmix.book.study_text import failures_text
from causalmix.book.text import count, number
from causalmix.book.workspace import BookError, Workspace
from causalmix.controls import load_rule
from causalmix.depth_known import DISCOVERED, RANDOM
from causalmix.depth_known_rule import load_rule as load_known_rule
from causalmix.depth_models_rules import CONTROLS_RULE_FILE, REGRET_RULE_FILE, RULE_FILE
from causalmix.depth_models_rules import load_rule as load_models_rule
from causalmix.depth_tests import PRIMARY_MEASURE
from causalmix.stability import STABILITY_MEASURES, name_measure
from causalmix.verdicts import Verdict
from tests.benchmark_scripts import load_benchmark
from tests.book_checkout import ROOT, make_checkout, make_study, set_url, write_notebook
from tests.recorded import CONTROL_LIFTS, KNOWN_LIFTS
from tests.recorded import make_study as make_recorded

pytestmark = pytest.mark.slow

FIGURE = """
import matplotlib.pyplot as plt
import pandas as pd
from causalmix.claims import decide, load_claims
from causalmix.notebook import open_study, publish
view = open_study(study)
fig, ax = plt.subplots()
ax.plot([0, 1])
publish("claim_05_tiny", fig, pd.DataFrame({"x": [0, 1]}), out=out, provenance=view.provenance(),
        verdict=decide(load_claims()["05"], view))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in a folder with a space in its name, with its book built once."""
    root = make_checkout(tmp_path_factory.mktemp("a checkout"), {"claim_05_tiny": FIGURE})
    build(root)
    return root


@pytest.fixture(scope="module")
def html(checkout: Path) -> Path:
    return checkout / "_build" / "html"


def pages(html: Path) -> list[Path]:
    return sorted(path for path in html.rglob("*.html") if "_static" not in path.parts)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_every_claim_has_a_row_in_the_verdict_table(html: Path) -> None:
    page = BeautifulSoup((html / "book" / "index.html").read_text(), "html.parser")
    rows = page.select("table.cm-verdicts tbody tr")
    assert [row.find("td").get_text(strip=True) for row in rows] == [f"{n:02d}" for n in range(1, 20)]
    assert all(row.select_one(".cm-verdict") for row in rows)


def test_every_claim_has_a_name_for_what_it_finds() -> None:
    kinds = {claim["estimand"]["kind"] for claim in read_claims(ROOT / "notebooks" / "claims.yml")}
    assert kinds == QUANTITIES.keys()


def test_the_answer_to_the_open_question_comes_from_its_verdict() -> None:
    claim = next(c for c in read_claims(ROOT / "notebooks" / "claims.yml") if c["kind"] == "exploratory")
    given = {name: claim[name] for name in ("id", "title", "sentence", "kind")}
    untested = Verdict(**given, verdict="not tested", rule="r", reason="no runs of the dial")
    assert "not recorded here: no runs of the dial" in depth_answer(claim, untested)
    tested = Verdict(
        **given, verdict="reproduced", label="an association", rule="r", value=-0.31, interval=(-0.5, -0.1),
        model="m", n_runs=70, n_datasets=9,
        quantities={"p_value": 0.002, "sign_flip_p": 0.04, "n_repeated": 3.0, "n_blocks": 18.0},
    )  # fmt: skip
    answer = depth_answer(claim, tested)
    for part in (
        "[an association]",
        "9 tables",
        "70 runs",
        "−0.31 [−0.50, −0.10]",
        "p 0.002, sign-flip p over tables 0.04",
    ):
        assert part in answer
    caution = depth_caution(tested)
    assert "in 3 of 18 blocks" in caution and "sign-flip p 0.04" in caution and depth_caution(untested) == ""
    assert "of 0.20 or more, the size fixed beforehand as relevant, is excluded above zero and not" in answer


@pytest.mark.parametrize(
    ("verdict", "p_value", "interval", "words"),
    [
        ("partly", 0.3, (-0.3, 0.3), ["Nothing was found", "excluded neither above nor below zero"]),
        ("partly", 0.01, (-0.3, -0.1), ["a trace of an association", "excluded above zero and not below"]),
        ("not reproduced", 0.3, (-0.1, 0.1), ["Nothing of relevant size", "excluded in either direction"]),
        ("reproduced", 0.01, (-0.6, -0.3), ["An association of relevant size was found"]),
    ],
)
def test_the_answer_says_plainly_what_was_found_and_what_is_excluded(
    verdict, p_value, interval, words
) -> None:
    claim = next(c for c in read_claims(ROOT / "notebooks" / "claims.yml") if c["kind"] == "exploratory")
    given = {name: claim[name] for name in ("id", "title", "sentence", "kind")}
    found = Verdict(**given, verdict=verdict, rule="r", value=sum(interval) / 2, interval=interval,
                    quantities={"p_value": p_value})  # fmt: skip
    answer = depth_answer(claim, found)
    assert all(part in answer for part in words)


def test_a_mixed_model_that_did_not_converge_is_named() -> None:
    row = {"effect": 0.1, "lower": 0.0, "upper": 0.2, "n": 90}
    measures = {"depth": [*STABILITY_MEASURES], "depth_within": [*STABILITY_MEASURES][:-1]}
    rows = [{"term": term, "measure": name, **row} for term, names in measures.items() for name in names]
    text = within_text(pd.DataFrame(rows))
    assert f"The models of *{name_measure([*STABILITY_MEASURES][-1])}* centred did not converge" in text
    assert "did not converge" not in within_text(pd.DataFrame(rows[: len(STABILITY_MEASURES)]))


def test_how_the_measures_go_together_is_said_of_the_one_that_decides_and_of_the_closest_two() -> None:
    rhos = {("tail_volatility", "steps_to_best"): 0.1, ("tail_volatility", "early_stopping_regret"): -0.2}
    rhos[("steps_to_best", "early_stopping_regret")] = 0.7
    pairs = [(*pair, rho) for (a, b), rho in rhos.items() for pair in ((a, b), (b, a))]
    pairs += [(name, name, 1.0) for name in ("tail_volatility", "steps_to_best", "early_stopping_regret")]
    frame = pd.DataFrame(pairs, columns=["first", "second", "rho"]).assign(lower=-0.5, upper=0.9)
    text = agreement_text(frame)
    assert (
        "*tail volatility*, the measure of the verdict, with the other measures of a run lie between −0.2"
        in text
    )
    assert "and 0.10." in text and "0.70 [−0.50, 0.90]" in text
    assert "*early-stopping regret* and *steps to best*" in text


@pytest.mark.parametrize(
    ("upper", "p_value", "disagree"),
    [(0.03, 0.017, True), (-0.03, 0.017, False), (0.03, 0.2, False), (-0.03, 0.2, True)],
)
def test_where_interval_and_p_disagree_nothing_is_concluded_about_isolated_targets(
    upper, p_value, disagree
) -> None:
    found = {"correlation": -0.1, "lower": -0.4, "upper": 0.3, "size_correlation": -0.4, "size_lower": -0.7}
    tables = pd.DataFrame({"n_dags": [1000, 500], "n_isolated": [100, 110], "share": [0.1, 0.22]})
    text = isolation_text(tables.assign(**found, size_upper=upper, size_p_value=p_value))
    assert text.startswith("In 14 % of 1,500 uncut graphs") and "10 % to 22 % of the graphs" in text
    assert ("nothing is concluded" in text) == disagree


def test_of_the_true_graphs_comparisons_the_clear_ones_are_named_or_the_one_with_the_smallest_p() -> None:
    ends = {"difference_lower": -1.0, "difference_upper": 2.0, "n": 48}
    rows = [
        {"baseline": baseline, "outcome": outcome, "difference": 0.5, "p_value": p, "p_holm": 6 * p, **ends}
        for baseline, ps in ((DISCOVERED, (0.5, 0.6, 0.7)), (RANDOM, (0.4, 0.3, 0.01)))
        for outcome, p in zip((PRIMARY_MEASURE, "score", "steps_to_best"), ps, strict=True)
    ]
    text = known_text(pd.DataFrame(rows))
    assert text.endswith(
        "that of *steps to best* against random graphs, +0.5 [−1, +2] (p 0.01, adjusted 0.06)."
    )
    rows[-1]["p_holm"], rows[-2]["p_holm"] = 0.03, 0.04
    text = known_text(pd.DataFrame(rows))
    assert "2 of 6 comparisons differ from zero at 0.05: *steps to best* against random graphs" in text
    assert "adjusted 0.03) and *the score* against random graphs, +0.5" in text


def test_the_texts_on_depth_say_so_where_no_notebook_published_a_table() -> None:
    claim = next(c for c in read_claims(ROOT / "notebooks" / "claims.yml") if c["kind"] == "exploratory")
    given = {name: claim[name] for name in ("id", "title", "sentence", "kind")}
    untested = Verdict(**given, verdict="not tested", rule="r", reason="no runs")
    texts = depth_snippets(claim, untested, [], [], Path("absent"))
    about = ("questions", "within", "known", "agreement", "recovered", "isolated", "scarcity")
    assert all("not recorded here" in texts[f"depth_{name}"] for name in about)


def test_the_commit_of_the_rules_is_named_where_there_is_a_history(tmp_path: Path) -> None:
    path = tmp_path / "claims.yml"
    path.write_text("claims: []\n")
    assert "no history" in rules_commit(path, [])
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "rules"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    commit = subprocess.check_output(["git", "log", "-1", "--format=%h"], cwd=tmp_path, text=True).strip()
    assert commit in rules_commit(path, [])


def test_without_git_the_date_of_the_rules_is_not_shown(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no history" in rules_commit(ROOT / "notebooks" / "claims.yml", [])


def test_whether_the_rules_precede_the_runs_is_read_off_the_history(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        author = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.check_output(["git", *author, *arguments], cwd=tmp_path, text=True).strip()

    def says(*revisions: str) -> str:
        study = Study(tmp_path / "demo", {"revisions": dict.fromkeys(revisions, 1)}, pd.DataFrame())
        return rules_commit(tmp_path / "claims.yml", [study])

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "before")
    before = git("rev-parse", "HEAD")[:12]
    (tmp_path / "claims.yml").write_text("claims: []\n")
    git("add", ".")
    git("commit", "-q", "-m", "rules")
    git("commit", "-q", "--allow-empty", "-m", "after")
    after = git("rev-parse", "HEAD")[:12]
    assert says(after).endswith("The code that made the recorded runs (`demo`) contains that commit.")
    assert f"({before[:7]} of" in says(before, after) and "does not contain that commit" in says(
        before, after
    )
    assert "`0123456789ab`" in says("0123456789ab") and "not in this checkout" in says("0123456789ab")


def test_each_later_rule_is_dated_against_the_runs_that_it_judges(tmp_path: Path) -> None:
    lifts = {"causalmix@depth=full": 0.0, "causalmix@depth=0": 0.0, "causalmix@edges=0": 0.0}
    make_recorded(tmp_path / "depth-tabpfn", datasets=("a", "b"), n_folds=5, lifts=lifts)
    make_recorded(tmp_path / "depth-known", datasets=("a", "b"), lifts=KNOWN_LIFTS)
    texts = later_rules([open_study(tmp_path / name) for name in ("depth-known", "depth-tabpfn")])
    about = {
        "depth_models_rule": (RULE_FILE, 12),
        "depth_models_controls_rule": (CONTROLS_RULE_FILE, 6),
        "depth_regret_rule": (REGRET_RULE_FILE, 12),  # folds 3 and 4 alone, the dial and its controls
    }
    for name, (file, n_runs) in about.items():
        assert load_models_rule(file).rule in texts[name]
        assert f"The code that made {n_runs} of the {n_runs} runs of `depth-tabpfn`" in texts[name]
    assert load_known_rule().rule in texts["depth_known_rule"]  # folds 1 and 2 on the true graphs
    assert "The code that made 4 of the 4 runs of `depth-known`" in texts["depth_known_rule"]


def test_failures_of_all_studies_are_listed_by_generator(tmp_path: Path) -> None:
    failed = open_study(make_study(tmp_path / "paper"))
    clean = open_study(make_recorded(tmp_path / "controls", n_folds=1).root)
    text = failures_text([failed, clean])
    assert "`paper`" in text and "causal" in text and "churn" in text and "class 'a' has one row" in text
    assert "1 of 4" in text and "No run failed in the study `controls` (24 runs)." in text
    assert "list-table" not in failures_text([clean])


def test_the_chapter_on_controls_states_its_rule_with_and_without_runs(tmp_path: Path) -> None:
    absent = controls_text.snippets([])
    assert "`bootstrap_mix`" in absent["controls_rule"] and load_rule().rule in absent["controls_rule"]
    assert "not recorded here" in absent["controls_study"] and absent["controls_arms"] == ""
    study = open_study(make_recorded(tmp_path / "controls", lifts=CONTROL_LIFTS, n_folds=1).root)
    there = controls_text.snippets([study])
    assert study.hash in there["controls_study"] and "`random_dag_mix`" in there["controls_arms"]
    assert (
        "over 6 tables and 6 pairs of runs the mean lead of `causalmix` over `default` is +0."
        in there["controls_main"]
    )
    command = (
        "`causalmix run --profile controls --datasets table0,table1,table2,table3,table4,table5 --folds 0`"
    )
    assert f"{command}: 48 of the 1,386 runs of that profile" in there["controls_study"]


def test_chapters_know_every_recorded_study_the_shown_one_first(workspace: Workspace) -> None:
    shown = open_study(make_study(workspace.results / "paper"))
    make_study(workspace.results / "controls")
    (workspace.results / "zero-shot").mkdir()
    assert [study.name for study in recorded_studies(workspace, shown)] == ["paper", "controls"]


def test_the_models_scores_come_from_the_benchmarks_record(tmp_path: Path) -> None:
    assert "not recorded here" in model_scores(tmp_path)
    methods = {"mine": (0.8, 1.0), "mine x4": (0.812, 3.0), "random forest": (0.809, 0.2)}
    rows = [
        {
            "suite": suite,
            "n_rows": 256,
            "dataset": name,
            "fold": 0,
            "method": method,
            "roc_auc": auc,
            "seconds": cost,
        }
        for suite, names in {"tabarena33": "ab", "graph_scm": "cde"}.items()
        for name in names
        for method, (auc, cost) in methods.items()
    ]
    scores = pd.DataFrame(rows).assign(log_loss=0.4, revision="abc")
    scores.to_csv(tmp_path / "scores.csv", index=False)
    means = scores.groupby(["suite", "n_rows", "method"])[["roc_auc", "log_loss", "seconds"]].mean()
    means.reset_index().to_csv(tmp_path / "summary.csv", index=False)
    text = model_scores(tmp_path)
    assert "  - 0.800\n" in text and "  - 0.809\n" in text  # as many decimals in the whole column
    assert "0.812" in text and "2 tables of the benchmark" in text and "3 tasks held out" in text
    assert "with 256 training rows that of `mine x4` by +0.003" in text
    assert "`mine` by +0.012" in text and "with 4 views (3.0 times as long)." in text
    elsewhere = scores["revision"].where(scores["method"] != "mine", "def")
    scores.assign(revision=elsewhere).to_csv(tmp_path / "scores.csv", index=False)
    apart = model_scores(tmp_path)
    assert "with 4 views." in apart and "How much longer" not in apart  # nothing is said of how long it takes
    third = scores[scores["method"] == "mine x4"].assign(method="mine x16", revision="abc")
    both = pd.concat([scores.assign(revision="abc"), third.assign(revision="def")])
    both.to_csv(tmp_path / "scores.csv", index=False)
    assert "(3.0 times as long)" in model_scores(tmp_path) and "How much longer" in model_scores(tmp_path)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01234, "0.0123"),
        (0.0014, "0.0014"),
        (-0.00123456, "−0.00123"),
        (0.0999999, "0.10"),
        (0.5, "0.50"),
        (12.3456, "12.35"),
        (1234.5678, "1,235"),
        (12345.6, "12,346"),
        (-1234567.8, "−1,234,568"),
        (-0.0, "0"),
        (2310, "2,310"),
        (0.00001234, "1.23e−05"),
    ],
)
def test_a_number_keeps_three_digits_and_large_ones_are_written_out(value: float, text: str) -> None:
    assert number(value) == text


def test_a_method_that_was_measured_on_fewer_cases_is_left_out_of_the_comparison(tmp_path: Path) -> None:
    cases = [("mine", "a"), ("mine", "b"), ("theirs", "a"), ("theirs", "b"), ("new", "a")]
    scores = pd.DataFrame(cases, columns=["method", "dataset"]).assign(
        suite="tabarena33", n_rows=256, fold=0, roc_auc=0.8, log_loss=0.4, seconds=1.0, revision="abc"
    )
    summary = load_benchmark("zero_shot").summarise(scores)
    assert summary["method"].tolist() == ["mine", "theirs"]
    scores.to_csv(tmp_path / "scores.csv", index=False)
    summary.to_csv(tmp_path / "summary.csv", index=False)
    text = model_scores(tmp_path)
    assert "Cases" in text and "* - new" not in text
    assert "Left out" in text and "new (1 of 2 cases of tabarena33 with 256 rows)" in text


def test_the_recorded_means_of_the_models_follow_from_their_scores() -> None:
    folder = ROOT / "results" / "zero-shot"
    summary = load_benchmark("zero_shot").summarise(pd.read_csv(folder / "scores.csv"))
    text = summary.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    assert text == (folder / "summary.csv").read_text()


def test_what_a_run_takes_comes_from_the_benchmarks_record(tmp_path: Path) -> None:
    assert "Not recorded here" in run_speed(tmp_path)
    floor = {"table": ["a"], "features": 8, "seconds": 6.0, "floor_s": 3.0, "ratio": 2.0, "memory_gb": 0.5}
    pd.DataFrame(floor).assign(machine="a processor").to_csv(tmp_path / "floor.csv", index=False)
    assert "a processor" in run_speed(tmp_path) and "AutoGluon" not in run_speed(tmp_path)
    peer = {"ours_per_s": [1.0, 2.0], "autogluon_per_s": [0.1, 0.25], "ours_auc": 0.8, "autogluon_auc": 0.7}
    pd.DataFrame(peer).to_csv(tmp_path / "autogluon.csv", index=False)
    assert "takes 8.0 to 10.0 times as long" in run_speed(tmp_path)
    assert "with ours 0.800 (2 tables, one run each: no interval)." in run_speed(tmp_path)


def test_the_chapter_says_what_the_studys_model_was_trained_on_and_how_it_scores(tmp_path: Path) -> None:
    study = open_study(make_study(tmp_path / "paper"))
    other = {**study.manifest, "models": {"tabpfn-v1": 1}}
    assert main_model(replace(study, manifest=other), tmp_path) == ""  # a model without a card
    runs = study.runs.assign(n_features=25)
    study = replace(study, runs=runs)
    n_tables = runs["dataset"].nunique()
    text = main_model(study, tmp_path)
    assert "at most 24 features and 400 rows" in text and "random forest" not in text
    assert f": {n_tables} of the {count(n_tables, 'table')} of the study are wider." in text
    rows = [
        {"suite": "tabarena33", "n_rows": 256, "dataset": name, "fold": 0, "method": method, "roc_auc": auc}
        for name in "ab"
        for method, auc in {"embedded-mini": 0.7, "embedded-mini-2": 0.75, "embedded-mini-3": 0.6}.items()
    ]
    rows += [{**row, "method": "random forest", "roc_auc": 0.72} for row in rows[::3]]
    pd.DataFrame(rows).to_csv(tmp_path / "scores.csv", index=False)
    text = main_model(replace(study, runs=runs.assign(n_features=24)), tmp_path)
    assert ": 0 of the" in text and "by −0.020 [−0.020, −0.020] with 256 training rows." in text
    assert text.endswith("`embedded-mini-2` scores higher.")


def test_the_learning_rates_come_from_the_benchmarks_record(tmp_path: Path) -> None:
    assert "not recorded here" in learning_rates(tmp_path)
    tried = {("mine", 1e-3): 0.75, ("mine", 3e-6): 0.71, ("other", 1e-5): 0.8, ("other", 1e-4): 0.6}
    rows = [
        {
            "model": model,
            "learning_rate": rate,
            "dataset": name,
            "zero_shot_auc": 0.7,
            "test_auc": auc + shift,
        }
        for (model, rate), auc in tried.items()
        for name, shift in (("a", -0.01), ("b", 0.01))
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "learning_rates.csv", index=False)
    text = learning_rates(tmp_path)
    assert "3e-06" in text and "0.71" in text and "2 simulated tables" in text
    assert "The best rate is 0.001 for `mine` and 1e-05 for `other`, the smallest tried." in text
    assert text.count("(used)") == 1 and "0.001 (used)" in text


def test_verdicts_json_follows_the_schema_that_is_published_with_it(html: Path) -> None:
    import jsonschema

    schema = json.loads((html / "downloads" / "verdicts.schema.json").read_text())
    verdicts = json.loads((html / "downloads" / "verdicts.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(verdicts, schema)
    with pytest.raises(jsonschema.ValidationError, match="'perhaps' is not one of"):
        jsonschema.validate([{**verdicts[0], "verdict": "perhaps"}], schema)
    decided = {v["id"]: v["verdict"] for v in verdicts}
    assert len(decided) == 19 and decided["06"] == "not tested"


def test_a_report_of_questions_and_answers_follows_from_the_verdicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "book" / "downloads.md").read_text(), re.M | re.S)
    verdicts = [
        Verdict("04", "It improves", "s", "empirical", "partly", "rule", value=0.02),
        Verdict("05", "It too", "s", "empirical", "not tested", "rule", reason="no runs"),
        Verdict("19", "Does it?", "s", "exploratory", "partly", "rule", label="undecided"),
    ]
    (tmp_path / "verdicts.json").write_text(json.dumps([verdict.to_dict() for verdict in verdicts]))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "downloads.md", "exec"), {})
    assert json.loads((tmp_path / "report.json").read_text()) == {
        "Claim 04 (It improves): report the verdict.": "partly",
        "Claim 04 (It improves): report the estimate.": 0.02,
        "Claim 05 (It too): report the verdict.": "not tested",
        "Claim 19 (Does it?): report the verdict.": "undecided",
    }


def test_the_downloads_are_a_research_object_whose_files_are_all_there(html: Path) -> None:
    root = html / "downloads"
    crate = json.loads((root / METADATA).read_text())
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    assert len(entities) == len(crate["@graph"]), "two entities have one id"
    assert entities[METADATA]["about"] == {"@id": "./"}
    assert {"name", "description", "datePublished", "license", "hasPart"} <= set(entities["./"])
    files = {name: entity for name, entity in entities.items() if entity["@type"] == "File"}
    for name, entity in files.items():
        content = (root / name).read_bytes()
        assert entity["contentSize"] == str(len(content))
        assert entity["sha256"] == hashlib.sha256(content).hexdigest()
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert set(files) == there - {METADATA}
    parts = [entity for entity in entities.values() if entity["@type"] == "Dataset"]
    assert {part["@id"] for entity in parts for part in entity["hasPart"]} == {*files, "paper/"}
    references = re.findall(r'\{"@id": "([^"]*)"\}', json.dumps(crate))
    assert {ref for ref in references if "w3id.org" not in ref} <= set(entities)


def test_every_output_that_codecheck_lists_is_there(checkout: Path) -> None:
    manifest = yaml.safe_load((ROOT / "codecheck.yml").read_text())["manifest"]
    assert manifest and all((checkout / entry["file"]).is_file() for entry in manifest)


def test_the_notebooks_for_download_are_the_committed_and_the_executed_ones(html: Path) -> None:
    with zipfile.ZipFile(html / "downloads" / "notebooks-sources.zip") as archive:
        assert archive.namelist() == ["notebooks/claim_05_tiny.ipynb", "notebooks/claims.yml"]
        assert '"outputs": []' in archive.read("notebooks/claim_05_tiny.ipynb").decode()
    with zipfile.ZipFile(html / "downloads" / "notebooks-executed.zip") as archive:
        executed = archive.read("notebooks/claim_05_tiny.ipynb").decode()
        links = re.findall(r"\((files/[^)]*)\)", executed)
        assert "image/png" in executed and len(links) == 3
        assert {f"notebooks/{link}" for link in links} <= set(archive.namelist())


def test_every_column_of_the_stores_has_its_meaning_in_the_book(html: Path) -> None:
    page = BeautifulSoup((html / "book" / "downloads.html").read_text(), "html.parser")
    rows = [[cell.get_text(strip=True) for cell in row.select("td")] for row in page.select("tbody tr")]
    explained = {row[0] for row in rows if len(row) == 3 and len(row[2]) > 3}
    for table in ("runs", "trajectories", "graphs"):
        names = pq.read_schema(html / "downloads" / "paper" / f"{table}.parquet").names
        assert set(names) <= explained


def test_the_status_page_says_when_where_and_how_long_and_is_in_the_sidebar(html: Path) -> None:
    page = BeautifulSoup((html / "book" / "status.html").read_text(), "html.parser")
    (row,) = page.select("table.cm-status tbody tr")
    name, outcome, seconds, when, machine = (cell.get_text(strip=True) for cell in row.select("td"))
    assert (name, machine) == ("claim_05_tiny", "1") and outcome
    assert float(seconds) > 0 and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", when)
    assert f"Python {platform.python_version()}" in page.get_text()
    index = BeautifulSoup((html / "book" / "index.html").read_text(), "html.parser")
    sidebar = {Path(link["href"]).stem for link in index.select(".bd-sidebar-primary a[href]")}
    assert {"status", "audit", "downloads", "papermill"} <= sidebar


def test_a_study_without_an_audit_says_so(html: Path) -> None:
    assert "No recorded run has been made again yet" in (html / "book" / "audit.html").read_text()


def test_every_image_has_an_alternative_text(html: Path) -> None:
    images = [
        (page.name, image)
        for page in pages(html)
        for image in BeautifulSoup(page.read_text(), "html.parser")("img")
    ]
    assert len(images) > len(pages(html))
    assert not [(name, image["src"]) for name, image in images if len(image.get("alt", "")) < 5]


def test_a_figure_has_its_data_for_download_and_a_line_of_provenance(html: Path) -> None:
    text = (html / "notebooks" / "claim_05_tiny.html").read_text()
    page = BeautifulSoup(text, "html.parser")
    links = {link.get_text(strip=True): link["href"] for link in page.select("a.download")}
    assert {"CSV", "SVG", "PNG"} <= set(links)
    csv = (html / "notebooks" / links["CSV"]).resolve()
    assert csv.read_text().splitlines() == ["x", "0", "1"]
    assert "Study paper" in page.get_text() and "store" in page.get_text()


def test_no_link_of_any_page_is_broken_and_no_image_missing(html: Path) -> None:
    anchors = {
        page: {tag["id"] for tag in BeautifulSoup(page.read_text(), "html.parser").select("[id]")}
        for page in pages(html)
    }
    broken = []
    for page in pages(html):
        soup = BeautifulSoup(page.read_text(), "html.parser")
        for tag, name in (*((a, "href") for a in soup.select("a[href]")), *((i, "src") for i in soup("img"))):
            target, anchor = urldefrag(tag[name])
            if re.match(r"[a-z]+:", target):
                continue
            path = (page.parent / unquote(target).split("?")[0]).resolve() if target else page
            if not path.exists() or (anchor and path in anchors and anchor not in anchors[path]):
                broken.append(f"{page.name}: {tag[name]}")
    assert not broken


def test_a_second_build_changes_no_page(checkout: Path, html: Path, capsys: pytest.CaptureFixture) -> None:
    before = {path: path.stat().st_mtime_ns for path in pages(html)}
    build(checkout)
    assert {path: path.stat().st_mtime_ns for path in pages(html)} == before
    assert "the pages are up to date" in capsys.readouterr().out


def test_an_unknown_parameter_is_refused_before_anything_runs(workspace: Workspace) -> None:
    notebook = write_notebook(workspace.notebooks / "fig_x.ipynb", "raise SystemExit('it ran')")
    with pytest.raises(BookError, match=r"unknown parameter 'stuudy'\. Did you mean 'study'"):
        execute_all(workspace, [Job(notebook, {"stuudy": "x"})], depends_on="")
    assert not workspace.executed.exists()


def test_a_notebook_without_a_parameters_cell_is_refused(workspace: Workspace) -> None:
    notebook = write_notebook(workspace.notebooks / "fig_x.ipynb", "1")
    notebook.write_text(notebook.read_text().replace('"parameters"', '"other"'))
    with pytest.raises(BookError, match="no cell is tagged"):
        check_parameters(Job(notebook))


@pytest.mark.parametrize("code", ["raise ValueError('no such column')", "import os; os._exit(9)"])
def test_a_failed_or_killed_notebook_is_named_and_not_published(workspace: Workspace, code: str) -> None:
    notebook = write_notebook(workspace.notebooks / "fig_bad.ipynb", code)
    with pytest.raises(BookError, match=r"fig_bad\.ipynb: papermill ended with exit code"):
        execute_all(workspace, [Job(notebook)], depends_on="")
    assert not list(workspace.executed.glob(f"*/{RECORD}"))


def test_a_notebook_runs_again_only_when_something_it_depends_on_changed(workspace: Workspace) -> None:
    notebook = write_notebook(workspace.notebooks / "fig_x.ipynb", "1")
    assert not execute(workspace, Job(notebook), "a").cached
    assert execute(workspace, Job(notebook), "a").cached
    assert not execute(workspace, Job(notebook), "b").cached
    assert not execute(workspace, Job(notebook, {"study": "y"}), "a").cached


@pytest.mark.parametrize("name", ["constraints.txt", "notebooks/claims.yml"])
def test_other_rules_or_versions_of_what_draws_make_another_checksum(workspace: Workspace, name: str) -> None:
    path = workspace.root / name
    path.parent.mkdir(exist_ok=True)
    checksums = [package_checksum(workspace)]
    for text in ("matplotlib==3.10.7", "matplotlib==3.10.8"):
        path.write_text(text)
        checksums.append(package_checksum(workspace))
    assert len(set(checksums)) == 3
    path.write_text("matplotlib==3.10.7")
    assert package_checksum(workspace) == checksums[1]


def test_the_most_complete_recorded_study_is_shown_unless_one_is_named(workspace: Workspace) -> None:
    assert choose_study(workspace) is None
    for name in ("quick", "paper"):
        make_study(workspace.results / name)
    assert choose_study(workspace) == workspace.results / "paper"
    assert choose_study(workspace, "results/quick") == workspace.results / "quick"
    with pytest.raises(BookError, match=r"results/ holds paper, quick"):
        choose_study(workspace, "papper")


def test_a_notebook_that_the_table_of_contents_lacks_ends_the_build(tmp_path: Path) -> None:
    root = make_checkout(tmp_path, {})
    write_notebook(root / "notebooks" / "fig_forgotten.ipynb", "1")
    with pytest.raises(BookError, match="no entry for notebooks/fig_forgotten"):
        build(root)


def test_without_a_public_repository_nothing_is_launched(html: Path) -> None:
    page = (html / "notebooks" / "claim_05_tiny.html").read_text()
    assert "launch-buttons" not in page and "mybinder.org" not in page
    assert "`repository.url`" not in (html / "book" / "reproduce.html").read_text()
    assert "no launch buttons" in (html / "book" / "reproduce.html").read_text()


@pytest.fixture(scope="module")
def site(html: Path) -> Iterator[str]:
    """The built pages on a port of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(html)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """A real headless Chromium."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in FLAGS:
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chromium = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    chromium.get("about:blank")
    chromium.get_log("performance")
    yield chromium
    chromium.quit()


def requested_urls(browser) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [m["params"]["request"]["url"] for m in sent]


def asks_a_host(url: str) -> bool:
    """Whether a request leaves the browser; Chromium's own pages (chrome:) and inline data do not."""
    return not url.startswith(("data:", "blob:", "about:", "chrome:", "chrome-extension:"))


def resize(browser, width: int) -> None:
    """Give the page this width in CSS pixels; a window cannot be as narrow as a phone."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@pytest.mark.browser
def test_no_page_logs_an_error_asks_another_host_lacks_an_image_or_overflows_a_phone(
    browser, site: str, html: Path
) -> None:
    resize(browser, 380)
    for page in pages(html):
        browser.get(urljoin(site, page.relative_to(html).as_posix()))
        errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
        assert not [text for text in errors if "THEBE_JS_URL" not in text], page
        foreign = [url for url in requested_urls(browser) if asks_a_host(url) and not url.startswith(site)]
        assert not foreign, page
        missing, overflow = browser.execute_script(
            "const root = document.documentElement;"
            "return [[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),"
            " root.scrollWidth - root.clientWidth];"
        )
        assert not missing, page
        assert overflow <= 1, page


@pytest.mark.browser
@pytest.mark.parametrize("width", [380, 1400])
def test_the_sidebar_can_be_hidden_and_shown(browser, site: str, width: int) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    resize(browser, width)
    browser.get(urljoin(site, "book/index.html"))

    def on_screen() -> bool:
        box = browser.execute_script(
            "const b = document.querySelector('.bd-sidebar-primary').getBoundingClientRect();"
            "return [b.left, b.right];"
        )
        return box[1] > 10 and box[0] > -10

    before = on_screen()
    buttons = browser.find_elements(By.CSS_SELECTOR, "button.primary-toggle, label.primary-toggle")
    next(button for button in buttons if button.is_displayed()).click()
    WebDriverWait(browser, 5).until(lambda _: on_screen() is not before)
    assert before is (width == 1400)


@pytest.mark.browser
def test_a_click_turns_the_page_dark_and_the_text_stays_readable(browser, site: str) -> None:
    from selenium.webdriver.common.by import By

    resize(browser, 1400)
    browser.get(urljoin(site, "book/index.html"))

    def shades() -> tuple[float, float]:
        """Lightness (0 to 255) of the paragraph's letters and of the page."""
        colours = browser.execute_script(
            "return [getComputedStyle(document.querySelector('.bd-article p')).color,"
            " getComputedStyle(document.body).backgroundColor];"
        )
        letters, page = (sum(map(float, re.findall(r"[\d.]+", text)[:3])) / 3 for text in colours)
        return letters, page

    seen = {}
    for _ in range(3):  # auto, light, dark
        browser.find_element(By.CSS_SELECTOR, ".theme-switch-button").click()
        letters, page = shades()
        seen[browser.execute_script("return document.documentElement.dataset.theme")] = page
        assert abs(letters - page) > 120
    assert seen["dark"] < 60 and seen["light"] > 240


@pytest.mark.browser
def test_the_search_works_without_a_server(browser, html: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get_log("performance")
    browser.get(f"{(html / 'search.html').as_uri()}?q=trajectory")
    WebDriverWait(browser, 20).until(
        lambda b: b.find_elements(By.CSS_SELECTOR, "#search-results ul.search li a[href*='method.html']")
    )
    assert not [url for url in requested_urls(browser) if asks_a_host(url) and not url.startswith("file:")]


@pytest.mark.browser
def test_formulas_are_drawn(browser, site: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(urljoin(site, "book/protocol.html"))
    drawn = WebDriverWait(browser, 10).until(lambda b: b.find_elements(By.CSS_SELECTOR, "mjx-container svg"))
    assert drawn


def test_jupyter_book_2_gets_the_same_chapters() -> None:
    root = Path(__file__).resolve().parents[1]
    chapters = re.findall(
        r"(?:file|root): (book/\w+)$", (root / "book" / "_toc.yml").read_text(), re.MULTILINE
    )
    staged = re.findall(r"file: _build/stage/(book/\w+)\.md$", (root / "myst.yml").read_text(), re.MULTILINE)
    assert staged == chapters


@pytest.fixture(scope="module")
def published(checkout: Path, html: Path) -> Path:
    """The same book once its repository is public and it has been printed. Last: it changes the pages."""
    if not shutil.which("chromium"):
        pytest.skip("chromium is not installed")
    set_url(checkout, "https://github.com/Ada/causalmix")
    build(checkout, print_pdf=True)
    return html


@pytest.mark.browser
def test_the_whole_book_is_printed_offered_and_not_printed_again(checkout, published: Path, capsys) -> None:
    content = (published / "downloads" / "causalmix.pdf").read_bytes()
    assert content.startswith(b"%PDF") and content.count(b"/Type /Page\n") >= len(pages(published)) - 2
    assert b"https://arxiv.org/abs/2601.04110" in content
    assert b"file://" not in content
    assert "causalmix.pdf" in (published / "book" / "downloads.html").read_text()
    assert '"causalmix.pdf"' in (published / "downloads" / METADATA).read_text()
    build(checkout, print_pdf=True)
    said = capsys.readouterr().out
    assert "the PDF is up to date" in said and "the pages are up to date" in said


@pytest.mark.browser
def test_the_launch_buttons_open_the_committed_notebook(published: Path) -> None:
    page = BeautifulSoup((published / "notebooks" / "claim_05_tiny.html").read_text(), "html.parser")
    links = [link["href"] for link in page.select(".dropdown-launch-buttons a[href]")]
    assert links == [
        "https://mybinder.org/v2/gh/Ada/causalmix/main?urlpath=lab/tree/notebooks/claim_05_tiny.ipynb",
        "https://colab.research.google.com/github/Ada/causalmix/blob/main/notebooks/claim_05_tiny.ipynb",
    ]
