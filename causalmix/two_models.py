"""Does a finding about one model hold for another? Two studies, compared where both have runs. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from causalmix.analysis import PRIMARY_NORMALISATION
from causalmix.cells import CELL
from causalmix.claims import Verdict, compare_verdicts, decide
from causalmix.intervals import RESAMPLES
from causalmix.rules import Claim, name_ids, with_ends
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
    studies: Pair,
    verdicts: list[tuple[Verdict, Verdict]],
    by_part: Sequence[int] = (),
    claims: Mapping[str, Claim] | None = None,
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
    claims : mapping, optional
        With them the text names the claims that an interval contradicts.
    """
    cells = studies[0].runs()[CELL].drop_duplicates()
    nothing_shared = "the studies share no table and fold" if cells.empty else ""
    note = studies[0].note or studies[1].note or nothing_shared
    if note:
        return f"Not tested: {note}."
    models = [f"`{study.model}`" for study in studies]
    tested = [pair for pair in verdicts if "not tested" not in {one.verdict for one in pair}]
    alike = sum(first.verdict == second.verdict for first, second in tested)
    sentence = (
        f"On the {cells['dataset'].nunique()} tables ({len(cells)} folds in all) that both models were run "
        f"on, {alike} of the {len(tested)} empirical claims that could be decided for both "
        f"({name_ids(first.id for first, _ in tested)}) get the same verdict for {models[1]} as for "
        f"{models[0]}.{_say_contradicted(tested, claims or {})}"
    )
    if len(by_part) > 1:
        n_decided = sum(first.verdict != "not tested" for first, _ in verdicts)
        sentence += _say_by_part(studies[0], cells["fold"].nunique(), by_part, n_decided)
    columns = zip(models, zip(*verdicts, strict=True), strict=True)
    return f"{sentence}\n\n{compare_verdicts(dict(columns))}"


def _say_contradicted(verdicts: Sequence[tuple[Verdict, Verdict]], claims: Mapping[str, Claim]) -> str:
    """Say for which model which claim's whole interval lies on the side that the claim denies."""
    found = [
        f" For `{one.model}` the interval of claim {one.id} ({one.title}) lies wholly on the other side: "
        f"{with_ends(one.value, *one.interval)}."
        for pair in verdicts
        for one in pair
        if one.id in claims and claims[one.id].contradicted_by(*one.interval)
    ]
    return "".join(found)


def _say_by_part(shared: StudyView, n_folds: int, by_part: Sequence[int], n_decided: int) -> str:
    """Say how often parts of as many folds as are shared decide as all folds of the first model's study."""
    n_all = replace(shared, cells=None).runs()["fold"].nunique()
    size, parts = ("one fold", "single folds") if n_folds == 1 else (f"{n_folds} folds", f"sets of {n_folds}")
    low, high = min(by_part), max(by_part)
    claims = f"{low} to {high}" if low < high else f"{low}"
    return (
        f" How much {size} can decide: cut into {parts}, the {n_all} folds of `{shared.model}` give, each "
        f"part alone, the verdict of all {n_all} for {claims} of the {n_decided} claims."
    )
