"""The rules on depth that followed the first, and what earlier records of a study said, as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from causalmix import depth_known_rule, depth_models_rules
from causalmix.book.claims_text import rules_commit
from causalmix.book.study import Study
from causalmix.book.text import badge, count, interval, number
from causalmix.depth_dial import CONTROL, DIAL
from causalmix.depth_known import say_set_depth
from causalmix.depth_known_rule import KnownDepthRule
from causalmix.depth_models_rules import DepthModelsRule
from causalmix.verdicts import Verdict

EARLIER = "earlier.json"
"""In a study's folder: what earlier records of it said, before they were replaced."""


def later_rules(studies: Sequence[Study]) -> dict[str, str]:
    """Return the rules that followed that of the dial, each with whether it precedes its own runs.

    They are about a second model, its controls and its regret, and about tables whose true depth is known.
    """
    known = depth_known_rule.load_rule()
    judged: list[tuple[str, Path, KnownDepthRule | DepthModelsRule, str, tuple[str, ...]]]
    judged = [("depth_known", depth_known_rule.RULE_FILE, known, "depth-known", (known.arm,))]
    judged += [
        (name, path, depth_models_rules.load_rule(path), "depth-tabpfn", arms)
        for name, path, arms in (
            ("depth_models", depth_models_rules.RULE_FILE, (DIAL,)),
            ("depth_models_controls", depth_models_rules.CONTROLS_RULE_FILE, (CONTROL,)),
            ("depth_regret", depth_models_rules.REGRET_RULE_FILE, (DIAL, CONTROL)),
        )
    ]
    found = {}
    for name, path, rule, study_name, arms in judged:
        counted = [_only(study, arms, rule.folds) for study in studies if study.name == study_name]
        commit = rules_commit(path, [study for study in counted if len(study.runs)])
        found[f"{name}_rule"] = f"**The rule.** {rule.rule} {commit}"
    return found


def _only(study: Study, arms: tuple[str, ...], folds: Sequence[int]) -> Study:
    """Cut a study down to the runs that a rule judges."""
    runs = study.runs[study.runs["arm"].str.startswith(arms) & study.runs["fold"].isin(folds)]
    return replace(study, runs=runs, manifest={"revisions": runs["revision"].value_counts().to_dict()})


def earlier_text(path: Path) -> str:
    """Return what earlier records of the same study said, and why they were replaced; nothing without one.

    Parameters
    ----------
    path : Path
        ``earlier.json`` of the study, a list in the order of time: the commit that holds the record, what was
        changed after it, and the verdict on it.
    """
    if not path.is_file():
        return ""
    lines = ["**What earlier records of this study said.** The rule stayed as it was.", ""]
    for earlier in json.loads(path.read_text(encoding="utf-8")):
        found = Verdict.from_dict(earlier["verdict"])
        lines.append(
            f"- Commit `{earlier['commit']}`, {count(found.n_datasets, 'table')}: "
            f"{badge(found.verdict, found.label)}, {number(found.value)} {interval(*found.interval)}, "
            f"permutation p {number(found.quantities['p_value'])}. {earlier['reason']}"
        )
    return "\n".join(lines)


def known_earlier_text(path: Path) -> str:
    """Return what an earlier record of the simulated tables said, and why it was replaced.

    Parameters
    ----------
    path : Path
        ``earlier.json`` of the study, as for `earlier_text`, with rows of
        `causalmix.depth_known.set_depth_correlations` in place of a verdict.
    """
    if not path.is_file():
        return ""
    said = [
        f"**An earlier record of these tables** (commit `{earlier['commit']}`). {earlier['reason']} It said: "
        f"{say_set_depth(pd.DataFrame(earlier['set_depth']))}"
        for earlier in json.loads(path.read_text(encoding="utf-8"))
    ]
    return "\n\n".join(said)
