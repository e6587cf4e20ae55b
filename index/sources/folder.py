"""A folder whose two levels of subfolders say what an image is: ``FOLDER/<domain>/<class>/<image>``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path

from index.sources.confined import read_confined
from index.sources.record import Ignored, Item, Record, Rejected, Source, checked_record, readable
from invariantselect.errors import DatasetUnsupportedError, DemonstrationInvalidError, ImageNotFoundError

__all__ = ["SUFFIXES", "FolderSource", "is_folder"]

SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .gif .bmp .dib .tif .tiff .ppm .pgm .pbm .pnm".split()  # noqa: SIM905 -- reads well
)
_LEVELS = 3
_DEEPEST = 32


class FolderSource(Source):
    """Reads a folder of domains of classes of images, sorted by name.

    The id of an image is its path below the folder, with slashes. Names that begin with a dot are passed over. An
    image at another depth is rejected, since nothing says its class; any other file is ignored by name. Links are
    followed to files below the folder, and to domains and classes below it, never out of it.

    Args:
        root: The folder.
        max_bytes: Of an image file.

    Raises:
        DatasetUnsupportedError: It holds no image at the right depth.
    """

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self._root = root.resolve()
        self._max_bytes = max_bytes
        if not any(isinstance(item, Record) for item in self):
            raise DatasetUnsupportedError(self._why_nothing_fits())

    @cached_property
    def total(self) -> int:
        """Records and rejections, counted by walking the folder once."""
        return sum(not isinstance(item, Ignored) for item in self)

    def __iter__(self) -> Iterator[Item]:
        """Walk the folder; no file is opened."""
        return self._walk(self._root, ())

    def _walk(self, folder: Path, above: tuple[str, ...]) -> Iterator[Item]:
        try:
            with os.scandir(folder) as listing:
                entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            yield _rejected("/".join(above) or str(folder), f"The folder can't be read: {error.strerror}.")
            return
        for entry in entries:
            parts = (*above, entry.name)
            if is_folder(entry):
                yield from self._descend(entry, parts)
            else:
                yield self._file(parts)

    def _descend(self, entry: os.DirEntry[str], parts: tuple[str, ...]) -> Iterator[Item]:
        where, path = "/".join(parts), Path(entry.path)
        if entry.is_symlink() and (len(parts) >= _LEVELS or not path.resolve().is_relative_to(self._root)):
            yield _rejected(where, "It is a link to a folder elsewhere; its images aren't read.")
        elif len(parts) >= _DEEPEST:
            yield _rejected(where, "Folders are nested too deeply.")
        else:
            yield from self._walk(path, parts)

    def _file(self, parts: tuple[str, ...]) -> Item:
        identifier = "/".join(parts)
        where = readable(identifier)
        suffix = Path(parts[-1]).suffix
        if suffix.lower() not in SUFFIXES:
            return Ignored(
                where, f"Its suffix {readable(suffix)!r} is not that of an image." if suffix else "No suffix."
            )
        if len(parts) != _LEVELS:
            return Rejected(
                where,
                DemonstrationInvalidError(
                    f"It lies {len(parts) - 1} folders deep, so nothing says its domain and class.",
                    hint="Move it to <domain>/<class>/.",
                ),
            )
        read = partial(read_confined, self._root, identifier, max_bytes=self._max_bytes)
        return checked_record(where, read, id=identifier, label=parts[1], domain=parts[0])

    def _why_nothing_fits(self) -> str:
        nearest = next((item.where for item in self if not isinstance(item, Ignored)), None)
        found = f"; the first found is {nearest}" if nearest else ""
        return f"{self._root.name} holds no image at <domain>/<class>/<image>{found}."


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle; reading it will say so
        return False


def _rejected(where: str, reason: str) -> Rejected:
    return Rejected(readable(where), ImageNotFoundError(reason))
