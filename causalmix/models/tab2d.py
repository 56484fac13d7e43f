"""Tab2D: attention over rows and over features, the architecture of Mitra.

State-dict names equal those of AutoGluon's `Tab2D`, so one class reads our small checkpoints and the
75.7 M-parameter Mitra. Reference: Zhang et al., *Mitra: Mixed Synthetic Priors for Enhancing Tabular
Foundation Models* (2025); the implementation is our own.

Dimensions, here and below: `B` tables, `R` rows of which the first `Rc` are context, `C` features,
`E` embedding, `H` heads, `K` classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

N_QUANTILES = 999
SLICE_SIZE = 2**17
"""Numbers in a slice of the rows' embeddings, about: 0.5 MB, and 2 MB in the hidden layer."""


@dataclass(frozen=True)
class Tab2DConfig:
    """Size of a Tab2D.

    Attributes
    ----------
    dim : int
        Embedding width `E`.
    n_layers : int
        Number of layers, each with row attention and feature attention.
    n_heads : int
        Attention heads `H`; divides `dim`.
    n_classes : int
        Number of outputs `K`: the most classes that a table may have.
    """

    dim: int = 64
    n_layers: int = 4
    n_heads: int = 4
    n_classes: int = 10


def quantile_features(X_context: torch.Tensor, X_query: torch.Tensor) -> torch.Tensor:
    """Replace each value by its standardised rank among the context's quantiles.

    Parameters
    ----------
    X_context : (B, Rc, C) float tensor
    X_query : (B, Rq, C) float tensor

    Returns
    -------
    (B, Rc + Rq, C) float tensor
        Context rows first; a feature that is constant in the context is 0 everywhere.
    """
    n_context = X_context.shape[1]
    levels = torch.arange(1, N_QUANTILES + 1, dtype=X_context.dtype, device=X_context.device) / (
        N_QUANTILES + 1
    )
    columns = X_context.transpose(1, 2).contiguous()  # (B, C, Rc)
    quantiles = torch.quantile(columns, levels, dim=2).permute(1, 2, 0).contiguous()  # (B, C, Q)
    values = torch.cat((columns, X_query.transpose(1, 2)), dim=2)  # (B, C, R)
    ranks = torch.searchsorted(quantiles, values.contiguous()).to(X_context.dtype) / n_context
    context_ranks = ranks[:, :, :n_context]
    mean = context_ranks.mean(dim=2, keepdim=True)
    variance = (context_ranks - mean).square().mean(dim=2, keepdim=True)
    standardised = (ranks - mean) / variance.sqrt()
    return torch.where(variance == 0, torch.zeros_like(ranks), standardised).transpose(1, 2)


class FeatureEmbedding(nn.Module):
    """One number to `E` numbers, the same map for every feature."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.x_embedding = nn.Linear(1, dim)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """(B, R, C) to (B, R, C, E)."""
        return self.x_embedding(X.unsqueeze(-1))


class LabelEmbedding(nn.Module):
    """Class code to `E` numbers; all query rows share one mask embedding."""

    def __init__(self, dim: int, n_classes: int) -> None:
        super().__init__()
        self.y_embedding = nn.Embedding(n_classes, dim)
        self.y_mask = nn.Embedding(1, dim)

    def forward(self, y_context: torch.Tensor, n_query: int) -> torch.Tensor:
        """(B, Rc) codes to (B, Rc + n_query, 1, E)."""
        known = self.y_embedding(y_context)
        masked = self.y_mask.weight.expand(y_context.shape[0], n_query, -1)
        return torch.cat((known, masked), dim=1).unsqueeze(2)


class Attention(nn.Module):
    """Multi-head scaled dot-product attention with biases."""

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.q = nn.Linear(dim, dim)
        self.k = nn.Linear(dim, dim)
        self.v = nn.Linear(dim, dim)
        self.o = nn.Linear(dim, dim)

    def forward(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Attend from `queries` (batch, tokens, E) to `keys` (batch, other tokens, E)."""
        q, k, v = self._heads(self.q(queries)), self._heads(self.k(keys)), self._heads(self.v(keys))
        attended = F.scaled_dot_product_attention(q, k, v)  # (batch, H, tokens, E / H)
        return self.o(attended.transpose(1, 2).flatten(2))

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)


