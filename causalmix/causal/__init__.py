"""Causal discovery, sampled DAGs and structural causal models.

Import from the submodules: `dags` and `edges` need numpy and networkx only, `discovery` imports causal-learn,
`scm` and `dowhy_mechanisms` import dowhy.
"""
