"""TabICL, a second foundation model behind the same function (Qu et al., arXiv 2502.05564).

The network is that of the package tabicl. Its training path is used throughout: it has gradients, takes a
batch of tables, and equals the path for inference where there is no dropout.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Self

import torch
from torch import nn

from causalmix.models.base import ModelError
from causalmix.models.hub import fetch_files

REPO, CHECKPOINT = "jingang/TabICL", "tabicl-classifier-v2-20260212.ckpt"
"""Repository and file that tabicl 2.2 takes by default; the file's name carries its date."""

MAX_ABS = 100.0
"""Standardised features are clipped here, as the package's own classifier does."""


class TabICLModel(nn.Module):
    """A `TabularFoundationModel` over a TabICL network.

    Parameters
    ----------
    network : torch.nn.Module
        The package's `TabICL`, a classifier without dropout.
    n_classes : int
        Number of its outputs.
    """

    def __init__(self, network: nn.Module, n_classes: int) -> None:
        super().__init__()
        self.network, self.n_classes = network, n_classes

    def train(self, mode: bool = True) -> Self:
        """Set the mode; the network itself stays on its training path."""
        super().train(mode)
        self.network.train()
        return self

    def forward(
        self, X_context: torch.Tensor, y_context: torch.Tensor, X_query: torch.Tensor
    ) -> torch.Tensor:
        """Logits of the query rows; see `causalmix.models.base.TabularFoundationModel.forward`.

        Features are standardised by the context; one that is constant there is 0 everywhere.
        """
        X = torch.cat((X_context, X_query), dim=1)  # (B, R, C)
        mean = X_context.mean(dim=1, keepdim=True)
        scale = X_context.std(dim=1, keepdim=True)
        X = torch.where(scale > 0, (X - mean) / scale, torch.zeros_like(X)).clamp(-MAX_ABS, MAX_ABS)
        return self.network(X, y_context.float())  # (B, Rq, K)


def load_tabicl(device: str = "cpu", revision: str = "") -> TabICLModel:
    """Fetch the published classifier, or find it in the hub's cache, and load it.

    Parameters
    ----------
    device : str
        A torch device.
    revision : str
        A commit of the repository; by default its main branch.

    Raises
    ------
    ModelError
        When the file or the package cannot be had, or the file is not such a checkpoint.
    """
    (path,) = fetch_files(REPO, (CHECKPOINT,), revision or "main", extra="tabicl")
    return load_tabicl_checkpoint(path, device)


def load_tabicl_checkpoint(path: Path, device: str = "cpu") -> TabICLModel:
    """Load a checkpoint of TabICL: a file of `torch.save` with `config` and `state_dict`.

    Raises
    ------
    ModelError
        When tabicl is not installed, or the file is not a classifier's checkpoint.
    """
    try:
        from tabicl._model.tabicl import TabICL  # the package has no public name for its network
    except ImportError as error:
        raise ModelError(
            f"{path} needs the package tabicl, which is not installed ({error}): "
            "pip install 'causalmix[tabicl]'"
        ) from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        network = TabICL(**{**content["config"], "dropout": 0.0})
        network.load_state_dict(content["state_dict"])
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{path} cannot be read as a checkpoint of TabICL ({reason}): fetch it again, and see that it "
            "belongs to the installed version of tabicl"
        ) from error
    if network.max_classes < 2:
        raise ModelError(f"{path} is a regression model; causalmix fine-tunes classifiers")
    return TabICLModel(network, network.max_classes).to(device).eval()
