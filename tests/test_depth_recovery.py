"""Recovered against true depth: the true graph scores 1, and the tables are those of the suite."""

from __future__ import annotations

import networkx as nx

from causalmix.data.known_scm import true_graph
from causalmix.depth_recovery import SHORT, edge_f1, recover_depth, recover_depths


def test_the_true_graph_has_an_f1_of_one_and_the_empty_one_of_zero():
    truth = true_graph("scm-depth3-linear-low")
    assert edge_f1(truth, truth, directed=True) == 1
    assert edge_f1(nx.empty_graph(3, create_using=nx.DiGraph), truth, directed=False) == 0


def test_a_reversed_graph_has_the_right_skeleton_only():
    truth = true_graph("scm-depth3-linear-low")
    assert edge_f1(truth.reverse(), truth, directed=False) == 1
    assert edge_f1(truth.reverse(), truth, directed=True) == 0


def test_a_table_is_recovered_the_same_way_each_time_and_better_than_chance():
    row = recover_depth("scm-depth2-linear-low")
    assert row == recover_depth("scm-depth2-linear-low")
    assert row["true_depth"] == 2 and row["true_edges"] == 16
    assert 0.4 < row["skeleton_f1"] <= 1 and row["directed_f1"] <= row["skeleton_f1"]


def test_smoke_takes_a_few_tables_of_different_depths():
    frame = recover_depths("smoke", max_train_rows=80)
    assert len(frame) == SHORT and frame["true_depth"].nunique() >= 3
    assert (frame["n_rows"] == 60).all()
