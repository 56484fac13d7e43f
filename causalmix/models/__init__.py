"""Tabular foundation models behind one function, `load_model`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from causalmix.models.base import ModelError, TabularFoundationModel
from causalmix.models.checkpoints import load_checkpoint

__all__ = ["MODELS", "ModelError", "TabularFoundationModel", "load_model"]


def _embedded(name: str) -> Callable[[str], TabularFoundationModel]:
    """A checkpoint that ships in the package."""
    return lambda device: load_checkpoint(Path(str(files(__name__))) / "weights" / name, device)


MODELS: dict[str, Callable[[str], TabularFoundationModel]] = {
    "embedded-mini": _embedded("embedded-mini"),
}
"""Model name to loader (given a device); adding a model is one line here."""


def load_model(name_or_path: str, device: str = "cpu") -> TabularFoundationModel:
    """Load a pre-trained model, a fresh object per call.

    Parameters
    ----------
    name_or_path : str
        A name in `MODELS`, or a folder with `config.json` and `model.safetensors`.
    device : str
        A torch device such as `"cpu"` or `"cuda"`.

    Raises
    ------
    ModelError
        If there is neither such a name nor such a folder, or its files cannot be used.

    Examples
    --------
    >>> model = load_model("embedded-mini")
    >>> model.n_classes
    10
    """
    if name_or_path in MODELS:
        return MODELS[name_or_path](device)
    if Path(name_or_path).is_dir():
        return load_checkpoint(Path(name_or_path), device)
    raise ModelError(
        f"unknown model {name_or_path!r}: choose one of {', '.join(MODELS)} or name a folder that holds "
        "config.json and model.safetensors"
    )
