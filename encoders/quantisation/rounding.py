"""From an exported tower to one that computes in 8 bits.

Source: Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only inference,
2018, https://arxiv.org/abs/1712.05877; by the tools of ONNX Runtime,
https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from jaxtyping import Float32
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quant_pre_process,
    quantize_dynamic,
    quantize_static,
)

from invariantselect.errors import EncoderUnavailableError

__all__ = ["kind_of", "round_tower"]

# What is left out stays in float32. A pooled vector in 8 bits would have 256 levels: pooling comes after the rounding.
_STATIC = ["Conv", "Add", "Clip", "Relu", "MaxPool", "MatMul", "Gemm"]
_DYNAMIC = ["MatMul", "Gemm"]
_ROUNDED = frozenset({"DequantizeLinear", "MatMulInteger", "QLinearMatMul"})


def kind_of(export: Path) -> Literal["static", "dynamic"]:
    """``static`` for towers of convolutions; ``dynamic`` for transformers, whose one convolution cuts patches.

    Few activations of a transformer are far larger than all others, and differ from image to image: ranges that were
    fitted beforehand leave the others few levels.
    """
    operators = Counter(node.op_type for node in onnx.load(export, load_external_data=False).graph.node)
    return "static" if operators["Conv"] > 1 else "dynamic"


def round_tower(
    export: Path,
    out: Path,
    images: Iterable[Float32[np.ndarray, "3 side side"]],
    kind: Literal["static", "dynamic"],
) -> None:
    """Write the tower that computes in 8 bits: a scale for each output channel, weights in 7 of the bits.

    With all 8, processors without VNNI overflow where two products are added in 16 bits, so that a vector would depend
    on the processor.

    Args:
        export: By `encoders.runtime.onnx_export`.
        out: Of the file to write; a file ``<out>.prepared`` beside it comes and goes.
        images: Preprocessed, that the ranges of activations are fitted to; not looked at where they are dynamic.
        kind: Of `kind_of`.

    Raises:
        EncoderUnavailableError: Nothing in it could be rounded.
    """
    prepared = out.with_name(f"{out.name}.prepared")
    try:
        with _silent():
            quant_pre_process(export, prepared, skip_symbolic_shape=True)
            weights: dict[str, Any] = {"per_channel": True, "reduce_range": True, "weight_type": QuantType.QInt8}
            if kind == "dynamic":
                quantize_dynamic(prepared, out, op_types_to_quantize=_DYNAMIC, **weights)
            else:
                quantize_static(
                    prepared,
                    out,
                    _Reader(images, onnx.load(prepared).graph.input[0].name),
                    quant_format=QuantFormat.QDQ,
                    activation_type=QuantType.QUInt8,
                    calibrate_method=CalibrationMethod.MinMax,
                    op_types_to_quantize=_STATIC,
                    **weights,
                )
    finally:
        prepared.unlink(missing_ok=True)
    if not _ROUNDED & {node.op_type for node in onnx.load(out).graph.node}:
        raise EncoderUnavailableError("Nothing in this encoder can be rounded to 8 bits.", hint="Use it in float32.")


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Images one by one, as ONNX Runtime asks for them."""

    def __init__(self, images: Iterable[Float32[np.ndarray, "3 side side"]], name: str) -> None:
        self._images, self._name = iter(images), name

    def get_next(self) -> dict[str, Any] | None:
        """The next image as the tower's input; None behind the last."""
        image = next(self._images, None)
        return None if image is None else {self._name: image[None]}


@contextmanager
def _silent() -> Iterator[None]:
    """Its tools write remarks to the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
