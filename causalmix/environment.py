"""Where and with what a run was made: device, machine, versions, revision of the code."""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from causalmix.history import GitError, ask_git

PACKAGES = (
    "causalmix",
    "torch",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "networkx",
    "dowhy",
    "causal-learn",
    "ctgan",
    "imbalanced-learn",
    "tabicl",
)
"""Distributions whose versions a record names; those that are not installed are left out."""

_PACKAGE = Path(__file__).parent
_GENERATION = {"cpu family": "family", "model": "model"}


def describe_environment(device: str = "cpu") -> dict:
    """Return what a record says about the place where it was made.

    Returns
    -------
    dict
        ``device`` ("cpu" or the name of the GPU), ``machine`` (the processor), ``python``,
        ``revision`` and ``versions`` (distribution -> version).
    """
    return {
        "device": _device_name(device),
        "machine": _processor(),
        "python": platform.python_version(),
        "revision": code_revision(),
        "versions": _versions(),
    }


@functools.cache
def code_revision() -> str:
    """Return the git commit of this code, ``+dirty`` when the package has uncommitted changes.

    Outside a git checkout: the version and a hash of the package's files.
    """
    if _git("ls-files", "--error-unmatch", "__init__.py") is None:
        return f"{_versions().get('causalmix', 'unversioned')}+source.{source_hash()}"
    changed = _git("status", "--porcelain", "--", ".")
    return f"{_git('rev-parse', '--short=12', 'HEAD')}{'+dirty' if changed else ''}"


def _git(*arguments: str) -> str | None:
    """What git says of the folder of the package; ``None`` where it does not answer."""
    try:
        return ask_git(_PACKAGE, *arguments)
    except GitError:
        return None


def source_hash() -> str:
    """Return 12 hex characters of the SHA-256 over the files of the package: code, rules and weights."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*")):
        if "__pycache__" in path.parts or not path.is_file():
            continue
        digest.update(path.relative_to(_PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _device_name(device: str) -> str:
    if not device.startswith("cuda"):
        return device
    import torch

    return torch.cuda.get_device_name(device) if torch.cuda.is_available() else device


@functools.cache
def _processor() -> str:
    try:
        name = name_processor(Path("/proc/cpuinfo").read_text())
    except OSError:
        name = ""
    return name or platform.processor() or platform.machine()


def name_processor(cpuinfo: str) -> str:
    """Return the processor's name with its family and model: a name alone can be that of several generations.

    Examples
    --------
    >>> name_processor("cpu family\\t: 25\\nmodel\\t\\t: 17\\nmodel name\\t: AMD EPYC")
    'AMD EPYC (family 25, model 17)'
    """
    fields = (line.partition(":") for line in cpuinfo.splitlines())
    told = {name.strip(): value.strip() for name, _, value in fields}
    numbers = [f"{word} {told[name]}" for name, word in _GENERATION.items() if name in told]
    name = told.get("model name", "")
    return f"{name} ({', '.join(numbers)})" if name and numbers else name
