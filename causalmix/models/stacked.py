"""Many copies of one model as one program: each table of a batch goes through a copy of its own.

Layers with weights are replaced by ones whose weights have a leading dimension of `N` copies; everything
else of the model stays as it is. (`torch.func.vmap` over one set of weights per run gives the same numbers,
at 1.5 times the cost of the runs one by one on a CPU: it repeats each matrix per column and row of a table.)
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from causalmix.models.base import ModelError


def stack_copies(model: nn.Module, n_copies: int) -> nn.Module:
    """Return `n_copies` equal copies of a model as one model for batches of exactly as many tables.

    Parameters
    ----------
    model : torch.nn.Module
        A `TabularFoundationModel` whose inner tensors keep the tables of a batch in the leading dimension.
    n_copies : int
        `N`.

    Returns
    -------
    torch.nn.Module
        Its parameters are those of `model`, in their order, each with a leading dimension `N`.

    Raises
    ------
    ModelError
        When a layer with weights, or the model with weights of its own, cannot be stacked.

    Examples
    --------
    >>> from causalmix.models.tab2d import Tab2D, Tab2DConfig
    >>> models = stack_copies(Tab2D(Tab2DConfig(dim=16, n_layers=1, n_heads=2)), 3)
    >>> X, y = torch.randn(3, 6, 2), torch.tensor([[0, 1, 0, 1, 0, 1]] * 3)
    >>> models(X, y, torch.randn(3, 2, 2)).shape
    torch.Size([3, 2, 10])
    """
    stacked = copy.deepcopy(model)
    _replace_layers(stacked, n_copies)
    return stacked


def _replace_layers(module: nn.Module, n_copies: int) -> None:
    if next(module.parameters(recurse=False), None) is not None:
        raise ModelError(f"copies of a {type(module).__name__} cannot be stacked: make the runs one by one")
    for name, child in module.named_children():
        if type(child) in _FORWARD:
            setattr(module, name, _Stacked(child, n_copies))
        else:
            _replace_layers(child, n_copies)


class _Stacked(nn.Module):
    """`N` copies of a layer; the leading dimension of its input is a multiple of `N`."""

    def __init__(self, layer: nn.Module, n_copies: int) -> None:
        super().__init__()
        for name, parameter in layer.named_parameters():
            copies = parameter.detach().expand(n_copies, *parameter.shape).clone()
            self.register_parameter(name, nn.Parameter(copies))
        self._forward = _FORWARD[type(layer)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._forward(x, **dict(self.named_parameters()))


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """(N * any, ..., E), (N, F, E), (N, F) to (N * any, ..., F)."""
    tokens = x.reshape(len(weight), -1, x.shape[-1])
    return torch.baddbmm(bias.unsqueeze(1), tokens, weight.mT).view(*x.shape[:-1], -1)


def _layer_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """(N * any, ..., E), (N, E), (N, E) to the shape of `x`."""
    tokens = F.layer_norm(x, x.shape[-1:]).reshape(len(weight), -1, x.shape[-1])
    return torch.addcmul(bias.unsqueeze(1), tokens, weight.unsqueeze(1)).view(x.shape)


def _embedding(codes: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """(N, any) codes, (N, K, E) to (N, any, E)."""
    n_copies, n_codes, _ = weight.shape
    first = n_codes * torch.arange(n_copies, device=codes.device).unsqueeze(1)
    return F.embedding(codes + first, weight.flatten(0, 1))


_FORWARD: dict[type[nn.Module], Callable[..., torch.Tensor]] = {
    nn.Linear: _linear,
    nn.LayerNorm: _layer_norm,
    nn.Embedding: _embedding,
}
"""Kind of layer to its computation with `N` sets of weights; a Linear needs its bias."""


class FlatWeights:
    """The weights of `N` models in one vector: an optimiser's step is then a few operations.

    Parameters
    ----------
    model : torch.nn.Module
        Of `stack_copies`, or for `n_copies = 1` any model. Its parameters become views of the vector.
    n_copies : int

    Attributes
    ----------
    vector : torch.nn.Parameter
        (N * P,), one parameter of all copies after the other; hand it to the optimiser.
    gradient : torch.Tensor
        (N * P,); `backward` adds to it.
    """

    def __init__(self, model: nn.Module, n_copies: int) -> None:
        parameters = list(model.parameters())
        self._n_copies = n_copies
        self._sizes = [parameter.numel() for parameter in parameters]
        self.vector = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in parameters]))
        self.gradient = self.vector.grad = torch.zeros_like(self.vector)
        values, gradients = self._blocks(self.vector.detach()), self._blocks(self.gradient)
        for parameter, value, gradient in zip(parameters, values, gradients, strict=True):
            parameter.data = value.view(parameter.shape)
            parameter.grad = gradient.view(parameter.shape)  # backward() adds to it in place

    def rows(self) -> torch.Tensor:
        """Return the weights of each copy, (N, P): a new tensor."""
        return torch.cat(self._blocks(self.vector.detach()), dim=1)

    def clip_gradients(self, max_norm: float) -> None:
        """Scale each copy's gradient to a norm of at most `max_norm`, as `clip_grad_norm_` does for one."""
        blocks = self._blocks(self.gradient)
        norms = torch.stack([torch.linalg.vector_norm(block, dim=1) for block in blocks])
        total = torch.linalg.vector_norm(norms, dim=0)  # (N,)
        scale = (max_norm / (total + 1e-6)).clamp(max=1.0).unsqueeze(1)
        for block in blocks:
            block.mul_(scale)

    def _blocks(self, vector: torch.Tensor) -> list[torch.Tensor]:
        """Views of one parameter each, (N, its size)."""
        return [block.view(self._n_copies, -1) for block in vector.split(self._sizes)]


def saved_bytes(forward: Callable[[], torch.Tensor]) -> int:
    """Return the bytes that a forward pass keeps for its backward pass: what most of a step's memory is."""
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = forward()  # noqa: F841 (as long as it lives, so does what it keeps)
    return sum(kept.values())
