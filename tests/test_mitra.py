"""Mitra from a hub that a stub plays: what is asked of it, and what is said when it does not deliver."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from typer.testing import CliRunner

from causalmix.cli import app
from causalmix.models import MODELS, ModelError, load_model
from causalmix.models import mitra as module
from causalmix.models.checkpoints import save_checkpoint
from causalmix.models.hub import fetch_files
from causalmix.models.tab2d import Tab2D, Tab2DConfig


class EntryNotFoundError(Exception):
    """The stub's errors have the names and bases of huggingface_hub's."""


class LocalEntryNotFoundError(EntryNotFoundError, FileNotFoundError):
    pass


class HfHubHTTPError(OSError):
    pass


class Hub:
    """A hub with one repository, whose files lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked, self.error = folder, [], None

    def hf_hub_download(self, repo: str, name: str, *, revision: str) -> str:
        self.asked.append((repo, name, revision))
        if self.error:
            raise self.error
        return str(self.folder / name)


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Hub:
    """Play the hub with a small checkpoint, and take its checksum for the published one."""
    save_checkpoint(Tab2D(Tab2DConfig(dim=16, n_layers=1, n_heads=2)), tmp_path)
    digest = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    hub, package, errors = Hub(tmp_path), ModuleType("huggingface_hub"), ModuleType("huggingface_hub.errors")
    package.hf_hub_download = hub.hf_hub_download
    for error in (EntryNotFoundError, LocalEntryNotFoundError, HfHubHTTPError):
        setattr(errors, error.__name__, error)
    monkeypatch.setitem(sys.modules, "huggingface_hub", package)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    for name, checkpoint in (("mitra", module.MITRA), ("mitra-v2", module.MITRA_V2)):
        pinned = dataclasses.replace(checkpoint, sha256=digest)
        monkeypatch.setitem(MODELS, name, lambda *args, pinned=pinned: module.load_mitra(pinned, *args))
    return hub


@pytest.mark.parametrize(
    ("name", "repo"), [("mitra", "autogluon/mitra-classifier"), ("mitra-v2", "autogluon/mitra-classifier-2")]
)
def test_a_name_loads_both_files_of_its_repository_at_one_full_commit(hub, name, repo):
    model = load_model(name)
    X, y = torch.randn(1, 6, 3), torch.tensor([[0, 1, 0, 1, 0, 1]])
    assert model(X, y, X[:, :2]).shape == (1, 2, 10)
    (config, weights) = hub.asked
    assert (config[:2], weights[:2]) == ((repo, "config.json"), (repo, "model.safetensors"))
    assert config[2] == weights[2] and len(config[2]) == 40 and int(config[2], 16)


def test_another_revision_is_asked_for_as_it_is_named_and_not_checked_against_the_checksum(hub):
    (hub.folder / "model.safetensors").unlink()
    save_checkpoint(Tab2D(Tab2DConfig(dim=8, n_layers=1, n_heads=2)), hub.folder)
    assert load_model("mitra@main").config.dim == 8
    assert {revision for *_, revision in hub.asked} == {"main"}


def test_a_truncated_file_is_refused_before_it_is_read(hub):
    path = hub.folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"SHA-256 is \w+ instead of \w+\. It is truncated .* delete it"):
        load_model("mitra")
    with pytest.raises(ModelError, match="truncated or no safetensors file"):
        load_model("mitra@main")


def test_weights_of_other_shapes_are_refused(hub):
    (hub.folder / "config.json").write_text('{"dim": 32, "dim_output": 10, "n_layers": 1, "n_heads": 2}')
    with pytest.raises(ModelError, match=r"does not fit .*config\.json"):
        load_model("mitra")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (LocalEntryNotFoundError("no connection"), "cannot be reached: go online"),
        (
            EntryNotFoundError("404: no model.safetensors\nURL"),
            r"\(404: no model.safetensors\): leave the rev",
        ),
        (HfHubHTTPError("404: revision not found"), "does not give autogluon/mitra-classifier at revision"),
        (OSError("No space left on device"), "No space left on device.*room on the disk"),
    ],
    ids=["offline", "no-such-file", "no-such-revision", "full-disk"],
)
def test_each_failure_of_the_hub_says_what_to_do(hub, error, message):
    hub.error = error
    with pytest.raises(ModelError, match=message) as caught:
        load_model("mitra")
    advice = "or pass --model with the local path of the folder with config.json and model.safetensors"
    assert advice in str(caught.value)


def test_of_a_model_that_is_one_file_the_path_of_that_file_is_asked_for(hub):
    hub.error = LocalEntryNotFoundError("no connection")
    with pytest.raises(ModelError, match=r"with the local path of tabicl\.ckpt$"):
        fetch_files("a/b", ["tabicl.ckpt"], "main", extra="tabicl")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelError, match=r"pip install 'causalmix\[mitra\]'"):
        load_model("mitra")


def test_a_model_of_the_package_has_no_revisions():
    with pytest.raises(ModelError, match="leave @main out"):
        load_model("embedded-mini@main")


def test_the_command_line_runs_mitra_and_prints_the_error_of_a_hub_that_is_out_of_reach(hub, tmp_path):
    words = "run --profile smoke --study mitra --model mitra --folds 0 --arms default --engine here --quiet"
    folders = ["--results", str(tmp_path / "results"), "--cache", str(tmp_path / "cache")]
    ran = CliRunner().invoke(app, [*words.split(), *folders])
    assert ran.exit_code == 0 and "1 done, 0 failed" in ran.output
    hub.error = LocalEntryNotFoundError("no connection")
    again = CliRunner().invoke(app, [*words.split(), *folders, "--folds", "1", "--model", "mitra-v2"])
    assert again.exit_code == 2 and "go online" in again.output and "Traceback" not in again.output


def test_a_checkpoint_of_mitras_size_has_the_header_of_the_published_file():
    """Size and checksum as published: the names, shapes and types of all 392 tensors are the same."""
    with torch.device("meta"):
        state = Tab2D(Tab2DConfig(dim=512, n_layers=12, n_heads=4)).state_dict()
    entries, end = {}, 0
    for name in sorted(state):
        start, end = end, end + 4 * state[name].numel()
        entries[name] = {"dtype": "F32", "shape": list(state[name].shape), "data_offsets": [start, end]}
    header = json.dumps(entries, separators=(",", ":"))
    header = header.ljust(-(-len(header) // 8) * 8)
    assert len(entries) == 392 and 8 + len(header) + end == 302_717_904
    assert (
        hashlib.sha256(header.encode()).hexdigest()
        == "cb1a261bb3d9ca505e0db66e21df85bec6777f7e104247d4a71a8eb8d8b3b96a"
    )
