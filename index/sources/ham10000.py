"""HAM10000 as the Harvard Dataverse publishes it: dermatoscopic images from four sources.

Source: Tschandl, Rosendahl and Kittler 2018, The HAM10000 dataset, https://doi.org/10.1038/sdata.2018.161; the files:
https://doi.org/10.7910/DVN/DBW86T.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path

from index.sources.confined import read_confined, table_of
from index.sources.csv_rows import CsvRows
from index.sources.ham10000_images import images_below
from index.sources.record import Ignored, Item, Record, Rejected, Source, checked_record, readable
from index.sources.rows import Row, rejected_row
from index.sources.text_lines import BadLineError, TextLines
from invariantselect.errors import DatasetUnsupportedError, ImageNotFoundError

__all__ = ["DIAGNOSES", "Ham10000Source", "is_ham10000"]

DIAGNOSES = {
    "akiec": "actinic keratoses and intraepithelial carcinoma",
    "bcc": "basal cell carcinoma",
    "bkl": "benign keratosis-like lesions",
    "df": "dermatofibroma",
    "mel": "melanoma",
    "nv": "melanocytic nevi",
    "vasc": "vascular lesions",
}
"""The classes by the code in the column ``dx``, in the words of the paper."""

_TABLES = tuple(f"HAM10000_metadata{suffix}" for suffix in ("", ".csv", ".tab", ".txt"))
_COLUMNS = ("lesion_id", "image_id", "dx", "dataset")
_METADATA = ("dx", "dx_type", "sex", "localization")


def is_ham10000(directory: Path) -> bool:
    """Whether a directory has the table of HAM10000."""
    return _table(directory) is not None


class Ham10000Source(Source):
    """Reads a folder with ``HAM10000_metadata`` and the unpacked images, in it or up to two folders below.

    The domain is the source of the image (column ``dataset``), the group the lesion, of which there are often several
    images, and the id is that of the ISIC archive. The label is the diagnosis spelled out, for a model is asked by the
    labels' words and ``nv`` says nothing to it; the code stays as the metadata ``dx``. ``dx_type``, ``age`` (a number),
    ``sex`` and ``localization`` become metadata too.

    Args:
        directory: The folder.
        max_bytes: Of an image file.

    Raises:
        DatasetUnsupportedError: The table is missing.
        ManifestInvalidError: The table as a whole can't be read, or lacks a column; a row that can't be used is
            rejected by its place.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._root = directory.resolve()
        self._max_bytes = max_bytes
        name = _table(self._root)
        if name is None:
            raise DatasetUnsupportedError(
                f"{directory.name} has no file HAM10000_metadata or HAM10000_metadata.csv.",
                hint="Name the folder that holds it and the unpacked images.",
            )
        self._name, table = name, table_of(self._root, name)
        self._rows = CsvRows(
            table,
            required=_COLUMNS,
            delimiter=_delimiter(table),
            hint="The copy on Kaggle lacks the column dataset; the table of the Harvard Dataverse has it.",
        )

    @cached_property
    def total(self) -> int:
        """Rows, counted by reading the table once."""
        return self._rows.count()

    def __iter__(self) -> Iterator[Item]:
        """Records in the order of the rows; then what else lies in the folders, counted. No image is opened."""
        images, twins, closed = images_below(self._root)
        for folder, reason in closed.items():
            shown = readable(folder)
            yield Rejected(shown, ImageNotFoundError(f"The folder {shown} can't be read: {reason}."))
        for folder, count in twins.items():
            yield Ignored(readable(folder), f"{count} images have the names of others that were found before.")
        unused = dict(images)
        for item in self._rows:
            if not isinstance(item, Row):
                yield item
                continue
            unused.pop(item.values.get("image_id", ""), None)
            yield self._record(item, images)
        if unused:
            first = readable(min(unused.values()))
            yield Ignored(first, f"{len(unused)} images, this the first, have no row in {self._name}.")

    def _record(self, row: Row, images: Mapping[str, str]) -> Record | Rejected:
        values = row.values
        code = values.get("dx", "")
        if code not in DIAGNOSES:
            return rejected_row(row.where, f"dx is {code!r:.80}, none of {', '.join(DIAGNOSES)}")
        missing = next((name for name in _COLUMNS if name not in values), None)
        if missing is not None:
            return rejected_row(row.where, f"{missing} is missing")
        identifier = values["image_id"]
        if identifier not in images:
            shown = readable(identifier)
            return Rejected(
                f"{row.where} ({shown:.80})",
                ImageNotFoundError(f"There is no image {shown:.80}.", hint="Unpack both parts of the images."),
            )
        metadata: dict[str, str | int | float] = {name: values[name] for name in _METADATA if name in values}
        if "age" in values:
            metadata["age"] = _number(values["age"])
        return checked_record(
            row.where,
            partial(read_confined, self._root, images[identifier], max_bytes=self._max_bytes),
            id=identifier,
            label=DIAGNOSES[code],
            domain=values["dataset"],
            group=values["lesion_id"],
            metadata=metadata,
        )


def _table(directory: Path) -> str | None:
    return next((name for name in _TABLES if (directory / name).is_file()), None)


def _delimiter(table: Path) -> str:
    """A tab where the header has one: the Dataverse offers the table so, too, under the same name."""
    with closing(TextLines(table)) as lines:
        try:
            return "\t" if "\t" in next(lines, "") else ","
        except BadLineError:
            return ","  # the reader says what is wrong


def _number(text: str) -> str | int | float:
    """The number that a text is; the text where it is none."""
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() else value
