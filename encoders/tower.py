"""An image tower before it has a runtime: what it is, and how to get its weights into memory or where to find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from encoders.fingerprint import fingerprint
from encoders.preprocess import Preprocessing

if TYPE_CHECKING:
    from torch import nn

__all__ = ["BaseTrunk", "Tower"]


@dataclass(frozen=True)
class Tower:
    """Everything a vector depends on but precision, known without torch; torch comes with `build`.

    Attributes:
        architecture: What the weights are loaded into, as JSON values; ``family`` names the module that knows it.
        preprocessing: From a decoded image to the tower's input.
        pooling: ``average`` of the feature map, or ``tower`` for the model's own.
        dim: Length of a vector.
        weights: `encoders.fingerprint.weights_digest` of the state dict.
        build: The torch module with its weights, in evaluation mode, on the cpu: (batch, 3, side, side) float32 to
            (batch, dim), not yet normalised. The same one each time, or a new one.
    """

    architecture: Mapping[str, Any]
    preprocessing: Preprocessing
    pooling: str
    dim: int
    weights: str
    build: Callable[[], nn.Module]

    def fingerprint(self, precision: str = "float32") -> str:
        """The fingerprint of this tower's vectors when it runs in ``precision``."""
        return fingerprint(
            architecture=self.architecture,
            weights=self.weights,
            preprocessing=self.preprocessing.to_json(),
            pooling=self.pooling,
            precision=precision,
        )


@dataclass(frozen=True)
class BaseTrunk:
    """The trunk of another encoder, by name: what versions that only add a calibration share.

    Attributes:
        name: Of that encoder, as the catalog takes it.
        fingerprint: Of its trunk's vectors in float32 (`encoders.encoder.EncoderIdentity.trunk`).
        dim: Length of them.
    """

    name: str
    fingerprint: str
    dim: int
