"""The recorded study as text: what was run, what came out, what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from causalmix.book.study import Study
from causalmix.book.text import count, number, sentence_list, table
from causalmix.cells import count_folds
from causalmix.controls import load_rule
from causalmix.failures import count_failures
from causalmix.incomplete import incomplete_tables, name_incomplete
from causalmix.profiles import PROFILES, Profile, iter_specs
from causalmix.specs import ARMS


def shape(study: Study) -> str:
    """Return the size of a study as part of a sentence."""
    runs = study.runs
    tables, arms = count(runs["dataset"].nunique(), "table"), count(runs["arm"].nunique(), "arm")
    return f"{count(len(runs), 'run')} ({tables} × {count_folds(runs)} × {arms})"


def models_of(study: Study) -> str:
    """Return the models of a study as part of a sentence."""
    return sentence_list([f"`{model}`" for model in study.models])


def study_summary(study: Study) -> str:
    """Return a table of what the recorded study is."""
    manifest = study.manifest
    runs = manifest["runs"]
    rows = [
        ["Study", f"`{study.name}`"],
        ["Runs", f"{shape(study)}; planned {number(runs['planned'])}, done {number(runs['done'])}, "
                 f"failed {number(runs['failed'])}, absent {number(runs['absent'])}"],
        ["Tables", sentence_list([f"{name}" for name in manifest["datasets"]])],
        *absent_tables(manifest),
        *partial_tables(study),
        *part_of_profile(study),
        ["Model", models_of(study)],
        ["Fine-tuning preset", sentence_list([f"`{name}`" for name in manifest["presets"]])],
        ["Devices", sentence_list([f"{name}" for name in sorted(set(study.runs["device"].dropna()))])],
        ["Compute", compute(study)],
        ["Code revision", sentence_list([f"`{name[:12]}`" for name in manifest["revisions"] if name])],
        ["Store hash", f"`{study.hash}`"],
    ]  # fmt: skip
    return table(["", "This study"], rows, widths=[22, 78])


def absent_tables(manifest: Mapping[str, Any]) -> list[list[str]]:
    """Return the row that names the planned tables of which no run is there; none where there are none."""
    absent = sorted({cell["dataset"] for cell in manifest["absent"]} - set(manifest["datasets"]))
    why = "planned, but their rows could not be had where the study was run"
    return [["Absent tables", f"{sentence_list(absent)}: {why}"]] if absent else []


def partial_tables(study: Study) -> list[list[str]]:
    """Return the row that names the tables of which only a part of the rows could be had, where there are."""
    tables = incomplete_tables(study.runs)
    return [["Incomplete tables", name_incomplete(tables)]] if len(tables) else []


def part_of_profile(study: Study) -> list[list[str]]:
    """Return the row that says how the study was called, and what share of its profile it is."""
    profile = PROFILES.get(study.name)
    if profile is None:
        return []
    planned = study.manifest["runs"]["planned"]
    whole = sum(1 for _ in iter_specs(profile, study.name))
    if planned >= whole:
        return [["Command", f"`causalmix run --profile {study.name}`"]]
    share = f"{number(planned)} of the {number(whole)} runs of that profile"
    return [["Command", f"{sentence_list(_commands(study, profile))}: {share}"]]


def _commands(study: Study, profile: Profile) -> list[str]:
    """Return the commands that make the study's runs: one for all folds with the same tables."""
    cells = study.runs.groupby("fold")["dataset"].agg(lambda names: ",".join(sorted(set(names))))
    commands = []
    for tables in dict.fromkeys(cells):
        folds = cells.index[cells == tables].tolist()
        whole = set(tables.split(",")) == _available(study, profile)
        options = "" if whole else f" --datasets {tables}"
        options += f" --folds {','.join(map(str, folds))}" if set(folds) != set(profile.folds) else ""
        commands.append(f"`causalmix run --profile {study.name}{options}`")
    return commands


