"""The scripts of ``benchmarks/``, which are no package, as modules."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from causalmix.locations import find_root


def load_benchmark(name: str) -> ModuleType:
    """Import a script of ``benchmarks/``."""
    spec = importlib.util.spec_from_file_location(f"bench_{name}", find_root() / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
