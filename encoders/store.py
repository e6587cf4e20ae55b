"""Encoders as directories: ``encoder.json``, with tensors beside it where the encoder has its own.

``weights.safetensors`` holds the trunk's weights, unless the encoder shares the trunk of another one;
``calibration.safetensors`` the arrays of what lies behind it; ``int8.onnx`` a trunk that was rounded. Fingerprint and
checksum guard every byte that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors

from encoders.calibration.calibration import IDENTITY, Calibration
from encoders.families import check_family, module_of
from encoders.fingerprint import calibrated_fingerprint, weights_digest
from encoders.lineage import Lineage
from encoders.preprocess import Preprocessing
from encoders.quantised_store import read_quantised
from encoders.quantised_tower import QuantisedTower
from encoders.saving import DESCRIPTION, is_stored, saving
from encoders.stored_description import ADAPTED, FROZEN, QUANTISED, adapted_description, frozen_description, parse
from encoders.tensor_files import read_arrays, read_tensors, write_arrays
from encoders.tower import BaseTrunk, Tower
from invariantselect.errors import StoreCorruptError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["StoredEncoder", "is_stored", "load_stored", "save_adapted", "save_encoder"]

_WEIGHTS, _CALIBRATION = "weights.safetensors", "calibration.safetensors"


@dataclass(frozen=True)
class StoredEncoder:
    """An encoder of the store.

    Attributes:
        name: Under which it was saved.
        version: Of that name.
        trunk: A tower whose weights are on disk and are read when it is built, one that was rounded to int8, or whose
            encoder's trunk it is.
        calibration: What lies behind the trunk.
        lineage: Where it comes from; None for one that was never adapted.
    """

    name: str
    version: str
    trunk: Tower | QuantisedTower | BaseTrunk
    calibration: Calibration = IDENTITY
    lineage: Lineage | None = None


def save_encoder(directory: Path, tower: Tower, *, name: str, version: str = "1") -> None:
    """Write an encoder that isn't adapted as a directory. A save that is killed leaves no encoder.

    Args:
        directory: Made if missing.
        tower: Whose module, with its weights, is saved.
        name: To save it under.
        version: Of that name.

    Raises:
        FileExistsError: The directory holds an encoder already; encoders are never overwritten, pools rely on them.
        ValueError: The module's weights are not those that the tower names.
    """
    with saving(directory, frozen_description(tower, name=name, version=version), _tensors(directory)):
        _write_weights(directory / _WEIGHTS, tower)


def save_adapted(
    directory: Path,
    *,
    name: str,
    version: str,
    trunk: Tower | BaseTrunk,
    calibration: Calibration = IDENTITY,
    lineage: Lineage,
) -> None:
    """Write an adapted encoder as a directory. A save that is killed leaves no encoder, and can be done again.

    Args:
        directory: ``<store>/<pool key>/<number>``; made if missing.
        name: ``<pool key>/<number>``.
        version: The number.
        trunk: A tower, whose weights are saved, or the encoder whose trunk is shared.
        calibration: What lies behind the trunk.
        lineage: Where it comes from.

    Raises:
        FileExistsError: The directory holds an encoder already; encoders are never overwritten, pools rely on them.
        ValueError: The calibration doesn't fit the trunk, the lineage holds what JSON can't say, or the module's
            weights are not those that the tower names.
    """
    description = adapted_description(trunk, calibration, lineage, name=name, version=version)
    with saving(directory, description, _tensors(directory)):
        if isinstance(trunk, Tower):
            _write_weights(directory / _WEIGHTS, trunk)
        if calibration.steps:
            write_arrays(directory / _CALIBRATION, calibration.arrays())


def load_stored(directory: Path) -> StoredEncoder:
    """Read an encoder and prove that its files still give its fingerprint. Of a shared trunk only the name is known.

    Args:
        directory: Written by `save_encoder` or `save_adapted`.

    Raises:
        StoreCorruptError: A file is missing, damaged or altered, holds a NaN, or was written by a newer version.
    """
    try:
        fields = parse((directory / DESCRIPTION).read_text(encoding="utf-8"))
        stored, promised = _READERS[fields["format"]](directory, fields)
        trunk = stored.trunk.fingerprint if isinstance(stored.trunk, BaseTrunk) else stored.trunk.fingerprint()
        intact = calibrated_fingerprint(trunk, stored.calibration.digest()) == promised
    except (OSError, ValueError, KeyError, TypeError, AttributeError, safetensors.SafetensorError) as error:
        raise StoreCorruptError(f"The encoder in {directory} can't be read: {error}.") from error
    if not intact:
        raise StoreCorruptError(
            f"The encoder in {directory} doesn't match its fingerprint: weights, calibration or description were "
            "altered."
        )
    return stored


def _tensors(directory: Path) -> list[Path]:
    return [directory / _WEIGHTS, directory / _CALIBRATION]


def _write_weights(path: Path, tower: Tower) -> None:
    from safetensors.torch import save_file

    from encoders.state_digest import state_digest

    state = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tower.build().state_dict().items()}
    if state_digest(state) != tower.weights:
        raise ValueError("the module's weights are not those that the tower names: it was trained on since")
    save_file(state, path)


def _frozen(directory: Path, fields: Mapping[str, Any]) -> tuple[StoredEncoder, str]:
    """A description of format 1, and the fingerprint it promises."""
    tower = _tower(directory, fields)
    return StoredEncoder(str(fields["name"]), str(fields["version"]), tower), str(fields["fingerprint"])


def _adapted(directory: Path, fields: Mapping[str, Any]) -> tuple[StoredEncoder, str]:
    """A description of format 2, and the fingerprint it promises."""
    trunk = BaseTrunk(**fields["trunk"]) if "name" in fields["trunk"] else _tower(directory, fields["trunk"])
    calibration = IDENTITY
    if fields["calibration"] is not None:
        calibration = Calibration.from_parts(fields["calibration"]["steps"], read_arrays(directory / _CALIBRATION))
        calibration.dim(trunk.dim)
    lineage = Lineage.from_json(fields["lineage"])
    stored = StoredEncoder(str(fields["name"]), str(fields["version"]), trunk, calibration, lineage)
    return stored, str(fields["fingerprint"])


def _quantised(directory: Path, fields: Mapping[str, Any]) -> tuple[StoredEncoder, str]:
    """A description of format 3, and the fingerprint it promises."""
    tower = read_quantised(directory, fields)
    return StoredEncoder(str(fields["name"]), str(fields["version"]), tower), str(fields["fingerprint"])


_READERS = {FROZEN: _frozen, ADAPTED: _adapted, QUANTISED: _quantised}


def _tower(directory: Path, fields: Mapping[str, Any]) -> Tower:
    architecture = dict(fields["architecture"])
    check_family(architecture)
    return Tower(
        architecture=architecture,
        preprocessing=Preprocessing.from_json(fields["preprocessing"]),
        pooling=str(fields["pooling"]),
        dim=int(fields["dim"]),
        weights=weights_digest(read_tensors(directory / _WEIGHTS)),
        build=partial(_built, architecture, directory / _WEIGHTS),
    )


def _built(architecture: Mapping[str, Any], weights: Path) -> nn.Module:
    from safetensors.torch import load_file

    module = module_of(architecture)
    try:
        module.load_state_dict(load_file(weights))
    except RuntimeError as error:
        raise StoreCorruptError(f"The weights in {weights.parent} don't fit the architecture that it names.") from error
    return module.eval()
