"""Does a finding about one model hold for another? Two studies, compared where both have runs. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from causalmix.analysis import PRIMARY_NORMALISATION
from causalmix.cells import CELL
from causalmix.claims import Verdict, compare_verdicts, decide
from causalmix.intervals import RESAMPLES
from causalmix.rules import Claim
from causalmix.study_view import StudyView

Pair = tuple[StudyView, StudyView]


def share_cells(first: StudyView, second: StudyView) -> Pair:
    """Cut two studies down to the cells in which both have a run."""
    cells = first.runs()[CELL].drop_duplicates().merge(second.runs()[CELL].drop_duplicates())
    return first.only(cells), second.only(cells)


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


def agree_by_fold(
    claims: Mapping[str, Claim],
    study: StudyView,
    normalisation: str = PRIMARY_NORMALISATION,
    resamples: int = 1000,
) -> list[int]:
    """Count for each fold how many empirical claims it decides, alone, as the whole study does.

    What two models can agree in is bounded by this: it is how often a model agrees with itself.
    """
    decided = partial(decide, normalisation=normalisation, resamples=resamples)
    whole = [(claim, decided(claim, study).verdict) for claim in claims.values() if claim.kind == "empirical"]
    tested = [(claim, verdict) for claim, verdict in whole if verdict != "not tested"]
    cells = study.runs()[CELL].drop_duplicates()
    alone = [study.only(own) for _, own in cells.groupby("fold")]
    return [sum(decided(claim, fold).verdict == verdict for claim, verdict in tested) for fold in alone]


def say_what_carries_over(
    studies: Pair, verdicts: list[tuple[Verdict, Verdict]], by_fold: Sequence[int] = ()
) -> str:
    """Return Markdown: how many verdicts agree, and a table of both models' verdicts with their estimates.

    Parameters
    ----------
    studies : pair of StudyView
        From `share_cells`.
    verdicts : list of pairs of Verdict
        From `decide_for_both`.
    by_fold : sequence of int
        From `agree_by_fold` of the first model's whole study; said where a single fold is shared.
    """
    cells = studies[0].runs()[CELL].drop_duplicates()
    nothing_shared = "the studies share no table and fold" if cells.empty else ""
    note = studies[0].note or studies[1].note or nothing_shared
    if note:
        return f"Not tested: {note}."
    models = [f"`{study.model}`" for study in studies]
    outcomes = [(first.verdict, second.verdict) for first, second in verdicts]
    tested = [pair for pair in outcomes if "not tested" not in pair]
    alike = sum(first == second for first, second in tested)
    sentence = (
        f"On the {cells['dataset'].nunique()} tables ({len(cells)} folds in all) that both models were run "
        f"on, {alike} of the {len(tested)} empirical claims that could be decided for both get the same "
        f"verdict for {models[1]} as for {models[0]}."
    )
    if cells["fold"].nunique() == 1 and len(by_fold) > 1:
        sentence += (
            f" This is one fold, and says little: {models[0]} was run on {len(by_fold)}, and any single "
            f"one of them decides only {min(by_fold)} to {max(by_fold)} claims as all of them together do."
        )
    columns = zip(models, zip(*verdicts, strict=True), strict=True)
    return f"{sentence}\n\n{compare_verdicts(dict(columns))}"
