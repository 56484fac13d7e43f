"""Class probabilities from a foundation model, optionally averaged over views of the table, and ROC-AUC."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from causalmix.models.base import mask_absent_classes


def predict_proba(
    model: torch.nn.Module,
    X_context: np.ndarray,
    y_context: np.ndarray,
    X_query: np.ndarray,
    n_classes: int,
    *,
    n_members: int = 1,
    seed: int = 0,
) -> np.ndarray:
    """Predict query rows in one forward pass per ensemble member.

    Member 0 sees the table as it is; each further one a random permutation of the class codes, random feature
    signs and a random order of the features; the codes are put back before probabilities are averaged. (Tab2D
    treats features alike, so their order makes no difference to it.)

    Parameters
    ----------
    model : torch.nn.Module
        A `TabularFoundationModel`.
    X_context : (Rc, C) float array
    y_context : (Rc,) int array
        Codes `0 <= y < n_classes`.
    X_query : (Rq, C) float array
    n_classes : int
    n_members : int
        Views to average over; 1 is the model itself.
    seed : int
        Chooses the views.

    Returns
    -------
    (Rq, n_classes) float64 array
        Rows sum to 1; a class absent from the context has probability 0.
    """
    rng = np.random.default_rng(seed)
    shuffle = np.random.default_rng([seed, 1])  # of its own: codes and signs are those drawn without it
    total = np.zeros((len(X_query), n_classes))
    for member in range(n_members):
        codes, order = np.arange(n_classes), np.arange(X_context.shape[1])
        signs = np.ones(X_context.shape[1], dtype=np.float32)
        if member:
            codes, order = rng.permutation(n_classes), shuffle.permutation(order)
            signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size=X_context.shape[1])
        X, X_new = (rows[:, order] * signs for rows in (X_context, X_query))
        view = X[None], codes[y_context][None], X_new[None]
        total += predict_tables(model, *view, n_classes)[0][:, codes]
    return total / n_members


@torch.no_grad()
def predict_tables(
    model: torch.nn.Module, X_context: np.ndarray, y_context: np.ndarray, X_query: np.ndarray, n_classes: int
) -> np.ndarray:
    """Predict the query rows of several tables of one shape in one forward pass.

    Parameters
    ----------
    model : torch.nn.Module
        A `TabularFoundationModel`.
    X_context : (B, Rc, C) float array
    y_context : (B, Rc) int array
        Codes `0 <= y < n_classes`.
    X_query : (B, Rq, C) float array
    n_classes : int

    Returns
    -------
    (B, Rq, n_classes) float64 array
        Rows sum to 1; a class absent from a table's context has probability 0.
    """
    device = next(model.parameters()).device
    context, query = (torch.as_tensor(X, dtype=torch.float32, device=device) for X in (X_context, X_query))
    labels = torch.as_tensor(y_context, dtype=torch.int64, device=device)
    logits = mask_absent_classes(model(context, labels, query), labels)[:, :, :n_classes]
    return logits.double().softmax(dim=2).cpu().numpy()


def roc_auc(y: np.ndarray, proba: np.ndarray) -> float:
    """ROC-AUC; with more than two classes the one-vs-rest mean over the classes that `y` holds.

    Parameters
    ----------
    y : (n_rows,) int array
    proba : (n_rows, n_classes) float array

    Returns
    -------
    float
        In [0, 1]; 0.5 where `y` holds a single class, which no ranking can separate.
    """
    present = np.unique(y)
    if len(present) < 2:
        return 0.5
    if proba.shape[1] == 2:
        return float(roc_auc_score(y == 1, proba[:, 1]))
    return float(np.mean([roc_auc_score(y == k, proba[:, k]) for k in present]))
