"""Claims as written down: the entries of ``notebooks/claims.yml`` and their decision rules.

A rule is a list of conditions on named quantities. All conditions of ``core`` must hold, or the verdict is
"not reproduced"; when those of ``full`` hold as well it is "reproduced", else "partly".
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from causalmix.estimands import ESTIMANDS, Quantities
from causalmix.locations import MARKER, find_root
from causalmix.method_estimands import METHOD_ESTIMANDS

_RELATIONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}


_AS_WRITTEN = ("id", "title", "sentence", "kind", "verified", "confidence", "estimand")


class ClaimError(ValueError):
    """A claim that does not exist or a rule that cannot be read; the message names it and the cure."""


@dataclass(frozen=True)
class Condition:
    """``quantity is bound``: one line of a decision rule.

    Attributes
    ----------
    quantity : str
        A quantity of the estimand, or ``distance``: |value - reference|.
    relation : str
        One of ``> >= < <= ==``.
    bound : float
    """

    quantity: str
    relation: str
    bound: float

    def holds(self, quantities: Quantities) -> bool:
        """Return whether the condition holds; never for a NaN."""
        return _RELATIONS[self.relation](quantities[self.quantity], self.bound)

    def describe(self, quantities: Quantities) -> str:
        """Return the condition with the number that was found."""
        outcome = "holds" if self.holds(quantities) else "fails"
        return (
            f"{self.quantity} {self.relation} {self.bound:g} {outcome} ({short(quantities[self.quantity])})"
        )


@dataclass(frozen=True)
class Claim:
    """One entry of ``claims.yml``.

    Attributes
    ----------
    id, title, sentence, kind : str
        Number, a few words, the sentence, and ``protocol``, ``method``, ``empirical`` or ``exploratory``.
    verified : bool or None
        The source's own flag; ``None`` for the claims that we added.
    confidence : float or None
        The source's own confidence in [0, 1].
    estimand : dict
        ``kind``, ``text`` and the parameters of the function of that kind.
    reference, tolerance : float
        Published value and the tolerance that the rule may name.
    core, full : tuple of Condition
        The rule.
    rule : str
        The rule in words.
    needs : dict
        What the store must hold: ``arms, arm_prefix, min_datasets, suite, trajectories, simulation``.
    labels : dict
        Verdict to words, where the usual ones do not fit.
    reference_values : dict
        Published values per arm, shown beside ours.
    """

    id: str
    title: str
    sentence: str
    kind: str
    verified: bool | None
    confidence: float | None
    estimand: Mapping[str, Any]
    reference: float
    tolerance: float
    core: tuple[Condition, ...]
    full: tuple[Condition, ...]
    rule: str
    needs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    reference_values: Mapping[str, float] = field(default_factory=dict)

    def apply(self, quantities: Quantities) -> str:
        """Return "reproduced", "partly" or "not reproduced" for the quantities of the estimand."""
        if not all(condition.holds(quantities) for condition in self.core):
            return "not reproduced"
        return "reproduced" if all(condition.holds(quantities) for condition in self.full) else "partly"

    def contradicted_by(self, lower: float, upper: float) -> bool:
        """Return whether the whole interval of the value lies on the side that the rule denies."""
        about = [one for one in (*self.core, *self.full) if one.quantity in ("value", "lower", "upper")]
        below = any(upper < one.bound for one in about if one.relation in (">", ">="))
        return below or any(lower > one.bound for one in about if one.relation in ("<", "<="))

    @property
    def simulated(self) -> bool:
        """Whether the claim is decided on simulated data instead of stored runs."""
        return bool(self.needs.get("simulation"))


def load_claims(path: str | os.PathLike | None = None) -> dict[str, Claim]:
    """Read the claims by id.

    Parameters
    ----------
    path : path, optional
        ``notebooks/claims.yml`` of the checkout by default.

    Raises
    ------
    ClaimError
        When an entry lacks a field or names an unknown estimand or relation.

    Examples
    --------
    >>> load_claims()["04"].reference
    0.12
    """
    file = Path(path) if path is not None else find_root() / MARKER
    entries = yaml.safe_load(file.read_text())["claims"]
    claims = [_read_claim(entry, file) for entry in entries]
    ids = [claim.id for claim in claims]
    if len(set(ids)) != len(ids):
        raise ClaimError(f"{file}: an id stands there twice: {sorted(ids)}")
    return {claim.id: claim for claim in claims}


def short(value: float) -> str:
    """Return a number with three significant digits, or all those before the point.

    Examples
    --------
    >>> short(0.05321), short(2170), short(0.0000123)
    ('0.0532', '2,170', '1.2e-05')
    """
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-4 or value == 0 else f"{value:.1e}"


def name_ids(ids: Iterable[str]) -> str:
    """Return the ids of claims, three or more in a row as a span.

    Examples
    --------
    >>> name_ids(["04", "05", "06", "18", "19"]), name_ids(["07"])
    ('04–06, 18, 19', '07')
    """
    rows: list[list[str]] = []
    for name in sorted(ids):
        if rows and int(name) == int(rows[-1][-1]) + 1:
            rows[-1].append(name)
        else:
            rows.append([name])
    return ", ".join(f"{row[0]}–{row[-1]}" if len(row) > 2 else ", ".join(row) for row in rows)


def with_ends(value: float, lower: float, upper: float) -> str:
    """Return an estimate and its interval, each as `short` writes it.

    Examples
    --------
    >>> with_ends(-0.0329, -0.18, 0.1361)
    '−0.0329 [−0.18, 0.136]'
    """
    return f"{short(value)} [{short(lower)}, {short(upper)}]".replace("-", "−")


def _read_claim(entry: Mapping[str, Any], file: Path) -> Claim:
    where = f"{file}, claim {entry.get('id', '?')}"
    try:
        kind = entry["estimand"]["kind"]
        if kind not in ESTIMANDS and kind not in METHOD_ESTIMANDS:
            known = ", ".join([*ESTIMANDS, *METHOD_ESTIMANDS])
            raise ClaimError(f"{where}: unknown estimand {kind!r}; known: {known}")
        decision, tolerance = entry["decision"], float(entry["tolerance"])
        return Claim(
            **{name: entry[name] for name in _AS_WRITTEN},
            reference=float(entry["reference"]),
            tolerance=tolerance,
            core=tuple(_read_condition(item, tolerance, where) for item in decision["core"]),
            full=tuple(_read_condition(item, tolerance, where) for item in decision["full"]),
            rule=decision["text"],
            needs=entry.get("needs", {}),
            labels=entry.get("labels", {}),
            reference_values=entry.get("reference_values", {}),
        )
    except KeyError as error:
        raise ClaimError(f"{where}: the field {error} is missing") from error


def _read_condition(item: Mapping[str, Any], tolerance: float, where: str) -> Condition:
    if item["is"] not in _RELATIONS:
        raise ClaimError(f"{where}: unknown relation {item['is']!r}; known: {' '.join(_RELATIONS)}")
    bound = tolerance if item["bound"] == "tolerance" else float(item["bound"])
    return Condition(item["quantity"], item["is"], bound)
