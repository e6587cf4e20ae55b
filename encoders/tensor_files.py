"""Files of tensors: safetensors, read without torch, whole and finite or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray

from encoders.fingerprint import RawTensor

__all__ = ["read_arrays", "read_tensors", "write_arrays"]

_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
_BFLOAT16_EXPONENT = 0x7F80  # all ones in what is infinite or not a number; NumPy has no bfloat16


def read_tensors(path: Path) -> dict[str, RawTensor]:
    """The tensors of a file as raw bytes: no library's tensors, so that bfloat16 survives.

    Raises:
        OSError: The file can't be read.
        safetensors.SafetensorError: It is truncated or no safetensors.
        ValueError: A number in it is not finite.
    """
    stored = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]  # its stub has no types
    tensors = {name: RawTensor(raw["dtype"], tuple(raw["shape"]), raw["data"]) for name, raw in stored}
    for name, tensor in tensors.items():
        if not _finite(tensor):
            raise ValueError(f"{path.name} holds numbers that are not finite, in {name!r}")
    return tensors


def read_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """The arrays of a file that holds float32 and nothing else.

    Raises:
        OSError: The file can't be read.
        safetensors.SafetensorError: It is truncated or no safetensors.
        ValueError: A number in it is not finite, or not float32.
    """
    tensors = read_tensors(path)
    if other := {tensor.dtype for tensor in tensors.values()} - {"F32"}:
        raise ValueError(f"{path.name} holds {sorted(other)[0]}, not float32")
    return {
        name: np.frombuffer(tensor.data, "<f4").astype(np.float32).reshape(tensor.shape)
        for name, tensor in tensors.items()
    }


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write float32 arrays as one file."""
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array, dtype="<f4") for name, array in arrays.items()}, path)


def _finite(tensor: RawTensor) -> bool:
    if tensor.dtype == "BF16":
        bits = np.frombuffer(tensor.data, "<u2")
        return bool(((bits & _BFLOAT16_EXPONENT) != _BFLOAT16_EXPONENT).all())
    if tensor.dtype in _FLOATS:
        return bool(np.isfinite(np.frombuffer(tensor.data, _FLOATS[tensor.dtype])).all())
    return True
