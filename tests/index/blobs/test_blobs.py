"""A folder and an object store keep the same promises."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.blobs import folder_store
from index.blobs.blobs import Blobs
from index.blobs.opening import open_blobs
from invariantselect.errors import ImageNotFoundError, StoreCorruptError
from tests.s3_server import S3Server

SOME = [f"content {number}".encode() for number in range(70)]  # more than are written or read at once


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


HASHES = [sha256_of(content) for content in SOME]


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest) -> str | None:
    """The setting: None, or a folder of a bucket that nobody else has."""
    return None if request.param == "folder" else request.getfixturevalue("s3_folder")


@pytest.fixture
def blobs(url: str | None, tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path, url)


@pytest.fixture
def overwrite(url: str | None, blobs: Blobs, request: pytest.FixtureRequest) -> Callable[[str, bytes], None]:
    """What damages a file behind the back of the store."""
    if url is None:
        return lambda sha256, content: Path(blobs.where(sha256)).write_bytes(content) and None
    server: S3Server = request.getfixturevalue("s3_server")
    return lambda sha256, content: server.files().pipe_file(blobs.where(sha256), content) and None


def test_what_is_put_is_there_under_its_hash_alone(blobs: Blobs) -> None:
    assert blobs.put(SOME[0]) == HASHES[0]
    assert blobs.get(HASHES[0]) == SOME[0]
    assert blobs.holds(HASHES[0])
    assert not blobs.holds(HASHES[1])
    with pytest.raises(ImageNotFoundError, match=HASHES[1]):
        blobs.get(HASHES[1])
    with pytest.raises(FileNotFoundError):
        blobs.open(HASHES[1])
    assert [*blobs.stored()] == [HASHES[0]]
    assert blobs.where(HASHES[0]).endswith(f"/{HASHES[0][:2]}/{HASHES[0][2:4]}/{HASHES[0]}")
    assert [*blobs.leftovers()] == []


@pytest.mark.parametrize("hostile", ["../../etc/passwd", "", HASHES[0].upper(), HASHES[0] + "\n", "/" + HASHES[0]])
def test_no_hash_leaves_the_store(blobs: Blobs, hostile: str) -> None:
    for take in (blobs.get, blobs.holds, blobs.discard, blobs.open, blobs.where):
        with pytest.raises(ValueError, match="is not a SHA-256"):
            take(hostile)


def test_many_are_put_read_and_discarded_side_by_side(blobs: Blobs) -> None:
    blobs.put_all(SOME[:40])
    blobs.discard(HASHES[7])
    blobs.put_missing(dict(zip(HASHES, SOME, strict=True)))
    assert sorted(blobs.stored()) == sorted(HASHES)
    assert blobs.get_all(HASHES) == SOME
    assert blobs.get_all([]) == []
    assert blobs.discard_all([*HASHES[:50], HASHES[0]]) == [None] * 51  # one that is gone is no failure
    assert sorted(blobs.stored()) == sorted(HASHES[50:])
    assert [type(problem) for problem in blobs.problems(HASHES[49:52])] == [ImageNotFoundError, type(None), type(None)]
    with pytest.raises(ImageNotFoundError, match=HASHES[3]):
        blobs.get_all([*HASHES[50:], HASHES[3]])


def test_damage_is_told_and_putting_it_again_heals_it(blobs: Blobs, overwrite: Callable[[str, bytes], None]) -> None:
    blobs.put_all(SOME)
    for damage in (b"", SOME[2][:-1], SOME[2][:-1] + b"!"):
        overwrite(HASHES[2], damage)
        with pytest.raises(StoreCorruptError, match=f"{HASHES[2]} was altered"):
            blobs.get(HASHES[2])
        assert [number for number, problem in enumerate(blobs.problems(HASHES)) if problem] == [2]
        blobs.put(SOME[2])
        assert blobs.get(HASHES[2]) == SOME[2]


def test_what_was_opened_can_be_read_after_it_was_discarded(blobs: Blobs) -> None:
    large = b"large" * (1 << 15)
    for content in (SOME[0], large):
        with blobs.open(blobs.put(content)) as file:
            blobs.discard(sha256_of(content))
            assert file.read() == content


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["put", "put_missing", "discard"]), st.sets(st.integers(0, 5))), max_size=8))
def test_any_order_of_writes_leaves_what_a_set_would(
    tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server, writes: list[tuple[str, set[int]]]
) -> None:
    folder = tmp_path_factory.mktemp("data")
    for place, url in ((folder / "one", None), (folder / "other", f"{s3_server.bucket}/{folder.name}")):
        place.mkdir()
        blobs, model = open_blobs(place, url), set()
        for kind, which in writes:
            if kind == "put":
                blobs.put_all([SOME[number] for number in which])
            elif kind == "put_missing":
                blobs.put_missing({HASHES[number]: SOME[number] for number in which})
            else:
                blobs.discard_all([HASHES[number] for number in which])
            model = model - which if kind == "discard" else model | which
        assert {*blobs.stored()} == {HASHES[number] for number in model}


def test_a_removal_from_the_folder_is_on_the_disk_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[Path, bool]] = []
    blobs = open_blobs(tmp_path)
    path = Path(blobs.where(blobs.put(SOME[0])))
    monkeypatch.setattr(folder_store, "flush", lambda folder: flushed.append((folder, path.exists())))
    blobs.discard(HASHES[0])
    blobs.discard(HASHES[0])  # what isn't there needs no flush, and its folder may not be there either
    blobs.discard(HASHES[1])
    assert flushed == [(path.parent, False)]
