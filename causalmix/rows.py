"""Records to rows: the three tables of a study, with fixed columns, types and order.

``COLUMNS`` is the data dictionary: name -> (type, meaning). The store writes exactly these columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from causalmix.data.splits import Protocol
from causalmix.specs import RunRecord, RunSpec
from causalmix.trajectory import CURVES

_CELL = {
    "study": (str, "name of the study"),
    "dataset": (str, "name of the table"),
    "fold": (int, "fold of the partition, from 0"),
    "arm": (str, "what the model was fine-tuned on"),
    "model": (str, "the tabular foundation model"),
    "repeat": (int, "which random partition, from 0"),
    "spec_hash": (str, "name of the run: hash of its whole specification"),
}
_GRAPH = {
    "depth": (float, "edges on the longest directed path"),
    "target_depth": (float, "edges on the longest directed path that ends in the target"),
    "mean_node_depth": (float, "mean over nodes of the longest path that ends in the node"),
    "n_nodes": (float, "columns, target included"),
    "n_edges": (float, "directed edges"),
    "n_target_ancestors": (float, "columns with a directed path to the target"),
    "n_target_neighbours": (float, "columns with an edge to or from the target; 0: the target is on its own"),
    "edge_entropy": (float, "entropy of the edge probabilities that the DAG was drawn from"),
}

GRAPH_STATISTICS = tuple(_GRAPH)
"""What is recorded of each DAG that a run used; of all but ``n_nodes``, ``runs`` holds the mean."""

COLUMNS: dict[str, dict[str, tuple[type, str]]] = {
    "runs": {
        "study": _CELL["study"],
        "suite": (str, "suite of tables"),
        **{name: _CELL[name] for name in ("dataset", "fold", "arm", "model", "repeat")},
        "target": (str, "target column of a user's own table; empty for the tables of a suite"),
        "preset": (str, "named fine-tuning settings"),
        "synthetic_ratio": (float, "synthetic rows asked for per real training row"),
        "status": (str, "ok or failed"),
        "reason": (str, "why the run failed; empty for ok"),
        "test_auc": (float, "test ROC-AUC at the selected step (one-vs-rest macro with several classes)"),
        "zero_shot_auc": (float, "test ROC-AUC at step 0: the pre-trained model"),
        "test_log_loss": (float, "test log-loss (nats) at the selected step"),
        "zero_shot_log_loss": (float, "test log-loss (nats) at step 0"),
        "val_auc": (float, "validation ROC-AUC at the selected step"),
        "selected_step": (float, "step whose weights early stopping kept"),
        "n_train": (float, "real training rows, validation rows not included"),
        "n_val": (float, "validation rows"),
        "n_test": (float, "test rows"),
        "n_synthetic": (float, "synthetic rows in the fine-tuning pool"),
        "n_features": (float, "features after preprocessing"),
        "n_classes": (float, "classes"),
        **{name: (float, f"mean over DAGs: {_GRAPH[name][1]}") for name in _GRAPH if name != "n_nodes"},
        "n_dags": (int, "DAGs used; 0 for arms without a graph"),
        "seconds_generate": (float, "seconds to make the synthetic rows (recorded when they were made)"),
        "seconds_finetune": (float, "seconds of fine-tuning, evaluations included"),
        "device": (str, "cpu, or the name of the GPU"),
        "spec_hash": _CELL["spec_hash"],
        "data_fingerprint": (str, "hash of the whole table"),
        "revision": (str, "revision of the code"),
        "max_train_rows": (int, "row limit of the training part, validation included"),
        "n_steps": (int, "fine-tuning steps in place of the preset's; 0: the preset's"),
        "protocol": (str, "JSON: folds, validation share, row limits, version"),
        "environment": (str, "JSON: device, machine, python, revision, versions, digest of the weights"),
    },
    "trajectories": {
        **_CELL,
        "step": (int, "optimiser steps done; 0 is the pre-trained model"),
        "train_loss": (float, "mean query cross-entropy (nats) since the previous evaluation"),
        "val_log_loss": (float, "validation log-loss (nats)"),
        "val_auc": (float, "validation ROC-AUC"),
        "test_log_loss": (float, "test log-loss (nats)"),
        "test_auc": (float, "test ROC-AUC"),
        "update_norm": (float, "L2 norm of the weight change since the previous evaluation"),
        "selected": (bool, "whether early stopping kept this step"),
    },
    "graphs": {**_CELL, "dag": (int, "number of the DAG within the run, from 0"), **_GRAPH},
}
"""Table -> column -> (type, meaning)."""

_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
_PANDAS = {str: object, int: np.int64, float: np.float64, bool: np.bool_}
_NEVER_EMPTY = {*_CELL, "status", "protocol", "environment"}
_OTHER_VERSION = (
    "as another version of causalmix wrote them: read them with that version, or run them again under "
    "another --study."
)
RESTORE = (
    "Restore it from git, or delete the study's three Parquet files together and run again: runs without a "
    "record are then made anew."
)
"""The cure of a published file that was damaged, changed or lost."""
_ORDER = ["study", "dataset", "fold", "repeat", "model", "arm", "spec_hash"]


class StoreError(RuntimeError):
    """A store that cannot be read, written or ranked; the message names the file or cells, and the cure."""


def run_rows(record: RunRecord) -> list[dict]:
    """Return the one row of ``runs`` that the record gives."""
    spec, trajectory = record.spec, record.trajectory
    means = {
        name: float(np.mean([graph[name] for graph in record.graphs]))
        for name in _GRAPH
        if record.graphs and name != "n_nodes"
    }
    return [
        {
            **{item.name: getattr(spec, item.name) for item in fields(spec)},
            **record.scores,
            **means,
            **record.timings,
            "status": record.status,
            "reason": record.reason,
            "selected_step": trajectory.selected_step if trajectory else None,
            "n_dags": len(record.graphs),
            "device": record.environment.get("device", ""),
            "revision": record.environment.get("revision", ""),
            "spec_hash": spec.spec_hash,
            "data_fingerprint": record.data_fingerprint,
            "max_train_rows": spec.protocol.max_train_rows,
            "protocol": json.dumps(asdict(spec.protocol), sort_keys=True),
            "environment": json.dumps(record.environment, sort_keys=True),
        }
    ]


def spec_of_row(row: Mapping[str, Any]) -> RunSpec:
    """Return the specification that a row of ``runs`` was made from.

    Raises
    ------
    StoreError
        When the row gives no specification, or not the hash that it carries.
    """
    named = {item.name: row[item.name] for item in fields(RunSpec) if item.name != "protocol"}
    told = f"the row of {row['dataset']} fold {row['fold']} {row['arm']} with spec_hash {row['spec_hash']}"
    try:
        spec = RunSpec(**named, protocol=Protocol(**json.loads(row["protocol"])))
    except (ValueError, TypeError) as error:
        raise StoreError(f"runs.parquet: {told} tells no run ({error}): it was changed. {RESTORE}") from error
    if spec.spec_hash != row["spec_hash"]:
        raise StoreError(
            f"runs.parquet: {told} does not give this hash, but {spec.spec_hash}: {', '.join(named)} or "
            f"protocol was changed. {RESTORE}"
        )
    return spec


def trajectory_rows(record: RunRecord) -> list[dict]:
    """Return one row per evaluation step; none for a failed run."""
    run = record.trajectory
    if run is None:
        return []
    return [
        {
            **_cell(record),
            "step": step,
            **{curve: getattr(run, curve)[i] for curve in CURVES},
            "selected": step == run.selected_step,
        }
        for i, step in enumerate(run.steps)
    ]


def graph_rows(record: RunRecord) -> list[dict]:
    """Return one row per DAG that the run used."""
    return [{**_cell(record), "dag": i, **graph} for i, graph in enumerate(record.graphs)]


ROWS = {"runs": run_rows, "trajectories": trajectory_rows, "graphs": graph_rows}


def to_frame(table: str, rows: Iterable[dict]) -> pd.DataFrame:
    """Return rows as a frame with exactly the columns of ``table``, in their types and in canonical order."""
    return order_frame(table, pd.DataFrame(list(rows), columns=list(COLUMNS[table])))


def order_frame(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return ``frame`` with the columns, types and row order of ``table``.

    Missing text becomes "", except where a run cannot be told without it; a column of numbers that an older
    study did not record is empty (NaN).

    Raises
    ------
    StoreError
        When a column of whole numbers or truth values, or of what tells a run, is not there or has gaps, or a
        column holds something of another type.
    """
    columns = {}
    for name, (kind, meaning) in COLUMNS[table].items():
        column = frame.get(name, pd.Series(np.nan, index=frame.index))
        if (kind in (int, bool) or name in _NEVER_EMPTY) and column.isna().any():
            n_empty = int(column.isna().sum())
            raise StoreError(
                f"{table}: {n_empty} of {len(column)} rows have no {name!r} ({meaning}), {_OTHER_VERSION}"
            )
        try:
            columns[name] = (column.fillna("") if kind is str else column).astype(_PANDAS[kind])
        except (TypeError, ValueError) as error:
            raise StoreError(
                f"{table}: {name!r} ({meaning}) cannot be read ({error}), {_OTHER_VERSION}"
            ) from error
    order = [name for name in (*_ORDER, "step", "dag") if name in columns]
    return pd.DataFrame(columns).sort_values(by=order, kind="stable", ignore_index=True)


def to_parquet(table: str, frame: pd.DataFrame) -> bytes:
    """Return ``frame`` as Parquet: the same bytes for the same content."""
    schema = pa.schema([(name, _ARROW[kind]) for name, (kind, _) in COLUMNS[table].items()])
    content = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    pq.write_table(content, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def read_parquet(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Return the named columns of a Parquet file, by default all.

    Raises
    ------
    StoreError
        When the file cannot be read, or lacks the columns (of all, the name of the run); the message names
        it.
    """
    try:
        there = pq.read_schema(path).names
        lacking = [name for name in columns or ("spec_hash",) if name not in there]
        if not lacking:
            return pq.read_table(path, columns=columns).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{path} cannot be read ({error}). {RESTORE}") from error
    raise StoreError(f"the rows of {path} have no {', '.join(lacking)}, {_OTHER_VERSION}")


def _cell(record: RunRecord) -> dict:
    return {name: getattr(record.spec, name) for name in _CELL}
