"""The book: what is executed, what is refused, what the built pages are like in a real browser."""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from bs4 import BeautifulSoup

from causalmix.book import controls_text
from causalmix.book.build import build, named_studies
from causalmix.book.claims_text import depth_answer, read_claims, rules_commit
from causalmix.book.execute import Job, check_parameters, execute, execute_all
from causalmix.book.study import find_study, open_study
from causalmix.book.study_text import failures_text, model_scores
from causalmix.book.workspace import BookError, Workspace
from causalmix.controls import load_rule
from causalmix.verdicts import VERDICT_SCHEMA, Verdict
from tests.book_checkout import ROOT, make_checkout, make_study, write_notebook
from tests.recorded import CONTROL_LIFTS
from tests.recorded import make_study as make_recorded

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


FLAGS = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-sync",
    "disable-background-networking",
    "disable-component-update",
    "disable-dev-shm-usage",
)
"""A quiet Chromium without a screen."""


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


def test_the_answer_to_the_open_question_comes_from_its_verdict() -> None:
    claim = next(c for c in read_claims(ROOT / "notebooks" / "claims.yml") if c["kind"] == "exploratory")
    given = {name: claim[name] for name in ("id", "title", "sentence", "kind")}
    untested = Verdict(**given, verdict="not tested", rule="r", reason="no runs of the dial")
    assert "not recorded here: no runs of the dial" in depth_answer(claim, untested)
    tested = Verdict(
        **given, verdict="reproduced", label="an association", rule="r", value=-0.31, interval=(-0.5, -0.1),
        model="m", n_runs=70, n_datasets=9, quantities={"p_value": 0.002},
    )  # fmt: skip
    answer = depth_answer(claim, tested)
    for part in ("[an association]", "9 tables", "70 runs", "−0.31 [−0.50, −0.10]", "p 0.002"):
        assert part in answer


def test_the_commit_of_the_rules_is_named_where_there_is_a_history(tmp_path: Path) -> None:
    path = tmp_path / "claims.yml"
    path.write_text("claims: []\n")
    assert "no history" in rules_commit(path)
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "rules"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    commit = subprocess.check_output(["git", "log", "-1", "--format=%h"], cwd=tmp_path, text=True).strip()
    assert commit in rules_commit(path)


def test_failures_of_all_studies_are_listed_by_generator(tmp_path: Path) -> None:
    failed = open_study(make_study(tmp_path / "first-look"))
    clean = open_study(make_recorded(tmp_path / "controls", n_folds=1).root)
    text = failures_text([failed, clean])
    assert "`first-look`" in text and "causal" in text and "churn" in text and "class 'a' has one row" in text
    assert "1 of 4" in text and "No run failed in the study `controls` (24 runs)." in text
    assert "list-table" not in failures_text([clean])


def test_the_chapter_on_controls_states_its_rule_with_and_without_runs(tmp_path: Path) -> None:
    absent = controls_text.snippets([])
    assert "`bootstrap_mix`" in absent["controls_rule"] and load_rule().rule in absent["controls_rule"]
    assert "not recorded here" in absent["controls_study"] and absent["controls_arms"] == ""
    study = open_study(make_recorded(tmp_path / "controls", lifts=CONTROL_LIFTS, n_folds=1).root)
    there = controls_text.snippets([study])
    assert study.hash in there["controls_study"] and "`random_dag_mix`" in there["controls_arms"]


def test_a_notebook_that_names_its_study_gets_that_one_where_it_is_recorded(workspace: Workspace) -> None:
    write_notebook(workspace.notebooks / "controls.ipynb", "1", parameters='study = "controls"\nout = ""')
    workspace.book.mkdir()
    (workspace.book / "_toc.yml").write_text("root: book/index\nchapters:\n- file: notebooks/controls\n")
    assert named_studies(workspace) == []
    make_study(workspace.results / "controls")
    assert named_studies(workspace) == [workspace.results / "controls"]


def test_the_models_scores_come_from_the_benchmarks_record(tmp_path: Path) -> None:
    assert "not recorded here" in model_scores(tmp_path / "summary.csv")
    (tmp_path / "summary.csv").write_text("n_rows,method,roc_auc,log_loss\n256,mine,0.812,0.4\n")
    (tmp_path / "scores.csv").write_text("dataset,method\na,mine\nb,mine\n")
    text = model_scores(tmp_path / "summary.csv")
    assert "mine" in text and "0.812" in text and "2 tables" in text


def test_verdicts_json_follows_its_schema(html: Path) -> None:
    import jsonschema

    found = next(html.rglob("verdicts.json"))
    verdicts = json.loads(found.read_text())
    for verdict in verdicts:
        jsonschema.validate(verdict, VERDICT_SCHEMA)
    decided = {v["id"]: v["verdict"] for v in verdicts}
    assert len(decided) == 19 and decided["06"] == "not tested"


def test_a_figure_has_its_data_for_download_and_a_line_of_provenance(html: Path) -> None:
    text = (html / "notebooks" / "claim_05_tiny.html").read_text()
    page = BeautifulSoup(text, "html.parser")
    links = {link.get_text(strip=True): link["href"] for link in page.select("a.download")}
    assert {"CSV", "SVG", "PNG"} <= set(links)
    csv = (html / "notebooks" / links["CSV"]).resolve()
    assert csv.read_text().splitlines() == ["x", "0", "1"]
    assert "Study first-look" in page.get_text() and "store" in page.get_text()


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
    assert not list(workspace.executed.glob("*/done.json"))


def test_a_notebook_runs_again_only_when_something_it_depends_on_changed(workspace: Workspace) -> None:
    notebook = write_notebook(workspace.notebooks / "fig_x.ipynb", "1")
    assert not execute(workspace, Job(notebook), "a").cached
    assert execute(workspace, Job(notebook), "a").cached
    assert not execute(workspace, Job(notebook), "b").cached
    assert not execute(workspace, Job(notebook, {"study": "y"}), "a").cached


def test_the_most_complete_recorded_study_is_shown_unless_one_is_named(workspace: Workspace) -> None:
    assert find_study(workspace) is None
    for name in ("quick", "first-look"):
        make_study(workspace.results / name)
    assert find_study(workspace) == workspace.results / "first-look"
    assert find_study(workspace, "results/quick") == workspace.results / "quick"
    with pytest.raises(BookError, match=r"results/ holds first-look, quick"):
        find_study(workspace, "papper")


def test_a_notebook_that_the_table_of_contents_lacks_ends_the_build(tmp_path: Path) -> None:
    root = make_checkout(tmp_path, {})
    write_notebook(root / "notebooks" / "fig_forgotten.ipynb", "1")
    with pytest.raises(BookError, match="no entry for notebooks/fig_forgotten"):
        build(root)


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
        options.add_argument(f"--{flag}")
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


@pytest.mark.browser
def test_no_page_logs_an_error_or_asks_another_host(browser, site: str, html: Path) -> None:
    for page in pages(html):
        browser.get(urljoin(site, page.relative_to(html).as_posix()))
        errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
        assert not [text for text in errors if "THEBE_JS_URL" not in text], page
        foreign = [url for url in requested_urls(browser) if asks_a_host(url) and not url.startswith(site)]
        assert not foreign, page


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_sidebar_can_be_hidden_and_shown(browser, site: str, width: int) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.set_window_size(width, 900)
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
    assert before is (width == 1280)


@pytest.mark.browser
def test_a_phone_shows_the_verdicts_without_sideways_scrolling(browser, site: str) -> None:
    browser.set_window_size(390, 900)
    browser.get(urljoin(site, "book/index.html"))
    assert browser.execute_script(
        "return document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"
    )


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
