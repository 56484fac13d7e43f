"""TabPFN v1, a published foundation model small enough to be fine-tuned on CPUs.

The architecture is that of Hollmann et al., *TabPFN: A Transformer That Solves Small Tabular Classification
Problems in a Second* (ICLR 2023); the implementation is our own, with the published checkpoint's names. That
checkpoint is the one that the authors ship in version 0.1 of their package (MIT licence).

Dimensions: `B` tables, `R` rows of which the first `Rc` are context, `C` features, `F` features at most, `E`
embedding.
"""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from causalmix.models.base import ModelError

ARCHIVE = (
    "https://files.pythonhosted.org/packages/2e/fb/"
    "cdbd8996cf3aab162a9f03a2989a4896ba9aae59e9d0e3409f788609ccc3/tabpfn-0.1.tar.gz"
)
SHA256 = "8a37c4131e13ad9f9aae678e659b1169e7e1bd4bbcae2b3fc2718df8ae7fdc88"
CHECKPOINT = "tabpfn-0.1/tabpfn/models_diff/prior_diff_real_checkpoint_n_0_epoch_42.cpkt"
"""The authors' package on PyPI, 96 MB; its checksum as PyPI publishes it; the checkpoint in it."""

MAX_ABS, N_SIGMA = 100.0, 4.0
"""Standardised features are clipped at the one, and grow logarithmically beyond so many deviations."""

_WRONG = (KeyError, RuntimeError, TypeError, ValueError)
"""What reading raises when a file holds something else."""


class _Layer(nn.TransformerEncoderLayer):
    """An encoder layer in which every row attends to the context rows only."""

    def forward(self, rows: torch.Tensor, n_context: int) -> torch.Tensor:  # type: ignore[override]
        """(B, R, E) to the same shape."""
        context = rows[:, :n_context]
        rows = self.norm1(rows + self.self_attn(rows, context, context, need_weights=False)[0])
        return self.norm2(rows + self.linear2(F.gelu(self.linear1(rows))))


class TabPFN(nn.Module):
    """A `TabularFoundationModel` to which a row is one token.

    Parameters
    ----------
    max_features : int
        Most features of a table, `F`.
    n_classes : int
        Number of outputs.
    dim, hidden : int
        Width of a token, `E`, and of the hidden layers.
    n_layers, n_heads : int

    Examples
    --------
    >>> model = TabPFN(max_features=5, n_classes=3, dim=16, hidden=32, n_layers=1)
    >>> X, y = torch.randn(1, 6, 2), torch.tensor([[0, 1, 0, 1, 0, 1]])
    >>> model(X, y, torch.randn(1, 4, 2)).shape
    torch.Size([1, 4, 3])
    """

    def __init__(
        self,
        max_features: int = 100,
        n_classes: int = 10,
        dim: int = 512,
        hidden: int = 1024,
        n_layers: int = 12,
        n_heads: int = 4,
    ) -> None:
        super().__init__()
        self.max_features, self.n_classes = max_features, n_classes
        self.encoder = nn.Linear(max_features, dim)
        self.y_encoder = nn.Linear(1, dim)
        layers = [_Layer(dim, n_heads, hidden, dropout=0.0, batch_first=True) for _ in range(n_layers)]
        self.transformer_encoder = nn.ModuleDict({"layers": nn.ModuleList(layers)})
        self.decoder = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, n_classes))

    def forward(
        self, X_context: torch.Tensor, y_context: torch.Tensor, X_query: torch.Tensor
    ) -> torch.Tensor:
        """Logits of the query rows; see `causalmix.models.base.TabularFoundationModel.forward`.

        Raises
        ------
        ValueError
            When the table has more features than the model takes.
        """
        n_context = X_context.shape[1]
        rows = self.encoder(scale_features(X_context, X_query, self.max_features))
        labels = self.y_encoder(y_context.unsqueeze(2).to(rows.dtype))
        rows = torch.cat((rows[:, :n_context] + labels, rows[:, n_context:]), dim=1)
        for layer in self.transformer_encoder["layers"].children():
            rows = layer(rows, n_context)
        return self.decoder(rows[:, n_context:])


