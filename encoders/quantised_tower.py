"""An image tower that was rounded to 8 bits: one ONNX file, how it was made, and what that costs in retrieval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from encoders.fingerprint import fingerprint
from encoders.preprocess import Preprocessing

__all__ = ["PRECISION", "Effect", "Quantisation", "QuantisedTower"]

PRECISION = "int8"


@dataclass(frozen=True)
class Effect:
    """What rounding does to retrieval, measured on images that it wasn't fitted to.

    Each image asks for its nearest among the others, in both spaces.

    Attributes:
        images: How many.
        k: How many nearest are looked at.
        cosine_mean: Between an image's two vectors.
        cosine_min: The smallest of them.
        overlap: Share of the k nearest in float32 that are among the k nearest in int8.
        precision: Share of the k nearest in int8 that have the asking image's class.
        precision_float32: The same in float32.
        precision_across: Share of the k nearest of other domains that have its class, in int8; None for one domain.
        precision_across_float32: The same in float32.
    """

    images: int
    k: int
    cosine_mean: float
    cosine_min: float
    overlap: float
    precision: float
    precision_float32: float
    precision_across: float | None
    precision_across_float32: float | None


@dataclass(frozen=True)
class Quantisation:
    """The record of an int8 encoder.

    Attributes:
        name: Of the encoder in float32, as the catalog takes it.
        fingerprint: Of its vectors.
        kind: ``static`` (ranges of activations fitted to images beforehand) or ``dynamic`` (found anew for each image).
        calibration_images: How many images the ranges were fitted to; 0 where they are dynamic.
        together: Whether a vector is the same, bit for bit, alone and in a batch. Dynamic ranges are found over a whole
            batch: there it isn't, and images pass one by one.
        onnxruntime: Version that made it.
        effect: On retrieval.
    """

    name: str
    fingerprint: str
    kind: Literal["static", "dynamic"]
    calibration_images: int
    together: bool
    onnxruntime: str
    effect: Effect

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Quantisation:
        """The inverse of `to_json`.

        Raises:
            ValueError: A field is missing or unknown, or the kind is.
        """
        try:
            record = cls(**{**values, "effect": Effect(**values["effect"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"the record of the quantisation can't be read: {error}") from error
        if record.kind not in ("static", "dynamic"):
            raise ValueError(f"there is no quantisation {record.kind!r}")
        return record


@dataclass(frozen=True)
class QuantisedTower:
    """Everything a vector depends on. It has no torch module and can't be trained.

    Attributes:
        architecture: Of the tower that was rounded.
        preprocessing: From a decoded image to the tower's input.
        pooling: As of that tower.
        dim: Length of a vector.
        file: The ONNX file.
        digest: Its SHA-256, 64 hexadecimal digits.
        quantisation: How it was made, and what came of it.
    """

    architecture: Mapping[str, Any]
    preprocessing: Preprocessing
    pooling: str
    dim: int
    file: Path
    digest: str
    quantisation: Quantisation

    def fingerprint(self) -> str:
        """Of its vectors. The file is what the weights are elsewhere: rounded otherwise, it is another space."""
        return fingerprint(
            architecture=self.architecture,
            weights=self.digest,
            preprocessing=self.preprocessing.to_json(),
            pooling=self.pooling,
            precision=PRECISION,
        )
