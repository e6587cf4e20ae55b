"""What runs a tower here: the runtime that was asked for, or the faster one of the device where it can."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

from encoders.quantised_tower import PRECISION, QuantisedTower
from encoders.runtime.device import resolve_device
from encoders.runtime.runtime import Runtime
from encoders.tower import Tower
from invariantselect.errors import EncoderUnavailableError

__all__ = ["RUNTIMES", "Running", "run"]

RUNTIMES = ("auto", "onnxruntime", "torch")
_log = logging.getLogger("encoders.runtime")


class Running(NamedTuple):
    """A runtime, and why it isn't the one that is faster here: None where it is, or where it was asked for by name."""

    runtime: Runtime
    instead: str | None = None


def run(
    tower: Tower | QuantisedTower, *, name: str, runtime: str, device: str, precision: str | None, exports: Path
) -> Running:
    """Get a tower ready to run.

    Args:
        tower: That runs.
        name: Of its encoder, for the log.
        runtime: ``auto`` (ONNX Runtime on the cpu in float32 where the tower can be exported and its export agrees with
            torch; else torch), ``onnxruntime`` or ``torch``.
        device: As of `encoders.runtime.device.resolve_device`.
        precision: As of `encoders.catalog.load_encoder`.
        exports: Directory of the exports.

    Raises:
        EncoderUnavailableError: Device, precision and runtime don't go together for this tower, or it can't be exported
            and ONNX Runtime was asked for by name.
        StoreCorruptError: The export is damaged.
    """
    if isinstance(tower, QuantisedTower):
        return Running(_rounded(tower, runtime, device, precision))
    precision = precision or "float32"
    if precision == PRECISION:
        raise EncoderUnavailableError(
            f"The encoder {name!r} is not in int8.",
            hint="Make an int8 encoder of it with 'invariantselect quantise', and use that one by its own name.",
        )
    place = resolve_device(device)
    fits = place == "cpu" and precision == "float32"
    if runtime == "torch" or (runtime == "auto" and not fits):
        return Running(_in_torch(tower, place, precision))
    if not fits:
        raise EncoderUnavailableError(
            f"ONNX Runtime runs here on the cpu in float32, not on {place} in {precision}.",
            hint="Use the runtime 'torch' for CUDA devices and lower precision.",
        )
    try:
        return Running(_in_onnx(tower, exports))
    except EncoderUnavailableError as error:
        if runtime != "auto":
            raise
        _log.warning("the encoder %s runs in torch, not in ONNX Runtime: %s", name, error.detail)
        return Running(_in_torch(tower, place, precision), instead=error.detail)


# Imported late: serving from a cached export never imports torch, which takes seconds.


def _in_torch(tower: Tower, place: str, precision: str) -> Runtime:
    from encoders.runtime.torch_runtime import TorchRuntime

    return TorchRuntime(tower.build(), device=place, precision=precision)


def _in_onnx(tower: Tower, exports: Path) -> Runtime:
    from encoders.runtime.onnx_cache import exported
    from encoders.runtime.onnx_runtime import OnnxRuntime

    export = exported(tower, exports)
    return OnnxRuntime(export.path, batch=export.batch)


def _rounded(tower: QuantisedTower, runtime: str, device: str, precision: str | None) -> Runtime:
    from encoders.runtime.onnx_runtime import OnnxRuntime

    if runtime == "torch" or device not in ("auto", "cpu") or precision not in (None, PRECISION):
        asked = f"{runtime} on {device} in {precision or PRECISION}"
        raise EncoderUnavailableError(
            f"An int8 encoder runs in ONNX Runtime on the cpu, not in {asked}.",
            hint="Use the runtime 'auto' and the device 'auto' or 'cpu', or the encoder that it was made of.",
        )
    return OnnxRuntime(tower.file, precision=PRECISION, batch=None if tower.quantisation.together else 1)
