"""What a backup holds, what it refuses to be made of, and what is refused to be restored."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from index.backup.listing import LISTING, Listed, Listing, parse_listing
from index.backup.making import back_up
from index.backup.restoring import restore
from index.pool import Pool
from index.pools import Pools
from invariantselect.errors import BackupInvalidError, InvalidRequestError, PoolNotFoundError, StoreCorruptError
from tests.index.entries import DIMS, SECOND, THIRD, add_version, entry, make_pool, recode_third
from tests.index.model import Model

ENTRIES = [entry(str(number)) for number in range(5)]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data directory and a backup of it; to be copied."""
    folder = tmp_path_factory.mktemp("original")
    pool = make_pool(folder / "data")
    pool.write(ENTRIES[:3])
    pool.seal()
    pool.write(ENTRIES[3:])
    back_up(folder / "data", folder / "backup", code_version="1")
    return folder


@pytest.fixture
def pool(original: Path, tmp_path: Path) -> Pool:
    shutil.copytree(original / "data", tmp_path / "data")
    return Pools(tmp_path / "data").open("pool")


@pytest.fixture
def made(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original / "backup", tmp_path / "backup"))


def tar_of(backup: Path, out: Path, change: Callable[[tarfile.TarInfo], tarfile.TarInfo] = lambda each: each) -> Path:
    with tarfile.open(out, "w") as tar:
        for path in sorted(path for path in backup.rglob("*") if path.is_file()):
            member = change(tar.gettarinfo(path, path.relative_to(backup).as_posix()))
            with path.open("rb") as content:
                tar.addfile(member, content if member.isreg() else None)
    return out


def listing_with(backup: Path, **changes: object) -> None:
    """Rewrite the list, its checksum right, with the first image's values changed."""
    about, *lines = [json.loads(line) for line in (backup / LISTING).read_text().splitlines()]
    next(line for line in lines if line["name"].startswith("blobs/")).update(changes)
    rest = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    about["sha256"] = hashlib.sha256(rest).hexdigest()
    (backup / LISTING).write_bytes(f"{json.dumps(about)}\n".encode() + rest)


def test_directory_and_tar_hold_the_same_and_both_are_restored(made: Path, pool: Pool, tmp_path: Path) -> None:
    listing = back_up(tmp_path / "data", tmp_path / "backup.tar", code_version="1")
    assert listing.files[0].name.startswith("blobs/")
    there = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    assert there == {file.name for file in listing.files} | {LISTING}
    with tarfile.open(tmp_path / "backup.tar") as tar:
        assert set(tar.getnames()) == there
    for source in (made, tmp_path / "backup.tar"):
        restore(source, tmp_path / "new")
        Model({each.id: each for each in ENTRIES}).check_all(Pools(tmp_path / "new").open("pool"))
        shutil.rmtree(tmp_path / "new")


def test_encoders_and_reports_come_along_and_caches_and_checkpoints_do_not(pool: Pool, tmp_path: Path) -> None:
    data = tmp_path / "data"
    kept = {
        f"encoders/{pool.key}/2/encoder.json",
        f"encoders/{pool.key}/2/weights.safetensors",
        "encoders/own/encoder.json",
    }
    kept |= {f"reports/{pool.key}/0192/report.html"}
    left = {
        f"encoders/{pool.key}/2/.lock",
        "encoders/abc.onnx",
        "jobs/0192/checkpoint",
        "jobs/queue.sqlite3",
        "notes.txt",
    }
    left |= {f"encoders/{pool.key}/3/weights.safetensors"}  # not described yet, so not whole
    for name in kept | left:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(name)
    back_up(data, tmp_path / "backup", code_version="1")
    restore(tmp_path / "backup", tmp_path / "new")
    for name in kept:
        assert (tmp_path / "new" / name).read_text() == name
    assert not [name for name in left if (tmp_path / "new" / name).exists()]


