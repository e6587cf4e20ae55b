"""One byte flipped, or the end cut off, in any file of a real data directory: named by `doctor`, or of no effect."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pytest

from encoders.catalog import load_encoder
from index.inspection import inspect
from index.pools import Pools
from invariantselect.errors import InvariantSelectError
from service.cli.queue_file import queue_problem, renew_queue
from tests.service.adaptable import POOL, Adaptable, grow, settings_of, vectors_of

SEED, FLIPS, BLOBS = 5, 10, 5
NEITHER_READ_NOR_KEPT = {"lock", ".lock", "catalog.lock"}
"""What these files hold means nothing; that they can be locked does."""


@pytest.fixture
def whole(adaptable_data: Path, tmp_path: Path, short_trainings: None) -> Path:
    """Two adapted versions, one retired; vectors in segments and in the tail of both live ones; a broker."""
    place = tmp_path / "whole"
    place.mkdir()
    adaptable = Adaptable(adaptable_data, place)
    adaptable.adapt(force=True)
    adaptable.adapt(force=True, seed=1)
    adaptable.pool.seal()
    grow(adaptable.pool, tmp_path / "more", adaptable.services, first=500)
    adaptable.services.queue.announce("0" * 24)
    adaptable.close()
    return adaptable.data


def files_of(data: Path) -> Iterator[Path]:
    blobs = sorted(path for path in (data / "blobs").rglob("*") if path.is_file())
    others = sorted(path for path in data.rglob("*") if path.is_file() and data / "blobs" not in path.parents)
    yield from random.Random(SEED).sample(blobs, BLOBS)
    for path in others:
        if path.name not in NEITHER_READ_NOR_KEPT and not path.name.endswith(("-wal", "-shm")):
            yield path


def named(data: Path) -> list[str]:
    """What `doctor` says of the files."""
    try:
        found = [finding.detail for finding in inspect(data)]
    except InvariantSelectError as error:
        found = [error.detail]
    return [*found, *filter(None, [queue_problem(data)])]


def everything(data: Path) -> dict[str, Any]:
    """All that can be asked of the pool: words, images, vectors in both spaces, and the encoder that serves."""
    with Pools(data) as pools:
        pool = pools.open(POOL)
        together = pool.snapshots()
        ids = sorted(vectors_of(together.frozen))
        seen: dict[str, Any] = {"demonstrations": pool.get(ids), "images": [pool.image(id).sha256 for id in ids]}
        for snapshot in (together.frozen, together.adapted):
            assert snapshot is not None
            vectors = vectors_of(snapshot)
            seen[f"vectors {snapshot.number}"] = [vectors[id].tobytes() for id in ids]
        assert together.serving is not None
        store = data / "encoders"
        serving = load_encoder(together.serving.encoder, store=store, device="cpu", runtime="torch")
        return {**seen, "encoder": serving.identity.fingerprint}


def check_same(seen: dict[str, Any], truth: dict[str, Any]) -> None:
    """All words and images are; vectors were made in batches of another size, so their last bits may differ."""
    for name, value in truth.items():
        if name.startswith("vectors"):
            both = [np.frombuffer(b"".join(each[name]), "<f4") for each in (seen, truth)]
            np.testing.assert_allclose(both[0], both[1], atol=1e-5)
        else:
            assert seen[name] == value


def damaged(path: Path, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    sound = path.read_bytes()
    for offset in sorted({0, len(sound) - 1, *(chance.randrange(len(sound)) for _ in range(FLIPS))}):
        content = bytearray(sound)
        content[offset] ^= 1 << chance.randrange(8)
        yield f"byte {offset}", bytes(content)
    yield "cut", sound[: chance.randrange(1, len(sound))]


def test_a_flipped_byte_or_a_lost_end_is_named_or_changes_nothing(whole: Path) -> None:
    assert named(whole) == []
    truth, chance, kinds = everything(whole), random.Random(SEED), set()
    for path in files_of(whole):
        if path.name == "catalog.sqlite3":
            continue
        sound = path.read_bytes()
        for what, content in damaged(path, chance):
            path.unlink()  # a new file: what is mapped stays as it was
            path.write_bytes(content)
            told = named(whole)
            if told:
                kinds.add(path.suffix or path.parent.parent.parent.name)
            else:
                assert everything(whole) == truth, (path, what)
                assert what != "cut", (path, what)
            path.unlink()
            path.write_bytes(sound)
    assert named(whole) == []
    assert kinds >= {".faiss", ".npy", ".json", ".safetensors", ".sqlite3", "blobs"}


def test_a_flipped_byte_of_the_catalog_is_named_or_changes_nothing_but_words(whole: Path) -> None:
    """SQLite keeps no checksum of a label: what is left unnamed is a word that reads otherwise, see docs/faults.md."""
    path, chance = whole / "catalog.sqlite3", random.Random(SEED)
    truth, sound, silent = everything(whole), path.read_bytes(), 0
    for offset in (chance.randrange(len(sound)) for _ in range(60)):
        content = bytearray(sound)
        content[offset] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        if not named(whole):
            try:
                seen = everything(whole)
            except InvariantSelectError:
                continue  # named when it is used
            assert {k: v for k, v in seen.items() if k.startswith("vectors")} == {
                k: v for k, v in truth.items() if k.startswith("vectors")
            }
            assert seen["images"] == truth["images"]
            silent += seen != truth
        for leftover in whole.glob("catalog.sqlite3-*"):
            leftover.unlink()
        path.write_bytes(sound)
    assert silent < 6
    path.write_bytes(sound)
    assert named(whole) == []


def test_an_altered_vector_of_the_tail_is_named_and_made_anew(whole: Path, adaptable_data: Path) -> None:
    from service.cli.repair import repair_pools

    settings, truth = settings_of(whole, adaptable_data), everything(whole)
    with Pools(whole) as pools:
        vector = vectors_of(pools.open(POOL).snapshot())[f"dusk/blue/{500}.png"]
    path = whole / "catalog.sqlite3"
    content = bytearray(path.read_bytes())
    place = content.find(vector.astype("<f4").tobytes())
    assert place > 0
    content[place] ^= 1  # the lowest bit of its first number: nothing but a checksum sees that
    path.write_bytes(content)
    assert any("no vector" in detail for detail in named(whole))
    assert list(repair_pools(settings)) == [(POOL, None)]
    assert named(whole) == []
    check_same(everything(whole), truth)


def test_what_can_be_made_again_is_and_the_rest_is_named(whole: Path, adaptable_data: Path) -> None:
    from service.cli.repair import repair_pools

    settings, truth = settings_of(whole, adaptable_data), everything(whole)
    with Pools(whole) as pools:
        pool = pools.open(POOL)
        key, serving = pool.key, pool.serving()
    assert serving is not None
    for pattern in ("pools/*/*.faiss", "pools/*/versions/*/*.npy", "pools/*/versions/*/manifest.json"):
        for path in whole.glob(pattern):
            path.write_bytes(path.read_bytes()[:-3])
    (whole / "jobs" / "queue.sqlite3").write_bytes(b"not a database" * 99)
    assert len(named(whole)) >= 3
    assert list(repair_pools(settings)) == [(POOL, None)]
    assert renew_queue(whole)
    assert not renew_queue(whole)
    assert all("versions/2" in detail for detail in named(whole))  # retired: made whole when it is switched to
    assert [finding for finding in inspect(whole) if not finding.harmless] == []
    check_same(everything(whole), truth)

    rmtree(whole / "encoders" / key / str(serving.number))
    assert any(f"{key}/{serving.number} can't be read" in detail for detail in named(whole))
    ((name, error),) = repair_pools(settings)
    assert name == POOL
    assert error is not None
    assert f"no encoder '{key}/{serving.number}'" in error.detail


@pytest.mark.parametrize("name", ["feature%2Ffoo", "a#b", "what?", "ü b"])
def test_a_sound_queue_is_sound_wherever_it_lies(name: str, tmp_path: Path) -> None:
    file = tmp_path / name / "jobs" / "queue.sqlite3"
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE t (x)")
    assert queue_problem(tmp_path / name) is None
    file.write_bytes(b"not a database" * 99)
    assert "damaged" in (queue_problem(tmp_path / name) or "")
    assert [path.name for path in tmp_path.iterdir()] == [name]
