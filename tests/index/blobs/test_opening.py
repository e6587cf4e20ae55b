"""A data directory and an object store that don't belong together are kept apart."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from index.blobs.object_store import _PATIENCE, ObjectStore
from index.blobs.opening import open_blobs
from invariantselect.errors import CatalogUnavailableError, InvalidRequestError, StoreCorruptError
from tests.s3_server import S3Server

CONTENT = b"a picture"


def test_whoever_was_told_otherwise_is_refused(s3_folder: str, tmp_path: Path) -> None:
    sha256 = open_blobs(tmp_path, s3_folder).put(CONTENT)
    assert not (tmp_path / "blobs").exists()
    assert open_blobs(tmp_path, f"{s3_folder}/").get(sha256) == CONTENT
    with pytest.raises(CatalogUnavailableError, match=f"are in {s3_folder}$") as told:
        open_blobs(tmp_path)
    assert "Set INVARIANTSELECT_IMAGES_URL" in told.value.hint
    with pytest.raises(CatalogUnavailableError, match=f"are in {s3_folder}, not in {s3_folder}-2$"):
        open_blobs(tmp_path, f"{s3_folder}-2")
    (tmp_path / "other").mkdir()
    with pytest.raises(CatalogUnavailableError, match="has the images of another data directory"):
        open_blobs(tmp_path / "other", s3_folder)
    assert open_blobs(tmp_path / "other", f"{s3_folder}-3").put(CONTENT)  # what failed binds nobody


def test_images_in_the_folder_are_moved_first(s3_server: S3Server, s3_folder: str, tmp_path: Path) -> None:
    sha256 = open_blobs(tmp_path).put(CONTENT)
    with pytest.raises(CatalogUnavailableError, match="has images in") as told:
        open_blobs(tmp_path, s3_folder)
    assert f"aws s3 sync {tmp_path / 'blobs'} {s3_folder}" in told.value.hint
    assert open_blobs(tmp_path).get(sha256) == CONTENT
    s3_server.files().put(f"{tmp_path / 'blobs'}/", f"{s3_folder}/", recursive=True)  # as the hint says
    (tmp_path / "blobs").rename(tmp_path / "away")
    assert open_blobs(tmp_path, s3_folder).get(sha256) == CONTENT


def test_who_comes_first_of_many_is_known_to_all(s3_folder: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: open_blobs(tmp_path, s3_folder), range(8)))
    assert opened[0].put(CONTENT) in {*opened[7].stored()}


def test_a_store_emptied_by_somebody_is_claimed_again(s3_server: S3Server, s3_folder: str, tmp_path: Path) -> None:
    open_blobs(tmp_path, s3_folder).put(CONTENT)
    s3_server.files().rm(s3_folder, recursive=True)
    assert [*open_blobs(tmp_path, s3_folder).stored()] == []
    assert s3_server.files().exists(f"{s3_folder}/invariantselect.id")


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"url": 1, "owner": "x"}', '{"url": "x"}', "[" * 5000])
def test_a_damaged_note_is_told(s3_folder: str, tmp_path: Path, damage: str) -> None:
    (tmp_path / "image-store.json").write_text(damage)
    for url in (None, s3_folder):
        with pytest.raises(StoreCorruptError, match=r"image-store\.json is damaged"):
            open_blobs(tmp_path, url)


def test_a_slip_of_the_pen_is_told_and_binds_nobody(s3_server: S3Server, s3_folder: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogUnavailableError, match=r"s3://no-such-bucket/x can't be reached.*does not exist"):
        open_blobs(tmp_path, "s3://no-such-bucket/x")
    open_blobs(tmp_path, s3_folder).put(CONTENT)


def test_a_claim_whose_answer_is_lost_is_made_again(
    s3_folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = ObjectStore.claim

    def lost(store: ObjectStore, owner: str) -> None:
        claim(store, owner)
        raise CatalogUnavailableError("the answer is lost")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "claim", lost)
        with pytest.raises(CatalogUnavailableError, match="the answer is lost"):
            open_blobs(tmp_path, s3_folder)
    sha256 = open_blobs(tmp_path).put(CONTENT)  # it belongs to none yet
    open_blobs(tmp_path).discard(sha256)
    open_blobs(tmp_path, s3_folder).put(CONTENT)


def test_a_server_that_is_gone_is_told(
    own_s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_PATIENCE, "retries", {"total_max_attempts": 1})
    (tmp_path / "new").mkdir()
    blobs = open_blobs(tmp_path, own_s3_server.bucket)
    sha256 = blobs.put(CONTENT)
    own_s3_server.kill()
    for ask in (blobs.get, blobs.holds, blobs.discard, blobs.open):
        with pytest.raises(CatalogUnavailableError, match="can't be reached: EndpointConnectionError"):
            ask(sha256)
    with pytest.raises(CatalogUnavailableError) as told:
        blobs.put(CONTENT)
    assert "secret-of-tests" not in f"{told.value.detail} {told.value.hint}"
    with pytest.raises(CatalogUnavailableError):
        list(blobs.stored())
    with pytest.raises(CatalogUnavailableError):  # no picture is called lost
        blobs.problems([sha256])
    assert [type(each) for each in blobs.discard_all([sha256])] == [CatalogUnavailableError]
    with pytest.raises(CatalogUnavailableError):
        open_blobs(tmp_path / "new", own_s3_server.bucket)
    open_blobs(tmp_path / "new")  # which it didn't become a part of


def test_without_the_package_the_error_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InvalidRequestError, match="need the package s3fs") as told:
        open_blobs(tmp_path, "s3://bucket/folder")
    assert "invariantselect-server[s3]" in told.value.hint
