"""The image files of a batch: some by name, or all below folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from index.sources.confined import read_confined
from index.sources.folder import SUFFIXES
from index.sources.record import readable
from invariantselect.errors import ImageNotFoundError
from service.shift.shifting import BatchImage

__all__ = ["query_files"]


def query_files(paths: Sequence[Path], *, max_bytes: int, by_folder: bool = False) -> list[BatchImage]:
    """The images that paths stand for, each once, in the order of the paths and, below a folder, of the names.

    Names that begin with a dot are passed over, and below a folder so are files without the suffix of an image. Links
    to folders aren't followed, and a file of a folder isn't read if it is a link that leaves the folder. A folder that
    can't be listed is one image that can't be read.

    Args:
        paths: Image files and folders.
        max_bytes: Of an image file.
        by_folder: Whether the images of one folder are one group, a patient's for instance.

    Raises:
        ImageNotFoundError: A path leads nowhere, or no image is found.
    """
    found: dict[Path, BatchImage] = {}
    for path in paths:
        if not path.exists():
            raise ImageNotFoundError(f"There is nothing at {path}.", hint="Give image files, or folders of images.")
        root, names, closed = _listed(path)
        for name in names:
            file = root / name
            shown = readable(str(path / name) if path.is_dir() else str(path))
            group = str(file.parent) if by_folder else None
            found.setdefault(file, BatchImage(shown, partial(read_confined, root, name, max_bytes=max_bytes), group))
        for error in closed:
            folder = Path(str(error.filename))
            found.setdefault(folder, BatchImage(readable(str(folder)), partial(_refuse, error)))
    if not found:
        raise ImageNotFoundError(
            f"There is no image below {', '.join(map(str, paths))}.",
            hint=f"Images end in {', '.join(sorted(SUFFIXES))}.",
        )
    return list(found.values())


def _listed(path: Path) -> tuple[Path, list[str], list[OSError]]:
    """A folder, resolved, the images below it, and what couldn't be listed; of a file its folder and its name."""
    resolved = path.resolve()
    if not resolved.is_dir():
        return resolved.parent, [resolved.name], []
    closed: list[OSError] = []
    return resolved, list(_below(resolved, closed.append)), closed


def _below(root: Path, refused: Callable[[OSError], None]) -> Iterator[str]:
    for folder, folders, files in os.walk(root, onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES:
                yield (Path(folder) / name).relative_to(root).as_posix()


def _refuse(error: OSError) -> bytes:
    raise error
