"""How to read the answers on depth, as text: what is measured, and what a second model can confirm.

Numbers come from the records of the studies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pandas as pd

from causalmix.book.study import Study
from causalmix.depth_dial import DIAL
from causalmix.depth_tests import PRIMARY_MEASURE
from causalmix.presets import PRESETS
from causalmix.stability import name_measure
from causalmix.store import ResultStore


def tail_text(studies: Sequence[Study]) -> str:
    """Return what tail volatility is, with the sizes of the dial's own runs where they are recorded."""
    text = (
        f"*{name_measure(PRIMARY_MEASURE).capitalize()}* is the standard deviation of the change of "
        "validation log-loss from one evaluation to the next, over the second half of a run"
    )
    study = next((one for one in studies if one.name == "depth"), None)
    sizes = ""
    if study is not None:
        runs = study.runs[study.runs["arm"].str.startswith(DIAL)]
        trajectories = ResultStore(study.folder).trajectories()
        steps = sorted(set(trajectories.loc[trajectories["spec_hash"].isin(runs["spec_hash"]), "step"]))
        tail = [int(step) for step in steps if step >= steps[-1] / 2]
        apart = max(pair[1] - pair[0] for pair in pairwise(tail))
        sizes = f": {len(tail) - 1} changes, {apart} steps apart, on {_range(runs['n_val'])} validation rows"
    return f"{text}{sizes}. The claim calls these changes step-to-step. Lower is steadier."


def _range(values: pd.Series) -> str:
    least, most = int(values.min()), int(values.max())
    return f"{least}" if least == most else f"{least} to {most}"


def second_model_text(studies: Sequence[Study], folder: Path) -> str:
    """Return how far a second model's runs of the dial are a replication of the first's.

    Parameters
    ----------
    studies : sequence of Study
    folder : Path
        Holds ``learning_rates.csv`` of ``benchmarks/learning_rate.py``.
    """
    named = {study.name: study for study in studies}
    path = folder / "learning_rates.csv"
    if not {"depth", "depth-tabpfn"} <= named.keys() or not path.is_file():
        return ""
    second = named["depth-tabpfn"]
    (model,), (preset,) = second.models, set(second.runs["preset"])
    tried = pd.read_csv(path)
    rates = sorted(set(tried.loc[tried["model"] == model, "learning_rate"]))
    used = PRESETS[preset].learning_rate
    smallest = ", the smallest" if rates and math.isclose(used, rates[0]) else ""
    return (
        "**How to read these answers.** Each rule takes the first model's estimate as exact, and asks for "
        "the second model's only where the first one's interval leaves zero out: its answer can change "
        "because the first model's did. And this is a check, not a replication: the second model was given "
        f"the same tables, folds and graphs, and was fine-tuned with a learning rate of {used:g}{smallest} "
        f"of {len(rates)} that were tried."
    )
