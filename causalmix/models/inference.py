"""Class probabilities from a foundation model, optionally averaged over views of the table, and ROC-AUC."""

from __future__ import annotations

from collections.abc import Sequence

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
    categorical_features: Sequence[int] = (),
    n_members: int = 1,
    seed: int = 0,
) -> np.ndarray:
    """Predict query rows in one forward pass per ensemble member.

    Member 0 sees the table as it is; each further one a random permutation of the class codes and of the
    codes of each categorical feature, random feature signs and a random order of the features; the class
    codes are put back before probabilities are averaged. (Tab2D treats features alike, so their order makes
    no difference to it.)

    Parameters
    ----------
    model : torch.nn.Module
        A `TabularFoundationModel`.
    X_context : (Rc, C) float array
    y_context : (Rc,) int array
        Codes `0 <= y < n_classes`.
    X_query : (Rq, C) float array
    n_classes : int
    categorical_features : sequence of int
        Columns that hold codes 0, 1, ..., whose order says nothing.
    n_members : int
        Views to average over; 1 is the model itself.
    seed : int
        Chooses the views.

    Returns
    -------
    (Rq, n_classes) float64 array
        Rows sum to 1; a class absent from the context has probability 0.

    Raises
    ------
    ValueError
        For a categorical feature with a value that is no code.
    """
    X = np.concatenate((X_context, X_query)).astype(np.float32)
    for column in categorical_features:
        values = X[:, column]
        if not (np.isfinite(values).all() and np.array_equal(values, np.abs(np.rint(values)))):
            raise ValueError(
                f"categorical feature {column} holds other values than codes 0, 1, ...: encode it, or leave "
                "it out of categorical_features"
            )
    rng, shuffle, recode = (np.random.default_rng(key) for key in (seed, [seed, 1], [seed, 2]))
    total = np.zeros((len(X_query), n_classes))
    for member in range(n_members):
        codes, view = np.arange(n_classes), X
        if member:
            codes = rng.permutation(n_classes)
            view = _shuffle_levels(X, len(X_context), categorical_features, recode)
            signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size=X.shape[1])
            view = view[:, shuffle.permutation(X.shape[1])] * signs
        context, query = np.split(view[None], [len(X_context)], axis=1)
        total += predict_tables(model, context, codes[y_context][None], query, n_classes)[0][:, codes]
    return total / n_members


def _shuffle_levels(
    X: np.ndarray, n_context: int, categorical_features: Sequence[int], rng: np.random.Generator
) -> np.ndarray:
    """Permute the codes of each categorical feature; a code above those of the context stays."""
    X = X.copy()
    for column in categorical_features:
        own = X[:, column].astype(int)
        codes, n_levels = np.arange(own.max() + 1), own[:n_context].max() + 1
        codes[:n_levels] = rng.permutation(n_levels)
        X[:, column] = codes[own]
    return X


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
