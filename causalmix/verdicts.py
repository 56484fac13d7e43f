"""Verdicts: the outcome of deciding a claim, its JSON schema, and the files that hold it.

Each claim notebook writes ``verdicts/<id>.json``; ``verdicts.json`` is the list of all of them.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

OUTCOMES = ("reproduced", "partly", "not reproduced", "not tested")

_NUMBER = {"type": ["number", "null"]}
_TEXT = {"type": "string"}
_VERDICTS = {"type": "object", "additionalProperties": {"enum": list(OUTCOMES)}}

VERDICT_SCHEMA: dict = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Verdict on one claim",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]{2}$", "description": "number of the claim"},
        "title": {**_TEXT, "description": "the claim in a few words"},
        "sentence": {**_TEXT, "description": "the sentence that is decided"},
        "kind": {
            "enum": ["protocol", "method", "empirical", "exploratory"],
            "description": "what is decided: the set-up, the method's behaviour, a result, an open question",
        },
        "verdict": {"enum": list(OUTCOMES), "description": "the outcome of the rule"},
        "label": {**_TEXT, "description": "what the verdict means here, in words"},
        "reason": {**_TEXT, "description": "why the claim was not tested; empty otherwise"},
        "value": {**_NUMBER, "description": "the estimate"},
        "interval": {
            "type": "array",
            "items": _NUMBER,
            "minItems": 2,
            "maxItems": 2,
            "description": "95 % interval of the estimate; nulls where none applies",
        },
        "reference": {
            **_NUMBER,
            "description": "the published value, or the value that the rule compares with",
        },
        "tolerance": {**_NUMBER, "description": "tolerance of the decision rule"},
        "model": {**_TEXT, "description": "the model that the verdict is about; 'none' for method claims"},
        "suite": {**_TEXT, "description": "suite of tables, or 'simulated'"},
        "study": {**_TEXT, "description": "name of the recorded study, or 'simulated'"},
        "n_runs": {"type": "integer", "description": "finished runs (or seeds) that the claim is decided on"},
        "n_failed": {"type": "integer", "description": "failed runs: last in ranks, left out of scores"},
        "n_datasets": {"type": "integer", "description": "tables among the finished runs"},
        "store_hash": {
            **_TEXT,
            "description": "content hash of the store; of the evidence for method claims",
        },
        "normalisation": {
            **_TEXT,
            "description": "normalisation of the verdict; empty where it plays no part",
        },
        "sensitivity": {**_VERDICTS, "description": "verdict under each normalisation"},
        "depends_on_normalisation": {
            "type": "boolean",
            "description": "whether the normalisations disagree on the verdict",
        },
        "quantities": {
            "type": "object",
            "additionalProperties": _NUMBER,
            "description": "every quantity that the rule reads, by name",
        },
        "rule": {**_TEXT, "description": "the decision rule in words"},
        "explanation": {**_TEXT, "description": "what was found and which conditions held"},
    },
}
VERDICT_SCHEMA["required"] = list(VERDICT_SCHEMA["properties"])
"""JSON schema of one verdict; `verdicts.json` is an array of them."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of deciding one claim; the fields are described in `VERDICT_SCHEMA`."""

    id: str
    title: str
    sentence: str
    kind: str
    verdict: str
    rule: str
    label: str = ""
    reason: str = ""
    value: float = math.nan
    interval: tuple[float, float] = (math.nan, math.nan)
    reference: float = math.nan
    tolerance: float = math.nan
    model: str = "none"
    suite: str = ""
    study: str = ""
    n_runs: int = 0
    n_failed: int = 0
    n_datasets: int = 0
    store_hash: str = ""
    normalisation: str = ""
    sensitivity: Mapping[str, str] = field(default_factory=dict)
    depends_on_normalisation: bool = False
    quantities: Mapping[str, float] = field(default_factory=dict)
    explanation: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in OUTCOMES:
            raise ValueError(f"claim {self.id}: a verdict is one of {OUTCOMES}, not {self.verdict!r}")
        if self.verdict == "not tested" and not self.reason:
            raise ValueError(f"claim {self.id}: 'not tested' needs its reason")

    def to_dict(self) -> dict:
        """Return a JSON-ready dict: NaN becomes ``None``."""
        values = {**asdict(self), "interval": list(self.interval)}
        return {name: _plain(value) for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping) -> Verdict:
        """Rebuild a verdict from `to_dict`."""
        numbers = {name: _nan(values[name]) for name in ("value", "reference", "tolerance")}
        lower, upper = values["interval"]
        quantities = {name: _nan(value) for name, value in values["quantities"].items()}
        others = {"interval": (_nan(lower), _nan(upper)), "quantities": quantities}
        return cls(**{**values, **numbers, **others})

    def __str__(self) -> str:
        return f"Claim {self.id}: {self.label or self.verdict}. {self.explanation or self.reason}"

    def _repr_markdown_(self) -> str:
        return f"**Claim {self.id}: {self.label or self.verdict}.** {self.explanation or self.reason}"


def write_verdict(verdict: Verdict, folder: str | os.PathLike) -> Path:
    """Write ``<folder>/<id>.json`` and return its path; the folder is made.

    Examples
    --------
    >>> import tempfile
    >>> verdict = Verdict("04", "t", "s", "empirical", "not tested", "r", reason="no runs")
    >>> write_verdict(verdict, tempfile.mkdtemp()).name
    '04.json'
    """
    path = Path(folder) / f"{verdict.id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(verdict.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def collect_verdicts(folder: str | os.PathLike, target: str | os.PathLike | None = None) -> list[dict]:
    """Return the verdicts of ``<folder>/*.json`` in the order of their ids; write them to ``target`` as well.

    Parameters
    ----------
    folder : path
        Where `write_verdict` wrote.
    target : path, optional
        For example ``verdicts.json``: a JSON list.

    Raises
    ------
    ValueError
        When a file is no verdict; the message names it.
    """
    verdicts = []
    for path in sorted(Path(folder).glob("*.json")):
        try:
            verdicts.append(Verdict.from_dict(json.loads(path.read_text())).to_dict())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is no verdict ({error}): delete it and run its notebook again"
            ) from error
    verdicts.sort(key=lambda verdict: verdict["id"])
    if target is not None:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).write_text(json.dumps(verdicts, indent=2, ensure_ascii=False) + "\n")
    return verdicts


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
