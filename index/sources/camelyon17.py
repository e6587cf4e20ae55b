"""Camelyon17 as WILDS publishes it: patches of lymph nodes from five hospitals.

Source: Koh et al. 2021, WILDS: A Benchmark of in-the-Wild Distribution Shifts, https://arxiv.org/abs/2012.07421; its
reader is https://github.com/p-lambda/wilds/blob/main/wilds/datasets/camelyon17_dataset.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path

from index.sources.confined import read_confined, table_of
from index.sources.csv_rows import CsvRows
from index.sources.record import Item, Record, Rejected, Source, checked_record
from index.sources.rows import Row, rejected_row
from invariantselect.errors import DatasetUnsupportedError

__all__ = ["Camelyon17Source", "is_camelyon17"]

_TABLE, _PATCHES = "metadata.csv", "patches"
_NUMBERS = ("node", "x_coord", "y_coord", "slide", "center", "split")
_COLUMNS = ("patient", "tumor", *_NUMBERS)
_LABELS = {"0": "normal", "1": "tumor"}
_SPLITS = {"0": "train", "1": "id_val"}
_SPLIT_OF_CENTER = {"1": "val", "2": "test"}
_MOST_DIGITS = 9
_SLIDE = re.compile(r"patient_\d+_node_\d+")
_HINT = "Take the metadata.csv that came with camelyon17_v1.0 of WILDS."


def is_camelyon17(directory: Path) -> bool:
    """Whether a directory looks like ``camelyon17_v1.0``: folders of its slides, or a table with its columns beside
    patches. A damaged one is for its own reader to refuse: elsewhere its slides would pass for classes."""
    try:
        with os.scandir(directory / _PATCHES) as listing:
            if any(_SLIDE.fullmatch(entry.name) for entry in listing):
                return True
        with (directory / _TABLE).open("rb") as file:
            header = file.readline(1024).decode("utf-8-sig", "replace")
    except OSError:
        return False
    return set(_COLUMNS) <= {name.strip().strip('"') for name in header.split(",")}


class Camelyon17Source(Source):
    """Reads ``camelyon17_v1.0``. The table is read row by row, and no patch is opened meanwhile.

    The label is ``tumor`` or ``normal``, the domain ``hospital_0`` to ``hospital_4`` (column ``center``): names that
    DomainBed and the authors of InvariantSelect use too. The group is the patient and not the slide. Some patients have
    several slides, of one tumour and from one laboratory, so another slide of a query's patient gives its answer away;
    and a slide is of one patient, so keeping patients apart keeps slides apart.

    ``node``, ``slide``, ``x_coord`` and ``y_coord`` become metadata, numbers; so does the official ``split`` of WILDS,
    for which the column counts in hospitals 0, 3 and 4 only: all of hospital 1 is ``val``, all of hospital 2 ``test``.

    Args:
        directory: ``camelyon17_v1.0``, with ``metadata.csv`` and ``patches/``.
        max_bytes: Of an image file.

    Raises:
        DatasetUnsupportedError: One of them is missing.
        ManifestInvalidError: The table as a whole can't be read; a row that can't is rejected by its place.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        self._root = directory.resolve()
        self._max_bytes = max_bytes
        if not ((self._root / _TABLE).is_file() and (self._root / _PATCHES).is_dir()):
            raise DatasetUnsupportedError(
                f"{directory.name} has no {_TABLE} beside a folder {_PATCHES}.",
                hint="Name the folder camelyon17_v1.0 of WILDS.",
            )
        if not (self._root / _PATCHES).resolve().is_relative_to(self._root):
            raise DatasetUnsupportedError(
                f"The folder {_PATCHES} of {directory.name} is a link that leaves it.",
                hint="Name the folder that the patches lie in; nothing outside of it is read.",
            )
        self._rows = CsvRows(table_of(self._root, _TABLE), required=_COLUMNS, numbered=True, hint=_HINT)

    @cached_property
    def total(self) -> int:
        """Rows, counted by reading the table once."""
        return self._rows.count()

    def __iter__(self) -> Iterator[Item]:
        """Records in the order of the rows."""
        for item in self._rows:
            yield self._record(item) if isinstance(item, Row) else item

    def _record(self, row: Row) -> Record | Rejected:
        values = row.values
        wrong = next((name for name in ("patient", *_NUMBERS) if not _is_number(values.get(name))), None)
        if wrong is not None:
            return rejected_row(row.where, f"{wrong} is {values.get(wrong)!r:.80}, not a whole number")
        label = _LABELS.get(values.get("tumor", ""))
        if label is None:
            return rejected_row(row.where, f"tumor is {values.get('tumor')!r:.80}, neither 0 nor 1")
        split = _split(values)
        if split is None:
            return rejected_row(row.where, f"split is {values['split']}, neither 0 nor 1")
        slide = f"patient_{values['patient']}_node_{values['node']}"
        name = f"patch_{slide}_x_{values['x_coord']}_y_{values['y_coord']}"
        metadata = {column: int(values[column]) for column in ("node", "slide", "x_coord", "y_coord")}
        return checked_record(
            row.where,
            partial(read_confined, self._root, f"{_PATCHES}/{slide}/{name}.png", max_bytes=self._max_bytes),
            id=name,
            label=label,
            domain=f"hospital_{values['center']}",
            group=f"patient_{values['patient']}",
            metadata={**metadata, "split": split},
        )


def _is_number(value: str | None) -> bool:
    return value is not None and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS


def _split(values: Mapping[str, str]) -> str | None:
    return _SPLIT_OF_CENTER.get(values["center"]) or _SPLITS.get(values["split"])
