"""Many threads search while others write and seal: each answer is right for the snapshot that it came from."""

from __future__ import annotations

import hashlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.pool import Pool
from tests.index.entries import entry, make_pool, vector_of_image
from tests.index.model import answers, nearest

pytestmark = pytest.mark.usefixtures("database")

IMAGES = [f"image {number}".encode() for number in range(40)]
VECTORS = {hashlib.sha256(image).hexdigest(): vector_of_image(image) for image in IMAGES}
WRITERS, READERS, BATCHES = 2, 6, 25


def write(pool: Pool, writer: int) -> set[str]:
    chance = random.Random(writer)
    held = set()
    for _ in range(BATCHES):
        ids = [f"{writer}/{chance.randrange(60)}" for _ in range(chance.randint(1, 8))]
        if chance.random() < 0.3:
            pool.delete(ids)
            held.difference_update(ids)
        else:
            pool.write([entry(id, chance.choice(IMAGES)) for id in ids])
            held.update(ids)
    return held


def seal(pool: Pool, finished: threading.Event) -> int:
    seals = 0
    while not finished.wait(0.01):
        pool.seal()
        seals += 1
    return seals


def read(pool: Pool, finished: threading.Event, reader: int) -> int:
    chance = np.random.default_rng(reader)
    versions = [0]
    while not finished.is_set():
        snapshot = pool.snapshot()
        living = np.flatnonzero(snapshot.alive)
        ids = snapshot.ids[living].tolist()
        assert len(set(ids)) == len(ids)
        vectors = snapshot.vectors(living)
        for position, vector in zip(living.tolist(), vectors, strict=True):
            np.testing.assert_array_equal(vector, VECTORS[snapshot.demonstration(position).sha256])
        query = chance.standard_normal(16).astype(np.float32)
        assert answers(snapshot, query, 5) == nearest(dict(zip(ids, vectors, strict=True)), query, 5)
        assert snapshot.version >= versions[-1]
        versions.append(snapshot.version)
    return len(set(versions))


def test_searching_while_others_write_delete_and_seal_is_always_right(tmp_path):
    pool = make_pool(tmp_path, seal_at=50)
    finished = threading.Event()
    with ThreadPoolExecutor(WRITERS + READERS + 1) as threads:
        readers = [threads.submit(read, pool, finished, number) for number in range(READERS)]
        sealer = threads.submit(seal, pool, finished)
        try:
            held = [each.result() for each in [threads.submit(write, pool, number) for number in range(WRITERS)]]
        finally:
            finished.set()
        assert all(reader.result() > 3 for reader in readers)
        assert sealer.result() > 3
    snapshot = pool.snapshot()
    assert sorted(snapshot.ids[snapshot.alive].tolist()) == sorted(set.union(*held))
