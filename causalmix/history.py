"""What git says of a folder: the one place that asks it."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SECONDS = 20


class GitError(RuntimeError):
    """git is not installed, does not answer, or the folder is in no repository that knows what is asked."""


def ask_git(folder: Path, *arguments: str) -> str:
    """Return what git prints in ``folder``, without the white space around it.

    Raises
    ------
    GitError
        When there is no answer; the message says why.
    """
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git does not answer: {error}") from error
    if done.returncode:
        raise GitError(f"`git {arguments[0]}` failed in {folder}: {done.stderr.strip()}")
    return done.stdout.strip()
