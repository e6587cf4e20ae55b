"""Make an int8 encoder of an encoder, and measure what that costs before anybody relies on it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from jaxtyping import Float32
from PIL import Image

from encoders.cache_directory import user_cache_directory
from encoders.catalog import load_tower, was_adapted
from encoders.encoder import Vectors
from encoders.normalise import directed
from encoders.preprocess import Preprocessing
from encoders.quantisation.effect import effect_of
from encoders.quantisation.rounding import kind_of, round_tower
from encoders.quantised_store import file_digest, save_quantised
from encoders.quantised_tower import PRECISION, Effect, Quantisation, QuantisedTower
from encoders.runtime.alone_and_together import probes, same_together
from encoders.runtime.onnx_cache import exported
from encoders.runtime.onnx_runtime import OnnxRuntime
from encoders.saving import is_stored
from invariantselect.errors import InvalidRequestError

__all__ = ["Labelled", "quantise"]


class Labelled(NamedTuple):
    """A decoded RGB image, and what is known of it."""

    image: Image.Image
    label: str
    domain: str | None = None
    group: str | None = None


def quantise(
    name: str,
    images: Iterator[Labelled],
    directory: Path,
    *,
    store: Path | None = None,
    calibrate: int = 256,
    k: int = 7,
    progress: Callable[[str, int], None] = lambda _phase, _done: None,
) -> QuantisedTower:
    """Round an encoder to 8 bits and store the result, with its effect on retrieval, as an encoder of its own.

    Args:
        name: Of the encoder, as the catalog takes it; not one that was adapted.
        images: In random order. The first ones calibrate, all others are what the effect is measured on.
        directory: To save it in.
        store: The encoder store.
        calibrate: How many images the ranges of activations are fitted to.
        k: How many nearest the effect looks at.
        progress: Told the phase and how many images of it are done.

    Raises:
        EncoderNotFoundError, EncoderUnavailableError, StoreCorruptError: As `encoders.catalog.load_encoder`; or it
            can't be rounded.
        InvalidRequestError: The encoder was adapted, there are too few images to measure anything, or the directory
            holds an encoder already.
    """
    if is_stored(directory):
        raise InvalidRequestError(
            f"{directory} holds an encoder already; encoders are never overwritten, pools rely on them.",
            hint="Name another directory.",
        )
    if was_adapted(name):
        raise InvalidRequestError(
            "An adapted encoder can't be rounded.",
            hint="Round the encoder that it was adapted from, make a pool with that, and adapt the pool.",
        )
    tower = load_tower(name, store=store)
    export = exported(tower, (store or user_cache_directory()) / "onnx")
    kind = kind_of(export.path)
    inputs = _Inputs(tower.preprocessing, images, progress)
    with tempfile.TemporaryDirectory() as folder:
        rounded = Path(folder) / "int8.onnx"
        round_tower(export.path, rounded, inputs.first(calibrate if kind == "static" else 0), kind)
        fitted = inputs.given
        together = same_together(OnnxRuntime(rounded, precision=PRECISION), probes(tower.preprocessing.size))
        int8 = OnnxRuntime(rounded, precision=PRECISION, batch=None if together else 1)
        effect = _measured(OnnxRuntime(export.path, batch=export.batch), int8, inputs, k)
        made = QuantisedTower(
            architecture=tower.architecture,
            preprocessing=tower.preprocessing,
            pooling=tower.pooling,
            dim=tower.dim,
            file=rounded,
            digest=file_digest(rounded),
            quantisation=Quantisation(
                name=name,
                fingerprint=tower.fingerprint(),
                kind=kind,
                calibration_images=fitted,
                together=together,
                onnxruntime=onnxruntime.__version__,
                effect=effect,
            ),
        )
        return save_quantised(directory, made, name=directory.name)


class _Inputs:
    """Images as a tower's input, one after the other; what is known of those that were measured on is kept."""

    def __init__(
        self, preprocessing: Preprocessing, images: Iterator[Labelled], progress: Callable[[str, int], None]
    ) -> None:
        self._preprocessing, self._images, self._progress = preprocessing, images, progress
        self.given = 0
        self.labels: list[str] = []
        self.domains: list[str | None] = []
        self.groups: list[str | None] = []

    def first(self, number: int) -> Iterator[Float32[np.ndarray, "3 side side"]]:
        """As many as are asked for, to calibrate with."""
        for each in islice(self._images, number):
            self.given += 1
            self._progress("calibrating", self.given)
            yield self._preprocessing.apply(each.image)

    def batches(self, size: int) -> Iterator[Float32[np.ndarray, "batch 3 side side"]]:
        """All others, to measure on."""
        while several := list(islice(self._images, size)):
            self.labels += [each.label for each in several]
            self.domains += [each.domain for each in several]
            self.groups += [each.group for each in several]
            yield np.stack([self._preprocessing.apply(each.image) for each in several])
            self._progress("measuring", len(self.labels))


def _measured(float32: OnnxRuntime, int8: OnnxRuntime, inputs: _Inputs, k: int) -> Effect:
    before: list[Vectors] = []
    after: list[Vectors] = []
    for batch in inputs.batches(OnnxRuntime.largest_batch):
        for runtime, vectors in ((float32, before), (int8, after)):
            step = runtime.batch
            vectors += [runtime.features(batch[start : start + step]) for start in range(0, len(batch), step)]
    if len(inputs.labels) <= k:
        raise InvalidRequestError(
            f"{inputs.given} images went into the calibration, and {len(inputs.labels)} are left to measure the "
            f"{k} nearest on.",
            hint="Give more images, or calibrate with fewer.",
        )
    return effect_of(
        directed(np.concatenate(before)),
        directed(np.concatenate(after)),
        inputs.labels,
        inputs.domains,
        inputs.groups,
        k=k,
    )
