"""TabPFN v1 behind the same function: features, attention, fine-tuning, the archive, the real weights."""

from __future__ import annotations

import io
import sys
import tarfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pooch
import pytest
import requests
import torch
from torch import nn

from causalmix.models import ModelError, load_model
from causalmix.models import tabpfn as module
from causalmix.models.tabpfn import TabPFN, scale_features
from tests.foundation_models import (
    check_that_fine_tuning_lowers_its_loss,
    check_that_tables_of_a_batch_do_not_see_each_other,
    make_tables,
)

SMALL = {"num_features": 6, "max_num_classes": 10, "emsize": 32, "nhid_factor": 2, "nlayers": 2, "nhead": 4}
CACHED = sorted(Path(pooch.os_cache("causalmix")).glob("*-tabpfn-0.1.tar.gz"))


def save_archive(path: Path, name: str = module.CHECKPOINT, **changes: object) -> Path:
    """Save a small TabPFN with random weights, in the form of the published archive."""
    config = {**SMALL, **changes}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = TabPFN(6, 10, 32, 64, 2).state_dict()
    state = {f"module.{key}": value for key, value in weights.items()}
    content = io.BytesIO()
    torch.save((state | {"module.criterion.weight": torch.ones(10)}, None, config), content)
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = content.tell()
        content.seek(0)
        archive.addfile(member, content)
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return save_archive(tmp_path_factory.mktemp("tabpfn") / "tabpfn-0.1.tar.gz")


def test_it_is_a_foundation_model_that_takes_a_batch_of_tables_one_by_one(archive):
    assert not load_model(str(archive)).training
    check_that_tables_of_a_batch_do_not_see_each_other(load_model(str(archive)))


def test_it_equals_torchs_own_encoder_whose_mask_hides_the_query_rows(archive):
    model, (X, y, X_query) = load_model(str(archive)), make_tables()
    layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, activation="gelu", batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    encoder.load_state_dict(model.transformer_encoder.state_dict())
    rows = model.encoder(scale_features(X, X_query, 6))
    rows[:, :20] += y.unsqueeze(2).float() @ model.y_encoder.weight.T + model.y_encoder.bias
    hidden = (torch.arange(30) >= 20).expand(30, 30)
    expected = model.decoder(encoder.train()(rows, mask=hidden)[:, 20:])
    torch.testing.assert_close(model(X, y, X_query), expected, atol=1e-5, rtol=0)


def test_query_rows_do_not_see_each_other(archive):
    model, (X, y, X_query) = load_model(str(archive)), make_tables()
    with torch.no_grad():
        torch.testing.assert_close(
            model(X, y, X_query)[:, :3], model(X, y, X_query[:, :3]), atol=1e-5, rtol=0
        )


def test_features_are_standardised_by_the_context_and_scaled_up_by_how_few_they_are():
    X, _, X_query = make_tables(1)
    scaled = scale_features(X, X_query, 6)
    assert scaled.shape == (1, 30, 6)
    assert (scaled[0, :, 4:] == 0).all()
    torch.testing.assert_close(scaled[0, :20, :4].mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled[0, :20, :4].std(dim=0), torch.full((4,), 6 / 4), atol=1e-4, rtol=0)
    expected = (X_query[0] - X[0].mean(dim=0)) / X[0].std(dim=0) * 6 / 4
    torch.testing.assert_close(scaled[0, 20:, :4], expected, atol=1e-4, rtol=0)


def test_a_feature_that_is_constant_in_the_context_is_left_out_of_its_own_table_only():
    X, _, X_query = make_tables()
    X[0, :, 1] = 5.0
    scaled = scale_features(X, X_query, 6)
    without = scale_features(X[:1, :, [0, 2, 3]], X_query[:1, :, [0, 2, 3]], 6)
    torch.testing.assert_close(scaled[:1], without)
    torch.testing.assert_close(scaled[1:], scale_features(X[1:], X_query[1:], 6))
    constant = torch.ones(1, 20, 2)
    assert (scale_features(constant, 3 * constant, 6) == 0).all()


