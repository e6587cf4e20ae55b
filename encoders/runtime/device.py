"""Which device to run on, asked without importing torch where the answer is plain."""

from __future__ import annotations

import ctypes
import re
import sys

from invariantselect.errors import EncoderUnavailableError

__all__ = ["resolve_device"]

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def resolve_device(requested: str) -> str:
    """The device that a request means.

    Args:
        requested: ``auto`` (the first CUDA device, else the cpu), ``cpu``, ``cuda`` or ``cuda:<number>``.

    Returns:
        ``cpu`` or ``cuda:<number>``.

    Raises:
        EncoderUnavailableError: An unknown device, or a CUDA device that this machine doesn't have.
    """
    if requested == "cpu":
        return "cpu"
    if requested == "auto":
        return "cuda:0" if _cuda_devices() else "cpu"
    match = re.fullmatch(r"cuda(?::(\d{1,3}))?", requested)
    if match is None:
        raise EncoderUnavailableError(
            f"There is no device {requested!r}.", hint="Use auto, cpu, cuda or cuda:<number> as the device."
        )
    number, available = int(match[1] or 0), _cuda_devices()
    if number >= available:
        raise EncoderUnavailableError(
            f"The device {requested!r} was asked for, but this machine offers {available} CUDA devices.",
            hint="Use device 'auto' or 'cpu', or check the driver and CUDA_VISIBLE_DEVICES.",
        )
    return f"cuda:{number}"


def _cuda_devices() -> int:
    try:
        ctypes.CDLL(_DRIVER)  # no driver, no device: torch, seconds to import, needn't be asked
    except OSError:
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
