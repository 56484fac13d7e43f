"""A server on this machine that speaks OpenML's protocol, as far as scikit-learn's `fetch_openml` asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pandas as pd
import pytest


def to_arff(table: pd.DataFrame) -> bytes:
    """The table in OpenML's format."""
    kinds = {
        name: "{" + ",".join(column.cat.categories) + "}" if column.dtype == "category" else "NUMERIC"
        for name, column in table.items()
    }
    head = ["@RELATION table", *(f"@ATTRIBUTE '{name}' {kind}" for name, kind in kinds.items()), "@DATA", ""]
    return ("\n".join(head) + table.to_csv(index=False, header=False)).encode()


def answers(table: pd.DataFrame, target: str, data_id: int, address: str) -> dict[str, bytes]:
    """What OpenML answers about one dataset, by path."""
    arff = to_arff(table)
    description = {
        "id": str(data_id),
        "name": "table",
        "version": "1",
        "status": "active",
        "format": "ARFF",
        "description": "",
        "url": f"{address}/file",
        "md5_checksum": hashlib.md5(arff).hexdigest(),
    }
    features = [
        {
            "index": str(index),
            "name": name,
            "data_type": "nominal" if column.dtype == "category" else "numeric",
            "is_target": str(name == target).lower(),
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }
        for index, (name, column) in enumerate(table.items())
    ]
    qualities = [{"name": "NumberOfInstances", "value": str(len(table))}]
    return {
        f"/{data_id}": json.dumps({"data_set_description": description}).encode(),
        f"/features/{data_id}": json.dumps({"data_features": {"feature": features}}).encode(),
        f"/qualities/{data_id}": json.dumps({"data_qualities": {"quality": qualities}}).encode(),
        "/file": arff,
    }


@contextmanager
def openml_with(
    table: pd.DataFrame, target: str, data_id: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Point scikit-learn at a server that holds one dataset; the paths that it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = known.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        known = answers(table, target, data_id, address)
        Thread(target=server.serve_forever, daemon=True).start()
        for name, path in {"INFO": "", "FEATURES": "/features", "QUALITIES": "/qualities"}.items():
            monkeypatch.setattr(f"sklearn.datasets._openml._DATA_{name}", f"{address}{path}/{{}}")
        yield asked
        server.shutdown()
