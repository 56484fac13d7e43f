"""The one place where the pipeline is spelled out: from a `RunSpec` to a `RunRecord`.

Seeds are derived from what a result may depend on, and from nothing else. The synthetic rows depend on
(table, fold, repeat, generator and its parameters); fine-tuning depends on (table, fold, repeat, model,
preset), not on the arm: arms whose pools are of one size draw the same row numbers, so their differences are
paired (common random numbers). Mixed and pure arms of one generator see the very same synthetic rows, and
variants of a generator (other parameters) start from the same seed: they share, say, one discovery.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalmix.data import DataError
from causalmix.data.known_scm import true_graph
from causalmix.folds import Fold, load_spec_table, prepare_fold, split_fold
from causalmix.generators import CausalGenerator, make_generator
from causalmix.generators.base import GeneratorError
from causalmix.generators.cache import SyntheticCache, SyntheticKey, SyntheticTable
from causalmix.mixing import mix_rows, n_synthetic_rows
from causalmix.profiles import PROFILES, Profile, find_profile, iter_specs
from causalmix.records import complete_record, failed_record
from causalmix.seeding import derive_seed
from causalmix.specs import ARMS, Arm, RunRecord, RunSpec, SpecError, find_arm, suggest
from causalmix.trajectory import Trajectory

if TYPE_CHECKING:
    from torch import nn

    from causalmix.finetune import FinetuneData, FinetunePreset

__all__ = [
    "ARMS",
    "PROFILES",
    "Arm",
    "Fold",
    "Profile",
    "RunRecord",
    "RunSpec",
    "SpecError",
    "draw_graphs",
    "find_arm",
    "find_profile",
    "iter_specs",
    "make_rows",
    "prepare_fold",
    "run_one",
]


def run_one(
    spec: RunSpec,
    *,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    device: str = "cpu",
) -> RunRecord:
    """Make one run: its table, fold, synthetic rows and pool, then fine-tuning, then its record.

    Parameters
    ----------
    spec : RunSpec
    data_dir : path, optional
        Folder with local copies of tables; for a user's own table the folder of the file.
    cache_dir : path, optional
        Where synthetic rows are kept and looked up.
    device : str
        Torch device of the fine-tuning.

    Returns
    -------
    RunRecord
        Of status "failed", with the reason, when the table or the generator cannot serve the run.

    Raises
    ------
    SpecError, ModelError, OSError
        For an arm, a preset or a model that cannot be had, and a file that cannot be read or written.

    Examples
    --------
    >>> run_one(RunSpec("demo", "bundled", "iris", fold=0, arm="zero_shot")).status
    'ok'
    """
    model, weights = load_once(spec.model, device)
    run = prepare_run(spec, data_dir, cache_dir, device)
    if isinstance(run, RunRecord):
        return run
    start = time.perf_counter()
    trajectory = tune(model, run.fold, run.pool, spec, device)
    return complete_record(run, trajectory, time.perf_counter() - start, device, weights)


@dataclasses.dataclass(frozen=True, eq=False)
class PreparedRun:
    """A run whose rows are there: it only has to be fine-tuned.

    Attributes
    ----------
    spec : RunSpec
    fold : Fold
    rows : SyntheticTable or None
        ``None`` for an arm without synthetic rows.
    pool : DataFrame
        The rows that are fine-tuned on.
    """

    spec: RunSpec
    fold: Fold
    rows: SyntheticTable | None
    pool: pd.DataFrame


def prepare_run(
    spec: RunSpec,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    device: str = "cpu",
) -> PreparedRun | RunRecord:
    """Return the run with its rows, or its failed record when the table or the generator cannot serve it."""
    arm, dataset = find_arm(spec.arm), None
    try:
        dataset = load_spec_table(spec, data_dir)
        fold = split_fold(dataset, spec)
        rows = make_rows(fold, spec, cache_dir) if arm.generator else None
        return PreparedRun(spec, fold, rows, make_pool(fold, rows, arm, spec))
    except OSError:  # a file that cannot be read says nothing of the table in it
        raise
    except (DataError, GeneratorError) as error:
        return failed_record(spec, str(error), device, dataset.fingerprint if dataset else "")


def make_rows(fold: Fold, spec: RunSpec, cache_dir: str | Path | None = None) -> SyntheticTable:
    """Return the synthetic rows of ``spec``: from the cache, or made and put there.

    Every arm gets the same number: ``synthetic_ratio`` times the real training rows.

    Raises
    ------
    GeneratorError
        When the generator cannot serve this table.
    """
    known = find_rows(fold, spec, cache_dir)
    if known is not None:
        return known
    key, start = _rows_key(fold, spec), time.perf_counter()
    generator = make_generator(key.generator, **key.params).fit(fold.train, fold.target, key.seed)
    rows = generator.sample(key.n_rows)
    table = SyntheticTable(rows, generator.graphs, time.perf_counter() - start, generator.metadata)
    if cache_dir is not None:
        SyntheticCache(cache_dir).put(key, table)
    return table


def draw_graphs(fold: Fold, spec: RunSpec) -> CausalGenerator:
    """Return the generator of the rows of ``spec`` with its edge probabilities and DAGs.

    They are those of `make_rows`, without the cost of fitting models to them. Raises a `SpecError` if the
    arm's rows come from no graph.
    """
    key = _rows_key(fold, spec)
    generator = make_generator(key.generator, **key.params)
    if not isinstance(generator, CausalGenerator):
        raise SpecError(f"the rows of arm {spec.arm!r} come from no graph")
    return generator.fit_graphs(fold.train, fold.target, key.seed)


def find_rows(fold: Fold, spec: RunSpec, cache_dir: str | Path | None) -> SyntheticTable | None:
    """Return the synthetic rows of ``spec`` from the cache, or ``None``."""
    return None if cache_dir is None else SyntheticCache(cache_dir).get(_rows_key(fold, spec))


def _rows_key(fold: Fold, spec: RunSpec) -> SyntheticKey:
    """Everything that the synthetic rows of ``spec`` depend on."""
    arm = find_arm(spec.arm)
    if arm.generator is None:
        raise SpecError(f"arm {spec.arm!r} has no synthetic rows")
    return SyntheticKey(
        dataset=spec.dataset,
        fingerprint=fold.fingerprint,
        fold=spec.fold,
        repeat=spec.repeat,
        generator=arm.generator,
        params=_resolve_params(arm, spec),
        n_rows=n_synthetic_rows(len(fold.train), spec.synthetic_ratio, least=0 if arm.mixed else 1),
        seed=derive_seed("rows", fold.fingerprint, spec.fold, spec.repeat, arm.generator),
        protocol=spec.protocol,
    )


def _resolve_params(arm: Arm, spec: RunSpec) -> dict:
    """Parameters of the arm's generator; the word "true" for a graph becomes the table's true graph.

    Raises
    ------
    DataError
        When the true graph of the table is not known.
    """
    known = {"graph": true_graph(spec.dataset)} if arm.params.get("graph") == "true" else {}
    return {**arm.params, **known}


def make_pool(fold: Fold, rows: SyntheticTable | None, arm: Arm, spec: RunSpec) -> pd.DataFrame:
    """Return the rows that are fine-tuned on: real, synthetic (from `make_rows`) or both, as the arm says.

    Their columns are those of ``fold.train``, target included.
    """
    if rows is None:
        return fold.train
    if not arm.mixed:
        return rows.rows
    rng = np.random.default_rng(derive_seed("mix", fold.fingerprint, spec.fold, spec.repeat))
    return mix_rows(fold.train, rows.rows, spec.synthetic_ratio, rng)


def tune(model: nn.Module, fold: Fold, pool: pd.DataFrame, spec: RunSpec, device: str = "cpu") -> Trajectory:
    """Fine-tune ``model`` on ``pool``; validation, test and prediction context stay real.

    The seed does not depend on the arm.
    """
    from causalmix.finetune import FineTuner, zero_shot

    data = encode_rows(fold, pool)
    if not find_arm(spec.arm).finetune:
        return zero_shot(model, data)
    return FineTuner(find_preset(spec), device).run(model, data, finetune_seed(spec))


def encode_rows(fold: Fold, pool: pd.DataFrame) -> FinetuneData:
    """Return the rows of a run as the model takes them; all but the pool (from `make_pool`) are real."""
    from causalmix.finetune import FinetuneData, LabelledRows

    prep, labels, split = fold.preprocessor, fold.labels, fold.split

    def canonical(frame: pd.DataFrame) -> LabelledRows:
        return LabelledRows(prep.encode(frame), labels.transform(frame[fold.target]))

    def raw(X: pd.DataFrame, y: pd.Series) -> LabelledRows:
        return LabelledRows(prep.encode(prep.transform(X)), labels.transform(y))

    return FinetuneData(
        pool=canonical(pool),
        context=canonical(fold.train),
        val=raw(split.X_val, split.y_val),
        test=raw(split.X_test, split.y_test),
        n_classes=len(labels.classes_),
    )


def finetune_seed(spec: RunSpec) -> int:
    """Return the seed of the fine-tuning's draws, the same for all arms of a fold."""
    return derive_seed("finetune", spec.dataset, spec.fold, spec.repeat, spec.model, spec.preset)


def find_preset(spec: RunSpec) -> FinetunePreset:
    """Return the fine-tuning settings of ``spec``.

    Raises
    ------
    SpecError
        When there is no preset of that name.
    """
    from causalmix.finetune import PRESETS

    if spec.preset not in PRESETS:
        raise SpecError(suggest("preset", spec.preset, PRESETS))
    preset = PRESETS[spec.preset]
    return dataclasses.replace(preset, n_steps=spec.n_steps) if spec.n_steps else preset


@functools.lru_cache(maxsize=2)
def load_once(name: str, device: str) -> tuple[Any, str]:
    """Load a model and the digest of its weights, once per process; fine-tuning works on a copy of it.

    Raises
    ------
    ModelError
        When it cannot be had, or not on this device.
    """
    # torch.optim imports it at its first use: seconds that must not count as those of a run
    import torch._dynamo  # noqa: F401

    from causalmix.models import ModelError, digest_weights, load_model

    try:
        model: Any = load_model(name, device)
        return model, digest_weights(model)
    except ModelError:
        raise
    except (RuntimeError, AssertionError) as error:  # what PyTorch raises for a device that it lacks
        raise ModelError(
            f"model {name} cannot be loaded on device {device!r} ({error}): say another --device"
        ) from error
