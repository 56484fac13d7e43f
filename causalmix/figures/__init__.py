"""The figures: one ``load_<figure>`` -> DataFrame and ``plot_<figure>(frame, ax)`` pair each.

The notebooks, the book and your own scripts use the same pairs. The frame is what is published as the
figure's CSV.

>>> from causalmix.figures import new_figure, plot_ranks
>>> fig, ax = new_figure()
"""

from causalmix.figures.comparisons import (
    load_critical_difference,
    load_win_rates,
    plot_critical_difference,
    plot_win_rates,
    say_pairs_apart,
)
from causalmix.figures.cost import load_cost, plot_cost
from causalmix.figures.coverage import (
    load_coverage,
    load_gaps,
    load_pairs,
    plot_coverage,
    plot_gaps,
    plot_pairs,
)
from causalmix.figures.curves import (
    load_depth_trajectories,
    load_trajectories,
    plot_depth_trajectories,
    plot_trajectories,
)
from causalmix.figures.depth import (
    load_agreement,
    load_depth_stability,
    load_within,
    plot_agreement,
    plot_depth_stability,
    plot_within,
)
from causalmix.figures.depth_examples import load_depth_examples, plot_depth_examples
from causalmix.figures.depth_models import load_depth_models, plot_depth_models
from causalmix.figures.dial import (
    load_dial,
    load_isolation,
    load_low_data,
    plot_dial,
    plot_isolation,
    plot_low_data,
)
from causalmix.figures.failures import load_failures, plot_failures
from causalmix.figures.forest import load_controls, load_differences, plot_controls, plot_differences
from causalmix.figures.generators import (
    load_generator_cost,
    load_quality,
    plot_generator_cost,
    plot_quality,
    summarise_cost,
    summarise_quality,
)
from causalmix.figures.graph import load_causal_graph, plot_causal_graph, provenance_of_table
from causalmix.figures.known import (
    load_depth_recovery,
    load_graph_contrasts,
    plot_depth_recovery,
    plot_graph_contrasts,
)
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
from causalmix.figures.models import (
    load_completeness,
    load_models,
    load_selections,
    plot_completeness,
    plot_models,
    plot_selections,
)
from causalmix.figures.presets import load_presets, plot_presets
from causalmix.figures.pretraining import load_pretraining, plot_pretraining
from causalmix.figures.ranks import load_ranks, plot_ranks, say_lead
from causalmix.figures.ratio import load_ratio_sensitivity, plot_ratio_sensitivity
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
    "load_completeness",
    "load_controls",
    "load_cost",
    "load_coverage",
    "load_critical_difference",
    "load_depth_examples",
    "load_depth_models",
    "load_depth_recovery",
    "load_depth_stability",
    "load_depth_trajectories",
    "load_dial",
    "load_differences",
    "load_distances",
    "load_failures",
    "load_gaps",
    "load_generator_cost",
    "load_graph_contrasts",
    "load_improvements",
    "load_isolation",
    "load_low_data",
    "load_models",
    "load_pairs",
    "load_predictions",
    "load_presets",
    "load_pretraining",
    "load_propagation",
    "load_quality",
    "load_ranks",
    "load_ratio_sensitivity",
    "load_recovery",
    "load_selections",
    "load_spread",
    "load_strengths",
    "load_trajectories",
    "load_win_rates",
    "load_within",
    "new_figure",
    "plot_additivity",
    "plot_agreement",
    "plot_baseline",
    "plot_causal_graph",
    "plot_completeness",
    "plot_controls",
    "plot_cost",
    "plot_coverage",
    "plot_critical_difference",
    "plot_depth_examples",
    "plot_depth_models",
    "plot_depth_recovery",
    "plot_depth_stability",
    "plot_depth_trajectories",
    "plot_dial",
    "plot_differences",
    "plot_distances",
    "plot_failures",
    "plot_gaps",
    "plot_generator_cost",
    "plot_graph_contrasts",
    "plot_improvements",
    "plot_isolation",
    "plot_low_data",
    "plot_models",
    "plot_pairs",
    "plot_predictions",
    "plot_presets",
    "plot_pretraining",
    "plot_propagation",
    "plot_quality",
    "plot_ranks",
    "plot_ratio_sensitivity",
    "plot_recovery",
    "plot_selections",
    "plot_spread",
    "plot_strengths",
    "plot_trajectories",
    "plot_win_rates",
    "plot_within",
    "provenance_of_table",
    "save_figure",
    "say_lead",
    "say_pairs_apart",
    "summarise_cost",
    "summarise_quality",
]
