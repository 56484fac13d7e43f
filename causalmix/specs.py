"""Runs as frozen values: what is asked (`RunSpec`), what came out (`RunRecord`), and the arms.

Free of torch and of everything that fits a model, so that the store and the book can read it.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from causalmix.data.plain_numbers import settle_numbers
from causalmix.data.splits import Protocol
from causalmix.trajectory import Trajectory

OWN_TABLE = "table"
"""The suite of a user's own table: ``dataset`` is then a file name and ``target`` one of its columns."""

_LEFT_OUT_AT_DEFAULT = ("target", "n_steps")
"""Fields added after records existed: at their default they do not enter the hash."""


class SpecError(ValueError):
    """A run, arm or profile that does not exist; the message names the nearest that does."""


def suggest(kind: str, name: str, known: Iterable[str]) -> str:
    """Return an error message for an unknown ``name``: the closest match and all known names.

    Examples
    --------
    >>> suggest("arm", "causalmx", ["default", "causalmix"])
    "unknown arm 'causalmx': did you mean 'causalmix'? Known: causalmix, default"
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f": did you mean {close[0]!r}?" if close else "."
    return f"unknown {kind} {name!r}{hint} Known: {', '.join(names) or 'none'}"


@dataclass(frozen=True)
class Arm:
    """What a run is fine-tuned on.

    Attributes
    ----------
    generator : str or None
        A name of ``causalmix.generators.GENERATORS``; ``None``: no synthetic rows.
    mixed : bool
        Whether the pool is the real training rows plus the synthetic ones (else the synthetic ones alone).
    finetune : bool
        ``False`` only for the pre-trained model as it is.
    params : dict
        Keyword arguments of the generator.
    """

    generator: str | None = None
    mixed: bool = False
    finetune: bool = True
    params: dict = field(default_factory=dict, hash=False)


ARMS: dict[str, Arm] = {
    "zero_shot": Arm(finetune=False),
    "default": Arm(),
    "scm": Arm(generator="causal"),
    "causalmix": Arm(generator="causal", mixed=True),
    "ctgan": Arm(generator="ctgan"),
    "tabebm": Arm(generator="tabebm"),
    "table_augment": Arm(generator="table_augment"),
    "mixed_model": Arm(generator="mixed_model"),
    "ctgan_mix": Arm(generator="ctgan", mixed=True),
    "tabebm_mix": Arm(generator="tabebm", mixed=True),
    "table_augment_mix": Arm(generator="table_augment", mixed=True),
    "mixed_model_mix": Arm(generator="mixed_model", mixed=True),
    "bootstrap_mix": Arm(generator="bootstrap", mixed=True),
    "independent_mix": Arm(generator="causal", mixed=True, params={"graph": "empty"}),
    "random_dag_mix": Arm(generator="causal", mixed=True, params={"graph": "random"}),
    "smotenc": Arm(generator="smotenc"),
    "smotenc_mix": Arm(generator="smotenc", mixed=True),
    "copula": Arm(generator="copula"),
    "copula_mix": Arm(generator="copula", mixed=True),
    "causalmix@depth=0": Arm(generator="causal", mixed=True, params={"max_depth": 0}),
    "causalmix@depth=1": Arm(generator="causal", mixed=True, params={"max_depth": 1}),
    "causalmix@depth=2": Arm(generator="causal", mixed=True, params={"max_depth": 2}),
    "causalmix@depth=3": Arm(generator="causal", mixed=True, params={"max_depth": 3}),
    "causalmix@depth=full": Arm(generator="causal", mixed=True),
    "causalmix@edges=0": Arm(generator="causal", mixed=True, params={"edge_matched_to": 0}),
    "causalmix@edges=1": Arm(generator="causal", mixed=True, params={"edge_matched_to": 1}),
    "causalmix@edges=2": Arm(generator="causal", mixed=True, params={"edge_matched_to": 2}),
    "causalmix@edges=3": Arm(generator="causal", mixed=True, params={"edge_matched_to": 3}),
    "causalmix@graph=true": Arm(generator="causal", mixed=True, params={"graph": "true"}),
    "causalmix@graph=random_depth": Arm(
        generator="causal", mixed=True, params={"graph": "true", "shuffle_columns": True}
    ),
}
"""The arms of DESIGN §3 by name: the paper's, the controls that it lacks, and those of the depth study.

``causalmix@depth=k`` cuts every DAG to depth k; its control ``causalmix@edges=k`` loses as many edges without
becoming shallower, as far as it can: at k = 0 one longest path is left and the edges never match.
``causalmix@graph=true`` uses the true graph of a table of suite ``known_scm``,
``causalmix@graph=random_depth`` random graphs of its depth and shape (its columns shuffled).

