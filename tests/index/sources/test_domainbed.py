"""PACS, VLCS, OfficeHome and TerraIncognita as their archives unpack."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.sources import Source, open_source
from invariantselect.errors import DatasetUnsupportedError
from tests.index.sources.files import put, records, rejected
from tests.index.sources.published import domains

PACS = ("art_painting", "cartoon", "photo", "sketch")
VLCS = ("Caltech101", "LabelMe", "SUN09", "VOC2007")
SPLITS = [f"{domain}_{part}_kfold.txt" for domain in PACS for part in ("train", "crossval", "test")]


def found(source: Source) -> dict[str, tuple[str | None, str]]:
    return {record.id: (record.domain, record.label) for record in records(source)}


EXPECTED = {
    f"{domain}/{label}/pic_00{n}.jpg": (domain, label) for domain in PACS for label in ("dog", "house") for n in (1, 2)
}


@pytest.mark.parametrize("inner", ["", "kfold", "pacs_data", "images/kfold"])
def test_the_archive_of_pacs_is_read_from_any_folder_above_its_domains(tmp_path: Path, inner: str) -> None:
    domains(tmp_path / inner, PACS)
    put(tmp_path / inner, *SPLITS, content=b"art_painting/dog/pic_001.jpg 1\n")
    put(tmp_path / "splits", *SPLITS, content=b"art_painting/dog/pic_001.jpg 1\n")
    put(tmp_path, "__MACOSX/kfold/art_painting/dog/._pic_001.jpg", "__MACOSX/kfold/._photo")
    source = open_source(tmp_path)
    assert found(source) == EXPECTED
    assert not rejected(source)
    assert found(open_source(tmp_path, format="domainbed")) == EXPECTED
    assert found(open_source(tmp_path / inner)) == EXPECTED


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("VLCS", VLCS),
        ("OfficeHomeDataset_10072016", ("Art", "Clipart", "Product", "Real World")),
        ("terra_incognita", ("location_38", "location_43", "location_46", "location_100")),
        ("domain_net", ("clipart", "infograph", "painting", "quickdraw", "real", "sketch")),
    ],
)
def test_other_sets_have_the_same_layout(tmp_path: Path, folder: str, names: tuple[str, ...]) -> None:
    domains(tmp_path / folder, names)
    put(tmp_path / folder, "ImageInfo.csv", content=b"Image,Width\n")
    assert {domain for domain, _ in found(open_source(tmp_path)).values()} == set(names)
    assert found(open_source(tmp_path)) == found(open_source(tmp_path / folder))


def test_a_folder_of_several_sets_is_refused_by_their_names(tmp_path: Path) -> None:
    domains(tmp_path / "PACS", PACS)
    domains(tmp_path / "VLCS", VLCS)
    with pytest.raises(DatasetUnsupportedError, match="holds several data sets: PACS, VLCS"):
        open_source(tmp_path)


def test_a_set_of_other_domains_is_read_where_it_is_and_never_guessed(tmp_path: Path) -> None:
    domains(tmp_path / "wards", ("north", "south"))
    assert set(found(open_source(tmp_path / "wards", format="domainbed"))) == set(
        found(open_source(tmp_path / "wards"))
    )
    for format in ("auto", "domainbed"):
        with pytest.raises(DatasetUnsupportedError, match=r"<domain>/<class>/<image>"):
            open_source(tmp_path, format=format)  # type: ignore[arg-type]


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    domains(tmp_path / "elsewhere", PACS)
    (tmp_path / "root").mkdir()
    (tmp_path / "root/kfold").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetUnsupportedError):
        open_source(tmp_path / "root", format="domainbed")
