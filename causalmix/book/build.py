"""The whole way from recorded runs to the HTML book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from causalmix.book import (
    claims_text,
    controls_text,
    depth_records_text,
    depth_text,
    downloads,
    findings_text,
    generators_text,
    models_text,
    pdf,
    settings_text,
    status_text,
    study_text,
)
from causalmix.book.crate import METADATA, crate_metadata
from causalmix.book.execute import Execution, Job, declared_parameters, execute_all, package_checksum
from causalmix.book.html import build_html
from causalmix.book.repository import find_repository, launch_text
from causalmix.book.stage import claim_notebooks, notebooks_of, stage
from causalmix.book.study import (
    FILES,
    Study,
    choose_study,
    is_recorded,
    open_study,
    recorded_studies,
    run_quick_study,
)
from causalmix.book.workspace import Workspace, checksum, only_one, write_tree
from causalmix.incomplete import RECORD
from causalmix.verdicts import Verdict


def build(
    root: Path,
    *,
    study: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    print_pdf: bool = False,
) -> Path:
    """Build the book of the checkout ``root`` and return the path of its index page.

    Parameters
    ----------
    root : Path
        The checkout.
    study : str, optional
        The recorded study to show; the most complete one when left out. Where none is recorded, the quick
        study is run first.
    parameters : mapping, optional
        More parameters for every notebook.
    print_pdf : bool
        Print the book as well, and offer the PDF among its downloads.

    Raises
    ------
    BookError
        When a study, a notebook or a page cannot be had; the message names the file and the cure.
    """
    workspace = Workspace(root.resolve())
    with only_one(workspace.build / "book.lock"):
        folder = choose_study(workspace, study) or run_quick_study(workspace)
        opened = open_study(folder)
        print(f"the study {opened.name}: {study_text.shape(opened)}, store hash {opened.hash}", flush=True)
        executions = run_notebooks(workspace, opened, parameters or {})
        files = staged_files(workspace, opened, executions)
        if print_pdf:
            write_tree(workspace.stage, files)
            pdf.build_pdf(workspace, pdf.printed_part(files))
        write_tree(workspace.stage, with_pdf_and_crate(workspace, files, executions))
        return build_html(workspace)


def run_notebooks(workspace: Workspace, study: Study, parameters: Mapping[str, Any]) -> list[Execution]:
    """Execute every committed notebook: on the study, or on the one that it names itself."""
    inside = study.folder.is_relative_to(workspace.root)
    place = study.folder.relative_to(workspace.root) if inside else study.folder
    jobs, folders, records = [], {study.folder}, {workspace.root / RECORD}
    for notebook in notebooks_of(workspace):
        declared = declared_parameters(notebook)
        named = [declared.get(name) for name in ("study", "known", "other")]
        own = [name for name in named if name not in (None, "", "auto")]
        folders |= {workspace.results / name for name in own if is_recorded(workspace.results / name)}
        records |= {workspace.root / declared["record"]} if "record" in declared else set()
        chosen = {} if declared.get("study") in own else {"study": place.as_posix()}
        jobs.append(Job(notebook, {**chosen, **parameters}))
    print(f"executing {len(jobs)} notebooks with papermill", flush=True)
    recorded = [folder / name for folder in sorted(folders) for name in FILES]
    recorded += sorted(path for path in records if path.is_file())
    depends_on = checksum([package_checksum(workspace).encode(), *recorded])
    return execute_all(workspace, jobs, depends_on=depends_on)


def staged_files(workspace: Workspace, study: Study, executions: Sequence[Execution]) -> dict[str, bytes]:
    """Return the files of the staged book: the pages and what they offer for download."""
    path = workspace.notebooks / "claims.yml"
    claims = claims_text.read_claims(path)
    notebooks = claim_notebooks([execution.name for execution in executions])
    found = [file for execution in executions for file in sorted(execution.out.rglob("verdicts/*.json"))]
    verdicts = claims_text.all_verdicts(claims, found, study, notebooks)
    studies = recorded_studies(workspace, study)
    audit = status_text.audit_text(studies, claims)
    rules = yaml.safe_load(path.read_text(encoding="utf-8"))
    depth, answer = next(
        pair for pair in zip(claims, verdicts, strict=True) if pair[0]["kind"] == "exploratory"
    )
    values = {
        **snippets(study, executions, claims, verdicts, notebooks, rules),
        **findings_text.snippets(studies, claims, verdicts),
        **controls_text.snippets(studies),
        **rows_snippets(workspace, executions),
        **depth_text.depth_snippets(depth, answer, executions, studies, workspace.results),
        **depth_records_text.later_rules(studies),
        "failures": study_text.failures_text(studies),
        "rules_commit": claims_text.rules_commit(
            path, [one for one in studies if one.name in (study.name, "depth")]
        ),
        "model_scores": models_text.model_scores(workspace.results / "zero-shot"),
        "main_model": models_text.main_model(study, workspace.results / "zero-shot"),
        "learning_rates": models_text.learning_rates(workspace.results / "finetune"),
        "run_speed": models_text.run_speed(workspace.results / "finetune"),
        "status": status_text.status_table(executions, verdicts, notebooks),
        "book_time": status_text.book_time(executions),
        "audit": audit,
        "clearest": findings_text.clearest_difference(study)
        + generators_text.see(executions, "fig_critical_difference"),
        "audit_sentence": status_text.audit_sentence(audit),
        "studies": downloads.studies_table(studies),
        "tables_record": downloads.tables_text(workspace),
        "pdf": downloads.pdf_text(False),
        "launch": launch_text(find_repository(workspace)),
    }
    pages = stage(workspace, executions, values)
    offered = downloads.download_files(workspace, pages, verdicts, studies)
    return pages | {f"downloads/{name}": content for name, content in offered.items()}


def with_pdf_and_crate(
    workspace: Workspace, files: Mapping[str, bytes], executions: Sequence[Execution]
) -> dict[str, bytes]:
    """Return the staged files with the PDF, where one shows this book, and the metadata of the downloads."""
    files = dict(files)
    if pdf.is_current(workspace, pdf.printed_part(files)):
        files["downloads/causalmix.pdf"] = workspace.pdf.read_bytes()
        files["values/pdf.md"] = f"{downloads.pdf_text(True)}\n".encode()
    offered = {
        name.removeprefix("downloads/"): files[name] for name in files if name.startswith("downloads/")
    }
    day = max(execution.when for execution in executions).split()[0]
    metadata = crate_metadata(offered, day, find_repository(workspace))
    return files | {f"downloads/{METADATA}": downloads.as_json(metadata)}


def rows_snippets(workspace: Workspace, executions: Sequence[Execution]) -> dict[str, str]:
    """Return what the chapters say about the synthetic rows, from the records of the benchmarks."""
    results = workspace.results
    texts = {
        "fig_quality": generators_text.quality_text(results / "quality" / "scores.csv"),
        "fig_generator_cost": generators_text.cost_text(results / "generators" / "cost.csv"),
        "fig_ratio_sensitivity": generators_text.ratio_text(results / "sensitivity"),
    }
    apart = {
        "generator_speed": generators_text.speed_text(results / "generators"),
        "tried_discovery": settings_text.tried_discovery(results / "generators" / "discovery_settings.csv"),
        "tried_settings": settings_text.tried_settings(results / "generators" / "settings.csv"),
    }
    return apart | {name: text + generators_text.see(executions, name) for name, text in texts.items()}


def snippets(
    study: Study,
    executions: Sequence[Execution],
    claims: Sequence[claims_text.Claim],
    verdicts: Sequence[Verdict],
    notebooks: Mapping[str, str],
    rules: Mapping[str, Any],
) -> dict[str, str]:
    """Return the pieces of text that the chapters include, with what was found."""
    return {
        "verdict_table": claims_text.verdict_table(
            claims, findings_text.with_remarks(study, claims, verdicts), notebooks
        ),
        "verdict_legend": claims_text.verdict_legend(claims, study),
        "claim_rules": claims_text.claim_rules(claims, verdicts, notebooks),
        "paper_claims": claims_text.paper_claims(claims),
        "reference_values": claims_text.reference_values(claims),
        "study": study_text.study_summary(study),
        "settings": settings_text.settings(study.manifest["presets"]),
        "study_downloads": downloads.study_links(study),
        "data_dictionary": downloads.data_dictionary(),
        "verdict_fields": downloads.verdict_fields(),
        "arms": study_text.arms_table(study, rules.get("arms", {})),
        "folds": study_text.folds_text(study),
        "normalisations": study_text.normalisations_table(rules["normalisations"]),
    }
