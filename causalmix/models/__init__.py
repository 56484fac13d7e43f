"""Tabular foundation models behind one function, `load_model`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path

from causalmix.models.base import ModelError, TabularFoundationModel, digest_weights
from causalmix.models.checkpoints import CONFIG_FILE, WEIGHTS_FILE, load_checkpoint
from causalmix.models.mitra import MITRA, MITRA_V2, load_mitra
from causalmix.models.tabicl import load_tabicl, load_tabicl_checkpoint
from causalmix.models.tabpfn import load_tabpfn, load_tabpfn_archive
from causalmix.seeding import temporary_seed

__all__ = ["MODELS", "ModelError", "TabularFoundationModel", "digest_weights", "find_loader", "load_model"]


def _load_embedded(name: str, device: str = "cpu", revision: str = "") -> TabularFoundationModel:
    """Load a checkpoint that ships in the package."""
    if revision:
        raise ModelError(f"{name} ships in the package and has no revisions: leave @{revision} out")
    return load_checkpoint(Path(str(files(__name__))) / "weights" / name, device)


MODELS: dict[str, Callable[[str, str], TabularFoundationModel]] = {
    "embedded-mini": partial(_load_embedded, "embedded-mini"),
    "embedded-mini-2": partial(_load_embedded, "embedded-mini-2"),
    "embedded-mini-3": partial(_load_embedded, "embedded-mini-3"),
    "mitra": partial(load_mitra, MITRA),
    "mitra-v2": partial(load_mitra, MITRA_V2),
    "tabicl": load_tabicl,
    "tabpfn-v1": load_tabpfn,
}
"""Model name to loader (given a device and a revision); adding a model is one line here."""


FILES: dict[str, Callable[[Path, str], TabularFoundationModel]] = {
    ".gz": load_tabpfn_archive,
    ".ckpt": load_tabicl_checkpoint,
}
"""Suffix of a file to what loads it."""


def find_loader(name_or_path: str) -> Callable[[str], TabularFoundationModel]:
    """Return what loads a model onto a device; nothing is read or fetched yet. Parameters as in `load_model`.

    Raises
    ------
    ModelError
        If there is neither such a name nor such a path.
    """
    name, _, revision = name_or_path.partition("@")
    if name in MODELS:
        return lambda device: MODELS[name](device, revision)
    path = Path(name_or_path)
    if path.is_dir():
        return partial(load_checkpoint, path)
    if path.name in (CONFIG_FILE, WEIGHTS_FILE):
        raise ModelError(f"{path} is one of a checkpoint's two files: name the folder that holds both")
    if path.is_file() and path.suffix in FILES:
        return partial(FILES[path.suffix], path)
    raise ModelError(
        f"unknown model {name_or_path!r}: choose one of {', '.join(MODELS)}, or name a folder that holds "
        f"{CONFIG_FILE} and {WEIGHTS_FILE}, a checkpoint of TabICL or the archive of TabPFN v1"
    )


def load_model(name_or_path: str, device: str = "cpu") -> TabularFoundationModel:
    """Load a pre-trained model, a fresh object per call.

    Parameters
    ----------
    name_or_path : str
        A name in `MODELS`, for a model of the Hugging Face hub optionally with a revision
        (``mitra@main``); a folder with `config.json` and `model.safetensors`; a file ``.ckpt`` of TabICL; or
        the file ``tabpfn-0.1.tar.gz``.
    device : str
        A torch device such as `"cpu"` or `"cuda"`.

    Raises
    ------
    ModelError
        If there is neither such a name nor such a path, or its files cannot be had or used.

    Examples
    --------
    >>> model = load_model("embedded-mini")
    >>> model.n_classes
    10
    """
    load = find_loader(name_or_path)
    with temporary_seed(0):  # a network that is made draws weights, before it gets its own
        return load(device)
