"""What shows the book to others: repository, launch buttons, pages, Binder, citation, print and audit."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from bs4 import BeautifulSoup

from causalmix.audit_compare import SAME, TOLERANCES
from causalmix.book import pdf, publish
from causalmix.book.execute import Execution
from causalmix.book.repository import find_repository, launch_text, page_config
from causalmix.book.status_text import (
    NO_AUDIT,
    PLACES,
    audit_part,
    audit_sentence,
    audit_text,
    book_time,
    status_table,
)
from causalmix.book.study import open_study
from causalmix.book.workspace import BookError, Workspace
from causalmix.verdicts import Verdict
from tests.book_checkout import ROOT, make_study, set_url

URL = "https://github.com/Ada/causalmix"


# The repository: one setting


def test_without_a_public_repository_there_is_no_button_and_the_book_says_why(tmp_path: Path) -> None:
    workspace = set_url(tmp_path, "")
    assert find_repository(workspace) is None
    assert "launch_buttons" not in yaml.safe_load(page_config(workspace))
    text = launch_text(None)
    assert "`repository.url` in _config.yml is empty" in text and "http" not in text


def test_what_is_no_repository_on_github_is_refused(tmp_path: Path) -> None:
    for url in ("github.com/ada/causalmix", "https://example.org/a/b", "https://github.com/ada"):
        with pytest.raises(BookError, match=r"write https://github\.com/OWNER/NAME"):
            find_repository(set_url(tmp_path, url))


def test_the_address_of_the_repository_gives_those_of_its_pages_and_of_binder(tmp_path: Path) -> None:
    repository = find_repository(set_url(tmp_path, f"{URL}.git"))
    assert repository is not None
    assert (repository.url, repository.pages) == (URL, "https://ada.github.io/causalmix/")
    assert (
        "git clone --quiet --depth 1 --branch main https://github.com/Ada/causalmix causalmix"
        in launch_text(repository)
    )
    assert yaml.safe_load(page_config(Workspace(tmp_path)))["launch_buttons"]["colab_url"]


# make publish


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """A committed checkout that can be published."""
    set_url(tmp_path, URL)
    (tmp_path / publish.WORKFLOW).parent.mkdir(parents=True)
    shutil.copy(ROOT / publish.WORKFLOW, tmp_path / publish.WORKFLOW)
    make_study(tmp_path / "results" / "paper")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "ready"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True)
    return tmp_path


def test_a_checkout_that_is_ready_is_told_what_is_left(ready: Path, capsys) -> None:
    assert publish.main(ready) == 0
    said = capsys.readouterr().out
    assert f"git push {URL} HEAD:main" in said
    assert "https://ada.github.io/causalmix/" in said and f"{URL}/settings/pages" in said


def break_url(root: Path) -> None:
    set_url(root, "")


def break_workflow(root: Path) -> None:
    (root / publish.WORKFLOW).unlink()


def break_study(root: Path) -> None:
    shutil.rmtree(root / "results")


def break_commit(root: Path) -> None:
    (root / "results" / "paper" / "manifest.json").write_text("{}")


def break_history(root: Path) -> None:
    shutil.rmtree(root / ".git")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (break_url, "`repository.url` in _config.yml is empty"),
        (break_workflow, "pages.yml does not exist"),
        (break_study, "holds no recorded study"),
        (break_commit, "not committed: results/paper/manifest.json"),
        (break_history, "`git ls-files` failed"),
    ],
    ids=["url", "workflow", "study", "commit", "history"],
)
def test_what_is_missing_is_named_with_its_cure(ready: Path, capsys, damage, complaint: str) -> None:
    damage(ready)
    assert publish.main(ready) == 1
    assert complaint in capsys.readouterr().err


# The workflow and Binder

WORKFLOW_KEYS = {"name", "on", "permissions", "concurrency", "jobs"}
JOB_KEYS = {"runs-on", "timeout-minutes", "steps", "needs", "environment"}
STEP_KEYS = {"name", "id", "uses", "with", "run"}


def test_the_workflow_has_known_keys_and_runs_what_the_makefile_has() -> None:
    workflow = yaml.safe_load((ROOT / publish.WORKFLOW).read_text())
    workflow["on"] = workflow.pop(True)  # YAML 1.1 reads the key `on` as true
    assert set(workflow) <= WORKFLOW_KEYS
    assert set(workflow["on"]) == {"push", "workflow_dispatch"}
    assert workflow["permissions"] == {"contents": "read", "pages": "write", "id-token": "write"}
    jobs = workflow["jobs"]
    for job in jobs.values():
        assert set(job) <= JOB_KEYS and {"runs-on", "timeout-minutes", "steps"} <= set(job)
        assert job.get("needs", "build") in jobs
        for step in job["steps"]:
            assert set(step) <= STEP_KEYS and ("run" in step) != ("uses" in step)
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1"))
    runs = [step["run"].split() for job in jobs.values() for step in job["steps"] if "run" in step]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert runs and all(words[0] == "make" and words[1] in targets for words in runs)


def test_the_workflow_shows_what_the_builder_builds() -> None:
    jobs = yaml.safe_load((ROOT / publish.WORKFLOW).read_text())["jobs"]
    used = {
        step["uses"].split("@")[0]: step for job in jobs.values() for step in job["steps"] if "uses" in step
    }
    shown = used["actions/upload-pages-artifact"]["with"]["path"]
    assert ROOT / shown == Workspace(ROOT).html
    assert used["actions/checkout"]["with"]["fetch-depth"] == 0
    assert jobs["deploy"]["environment"]["name"] == "github-pages"
    assert "actions/deploy-pages" in used


def test_binder_gets_the_locked_versions_and_the_cpu_build_of_torch(tmp_path: Path) -> None:
    script = ROOT / ".binder" / "postBuild"
    assert script.stat().st_mode & stat.S_IXUSR
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$*" >>"$CALLS"\n')
    python.chmod(0o755)
    calls = tmp_path / "calls"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls)}
    subprocess.run([script], cwd=ROOT, env=environment, check=True)
    torch, rest = calls.read_text().splitlines()
    locked = re.search(r"^torch==.*$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert locked and torch.endswith(f"https://download.pytorch.org/whl/cpu {locked.group()}")
    assert rest.endswith("install --constraint constraints.txt --editable .")
    assert (ROOT / ".binder" / "runtime.txt").read_text() == "python-3.11\n"


# Citation

PERSON = {
    "type": "object",
    "additionalProperties": False,
    "properties": {name: {"type": "string"} for name in ("family-names", "given-names", "name", "orcid")},
    "anyOf": [{"required": ["family-names"]}, {"required": ["name"]}],
}
CITATION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["cff-version", "message", "title", "authors"],
    "properties": {
        "cff-version": {"const": "1.2.0"},
        "message": {"type": "string", "minLength": 10},
        "type": {"enum": ["software", "dataset"]},
        "title": {"type": "string"},
        "abstract": {"type": "string"},
        "version": {"type": "string"},
        "license": {"enum": ["Apache-2.0"]},
        "keywords": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "authors": {"type": "array", "minItems": 1, "items": PERSON},
        "references": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "title", "authors"],
                "properties": {
                    "type": {"enum": ["article"]},
                    "authors": {"type": "array", "minItems": 1, "items": PERSON},
                    "year": {"type": "integer"},
                    "url": {"type": "string", "pattern": "^https://"},
                    "identifiers": {
                        "type": "array",
                        "items": {
                            "additionalProperties": False,
                            "required": ["type", "value"],
                            "properties": {
                                "type": {"enum": ["doi", "url", "swh", "other"]},
                                "value": {"type": "string"},
                                "description": {"type": "string"},
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The part of the Citation File Format 1.2.0 that the file uses."""


