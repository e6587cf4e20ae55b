"""The forward pass in ONNX Runtime on the cpu: about three times as fast as torch for small convolutional towers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
from jaxtyping import Float32

from invariantselect.errors import StoreCorruptError

__all__ = ["OnnxRuntime"]

# Beyond this a single image gets slower, and other requests want cores too.
_MAX_THREADS = 8


class OnnxRuntime:
    """Runs an exported tower. Implements `encoders.runtime.runtime.Runtime`.

    Args:
        path: An export by `encoders.runtime.onnx_export`, or a tower that was rounded by `encoders.quantisation`.
        threads: That share the work of one forward pass; None for one of each core, and at most 8.
        precision: ``float32`` or ``int8``, as the file has it.
        batch: How many images pass at once; None for what is fastest. It is 1 where a vector would depend on whom its
            image meets (`encoders.runtime.alone_and_together`).

    Raises:
        StoreCorruptError: ONNX Runtime can't read the file.
    """

    name = "onnxruntime"
    device = "cpu"
    # Larger batches don't fit the caches: 32 at once took up to a half longer an image than 8.
    largest_batch = 8

    def __init__(
        self, path: Path, *, threads: int | None = None, precision: str = "float32", batch: int | None = None
    ) -> None:
        self.precision = precision
        self.batch = batch or self.largest_batch
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(_usable_cores(), _MAX_THREADS)
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Waiting threads sleep: several sessions and FAISS share the cores, and spinning bought nothing measurable.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its C++ errors share no base class
            raise StoreCorruptError(f"The exported encoder {path.name} can't be read by ONNX Runtime.") from error
        self._input = self._session.get_inputs()[0].name

    def features(self, batch: Float32[np.ndarray, "batch 3 side side"]) -> Float32[np.ndarray, "batch dim"]:
        """Pooled vectors of a preprocessed batch, not yet normalised."""
        features: Float32[np.ndarray, "batch dim"] = self._session.run(None, {self._input: batch})[0]
        return features


def _usable_cores() -> int:
    # Those this process may use, where the system can tell: a container often may use fewer than there are.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
