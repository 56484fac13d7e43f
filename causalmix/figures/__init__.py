"""The figures: one ``load_<figure>`` -> DataFrame and ``plot_<figure>(frame, ax)`` pair each.

The notebooks, the book and your own scripts use the same pairs. The frame is what is published as the
figure's CSV.

>>> from causalmix.figures import new_figure, plot_ranks
>>> fig, ax = new_figure()
"""

from causalmix.figures.coverage import (
    load_coverage,
    load_gaps,
    load_pairs,
    plot_coverage,
    plot_gaps,
    plot_pairs,
)
from causalmix.figures.curves import load_trajectories, plot_trajectories
from causalmix.figures.depth import (
    load_agreement,
    load_depth_recovery,
    load_depth_stability,
    load_dial,
    plot_agreement,
    plot_depth_recovery,
    plot_depth_stability,
    plot_dial,
)
from causalmix.figures.graph import load_causal_graph, plot_causal_graph
from causalmix.figures.mechanisms import (
    load_additivity,
    load_distances,
    load_predictions,
    plot_additivity,
    plot_distances,
    plot_predictions,
)
from causalmix.figures.method import (
    load_propagation,
    load_recovery,
    load_strengths,
    plot_propagation,
    plot_recovery,
    plot_strengths,
)
from causalmix.figures.presets import load_presets, plot_presets
from causalmix.figures.ranks import load_ranks, plot_ranks
from causalmix.figures.scores import (
    load_baseline,
    load_improvements,
    load_spread,
    plot_baseline,
    plot_improvements,
    plot_spread,
)
from causalmix.figures.style import ARM_COLOURS, arm_colour, arm_name, new_figure, save_figure

__all__ = [
    "ARM_COLOURS",
    "arm_colour",
    "arm_name",
    "load_additivity",
    "load_agreement",
    "load_baseline",
    "load_causal_graph",
    "load_coverage",
    "load_depth_recovery",
    "load_depth_stability",
    "load_dial",
    "load_distances",
    "load_gaps",
    "load_improvements",
    "load_pairs",
    "load_predictions",
    "load_presets",
    "load_propagation",
    "load_ranks",
    "load_recovery",
    "load_spread",
    "load_strengths",
    "load_trajectories",
    "new_figure",
    "plot_additivity",
    "plot_agreement",
    "plot_baseline",
    "plot_causal_graph",
    "plot_coverage",
    "plot_depth_recovery",
    "plot_depth_stability",
    "plot_dial",
    "plot_distances",
    "plot_gaps",
    "plot_improvements",
    "plot_pairs",
    "plot_predictions",
    "plot_presets",
    "plot_propagation",
    "plot_ranks",
    "plot_recovery",
    "plot_spread",
    "plot_strengths",
    "plot_trajectories",
    "save_figure",
]
