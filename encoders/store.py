"""Encoders as directories: ``weights.safetensors`` and ``encoder.json``, guarded by the fingerprint."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors

from encoders import efficientnet_lite0, open_clip_tower
from encoders.fingerprint import RawTensor, weights_digest
from encoders.preprocess import Preprocessing
from encoders.tower import Tower
from invariantselect.errors import StoreCorruptError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["StoredEncoder", "is_stored", "load_stored", "save_encoder"]

_FORMAT = 1
_DESCRIPTION, _WEIGHTS = "encoder.json", "weights.safetensors"
_BUILDERS = {
    efficientnet_lite0.FAMILY: efficientnet_lite0.build_module,
    open_clip_tower.FAMILY: open_clip_tower.build_module,
}


@dataclass(frozen=True)
class StoredEncoder:
    """An encoder of the store.

    Attributes:
        name: Under which it was saved.
        version: Of that name.
        tower: Its weights are on disk, and are read when it is built.
    """

    name: str
    version: str
    tower: Tower


def is_stored(directory: Path) -> bool:
    """Whether a directory holds an encoder of this project."""
    return (directory / _DESCRIPTION).is_file()


def save_encoder(directory: Path, tower: Tower, *, name: str, version: str = "1") -> None:
    """Write an encoder as a directory. The description comes last and at once: a killed save leaves no encoder.

    Args:
        directory: Made if missing.
        tower: Whose module, with its weights, is saved.
        name: To save it under.
        version: Of that name.

    Raises:
        FileExistsError: The directory holds an encoder already; encoders are never overwritten, pools rely on them.
    """
    from safetensors.torch import save_file

    if is_stored(directory):
        raise FileExistsError(f"{directory} holds an encoder already")
    directory.mkdir(parents=True, exist_ok=True)
    state = tower.build().state_dict()
    weights = directory / _WEIGHTS
    save_file({key: tensor.detach().cpu().contiguous().clone() for key, tensor in state.items()}, weights)
    description = {
        "format": _FORMAT,
        "name": name,
        "version": version,
        "architecture": dict(tower.architecture),
        "preprocessing": tower.preprocessing.to_json(),
        "pooling": tower.pooling,
        "dim": tower.dim,
        "fingerprint": tower.fingerprint(),
    }
    part = directory / f"{_DESCRIPTION}.part"
    part.write_text(json.dumps(description, indent=2, sort_keys=True), encoding="utf-8")
    for path in (weights, part):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    part.replace(directory / _DESCRIPTION)


def load_stored(directory: Path) -> StoredEncoder:
    """Read an encoder's description and prove that weights and description still give its fingerprint.

    Args:
        directory: Written by `save_encoder`.

    Raises:
        StoreCorruptError: A file is missing, damaged or altered, or written by a newer version.
    """
    try:
        description = json.loads((directory / _DESCRIPTION).read_text(encoding="utf-8"))
        if description["format"] != _FORMAT:
            raise StoreCorruptError(f"The encoder in {directory} has format {description['format']!r}, not {_FORMAT}.")
        architecture = dict(description["architecture"])
        tower = Tower(
            architecture=architecture,
            preprocessing=Preprocessing.from_json(description["preprocessing"]),
            pooling=str(description["pooling"]),
            dim=int(description["dim"]),
            weights=_digest(directory / _WEIGHTS),
            build=partial(_built, architecture, directory / _WEIGHTS),
        )
        known = architecture["family"] in _BUILDERS
        stored = StoredEncoder(str(description["name"]), str(description["version"]), tower)
        intact = known and tower.fingerprint() == description["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, safetensors.SafetensorError) as error:
        raise StoreCorruptError(f"The encoder in {directory} can't be read: {error}.") from error
    if not intact:
        raise StoreCorruptError(
            f"The encoder in {directory} doesn't match its fingerprint: weights or description were altered."
        )
    return stored


def _digest(path: Path) -> str:
    # Raw bytes, no library's tensors: torch needn't be imported, and bfloat16 survives.
    tensors = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]  # its stub has no types
    return weights_digest({key: RawTensor(raw["dtype"], tuple(raw["shape"]), raw["data"]) for key, raw in tensors})


def _built(architecture: Mapping[str, Any], weights: Path) -> nn.Module:
    from safetensors.torch import load_file

    module = _BUILDERS[architecture["family"]](architecture)
    try:
        module.load_state_dict(load_file(weights))
    except RuntimeError as error:
        raise StoreCorruptError(f"The weights in {weights.parent} don't fit the architecture that it names.") from error
    return module.eval()
