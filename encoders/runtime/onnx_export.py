"""A tower as one ONNX file, and the proof that it still says the same."""

from __future__ import annotations

import copy
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from encoders.normalise import directed
from encoders.runtime.alone_and_together import probes
from encoders.runtime.onnx_runtime import OnnxRuntime
from encoders.runtime.torch_runtime import TorchRuntime
from invariantselect.errors import EncoderUnavailableError

__all__ = ["Agreement", "check_agreement", "export_module"]

# Measured for EfficientNet-Lite0: 1 − cosine of 2e-8 and 2e-6 in a component. A wrong graph is off by 1e-2.
_MIN_COSINE = 0.99999
_MAX_DIFFERENCE = 1e-4
_HINT = "Use the runtime 'torch' for this encoder."


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

    Raises:
        EncoderUnavailableError: It can't be exported.
        OSError: The file can't be written.
    """
    logging.getLogger("onnxscript").setLevel(logging.ERROR)  # it warns of constants that it doesn't fold
    # Activations that overwrite their input take torch's exporter twice as long to trace.
    module = copy.deepcopy(module).cpu().eval()
    for part in module.modules():
        if getattr(part, "inplace", False):
            part.inplace = False  # type: ignore[assignment]  # a flag of activations; nn.Module types every attribute as a tensor
    try:
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
        assert program is not None  # noqa: S101 -- it is where dynamo exports
        program.save(path, external_data=False)
    except OSError:
        raise
    except Exception as error:  # torch, ONNX and protobuf (beyond 2 GB) each have errors of their own
        raise EncoderUnavailableError(
            f"The tower can't be exported to ONNX ({type(error).__name__}).", hint=_HINT
        ) from error


def check_agreement(module: nn.Module, side: int, path: Path) -> Agreement:
    """Compare an export with its module, on one image alone and on several at once.

    Raises:
        EncoderUnavailableError: They disagree, or ONNX Runtime can't run it.
        StoreCorruptError: ONNX Runtime can't read it.
    """
    images = probes(side)
    expected = directed(TorchRuntime(module).features(images))
    runtime = OnnxRuntime(path)
    try:
        got = directed(np.concatenate([runtime.features(images[:1]), runtime.features(images[1:])]))
    except Exception as error:  # its C++ errors share no base class
        raise EncoderUnavailableError(
            f"ONNX Runtime can't run the export ({type(error).__name__}).", hint=_HINT
        ) from error
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
