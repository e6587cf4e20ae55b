"""The forward pass in torch, on the cpu or a CUDA device."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from invariantselect.errors import EncoderUnavailableError

__all__ = ["TorchRuntime"]

_AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchRuntime:
    """Runs a torch module. Implements `encoders.runtime.runtime.Runtime`.

    Args:
        module: (batch, 3, side, side) float32 to (batch, dim); moved to the device and frozen.
        device: ``cpu`` or ``cuda:<number>``.
        precision: ``float32``; on CUDA also ``bfloat16`` and ``float16`` (automatic mixed precision).

    Raises:
        EncoderUnavailableError: A lower precision on the cpu, or an unknown one.
    """

    name = "torch"

    def __init__(self, module: nn.Module, *, device: str = "cpu", precision: str = "float32") -> None:
        on_cuda = device.startswith("cuda")
        if precision != "float32" and not (on_cuda and precision in _AUTOCAST):
            raise EncoderUnavailableError(
                f"The precision {precision!r} is not offered on {device}.",
                hint="Use float32; bfloat16 and float16 are for CUDA devices.",
            )
        if on_cuda and precision == "float32":
            # TF32 rounds to 10 bits: such vectors would carry the fingerprint of float32 and not be it.
            torch.backends.cudnn.allow_tf32 = False
            torch.backends.cuda.matmul.allow_tf32 = False
        self.device = device
        self.precision = precision
        self.batch = 64 if on_cuda else 16
        # The layout that depthwise convolutions are fast in: 29 ms an image against 71 ms, on two cores.
        self._module = (
            module.eval().requires_grad_(False).to(torch.device(device)).to(memory_format=torch.channels_last)
        )

    def features(self, batch: Float32[np.ndarray, "batch 3 side side"]) -> Float32[np.ndarray, "batch dim"]:
        """Pooled vectors of a preprocessed batch, not yet normalised."""
        device = torch.device(self.device)
        lower = _AUTOCAST.get(self.precision)
        with torch.inference_mode(), torch.autocast(device.type, dtype=lower, enabled=lower is not None):
            # torch warns about read-only arrays and refuses negative strides: only such a batch is copied.
            images = (
                torch.from_numpy(np.require(batch, requirements=["C", "W"]))
                .to(device)
                .contiguous(memory_format=torch.channels_last)
            )
            features: torch.Tensor = self._module(images)
        return features.float().cpu().numpy()