def test_an_image_without_a_demonstration_is_left_out(pool: Pool, tmp_path: Path) -> None:
    pool._blobs.put(b"nobody's")
    listing = back_up(tmp_path / "data", tmp_path / "backup", code_version="1")
    assert sum(file.name.startswith("blobs/") for file in listing.files) == 5
    assert len([path for path in (tmp_path / "backup" / "blobs").rglob("*") if path.is_file()]) == 5


@pytest.mark.parametrize("damage", ["image", "lost image", "segment", "lost segment", "manifest"])
@pytest.mark.parametrize("suffix", ["", ".tar"])
def test_nothing_damaged_becomes_a_backup(pool: Pool, tmp_path: Path, damage: str, suffix: str) -> None:
    folder = tmp_path / "data" / "pools" / pool.key
    image = next(path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file())
    files = {"image": image, "segment": next(folder.glob("*.faiss")), "manifest": folder / "manifest.json"}
    path = files[damage.removeprefix("lost ")]
    if damage.startswith("lost"):
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"~")
    with pytest.raises(StoreCorruptError) as refused:
        back_up(tmp_path / "data", tmp_path / f"backup{suffix}", code_version="1")
    assert path.name in refused.value.detail
    assert {each.name for each in tmp_path.iterdir()} == {"data"}


def test_damage_of_a_version_out_of_use_stays_behind(pool: Pool, tmp_path: Path) -> None:
    number = add_version(pool, SECOND)
    folder = pool._folder / "versions" / str(number)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{")
    listing = back_up(tmp_path / "data", tmp_path / "backup", code_version="1")
    assert not any("versions" in file.name for file in listing.files)


def test_what_is_there_is_never_overwritten(made: Path, pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="something at"):
        back_up(tmp_path / "data", made, code_version="1")
    (tmp_path / "b.tar").touch()
    with pytest.raises(InvalidRequestError, match="something at"):
        back_up(tmp_path / "data", tmp_path / "b.tar", code_version="1")
    with pytest.raises(InvalidRequestError, match="not empty"):
        restore(made, tmp_path / "data")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InvalidRequestError, match="not empty"):
        restore(made, tmp_path / "link")
    with pytest.raises(PoolNotFoundError, match="no catalog"):
        back_up(tmp_path / "elsewhere", tmp_path / "c", code_version="1")
    (tmp_path / "empty").mkdir()
    restore(made, tmp_path / "empty")
    assert (tmp_path / "empty" / "catalog.sqlite3").exists()


def refused(source: Path, tmp_path: Path, match: str) -> None:
    before = set(tmp_path.iterdir())
    with pytest.raises(BackupInvalidError, match=match):
        restore(source, tmp_path / "new")
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["blobs", "pools", "catalog.sqlite3", LISTING])
@pytest.mark.parametrize("how", ["flipped", "cut", "longer", "lost"])
def test_every_byte_of_a_backup_is_checked(made: Path, tmp_path: Path, kind: str, how: str) -> None:
    path = next(p for p in [made / kind, *sorted((made / kind).rglob("*"))] if p.is_file())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    changed = {"flipped": bytes(content), "cut": path.read_bytes()[:-1], "longer": path.read_bytes() + b"\n{}\n"}
    path.unlink()
    if how != "lost":
        path.write_bytes(changed[how])
    tar = tar_of(made, tmp_path / "b.tar")
    for source in (made, tar):
        refused(source, tmp_path, ".")


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "blobs/../../evil", "pools/x/evil", "encoders/../evil", "encoders/.hidden", "encoders//x",
     "C:/evil", "encoders/C:evil", "encoders\\..\\evil", "jobs/queue.sqlite3", "catalog.sqlite3/x", "CATALOG.SQLITE3",
     "reports/a/b/c/d/e", "encoders/a\nb", "blobs/aa/bb/" + "0" * 64, ""],
)  # fmt: skip
def test_no_name_in_a_list_leads_out_of_a_data_directory(made: Path, tmp_path: Path, name: str) -> None:
    listing_with(made, name=name)
    refused(made, tmp_path, LISTING)


