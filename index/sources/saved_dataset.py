"""A Hugging Face dataset saved with ``save_to_disk``, read without running or fetching anything."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from index.sources.arrow_rows import first_line, plain_columns, plain_rows, unusable_columns
from index.sources.manifest import described
from index.sources.record import Item, Record, Rejected, Source, checked_record
from index.sources.rows import rejected_row
from invariantselect.errors import DatasetUnsupportedError, ImageNotFoundError, InvariantSelectError

__all__ = ["SavedDatasetSource", "is_saved_dataset"]

_DICT, _STATE, _INFO = "dataset_dict.json", "state.json", "dataset_info.json"
_ROWS_AT_ONCE = 32


def is_saved_dataset(directory: Path) -> bool:
    """Whether a directory looks like one that ``save_to_disk`` wrote."""
    return (directory / _DICT).is_file() or ((directory / _STATE).is_file() and (directory / _INFO).is_file())


class SavedDatasetSource(Source):
    """Reads a saved Dataset, or a saved DatasetDict split by split.

    Columns: ``image`` with the Image feature, else the only column that has it; ``label``, a ClassLabel or text, else
    the only ClassLabel; optionally ``id``, ``domain``, ``group`` and ``split`` as in a manifest. A ClassLabel counts by
    its name. Without ``id`` a row is called by its number, from 0, behind the name of its split in a DatasetDict.

    Args:
        directory: What ``save_to_disk`` wrote.

    Raises:
        DatasetUnsupportedError: The package ``datasets`` is missing, or the dataset or its columns can't be used.
    """

    def __init__(self, directory: Path) -> None:
        self._splits: list[_Split] = []
        for prefix, part in _parts(directory.resolve()):
            try:
                self._splits.append(_Split(prefix, _load(part)))
            except InvariantSelectError:
                raise
            except Exception as error:  # datasets and pyarrow fail in many ways on files that were tampered with
                raise DatasetUnsupportedError(f"The dataset in {part.name} can't be read: {error!s:.200}.") from error

    @property
    def total(self) -> int:
        """Rows of all splits."""
        return sum(split.size for split in self._splits)

    def __iter__(self) -> Iterator[Item]:
        """Records of one split after another, in the order of their rows."""
        for split in self._splits:
            yield from split


class _Split:
    """One dataset: which of its columns mean what, and its rows."""

    def __init__(self, prefix: str, dataset: Any) -> None:
        features = dataset.features
        self._prefix = prefix
        self._name = prefix or (str(dataset.split) if dataset.split is not None else None)
        self._names = {name: each.names for name, each in features.items() if type(each).__name__ == "ClassLabel"}
        images = [name for name, each in features.items() if type(each).__name__ == "Image"]
        self._image = _the_column("image", images, "with the Image feature")
        self._label = "label" if "label" in features else _the_column("label", list(self._names), "of class labels")
        self._dataset = dataset.with_format("arrow")
        self._schema = dataset.data.schema
        self.size = len(dataset)

    def __iter__(self) -> Iterator[Item]:
        where = self._prefix or "dataset"
        yield from unusable_columns(where, self._schema, but=frozenset({self._image}))
        wanted = [*dict.fromkeys([self._image, *plain_columns(self._schema)])]
        for begin in range(0, self.size, _ROWS_AT_ONCE):
            end = min(begin + _ROWS_AT_ONCE, self.size)
            try:
                rows = self._rows(begin, end, wanted)
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                yield rejected_row(f"rows {begin}–{end - 1} of {where}", first_line(error))
                continue
            for number, values in enumerate(rows, begin):
                yield (
                    rejected_row(self._where(number), values)
                    if isinstance(values, str)
                    else self._record(number, values)
                )

    def _rows(self, begin: int, end: int, columns: list[str]) -> list[dict[str, Any] | str]:
        table = self._dataset[begin:end].select(columns)
        table.validate(full=True)  # a file that was tampered with would make the next line read beyond its memory
        return list(plain_rows(table))

    def _where(self, number: int) -> str:
        return f"row {number} of {self._prefix}" if self._prefix else f"row {number}"

    def _record(self, number: int, values: dict[str, Any]) -> Record | Rejected:
        own_id = f"{self._prefix}/{number}" if self._prefix else str(number)
        where = self._where(number)
        content = (values.pop(self._image, None) or {}).get("bytes")
        if content is None:
            return Rejected(where, ImageNotFoundError(f"The {where} holds no image of its own, at most a path."))
        try:
            fields = described(self._named(values))
        except (TypeError, IndexError) as error:
            return rejected_row(where, str(error))
        if self._name is not None:
            fields["metadata"].setdefault("split", self._name)
        fields["id"] = fields["id"] or own_id
        return checked_record(where, lambda: content, **fields)

    def _named(self, values: dict[str, Any]) -> dict[str, Any]:
        for column, names in self._names.items():
            if column in values:
                if not 0 <= values[column] < len(names):
                    raise IndexError(f"{column} is class {values[column]}, and there are {len(names)}")
                values[column] = names[values[column]]
        if self._label != "label":
            values["label"] = values.pop(self._label, None)
        return values


def _the_column(name: str, candidates: list[str], what: str) -> str:
    if name in candidates:
        return name
    if len(candidates) != 1:
        found = ", ".join(candidates) or "none"
        raise DatasetUnsupportedError(f"The dataset has no column {name!r} {what}, and not exactly one other: {found}.")
    return candidates[0]


def _parts(directory: Path) -> list[tuple[str, Path]]:
    """Prefix and folder of each split; names come from the file and may not lead elsewhere."""
    if not (directory / _DICT).is_file():
        return [("", directory)]
    splits = _json(directory / _DICT).get("splits")
    if not isinstance(splits, list) or not splits:
        raise DatasetUnsupportedError(f"{_DICT} names no splits.")
    return [(str(split), _inside(directory, split)) for split in splits]


def _load(directory: Path) -> Any:
    state = _json(directory / _STATE)
    for file in state["_data_files"]:
        _inside(directory, file["filename"])
    if "::" in str(directory) or "://" in str(directory):  # means a chain of file systems to the library
        raise DatasetUnsupportedError(f"{directory} has '::' or '://' in its path; move the dataset elsewhere.")
    return _library().Dataset.load_from_disk(str(directory))


def _library() -> Any:
    try:
        return importlib.import_module("datasets")
    except ImportError as error:
        raise DatasetUnsupportedError(
            "Reading a saved dataset needs the package 'datasets', which is not installed.",
            hint="Install the extra: pip install 'invariantselect-server[datasets]'.",
        ) from error


def _json(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetUnsupportedError(f"{path.name} can't be read: {error!s:.200}.") from error
    if not isinstance(value, dict):
        raise DatasetUnsupportedError(f"{path.name} is not a JSON object.")
    return value


def _inside(directory: Path, name: object) -> Path:
    if isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name:
        path = directory / name
        if path.resolve().parent == directory:
            return path
    raise DatasetUnsupportedError(f"The dataset names {name!r:.80}, which doesn't lie in its own folder.")
