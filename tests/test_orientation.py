"""How PC and FCI orient edges: known answers of an independence test that we set, and nothing by chance."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from causallearn.graph.GraphNode import GraphNode

from causalmix.causal import orientation
from causalmix.causal.discovery import discover_edges
from causalmix.causal.orientation import orient

ALPHA = 0.05
TAIL, ARROW, CIRCLE = -1, 1, 2


class Answers:
    """A test of conditional independence whose p-values we set, over columns that are named by letters."""

    def __init__(self, columns: str, p_value: Callable[[set[str], set[str]], float]) -> None:
        self.columns, self.answer = columns, p_value

    def p_value(self, x: int, y: int, given=()) -> float:
        return self.answer({self.columns[x], self.columns[y]}, {self.columns[k] for k in given})

    def orient(self, algorithm: str) -> pd.DataFrame:
        """Endpoint marks: at [i, j] the mark at i of the edge between i and j."""
        (marks,) = orient(self, len(self.columns), (algorithm,), ALPHA)
        return pd.DataFrame(marks, list(self.columns), list(self.columns))


def marks_of(found: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Edge -> its marks at both ends."""
    pairs = [(i, j) for i in found for j in found if i < j and found.loc[i, j]]
    return {i + j: (found.loc[i, j], found.loc[j, i]) for i, j in pairs}


@pytest.mark.parametrize("columns", ["abcy", "ycba", "byac"])
@pytest.mark.parametrize(("algorithm", "unknown"), [("pc", TAIL), ("fci", CIRCLE)])
def test_of_a_graph_we_know_all_that_can_be_known_is_oriented(columns, algorithm, unknown):
    """a -> c <- b and c -> y: PC takes the absence of hidden causes for granted, FCI does not."""
    dag = nx.DiGraph([("a", "c"), ("b", "c"), ("c", "y")])
    test = Answers(columns, lambda pair, given: float(nx.is_d_separator(dag, *({p} for p in pair), given)))
    found = marks_of(test.orient(algorithm))
    assert found == {"ac": (unknown, ARROW), "bc": (unknown, ARROW), "cy": (TAIL, ARROW)}


@pytest.mark.parametrize("columns", ["abcd", "dcba", "cadb"])
@pytest.mark.parametrize(("stronger", "kept"), [("ac", "b"), ("bd", "c")])
def test_of_two_colliders_that_contradict_each_other_pc_keeps_the_stronger(columns, stronger, kept):
    """a - b - c - d, where b and c are both colliders: an arrow between them can have one end only."""

    def p_value(pair, given):
        if pair in ({"a", "b"}, {"b", "c"}, {"c", "d"}):
            return 0.0
        between = {"ac": "b", "bd": "c"}.get("".join(sorted(pair)))
        if between not in given:
            return 1.0
        return 0.001 if pair == set(stronger) else 0.01

    found = marks_of(Answers(columns, p_value).orient("pc"))
    assert found["bc"] == ((ARROW, TAIL) if kept == "b" else (TAIL, ARROW))
    assert found["ab" if kept == "b" else "cd"] == ((TAIL, ARROW) if kept == "b" else (ARROW, TAIL))


@pytest.mark.parametrize(("needed", "is_parted"), [("bc", True), ("bce", False)])
def test_fci_parts_a_pair_by_two_columns_that_pc_does_not_try_but_by_no_more(needed, is_parted):
    """The path d, b, c of colliders leads FCI to c, which is next to neither d nor f.

    The order of the columns matters here: causal-learn passes over the first set of each size.
    """
    causes = [("b", "d"), ("c", "e"), ("e", "f")]
    hidden = [("h1", "b"), ("h1", "f"), ("h2", "b"), ("h2", "c"), ("h3", "d"), ("h3", "e")]
    dag = nx.DiGraph([*causes, *hidden])

    def p_value(pair, given):
        if pair == {"d", "f"}:
            return float(given == set(needed))
        return float(nx.is_d_separator(dag, *({p} for p in pair), given))

    test = Answers("bcdef", p_value)
    assert "df" in marks_of(test.orient("pc"))
    assert ("df" not in marks_of(test.orient("fci"))) == is_parted


def test_which_of_two_equal_colliders_is_kept_is_left_to_the_order_of_the_columns_drawn_anew_each_time():
    """Every row has a mirror image, so nothing but the order of the columns tells a from d, or b from c."""
    a, d, hidden, *noise = np.random.default_rng(0).normal(size=(5, 500))
    b, c = a + hidden + 0.1 * noise[0], d + hidden + 0.1 * noise[1]
    rows = np.vstack([np.column_stack(columns) for columns in ([a, b, c, d], [d, c, b, a])])
    rows = np.rint(100 * np.vstack([rows, -rows]))  # whole numbers of mean 0: their sums are exact
    table = pd.DataFrame(rows, columns=list("abcd"))
    found = discover_edges(table, None, n_bootstraps=30, algorithms=("pc",), subsample_share=1.0)
    P = found.to_frame()
    assert P.loc["b", "c"] + P.loc["c", "b"] == 1
    assert P.loc["b", "c"] == pytest.approx(0.5, abs=0.25)


def test_while_a_search_runs_two_nodes_of_one_name_are_one_member_of_a_set(monkeypatch):
    sizes = []

    def counts(test, d, alpha):
        sizes.append(len({GraphNode("X1"), GraphNode("X1"), GraphNode("X2")}))
        return np.zeros((d, d))

    monkeypatch.setitem(orientation.ALGORITHMS, "pc", counts)
    Answers("ab", lambda pair, given: 1.0).orient("pc")
    assert sizes == [2]
