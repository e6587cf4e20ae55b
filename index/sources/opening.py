"""From a path to the source that can read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

from encoders.decode import DecodeLimits
from index.sources.camelyon17 import Camelyon17Source, is_camelyon17
from index.sources.domainbed import DomainBedSource, is_domainbed
from index.sources.export import ExportSource, is_export
from index.sources.folder import FolderSource
from index.sources.ham10000 import Ham10000Source, is_ham10000
from index.sources.manifest import READERS, ManifestSource
from index.sources.record import Source
from index.sources.saved_dataset import SavedDatasetSource, is_saved_dataset
from invariantselect.errors import DatasetUnsupportedError

__all__ = ["SourceFormat", "open_source"]

SourceFormat: TypeAlias = Literal["auto", "camelyon17", "ham10000", "domainbed"]
"""How a folder is laid out; `auto` recognises it, and everything else that `open_source` reads."""

_PUBLISHED: dict[str, Callable[..., Source]] = {
    "camelyon17": Camelyon17Source,
    "ham10000": Ham10000Source,
    "domainbed": DomainBedSource,
}


def open_source(
    path: Path,
    *,
    limits: DecodeLimits = DecodeLimits(),  # noqa: B008 -- frozen
    format: SourceFormat = "auto",
) -> Source:
    """Open a folder of images, a manifest, an export of a pool, a published or a saved Hugging Face dataset.

    Args:
        path: A folder laid out as ``<domain>/<class>/<image>``; a ``.csv``, ``.jsonl``, ``.ndjson`` or ``.parquet``
            file; a directory written by `index.transfer.export_pool` or by ``datasets``' ``save_to_disk``; Camelyon17,
            HAM10000, or a set of DomainBed as they were published.
        limits: Files with more bytes are refused before they are read.
        format: What the folder holds, by the word of the user instead of by its looks.

    Raises:
        DatasetUnsupportedError: It is none of these, holds nothing, or needs a package that is not installed.
        ManifestInvalidError: A manifest, an export or a table that can't be read as a whole.
    """
    if path.is_dir():
        return _open_folder(path, limits.max_bytes, format)
    if not path.exists():
        raise DatasetUnsupportedError(f"There is nothing at {path}.")
    if format != "auto":
        raise DatasetUnsupportedError(f"{path.name} is not a folder, as {format} is.")
    if path.suffix.lower() not in READERS or not path.is_file():
        raise DatasetUnsupportedError(f"{path.name} is not a folder and not one of {', '.join(READERS)}.")
    return ManifestSource(path, max_bytes=limits.max_bytes)


def _open_folder(path: Path, max_bytes: int, format: SourceFormat) -> Source:
    if format != "auto":
        return _PUBLISHED[format](path, max_bytes=max_bytes)
    if is_export(path):
        return ExportSource(path, max_bytes=max_bytes)
    if is_saved_dataset(path):
        return SavedDatasetSource(path)
    if is_camelyon17(path):
        return Camelyon17Source(path, max_bytes=max_bytes)
    if is_ham10000(path):
        return Ham10000Source(path, max_bytes=max_bytes)
    try:
        return FolderSource(path, max_bytes=max_bytes)
    except DatasetUnsupportedError:
        if not is_domainbed(path):
            raise
    return DomainBedSource(path, max_bytes=max_bytes)