def test_the_citation_follows_its_format() -> None:
    jsonschema.validate(yaml.safe_load((ROOT / "CITATION.cff").read_text()), CITATION)


def test_the_codecheck_file_has_what_its_specification_asks_for() -> None:
    config = yaml.safe_load((ROOT / "codecheck.yml").read_text())
    assert config["version"] == "https://codecheck.org.uk/spec/config/1.0/"
    assert all(set(entry) == {"file", "comment"} for entry in config["manifest"])
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"][0]
    assert config["paper"]["title"] == cited["title"]
    assert config["paper"]["reference"] == cited["url"]
    names = [f"{one['given-names']} {one['family-names']}" for one in cited["authors"]]
    assert [author["name"] for author in config["paper"]["authors"]] == names


# Print


def test_a_missing_browser_is_named_with_its_cure(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BookError, match=r"none of chromium, .* on the PATH.*apt install chromium"):
        pdf.build_pdf(Workspace(tmp_path), "")


def test_a_failed_print_leaves_no_pdf(tmp_path: Path) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\necho out of paper >&2\nexit 3\n")
    browser.chmod(0o755)
    (tmp_path / "old.pdf").write_bytes(b"%PDF old")
    with pytest.raises(BookError, match=r"exit code 3(.|\n)*out of paper"):
        pdf.print_page(str(browser), tmp_path / "page.html", tmp_path / "old.pdf")
    assert not (tmp_path / "old.pdf").exists()


def test_the_printed_page_keeps_links_that_a_pdf_can_follow_and_shows_the_code() -> None:
    page = pdf.printable(
        '<html lang="en"><a class="x" href="book/index.html#claim-04">a</a><a href="#document-paper">b</a>'
        '<a href="https://arxiv.org/abs/1">c</a><a class="download" href="../downloads/v.json" download>d</a>'
        '<link href="_static/a.css"/><img src="_images/a.png"/><details class="hide">code</details>'
    )
    anchors = BeautifulSoup(page, "html.parser")("a")
    followed = [anchor.get("href") for anchor in anchors]
    assert followed == ["#claim-04", "#document-paper", "https://arxiv.org/abs/1", None]
    for kept in ('href="_static/a.css"', 'src="_images/a.png"', "<details open ", 'class="cm-whole-book"'):
        assert kept in page


