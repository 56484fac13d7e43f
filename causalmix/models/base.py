"""What every tabular foundation model (TFM) offers to the fine-tuning loop."""

from __future__ import annotations

import hashlib
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F


class ModelError(RuntimeError):
    """A model cannot be found, read or used; the message says what to do."""


@runtime_checkable
class TabularFoundationModel(Protocol):
    """An in-context classifier of table rows: a `torch.nn.Module` with this `forward`.

    Dimensions: `B` tables, `Rc` context rows, `Rq` query rows, `C` features, `K` classes (`n_classes`).
    """

    n_classes: int

    def forward(
        self, X_context: torch.Tensor, y_context: torch.Tensor, X_query: torch.Tensor
    ) -> torch.Tensor:
        """Return the query rows' logits.

        Parameters
        ----------
        X_context : (B, Rc, C) float tensor
            Features of the labelled rows, without missing values.
        y_context : (B, Rc) int64 tensor
            Their class codes, `0 <= y < K`.
        X_query : (B, Rq, C) float tensor
            Features of the rows to classify.

        Returns
        -------
        (B, Rq, K) float tensor
            Unnormalised log-probabilities; classes absent from the context are left to the caller to mask.
        """
        ...


def digest_weights(model: torch.nn.Module) -> str:
    """Return 12 hex characters of the SHA-256 over a model's weights, their names and shapes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:12]


def mask_absent_classes(logits: torch.Tensor, y_context: torch.Tensor) -> torch.Tensor:
    """Give classes that do not occur in the context a probability of zero.

    Parameters
    ----------
    logits : (B, Rq, K) float tensor
    y_context : (B, Rc) int64 tensor

    Returns
    -------
    (B, Rq, K) float tensor
    """
    present = F.one_hot(y_context, logits.shape[-1]).any(dim=1)  # (B, K)
    return logits.masked_fill(~present.unsqueeze(1), -1e4)


def in_context_loss(
    model: torch.nn.Module,
    X_context: torch.Tensor,
    y_context: torch.Tensor,
    X_query: torch.Tensor,
    y_query: torch.Tensor,
) -> torch.Tensor:
    """Mean cross-entropy of the query rows whose class occurs in their context.

    Parameters
    ----------
    model : torch.nn.Module
        A `TabularFoundationModel`.
    X_context, y_context : (B, Rc, C) float and (B, Rc) int64 tensors
    X_query, y_query : (B, Rq, C) float and (B, Rq) int64 tensors

    Returns
    -------
    scalar tensor
        0 (with gradient) where no query row can be scored.
    """
    logits = mask_absent_classes(model(X_context, y_context, X_query), y_context)
    known = (y_query.unsqueeze(2) == y_context.unsqueeze(1)).any(dim=2)  # (B, Rq)
    if not known.any():
        return 0.0 * logits.sum()
    return F.cross_entropy(logits[known], y_query[known])


def in_context_losses(
    model: torch.nn.Module,
    X_context: torch.Tensor,
    y_context: torch.Tensor,
    X_query: torch.Tensor,
    y_query: torch.Tensor,
) -> torch.Tensor:
    """Like `in_context_loss`, of each table by itself.

    Returns
    -------
    (B,) float tensor
    """
    logits = mask_absent_classes(model(X_context, y_context, X_query), y_context)
    known = (y_query.unsqueeze(2) == y_context.unsqueeze(1)).any(dim=2)  # (B, Rq)
    losses = F.cross_entropy(logits.flatten(0, 1), y_query.flatten(), reduction="none").view(known.shape)
    return (losses * known).sum(dim=1) / known.sum(dim=1).clamp_min(1)