Adding one is a line here and a generator of that name."""


def find_arm(name: str) -> Arm:
    """Return the arm called ``name``.

    Raises
    ------
    SpecError
        When there is none; the message proposes the closest name.
    """
    if name not in ARMS:
        raise SpecError(suggest("arm", name, ARMS))
    return ARMS[name]


@dataclass(frozen=True)
class RunSpec:
    """One run: everything that decides its result, and nothing else.

    Attributes
    ----------
    study : str
        Name of the study, also of its folder under ``results/``.
    suite, dataset : str
        Where the table comes from (`causalmix.data.SUITES`, or `OWN_TABLE`) and its name.
    fold, repeat : int
        Fold in [0, protocol.n_folds) of the repeat-th partition.
    arm : str
        A key of `ARMS`.
    model : str
        A name of ``causalmix.models.MODELS`` or the folder of a checkpoint.
    preset : str
        A key of ``causalmix.finetune.PRESETS``.
    synthetic_ratio : float
        Synthetic rows per real training row, the same for mixed and pure arms.
    protocol : Protocol
        Folds, validation share and row limits.
    target : str
        Target column of a user's own table; empty for the tables of a suite.
    n_steps : int
        Fine-tuning steps in place of the preset's; 0 keeps the preset's.

    Examples
    --------
    >>> spec = RunSpec("demo", "bundled", "iris", fold=0, arm="causalmix")
    >>> spec == RunSpec.from_dict(spec.to_dict()), len(spec.spec_hash)
    (True, 16)
    """

    study: str
    suite: str
    dataset: str
    fold: int
    arm: str
    model: str = "embedded-mini"
    repeat: int = 0
    preset: str = "causalmix"
    synthetic_ratio: float = 1.0
    protocol: Protocol = Protocol()  # noqa: RUF009 (frozen)
    target: str = ""
    n_steps: int = 0

    def __post_init__(self) -> None:
        settle_numbers(self, SpecError)  # 1, 1.0 and numpy's: one hash
        if self.n_steps < 0:
            raise SpecError(f"n_steps is {self.n_steps}: give at least 1, or 0 for the preset's number")

    @functools.cached_property
    def spec_hash(self) -> str:
        """Name of the run: 16 hex characters of the SHA-256 of its canonical JSON."""
        defaults = {item.name: item.default for item in dataclasses.fields(self)}
        values = {
            name: value
            for name, value in self.to_dict().items()
            if not (name in _LEFT_OUT_AT_DEFAULT and value == defaults[name])
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def rows_key(self) -> tuple:
        """What the synthetic rows depend on: runs of one key share them."""
        arm = find_arm(self.arm)
        if arm.generator is None:
            return ()
        params = json.dumps(arm.params, sort_keys=True)
        cell = (self.suite, self.dataset, self.target, self.fold, self.repeat, self.protocol)
        return (arm.generator, params, self.synthetic_ratio, *cell)

    def to_dict(self) -> dict:
        """Return a JSON-ready dict of all fields, the protocol as a nested dict."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> RunSpec:
        """Rebuild a spec from `to_dict`.

        Raises
        ------
        TypeError
            When a field is missing or unknown.
        """
        return cls(**{**values, "protocol": Protocol(**values["protocol"])})

    def __str__(self) -> str:
        usual, limit = type(self), self.protocol.max_train_rows
        rows = "" if limit == usual.protocol.max_train_rows else f" · {limit} rows"
        ratio = "" if self.synthetic_ratio == usual.synthetic_ratio else f" · ratio {self.synthetic_ratio:g}"
        preset = "" if self.preset == usual.preset else f" · {self.preset}"
        return f"{self.dataset} · fold {self.fold}{rows} · {self.arm}{ratio}{preset}"


@dataclass(frozen=True)
class RunRecord:
    """What one run left behind. A failed run has a ``reason`` instead of scores.

    Attributes
    ----------
    spec : RunSpec
    status : {"ok", "failed"}
    reason : str
        Why the run failed; empty for a run that is "ok".
    scores : dict
        ``test_auc, zero_shot_auc, test_log_loss, zero_shot_log_loss, val_auc`` (at the selected step, and at
        step 0 for ``zero_shot_*``), ``n_train, n_val, n_test, n_synthetic, n_features, n_classes``.
    trajectory : Trajectory or None
    graphs : tuple of dict
        Statistics of each DAG used (``depth, target_depth, mean_node_depth, n_nodes, n_edges,
        n_target_ancestors, n_target_neighbours, edge_entropy``).
    timings : dict
        ``seconds_generate`` (as measured when the rows were made), ``seconds_finetune``.
    environment : dict
        ``device, machine, python, revision, versions``, and of a run that is "ok" ``weights``, their digest.
    data_fingerprint : str
        Of the whole table, before splitting.
    """

    spec: RunSpec
    status: str
    reason: str = ""
    scores: dict = field(default_factory=dict)
    trajectory: Trajectory | None = None
    graphs: tuple[dict, ...] = ()
    timings: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    data_fingerprint: str = ""

    def __post_init__(self) -> None:
        if self.status not in ("ok", "failed"):
            raise ValueError(f"status of a record is 'ok' or 'failed', not {self.status!r}")
        if self.status == "failed" and not self.reason:
            raise ValueError(f"the failed record of {self.spec} needs a reason")
        if self.status == "ok" and self.trajectory is None:
            raise ValueError(f"the record of {self.spec} is 'ok' but has no trajectory")

    def to_dict(self) -> dict:
        """Return a JSON-ready dict."""
        return {
            **{item.name: getattr(self, item.name) for item in dataclasses.fields(self)},
            "spec": self.spec.to_dict(),
            "scores": _to_json(self.scores),
            "trajectory": self.trajectory.to_dict() if self.trajectory else None,
            "graphs": [_to_json(graph) for graph in self.graphs],
            "timings": _to_json(self.timings),
        }

    @classmethod
    def from_dict(cls, values: dict) -> RunRecord:
        """Rebuild a record from `to_dict`."""
        trajectory = values["trajectory"]
        return cls(
            **{
                **values,
                "spec": RunSpec.from_dict(values["spec"]),
                "scores": _from_json(values["scores"]),
                "trajectory": Trajectory.from_dict(trajectory) if trajectory else None,
                "graphs": tuple(_from_json(graph) for graph in values["graphs"]),
                "timings": _from_json(values["timings"]),
            }
        )


def _to_json(numbers: dict) -> dict:
    """Plain Python numbers; what is not finite becomes ``None``."""
    plain = {name: getattr(value, "item", lambda value=value: value)() for name, value in numbers.items()}
    return {
        name: value if value is not None and math.isfinite(value) else None for name, value in plain.items()
    }


def _from_json(numbers: dict) -> dict:
    return {name: math.nan if value is None else value for name, value in numbers.items()}
