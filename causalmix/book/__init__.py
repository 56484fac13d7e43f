"""The book's builder: `python -m causalmix.book` (or ``make book``).

It chooses the recorded study, executes the notebooks with papermill, turns verdicts and records into the
text snippets that the chapters include, stages everything under ``_build/stage`` and calls jupyter-book.
It reads tables and files only: no torch, dowhy or causal-learn.
"""

from __future__ import annotations

from causalmix.book.workspace import BookError, Workspace

__all__ = ["BookError", "Workspace"]
