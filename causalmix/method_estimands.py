"""The estimands of the method claims: behaviour on simulated data, one row of evidence per seed.

The evidence is made by `causalmix.method_checks`, which runs causal discovery and fits causal models; the
functions here only summarise it, so that a verdict can be rebuilt without them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from causalmix.estimands import Quantities, exact, with_interval
from causalmix.intervals import CONFIDENCE, RESAMPLES, Interval, cluster_bootstrap


@dataclass(frozen=True)
class Simulated:
    """What an estimand of simulated behaviour sees.

    Attributes
    ----------
    evidence : DataFrame
        One row per seed: ``seed`` and the columns that `causalmix.method_checks` documents for the kind.
    resamples, bootstrap_seed : int
        Of the bootstrap over seeds.
    """

    evidence: pd.DataFrame
    resamples: int = RESAMPLES
    bootstrap_seed: int = 0

    def mean(self, column: str) -> Interval:
        """Return the mean of a column with its interval, seeds resampled."""
        return cluster_bootstrap(
            self.evidence[column].to_numpy(),
            self.evidence["seed"].to_numpy(),
            np.mean,
            resamples=self.resamples,
            seed=self.bootstrap_seed,
        )

    def share(self, column: str) -> float:
        """Return the plain mean of a column of shares or of zeros and ones; NaN where a seed lacks it."""
        return float(self.evidence[column].to_numpy(dtype=float).mean())

    def worst(self, column: str) -> float:
        """Return the largest value of a column; NaN where a seed lacks it."""
        return float(self.evidence[column].to_numpy(dtype=float).max())


def fitted_to_target(simulated: Simulated) -> Quantities:
    """Claim 12: share of seeds whose drawn rows are nearer to the table that the SCM was fitted to.

    The interval is the exact binomial one (Clopper-Pearson): resampled seeds that all agree give no width.
    """
    nearer = simulated.evidence["nearer"].to_numpy()
    lower, upper = proportion_confint(nearer.sum(), len(nearer), alpha=1 - CONFIDENCE, method="beta")
    return with_interval(Interval(float(nearer.mean()), float(lower), float(upper), len(nearer)))


def skeleton_auroc(simulated: Simulated) -> Quantities:
    """Claim 13: AUROC of the undirected edges, for PC and FCI together and for each alone."""
    pc, fci = simulated.mean("pc_auroc"), simulated.mean("fci_auroc")
    return with_interval(
        simulated.mean("auroc"), pc=pc.value, pc_lower=pc.lower, fci=fci.value, fci_lower=fci.lower
    )


def directed_auroc(simulated: Simulated) -> Quantities:
    """Claim 14: AUROC of the directed edges, validity and grading of the matrix, strength of true edges."""
    gap = simulated.mean("strength_gap")
    return with_interval(
        simulated.mean("auroc"),
        valid_share=simulated.share("valid"),
        graded_share=simulated.share("graded_share"),
        strength_gap=gap.value,
        strength_gap_lower=gap.lower,
    )


def additive_noise(simulated: Simulated) -> Quantities:
    """Claim 15: largest deviation from additivity, in SDs; share of sampled graphs that are acyclic."""
    return exact(simulated.worst("deviation"), acyclic_share=simulated.share("acyclic"))


def node_mechanisms(simulated: Simulated) -> Quantities:
    """Claim 16: only seen levels, new numbers, and predictive mechanisms of both kinds."""
    r2, gain = simulated.mean("r2"), simulated.mean("accuracy_gain")
    return exact(
        simulated.share("seen_levels"),
        numeric_share=simulated.share("new_numbers"),
        r2=r2.value,
        r2_lower=r2.lower,
        accuracy_gain=gain.value,
        accuracy_gain_lower=gain.lower,
    )


def noise_propagation(simulated: Simulated) -> Quantities:
    """Claim 17: largest deviation of drawn rows from the propagation of their noise, in SDs."""
    descendants = simulated.share("descendants_only")
    return exact(simulated.worst("deviation"), descendants_only_share=descendants)


METHOD_ESTIMANDS: dict[str, Callable[[Simulated], Quantities]] = {
    "fitted_to_target": fitted_to_target,
    "skeleton_auroc": skeleton_auroc,
    "directed_auroc": directed_auroc,
    "additive_noise": additive_noise,
    "node_mechanisms": node_mechanisms,
    "noise_propagation": noise_propagation,
}
"""Estimands of simulated behaviour by the kind that claims.yml names."""
