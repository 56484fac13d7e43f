"""What hangs on the rule that selects a step: recorded runs, scored at another step. Free of torch.

The runs keep the step with the best validation score, step 0 (before any training) included. Their
trajectories hold every evaluation, so that the claims can also be decided at other steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from causalmix.analysis import PRIMARY_NORMALISATION
from causalmix.cells import Store
from causalmix.claims import Verdict, compare_verdicts, decide
from causalmix.intervals import RESAMPLES
from causalmix.rules import Claim, name_ids, with_ends

RECORDED, TRAINED, LAST = "best step", "best step after 0", "last step"
SELECTIONS = (RECORDED, TRAINED, LAST)
"""The rule of the recorded runs, the same without step 0, and no selection at all."""

ROUNDED = "best step to 12 digits"
"""The rule of the recorded runs, but with validation ROC-AUCs compared to 12 digits.

Equal ones that were summed in another order differ in the last digit of a float, and the recorded runs were
selected by it."""

_SCORES = {
    "step": "selected_step",
    "val_auc": "val_auc",
    "test_auc": "test_auc",
    "test_log_loss": "test_log_loss",
}


@dataclass(frozen=True)
class Reselected:
    """A study whose runs are scored at another step (a `Store`).

    Attributes
    ----------
    study : Store
    selection : str
        One of `SELECTIONS`, or `ROUNDED`.
    """

    study: Store
    selection: str

    @property
    def hash(self) -> str:
        """Content hash of the recorded study."""
        return self.study.hash

    def runs(self) -> pd.DataFrame:
        """Return one row per run; a run that was fine-tuned has the scores of the chosen step."""
        runs = self.study.runs()
        if self.selection == RECORDED:
            return runs
        chosen = choose_steps(self.study.trajectories(), self.selection).rename(columns=_SCORES)
        replaced = runs.set_index("spec_hash")
        replaced.update(chosen.set_index("spec_hash"))
        return replaced.reset_index()[runs.columns].astype(runs.dtypes)

    def trajectories(self) -> pd.DataFrame:
        """Return one row per run and evaluation, as recorded."""
        return self.study.trajectories()

    def graphs(self) -> pd.DataFrame:
        """Return one row per run and DAG, as recorded."""
        return self.study.graphs()


def choose_steps(trajectories: pd.DataFrame, selection: str) -> pd.DataFrame:
    """Return the chosen evaluation of each run: after step 0, save by `ROUNDED`.

    Parameters
    ----------
    trajectories : DataFrame
        ``ResultStore.trajectories()``.
    selection : str
        `TRAINED`, `ROUNDED` (highest validation ROC-AUC; lower log-loss, then the earlier step, breaks ties)
        or `LAST`.

    Returns
    -------
    DataFrame
        ``spec_hash, step, val_auc, test_auc, test_log_loss``.

    Raises
    ------
    ValueError
        For another selection.
    """
    best = ["val_auc", "val_log_loss", "step"], [False, True, True]
    orders = {TRAINED: best, LAST: (["step"], [False]), ROUNDED: best}
    if selection not in orders:
        raise ValueError(f"no step is chosen by {selection!r}: name one of {', '.join(orders)}")
    columns, ascending = orders[selection]
    digits = {"val_auc": 12} if selection == ROUNDED else {}
    allowed = trajectories[trajectories["step"] >= (0 if selection == ROUNDED else 1)]
    order = allowed.round(digits).sort_values(columns, ascending=ascending).index
    return allowed.loc[order].drop_duplicates("spec_hash")[["spec_hash", *_SCORES]].reset_index(drop=True)


def decide_by_selection(
    claims: Mapping[str, Claim],
    study: Store,
    normalisation: str = PRIMARY_NORMALISATION,
    resamples: int = RESAMPLES,
) -> dict[str, list[Verdict]]:
    """Decide the claims that read the selected step by their own rules, under `SELECTIONS` and `ROUNDED`."""
    reading = [
        claim for claim in claims.values() if claim.kind == "empirical" and "trajectories" not in claim.needs
    ]
    return {
        selection: [
            decide(claim, Reselected(study, selection), normalisation=normalisation, resamples=resamples)
            for claim in reading
        ]
        for selection in (*SELECTIONS, ROUNDED)
    }


def say_what_hangs_on_selection(study: Store, verdicts: Mapping[str, Sequence[Verdict]]) -> str:
    """Return Markdown: how many runs kept step 0, which verdicts another step changes, and all verdicts."""
    runs = study.runs()
    tuned = runs[(runs["status"] == "ok") & (runs["arm"] != "zero_shot")]
    kept = int((tuned["selected_step"] == 0).sum())
    rows = zip(*(verdicts[selection] for selection in SELECTIONS), strict=True)
    changed = [row for row in rows if len({one.verdict for one in row}) > 1]
    named = name_ids(one.id for one in verdicts[RECORDED])
    sentence = (
        f"{kept:,} of {len(tuned):,} fine-tuning runs kept step 0, the model before any training, because no "
        f"later step had a better validation score: they score exactly 0. Read at the best step after it, or "
        f"at the last one, {len(changed) or 'none'} of the {len(verdicts[RECORDED])} claims about the "
        f"selected step ({named}) get{'s' if len(changed) < 2 else ''} another verdict"
    )
    if changed:
        each = [f"at the {name} {_list_changes(verdicts, name) or 'none'}" for name in (TRAINED, LAST)]
        sentence += f": {'; '.join(each)}"
    return f"{sentence}. {_say_rounded(study.trajectories(), verdicts)}\n\n{compare_verdicts(verdicts)}"


def _say_rounded(trajectories: pd.DataFrame, verdicts: Mapping[str, Sequence[Verdict]]) -> str:
    """Say how many runs kept another step for the last digit of a float, and what hangs on that."""
    kept = trajectories[trajectories["selected"]].set_index("spec_hash")["step"]
    n_other = int(kept.ne(choose_steps(trajectories, ROUNDED).set_index("spec_hash")["step"]).sum())
    changes = _list_changes(verdicts, ROUNDED)
    return (
        "Validation scores that are equal, but were summed in another order, differ in the last digit of a "
        f"float: compared to 12 digits, {n_other:,} run{'s' if n_other != 1 else ''} would have kept another "
        f"step, and {f'another verdict is got: {changes}' if changes else 'no claim gets another verdict'}."
    )


def _list_changes(verdicts: Mapping[str, Sequence[Verdict]], selection: str) -> str:
    """List which other verdict which claims get under a selection; of one that is reproduced, its value."""
    changes: dict[str, list[str]] = {}
    for first, other in zip(verdicts[RECORDED], verdicts[selection], strict=True):
        if other.verdict != first.verdict:
            is_found = other.verdict == "reproduced"
            value = f" ({with_ends(other.value, *other.interval)})" if is_found else ""
            changes.setdefault(other.verdict, []).append(other.id + value)
    return ", ".join(f"*{verdict}* for {', '.join(ids)}" for verdict, ids in changes.items())
