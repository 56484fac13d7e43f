"""The public repository: one setting, ``repository.url`` of ``_config.yml``, and the links made from it.

Without it the book has no launch buttons: a link that leads nowhere is worse than none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from causalmix.book.workspace import BookError, Workspace

GITHUB = re.compile(r"https://github\.com/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?")

UNSET = "`repository.url` in _config.yml is empty"


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub.

    Attributes
    ----------
    owner, name : str
    branch : str
        The branch that is published.
    """

    owner: str
    name: str
    branch: str = "main"

    @property
    def url(self) -> str:
        """Where the source is.

        Examples
        --------
        >>> Repository("ada", "causalmix").url
        'https://github.com/ada/causalmix'
        """
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def pages(self) -> str:
        """Where GitHub Pages shows the book.

        Examples
        --------
        >>> Repository("ada", "causalmix").pages
        'https://ada.github.io/causalmix/'
        """
        return f"https://{self.owner.lower()}.github.io/{self.name}/"

    @property
    def binder(self) -> str:
        """A session of Binder with the whole checkout."""
        return f"https://mybinder.org/v2/gh/{self.owner}/{self.name}/{self.branch}?urlpath=lab/tree/notebooks"


def read_config(workspace: Workspace) -> dict[str, Any]:
    """Return ``_config.yml``."""
    return yaml.safe_load((workspace.root / "_config.yml").read_text(encoding="utf-8"))


def find_repository(workspace: Workspace) -> Repository | None:
    """Return the public repository, or ``None`` where the setting is empty.

    Raises
    ------
    BookError
        If the setting is no address of a GitHub repository.
    """
    setting = read_config(workspace).get("repository") or {}
    url = setting.get("url") or ""
    if not url:
        return None
    match = GITHUB.fullmatch(url)
    if not match:
        raise BookError(
            f"_config.yml: repository.url is {url!r}; write https://github.com/OWNER/NAME, or leave it empty."
        )
    return Repository(match["owner"], match["name"], setting.get("branch") or "main")


def page_config(workspace: Workspace) -> str:
    """Return the configuration for jupyter-book: ``_config.yml``, without buttons that lead nowhere."""
    config = read_config(workspace)
    if find_repository(workspace) is None:
        config.pop("launch_buttons", None)
        config["repository"].pop("url", None)
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def launch_text(repository: Repository | None) -> str:
    """Return how the notebooks are opened in a browser, for the reader of this copy of the book."""
    if repository is None:
        return (
            f"This copy of the book names no public repository ({UNSET}), so there is nothing that these "
            "services could open, and the pages carry no launch buttons."
        )
    install = [
        f"!git clone --quiet --depth 1 --branch {repository.branch} {repository.url} causalmix",
        "%cd causalmix/notebooks",
        "!pip install --quiet --editable ..",
    ]
    return "\n".join(
        [
            f"The rocket at the top of each notebook's page opens it. [Binder]({repository.binder}) makes an "
            "environment of its own from `.binder/`. Colab brings its own: run this in a new first cell; if "
            "the session then asks to be restarted, do so and run the second line again.",
            "",
            "```ipython3",
            *install,
            "```",
        ]
    )
