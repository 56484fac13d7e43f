"""The settings behind every recorded run as text, read off the code that makes the runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import signature

from causalmix.book.text import number, sentence_list, table
from causalmix.causal.discovery import SUBSAMPLE_SHARE
from causalmix.generators.causal import CausalGenerator
from causalmix.presets import PRESETS, FinetunePreset
from causalmix.specs import RunSpec


def settings(presets: Iterable[str]) -> str:
    """Return the settings of the fine-tuning, a column per preset, and those of the causal generator."""
    names = [name for name in presets if name in PRESETS]
    chosen = [PRESETS[name] for name in names]
    tuning = [[label, *(read(preset) for preset in chosen)] for label, read in FINETUNING.items()]
    return "\n\n".join(
        [
            table(["Fine-tuning", *(f"`{name}`" for name in names)], tuning),
            "Patience is nearly as long as a run: early stopping chooses the step, and seldom ends a run.",
            table(["Synthetic rows of the causal models", "Value"], _generator_rows(), widths=[62, 38]),
        ]
    )


_CONTEXT = {"real": "the real training rows", "pool": "all rows that are fine-tuned on"}

FINETUNING: dict[str, Callable[[FinetunePreset], str]] = {
    "Steps": lambda preset: number(preset.n_steps),
    "Steps between evaluations; the first is before any training": lambda preset: number(preset.eval_every),
    "Evaluations without a better one after which a run stops": lambda preset: number(preset.patience),
    "Learning rate of AdamW": lambda preset: f"{preset.learning_rate:g}",
    "Steps of linear warm-up, then constant": lambda preset: number(preset.warmup_steps),
    "Weight decay": lambda preset: f"{preset.weight_decay:g}",
    "Rows drawn for a step, of real or real and synthetic ones": lambda preset: number(preset.rows_per_step),
    "Share of them that is predicted, from the others": lambda preset: f"{preset.query_share:g}",
    "Context of predictions": lambda preset: _CONTEXT[preset.prediction_context],
}
"""What the table of fine-tuning settings shows: label to how it reads a preset."""


def _generator_rows() -> list[list[str]]:
    defaults = {name: one.default for name, one in signature(CausalGenerator.__init__).parameters.items()}
    algorithms = sentence_list([name.upper() for name in defaults["algorithms"]])
    return [
        ["Synthetic rows per real training row", f"{RunSpec.synthetic_ratio:g}"],
        [f"Subsamples on which each of {algorithms} is run", number(defaults["n_bootstraps"])],
        ["Share of the training rows in a subsample", f"{SUBSAMPLE_SHARE:g}"],
        ["Significance level of the independence tests", f"{defaults['alpha']:g}"],
        ["Graphs drawn, each with a causal model of its own", number(defaults["n_dags"])],
        ["Parents of a column, at most", number(defaults["max_parents"])],
        ["Mechanisms", f"{defaults['mechanism']} regressors and classifiers"],
    ]
