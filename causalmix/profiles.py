"""Profiles: named sweeps of runs. A profile is a frozen value; its runs are a list of `RunSpec`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from causalmix.data import SUITES
from causalmix.data.splits import Protocol
from causalmix.presets import PRESETS
from causalmix.specs import ARMS, OWN_TABLE, RunSpec, SpecError, find_arm, suggest


@dataclass(frozen=True)
class Profile:
    """A sweep: every arm on every fold of every dataset. Each field is also an option of ``causalmix run``.

    Attributes
    ----------
    suite
        Suite of tables.
    datasets
        Tables, separated by commas; those of the profile when left out.
    folds
        Folds to run: 0,3 or 0-9.
    arms
        Arms, separated by commas.
    model
        embedded-mini, embedded-mini-2, embedded-mini-3, mitra, mitra-v2, tabicl (these three also as
        NAME@REVISION), tabpfn-v1, or a checkpoint's folder or file. The fine-tuning settings are chosen by
        --presets.
    repeats
        Random partitions into folds: 0 or 0-4.
    presets
        Named fine-tuning settings, separated by commas. The arm zero_shot is run once, under the first.
    synthetic_ratios
        Synthetic rows per real training row: 1 or 0.25,1,4. Arms without synthetic rows run once.
    n_steps
        Fine-tuning steps in place of the preset's.
    train_rows
        Row limits of the training part, each a sweep of its own: 64,128; the protocol's when left out.
    target
        Target column of your own --table.
    protocol
        Folds, validation share and row limits.
    description
        What the profile is for, in a line.

    Examples
    --------
    >>> small = dataclasses.replace(PROFILES["quick"], datasets=("iris",), folds=(0,), arms=("default",))
    >>> [str(spec) for spec in iter_specs(small, study="demo")]
    ['iris · fold 0 · default']
    """

    suite: str = "bundled"
    datasets: tuple[str, ...] = ()
    folds: tuple[int, ...] = (0, 1, 2)
    arms: tuple[str, ...] = ("zero_shot", "default", "scm", "causalmix")
    model: str = "embedded-mini"
    repeats: tuple[int, ...] = (0,)
    presets: tuple[str, ...] = (RunSpec.preset,)
    synthetic_ratios: tuple[float, ...] = (RunSpec.synthetic_ratio,)
    n_steps: int = 0
    train_rows: tuple[int, ...] = ()
    target: str = ""
    protocol: Protocol = Protocol()  # noqa: RUF009 (frozen)
    description: str = ""

    def __post_init__(self) -> None:
        for arm in self.arms:
            find_arm(arm)
        for preset in self.presets:
            if preset not in PRESETS:
                raise SpecError(suggest("preset", preset, PRESETS))
        if self.suite != OWN_TABLE:
            if self.suite not in SUITES:
                raise SpecError(suggest("suite", self.suite, SUITES))
            known = SUITES[self.suite].datasets
            for name in self.datasets:
                if name not in known:
                    raise SpecError(suggest(f"dataset of suite {self.suite}", name, known))
        for fold in self.folds:
            if not 0 <= fold < self.protocol.n_folds:
                raise SpecError(
                    f"fold {fold} does not exist: the protocol has {self.protocol.n_folds} folds, "
                    f"0 to {self.protocol.n_folds - 1} (--folds chooses among them)"
                )
        for ratio in self.synthetic_ratios:
            if not (ratio > 0 and math.isfinite(ratio)):
                raise SpecError(f"a synthetic ratio is {ratio}; it must be above 0 and finite")
        if self.n_steps < 0:
            raise SpecError(f"n_steps is {self.n_steps}: give at least 1, or 0 for the preset's number")

    @property
    def protocols(self) -> tuple[Protocol, ...]:
        """The protocol, once per row limit."""
        limits = self.train_rows or (self.protocol.max_train_rows,)
        return tuple(dataclasses.replace(self.protocol, max_train_rows=limit) for limit in limits)

    @property
    def tables(self) -> tuple[str, ...]:
        """The datasets that are run: those named, or all of the suite."""
        return self.datasets or SUITES[self.suite].datasets


PAPER_ARMS = (
    "zero_shot",
    "default",
    "causalmix",
    "scm",
    "ctgan",
    "tabebm",
    "table_augment",
    "mixed_model",
)
"""The paper's seven arms, and the pre-trained model that they are measured against."""

_CONTROL_ARMS = (
    "zero_shot",
    "default",
    "causalmix",
    "ctgan_mix",
    "tabebm_mix",
    "table_augment_mix",
    "mixed_model_mix",
    "bootstrap_mix",
    "independent_mix",
    "random_dag_mix",
    "smotenc",
    "smotenc_mix",
    "copula",
    "copula_mix",
)

_DIAL_ARMS = (
    "zero_shot",
    "default",
    *(f"causalmix@depth={k}" for k in (0, 1, 2, 3, "full")),
    *(f"causalmix@edges={k}" for k in (0, 1, 2, 3)),
)

_LOW_DATA_ARMS = (
    "zero_shot",
    "default",
    *(f"causalmix@depth={k}" for k in (0, 1, "full")),
    "causalmix@edges=1",
)

