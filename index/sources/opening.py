"""From a path to the source that can read it."""

from __future__ import annotations

from pathlib import Path

from encoders.decode import DecodeLimits
from index.sources.export import ExportSource, is_export
from index.sources.folder import FolderSource
from index.sources.manifest import READERS, ManifestSource
from index.sources.record import Source
from index.sources.saved_dataset import SavedDatasetSource, is_saved_dataset
from invariantselect.errors import DatasetUnsupportedError

__all__ = ["open_source"]


def open_source(path: Path, *, limits: DecodeLimits = DecodeLimits()) -> Source:  # noqa: B008 -- frozen
    """Open a folder of images, a manifest, an export of a pool or a saved Hugging Face dataset.

    Args:
        path: A folder laid out as ``<domain>/<class>/<image>``; a ``.csv``, ``.jsonl``, ``.ndjson`` or ``.parquet``
            file; a directory written by `index.transfer.export_pool` or by ``datasets``' ``save_to_disk``.
        limits: Files with more bytes are refused before they are read.

    Raises:
        DatasetUnsupportedError: It is none of these, holds nothing, or needs a package that is not installed.
        ManifestInvalidError: A manifest or an export that can't be read as a whole.
    """
    if path.is_dir():
        if is_export(path):
            return ExportSource(path, max_bytes=limits.max_bytes)
        if is_saved_dataset(path):
            return SavedDatasetSource(path)
        return FolderSource(path, max_bytes=limits.max_bytes)
    if not path.exists():
        raise DatasetUnsupportedError(f"There is nothing at {path}.")
    if path.suffix.lower() not in READERS or not path.is_file():
        raise DatasetUnsupportedError(f"{path.name} is not a folder and not one of {', '.join(READERS)}.")
    return ManifestSource(path, max_bytes=limits.max_bytes)
