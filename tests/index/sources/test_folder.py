"""A folder of domains of classes of images."""

from __future__ import annotations

import os

import pytest

from encoders.decode import DecodeLimits
from index.sources import open_source
from index.sources.folder import SUFFIXES
from invariantselect.errors import (
    DatasetUnsupportedError,
    ImageNotFoundError,
    ImageTooLargeError,
    ImageUnreadableError,
    InvariantSelectError,
)
from tests.index.sources.files import ignored, png, put, records, rejected


def test_domain_and_class_are_the_two_folders_and_the_path_is_the_id(tmp_path):
    put(tmp_path, "photo/dog/1.jpg")
    (record,) = records(open_source(tmp_path))
    words = (record.id, record.domain, record.label, record.group, record.metadata)
    assert words == ("photo/dog/1.jpg", "photo", "dog", None, {})
    assert record.read() == png(0)


def test_the_order_is_that_of_the_names_whatever_the_disk_says(tmp_path):
    names = ["b/x/2.png", "a/y/1.png", "b/x/10.png", "a/x/9.png", "B/x/1.png", "ä/x/1.png"]
    put(tmp_path, *names)
    assert [record.id for record in records(open_source(tmp_path))] == sorted(names)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_every_suffix_counts_in_either_case(tmp_path, suffix):
    put(tmp_path, f"d/c/low{suffix}", f"d/c/UP{suffix.upper()}")
    assert len(records(open_source(tmp_path))) == 2


def test_hidden_files_are_passed_over_and_stray_ones_are_named(tmp_path):
    put(tmp_path, "d/c/1.png", ".hidden/c/1.png", "d/.c/1.png", "d/c/.DS_Store", "d/c/._1.png")
    put(tmp_path, "metadata.csv", "README", "d/notes.txt", "d/c/Thumbs.db")
    source = open_source(tmp_path)
    assert [record.id for record in records(source)] == ["d/c/1.png"]
    assert not rejected(source)
    assert set(ignored(source)) == {"metadata.csv", "README", "d/notes.txt", "d/c/Thumbs.db"}
    assert "'.csv'" in ignored(source)["metadata.csv"]
    assert source.total == 1


def test_an_image_at_another_depth_is_rejected_by_name(tmp_path):
    put(tmp_path, "d/c/1.png", "top.png", "d/loose.jpg", "d/c/deeper/2.png")
    source = open_source(tmp_path)
    assert [record.id for record in records(source)] == ["d/c/1.png"]
    assert set(rejected(source)) == {"top.png", "d/loose.jpg", "d/c/deeper/2.png"}
    assert "0 folders deep" in rejected(source)["top.png"]
    assert source.total == 4


def test_a_folder_without_domains_is_refused_with_the_layout_that_is_needed(tmp_path):
    put(tmp_path, "dog/1.png", "cat/1.png")
    with pytest.raises(DatasetUnsupportedError, match=r"<domain>/<class>/<image>; the first found is cat/1\.png"):
        open_source(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DatasetUnsupportedError, match="no image"):
        open_source(tmp_path)


def test_a_link_inside_the_folder_is_read_and_one_that_leaves_it_is_refused_by_name(tmp_path):
    root = put(tmp_path / "root", "d/c/1.png")
    put(tmp_path, "secret.png")
    (root / "d/c/inside.png").symlink_to("1.png")
    (root / "d/c/outside.png").symlink_to(tmp_path / "secret.png")
    (root / "d/c/passwd.png").symlink_to("/etc/passwd")
    (root / "d/c/circle.png").symlink_to("circle.png")
    reads = {record.id: record.read for record in records(open_source(root))}
    assert reads["d/c/inside.png"]() == png(0)
    for name in ("outside", "passwd"):
        with pytest.raises(ImageNotFoundError, match=f"{name}.png is a link that leaves"):
            reads[f"d/c/{name}.png"]()
    with pytest.raises(ImageNotFoundError):
        reads["d/c/circle.png"]()


def test_a_linked_folder_elsewhere_is_refused_by_name_and_never_entered(tmp_path):
    root = put(tmp_path / "root", "d/c/1.png")
    put(tmp_path / "elsewhere", "c/2.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "twin").symlink_to(root / "d")
    (root / "d/c/up").symlink_to(root)
    source = open_source(root)
    assert [record.id for record in records(source)] == ["d/c/1.png", "twin/c/1.png"]
    assert set(rejected(source)) == {"linked", "d/c/up", "twin/c/up"}


def test_pipes_and_folders_named_like_images_are_not_waited_for(tmp_path):
    put(tmp_path, "d/c/1.png")
    os.mkfifo(tmp_path / "d/c/pipe.png")
    (tmp_path / "d/c/folder.png").mkdir()
    reads = {record.id: record.read for record in records(open_source(tmp_path))}
    assert set(reads) == {"d/c/1.png", "d/c/pipe.png"}
    with pytest.raises(ImageUnreadableError, match="not a file"):
        reads["d/c/pipe.png"]()


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    put(tmp_path, "d/c/1.png")
    with (tmp_path / "d/c/huge.png").open("wb") as file:
        file.truncate(1 << 40)
    reads = {record.id: record.read for record in records(open_source(tmp_path, limits=DecodeLimits(max_bytes=1000)))}
    with pytest.raises(ImageTooLargeError, match="1099511627776 bytes"):
        reads["d/c/huge.png"]()


def test_a_file_that_goes_away_is_not_found(tmp_path):
    put(tmp_path, "d/c/1.png")
    (record,) = records(open_source(tmp_path))
    (tmp_path / "d/c/1.png").unlink()
    with pytest.raises(ImageNotFoundError, match="no file"):
        record.read()


def test_names_that_no_id_can_have_are_rejected_printably(tmp_path):
    put(tmp_path, "d/c/1.png", "d/c/new\nline.png", "d/c/bell\x07.png", "d/" + "l" * 255 + "/" + "x" * 251 + ".png")
    (tmp_path / "d/c" / os.fsdecode(b"latin-\xff.png")).write_bytes(b"x")
    source = open_source(tmp_path)
    assert [record.id for record in records(source)] == ["d/c/1.png"]
    assert all(where.isprintable() and reason.isprintable() for where, reason in rejected(source).items())
    assert "d/c/new\\nline.png" in rejected(source)
    assert any("\\udcff" in where for where in rejected(source))
    assert len(rejected(source)) == 4


def test_folders_nested_without_end_are_cut_off(tmp_path):
    put(tmp_path, "d/c/1.png")
    put(tmp_path, "/".join("n" for _ in range(60)) + "/1.png")
    source = open_source(tmp_path)
    assert list(rejected(source).values()) == ["Folders are nested too deeply."]


@pytest.mark.parametrize("name", ["nothing", "notes.txt"])
def test_what_is_no_dataset_is_refused(tmp_path, name):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DatasetUnsupportedError):
        open_source(tmp_path / name)


def test_every_refusal_is_one_of_ours(tmp_path):
    put(tmp_path, "d/c/1.png")
    (record,) = records(open_source(tmp_path))
    (tmp_path / "d/c/1.png").unlink()
    (tmp_path / "d/c/1.png").mkdir()
    with pytest.raises(InvariantSelectError):
        record.read()
