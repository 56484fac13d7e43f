"""The fixed settings of causal discovery, apart from the heavy modules that use them."""

from __future__ import annotations

ALPHA = 0.1
"""Significance level of the independence tests."""

SUBSAMPLE_SHARE = 0.8
"""Share of the rows in each subsample, drawn without replacement.

Set with `ALPHA` on simulated tables of known graph (``benchmarks/discovery.py``): with half of the rows of a
small table fewer edges are found."""

WIDE_TABLE = 60
"""Number of columns above which at most `WIDE_BOOTSTRAPS` subsamples are drawn."""

WIDE_BOOTSTRAPS = 5

MAX_CONDITIONING = 3
"""Largest conditioning set of the adjacency search."""

MAX_POSSIBLE_DSEP = 2
"""Largest conditioning set of FCI's Possible-D-Sep search, which its ``depth`` does not bound.

The search costs much and, so bounded, gains little: pairs that only it can part mostly need three columns or
more. causal-learn moreover passes over the first set of each size, so what it removes depends on the order of
the columns, which is drawn anew for each subsample."""
