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


def agree_by_part(
    claims: Mapping[str, Claim],
    study: StudyView,
    n_folds: int = 1,
    normalisation: str = PRIMARY_NORMALISATION,
    resamples: int = 1000,
) -> list[int]:
    """Count for each part of so many folds how many empirical claims it decides, alone, as the whole study.

    What two models can agree in on as many folds is bounded by this: it is how often a model agrees with
    itself. Parts share no fold; folds that do not fill a part are left out.
    """
    decided = partial(decide, normalisation=normalisation, resamples=resamples)
    whole = [(claim, decided(claim, study).verdict) for claim in claims.values() if claim.kind == "empirical"]
    tested = [(claim, verdict) for claim, verdict in whole if verdict != "not tested"]
    folds = sorted(study.runs()["fold"].unique())
    starts = range(0, len(folds) - n_folds + 1, n_folds) if n_folds else ()
    parts = [study.only_folds(folds[start : start + n_folds]) for start in starts]
    return [sum(decided(claim, part).verdict == verdict for claim, verdict in tested) for part in parts]


def say_what_carries_over(
    studies: Pair, verdicts: list[tuple[Verdict, Verdict]], by_part: Sequence[int] = ()
) -> str:
    """Return Markdown: how many verdicts agree, and a table of both models' verdicts with their estimates.

    Parameters
    ----------
    studies : pair of StudyView
        From `share_cells`.
    verdicts : list of pairs of Verdict
        From `decide_for_both`.
    by_part : sequence of int
        From `agree_by_part` of the first model's whole study, in parts of as many folds as are shared.
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
    if len(by_part) > 1:
        n_folds = cells["fold"].nunique()
        size = "one fold" if n_folds == 1 else f"{n_folds} folds"
        sentence += (
            f" How far to trust {size}: on as many of its own at a time, {models[0]} gets for {min(by_part)} "
            f"to {max(by_part)} claims the verdict that all of its folds give together."
        )
    columns = zip(models, zip(*verdicts, strict=True), strict=True)
    return f"{sentence}\n\n{compare_verdicts(dict(columns))}"
