"""Files from the Hugging Face hub, or an error that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from causalmix.models.base import ModelError


def fetch_files(repo: str, names: Sequence[str], revision: str, *, extra: str) -> list[Path]:
    """Return the local paths of files of a repository; what the hub's cache holds is not fetched again.

    Parameters
    ----------
    repo : str
    names : sequence of str
    revision : str
        A commit, branch or tag.
    extra : str
        The extra of causalmix that installs huggingface_hub.

    Raises
    ------
    ModelError
        When huggingface_hub is not installed, the hub cannot be reached, or it lacks the revision or a file.
    """
    holder = "" if len(names) == 1 else "the folder with "
    otherwise = f"or pass --model with the local path of {holder}{' and '.join(names)}"
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise ModelError(
            f"{repo} is fetched with huggingface_hub, which is not installed ({error}): "
            f"pip install 'causalmix[{extra}]', {otherwise}"
        ) from error
    try:
        return [Path(hf_hub_download(repo, name, revision=revision)) for name in names]
    except LocalEntryNotFoundError as error:  # a subclass of EntryNotFoundError: neither online nor in cache
        raise ModelError(
            f"{repo} is not in the cache and the Hugging Face hub cannot be reached: go online (and unset "
            f"HF_HUB_OFFLINE) for the first use, {otherwise}"
        ) from error
    except (EntryNotFoundError, HfHubHTTPError) as error:
        raise ModelError(
            f"the Hugging Face hub does not give {repo} at revision {revision!r} "
            f"({str(error).strip().splitlines()[0]}): leave the revision out, name one that the repository "
            f"has by --model NAME@REVISION, {otherwise}"
        ) from error
    except OSError as error:
        raise ModelError(
            f"{repo} could not be fetched ({error}): see that there is room on the disk and a connection, "
            f"and try again, {otherwise}"
        ) from error
