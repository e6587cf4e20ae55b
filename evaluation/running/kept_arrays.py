"""Arrays that took long to make, on disk: an evaluation that is run again doesn't make them again."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.durable_files import write_durably
from invariantselect.errors import StoreCorruptError

__all__ = ["keep", "kept"]


def keep(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Make `path` hold arrays by name; a reader finds all of them or nothing.

    Args:
        path: Of the file; its folder is made where there is none.
        arrays: Of numbers or texts.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # its stub takes a keyword of its own for one of these
    write_durably(path, content.getvalue())


def kept(path: Path) -> dict[str, NDArray[np.generic]] | None:
    """The arrays of a file; None where there is none.

    Raises:
        StoreCorruptError: It can't be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise StoreCorruptError(f"{path} can't be read: {error}.", hint="Remove that file; it is made anew.") from error
