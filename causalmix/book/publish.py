"""``make publish``: check that a checkout is ready to show its book on GitHub Pages; say what is left to do.

Nothing is uploaded from here: the workflow builds the book from the recorded runs and shows it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from causalmix.book.repository import UNSET, Repository, find_repository
from causalmix.book.study import FILES, choose_study
from causalmix.book.workspace import BookError, Workspace
from causalmix.history import GitError, ask_git

WORKFLOW = Path(".github") / "workflows" / "pages.yml"


def check(workspace: Workspace) -> Repository:
    """Return the repository whose pages will show the book.

    Raises
    ------
    BookError
        Naming the first thing that is missing, and the cure.
    """
    repository = find_repository(workspace)
    if repository is None:
        raise BookError(
            f"{UNSET}: write the public repository there (https://github.com/OWNER/NAME). The launch "
            "buttons, the address of the pages and this command follow from it."
        )
    if not (workspace.root / WORKFLOW).is_file():
        raise BookError(f"{WORKFLOW} does not exist: restore it from git; it builds and shows the book.")
    study = choose_study(workspace)
    if study is None:
        raise BookError("results/ holds no recorded study, and a workflow should run none: record one first.")
    files = [f"results/{study.name}/{name}" for name in FILES]
    watched = ["_config.yml", WORKFLOW.as_posix(), *files]
    unknown = set(watched) - set(git(workspace, "ls-files", "--", *watched))
    changed = git(workspace, "diff", "--name-only", "HEAD", "--", *watched)
    if unknown or changed:
        names = ", ".join(sorted({*unknown, *changed}))
        raise BookError(f"not committed: {names}. The workflow sees only what is pushed; commit them.")
    return repository


def git(workspace: Workspace, *arguments: str) -> list[str]:
    """Return the lines that git prints.

    Raises
    ------
    BookError
        Where git does not answer, for example outside a repository.
    """
    try:
        return ask_git(workspace.root, *arguments).splitlines()
    except GitError as error:
        raise BookError(str(error)) from error


def instructions(repository: Repository) -> str:
    """Return what is left to do."""
    return "\n".join(
        [
            "ready. What is left:",
            f"  1. once: {repository.url}/settings/pages, Source: GitHub Actions",
            f"  2. git push {repository.url} HEAD:{repository.branch}",
            f"  3. the workflow builds the book, then it is at {repository.pages}",
        ]
    )


def main(root: Path | None = None) -> int:
    """Check, and print what is left to do; return the exit code."""
    try:
        print(instructions(check(Workspace(root or Path.cwd()))))
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