class Layer(nn.Module):
    """Row attention, MLP, feature attention, MLP; each pre-normalised and residual."""

    def __init__(self, dim: int, n_heads: int) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(dim)
        self.attention1 = Attention(dim, n_heads)
        self.layer_norm2 = nn.LayerNorm(dim)
        self.linear1 = nn.Linear(dim, 4 * dim)
        self.linear2 = nn.Linear(4 * dim, dim)
        self.layer_norm3 = nn.LayerNorm(dim)
        self.attention2 = Attention(dim, n_heads)
        self.layer_norm4 = nn.LayerNorm(dim)
        self.linear3 = nn.Linear(dim, 4 * dim)
        self.linear4 = nn.Linear(4 * dim, dim)

    def forward(self, x: torch.Tensor, n_context: int, is_last: bool = False) -> torch.Tensor:
        """Map (B, C + 1, R, E) to the same shape; every row attends to the context rows only.

        The last layer computes only what is read: the label column (index 0) of the query rows,
        (B, 1, Rq, E).
        """
        first_row = n_context if is_last else 0
        x = _in_slices(lambda columns: self._across_rows(columns, n_context, first_row), x, dim=1)
        return _in_slices(lambda rows: self._across_columns(rows, is_last), x, dim=2)

    def _across_rows(self, x: torch.Tensor, n_context: int, first_row: int) -> torch.Tensor:
        """(B, C + 1, R, E) to (B, C + 1, R - first_row, E); columns do not see each other."""
        rows = self.layer_norm1(x).flatten(0, 1)  # (B * (C + 1), R, E)
        x = x[:, :, first_row:]
        x = x + self.attention1(rows[:, first_row:], rows[:, :n_context]).view_as(x)
        return x + self.linear2(F.gelu(self.linear1(self.layer_norm2(x))))

    def _across_columns(self, x: torch.Tensor, label_only: bool) -> torch.Tensor:
        """(B, C + 1, R, E) to the same shape or (B, 1, R, E); rows do not see each other."""
        columns = self.layer_norm3(x).transpose(1, 2).flatten(0, 1)  # (B * R, C + 1, E)
        readers = columns
        if label_only:
            x, readers = x[:, :1], columns[:, :1]
        attended = self.attention2(readers, columns).unflatten(0, (x.shape[0], -1))
        x = x + attended.transpose(1, 2)
        return x + self.linear4(F.gelu(self.linear3(self.layer_norm4(x))))


def _in_slices(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, dim: int) -> torch.Tensor:
    """Return ``function(x)``, on a CPU without gradients computed slice by slice along ``dim``.

    The slices are independent, so the result is the same; their hidden layers stay in the processor's cache.
    """
    if torch.is_grad_enabled() or x.device.type != "cpu":
        return function(x)
    size = max(1, SLICE_SIZE * x.shape[dim] // max(1, x.numel()))
    return torch.cat([function(part) for part in x.split(size, dim)], dim)


class Tab2D(nn.Module):
    """Tabular foundation model with two-dimensional attention.

    Parameters
    ----------
    config : Tab2DConfig
        Size of the network.

    Examples
    --------
    >>> model = Tab2D(Tab2DConfig(dim=16, n_layers=1, n_heads=2))
    >>> X, y = torch.randn(1, 6, 3), torch.tensor([[0, 1, 0, 1, 0, 1]])
    >>> model(X, y, torch.randn(1, 2, 3)).shape
    torch.Size([1, 2, 10])
    """

    def __init__(self, config: Tab2DConfig) -> None:
        super().__init__()
        self.config = config
        self.n_classes = config.n_classes
        self.x_embedding = FeatureEmbedding(config.dim)
        self.y_embedding = LabelEmbedding(config.dim, config.n_classes)
        self.layers = nn.ModuleList(Layer(config.dim, config.n_heads) for _ in range(config.n_layers))
        self.final_layer_norm = nn.LayerNorm(config.dim)
        self.final_layer = nn.Linear(config.dim, config.n_classes)
        for parameters in (self.x_embedding.x_embedding, self.y_embedding.y_embedding):
            nn.init.normal_(parameters.weight)
        nn.init.normal_(self.x_embedding.x_embedding.bias)
        nn.init.normal_(self.y_embedding.y_mask.weight)

    def forward(
        self, X_context: torch.Tensor, y_context: torch.Tensor, X_query: torch.Tensor
    ) -> torch.Tensor:
        """Logits of the query rows; see `causalmix.models.base.TabularFoundationModel.forward`."""
        n_context, n_query = X_context.shape[1], X_query.shape[1]
        features = self.x_embedding(quantile_features(X_context, X_query))  # (B, R, C, E)
        labels = self.y_embedding(y_context, n_query)  # (B, R, 1, E)
        x = torch.cat((labels, features), dim=2).transpose(1, 2).contiguous()  # (B, C + 1, R, E)
        for depth, layer in enumerate(self.layers, start=1):
            x = layer(x, n_context, is_last=depth == len(self.layers))
        return self.final_layer(self.final_layer_norm(x[:, 0]))  # (B, Rq, K)
