"""Whether a device is here, asked before runs are noted that no worker could make; and whether one failed."""

from __future__ import annotations

from causalmix.specs import SpecError

_REFUSALS = {1, 2, 9, 701}
"""CUDA's codes of a launch with a wrong value, no memory, too large a grid, too few registers: it goes on."""


def check_device(device: str, engine: str = "local") -> None:
    """Refuse a device that PyTorch does not have on this machine; no memory of a GPU is taken.

    Parameters
    ----------
    device : str
        A torch device: ``cpu``, ``cuda``, ``cuda:1``, ...
    engine : str
        A key of `causalmix.engines.ENGINES`. Of "ray" nothing is asked here: its nodes may have what this
        machine lacks, and each is asked before it takes work.

    Raises
    ------
    SpecError
        When there is no such device, or PyTorch's build here cannot use it.

    Examples
    --------
    >>> check_device("cpu")
    >>> check_device("gpu")
    Traceback (most recent call last):
    causalmix.specs.SpecError: device 'gpu' is not one of PyTorch's: say cpu or cuda
    """
    if device == "cpu" or engine == "ray":
        return
    import torch

    try:
        asked = torch.device(device)
    except RuntimeError:
        raise SpecError(f"device {device!r} is not one of PyTorch's: say cpu or cuda") from None
    try:
        if asked.type == "cuda":
            is_here = (asked.index or 0) < torch.cuda.device_count()
        else:
            is_here = torch.zeros(1, device=asked).item() == 0
    except (RuntimeError, AssertionError, ImportError):  # PyTorch's build lacks the device
        is_here = False
    if not is_here:
        raise SpecError(
            f"device {device!r} is not here (PyTorch {torch.__version__}, {torch.cuda.device_count()} CUDA "
            "devices): say cpu, or install PyTorch's build for this machine's GPU"
        )


def is_device_fault(error: Exception) -> bool:
    """Whether an error says that the device failed, after which this process cannot compute on it.

    A launch that a GPU refuses, such as that of too large a program, is no fault; nor is a lack of memory.

    Examples
    --------
    >>> import torch
    >>> is_device_fault(torch.AcceleratorError("CUDA error: unspecified launch failure"))
    True
    >>> is_device_fault(torch.OutOfMemoryError("CUDA out of memory"))
    False
    """
    import torch

    return isinstance(error, torch.AcceleratorError) and getattr(error, "error_code", 0) not in _REFUSALS
