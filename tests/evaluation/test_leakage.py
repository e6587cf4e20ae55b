"""What is barred: against looking at every pair, and with leaks planted in real images."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_sample_images

from encoders.catalog import load_encoder
from encoders.decode import decode
from evaluation import leakage
from evaluation.leakage import barred_of, unrelated
from evaluation.protocols.fold import Fold
from evaluation.protocols.leave_one_domain_out import leave_one_domain_out
from evaluation.thumbnail import thumbnail

GRID = np.array([[1, 0], [0, 1], [0.6, 0.8], [0.8, 0.6], [-1, 0]], np.float32)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["art", "photo", None]),
            st.sampled_from(["p", "q", None]),
            st.sampled_from(["h1", "h2", None]),
            st.integers(0, len(GRID) - 1),
        ),
        min_size=2,
        max_size=12,
    ),
    st.sampled_from([0.6, 0.96, 1.0]),
    st.integers(1, 20),
)
def test_exactly_those_pairs_are_barred_that_share_something(
    rows: list[tuple[str | None, str | None, str | None, int]], threshold: float, at_once: int
) -> None:
    rows = [("art", None, None, 0), ("photo", None, None, 1), *rows]
    domains, groups, hashes, kinds = (list(column) for column in zip(*rows, strict=True))
    vectors = GRID[kinds]
    # Folds without regard to groups, so that groups are left for the guard to find.
    for fold in leave_one_domain_out(domains, [None] * len(rows)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(leakage, "_SCORES_AT_ONCE", at_once)
            barred = barred_of(fold, groups=groups, sha256=hashes, vectors=vectors, near_duplicates_above=threshold)
        related: set[int] = set()
        totals = {"group": 0, "content": 0, "near_duplicate": 0}
        for number, query in enumerate(fold.queries.tolist()):
            pool = fold.pool.tolist()
            found = {
                "group": {p for p in pool if groups[query] is not None and groups[p] == groups[query]},
                "content": {p for p in pool if hashes[query] is not None and hashes[p] == hashes[query]},
                "near_duplicate": {p for p in pool if float(vectors[p] @ vectors[query]) >= threshold - 1e-6},
            }
            assert barred.of(number).tolist() == sorted(set().union(*found.values()))
            assert barred.counts(number) == {reason: len(places) for reason, places in found.items()}
            related |= found["group"] | found["content"]
            for reason, places in found.items():
                totals[reason] += len(places)
        assert barred.counts() == totals
        free = unrelated(fold, groups=groups, sha256=hashes)
        assert free.tolist() == [place for place in fold.pool.tolist() if place not in related]


def a_fold(queries: int, pool: int) -> Fold:
    domains: list[str | None] = [*["new"] * queries, *["old"] * pool]
    return leave_one_domain_out(domains, [None] * len(domains), targets=["new"])[0]


def test_no_more_is_held_than_is_barred_and_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every second pair, found by both comparisons: beside what is returned its parts before they are joined."""
    monkeypatch.setattr(leakage, "_SCORES_AT_ONCE", 20_000)
    fold = a_fold(400, 2000)
    vectors = GRID[np.arange(2400) % 2]
    nothing = [None] * 2400
    tracemalloc.start()
    try:
        barred = barred_of(fold, groups=nothing, sha256=nothing, vectors=vectors, thumbnails=vectors)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert barred.counts() == {"group": 0, "content": 0, "near_duplicate": 400 * 1000}
    kept = barred.places.nbytes + barred.reasons.nbytes
    assert kept == 400_000 * 5
    assert most < 2.1 * kept + 1_000_000


def test_it_can_be_stopped_at_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Exception):
        pass

    monkeypatch.setattr(leakage, "_SCORES_AT_ONCE", 100)
    fold, looked = a_fold(30, 50), 0

    def check() -> None:
        nonlocal looked
        looked += 1
        if looked == 11:
            raise Stopped

    given_ = {"groups": [None] * 80, "sha256": [None] * 80, "vectors": GRID[np.arange(80) % 5]}
    with pytest.raises(Stopped):
        barred_of(fold, **given_, check=check)  # type: ignore[arg-type]
    assert looked == 11
    barred_of(fold, **given_, check=check)  # type: ignore[arg-type]
    assert looked == 11 + 30 // 2


def tiles() -> list[Image.Image]:
    """Twelve pictures that have no pixel in common."""
    return [
        Image.fromarray(photograph[top : top + 200, left : left + 200])
        for photograph in load_sample_images().images
        for top in (0, 210)
        for left in (0, 210, 420)
    ]


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def test_planted_leaks_are_found_among_real_images(encoder_store: Path) -> None:
    """One lesion photographed twice, one file under two names, and that file saved again and scaled down."""
    files = [jpeg(tile, 92) for tile in tiles()]
    query, lesion, others = files[0], files[1], files[2:]
    opened = Image.open(io.BytesIO(query))
    pool = [lesion, query, jpeg(opened, 75), jpeg(opened.resize((100, 100)), 75), *others]
    images = [decode(image) for image in (query, *pool)]
    hashes = [hashlib.sha256(image).hexdigest() for image in (query, *pool)]
    domains: list[str | None] = ["new clinic", *["old clinic"] * len(pool)]
    groups: list[str | None] = ["lesion 1", "lesion 1", *[None] * (len(pool) - 1)]

    encoder = load_encoder("efficientnet-lite0", store=encoder_store)
    vectors = encoder.forward(np.stack([encoder.preprocess(image) for image in images]))
    thumbnails = np.stack([thumbnail(image) for image in images])
    fold = leave_one_domain_out(domains, [None] * len(images), targets=["new clinic"])[0]
    barred = barred_of(fold, groups=groups, sha256=hashes, vectors=vectors, thumbnails=thumbnails)
    assert barred.of(0).tolist() == [1, 2, 3, 4]
    assert barred.counts() == {"group": 1, "content": 1, "near_duplicate": 3}

    divided = leave_one_domain_out(domains, groups, targets=["new clinic"])[0]
    assert 1 in divided.left_out  # nor does an adaptation for this fold learn from the lesion


def test_without_thumbnails_the_frozen_space_bars_the_copies_that_it_knows_again() -> None:
    vectors = np.array([[1, 0], [1, 0], [0.9, np.sqrt(1 - 0.81)]], np.float32)
    fold = leave_one_domain_out(["new", "old", "old"], [None] * 3, targets=["new"])[0]
    barred = barred_of(fold, groups=[None] * 3, sha256=["a", "b", None], vectors=vectors)
    assert barred.of(0).tolist() == [1]


def test_a_thumbnail_is_the_correlation_of_block_means() -> None:
    one, other = tiles()[:2]
    expected = np.corrcoef(
        *(
            np.asarray(tile.convert("L"), float)[:192, :192].reshape(16, 12, 16, 12).mean(axis=(1, 3)).ravel()
            for tile in (one, other)
        )
    )[0, 1]
    cut = [tile.crop((0, 0, 192, 192)) for tile in (one, other)]
    assert float(thumbnail(cut[0]) @ thumbnail(cut[1])) == pytest.approx(expected, abs=0.01)
    assert not thumbnail(Image.new("RGB", (50, 30), (9, 9, 9))).any()
