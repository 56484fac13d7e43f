"""What every foundation model must do, whatever its architecture."""

from __future__ import annotations

import numpy as np
import torch

from causalmix.finetune import FinetuneData, FinetunePreset, FineTuner, LabelledRows
from causalmix.models import TabularFoundationModel


def make_tables(n_tables: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """20 context rows of 4 features with 3 classes, and 10 query rows, per table."""
    rng = torch.Generator().manual_seed(0)
    X = 7 * torch.randn(n_tables, 30, 4, generator=rng) + 3
    return X[:, :20], torch.arange(20).expand(n_tables, -1) % 3, X[:, 20:]


def check_that_tables_of_a_batch_do_not_see_each_other(model: torch.nn.Module) -> None:
    """It is a foundation model of 10 classes; a table gets the same logits in a batch and alone."""
    X, y, X_query = make_tables()
    assert isinstance(model, TabularFoundationModel) and model.n_classes == 10
    with torch.no_grad():
        both = model(X, y, X_query)
        alone = model(X[1:], y[1:], X_query[1:])
    assert both.shape == (2, 10, 10) and both.std() > 0
    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=0)


def check_that_fine_tuning_lowers_its_loss(model: torch.nn.Module) -> None:
    """The loop of all models moves the weights and lowers the training loss."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3)).astype("float32")
    parts = [LabelledRows(X[i::3], (X[i::3, 0] > 0).astype("int64")) for i in range(3)]
    data = FinetuneData(pool=parts[0], context=parts[0], val=parts[1], test=parts[2], n_classes=2)
    preset = FinetunePreset(n_steps=12, eval_every=6, learning_rate=3e-3, rows_per_step=30)
    run = FineTuner(preset).run(model, data, seed=0)
    assert run.steps == (0, 6, 12) and min(run.update_norm[1:]) > 0
    assert run.train_loss[2] < run.train_loss[1]
