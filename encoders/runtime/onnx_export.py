"""A tower as one ONNX file, and the proof that it still says the same."""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from encoders.normalise import directed
from encoders.runtime.onnx_runtime import OnnxRuntime
from encoders.runtime.torch_runtime import TorchRuntime
from invariantselect.errors import EncoderUnavailableError

__all__ = ["Agreement", "check_agreement", "export_module"]

# Measured for EfficientNet-Lite0: 1 − cosine of 2e-8 and 2e-6 in a component. A wrong graph is off by 1e-2.
_MIN_COSINE = 0.99999
_MAX_DIFFERENCE = 1e-4


@dataclass(frozen=True)
class Agreement:
    """How far two runtimes are apart on the same normalised vectors.

    Attributes:
        cosine: Between the two vectors of an image, the smallest.
        difference: Of a component of the two, the largest.
    """

    cosine: float
    difference: float


def export_module(module: nn.Module, side: int, path: Path) -> None:
    """Write a module as one ONNX file whose batch size is free.

    Args:
        module: (batch, 3, side, side) float32 to (batch, dim); left as it is.
        side: Of the input square, in pixels.
        path: Of the file to write.
    """
    # Activations that overwrite their input take torch's exporter twice as long to trace.
    module = copy.deepcopy(module).cpu().eval()
    for part in module.modules():
        if getattr(part, "inplace", False):
            part.inplace = False  # type: ignore[assignment]  # a flag of activations; nn.Module types every attribute as a tensor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's remarks on its own internals; the agreement check judges
        program = torch.onnx.export(
            module,
            (torch.zeros(2, 3, side, side),),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            input_names=["images"],
            output_names=["features"],
            verbose=False,
        )
    if program is None:
        raise EncoderUnavailableError("torch's exporter gave no ONNX program.", hint="Use the runtime 'torch'.")
    program.save(path, external_data=False)


def check_agreement(module: nn.Module, side: int, path: Path) -> Agreement:
    """Compare an export with its module, on one image alone and on several at once.

    Raises:
        EncoderUnavailableError: They disagree.
    """
    images = _probes(side)
    expected = directed(TorchRuntime(module).features(images))
    runtime = OnnxRuntime(path)
    got = directed(np.concatenate([runtime.features(images[:1]), runtime.features(images[1:])]))
    agreement = Agreement(
        cosine=float(np.einsum("bd,bd->b", got.astype(np.float64), expected.astype(np.float64)).min()),
        difference=float(np.abs(got - expected).max()),
    )
    if not (agreement.cosine >= _MIN_COSINE and agreement.difference <= _MAX_DIFFERENCE):
        raise EncoderUnavailableError(
            f"The ONNX export disagrees with torch: cosine {agreement.cosine:.6f}, difference "
            f"{agreement.difference:.2e} in a component.",
            hint="Use the runtime 'torch' for this encoder, and report the versions of torch and onnxruntime.",
        )
    return agreement


def _probes(side: int) -> Float32[np.ndarray, "4 3 side side"]:
    """Noise, a ramp, black and white: what an image can be, in the range that preprocessing gives."""
    noise = np.random.default_rng(0).uniform(-1, 1, (3, side, side))
    ramp = np.broadcast_to(np.linspace(-1, 1, side), (3, side, side))
    return np.stack([noise, ramp, np.full_like(noise, -1), np.full_like(noise, 1)]).astype(np.float32)
