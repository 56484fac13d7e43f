"""TabICL behind the same function: shapes, batches, gradients, files; skipped where it is not installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from causalmix.finetune import FinetuneData, FinetunePreset, FineTuner, LabelledRows
from causalmix.models import ModelError, TabularFoundationModel, load_model

tabicl = pytest.importorskip("tabicl", reason="the package tabicl is not installed")

CONFIG = {
    "max_classes": 10,
    "embed_dim": 16,
    "col_num_blocks": 1,
    "col_nhead": 2,
    "col_num_inds": 4,
    "row_num_blocks": 1,
    "row_nhead": 2,
    "row_num_cls": 2,
    "icl_num_blocks": 2,
    "icl_nhead": 2,
    "dropout": 0.1,  # load_model leaves it out
    "zero_init": False,
}


def save_model(path: Path, **changes: object) -> Path:
    """Save a small TabICL with random weights, in the form of the published checkpoints."""
    config = {**CONFIG, **changes}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save({"config": config, "state_dict": tabicl._model.tabicl.TabICL(**config).state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("tabicl") / "small.ckpt")


def make_tables(n_tables: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    X = 7 * torch.randn(n_tables, 30, 4, generator=rng) + 3
    return X[:, :20], torch.arange(20).expand(n_tables, -1) % 3, X[:, 20:]


def test_it_is_a_foundation_model_that_takes_a_batch_of_tables_one_by_one(checkpoint):
    model, (X, y, X_query) = load_model(str(checkpoint)), make_tables()
    assert isinstance(model, TabularFoundationModel) and model.n_classes == 10
    with torch.no_grad():
        both = model(X, y, X_query)
        alone = model(X[1:], y[1:], X_query[1:])
    assert both.shape == (2, 10, 10) and both.std() > 0
    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=0)


def test_evaluating_is_repeatable_and_equals_training_mode(checkpoint):
    model, (X, y, X_query) = load_model(str(checkpoint)), make_tables()
    with torch.no_grad():
        first, second = model.eval()(X, y, X_query), model.train()(X, y, X_query)
    assert torch.equal(first, second)


def test_the_packages_own_path_for_inference_gives_the_same_logits(checkpoint):
    model, (X, y, X_query) = load_model(str(checkpoint)), make_tables(1)
    exact = tabicl.InferenceConfig()
    for stage in (exact.COL_CONFIG, exact.ROW_CONFIG, exact.ICL_CONFIG):
        stage.use_amp = False  # it computes in bfloat16 otherwise
    scaled = (torch.cat((X, X_query), dim=1) - X.mean(dim=1)) / X.std(dim=1)
    with torch.no_grad():
        ours = model(X, y, X_query)
        theirs = model.network.eval()(scaled, y.float(), inference_config=exact)
    torch.testing.assert_close(ours[..., : theirs.shape[2]], theirs, atol=1e-4, rtol=0)


def test_the_scale_of_a_feature_makes_no_difference_and_a_constant_one_is_harmless(checkpoint):
    model, (X, y, X_query) = load_model(str(checkpoint)), make_tables()
    with torch.no_grad():
        torch.testing.assert_close(
            model(X, y, X_query), model(1000 * X - 5, y, 1000 * X_query - 5), atol=1e-3, rtol=0
        )
        X[:, :, 1] = 4.0
        assert torch.isfinite(model(X, y, X_query)).all()


def test_it_is_fine_tuned_by_the_same_loop(checkpoint):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3)).astype("float32")
    parts = [LabelledRows(X[i::3], (X[i::3, 0] > 0).astype("int64")) for i in range(3)]
    data = FinetuneData(pool=parts[0], context=parts[0], val=parts[1], test=parts[2], n_classes=2)
    preset = FinetunePreset(n_steps=12, eval_every=6, learning_rate=3e-3, rows_per_step=30)
    run = FineTuner(preset).run(load_model(str(checkpoint)), data, seed=0)
    assert run.steps == (0, 6, 12) and min(run.update_norm[1:]) > 0
    assert run.train_loss[2] < run.train_loss[1]


def test_what_is_no_checkpoint_of_a_classifier_is_refused(tmp_path, checkpoint):
    broken = tmp_path / "broken.ckpt"
    broken.write_bytes(checkpoint.read_bytes()[:500])
    with pytest.raises(ModelError, match="cannot be read as a checkpoint of TabICL"):
        load_model(str(broken))
    other = {"config": {**CONFIG, "embed_dim": 32}, "state_dict": torch.load(checkpoint)["state_dict"]}
    torch.save(other, broken)
    with pytest.raises(ModelError, match="belongs to the installed version"):
        load_model(str(broken))
    with pytest.raises(ModelError, match="regression"):
        load_model(str(save_model(broken, max_classes=0)))
