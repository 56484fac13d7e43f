"""Tab2D: what it computes, and that its layers keep rows apart."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from causalmix.models import tab2d
from causalmix.models.tab2d import Tab2D, Tab2DConfig, quantile_features

SMALL = Tab2DConfig(dim=16, n_layers=2, n_heads=2)


def make_model(config: Tab2DConfig = SMALL) -> Tab2D:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Tab2D(config).eval()


def make_table(n_rows: int, n_features: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    X = torch.randn(1, n_rows, n_features, generator=rng)
    return X, torch.randint(0, 3, (1, n_rows), generator=rng)


@torch.no_grad()
def predict(model: Tab2D, X: torch.Tensor, y: torch.Tensor, n_context: int) -> torch.Tensor:
    return model(X[:, :n_context], y[:, :n_context], X[:, n_context:])


def test_the_published_mitra_size_has_mitras_number_of_parameters() -> None:
    with torch.device("meta"):
        model = Tab2D(Tab2DConfig(dim=512, n_layers=12, n_heads=4, n_classes=10))
    assert sum(p.numel() for p in model.parameters()) == 75_670_026


def test_the_state_dict_has_autogluons_names() -> None:
    names = set(make_model().state_dict())
    assert {
        "x_embedding.x_embedding.weight",
        "y_embedding.y_embedding.weight",
        "y_embedding.y_mask.weight",
        "layers.0.layer_norm1.weight",
        "layers.1.attention1.q.bias",
        "layers.1.attention2.o.weight",
        "layers.0.linear4.bias",
        "final_layer_norm.weight",
        "final_layer.weight",
    } <= names


def test_a_query_row_does_not_see_the_other_query_rows() -> None:
    model, (X, y) = make_model(), make_table(20, 4)
    together = predict(model, X, y, 15)
    alone = predict(model, X[:, :16], y[:, :16], 15)
    assert torch.allclose(together[:, :1], alone, atol=1e-5)


def test_the_label_of_a_query_row_is_never_read() -> None:
    model, (X, y) = make_model(), make_table(20, 4)
    changed = y.clone()
    changed[:, 15:] = (y[:, 15:] + 1) % 3
    assert torch.equal(predict(model, X, y, 15), predict(model, X, changed, 15))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_context_rows_and_of_features_makes_no_difference(seed: int) -> None:
    model, (X, y) = make_model(), make_table(18, 5, seed)
    rng = torch.Generator().manual_seed(seed)
    rows = torch.cat((torch.randperm(12, generator=rng), torch.arange(12, 18)))
    features = torch.randperm(5, generator=rng)
    permuted = predict(model, X[:, rows][:, :, features], y[:, rows], 12)
    assert torch.allclose(predict(model, X, y, 12), permuted, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.01, 1000), shift=st.floats(-50, 50))
def test_increasing_maps_of_a_feature_change_next_to_nothing(seed: int, scale: float, shift: float) -> None:
    X, _ = make_table(60, 2, seed)
    X = X.double()
    before = quantile_features(X[:, :40], X[:, 40:])
    after = quantile_features(scale * X[:, :40] + shift, scale * X[:, 40:] + shift)
    assert torch.allclose(before, after, atol=0.1)


def test_a_constant_feature_is_zero_and_a_number() -> None:
    X, _ = make_table(20, 3)
    X[:, :, 1] = 7.0
    embedded = quantile_features(X[:, :15], X[:, 15:])
    assert torch.equal(embedded[:, :, 1], torch.zeros(1, 20))
    assert torch.isfinite(embedded).all()


def test_context_features_are_standardised() -> None:
    X, _ = make_table(200, 3)
    context = quantile_features(X[:, :150], X[:, 150:])[:, :150]
    assert context.mean(dim=1).abs().max() < 1e-5
    assert context.var(dim=1, unbiased=False).sub(1).abs().max() < 1e-4


@pytest.mark.parametrize("n_tables", [1, 3])
def test_tables_of_one_batch_are_independent(n_tables: int) -> None:
    model = make_model()
    tables = [make_table(20, 4, seed) for seed in range(n_tables)]
    X, y = torch.cat([X for X, _ in tables]), torch.cat([y for _, y in tables])
    batched = predict(model, X, y, 15)
    for index, (X_one, y_one) in enumerate(tables):
        assert torch.allclose(batched[index : index + 1], predict(model, X_one, y_one, 15), atol=1e-5)


@pytest.mark.parametrize("n_query", [0, 1, 30])
def test_predictions_in_slices_are_those_in_one_piece(n_query: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, (X, y) = make_model(), make_table(40 + n_query, 5)
    predictions = []
    for size in (1, 500, 10**9):
        monkeypatch.setattr(tab2d, "SLICE_SIZE", size)
        predictions.append(predict(model, X, y, 40))
    with torch.enable_grad():
        predictions.append(predict.__wrapped__(model, X, y, 40).detach())
    assert predictions[0].shape == (1, n_query, 10)
    assert all(torch.allclose(predictions[0], other, atol=1e-6) for other in predictions[1:])
