"""HAM10000 of the Harvard Dataverse."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from index.sources import open_source
from index.sources.ham10000 import DIAGNOSES, Ham10000Source
from invariantselect.errors import DatasetUnsupportedError, ImageNotFoundError, ManifestInvalidError
from tests.index.sources.files import ignored, opening_no_image, png, put, records, rejected
from tests.index.sources.published import HAM10000, PARTS, ham10000


@pytest.mark.parametrize("name", ["HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab"])
@pytest.mark.parametrize("folders", [PARTS, (".",), ("images",), ("one/part", "two/part")])
def test_it_is_recognised_wherever_its_parts_were_unpacked(tmp_path: Path, name: str, folders: tuple[str, ...]) -> None:
    source = open_source(ham10000(tmp_path, name=name, folders=folders))
    assert isinstance(source, Ham10000Source)
    found = records(source)
    assert [record.id for record in found] == ["ISIC_0027419", "ISIC_0025030", "ISIC_0026769", "ISIC_0031633"]
    assert [record.read() for record in found] == [png(number) for number in range(4)]
    assert source.total == 4
    assert not rejected(source)
    assert not ignored(source)


def test_a_table_with_tabs_is_the_same_table(tmp_path: Path) -> None:
    table = HAM10000.replace(",", "\t").replace("HAM_0000118", '"HAM_0000118"')
    found = records(open_source(ham10000(tmp_path, table, "HAM10000_metadata.tab")))
    assert [record.group for record in found] == ["HAM_0000118", "HAM_0000118", "HAM_0002730", "HAM_0001466"]
    assert found[3].domain == "vienna_dias"


def test_source_lesion_and_diagnosis_are_those_of_the_row(tmp_path: Path) -> None:
    first, second, third, fourth = records(open_source(ham10000(tmp_path)))
    assert (first.domain, first.group, first.label) == ("vidir_modern", "HAM_0000118", "benign keratosis-like lesions")
    assert first.group == second.group
    assert first.metadata == {"dx": "bkl", "dx_type": "histo", "age": 80, "sex": "male", "localization": "scalp"}
    assert "age" not in third.metadata
    assert (fourth.metadata["age"], fourth.label) == (37.5, "actinic keratoses and intraepithelial carcinoma")


def test_every_code_of_the_data_set_has_a_name_of_its_own(tmp_path: Path) -> None:
    codes = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
    rows = "".join(f"HAM_{n},ISIC_{n},{code},histo,,,,rosendahl\n" for n, code in enumerate(codes))
    found = records(open_source(ham10000(tmp_path, HAM10000.splitlines(keepends=True)[0] + rows)))
    assert [record.metadata["dx"] for record in found] == codes == list(DIAGNOSES)
    assert len({record.label for record in found}) == 7


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("HAM_1,ISIC_0027419,scc,histo,1,male,ear,rosendahl", "dx is 'scc', none of akiec, bcc"),
        ("HAM_1,,nv,histo,1,male,ear,rosendahl", "image_id is missing"),
        (",ISIC_0027419,nv,histo,1,male,ear,rosendahl", "lesion_id is missing"),
        ("HAM_1,ISIC_0027419,nv,histo,1,male,ear,", "dataset is missing"),
        ("HAM_1,ISIC_9999999,nv,histo,1,male,ear,rosendahl", "There is no image ISIC_9999999."),
        ("HAM_1,../../etc/passwd,nv,histo,1,male,ear,rosendahl", "There is no image ../../etc/passwd."),
        ("HAM_1,ISIC_\x1b[31m,nv,histo,1,male,ear,rosendahl", r"There is no image ISIC_\x1b[31m."),
        ("HAM_1,ISIC_0027419,nv", "it has 3 cells"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_and_the_rest_goes_in(tmp_path: Path, row: str, reason: str) -> None:
    root = ham10000(tmp_path)
    (root / "HAM10000_metadata").write_text(f"{HAM10000}{row}\n")
    source = open_source(root)
    ((where, said),) = rejected(source).items()
    assert where.startswith("HAM10000_metadata line 6")
    assert where.isprintable()
    assert reason in said
    assert len(records(source)) == 4
    assert source.total == 5


def test_a_part_that_was_not_unpacked_is_told_image_by_image(tmp_path: Path) -> None:
    root = ham10000(tmp_path)
    for path in (root / PARTS[1]).iterdir():
        path.unlink()
    source = open_source(root)
    assert list(rejected(source)) == [
        "HAM10000_metadata line 3 (ISIC_0025030)",
        "HAM10000_metadata line 5 (ISIC_0031633)",
    ]
    assert len(records(source)) == 2


def test_images_without_a_row_and_copies_are_counted(tmp_path: Path) -> None:
    root = put(ham10000(tmp_path), f"{PARTS[0]}/ISIC_0034525.jpg", f"{PARTS[1]}/ISIC_0034529.jpg")
    put(root, "ham10000_images_part_1/ISIC_0027419.jpg", "ham10000_images_part_1/ISIC_0026769.jpg", content=b"copy")
    source = open_source(root)
    assert records(source)[0].read() == png(0)
    assert ignored(source) == {
        f"{PARTS[0]}/ISIC_0034525.jpg": "2 images, this the first, have no row in HAM10000_metadata.",
        "ham10000_images_part_1": "2 images have the names of others that were found before.",
    }


def test_the_copy_without_sources_is_refused_with_where_to_get_them(tmp_path: Path) -> None:
    table = "\n".join(line.rpartition(",")[0] for line in HAM10000.splitlines())
    with pytest.raises(ManifestInvalidError, match="no column dataset") as refused:
        open_source(ham10000(tmp_path, table, "HAM10000_metadata.csv"))
    assert "Harvard Dataverse" in (refused.value.hint or "")


def test_nothing_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/ISIC_1.jpg", "secret.jpg")
    root = ham10000(tmp_path / "root")
    row = "HAM_1,ISIC_{},nv,histo,1,male,ear,rosendahl\n"
    (root / "HAM10000_metadata").write_text(HAM10000 + row.format(1) + row.format(2))
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "circle").symlink_to("circle")
    (root / "ISIC_2.jpg").symlink_to(tmp_path / "secret.jpg")
    source = open_source(root)
    assert list(rejected(source)) == ["HAM10000_metadata line 6 (ISIC_1)"]
    with pytest.raises(ImageNotFoundError, match="link that leaves"):
        records(source)[4].read()
    (root / "HAM10000_metadata").rename(tmp_path / "table")
    (root / "HAM10000_metadata").symlink_to(tmp_path / "table")
    with pytest.raises(DatasetUnsupportedError, match="link that leaves"):
        open_source(root)


def test_a_folder_beside_the_images_that_cannot_be_read_is_told_and_the_rest_goes_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, scan = ham10000(tmp_path), os.scandir
    (root / "lost+found").mkdir()

    def scandir(path: Path) -> object:
        if Path(path).name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied")  # root may read everything
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    source = open_source(root)
    assert len(records(source)) == 4
    assert rejected(source) == {"lost+found": "The folder lost+found can't be read: Permission denied."}


def test_no_image_is_opened_while_the_table_is_read(tmp_path: Path) -> None:
    root = ham10000(tmp_path)
    with opening_no_image():
        assert len(records(open_source(root))) == 4


def test_by_its_name_it_is_read_or_refused_with_what_is_missing(tmp_path: Path) -> None:
    assert len(records(open_source(ham10000(tmp_path), format="ham10000"))) == 4
    put(tmp_path / "photos", "photo/dog/1.jpg")
    with pytest.raises(DatasetUnsupportedError, match="photos has no file HAM10000_metadata"):
        open_source(tmp_path / "photos", format="ham10000")
    with pytest.raises(DatasetUnsupportedError, match="is not a folder, as ham10000 is"):
        open_source(tmp_path / "HAM10000_metadata", format="ham10000")
