"""Command line of the builder: ``python -m causalmix.book [--study NAME] [--parameter N=VALUE] [--pdf]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from causalmix.book.build import build
from causalmix.book.workspace import BookError


def main(arguments: list[str] | None = None) -> int:
    """Build the book; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m causalmix.book", description="Build the causalmix book.")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the checkout (default: this folder)")
    parser.add_argument("--study", help="recorded study to show (default: the most complete one)")
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a notebook parameter, for every notebook",
    )
    parser.add_argument("--pdf", action="store_true", help="print the whole book as one PDF, too")
    options = parser.parse_args(arguments)
    try:
        parameters = dict(read_parameter(text) for text in options.parameter)
        index = build(options.root, study=options.study, parameters=parameters, print_pdf=options.pdf)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.pdf:
        print(f"\nthe PDF: {index.parent / 'downloads' / 'causalmix.pdf'}")
    print(f"\nthe book: {index}")
    return 0


def read_parameter(text: str) -> tuple[str, object]:
    """Return name and value of ``NAME=VALUE``; the value is read as YAML.

    Examples
    --------
    >>> read_parameter("run_missing=true")
    ('run_missing', True)
    """
    name, found, value = text.partition("=")
    if not found:
        raise BookError(f"--parameter {text!r}: write NAME=VALUE.")
    return name, yaml.safe_load(value)


if __name__ == "__main__":
    sys.exit(main())
