"""TabICL behind the same function: shapes, batches, gradients, files; skipped where it is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from causalmix.models import ModelError, load_model
from tests.foundation_models import (
    check_that_fine_tuning_lowers_its_loss,
    check_that_tables_of_a_batch_do_not_see_each_other,
    make_tables,
)

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


def test_it_is_a_foundation_model_that_takes_a_batch_of_tables_one_by_one(checkpoint):
    check_that_tables_of_a_batch_do_not_see_each_other(load_model(str(checkpoint)))


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
    check_that_fine_tuning_lowers_its_loss(load_model(str(checkpoint)))


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
