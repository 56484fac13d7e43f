"""The whole book as one PDF: jupyter-book's single page, printed by Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from causalmix.book.html import run_jupyter_book
from causalmix.book.workspace import BookError, Workspace, checksum, remove

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""Names under which a Chromium may be installed."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
)
"""A quiet Chromium without a screen."""

PRINT = ("--no-pdf-header-footer", "--generate-pdf-document-outline", "--virtual-time-budget=60000")
"""No address in the margins, bookmarks from the headings, time for MathJax to draw the formulas."""

PRINT_SECONDS = 300


def find_chromium() -> str:
    """Return the path of a Chromium.

    Raises
    ------
    BookError
        When there is none.
    """
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise BookError(
            f"the PDF is printed by Chromium, and none of {', '.join(BROWSERS)} is on the PATH. "
            "On Debian and Ubuntu: apt install chromium. The HTML book needs none."
        )
    return found


def build_pdf(workspace: Workspace, shows: str) -> None:
    """Print the staged book; nothing is done where the PDF shows it already.

    Parameters
    ----------
    workspace : Workspace
    shows : str
        The checksum (`printed_part`) of what is staged.

    Raises
    ------
    BookError
        Where there is no Chromium, or a step failed.
    """
    chromium = find_chromium()
    if is_current(workspace, shows):
        print("the PDF is up to date", flush=True)
        return
    print("printing the book", flush=True)
    output = workspace.build / "print"
    remove(output)
    run_jupyter_book(workspace, "singlehtml", output)
    site = output / "_build" / "singlehtml"
    (site / "print.html").write_text(printable((site / "book" / "index.html").read_text(encoding="utf-8")))
    print_page(chromium, site / "print.html", workspace.pdf)
    mark_of(workspace).write_text(shows)
    remove(output)


def is_current(workspace: Workspace, shows: str) -> bool:
    """Return whether there is a PDF, and it was printed from pages with the checksum ``shows``."""
    mark = mark_of(workspace)
    return workspace.pdf.is_file() and mark.is_file() and mark.read_text() == shows


def mark_of(workspace: Workspace) -> Path:
    """Return the file with the checksum of the pages that the PDF was printed from."""
    return workspace.pdf.with_suffix(".sha256")


def printed_part(files: Mapping[str, bytes]) -> str:
    """Return the checksum of what is printed of the staged book: not the files for download."""
    printed = {name: content for name, content in files.items() if not name.startswith("downloads/")}
    return checksum(part for name in sorted(printed) for part in (name.encode(), printed[name]))


def printable(page: str) -> str:
    """Return jupyter-book's single page as it is printed.

    Sphinx writes the addresses as seen from the root, though the page lies in ``book/``. Links inside the
    book stay; those to files beside it become plain text, since a PDF has no files beside it. Code is
    unfolded.

    Examples
    --------
    >>> printable('<a href="book/index.html#claim-04">04</a> <a class="download" href="_downloads/1/a.csv">')
    '<a href="#claim-04">04</a> <a class="download">'
    """
    page = page.replace('href="book/index.html#', 'href="#')
    page = re.sub(r'(<a\b[^>]*?) href="(?!https?:|#)[^"]*"', r"\1", page)
    page = page.replace("<details ", "<details open ")
    return page.replace("<html ", '<html class="cm-whole-book" ', 1)


def print_page(chromium: str, page: Path, pdf: Path) -> None:
    """Print a page into a file; a failed print leaves no file.

    Raises
    ------
    BookError
        With what Chromium said.
    """
    pdf.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, *FLAGS, *PRINT, f"--user-data-dir={profile}"]
        command += [f"--print-to-pdf={pdf}", page.as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PRINT_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise BookError(f"{chromium} did not print {page} within {PRINT_SECONDS} s.") from error
    if done.returncode != 0 or not pdf.is_file():
        end = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise BookError(
            f"{chromium} ended with exit code {done.returncode} and printed no {pdf.name}.\n{end}"
        )
