"""Call jupyter-book on the staged tree, and only when something changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from causalmix.book.repository import page_config
from causalmix.book.workspace import BookError, Workspace, checksum, remove, tree_checksum


def build_html(workspace: Workspace) -> Path:
    """Build the HTML book from the staged tree and return the path of its index page.

    Warnings are errors: a broken reference or a missing file ends the build.

    Raises
    ------
    BookError
        With the warnings that jupyter-book gave.
    """
    index = workspace.html / "index.html"
    mark = workspace.build / "html.sha256"
    now = checksum([tree_checksum(workspace.stage).encode(), page_config(workspace).encode()])
    if index.is_file() and mark.is_file() and mark.read_text() == now:
        print("the pages are up to date", flush=True)
        return index
    mark.unlink(missing_ok=True)
    if not index.is_file():
        remove(workspace.html)
    print("building the pages", flush=True)
    try:
        run_jupyter_book(workspace, "html", workspace.root)
    except BookError:
        remove(workspace.html)
        raise
    drop_what_the_theme_left(workspace.html)
    give_the_first_page_an_icon(index)
    publish_downloads(workspace)
    mark.write_text(now)
    return index


def run_jupyter_book(workspace: Workspace, builder: str, output: Path) -> None:
    """Run jupyter-book on the staged tree; it leaves its pages in ``_build/<builder>`` below ``output``.

    Raises
    ------
    BookError
        With the warnings that it gave.
    """
    config = workspace.build / "config.yml"
    config.write_text(page_config(workspace), encoding="utf-8")
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    command += ["_build/stage", "--builder", builder, "--path-output", str(output), "--config", str(config)]
    command += ["--toc", str(workspace.stage / "book" / "_toc.yml"), "--warningiserror", "--keep-going"]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "NO_COLOR": "1"}
    done = subprocess.run(
        command,
        cwd=workspace.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    log = workspace.build / "jupyter-book.log"
    log.write_text(done.stdout)
    if done.returncode != 0 or not (output / "_build" / builder / "index.html").is_file():
        raise BookError(
            f"jupyter-book ended with exit code {done.returncode} ({log}):\n{complaints(done.stdout)}"
        )


def complaints(output: str) -> str:
    """Return the lines of jupyter-book's output that say what is wrong."""
    lines = output.splitlines()
    marked = [line for line in lines if "WARNING" in line or "ERROR" in line or "Error" in line]
    return "\n".join(marked or lines[-25:])


def drop_what_the_theme_left(html: Path) -> None:
    """Remove what is no page of the book: Sphinx's caches."""
    shutil.rmtree(html / ".doctrees", ignore_errors=True)


def give_the_first_page_an_icon(index: Path) -> None:
    """Name the icon on the page that leads to the book's index; a browser asks for /favicon.ico otherwise."""
    index.write_text(f'<link rel="icon" href="_static/favicon.svg" />\n{index.read_text()}')


def publish_downloads(workspace: Workspace) -> None:
    """Copy the files for download beside the pages, under their own names: their addresses can be cited."""
    remove(workspace.html / "downloads")
    shutil.copytree(workspace.stage / "downloads", workspace.html / "downloads")
