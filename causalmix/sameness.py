"""What the runs of a study share: one version of each table, one set of weights behind a model's name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from causalmix.rows import StoreError

SAME_WEIGHTS = 0.002
"""Largest difference of the zero-shot log-loss (nats) that two runs of one cell and model can have.

It is taken before any fine-tuning, so all of them score the same rows with the same weights. In the recorded
studies it is equal to the last digit within each study, and 6e-7 apart at most between studies that made a
cell on two processors. Matrices in bfloat16 would move it by up to 8e-4 on folds of the bundled tables, the
weights of embedded-mini-2 in place of embedded-mini by 1e-3 to 2e-2 there. The audit's tolerance for another
device, 0.02, allows for fine-tuning that keeps a neighbouring step; here it would let nearly all of these
exchanges pass. (No preset shows synthetic rows to predictions, which would set the arms apart.)
"""

_SAME_START = ["suite", "dataset", "target", "fold", "repeat", "model", "protocol", "data_fingerprint"]


def mixed_tables(runs: pd.DataFrame) -> list[str]:
    """Return the tables whose runs carry more than one data fingerprint.

    Examples
    --------
    >>> mixed_tables(pd.DataFrame({"dataset": ["iris", "iris", "wine"], "data_fingerprint": ["a", "b", "c"]}))
    ['iris']
    """
    known = runs[runs["data_fingerprint"] != ""].groupby("dataset")["data_fingerprint"].nunique()
    return [str(name) for name in known.index[known > 1]]


def check_tables(root: Path, runs: pd.DataFrame, published: Collection[str]) -> None:
    """Refuse runs that were made on different versions of a table.

    Parameters
    ----------
    root : Path
        Folder of the study.
    runs : DataFrame
        Rows of ``runs``.
    published : collection of str
        Hashes of the runs in the Parquet file: to go on, their version of a table is kept; without any, the
        version of most runs.

    Raises
    ------
    StoreError
        Naming the tables, and how to go on.
    """
    mixed = mixed_tables(runs)
    if not mixed:
        return
    odd = []
    for name in mixed:
        own = runs[(runs["dataset"] == name) & (runs["data_fingerprint"] != "")]
        begun = own[own["spec_hash"].isin(list(published))]
        kept = (begun if len(begun) else own)["data_fingerprint"].mode()[0]
        odd += sorted(set(own["data_fingerprint"]) - {kept})
    n_odd = int(runs["data_fingerprint"].isin(odd).sum())
    files = f"{shlex.quote(str(root / 'records'))}/*.json"
    raise StoreError(
        f"{root} mixes different versions of {', '.join(mixed)} (their data fingerprints differ): to go on "
        f"with it, delete its records that hold {' or '.join(odd)}, {n_odd} in all (`grep -lE "
        f"'{'|'.join(odd)}' {files}` lists them), and put the former version back; run the changed table "
        "under another --study."
    )


def check_weights(root: Path, runs: pd.DataFrame) -> None:
    """Refuse runs whose weights were exchanged under the name of their model.

    The digests that the records hold tell, and for those that were made before these were noted the zero-shot
    log-loss within a cell (`SAME_WEIGHTS`). A run without either, as a failed run, tells nothing.

    Parameters
    ----------
    root : Path
        Folder of the study.
    runs : DataFrame
        Rows of ``runs``.

    Raises
    ------
    StoreError
        Naming the model, the table, the fold, the two values, and how to go on.
    """
    _check_digests(root, runs)
    scored = runs[runs["zero_shot_log_loss"].notna()]
    losses = scored.groupby(_SAME_START, observed=True)["zero_shot_log_loss"]
    spread = losses.max() - losses.min()
    if spread.empty or spread.max() <= SAME_WEIGHTS:
        return
    ordered = losses.get_group(spread.idxmax()).sort_values(kind="stable")
    low, high = (scored.loc[place] for place in (ordered.index[0], ordered.index[-1]))
    raise StoreError(
        f"{root}: before fine-tuning {low['model']} has a log-loss of {low['zero_shot_log_loss']:.4f} on "
        f"{low['dataset']} fold {low['fold']} in {low['spec_hash']}.json ({low['arm']}), but of "
        f"{high['zero_shot_log_loss']:.4f} in {high['spec_hash']}.json ({high['arm']}): {_exchanged(root)}"
    )


def _check_digests(root: Path, runs: pd.DataFrame) -> None:
    """Refuse runs of one model whose records hold different digests of its weights."""
    digests = runs["environment"].map(lambda text: json.loads(text or "{}").get("weights", ""))
    told = runs.assign(weights=digests)[digests != ""].drop_duplicates(["model", "weights"])
    for model, own in told.groupby("model", observed=True):
        if len(own) > 1:
            named = " and ".join(f"{row.weights} ({row.spec_hash}.json)" for row in own.itertuples())
            raise StoreError(f"{root}: the weights of {model} have the digests {named}: {_exchanged(root)}")


def _exchanged(root: Path) -> str:
    return (
        "the weights under this name were exchanged. Delete the records of "
        f"{root / 'records'} that were made with the later weights (their dates tell which), and give these "
        "a folder of their own with --model, or their runs another --study."
    )
