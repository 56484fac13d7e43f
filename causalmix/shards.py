"""A study in parts, for machines that know nothing of each other."""

from __future__ import annotations

from collections.abc import Sequence

from causalmix.specs import RunSpec, SpecError


def take_shard(specs: Sequence[RunSpec], shard: tuple[int, int] | None) -> list[RunSpec]:
    """Return the i-th of n parts of ``specs``; the parts are disjoint and together everything.

    A (dataset, fold, repeat) is never split, because its arms share synthetic rows. That holds for parts of
    the same ``specs``: take the part before leaving out what one machine lacks.

    Raises
    ------
    SpecError
        When there is no i-th of n parts.

    Examples
    --------
    >>> specs = [RunSpec("s", "bundled", "iris", fold, arm) for fold in (0, 1) for arm in ("default", "scm")]
    >>> [spec.fold for spec in take_shard(specs, (1, 2))]
    [1, 1]
    """
    if shard is None:
        return list(specs)
    part, n_parts = shard
    if n_parts < 1 or not 0 <= part < n_parts:
        raise SpecError(
            f"shard {part}/{n_parts} does not exist: the parts of {n_parts} are 0 to {n_parts - 1}"
        )
    cells = {cell: number for number, cell in enumerate(dict.fromkeys(map(_cell, specs)))}
    return [spec for spec in specs if cells[_cell(spec)] % n_parts == part]


def _cell(spec: RunSpec) -> tuple:
    return (spec.suite, spec.dataset, spec.fold, spec.repeat)
