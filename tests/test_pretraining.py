"""`causalmix pretrain`: begun, stopped, continued, and refused with a reason."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

import causalmix.pretraining as pretraining
from causalmix.cli import app
from causalmix.models import load_model
from causalmix.models.pretrain import PretrainConfig, Pretrainer, Stage
from causalmix.models.tab2d import Tab2DConfig
from causalmix.pretraining import steps_begun

TINY = PretrainConfig(
    model=Tab2DConfig(dim=8, n_layers=1, n_heads=2),
    tokens_per_step=512,
    stages=(Stage(1.0, (24, 24), (1, 3), 2, 0.0, False),),
)


@pytest.fixture
def pretrain(tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "PretrainConfig", lambda: TINY)

    def call(*words: str):
        return CliRunner().invoke(app, ["pretrain", "--out", str(tmp_path), "--quiet", *words])

    return call


def test_the_weights_of_a_training_can_be_loaded_as_a_model(pretrain, tmp_path):
    result = pretrain("--steps", "4", "--threads", "1")
    assert result.exit_code == 0, result.output
    assert f"--model {tmp_path}" in result.output
    assert load_model(str(tmp_path)).config == TINY.model


def test_a_training_given_in_minutes_takes_steps_for_them(pretrain, tmp_path):
    assert pretrain("--minutes", "0.01").exit_code == 0
    assert steps_begun(tmp_path) >= 1


def test_what_was_begun_is_continued_with_its_own_length(pretrain, tmp_path):
    from dataclasses import replace

    Pretrainer(replace(TINY, n_steps=6), tmp_path).run(until_step=2, progress=False)
    assert not (tmp_path / "model.safetensors").exists()
    assert pretrain().exit_code == 0
    assert (tmp_path / "model.safetensors").exists() and steps_begun(tmp_path) == 6
    other = pretrain("--steps", "9")
    assert other.exit_code == 2 and "was begun with --steps 6" in other.output


def test_two_lengths_and_a_broken_checkpoint_are_refused(pretrain, tmp_path):
    both = pretrain("--steps", "3", "--minutes", "1")
    assert both.exit_code == 2 and "give one of them" in both.output
    (tmp_path / "checkpoint.pt").write_bytes(b"half")
    broken = pretrain()
    assert broken.exit_code == 2 and "delete it to begin again" in broken.output
    assert "Traceback" not in broken.output
