"""`causalmix pretrain`: begun, stopped, continued, and refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import causalmix
import causalmix.pretraining as pretraining
from causalmix.cli import app
from causalmix.figures import load_pretraining, new_figure, plot_pretraining
from causalmix.models import MODELS, load_model
from causalmix.models.pretrain import Pretrainer
from causalmix.models.recipes import RECIPES, PretrainConfig, Stage
from causalmix.models.tab2d import Tab2DConfig
from causalmix.pretraining import steps_begun
from causalmix.threads import cpu_threads
from tests.pretraining_log import make_log

PACKAGED = Path(causalmix.__file__).parent / "models" / "weights"
TINY = PretrainConfig(
    model=Tab2DConfig(dim=8, n_layers=1, n_heads=2),
    tokens_per_batch=512,
    stages=(Stage(1.0, (24, 24), (1, 3), 2, 0.0, False),),
)


@pytest.fixture
def pretrain(tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "RECIPES", {"embedded-mini": TINY, "other": replace(TINY, seed=1)})

    def call(*words: str):
        return CliRunner().invoke(app, ["pretrain", "--out", str(tmp_path), "--quiet", *words])

    return call


def test_the_weights_of_a_training_can_be_loaded_as_a_model(pretrain, tmp_path):
    result = pretrain("--steps", "4", "--threads", "1")
    assert result.exit_code == 0, result.output
    assert f"--model {tmp_path}" in result.output
    assert load_model(str(tmp_path)).config == TINY.model


def test_the_threads_of_a_training_are_put_back_after_it(pretrain, monkeypatch):
    seen, train = [], Pretrainer.run
    monkeypatch.setattr(
        Pretrainer, "run", lambda *args, **kw: seen.append(torch.get_num_threads()) or train(*args, **kw)
    )
    with cpu_threads(2):
        assert pretrain("--steps", "2", "--threads", "1").exit_code == 0
        assert seen == [1] and torch.get_num_threads() == 2


def test_a_training_given_in_minutes_takes_steps_for_them(pretrain, tmp_path):
    assert pretrain("--minutes", "0.01").exit_code == 0
    assert steps_begun(tmp_path) >= 1


def test_what_was_begun_is_continued_with_its_own_length(pretrain, tmp_path):
    Pretrainer(replace(TINY, n_steps=6), tmp_path).run(until_step=2, progress=False)
    assert not (tmp_path / "model.safetensors").exists()
    assert pretrain().exit_code == 0
    assert (tmp_path / "model.safetensors").exists() and steps_begun(tmp_path) == 6
    other = pretrain("--steps", "9")
    assert other.exit_code == 2 and "was begun with --steps 6" in other.output


def test_a_training_begun_again_has_a_log_of_its_own(pretrain, tmp_path):
    pretrain("--steps", "4")
    whole = (tmp_path / "log.jsonl").read_text()
    (tmp_path / "checkpoint.pt").unlink()
    pretrain("--steps", "2")
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert '"step": 4' in whole and max(steps) == 2


def test_without_a_length_the_training_is_as_long_as_its_recipe(pretrain, tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "RECIPES", {"embedded-mini": replace(TINY, n_steps=3)})
    assert pretrain().exit_code == 0 and steps_begun(tmp_path) == 3


def test_an_unknown_recipe_and_one_that_the_training_was_not_begun_with_are_refused(pretrain):
    unknown = pretrain("--recipe", "othr", "--steps", "2")
    assert unknown.exit_code == 2 and "did you mean 'other'" in unknown.output
    assert pretrain("--recipe", "other", "--steps", "2").exit_code == 0
    changed = pretrain("--steps", "2")
    assert changed.exit_code == 2 and "the recipe that it was begun with" in " ".join(changed.output.split())


def test_two_lengths_and_a_broken_checkpoint_are_refused(pretrain, tmp_path):
    both = pretrain("--steps", "3", "--minutes", "1")
    assert both.exit_code == 2 and "give one of them" in both.output
    (tmp_path / "checkpoint.pt").write_bytes(b"half")
    broken = pretrain()
    assert broken.exit_code == 2 and "delete it to begin again" in broken.output
    assert "Traceback" not in broken.output


def test_the_log_of_a_training_is_drawn_with_the_loss_on_tasks_held_out(tmp_path):
    make_log(tmp_path / "log.jsonl")
    frame = load_pretraining(tmp_path / "log.jsonl")
    trained = frame[frame["tasks"] == "tasks trained on"]
    assert trained["step"].tolist() == [50, 100, 150, 200] and trained["loss"].max() < 1
    assert frame[frame["tasks"] == "tasks held out"][["step", "loss"]].to_numpy().tolist() == [[200, 0.65]]
    figure, ax = new_figure()
    plot_pretraining(frame, ax)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["tasks trained on", "tasks held out"]


def test_each_packaged_model_brings_the_log_of_its_training_and_has_a_panel():
    frame = load_pretraining(PACKAGED)
    shipped = sorted(folder.name for folder in PACKAGED.iterdir() if (folder / "model.safetensors").is_file())
    assert sorted(set(frame["model"])) == shipped == sorted(set(RECIPES) & set(MODELS))
    for model, own in frame.groupby("model"):
        assert own["step"].max() == RECIPES[model].n_steps and own["loss"].iloc[-1] < own["loss"].max()
    figure, ax = new_figure()
    plot_pretraining(frame, ax)
    assert [panel.get_title(loc="left") for panel in figure.axes] == shipped
