"""Tables of which only a part of the benchmark's rows could be had, and what hangs on them. Free of torch.

``results/tables.csv``, made by ``causalmix data check --out``, says how each table compares with the
benchmark's; a run belongs to a row of it by the fingerprint of its table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from causalmix.analysis import PRIMARY_NORMALISATION
from causalmix.cells import CELL
from causalmix.claims import Verdict, compare_verdicts, decide
from causalmix.intervals import RESAMPLES
from causalmix.locations import find_root
from causalmix.rules import Claim, name_ids, short, with_ends
from causalmix.study_view import StudyView

RECORD = Path("results") / "tables.csv"
ALL, WHOLE = "all tables", "whole tables only"


def incomplete_tables(runs: pd.DataFrame, record: Path | None = None) -> pd.DataFrame:
    """Return the tables of the runs of which a part of the rows is missing.

    Parameters
    ----------
    runs : DataFrame
        ``ResultStore.runs()``.
    record : Path, optional
        By default `RECORD` of the checkout.

    Returns
    -------
    DataFrame
        ``dataset, shape`` (for example ``5,787 of 7,491 rows``); empty where the record names none of them.
    """
    path = find_root() / RECORD if record is None else record
    if not path.is_file():
        return pd.DataFrame(columns=["dataset", "shape"])
    checked = pd.read_csv(path).rename(columns={"name": "dataset", "fingerprint": "data_fingerprint"})
    partial = checked[checked["verdict"] == "partial"]
    used = runs[["dataset", "data_fingerprint"]].drop_duplicates()
    return partial.merge(used)[["dataset", "shape"]].sort_values("dataset", ignore_index=True)


def name_incomplete(tables: pd.DataFrame) -> str:
    """Return the tables of `incomplete_tables` in words.

    Examples
    --------
    >>> name_incomplete(pd.DataFrame({"dataset": ["a", "b"], "shape": ["1 of 2 rows", "3 of 9 rows"]}))
    '*a* (1 of 2 rows) and *b* (3 of 9 rows)'
    """
    return " and ".join(f"*{row.dataset}* ({row.shape})" for row in tables.itertuples(index=False))


def whole_only(study: StudyView, record: Path | None = None) -> StudyView:
    """Return the same view without its incomplete tables."""
    runs = study.runs()
    whole = ~runs["dataset"].isin(incomplete_tables(runs, record)["dataset"])
    return study.only(runs.loc[whole, CELL].drop_duplicates())


def decide_with_and_without(
    claims: Mapping[str, Claim],
    study: StudyView,
    dial: StudyView,
    normalisation: str = PRIMARY_NORMALISATION,
    resamples: int = RESAMPLES,
    record: Path | None = None,
) -> dict[str, list[Verdict]]:
    """Decide the claims that runs decide twice, by their own rules: with and without incomplete tables.

    Parameters
    ----------
    claims : mapping
        See `causalmix.rules.load_claims`.
    study, dial : StudyView
        What the empirical claims are decided from, and the open question.
    record : Path, optional
        As in `incomplete_tables`.

    Returns
    -------
    dict of list of Verdict
        ``ALL`` and ``WHOLE``.
    """
    stores = {ALL: (study, dial), WHOLE: (whole_only(study, record), whole_only(dial, record))}
    asked = [claim for claim in claims.values() if claim.kind in ("empirical", "exploratory")]
    return {
        name: [
            decide(
                claim,
                pair[claim.kind == "exploratory"],
                normalisation=normalisation,
                resamples=resamples,
            )
            for claim in asked
        ]
        for name, pair in stores.items()
    }


def say_what_hangs_on_incomplete(tables: pd.DataFrame, verdicts: Mapping[str, Sequence[Verdict]]) -> str:
    """Return Markdown: which tables are incomplete, which verdicts change without them, and all verdicts.

    Parameters
    ----------
    tables : DataFrame
        From `incomplete_tables`.
    verdicts : mapping
        From `decide_with_and_without`.
    """
    if tables.empty:
        return "No table of these runs is known to be incomplete."
    pairs = list(zip(verdicts[ALL], verdicts[WHOLE], strict=True))
    changed = [first.id for first, second in pairs if first.verdict != second.verdict]
    named = f": {', '.join(changed)}" if changed else ""
    sentence = (
        f"Of {name_incomplete(tables)} only a part of the rows could be had; they count as tables like the "
        f"others. Without them {len(changed) or 'none'} of the {len(pairs)} claims about results and "
        f"stability ({name_ids(first.id for first, _ in pairs)}) get{'' if len(changed) > 1 else 's'} "
        f"another verdict{named}."
    )
    sentence += "".join(_say_question(*pair) for pair in pairs if pair[0].kind == "exploratory")
    return f"{sentence}\n\n{compare_verdicts(verdicts)}"


def _say_question(first: Verdict, second: Verdict) -> str:
    """Say what becomes of the open question's correlation; nothing where either was not tested."""
    if "not tested" in (first.verdict, second.verdict):
        return ""
    then, now = (
        f"{with_ends(one.value, *one.interval)} (permutation p {short(one.quantities['p_value'])}, sign-flip "
        f"p {short(one.quantities['sign_flip_p'])})"
        for one in (first, second)
    )
    return f" The correlation of depth and stability is then {now} in place of {then}."
