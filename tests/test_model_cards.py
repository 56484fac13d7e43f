"""The model cards: every number in them is that of the weights, the recipe or the training's log."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import causalmix
from causalmix.locations import find_root
from causalmix.models import load_model
from causalmix.models.recipes import RECIPES

WEIGHTS = Path(causalmix.__file__).parent / "models" / "weights"
CARDS = sorted(path.name for path in WEIGHTS.iterdir())


@pytest.fixture(params=CARDS)
def name(request) -> str:
    return request.param


@pytest.fixture
def card(name) -> dict[str, str]:
    """First column of the card's table -> second."""
    lines = (WEIGHTS / name / "README.md").read_text(encoding="utf-8").splitlines()
    cells = [
        line.strip("| ").split(" | ", 1) for line in lines if line.startswith("| ") and " | " in line[2:]
    ]
    return {row[0]: row[1] for row in cells if len(row) == 2}


@pytest.fixture
def log(name) -> list[dict[str, float]]:
    text = (WEIGHTS / name / "pretraining-log.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_architecture_is_that_of_the_weights(name, card):
    model = load_model(name)
    config, millions = model.config, sum(weight.numel() for weight in model.parameters()) / 1e6
    assert (
        f"{config.n_layers} layers, width {config.dim}, {config.n_heads} heads, {config.n_classes} classes; "
        f"{millions:.2f} M parameters" in card["Architecture"]
    )


def test_steps_and_cells_are_those_of_the_recipe_and_the_log_ends_there(name, card, log):
    recipe = RECIPES[name]
    assert log[-1]["step"] == recipe.n_steps
    batches = {1: "", 2: "two batches of ", 4: "four batches of "}[recipe.batches_per_step]
    assert card["Steps"].startswith(f"{recipe.n_steps:,} of {batches}{recipe.tokens_per_batch:,} cells")


def test_the_curriculum_is_that_of_the_recipe(name, card):
    last = RECIPES[name].stages[-1]
    low_high = (*last.rows, *last.features)
    assert "{} to {} rows and {} to {} features".format(*low_high) in card["Curriculum"]
    assert f"{['no', 'one', 'two', 'three'][len(RECIPES[name].stages)]} stage" in card["Curriculum"]


def test_minutes_and_losses_are_those_of_the_log(card, log):
    assert f"{log[-1]['seconds'] / 60:.0f} minutes" in card["Device"]
    if "Loss" in card:
        first, last = (line["held_out_loss"] for line in (log[0], log[-1]))
        assert card["Loss"].startswith(f"{first:.3f} before the first step, {last:.3f} at the end")


def test_the_speed_is_that_of_the_record(name, card):
    speeds = pd.read_csv(find_root() / "results" / "pretraining" / "speed.csv").set_index("recipe")
    found, floor, ratio, rate = speeds.loc[
        name, ["tokens_per_s", "floor_tokens_per_s", "ratio", "gflop_per_s"]
    ]
    assert card["Speed"].startswith(
        f"{found / 1e3:.1f} thousand cells a second on one thread, {ratio:.1f} times its floor "
        f"({floor / 1e3:.1f} thousand at the {rate:.0f} GFLOP/s"
    )


def test_the_limits_are_those_of_the_last_stage(name):
    last = RECIPES[name].stages[-1]
    text = " ".join((WEIGHTS / name / "README.md").read_text(encoding="utf-8").split())
    assert f"trained on at most {last.features[1]} features and {last.rows[1]} rows" in text
