"""Pools whose images are in an object store: written, read, removed, inspected and backed up as in a folder."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.backup.making import back_up
from index.backup.restoring import restore
from index.inspection import inspect
from index.pool import Pool
from index.pools import Pools
from invariantselect.errors import CatalogUnavailableError, StoreCorruptError
from tests.index.entries import DIM, FINGERPRINT, SECOND, add_version, entry, recode_first, recode_second
from tests.index.model import Model
from tests.s3_server import S3Server

ENTRIES = [entry(str(number), domain="x") for number in range(40)]


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def pools(tmp_path: Path, s3_folder: str) -> Iterator[Pools]:
    with Pools(tmp_path / "data", images_url=s3_folder) as opened:
        yield opened


@pytest.fixture
def pool(pools: Pools) -> Pool:
    pool = pools.create("pool", "fake", FINGERPRINT, DIM)
    assert {outcome.status for outcome in pool.write(ENTRIES)} == {"created"}
    return pool


def stored(server: S3Server, folder: str) -> set[str]:
    names = {path.rpartition("/")[2] for path in server.files().find(folder)}
    return names - {"invariantselect.id"}


def test_images_are_there_as_long_as_they_are_used(
    pool: Pool, pools: Pools, s3_server: S3Server, s3_folder: str
) -> None:
    wanted = {sha256_of(each.image) for each in ENTRIES}
    assert stored(s3_server, s3_folder) == wanted
    assert pool.image("3").content == ENTRIES[3].image
    pool.delete([str(number) for number in range(30)])
    pool.write([entry("39", b"another", domain="x")])
    wanted = {sha256_of(each.image) for each in ENTRIES[30:39]} | {sha256_of(b"another")}
    assert stored(s3_server, s3_folder) == wanted
    pools.drop("pool")
    assert stored(s3_server, s3_folder) == set()


def test_encoders_see_the_images_that_are_there(pool: Pool, tmp_path: Path, s3_folder: str) -> None:
    model = Model({each.id: each for each in ENTRIES})
    pool.rebuild(recode_first)
    number = add_version(pool, SECOND)
    pool.fill(number, recode_second)
    pool.switch(number, recode_second)
    moved = entry("5", domain="y")
    pool.patch({"5": {"domain": "y"}}, vectors_for=lambda _: recode_second)
    model.entries["5"] = moved
    model.check_all(pool)
    assert inspect(tmp_path / "data", images_url=s3_folder) == []


def test_inspection_names_what_is_lost_damaged_or_used_by_nobody(
    pool: Pool, s3_server: S3Server, s3_folder: str, tmp_path: Path
) -> None:
    files, lost, damaged = s3_server.files(), sha256_of(ENTRIES[1].image), sha256_of(ENTRIES[2].image)
    files.rm(f"{s3_folder}/{lost[:2]}/{lost[2:4]}/{lost}")
    files.pipe_file(f"{s3_folder}/{damaged[:2]}/{damaged[2:4]}/{damaged}", b"else")
    unused = sha256_of(b"nobody's")
    files.pipe_file(f"{s3_folder}/{unused[:2]}/{unused[2:4]}/{unused}", b"nobody's")
    findings = {finding.detail: finding.harmless for finding in inspect(tmp_path / "data", images_url=s3_folder)}
    assert findings == {
        f"the image {lost} is not in the store": False,
        f"the stored image {damaged} was altered": False,
        f"no demonstration uses the image {s3_folder}/{unused[:2]}/{unused[2:4]}/{unused}": True,
    }
    with pytest.raises(StoreCorruptError, match="the image of '1' is lost"):
        pool.image("1")
    pool.write(ENTRIES)  # as the remedy says
    assert [finding.harmless for finding in inspect(tmp_path / "data", images_url=s3_folder)] == [True]


def test_a_backup_holds_the_images_themselves(pool: Pool, tmp_path: Path, s3_folder: str) -> None:
    pool.seal()
    back_up(tmp_path / "data", tmp_path / "backup.tar", code_version="1", images_url=s3_folder)
    shutil.rmtree(tmp_path / "data")
    restore(tmp_path / "backup.tar", tmp_path / "restored")
    restored = Pools(tmp_path / "restored").open("pool")
    Model({each.id: each for each in ENTRIES}).check_all(restored)
    assert restored.image("7").content == ENTRIES[7].image
    with pytest.raises(CatalogUnavailableError, match="has images in"):
        Pools(tmp_path / "restored", images_url=s3_folder)


def test_a_backup_is_refused_where_an_image_is_lost(
    pool: Pool, tmp_path: Path, s3_server: S3Server, s3_folder: str
) -> None:
    lost = sha256_of(ENTRIES[1].image)
    s3_server.files().rm(f"{s3_folder}/{lost[:2]}/{lost[2:4]}/{lost}")
    with pytest.raises(StoreCorruptError, match=f"the image {lost} is lost"):
        back_up(tmp_path / "data", tmp_path / "backup", code_version="1", images_url=s3_folder)
    assert not (tmp_path / "backup").exists()