_TEN_TABLES = (
    "blood-transfusion-service-center",
    "churn",
    "credit-g",
    "diabetes",
    "Fitness_Club",
    "heloc",
    "Is-this-a-good-customer",
    "maternal_health_risk",
    "seismic-bumps",
    "website_phishing",
)

_NARROW_TABLES = (
    "blood-transfusion-service-center",
    "diabetes",
    "Fitness_Club",
    "Is-this-a-good-customer",
    "maternal_health_risk",
    "website_phishing",
)

PROFILES: dict[str, Profile] = {
    "smoke": Profile(
        datasets=("iris",),
        folds=(0, 1),
        arms=("zero_shot", "default", "causalmix"),
        presets=("smoke",),
        description="seconds: shows that everything runs",
    ),
    "quick": Profile(
        datasets=("breast_cancer", "iris", "wine"),  # digits alone, with its 64 pixels, would take longer
        folds=(0, 1, 2, 3, 4),
        description="minutes on 2 CPU cores: tables of scikit-learn, which decide nothing",
    ),
    "first-look": Profile(
        suite="tabarena33",
        datasets=_TEN_TABLES,
        arms=PAPER_ARMS,
        description="ten TabArena tables x three folds x all arms of the paper: a first look at real tables",
    ),
    "paper": Profile(
        suite="tabarena33",
        folds=tuple(range(10)),
        arms=PAPER_ARMS,
        description="hours: the paper's 33 tables x 10 folds x 7 arms, and zero-shot",
    ),
    "paper-tabpfn": Profile(
        suite="tabarena33",
        folds=tuple(range(5)),
        arms=PAPER_ARMS,
        model="tabpfn-v1",
        presets=("tabpfn",),
        description="hours: five folds of the paper's tables and arms with a published model",
    ),
    "controls": Profile(
        suite="tabarena33",
        arms=_CONTROL_ARMS,
        description="hours: is it the causality or the mixing? every generator mixed with real rows",
    ),
    "depth": Profile(
        suite="tabarena33",
        folds=tuple(range(10)),
        arms=_DIAL_ARMS,
        description="hours: graphs cut to depth k, and controls that lose as many edges",
    ),
    "depth-tabpfn": Profile(
        suite="tabarena33",
        folds=tuple(range(6)),
        arms=tuple(arm for arm in _DIAL_ARMS if "@" in arm),
        model="tabpfn-v1",
        presets=("tabpfn",),
        description="hours: the dial of depth and its controls with a published model",
    ),
    "sensitivity": Profile(
        suite="tabarena33",
        datasets=_NARROW_TABLES,
        synthetic_ratios=(0.25, 0.5, 1.0, 2.0, 4.0),
        description="half an hour: how much does the number of synthetic rows matter? six narrow tables",
    ),
    "depth-low-data": Profile(
        suite="tabarena33",
        datasets=_TEN_TABLES,
        arms=_LOW_DATA_ARMS,
        train_rows=(64, 128, 256, 512),
        description="hours: the ends of the dial and a control, from very scarce rows to more than usual",
    ),
    "presets": Profile(
        suite="tabarena33",
        datasets=_NARROW_TABLES,
        arms=("zero_shot", "default", "causalmix"),
        presets=("causalmix", "autogluon-mitra", "mitra-v2"),
        description="half an hour: what the fine-tuning settings change, on six narrow tables",
    ),
    "depth-known": Profile(
        suite="known_scm",
        folds=(0, 1, 2),
        arms=("zero_shot", "default", "causalmix", "causalmix@graph=true", "causalmix@graph=random_depth"),
        description="hours: simulated tables whose graph and depth are known",
    ),
}
"""The profiles of DESIGN §3. More folds or repeats later only add runs."""


def find_profile(name: str) -> Profile:
    """Return the profile called ``name``.

    Raises
    ------
    SpecError
        When there is none; the message proposes the closest name.
    """
    if name not in PROFILES:
        raise SpecError(suggest("profile", name, PROFILES))
    return PROFILES[name]


def iter_specs(profile: Profile, study: str) -> Iterator[RunSpec]:
    """Yield the runs of a profile: fold by fold over all tables, so that an unfinished study is an even one.

    What an arm does not depend on, it is run once for: the pre-trained model under the first preset, an arm
    without synthetic rows under the default ratio.

    Parameters
    ----------
    profile : Profile
    study : str
        Name of the study that the runs belong to.
    """
    taken = {item.name for item in dataclasses.fields(RunSpec)}
    shared = {
        item.name: getattr(profile, item.name) for item in dataclasses.fields(profile) if item.name in taken
    }
    arms = sorted(profile.arms, key=list(ARMS).index)
    cells = product(profile.repeats, profile.folds, profile.tables, profile.protocols, arms)
    for repeat, fold, dataset, protocol, arm in cells:
        cell = {"dataset": dataset, "fold": fold, "arm": arm, "repeat": repeat, "protocol": protocol}
        presets = profile.presets if find_arm(arm).finetune else profile.presets[:1]
        ratios = profile.synthetic_ratios if find_arm(arm).generator else (RunSpec.synthetic_ratio,)
        for preset, ratio in product(presets, ratios):
            settings = {"preset": preset, "synthetic_ratio": ratio}
            yield RunSpec(study=study, **{**shared, **cell, **settings})
