"""Maps: what lies together stays together, in both spaces the same way up, the same each time."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec

import numpy as np
import pytest

from evaluation.report.pool_map import PoolMap, pool_map
from evaluation.report.projection import principal_components, projected, projection_method


def three_clouds(seed: int, images: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of three classes that lie far apart, and which is whose."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(images) % 3
    vectors = (3 * np.eye(20)[kinds] + 0.1 * rng.normal(size=(images, 20))).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), kinds


def the_map(before: np.ndarray, after: np.ndarray | None, kinds: np.ndarray, *, most: int = 2000) -> PoolMap:
    n = len(before)
    return pool_map(
        "vienna",
        [f"image {number}" for number in range(n)],
        [f"class {kind}" for kind in kinds],
        [None if number % 7 == 0 else "vienna" for number in range(n)],
        np.arange(n) % 2 == 0,
        before,
        after,
        seed=5,
        most=most,
    )


def same_class_neighbours(flat: np.ndarray, kinds: np.ndarray) -> float:
    distances = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return float((kinds[distances.argmin(axis=1)] == kinds).mean())


def test_components_are_those_of_the_covariance() -> None:
    vectors, _ = three_clouds(1)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    values, directions = np.linalg.eigh(centred.T @ centred)
    found = principal_components(vectors, 4)
    assert np.square(found).sum(axis=0) == pytest.approx(values[::-1][:4], rel=1e-4)
    expected = centred @ directions[:, ::-1][:, :4]
    assert np.abs(found) == pytest.approx(np.abs(expected), abs=1e-4)
    assert (found[np.abs(found).argmax(axis=0), range(4)] > 0).all()


def test_classes_that_lie_apart_lie_apart_on_the_map() -> None:
    before, kinds = three_clouds(1)
    found = the_map(before, before[:, :4], kinds)
    assert found.after is not None
    assert found.method == "t-SNE of 50 principal components"
    for flat in (found.before, found.after):
        assert same_class_neighbours(flat, kinds) == 1.0
        assert flat.mean(axis=0) == pytest.approx([0, 0], abs=1e-5)
        assert np.square(flat).sum(axis=1).mean() == pytest.approx(1, abs=1e-4)


def test_without_scikit_learn_it_is_the_first_components_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "sklearn" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    vectors, _ = three_clouds(2)
    assert projection_method(90) == "the first two principal components"
    assert (projected(vectors, seed=0) == principal_components(vectors, 2)).all()


def test_a_space_of_one_dimension_has_a_map() -> None:
    """Two classes leave no more: then one of the two coordinates is nothing."""
    line = np.random.default_rng(0).standard_normal((36, 1)).astype(np.float32)
    places = projected(line, seed=0)
    assert places.shape == (36, 2)
    assert np.isfinite(places).all()
    assert places[:, 0].std() > 0


def test_the_second_map_is_turned_to_lie_over_the_first() -> None:
    before, kinds = three_clouds(3, images=9)  # so few that it is the components alone
    mirrored = before.copy()
    mirrored[:, [0, 1]] = before[:, [1, 0]]
    found = the_map(before, mirrored, kinds)
    assert found.after is not None
    assert found.after == pytest.approx(found.before, abs=1e-5)


def test_it_is_the_same_each_time_and_draws_no_more_than_it_may() -> None:
    before, kinds = three_clouds(4)
    one, again = the_map(before, None, kinds, most=40), the_map(before, None, kinds, most=40)
    assert (one.before == again.before).all()
    assert one.ids == again.ids
    assert (len(one.ids), one.images, one.after) == (40, 90, None)
    places = [int(name.split()[1]) for name in one.ids]
    assert places == sorted(places)
    assert one.labels == tuple(f"class {kinds[place]}" for place in places)
    assert one.domains == tuple(None if place % 7 == 0 else "vienna" for place in places)
    assert one.asking.tolist() == [place % 2 == 0 for place in places]


@pytest.mark.parametrize("images", [1, 2, 12])
def test_images_in_one_place_have_a_map(images: int) -> None:
    vectors = np.tile(np.eye(1, 8, dtype=np.float32), (images, 1))
    found = the_map(vectors, vectors, np.zeros(images, dtype=np.int64))
    assert found.after is not None
    assert np.isfinite(found.before).all()
    assert np.isfinite(found.after).all()
