"""How good the synthetic rows of each generator are, by six measures on real tables.

    CAUSALMIX_DATA=FOLDER python benchmarks/quality.py [--quick] [--anew] [--folds N ...]

The tables of the profile first-look; as many synthetic rows as there are real training rows, the very rows
that the runs of a study are fine-tuned on. Goes on where it was stopped; `--anew` measures again. Writes
`scores.csv` (one row per table, fold and generator) and `summary.csv`, and ends with one JSON object.
"""

from __future__ import annotations

import json
from functools import partial

from causalmix.environment import code_revision
from causalmix.experiment import make_rows
from causalmix.figures import summarise_quality
from causalmix.folds import prepare_fold
from causalmix.generators import GeneratorError
from causalmix.measuring import add_data_option, make_parser, measure_lacking, open_record
from causalmix.profiles import PROFILES
from causalmix.quality import RealRows, measure_quality
from causalmix.recorded_cases import list_sources
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


def main() -> None:
    """Measure what is not recorded, print, write."""
    parser = make_parser(__doc__, "two tables, four generators", "results/quality", workers=False)
    parser.add_argument("--folds", type=int, nargs="+", default=[0], help="folds of each table")
    parser.add_argument("--generators", nargs="+", default=list(SOURCES), choices=SOURCES, metavar="NAME")
    add_data_option(parser)
    options = parser.parse_args()
    tables, generators = (
        (QUICK_TABLES, QUICK_SOURCES) if options.quick else (PROFILE.datasets, options.generators)
    )
    record = open_record(options, "scores.csv", KEYS)
    cases = [(table, fold, name) for table in tables for fold in options.folds for name in generators]
    own = partial(measure, data_dir=options.data)
    scores = measure_lacking(record, cases, own, "quality", anew=options.anew, together=True)
    summary = summarise_quality(scores)
    summary.to_csv(record.path.with_name("summary.csv"), index=False, float_format="%.6g")
    print(summary.pivot(index="generator", columns="measure", values="mean").round(3).to_string())
    figures = {
        f"{row.generator}_{row.measure}": round(row.mean, 4) for row in summary.itertuples(index=False)
    }
    print(json.dumps({"benchmark": "quality", "n_datasets": scores["dataset"].nunique(), **figures}))


if __name__ == "__main__":
    main()
