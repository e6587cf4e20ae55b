"""What a vector depends on, as 64 hexadecimal digits.

Two vectors compare only where their fingerprints agree: the same dimension is not the same space. The fingerprint
says nothing about where weights lie on disk or which runtime ran them, so that a copy of an encoder, and its ONNX
export, live in the same space as the original.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["RawTensor", "calibrated_fingerprint", "fingerprint", "weights_digest"]

_FORMAT = 1


class RawTensor(NamedTuple):
    """One tensor of a state dict, independent of the library that holds it.

    Attributes:
        dtype: Name of the number format as safetensors spells it: ``F32``, ``BF16``, ``I64``, …
        shape: Lengths of the axes.
        data: The numbers in C order, little-endian.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes | bytearray | memoryview


def weights_digest(tensors: Mapping[str, RawTensor]) -> str:
    """SHA-256 over the weights: names in sorted order, each with number format, shape and bytes.

    Args:
        tensors: The state dict; its order doesn't matter.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        # JSON of the head keeps names apart from numbers: no two state dicts give the same stream of bytes.
        digest.update(json.dumps([name, tensor.dtype, list(tensor.shape)]).encode())
        digest.update(tensor.data)
    return digest.hexdigest()


def fingerprint(
    *,
    architecture: Mapping[str, Any],
    weights: str,
    preprocessing: Mapping[str, Any],
    pooling: str,
    precision: str = "float32",
    normalisation: str = "l2",
) -> str:
    """Hash of everything that a vector of a trunk depends on.

    Args:
        architecture: What the weights are loaded into, as JSON values.
        weights: `weights_digest` of the state dict; SHA-256 of the ONNX file for ``int8``.
        preprocessing: `Preprocessing.to_json` of the preprocessing.
        pooling: How a feature map becomes one vector: ``average``, ``tower`` (the model's own).
        precision: ``float32``, ``bfloat16``, ``float16`` or ``int8``.
        normalisation: What is done to the pooled vector: ``l2``.

    Returns:
        64 hexadecimal digits.
    """
    parts = {
        "format": _FORMAT,
        "architecture": dict(architecture),
        "weights": weights,
        "preprocessing": dict(preprocessing),
        "pooling": pooling,
        "precision": precision,
        "normalisation": normalisation,
        "calibration": None,  # stands here since format 1; what lies behind the trunk is hashed on top of this
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def calibrated_fingerprint(trunk: str, calibration: str | None) -> str:
    """Hash of everything that a vector behind a trunk depends on.

    It needs no more of the trunk than its fingerprint: a version that shares a trunk can be checked without it.

    Args:
        trunk: `fingerprint` of the trunk.
        calibration: `encoders.calibration.calibration.Calibration.digest`, None for none.

    Returns:
        64 hexadecimal digits; the trunk's own where there is no calibration.
    """
    if calibration is None:
        return trunk
    parts = {"format": _FORMAT, "trunk": trunk, "calibration": calibration}
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
