"""Our Tab2D against AutoGluon's: the same weights and rows give the same logits.

Needs ``autogluon.tabular[mitra]`` (``make test-mitra``); skipped where it is not installed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.autogluon_mitra import finetune_autogluon
from causalmix.finetune import FinetuneData, LabelledRows
from causalmix.models import load_model
from causalmix.models.checkpoints import save_checkpoint
from causalmix.models.tab2d import Tab2D, Tab2DConfig

MITRA, SMALL = Tab2DConfig(dim=512, n_layers=12, n_heads=4), Tab2DConfig(dim=64, n_layers=3, n_heads=4)
TOLERANCE = 1e-5

pytest.importorskip("autogluon.tabular.models.mitra._internal", reason="autogluon is absent: make test-mitra")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Checkpoints with random weights, in Mitra's exact size and in a small one."""
    made = {}
    for name, config in (("mitra", MITRA), ("small", SMALL)):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            made[name] = tmp_path_factory.mktemp(name)
            save_checkpoint(Tab2D(config), made[name])
    return made


def make_table(n_rows: int = 40, n_features: int = 6, n_classes: int = 10, seed: int = 0) -> tuple:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    X[:, 1] = rng.integers(0, 3, n_rows)  # ties
    return X, rng.permutation(np.arange(n_rows) % n_classes)


def prepare(X: np.ndarray, y: np.ndarray, n_context: int) -> tuple[np.ndarray, np.ndarray]:
    """Return context and query rows as AutoGluon's preprocessor makes them, without its random signs."""
    from autogluon.tabular.models.mitra._internal.config.enums import Task
    from autogluon.tabular.models.mitra._internal.data.preprocessor import Preprocessor

    preprocessor = Preprocessor(
        dim_embedding=None,
        n_classes=10,
        dim_output=10,
        use_quantile_transformer=False,
        use_feature_count_scaling=False,
        use_random_transforms=False,
        shuffle_classes=False,
        shuffle_features=False,
        random_mirror_regression=False,
        random_mirror_x=False,
        task=Task.CLASSIFICATION,
    ).fit(X[:n_context].copy(), y[:n_context])
    return preprocessor.transform_X(X[:n_context].copy()), preprocessor.transform_X(X[n_context:].copy())


@torch.no_grad()
def both_logits(folder: Path, X_context: np.ndarray, y: np.ndarray, X_query: np.ndarray) -> tuple:
    """Return the logits of our class and of AutoGluon's on the same rows."""
    from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D as AutogluonTab2D

    context, query = (torch.as_tensor(X, dtype=torch.float32)[None] for X in (X_context, X_query))
    labels = torch.as_tensor(y[: len(X_context)])[None]
    ours = load_model(str(folder))(context, labels, query)
    nothing = [
        torch.zeros(1, size, dtype=torch.bool) for size in (context.shape[2], len(labels[0]), len(X_query))
    ]
    theirs = AutogluonTab2D.from_pretrained(str(folder), device="cpu").eval()
    return ours, theirs(context.clone(), labels.clone(), query.clone(), *nothing)


def assert_equal(logits: tuple) -> None:
    ours, theirs = logits
    assert ours.std() > 0.1  # random weights, yet no constant answer
    torch.testing.assert_close(ours, theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", ["small", "mitra"])
def test_the_logits_agree_with_missing_values_constant_columns_and_ten_classes(folders, name):
    X, y = make_table()
    X[::7, 0] = np.nan
    X[:, 2] = 5.0  # constant everywhere: AutoGluon's preprocessor drops it
    context, query = prepare(X, y, 30)
    assert set(y[:30]) == set(range(10)) and context.shape == (30, 5) and not np.isnan(context).any()
    assert_equal(both_logits(folders[name], context, y, query))


@pytest.mark.parametrize("name", ["small", "mitra"])
def test_a_column_that_is_constant_in_the_context_only_is_zero_for_both(folders, name):
    X, y = make_table(n_classes=3)
    X[:30, 3] = 1.0
    assert_equal(both_logits(folders[name], X[:30], y, X[30:]))


def test_one_feature_and_one_row_of_each_class_agree(folders):
    X, _ = make_table(n_rows=12, n_features=2)
    assert_equal(both_logits(folders["small"], X[:10, :1], np.arange(10), X[10:, :1]))


def test_padding_of_autogluons_batches_changes_nothing_for_one_table(folders):
    """AutoGluon fine-tunes on batches of one table: its collator pads nothing, so ours has no mask."""
    from autogluon.tabular.models.mitra._internal.data.collator import CollatorWithPadding

    X, y = (torch.as_tensor(part) for part in make_table())
    table = {"x_support": X[:30], "y_support": y[:30], "x_query": X[30:], "y_query": y[30:]}
    batch = CollatorWithPadding(max_features=None, pad_to_max_features=False)([table])
    assert not any(batch[name].any() for name in batch if name.startswith("padding"))
    assert torch.equal(batch["x_support"][0], X[:30]) and torch.equal(batch["x_query"][0], X[30:])


def test_autogluon_saves_what_we_load(folders, tmp_path):
    from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D as AutogluonTab2D

    AutogluonTab2D.from_pretrained(str(folders["small"]), device="cpu").save_pretrained(str(tmp_path))
    ours, again = load_model(str(folders["small"])).state_dict(), load_model(str(tmp_path)).state_dict()
    assert list(ours) == list(again) and all(torch.equal(ours[name], again[name]) for name in ours)


def test_autogluons_own_loop_fine_tunes_our_checkpoint():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3)).astype("float32")
    y = (X[:, 0] > 0).astype("int64")
    pool, val, test = (LabelledRows(X[i::3], y[i::3]) for i in range(3))
    data = FinetuneData(pool=pool, context=pool, val=val, test=test, n_classes=2)
    folder = Path(__file__).parents[2] / "causalmix" / "models" / "weights" / "embedded-mini"
    run = finetune_autogluon(folder, data, n_steps=2)
    assert run.test_auc > 0.9 and np.array_equal(data.pool.X, X[0::3])
    assert finetune_autogluon(folder, data, n_steps=2).test_auc == run.test_auc


@pytest.mark.network
@pytest.mark.parametrize("name", ["mitra", "mitra-v2"])
def test_the_published_weights_load_where_the_hub_can_be_reached(name):
    from causalmix.models import ModelError

    try:
        model = load_model(name)
    except ModelError as error:
        if "cannot be reached" in str(error):
            pytest.skip(str(error))
        raise
    assert sum(weight.numel() for weight in model.parameters()) == 75_670_026
