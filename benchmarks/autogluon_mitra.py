"""AutoGluon's own fine-tuning of a Tab2D checkpoint: the peer of `benchmarks/finetune.py`.

Needs ``autogluon.tabular[mitra]`` (``make test-mitra`` makes an environment that has it); `is_available` says
whether it is there. Run as a script it prints the result on a small simulated table.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from causalmix.finetune import FinetuneData, LabelledRows
from causalmix.models.inference import roc_auc
from causalmix.seeding import temporary_seed


@dataclass(frozen=True)
class AutogluonRun:
    """What AutoGluon's loop gave.

    Attributes
    ----------
    test_auc : float
        Test ROC-AUC after the last step.
    seconds_finetune, seconds_predict : float
        Wall-clock time of the steps with AutoGluon's evaluation after each, and of the prediction.
    """

    test_auc: float
    seconds_finetune: float
    seconds_predict: float


def is_available() -> bool:
    """Return whether AutoGluon is installed here."""
    return importlib.util.find_spec("autogluon") is not None


def finetune_autogluon(
    checkpoint: str | Path,
    data: FinetuneData,
    n_steps: int = 50,
    *,
    learning_rate: float = 1e-4,
    warmup_steps: int = 1000,
    seed: int = 0,
    device: str = "cpu",
) -> AutogluonRun:
    """Fine-tune with AutoGluon's `MitraClassifier` on the pool; score the test rows.

    What differs from our loop, as AutoGluon 1.6.3 has it: each step splits the pool 80 : 20 into context and
    query; validation rows are scored after every step; arithmetic is bfloat16; the pool is also the context
    of the prediction (`prediction_context="pool"`); on a CPU the weights of the last step are used, not those
    of the best one.

    Parameters
    ----------
    checkpoint : path
        Folder with `config.json` and `model.safetensors`.
    data : FinetuneData
        Class codes must be those that the pool holds, 0 to K - 1; arrays are copied, AutoGluon writes to its
        own.
    n_steps, learning_rate, warmup_steps
        By default AutoGluon's own.
    seed : int
        Seeds its splits and, through the global generators, its random signs of features.

    Raises
    ------
    ImportError
        When AutoGluon is not installed.
    """
    from autogluon.tabular.models.mitra.sklearn_interface import MitraClassifier

    with temporary_seed(seed):
        model = MitraClassifier(
            hf_model=str(checkpoint),
            device=device,
            fine_tune_steps=n_steps,
            lr=learning_rate,
            warmup_steps=warmup_steps,
            seed=seed,
            verbose=False,
        )
        start = time.perf_counter()
        model.fit(data.pool.X.copy(), data.pool.y.copy(), data.val.X.copy(), data.val.y.copy())
        fitted = time.perf_counter()
        proba = model.predict_proba(data.test.X.copy())
        predicted = time.perf_counter()
    return AutogluonRun(roc_auc(data.test.y, proba), fitted - start, predicted - fitted)


def _simulated_data(n_rows: int) -> FinetuneData:
    """Three equal parts of a table whose class is the sign of a sum of two features."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3 * n_rows, 5)).astype("float32")
    y = (X[:, 0] + X[:, 1] + 0.5 * rng.normal(size=len(X)) > 0).astype("int64")
    pool, val, test = (LabelledRows(X[i::3], y[i::3]) for i in range(3))
    return FinetuneData(pool=pool, context=pool, val=val, test=test, n_classes=2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows and steps")
    arguments = parser.parse_args()
    if not is_available():
        print(json.dumps({"benchmark": "autogluon_mitra", "skipped": "autogluon is not installed"}))
        raise SystemExit
    import causalmix.models

    folder = Path(causalmix.models.__file__).parent / "weights" / "embedded-mini"
    n_rows, steps = (60, 5) if arguments.quick else (200, 50)
    run = finetune_autogluon(folder, _simulated_data(n_rows), steps)
    print(f"{steps} steps on {n_rows} rows: test ROC-AUC {run.test_auc:.3f}, {run.seconds_finetune:.1f} s")
    print(json.dumps({"benchmark": "autogluon_mitra", "n_rows": n_rows, "n_steps": steps, **asdict(run)}))
