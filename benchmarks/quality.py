"""How good the synthetic rows of each generator are, by six measures on real tables.

    CAUSALMIX_DATA=FOLDER python benchmarks/quality.py [--quick] [--anew] [--folds N ...]

The tables of the profile first-look; as many synthetic rows as there are real training rows, the very rows
that the runs of a study are fine-tuned on. Goes on where it was stopped; `--anew` measures again. Writes
`scores.csv` (one row per table, fold and generator) and `summary.csv`, and ends with one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from itertools import groupby
from pathlib import Path

from causalmix.environment import code_revision
from causalmix.experiment import make_rows
from causalmix.figures import summarise_quality
from causalmix.folds import prepare_fold
from causalmix.generators import GeneratorError
from causalmix.profiles import PROFILES
from causalmix.progress import make_progress
from causalmix.quality import RealRows, measure_quality
from causalmix.recorded_cases import RecordedCases, add_data_option, list_sources
from causalmix.specs import RunSpec

PROFILE = PROFILES["first-look"]
SOURCES = list_sources()
KEYS = ["dataset", "fold", "generator"]
QUICK_TABLES = ("blood-transfusion-service-center", "diabetes")
QUICK_SOURCES = ("scm", "independent", "bootstrap", "copula")


def measure(dataset: str, fold: int, generators: list[str], data_dir: str):
    """Yield one row per generator; a generator that cannot serve the table gives a reason instead."""
    spec = RunSpec("quality", PROFILE.suite, dataset, fold, "scm", protocol=PROFILE.protocol)
    real = RealRows(prepare_fold(spec, data_dir))
    for name in generators:
        arm = SOURCES[name]
        row = {"dataset": dataset, "fold": fold, "generator": name, "reason": "", "revision": code_revision()}
        try:
            made = make_rows(real.fold, RunSpec("quality", PROFILE.suite, dataset, fold, arm))
        except GeneratorError as error:
            yield {**row, "reason": str(error)}
        else:
            yield {**row, "n_rows": len(made.rows), **measure_quality(real, made.rows)}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two tables, four generators, nothing recorded")
    parser.add_argument("--anew", action="store_true", help="measure again what is recorded")
    parser.add_argument("--folds", type=int, nargs="+", default=[0], help="folds of each table")
    parser.add_argument("--generators", nargs="+", default=list(SOURCES), choices=SOURCES, metavar="NAME")
    add_data_option(parser)
    parser.add_argument("--out", type=Path, default=Path("results/quality"), help="where the CSV files go")
    return parser.parse_args()


def main() -> None:
    """Measure what is not recorded, print, write."""
    options = parse()
    tables, generators = (
        (QUICK_TABLES, QUICK_SOURCES) if options.quick else (PROFILE.datasets, options.generators)
    )
    out = Path(tempfile.mkdtemp()) if options.quick else options.out
    record = RecordedCases(out / "scores.csv", KEYS)
    cases = [(table, fold, name) for table in tables for fold in options.folds for name in generators]
    if options.anew:
        record.forget(cases)
    todo = record.lacking(cases)
    with make_progress([case[0] for case in todo], "quality") as bars:
        for (table, fold), group in groupby(todo, key=lambda case: case[:2]):
            for row in measure(table, fold, [case[2] for case in group], options.data):
                record.add(row)
                bars.advance(table, row["reason"])
    scores = record.frame()
    summary = summarise_quality(scores)
    summary.to_csv(out / "summary.csv", index=False, float_format="%.6g")
    print(summary.pivot(index="generator", columns="measure", values="mean").round(3).to_string())
    figures = {
        f"{row.generator}_{row.measure}": round(row.mean, 4) for row in summary.itertuples(index=False)
    }
    print(json.dumps({"benchmark": "quality", "n_datasets": scores["dataset"].nunique(), **figures}))


if __name__ == "__main__":
    main()