def scale_features(X_context: torch.Tensor, X_query: torch.Tensor, max_features: int) -> torch.Tensor:
    """Prepare features as the model was trained on them.

    Standardised by the context, without those that are constant there, outliers compressed; scaled up by how
    few they are, then filled up with zeros.

    Parameters
    ----------
    X_context : (B, Rc, C) float tensor
    X_query : (B, R - Rc, C) float tensor
    max_features : int
        `F`.

    Returns
    -------
    (B, R, F) float tensor

    Raises
    ------
    ValueError
        When there are more than `F` features: this table cannot be served, others can.
    """
    n_context, n_features = X_context.shape[1:]
    if n_features > max_features:
        raise ValueError(
            f"TabPFN v1 takes at most {max_features} features and the table has {n_features}: leave columns "
            "out, or choose another model"
        )
    X = torch.cat((X_context, X_query), dim=1)
    centred = X - X_context.mean(dim=1, keepdim=True)
    X = (centred / (X_context.std(dim=1, keepdim=True) + 1e-6)).clamp(-MAX_ABS, MAX_ABS)
    varies = X_context.amax(dim=1, keepdim=True) > X_context.amin(dim=1, keepdim=True)  # (B, 1, C)
    X = torch.where(varies, _compress_outliers(X, n_context), torch.zeros_like(X))
    X = X * (max_features / varies.sum(dim=2, keepdim=True).clamp(min=1))
    order = varies.int().argsort(dim=2, descending=True, stable=True).expand_as(X)
    return F.pad(X.gather(2, order), (0, max_features - n_features))


def _compress_outliers(X: torch.Tensor, n_context: int) -> torch.Tensor:
    """Let (B, R, C) standardised features grow logarithmically beyond `N_SIGMA` deviations of the context.

    The deviation is that of the values which lie within as many deviations themselves.
    """
    context = X[:, :n_context]
    low, high = _bounds(context, torch.ones_like(context))
    low, high = _bounds(context, ((context >= low) & (context <= high)).to(X.dtype))
    X = torch.maximum(X, low - torch.log1p(X.abs()))
    return torch.minimum(X, high + torch.log1p(X.abs()))


def _bounds(X: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of the weighted rows -+ `N_SIGMA` deviations, (B, 1, C) each."""
    total = weight.sum(dim=1, keepdim=True)
    mean = (weight * X).sum(dim=1, keepdim=True) / total
    spread = ((weight * (X - mean).square()).sum(dim=1, keepdim=True) / (total - 1)).sqrt()
    return mean - N_SIGMA * spread, mean + N_SIGMA * spread


def load_tabpfn(device: str = "cpu", revision: str = "") -> TabPFN:
    """Fetch the authors' package from PyPI, or find it in the cache, and load its checkpoint.

    Raises
    ------
    ModelError
        When the package cannot be had, or a revision is asked for.
    """
    if revision:
        raise ModelError(f"tabpfn-v1 is one checkpoint and has no revisions: leave @{revision} out")
    otherwise = f"or fetch {ARCHIVE} elsewhere and pass --model with its local path"
    try:
        import pooch
        import requests
    except ImportError as error:
        raise ModelError(
            f"tabpfn-v1 is fetched with pooch, which is not installed ({error}): "
            f"pip install 'causalmix[tabpfn]', {otherwise}"
        ) from error
    try:
        path = pooch.retrieve(ARCHIVE, f"sha256:{SHA256}", path=pooch.os_cache("causalmix"))
    except (OSError, ValueError, requests.RequestException) as error:
        raise ModelError(
            f"tabpfn-v1 could not be fetched ({error}): see that there is a connection and room on the disk, "
            f"and try again, {otherwise}"
        ) from error
    return load_tabpfn_archive(Path(path), device)


def load_tabpfn_archive(path: Path, device: str = "cpu") -> TabPFN:
    """Load the checkpoint in ``tabpfn-0.1.tar.gz``, without unpacking anything to the disk.

    Raises
    ------
    ModelError
        When the file is not that archive.
    """
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile(CHECKPOINT)
            content = io.BytesIO(member.read() if member else b"")
        state, _, config = torch.load(content, map_location="cpu", weights_only=True)
        model = TabPFN(
            max_features=config["num_features"],
            n_classes=config["max_num_classes"],
            dim=config["emsize"],
            hidden=config["emsize"] * config["nhid_factor"],
            n_layers=config["nlayers"],
            n_heads=config["nhead"],
        )
        weights = {name.removeprefix("module."): weight for name, weight in state.items()}
        weights.pop("criterion.weight", None)  # of the loss
        model.load_state_dict(weights)
    except (OSError, EOFError, zlib.error, tarfile.TarError, pickle.UnpicklingError, *_WRONG) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{path} cannot be read as the archive of TabPFN v1 ({reason}): fetch {ARCHIVE} again"
        ) from error
    return model.to(device).eval()
