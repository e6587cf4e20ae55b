"""``encoder.json``: what a stored encoder says of itself, written and read back, with nothing taken on trust.

Format 1 is a tower and nothing behind it. Format 2 is an adapted encoder::

    {"format": 2, "name": …, "version": …, "dim": …, "fingerprint": …,
     "trunk": {"architecture": …, "preprocessing": …, "pooling": …, "dim": …, "fingerprint": …}   its own weights, or
              {"name": …, "dim": …, "fingerprint": …},                                           another encoder's
     "calibration": {"steps": […], "digest": …}   or null,
     "lineage": {…},
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
from encoders.tower import BaseTrunk, Tower

__all__ = ["ADAPTED", "FROZEN", "adapted_description", "frozen_description", "parse"]

FROZEN, ADAPTED = 1, 2
"""The two formats."""


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
    # As it will be read: keys that are numbers become words, and are sorted otherwise.
    read = json.loads(_text(fields))
    return _text({**read, "checksum": _checksum(read)})


def parse(text: str) -> dict[str, Any]:
    """The fields of a description of either format.

    Raises:
        ValueError: It isn't JSON, of neither format, or was altered.
    """
    fields = json.loads(text, parse_constant=_refuse)
    if not isinstance(fields, dict) or fields.get("format") not in (FROZEN, ADAPTED):
        raise ValueError("it is a description of no format that is known here")
    if fields["format"] == ADAPTED:
        checksum = fields.pop("checksum", None)
        if checksum != _checksum(fields):
            raise ValueError("the description was altered")
    return fields


def _about(tower: Tower) -> dict[str, Any]:
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
