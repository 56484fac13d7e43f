"""Loading models: names, folders, and what is said when a file is bad."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from causalmix.models import MODELS, ModelError, digest_weights, load_model
from causalmix.models.base import in_context_loss, mask_absent_classes
from causalmix.models.checkpoints import load_checkpoint, save_checkpoint
from causalmix.models.tab2d import Tab2D, Tab2DConfig


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_checkpoint(Tab2D(Tab2DConfig(dim=16, n_layers=1, n_heads=2)), tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("embedded")])
def test_every_embedded_model_separates_an_easy_table(name: str) -> None:
    rng = torch.Generator().manual_seed(0)
    X = torch.randn(1, 80, 4, generator=rng)
    y = (X[:, :, 0] + X[:, :, 1] > 0).long()
    with torch.no_grad():
        logits = load_model(name)(X[:, :60], y[:, :60], X[:, 60:])
    predicted = mask_absent_classes(logits, y[:, :60]).argmax(dim=2)
    assert (predicted == y[:, 60:]).float().mean() >= 0.85


def test_each_call_gives_a_fresh_object(folder: Path) -> None:
    first, second = load_model(str(folder)), load_model(str(folder))
    with torch.no_grad():
        first.final_layer.weight.zero_()
    assert second.final_layer.weight.abs().sum() > 0


def test_loading_leaves_the_callers_randomness_alone(folder: Path) -> None:
    before = torch.get_rng_state()
    load_model(str(folder))
    load_model("embedded-mini")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_digest_of_weights_tells_other_weights_and_only_those(folder: Path) -> None:
    first, second = load_model(str(folder)), load_model(str(folder))
    assert digest_weights(first) == digest_weights(second) and len(digest_weights(first)) == 12
    with torch.no_grad():
        second.final_layer.bias[0] += 1e-6
    assert digest_weights(first) != digest_weights(second)


def test_half_precision_files_come_back_as_float32(tmp_path: Path) -> None:
    model = Tab2D(Tab2DConfig(dim=16, n_layers=1, n_heads=2))
    save_checkpoint(model, tmp_path, half=True)
    loaded = load_checkpoint(tmp_path)
    assert all(w.dtype == torch.float32 for w in loaded.state_dict().values())
    assert torch.allclose(loaded.final_layer.weight, model.final_layer.weight, atol=1e-3)


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(ModelError, match="embedded-mini"):
        load_model("no-such-model")


def test_one_of_two_files_or_a_file_of_no_known_kind_is_no_model(folder: Path) -> None:
    with pytest.raises(ModelError, match="name the folder that holds both"):
        load_model(str(folder / "model.safetensors"))
    (folder / "weights.pt").touch()
    with pytest.raises(ModelError, match="unknown model"):
        load_model(str(folder / "weights.pt"))


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no model\.safetensors"):
        load_checkpoint(folder)


def test_a_truncated_file_is_named_with_the_cure(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ModelError, match="truncated"):
        load_checkpoint(folder)


def test_weights_of_another_size_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dim": 32}))
    with pytest.raises(ModelError, match="same revision"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], r"config\.json is not a Tab2D configuration"),
        ({"dim": 16, "n_layers": 1, "n_heads": 3, "dim_output": 10}, r"\(16, 1, 3, 10\).*divisor of dim"),
        ({"dim": 16, "n_layers": 1, "n_heads": 0, "dim_output": 10}, "above 0"),
        ({"dim": "16", "n_layers": 1, "n_heads": 2, "dim_output": 10}, "whole numbers"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(folder: Path, config: object, message: str) -> None:
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=message):
        load_checkpoint(folder)


def test_a_configuration_is_written_whole_or_not_at_all(folder: Path, monkeypatch) -> None:
    before = (folder / "config.json").read_text()

    def full(handle: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(Tab2D(Tab2DConfig(dim=32, n_layers=1, n_heads=2)), folder)
    assert (folder / "config.json").read_text() == before


def test_a_regression_model_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"task": "REGRESSION"}))
    with pytest.raises(ModelError, match="REGRESSION"):
        load_checkpoint(folder)


def test_the_loss_leaves_out_query_rows_of_unknown_class() -> None:
    model = Tab2D(Tab2DConfig(dim=16, n_layers=1, n_heads=2))
    X, y = torch.randn(1, 8, 2), torch.tensor([[0, 1, 0, 1, 0, 1, 0, 2]])
    with_unknown = in_context_loss(model, X[:, :6], y[:, :6], X[:, 6:], y[:, 6:])
    without = in_context_loss(model, X[:, :6], y[:, :6], X[:, 6:7], y[:, 6:7])
    assert torch.allclose(with_unknown, without, atol=1e-6)
    nothing = in_context_loss(model, X[:, :6], y[:, :6], X[:, 7:], y[:, 7:])
    assert nothing.item() == 0.0 and nothing.requires_grad
