from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from evaluation.protocols.k_fold import k_fold
from invariantselect.errors import PoolNotDivisibleError


@given(st.lists(st.sampled_from("abc"), min_size=4, max_size=40), st.integers(2, 4), st.integers(0, 5))
def test_without_groups_the_parts_have_the_same_number_of_each_label_to_within_one(
    labels: list[str], folds: int, seed: int
) -> None:
    parts = k_fold(labels, [None] * len(labels), folds=folds, seed=seed)
    assert sorted(place for part in parts for place in part.queries.tolist()) == list(range(len(labels)))
    for label in set(labels):
        counts = [sum(labels[place] == label for place in part.queries.tolist()) for part in parts]
        assert max(counts) - min(counts) <= 1
    sizes = [len(part.queries) for part in parts]
    assert max(sizes) - min(sizes) <= len(set(labels))


def unevenness(parts: list[list[int]], labels: np.ndarray) -> float:
    """Sum of the squared deviations of each part's share of each label from an even one."""
    classes = np.unique(labels)
    counts = np.array([[(labels[part] == label).sum() for label in classes] for part in parts])
    return float(((counts / counts.sum(axis=0) - 1 / len(parts)) ** 2).sum())


def test_groups_are_spread_about_as_evenly_as_by_scikit_learn() -> None:
    ours, theirs = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        groups = rng.integers(40, size=300)
        kinds = rng.choice(4, p=[0.6, 0.2, 0.15, 0.05], size=40)
        labels = np.where(rng.random(300) < 0.8, kinds[groups], rng.integers(4, size=300))
        parts = k_fold([f"{label}" for label in labels], [f"{group}" for group in groups], folds=5, seed=seed)
        assert all(not set(groups[part.pool]) & set(groups[part.queries]) for part in parts)
        assert all(not len(part.left_out) for part in parts)
        ours.append(unevenness([part.queries.tolist() for part in parts], labels))
        reference = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        theirs.append(unevenness([held.tolist() for _, held in reference.split(labels, labels, groups)], labels))
    assert np.mean(ours) <= 1.1 * np.mean(theirs)


def test_the_seed_says_who_lies_with_whom() -> None:
    labels, groups = ["a"] * 12, [None] * 12
    parts = {tuple(k_fold(labels, groups, folds=3, seed=seed)[0].queries.tolist()) for seed in range(6)}
    assert len(parts) > 1


@pytest.mark.parametrize(("groups", "folds"), [(["p", "p", "q"], 3), ([None] * 3, 1), ([None] * 3, 4), ([], 2)])
def test_fewer_groups_than_folds_cant_be_divided(groups: list[str | None], folds: int) -> None:
    with pytest.raises(PoolNotDivisibleError, match="groups can't be divided"):
        k_fold(["a"] * len(groups), groups, folds=folds)
