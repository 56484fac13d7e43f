"""Mitra, the model of the paper, from the Hugging Face hub at a pinned revision.

A folder that holds the two files of a checkpoint is loaded by `causalmix.models.load_model` without the hub.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from causalmix.models.base import ModelError
from causalmix.models.checkpoints import CONFIG_FILE, WEIGHTS_FILE, load_checkpoint
from causalmix.models.hub import fetch_files
from causalmix.models.tab2d import Tab2D


@dataclass(frozen=True)
class HubCheckpoint:
    """A published checkpoint, down to the byte.

    Attributes
    ----------
    repo : str
        Repository on the Hugging Face hub.
    revision : str
        Commit of the repository.
    sha256 : str
        Checksum of `model.safetensors` at that commit.
    """

    repo: str
    revision: str
    sha256: str


# Both commits and checksums are quoted alike by independent public projects that pin these models; the commit
# of the second is the one that AutoGluon's benchmark TabArena pins. The commits' config.json, whose published
# checksum follows from its 86 bytes, is the configuration of 75,670,026 parameters.
MITRA = HubCheckpoint(
    "autogluon/mitra-classifier",
    "c425e9fa0910a6be1c494321792e7ba2a1367b1a",
    "e06a055e91a3baeffc37f9cf634d9e69a27d904b6686131dc3b702f9c0126b19",
)
MITRA_V2 = HubCheckpoint(
    "autogluon/mitra-classifier-2",
    "edada0d20759c58ada8c8605c25f22f6e98ea5f0",
    "5ffab0e2cf52f61c5b7c7eb1e8542996736d1023a0212190cc09abc2119a1e09",
)


def load_mitra(checkpoint: HubCheckpoint, device: str = "cpu", revision: str = "") -> Tab2D:
    """Fetch a checkpoint, or find it in the hub's cache, and load it.

    Parameters
    ----------
    checkpoint : HubCheckpoint
    device : str
        A torch device; on a CPU one pass over a few hundred rows takes about a minute.
    revision : str
        Another commit, branch or tag of the repository; its weights are not checked against a checksum.

    Raises
    ------
    ModelError
        When huggingface_hub is not installed, the hub cannot be reached, the revision does not exist, or the
        files are not what they should be.
    """
    commit = revision or checkpoint.revision
    _, weights = fetch_files(checkpoint.repo, (CONFIG_FILE, WEIGHTS_FILE), commit, extra="mitra")
    if not revision:
        _check_sha256(weights, checkpoint)
    return load_checkpoint(weights.parent, device)


def _check_sha256(path: Path, checkpoint: HubCheckpoint) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != checkpoint.sha256:
        raise ModelError(
            f"{path} is not the file of {checkpoint.repo} at revision {checkpoint.revision}: its SHA-256 is "
            f"{found} instead of {checkpoint.sha256}. It is truncated or was changed: delete it and try again"
        )
