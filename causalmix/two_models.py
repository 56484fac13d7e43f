"""Does a finding about one model hold for another? Two studies, compared where both have runs. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import combinations

import numpy as np

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


def agree_with_itself(
    claims: Mapping[str, Claim],
    study: StudyView,
    n_folds: int = 1,
    normalisation: str = PRIMARY_NORMALISATION,
    resamples: int = 1000,
    n_pairs: int = 10,
) -> list[int]:
    """Count how many empirical claims get the same verdict from two sets of so many folds that share none.

    It is what two models could be expected to agree in on as many folds if they did not differ.

    Returns
    -------
    list of int
        One number per pair of sets: ``n_pairs`` of them, drawn at random, or as many as there are; none where
        the study has fewer than twice as many folds.
    """
    folds = sorted(study.runs()["fold"].unique()) if n_folds else []
    pairs = [
        (one, other)
        for one in combinations(folds, n_folds)
        for other in combinations([fold for fold in folds if fold not in one], n_folds)
        if one < other
    ]
    drawn = np.random.default_rng(0).permutation(len(pairs))[:n_pairs]
    counts = []
    for one, other in (pairs[index] for index in drawn):
        parts = study.only_folds(one), study.only_folds(other)
        verdicts = decide_for_both(claims, parts, normalisation, resamples)
        counts.append(sum(first.verdict == second.verdict != "not tested" for first, second in verdicts))
    return counts


def say_what_carries_over(
    studies: Pair,
    verdicts: list[tuple[Verdict, Verdict]],
    by_pair: Sequence[int] = (),
    claims: Mapping[str, Claim] | None = None,
) -> str:
    """Return Markdown: how many verdicts agree, and a table of both models' verdicts with their estimates.

    Parameters
    ----------
    studies : pair of StudyView
        From `share_cells`.
    verdicts : list of pairs of Verdict
        From `decide_for_both`.
    by_pair : sequence of int
        From `agree_with_itself` of the first model's whole study, for as many folds as are shared.
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
    if by_pair:
        n_decided = sum(first.verdict != "not tested" for first, _ in verdicts)
        sentence += _say_by_pair(models[0], cells["fold"].nunique(), by_pair, n_decided)
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


def _say_by_pair(model: str, n_folds: int, by_pair: Sequence[int], n_decided: int) -> str:
    """Say in how many claims two sets of as many folds as are shared agree, both of the first model."""
    size, sets = (
        ("one fold", "two folds") if n_folds == 1 else (f"{n_folds} folds", f"two sets of {n_folds} folds")
    )
    low, high = min(by_pair), max(by_pair)
    alike = f"{low} to {high}" if low < high else f"{low}"
    mean = f", {sum(by_pair) / len(by_pair):.1f} on average over {len(by_pair)} such pairs"
    return (
        f" How much {size} can decide: {sets} of {model} that share none get the same verdict for {alike} of "
        f"the {n_decided} claims{mean if len(by_pair) > 1 else ''}."
    )