def _available(study: Study, profile: Profile) -> set[str]:
    """Return the tables of the profile but those that could not be had."""
    absent = {cell["dataset"] for cell in study.manifest["absent"]} - set(study.manifest["datasets"])
    return set(profile.tables) - absent


def compute(study: Study) -> str:
    """Return how long the runs took, in hours of one worker; rows that runs share are counted once."""
    made = study.runs.drop_duplicates(["dataset", "fold", "repeat", "max_train_rows", "seconds_generate"])
    generate, finetune = made["seconds_generate"].sum() / 3600, study.runs["seconds_finetune"].sum() / 3600
    return f"{number(round(generate, 2))} h of generating rows, {number(round(finetune, 2))} h of fine-tuning"


def arms_table(study: Study, claims: Mapping[str, Any]) -> str:
    """Return a table of the arms with their runs, then the paper's arms that are not there."""
    rows, controls = [], load_rule().without_structure
    for name, arm in ARMS.items():
        if name not in study.arms:
            continue
        if not arm.finetune:
            pool = "none: the pre-trained model as it is"
        elif arm.generator is None:
            pool = "the real training rows"
        else:
            source = controls.get(name) or f"synthetic rows from the generator *{arm.generator}*"
            pool = f"the real training rows and {source}" if arm.mixed else f"only {source}"
        own = study.runs[study.runs["arm"] == name]
        failed = int((own["status"] == "failed").sum())
        rows.append([f"`{name}`", pool, number(len(own)), number(failed)])
    text = table(["Arm", "Fine-tuned on", "Runs", "Failed"], rows, widths=[20, 52, 14, 14])
    text += "\n\nThe generator *causal* fits causal models to graphs that it discovers in the training rows."
    absent = [f"`{name}`" for name in claims.get("paper", ()) if name not in study.arms]
    if absent:
        text += f"\n\nNot in this study, though in the paper's comparison: {sentence_list(absent)}."
    return text


def folds_text(study: Study) -> str:
    """Return the protocol values of the study."""
    rows = []
    for protocol in study.manifest["protocols"]:
        rows += [
            ["Stratified folds per table", number(protocol["n_folds"])],
            ["Of each, those that were run", count_folds(study.runs)],
            ["Share of the training part used for validation", number(protocol["validation_share"])],
            ["Rows for training and validation at most", number(protocol["max_train_rows"])],
            ["Test rows at most", number(protocol["max_test_rows"])],
            ["Protocol version", number(protocol["version"])],
        ]
    text = table(["Protocol", "Value"], rows, widths=[70, 30])
    return f"{text}\n\nThe number of rows is limited on purpose: the question is about scarce data."


def normalisations_table(normalisations: Mapping[str, Any]) -> str:
    """Return the normalisations of claims.yml with their formulas."""
    rows = []
    for name, formula in normalisations["all"].items():
        use = "primary" if name == normalisations["primary"] else "sensitivity"
        rows.append([f"`{name}`", f"{formula}", use])
    return table(["Name", "Score", "Use"], rows, widths=[24, 58, 18])


def failures_text(studies: Sequence[Study]) -> str:
    """Return the failed runs of the studies by generator, table and reason."""
    rows, clean = [], []
    for study in studies:
        failures = count_failures(study.runs)
        failures = failures[failures["n_failed"] > 0]
        if failures.empty:
            clean.append(f"`{study.name}` ({count(len(study.runs), 'run')})")
        for row in failures.to_dict("records"):
            arms = sentence_list([f"`{arm}`" for arm in row["arms"].split()])
            failed = f"{number(row['n_failed'])} of {number(row['n_runs'])}"
            rows.append([f"`{study.name}`", row["generator"], arms, row["dataset"], failed, row["reason"]])
    header = ["Study", "Generator", "Arms", "Table", "Failed runs", "Reason"]
    parts = [table(header, rows, widths=[12, 14, 18, 18, 10, 28])] if rows else []
    if clean:
        parts.append(
            f"No run failed in {'the study' if len(clean) == 1 else 'the studies'} {sentence_list(clean)}."
        )
    return "\n\n".join(parts)
