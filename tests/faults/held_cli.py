"""The command line with runs that can be held back: a study under a test cannot end before the test acts.

Started as a program in the folder of the study ``demo``; its workers, of Ray as well, run in that folder too.
"""

from __future__ import annotations

import time
from pathlib import Path

from causalmix import engine
from causalmix.cli import app

HOLD, RECORDS = Path("hold"), Path("results/demo/records")


def make_when_allowed(spec, **options):
    """Make the run, but not while as many records are there as the file ``hold`` says."""
    while HOLD.exists() and len(list(RECORDS.glob("*.json"))) >= int(HOLD.read_text()):
        time.sleep(0.05)
    return engine.make_record(spec, **options)


if __name__ == "__main__":  # workers import this module under another name and keep the true `make_record`
    engine.make_record = make_when_allowed
    app()
