"""Int8 encoders as directories: ``encoder.json`` of format 3, and ``int8.onnx`` beside it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from encoders.preprocess import Preprocessing
from encoders.quantised_tower import PRECISION, Quantisation, QuantisedTower
from encoders.saving import saving
from encoders.stored_description import quantised_description

__all__ = ["file_digest", "read_quantised", "save_quantised"]

_FILE = "int8.onnx"


def save_quantised(directory: Path, tower: QuantisedTower, *, name: str) -> QuantisedTower:
    """Write an int8 encoder as a directory of its own. A save that is killed leaves no encoder.

    Args:
        directory: Made if missing.
        tower: Whose file is copied.
        name: To save it under.

    Returns:
        The same tower, with the file that was written.

    Raises:
        FileExistsError: The directory holds an encoder already; encoders are never overwritten, pools rely on them.
        ValueError: The file isn't the one that the tower names.
    """
    path = directory / _FILE
    with saving(directory, quantised_description(tower, name=name), [path]):
        shutil.copyfile(tower.file, path)
        if file_digest(path) != tower.digest:
            raise ValueError("the file isn't the one that the tower names: it was changed since")
    return replace(tower, file=path)


def read_quantised(directory: Path, values: Mapping[str, Any]) -> QuantisedTower:
    """The tower of a description of format 3; its digest is that of the file as it is.

    Raises:
        OSError: The file is missing.
        ValueError, KeyError, TypeError: The description isn't one.
    """
    if values["precision"] != PRECISION:
        raise ValueError(f"there is no precision {values['precision']!r}")
    path = directory / _FILE
    return QuantisedTower(
        architecture=dict(values["architecture"]),
        preprocessing=Preprocessing.from_json(values["preprocessing"]),
        pooling=str(values["pooling"]),
        dim=int(values["dim"]),
        file=path,
        digest=file_digest(path),
        quantisation=Quantisation.from_json(values["quantisation"]),
    )


def file_digest(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
