"""Does a finding about one model hold for another? Two studies, compared where both have runs. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd

from causalmix.analysis import PRIMARY_NORMALISATION
from causalmix.cells import CELL
from causalmix.claims import Store, Verdict, decide
from causalmix.intervals import RESAMPLES
from causalmix.rules import Claim, short

Pair = tuple["SharedCells", "SharedCells"]


@dataclass(frozen=True)
class SharedCells:
    """The part of a study whose tables, folds and repeats another study holds as well; a `Store`.

    Attributes
    ----------
    study : Store
        Of one model.
    cells : DataFrame
        The columns of `CELL`.
    """

    study: Store
    cells: pd.DataFrame

    @property
    def hash(self) -> str:
        """Content hash of the whole study."""
        return self.study.hash

    @property
    def note(self) -> str:
        """Why there is nothing to show; else empty."""
        return getattr(self.study, "note", "")

    @property
    def model(self) -> str:
        """Name of the model; empty where there is no run."""
        return next(iter(self.runs()["model"]), "")

    def runs(self) -> pd.DataFrame:
        """Return one row per run."""
        return self._shared(self.study.runs())

    def trajectories(self) -> pd.DataFrame:
        """Return one row per run and evaluation."""
        return self._shared(self.study.trajectories())

    def graphs(self) -> pd.DataFrame:
        """Return one row per run and DAG."""
        return self._shared(self.study.graphs())

    def _shared(self, table: pd.DataFrame) -> pd.DataFrame:
        return table.merge(self.cells, on=CELL).reset_index(drop=True)


def share_cells(first: Store, second: Store) -> Pair:
    """Cut two studies down to the cells in which both have a run.

    Parameters
    ----------
    first, second : Store
        Of one model each.
    """
    cells = first.runs()[CELL].drop_duplicates().merge(second.runs()[CELL].drop_duplicates())
    return SharedCells(first, cells), SharedCells(second, cells)


def decide_for_both(
    claims: Mapping[str, Claim],
    studies: Pair,
    normalisation: str = PRIMARY_NORMALISATION,
    resamples: int = RESAMPLES,
) -> list[tuple[Verdict, Verdict]]:
    """Decide the empirical claims twice, by the same rules on the same tables and folds."""
    decided = partial(decide, normalisation=normalisation, resamples=resamples)
    empirical = [claim for claim in claims.values() if claim.kind == "empirical"]
    return [(decided(claim, studies[0]), decided(claim, studies[1])) for claim in empirical]


def say_what_carries_over(studies: Pair, verdicts: list[tuple[Verdict, Verdict]]) -> str:
    """Return Markdown: how many verdicts agree, and a table of both models' verdicts with their estimates."""
    cells = studies[0].cells
    nothing_shared = "the studies share no table and fold" if cells.empty else ""
    note = studies[0].note or studies[1].note or nothing_shared
    if note:
        return f"Not tested: {note}."
    models = [f"`{study.model}`" for study in studies]
    outcomes = [(first.verdict, second.verdict) for first, second in verdicts]
    tested = [pair for pair in outcomes if "not tested" not in pair]
    alike = sum(first == second for first, second in tested)
    lines = [
        f"On the {cells['dataset'].nunique()} tables ({len(cells)} folds in all) that both models were run "
        f"on, {alike} of the {len(tested)} empirical claims that could be decided for both get the same "
        f"verdict for {models[1]} as for {models[0]}.",
        "",
        f"| Claim | {models[0]} | {models[1]} |",
        "|---|---|---|",
        *(
            f"| {first.id}: {first.title} | {_outcome(first)} | {_outcome(second)} |"
            for first, second in verdicts
        ),
    ]
    return "\n".join(lines)


def _outcome(verdict: Verdict) -> str:
    if verdict.verdict == "not tested":
        return f"not tested: {verdict.reason}"
    lower, upper = verdict.interval
    return f"{verdict.verdict}: {short(verdict.value)} [{short(lower)}, {short(upper)}]".replace("-", "−")