@pytest.mark.parametrize("values", [{"bytes": -1}, {"bytes": "9"}, {"bytes": True}, {"sha256": "x"}, {"sha256": None}])
def test_a_list_of_nonsense_is_refused(made: Path, tmp_path: Path, values: dict[str, object]) -> None:
    listing_with(made, **values)
    refused(made, tmp_path, LISTING)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]\n", b'{"format": 2}\n', b"[" * 100_000, b"\xff\n"])
def test_what_is_no_list_is_refused(made: Path, tmp_path: Path, content: bytes) -> None:
    (made / LISTING).write_bytes(content)
    refused(made, tmp_path, ".")


def test_links_and_pipes_in_a_directory_are_not_followed(made: Path, tmp_path: Path) -> None:
    blob = next(path for path in (made / "blobs").rglob("*") if path.is_file())
    outside = tmp_path / "outside"
    outside.write_bytes(blob.read_bytes())
    blob.unlink()
    blob.symlink_to(outside)
    refused(made, tmp_path, "lacks")
    blob.unlink()
    os.mkfifo(blob)
    refused(made, tmp_path, "not a file")
    folder = blob.parent
    blob.unlink()
    folder.rmdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / blob.name).write_bytes(outside.read_bytes())
    folder.symlink_to(tmp_path / "folder")
    refused(made, tmp_path, "behind a link")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_members_of_a_tar_that_are_no_files_are_refused(made: Path, tmp_path: Path, kind: bytes) -> None:
    def change(member: tarfile.TarInfo) -> tarfile.TarInfo:
        if member.name.startswith("blobs/"):
            member.type, member.linkname, member.size = kind, "/etc/passwd", 0
        return member

    refused(tar_of(made, tmp_path / "b.tar", change), tmp_path, "not a file")


def test_further_members_of_a_tar_go_nowhere(made: Path, tmp_path: Path) -> None:
    tar = tar_of(made, tmp_path / "b.tar")
    with tarfile.open(tar, "a") as more:
        for name in ("../evil", "/tmp/evil-of-a-tar", "notes"):
            member = tarfile.TarInfo(name)
            member.size = 4
            more.addfile(member, io.BytesIO(b"evil"))
    restore(tar, tmp_path / "new")
    assert not (tmp_path / "evil").exists()
    assert not Path("/tmp/evil-of-a-tar").exists()
    assert not (tmp_path / "new" / "notes").exists()


def test_no_backup_is_made_without_the_encoder_that_serves(pool: Pool, tmp_path: Path) -> None:
    added = pool.add_version(
        encoder=f"{pool.key}/2", fingerprint=THIRD, dim=DIMS[THIRD], looks_at_domains=False, lineage={"parent": 1}
    )
    pool.fill(added.number, recode_third)
    back_up(tmp_path / "data", tmp_path / "before", code_version="1")  # what doesn't serve can be done without
    pool.switch(added.number, recode_third)
    with pytest.raises(StoreCorruptError, match=f"encoders/{pool.key}/2") as told:
        back_up(tmp_path / "data", tmp_path / "after", code_version="1")
    assert "rollback" in told.value.hint
    assert not (tmp_path / "after").exists()


@pytest.mark.parametrize("content", [b"", b"no tar", b"\0" * 10240])
def test_what_is_no_tar_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.tar").write_bytes(content)
    refused(tmp_path / "b.tar", tmp_path, ".")
    refused(tmp_path / "nothing", tmp_path, "neither")


def test_a_catalog_that_is_none_is_refused_though_its_checksum_is_right(made: Path, tmp_path: Path) -> None:
    (made / "catalog.sqlite3").write_bytes(b"not a database, at all")
    lines = (made / LISTING).read_text().splitlines()[1:]
    files = [Listed(**json.loads(line)) for line in lines]
    digest = hashlib.sha256(b"not a database, at all").hexdigest()
    files = [Listed(each.name, 22, digest) if each.name == "catalog.sqlite3" else each for each in files]
    listing = parse_listing((made / LISTING).read_bytes())
    (made / LISTING).write_bytes(Listing(listing.created_at, "1", tuple(files)).dump())
    refused(made, tmp_path, "catalog in the backup")