def test_the_pdf_is_stale_once_a_page_changes_but_not_once_a_download_does(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.build.mkdir()
    files = {"book/index.md": b"1", "downloads/runs.parquet": b"1"}
    assert not pdf.is_current(workspace, pdf.printed_part(files))
    workspace.pdf.write_bytes(b"%PDF")
    pdf.mark_of(workspace).write_text(pdf.printed_part(files))
    assert pdf.is_current(workspace, pdf.printed_part({**files, "downloads/runs.parquet": b"2"}))
    assert not pdf.is_current(workspace, pdf.printed_part({**files, "book/index.md": b"2"}))


# Audit and status


def test_the_audits_are_shown_with_runs_differences_tolerance_and_place(tmp_path: Path) -> None:
    study = open_study(make_study(tmp_path / "results" / "paper"))
    assert audit_text([study]) == NO_AUDIT
    recorded = ROOT / "results" / "paper" / "audit.json"
    audit = json.loads(recorded.read_text())[0]
    run = {**audit["runs"][0], "verdict": "differs", "difference": 1.125, "note": "a score differs by 1.1"}
    elsewhere = {**audit, "environment": {**audit["environment"], "machine": "another processor"}}
    (study.folder / "audit.json").write_text(json.dumps([{**audit, "runs": [run]}, elsewhere]))
    text = audit_text([study])
    place = audit["environment"]
    for part in (run["dataset"], "1.125", run["note"], ".cm-not-reproduced", audit["day"], study.hash):
        assert part in text
    for part in (place["machine"], place["revision"], place["python"], audit["store_hash"]):
        assert part in text
    assert f"### another processor, {audit['day']}" in text
    n_all, n_others = 1 + len(audit["runs"]), sum(one["verdict"] not in SAME for one in audit["runs"])
    assert text.startswith(f"{n_all - n_others - 1} of {n_all} repetitions of recorded runs came out again: ")
    assert f"`{run['arm']}`" in text.partition(", made again on ")[0].rpartition(". ")[2]
    assert "a score of such a run is off by up to 1.125" in text
    assert audit_sentence(text) == f"{text.partition('. ')[0]}. [The audit](audit.md) has each run."
    readers = [{"id": "06", "estimand": {"arms": [run["arm"]]}}, {"id": "05", "estimand": {"arm": "other"}}]
    assert "Claim 06 reads the scores of these arms." in audit_text([study], readers)
    assert all(f"- {place}\n" in text for place in PLACES.values())
    words = {"equal": 1, "within tolerance": 9, "differs": 3, "data changed": 0}
    counts = audit_part({**audit, "verdicts": words}, "")
    assert "1 equal, 9 within tolerance, 3 differ and 0 of changed data" in counts
    assert "1 differs" in audit_part({**audit, "verdicts": {"differs": 1}}, "")
    assert set(PLACES) == set(TOLERANCES)
    same = audit["verdicts"]["equal"] + audit["verdicts"]["within tolerance"]
    row = [cell.strip() for cell in text.partition(f"another processor, {audit['day']}")[2].split("\n")[:4]]
    assert row[-1].endswith(str(same)), row
    (study.folder / "audit.json").write_text(json.dumps([{**audit, "store_hash": study.hash}]))
    assert "has changed since" not in audit_text([study])


def test_a_truncated_audit_is_named(tmp_path: Path) -> None:
    study = open_study(make_study(tmp_path / "results" / "paper"))
    for text in (
        '[{"runs": [',
        '{"runs": []}',
        '[{"runs": [{}]}]',
        '[{"environment": {"machine": "m", "device": "cpu"}}]',
    ):
        (study.folder / "audit.json").write_text(text)
        with pytest.raises(BookError, match=r"audit\.json holds no audits"):
            audit_text([study])


def test_the_status_names_each_machine_once(tmp_path: Path) -> None:
    verdict = Verdict("04", "t", "s", "empirical", "partly", "rule")
    runs = [
        Execution("claim_04_x", tmp_path, 30.04, "2026-01-02 03:04", "laptop", cached=True),
        Execution("fig_x", tmp_path, 60.0, "2026-01-03 03:04", "server", cached=False),
        Execution("fig_y", tmp_path, 30.0, "2026-01-03 03:05", "server", cached=False),
    ]
    text = status_table(runs, [verdict], {"04": "claim_04_x"})
    assert "All 3 notebooks ended without an error; their times add up to 2 minutes." in text
    assert "3 notebooks, whose times added up to 2 minutes" in book_time(runs)
    assert "[partly]{.cm-verdict .cm-partly}" in text and text.count("  - figure") == 2
    assert text.endswith("1. laptop\n2. server")
    assert [line for line in text.splitlines() if line.startswith("  - ")][-1] == "  - 2"
