"""From scores to classes and from clean to untidy columns: how often what happens."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from causalmix.models.columns import classes_from_scores, roughen


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_two_thirds_of_the_tasks_of_up_to_ten_classes_have_two_and_every_number_occurs() -> None:
    """Half have two for certain; of the others those whose u is below sqrt(1 / 9), a third."""
    scores = torch.randn(3000, 100, 10, generator=generator())
    y = classes_from_scores(scores, max_classes=10, max_noise=0.0, rng=generator(1), ordered_share=1.0)
    n_classes = torch.bincount(y.amax(dim=1) + 1, minlength=11).numpy()
    assert n_classes[1:3].sum() / 3000 == pytest.approx(2 / 3, abs=0.05)
    assert (n_classes[2:] > 0).all()


def test_codes_follow_the_score_but_do_not_say_which_class_has_the_higher_one() -> None:
    scores = torch.arange(50.0)[None, :, None].expand(1000, -1, 10)
    y = classes_from_scores(scores, max_classes=2, max_noise=0.0, rng=generator(), ordered_share=1.0)
    assert int(y.diff(dim=1).abs().sum(dim=1).max()) == 1  # one cut
    both = y[:, 0] != y[:, -1]
    assert int(both.sum()) > 500
    assert float(y[both, -1].double().mean()) == pytest.approx(0.5, abs=0.05)


def test_a_quarter_of_the_tasks_lose_cells_which_get_the_median_of_their_column() -> None:
    X = torch.randn(400, 101, 3, generator=generator())
    rough, incomplete = roughen(X, generator(1)), {}
    for task in range(400):
        for before, after in zip(X[task].T.numpy(), rough[task].T.numpy(), strict=True):
            values, counts = np.unique(after, return_counts=True)
            if len(values) > 16:  # the column kept its numbers
                assert np.isin(values, before).all()
                assert set(values[counts > 1]) <= {np.median(before)} and counts.max() < 0.6 * 101
                incomplete[task] = incomplete.get(task, False) or counts.max() > 1
    assert len(incomplete) > 250
    assert np.mean(list(incomplete.values())) == pytest.approx(0.25, abs=0.07)
