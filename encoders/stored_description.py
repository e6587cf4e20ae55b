"""``encoder.json``: what a stored encoder says of itself, written and read back, with nothing taken on trust.

Format 1 is a tower and nothing behind it. Format 2 is an adapted encoder::

    {"format": 2, "name": …, "version": …, "dim": …, "fingerprint": …,
     "trunk": {"architecture": …, "preprocessing": …, "pooling": …, "dim": …, "fingerprint": …}   its own weights, or
              {"name": …, "dim": …, "fingerprint": …},                                           another encoder's
     "calibration": {"steps": […], "digest": …}   or null,
     "lineage": {…},
     "checksum": SHA-256 of all the rest}

Format 3 is an int8 encoder, whose numbers lie in an ONNX file beside it::

    {"format": 3, "name": …, "version": …, "precision": "int8",
     "architecture": …, "preprocessing": …, "pooling": …, "dim": …, "fingerprint": …,
     "quantisation": {how it was made of which encoder, and what that does to retrieval},
     "checksum": SHA-256 of all the rest}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

from encoders.calibration.calibration import Calibration
from encoders.fingerprint import calibrated_fingerprint
from encoders.lineage import Lineage
from encoders.quantised_tower import PRECISION, QuantisedTower
from encoders.tower import BaseTrunk, Tower

__all__ = [
    "ADAPTED",
    "FROZEN",
    "QUANTISED",
    "adapted_description",
    "frozen_description",
    "parse",
    "quantised_description",
]

FROZEN, ADAPTED, QUANTISED = 1, 2, 3
"""The formats."""


def frozen_description(tower: Tower, *, name: str, version: str) -> str:
    """The file of a tower with nothing behind it."""
    return _text({"format": FROZEN, "name": name, "version": version, **_about(tower)})


def adapted_description(
    trunk: Tower | BaseTrunk, calibration: Calibration, lineage: Lineage, *, name: str, version: str
) -> str:
    """The file of an adapted encoder.

    Raises:
        ValueError: The calibration doesn't fit the trunk, or the lineage holds what JSON can't say: a NaN, an object.
    """
    digest = calibration.digest()
    own = trunk.fingerprint() if isinstance(trunk, Tower) else trunk.fingerprint
    fields = {
        "format": ADAPTED,
        "name": name,
        "version": version,
        "dim": calibration.dim(trunk.dim),
        "fingerprint": calibrated_fingerprint(own, digest),
        "trunk": _about(trunk) if isinstance(trunk, Tower) else asdict(trunk),
        "calibration": None if digest is None else {"steps": calibration.description(), "digest": digest},
        "lineage": lineage.to_json(),
    }
    return _sealed(fields)


def quantised_description(tower: QuantisedTower, *, name: str) -> str:
    """The file of an int8 encoder.

    Raises:
        ValueError: Its record holds what JSON can't say: a NaN.
    """
    about = {**_about(tower), "precision": PRECISION, "quantisation": tower.quantisation.to_json()}
    return _sealed({"format": QUANTISED, "name": name, "version": "1", **about})


def parse(text: str) -> dict[str, Any]:
    """The fields of a description of any format.

    Raises:
        ValueError: It isn't JSON, of no format, or was altered.
    """
    fields = json.loads(text, parse_constant=_refuse)
    if not isinstance(fields, dict) or fields.get("format") not in (FROZEN, ADAPTED, QUANTISED):
        raise ValueError("it is a description of no format that is known here")
    if fields["format"] != FROZEN:
        checksum = fields.pop("checksum", None)
        if checksum != _checksum(fields):
            raise ValueError("the description was altered")
    return fields


def _sealed(fields: Mapping[str, Any]) -> str:
    # As it will be read: keys that are numbers become words, and are sorted otherwise.
    read = json.loads(_text(fields))
    return _text({**read, "checksum": _checksum(read)})


def _about(tower: Tower | QuantisedTower) -> dict[str, Any]:
    return {
        "architecture": dict(tower.architecture),
        "preprocessing": tower.preprocessing.to_json(),
        "pooling": tower.pooling,
        "dim": tower.dim,
        "fingerprint": tower.fingerprint(),
    }


def _text(fields: Mapping[str, Any]) -> str:
    try:
        return json.dumps(fields, indent=2, sort_keys=True, allow_nan=False)
    except TypeError as error:
        raise ValueError(f"the encoder's description can't be written as JSON: {error}") from error


def _checksum(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(_text(fields).encode()).hexdigest()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
