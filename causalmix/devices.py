"""Whether a device is here: asked once, before a study notes runs that no worker could make."""

from __future__ import annotations

from causalmix.specs import SpecError


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
