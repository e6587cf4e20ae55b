"""Camelyon17 of WILDS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from index.sources import open_source
from index.sources.camelyon17 import Camelyon17Source
from invariantselect.errors import DatasetUnsupportedError, ImageNotFoundError, ManifestInvalidError
from tests.index.sources.files import ignored, opening_no_image, png, put, records, rejected
from tests.index.sources.published import CAMELYON17, camelyon17


def test_it_is_recognised_by_its_layout_and_read_in_the_order_of_its_table(tmp_path: Path) -> None:
    source = open_source(camelyon17(tmp_path))
    assert isinstance(source, Camelyon17Source)
    found = records(source)
    assert source.total == len(found) == 8
    assert not rejected(source)
    assert not ignored(source)
    assert [record.read() for record in found] == [png(number) for number in range(8)]


def test_hospital_patient_and_label_are_those_of_the_row(tmp_path: Path) -> None:
    first, second, *_ = records(open_source(camelyon17(tmp_path)))
    assert first.id == "patch_patient_004_node_4_x_3328_y_21792"
    assert (first.label, first.domain, first.group) == ("tumor", "hospital_0", "patient_004")
    assert first.metadata == {"node": 4, "slide": 0, "x_coord": 3328, "y_coord": 21792, "split": "train"}
    assert second.label == "normal"
    assert first.where == "metadata.csv line 2"


def test_two_slides_of_a_patient_are_one_group(tmp_path: Path) -> None:
    slides = {record.metadata["slide"]: record.group for record in records(open_source(camelyon17(tmp_path)))}
    assert slides[5] == slides[6] == "patient_017"


def test_the_split_is_the_official_one_which_overrules_the_column_in_two_hospitals(tmp_path: Path) -> None:
    splits = [(record.domain, record.metadata["split"]) for record in records(open_source(camelyon17(tmp_path)))]
    assert splits == [
        ("hospital_0", "train"),
        ("hospital_0", "id_val"),
        ("hospital_0", "train"),
        ("hospital_0", "id_val"),
        ("hospital_1", "val"),
        ("hospital_2", "test"),
        ("hospital_3", "train"),
        ("hospital_4", "id_val"),
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("8,../../../etc,4,1,1,1,0,0,0", "patient is '../../../etc'"),
        ("8,004,4/../..,1,1,1,0,0,0", "node is"),
        ("8,004,4,-1,1,1,0,0,0", "x_coord is '-1'"),
        ("8,004,4,1,1e3,1,0,0,0", "y_coord is '1e3'"),
        ("8,004,4,1,1,1,0,,0", "center is None"),
        ("8,004,4,1,1,1,0,\u0663,0", "center is"),
        ("8,004,4,1,1,1,0,1234567890,0", "center is"),
        ("8,004,4,1,1,2,0,0,0", "tumor is '2', neither 0 nor 1"),
        ("8,004,4,1,1,,0,0,0", "tumor is None"),
        ("8,004,4,1,1,1,0,0,7", "split is 7"),
        ("8,004,4,1,1,1", "it has 6 cells, the header has 9"),
        ('8,"004', "unexpected end"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_and_the_rest_goes_in(tmp_path: Path, row: str, reason: str) -> None:
    directory = camelyon17(tmp_path)
    (directory / "metadata.csv").write_text(f"{CAMELYON17}{row}\n", encoding="utf-8")
    source = open_source(directory)
    ((where, said),) = rejected(source).items()
    assert where.startswith("metadata.csv line 10")
    assert reason in said
    assert len(records(source)) == 8
    assert source.total == 9


def test_a_missing_patch_is_named_when_it_is_read_and_not_before(tmp_path: Path) -> None:
    directory = camelyon17(tmp_path)
    (directory / "patches/patient_042_node_3/patch_patient_042_node_3_x_512_y_512.png").unlink()
    found = records(open_source(directory))
    assert len(found) == 8
    with pytest.raises(
        ImageNotFoundError, match="There is no file patches/patient_042_node_3/patch_patient_042_node_3"
    ):
        found[5].read()


def test_no_patch_is_opened_while_the_table_is_read(tmp_path: Path) -> None:
    directory = camelyon17(tmp_path)
    with opening_no_image():
        assert len(records(open_source(directory))) == 8


def test_patches_that_lie_elsewhere_are_refused(tmp_path: Path) -> None:
    directory = camelyon17(tmp_path)
    (directory / "patches").rename(tmp_path / "elsewhere")
    (directory / "patches").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetUnsupportedError, match="a link that leaves it"):
        open_source(directory)  # once, and not for each of half a million rows


def test_a_table_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    directory = camelyon17(tmp_path)
    (directory / "metadata.csv").rename(tmp_path / "metadata.csv")
    (directory / "metadata.csv").symlink_to(tmp_path / "metadata.csv")
    with pytest.raises(DatasetUnsupportedError, match="link that leaves"):
        open_source(directory)


def test_a_folder_with_another_table_is_a_folder_of_domains(tmp_path: Path) -> None:
    put(tmp_path, "patches/tumor/1.png")
    (tmp_path / "metadata.csv").write_text("image,label\n1.png,tumor\n")
    (record,) = records(open_source(tmp_path))
    assert record.domain == "patches"


def test_slides_never_pass_for_classes_where_the_table_is_damaged_or_missing(tmp_path: Path) -> None:
    directory = camelyon17(tmp_path)
    (directory / "metadata.csv").write_text(CAMELYON17.replace(",tumor,", ",malignant,"))
    with pytest.raises(ManifestInvalidError, match="no column tumor") as refused:
        open_source(directory)
    assert "WILDS" in (refused.value.hint or "")
    (directory / "metadata.csv").unlink()
    with pytest.raises(DatasetUnsupportedError, match=re.escape("has no metadata.csv beside a folder patches")):
        open_source(directory)


def test_a_byte_order_mark_before_the_table_changes_nothing(tmp_path: Path) -> None:
    directory = camelyon17(tmp_path)
    unnumbered = "\n".join(line.partition(",")[2] for line in CAMELYON17.splitlines())
    (directory / "metadata.csv").write_text("\ufeff" + unnumbered, encoding="utf-8")
    for slide in (directory / "patches").iterdir():
        slide.rename(slide.with_name("_" + slide.name))  # so that the table alone tells
    assert len(records(open_source(directory))) == 8


def test_by_its_name_it_is_read_or_refused_with_what_is_missing(tmp_path: Path) -> None:
    directory = camelyon17(tmp_path)
    assert len(records(open_source(directory, format="camelyon17"))) == 8
    with pytest.raises(DatasetUnsupportedError, match=re.escape("has no metadata.csv beside a folder patches")):
        open_source(tmp_path, format="camelyon17")
    (directory / "metadata.csv").write_text(CAMELYON17.replace("center", "centre"))
    with pytest.raises(ManifestInvalidError, match="no column center"):
        open_source(directory, format="camelyon17")
