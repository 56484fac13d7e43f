"""Mitra, the model of the paper, from the Hugging Face hub at a pinned revision.

A folder that holds the two files of a checkpoint is loaded by `causalmix.models.load_model` without the hub.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from causalmix.models.base import ModelError
from causalmix.models.checkpoints import CONFIG_FILE, WEIGHTS_FILE, load_checkpoint
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

_OR_A_FOLDER = f"or pass --model FOLDER, a folder that holds {CONFIG_FILE} and {WEIGHTS_FILE}"


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
    folder = _fetch(checkpoint.repo, revision or checkpoint.revision)
    if not revision:
        _check_sha256(folder / WEIGHTS_FILE, checkpoint)
    return load_checkpoint(folder, device)


def _fetch(repo: str, revision: str) -> Path:
    """Return the local folder of the two files."""
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise ModelError(
            f"{repo} is fetched with huggingface_hub, which is not installed ({error}): "
            f"pip install 'causalmix[mitra]', {_OR_A_FOLDER}"
        ) from error
    try:
        files = [Path(hf_hub_download(repo, name, revision=revision)) for name in (CONFIG_FILE, WEIGHTS_FILE)]
    except LocalEntryNotFoundError as error:  # a subclass of EntryNotFoundError: neither online nor in cache
        raise ModelError(
            f"{repo} is not in the cache and the Hugging Face hub cannot be reached: go online (and unset "
            f"HF_HUB_OFFLINE) for the first use, {_OR_A_FOLDER}"
        ) from error
    except (EntryNotFoundError, HfHubHTTPError) as error:
        raise ModelError(
            f"the Hugging Face hub does not give {repo} at revision {revision!r} "
            f"({str(error).strip().splitlines()[0]}): leave the revision out, name one that the repository "
            f"has by --model NAME@REVISION, {_OR_A_FOLDER}"
        ) from error
    except OSError as error:
        raise ModelError(
            f"{repo} could not be fetched ({error}): see that there is room on the disk and a connection, "
            f"and try again, {_OR_A_FOLDER}"
        ) from error
    return files[0].parent


def _check_sha256(path: Path, checkpoint: HubCheckpoint) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != checkpoint.sha256:
        raise ModelError(
            f"{path} is not the file of {checkpoint.repo} at revision {checkpoint.revision}: its SHA-256 is "
            f"{found} instead of {checkpoint.sha256}. It is truncated or was changed: delete it and try again"
        )