def test_values_far_from_the_context_grow_logarithmically_and_keep_their_order():
    X, _, _ = make_tables(1)
    spread, middle = X.std(dim=1, keepdim=True), X.mean(dim=1, keepdim=True)
    far = torch.tensor([-1e9, -50.0, 3.0, 50.0, 1e9]).view(1, 5, 1)
    scaled = scale_features(X, middle + far * spread, 4)[0, 20:]
    assert (scaled.diff(dim=0) > 0).all()
    torch.testing.assert_close(scaled[2], torch.full((4,), 3.0), atol=1e-3, rtol=0)
    assert scaled[3].max() < 4 + np.log1p(50) + 1 and scaled[4].max() < 4 + np.log1p(100) + 1


def test_it_is_fine_tuned_by_the_same_loop(archive):
    check_that_fine_tuning_lowers_its_loss(load_model(str(archive)))


def test_a_table_with_too_many_features_is_refused_with_the_limit(archive):
    X = torch.randn(1, 8, 7)
    with pytest.raises(ValueError, match="at most 6 features and the table has 7"):
        load_model(str(archive))(X, torch.zeros(1, 8, dtype=torch.int64), X)


def test_what_is_not_the_archive_is_refused_with_its_address(tmp_path, archive):
    broken = tmp_path / "broken.tar.gz"
    for content in (archive.read_bytes()[:2000], b"no archive"):
        broken.write_bytes(content)
        with pytest.raises(ModelError, match=r"cannot be read as the archive of TabPFN v1 .* fetch https://"):
            load_model(str(broken))
    for change in ({"name": "another.file"}, {"emsize": 64}):
        save_archive(broken, **change)
        with pytest.raises(ModelError, match="cannot be read as the archive"):
            load_model(str(broken))


def test_without_a_connection_it_says_what_to_do(monkeypatch):
    def unreachable(*_args: object, **_options: object) -> str:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", unreachable)
    with pytest.raises(ModelError, match=r"no route to host.* --model with its local path"):
        load_model("tabpfn-v1")
    with pytest.raises(ModelError, match="leave @main out"):
        load_model("tabpfn-v1@main")


def test_without_pooch_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ModelError, match=r"pip install 'causalmix\[tabpfn\]'"):
        load_model("tabpfn-v1")


def test_a_file_that_is_not_the_published_one_is_not_read(monkeypatch, tmp_path, archive):
    handler = partial(SimpleHTTPRequestHandler, directory=str(archive.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{archive.name}"
        monkeypatch.setattr(module, "ARCHIVE", address)
        monkeypatch.setattr(pooch, "os_cache", lambda _name: tmp_path)
        with pytest.raises(ModelError, match=r"could not be fetched \(SHA256 hash .* does not match"):
            load_model("tabpfn-v1")
        server.shutdown()
    assert not list(tmp_path.glob("*.gz"))


@pytest.mark.skipif(
    not CACHED, reason="the published weights are not in the cache: load_model('tabpfn-v1') once"
)
def test_the_published_weights_give_the_logits_of_the_authors_own_classes():
    row = torch.arange(60.0)
    X = torch.stack((torch.sin(row), torch.cos(3 * row) * row, row % 5, torch.ones(60)), dim=1)
    y = (X[:, 0] > 0).long() + (X[:, 2] > 2).long()
    with torch.no_grad():
        logits = load_model("tabpfn-v1")(X[None, :40], y[None, :40], X[None, 40:])
    # computed with normalize_data, remove_outliers and TransformerModel of tabpfn 0.1 on these rows
    expected = torch.tensor([[3.765, 4.862, 2.156], [5.418, 3.795, 1.279], [4.156, 4.418, 2.021]])
    torch.testing.assert_close(logits[0, :3, :3], expected, atol=1e-3, rtol=0)
