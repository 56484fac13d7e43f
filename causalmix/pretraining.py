"""Begin or continue the pre-training of a small foundation model in a folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import torch

from causalmix.atomic import check_writable
from causalmix.models.pretrain import Pretrainer, steps_for_minutes
from causalmix.models.recipes import RECIPES
from causalmix.specs import SpecError, suggest
from causalmix.threads import cpu_threads


def train(
    folder: Path,
    recipe: str = "embedded-mini",
    *,
    minutes: float | None = None,
    steps: int | None = None,
    threads: int | None = None,
    device: str = "cpu",
    progress: bool = True,
) -> Path:
    """Train until the weights are written; what was begun in the folder is continued.

    Parameters
    ----------
    folder : Path
        Gets ``checkpoint.pt`` on the way, ``config.json`` and ``model.safetensors`` at the end.
    recipe : str
        A name in `causalmix.models.recipes.RECIPES`.
    minutes : float, optional
        About how long the whole training takes here.
    steps : int, optional
        How many optimiser steps in all; without either, as many as the recipe says.
    threads : int, optional
        CPU threads; torch's choice when left out.
    device : str
        A torch device.
    progress : bool
        Show a bar.

    Returns
    -------
    Path
        The folder, ready for `causalmix.models.load_model`.

    Raises
    ------
    SpecError
        When there is no such recipe, both lengths are given, or another one than the training was begun with.
    ModelError
        When the folder's checkpoint was made with another configuration.
    OSError
        When the folder cannot be written to; that is found out before the training.
    """
    if minutes is not None and steps is not None:
        raise SpecError("--minutes and --steps both say how long to train: give one of them")
    if recipe not in RECIPES:
        raise SpecError(suggest("recipe", recipe, RECIPES))
    check_writable(Path(folder) / "checkpoint.pt")
    config, begun = RECIPES[recipe], steps_begun(folder)
    if begun and steps not in (None, begun):
        raise SpecError(
            f"{folder} was begun with --steps {begun}: give these, or name another folder by --out"
        )
    n_steps = begun or steps
    with cpu_threads(torch.get_num_threads() if threads is None else threads):
        if n_steps:
            config = dataclasses.replace(config, n_steps=n_steps)
        elif minutes is not None:
            config = steps_for_minutes(minutes, config, device)
        Pretrainer(config, folder, device).run(progress=progress)
    return folder


def steps_begun(folder: Path) -> int | None:
    """Return how many steps the training begun in the folder has in all; ``None`` where there is none.

    Raises
    ------
    SpecError
        When its checkpoint cannot be read.
    """
    path = Path(folder) / "checkpoint.pt"
    if not path.is_file():
        return None
    try:
        return int(json.loads(torch.load(path, weights_only=True, map_location="cpu")["config"])["n_steps"])
    except Exception as error:  # torch raises what pickle, zip and the file system raise
        raise SpecError(f"{path} cannot be read ({error}): delete it to begin again") from error
