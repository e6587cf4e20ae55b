"""The demo's images: four domains, no scan in both pool and queries, the same bytes every time."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.demo.domains import DOMAINS, HELD_OUT, SIDE, enlarge
from service.demo.images import DemoImages, Recipe, build_images

RECIPE = Recipe(pool_scans=3, query_scans=2)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> DemoImages:
    return build_images(tmp_path_factory.mktemp("demo"), RECIPE)


def digests(images: DemoImages) -> dict[str, str]:
    root = images.pool.parent
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*.png"))}


def test_every_domain_has_every_class_evenly_and_the_pool_lacks_one(built: DemoImages) -> None:
    known = set(DOMAINS) - {HELD_OUT}
    for root, domains, each in ((built.pool, known, 3), (built.queries, DOMAINS, 2)):
        cells = Counter((path.parent.parent.name, path.parent.name) for path in root.rglob("*.png"))
        assert cells == {(domain, str(label)): each for domain in domains for label in range(10)}


def test_no_scan_stands_in_the_pool_twice_or_among_the_queries_too(built: DemoImages) -> None:
    pool = [path.name for path in built.pool.rglob("*.png")]
    assert len(pool) == len(set(pool))
    assert not set(pool) & {path.name for path in built.queries.rglob("*.png")}


def test_every_domain_is_asked_about_the_same_scans(built: DemoImages) -> None:
    asked = {domain: {path.name for path, _ in built.queries_of(domain)} for domain in DOMAINS}
    assert len({frozenset(names) for names in asked.values()}) == 1


def test_the_images_are_the_same_bytes_every_time_and_are_left_alone_when_there(
    built: DemoImages, tmp_path: Path
) -> None:
    again = build_images(tmp_path, RECIPE)
    assert digests(again) == digests(built)
    one = next(again.pool.rglob("*.png"))
    one.write_bytes(b"touched")
    build_images(tmp_path, RECIPE)
    assert one.read_bytes() == b"touched"


def test_another_recipe_replaces_what_an_older_one_left(tmp_path: Path) -> None:
    build_images(tmp_path, Recipe(pool_scans=2, query_scans=1))
    smaller = build_images(tmp_path, Recipe(pool_scans=1, query_scans=1))
    assert len(list(smaller.pool.rglob("*.png"))) == 30


def test_a_run_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    images = build_images(tmp_path, Recipe(pool_scans=1, query_scans=1))
    complete = digests(images)
    (tmp_path / "images.json").unlink()
    next(images.pool.rglob("*.png")).unlink()
    assert digests(build_images(tmp_path, Recipe(pool_scans=1, query_scans=1))) == complete


def test_the_photo_domain_is_the_absolute_difference_of_patch_and_digit() -> None:
    scan = enlarge(np.arange(64, dtype=float).reshape(8, 8) / 4)
    photograph = np.full((SIDE + 1, SIDE + 1, 3), (255, 51, 0), dtype=np.uint8)
    made = DOMAINS["photo"](scan, [photograph], np.random.default_rng(0))
    assert np.allclose(made, np.stack([1 - scan, np.abs(0.2 - scan), scan], axis=2))


def test_the_domains_are_colour_pictures_of_one_size(built: DemoImages) -> None:
    for path in built.pool.rglob("*.png"):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("RGB", (SIDE, SIDE))
