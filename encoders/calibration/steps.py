"""The maps a calibration is made of: an affine map, a signed power, centring by domain, scaling to length one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from encoders.calibration.products import rowwise_product

__all__ = ["Affine", "Centring", "Domains", "Normalise", "Power", "Step", "read_step"]

Domains = Sequence[str | None]
T = TypeVar("T")


@runtime_checkable
class Step(Protocol):
    """One map on vectors, (n, in) float64 to (n, out) float64. Immutable.

    Attributes:
        kind: Names the class in files.
    """

    kind: ClassVar[str]

    def apply(self, vectors: Float64[np.ndarray, "n inner"], domains: Domains) -> Float64[np.ndarray, "n outer"]:
        """The mapped vectors; `domains` has the domain of each, None where it isn't known."""

    def dim(self, inner: int) -> int:
        """Length of the mapped vectors of length `inner`.

        Raises:
            ValueError: Vectors of this length can't be mapped.
        """

    def settings(self) -> dict[str, Any]:
        """What isn't an array, as JSON values: 1.0 and not 1 for a float, as they are hashed in writing."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays, by name."""


@dataclass(frozen=True, eq=False)
class Affine:
    """x ↦ x·weight + bias, then max(0, ·) where `relu`.

    Attributes:
        weight: (in, out) float32.
        bias: (out,) float32.
        relu: Whether what is negative becomes 0: a layer of a perceptron.
    """

    kind: ClassVar[str] = "affine"
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    relu: bool = False

    def apply(self, vectors: Float64[np.ndarray, "n inner"], domains: Domains) -> Float64[np.ndarray, "n outer"]:  # noqa: ARG002 -- one signature for every step
        """The mapped vectors."""
        mapped = rowwise_product(vectors, self.weight) + self.bias.astype(np.float64)
        return np.maximum(mapped, 0.0) if self.relu else mapped

    def dim(self, inner: int) -> int:
        """Length of a mapped vector."""
        if self.weight.ndim != 2 or self.weight.shape[0] != inner or self.bias.shape != self.weight.shape[1:]:
            raise ValueError(f"an affine map of {self.weight.shape} and {self.bias.shape} doesn't take {inner}")
        return int(self.weight.shape[1])

    def settings(self) -> dict[str, Any]:
        """Whether there is a rectifier."""
        return {"relu": bool(self.relu)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weight and bias."""
        return {"weight": self.weight, "bias": self.bias}


@dataclass(frozen=True, eq=False)
class Centring:
    """x ↦ x − centre of x's domain: what all images of a scanner share is taken away.

    A vector whose domain isn't known, or isn't among `names`, is centred by the nearest centre: the guess of its
    domain. (`Calibration.knowing` adds a centre from unlabelled vectors.)

    Attributes:
        names: The domains, in ascending order; one that is empty is the centre of all, whatever the domain.
        centres: (domains, dim) float32, at least one.
        trust: How far the centre of unlabelled vectors is believed, from 0 (not at all, the nearest known centre
            stands in) to 1: where classes are spread unevenly over domains, a domain's mean is no pure centre.
    """

    kind: ClassVar[str] = "centring"
    names: tuple[str, ...]
    centres: NDArray[np.float32]
    trust: float = 1.0

    def apply(self, vectors: Float64[np.ndarray, "n inner"], domains: Domains) -> Float64[np.ndarray, "n inner"]:
        """The centred vectors."""
        centres = self.centres.astype(np.float64)
        places = {name: place for place, name in enumerate(self.names)}
        seats = np.array([-1 if name is None else places.get(name, -1) for name in domains], dtype=np.int64)
        lost = np.flatnonzero(seats < 0)
        if len(lost):
            # Of ‖x − c‖² only what depends on the centre c.
            far = (centres**2).sum(axis=1) - 2.0 * rowwise_product(vectors[lost], centres.T)
            seats[lost] = far.argmin(axis=1)
        return np.asarray(vectors - centres[seats], dtype=np.float64)

    def dim(self, inner: int) -> int:
        """The same length."""
        if self.centres.shape != (len(self.names), inner) or not self.names:
            raise ValueError(f"{len(self.names)} centres of shape {self.centres.shape} don't fit vectors of {inner}")
        if list(self.names) != sorted(set(self.names)):
            raise ValueError(f"the domains {self.names} are not in ascending order, each once")
        if not 0.0 <= self.trust <= 1.0:
            raise ValueError(f"the trust {self.trust} is not between 0 and 1")
        return inner

    def settings(self) -> dict[str, Any]:
        """The names of the domains, and the trust."""
        return {"names": list(self.names), "trust": float(self.trust)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The centres."""
        return {"centres": self.centres}

    def knowing(self, name: str, vectors: Float64[np.ndarray, "n inner"]) -> Centring:
        """With the centre of one domain more, or in place of the one known, from its unlabelled vectors.

        Raises:
            ValueError: There is no vector.
        """
        if not len(vectors):
            raise ValueError(f"of no image the centre of the domain {name!r} can't be told")
        nearest = vectors - self.apply(vectors, [None] * len(vectors))
        centre = self.trust * vectors.mean(axis=0) + (1.0 - self.trust) * nearest.mean(axis=0)
        kept = [place for place, other in enumerate(self.names) if other != name]
        names = [*(self.names[place] for place in kept), name]
        centres = np.concatenate([self.centres[kept], centre[None].astype(np.float32)])
        order = sorted(range(len(names)), key=names.__getitem__)
        return Centring(tuple(names[place] for place in order), centres[order], self.trust)


@dataclass(frozen=True)
class Power:
    """x ↦ sign(x)·|x|^exponent: an exponent of ½ keeps a few strong features from drowning the others.

    Source: Perronnin, Sánchez, Mensink, Improving the Fisher Kernel, 2010, https://doi.org/10.1007/978-3-642-15561-1_11.

    Attributes:
        exponent: Above 0; 1 changes nothing.
    """

    kind: ClassVar[str] = "power"
    exponent: float = 0.5

    def apply(self, vectors: Float64[np.ndarray, "n inner"], domains: Domains) -> Float64[np.ndarray, "n inner"]:  # noqa: ARG002 -- one signature for every step
        """The mapped vectors."""
        return np.asarray(np.sign(vectors) * np.abs(vectors) ** self.exponent, dtype=np.float64)

    def dim(self, inner: int) -> int:
        """The same length."""
        if not 0 < self.exponent < np.inf:
            raise ValueError(f"the exponent {self.exponent} is not above 0")
        return inner

    def settings(self) -> dict[str, Any]:
        """The exponent."""
        return {"exponent": float(self.exponent)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}


@dataclass(frozen=True)
class Normalise:
    """x ↦ x / ‖x‖, for each of several blocks of equal length alone; what is zero stays zero.

    Attributes:
        blocks: How many maps stand side by side in the vector, each to have the same say.
    """

    kind: ClassVar[str] = "normalise"
    blocks: int = 1

    def apply(self, vectors: Float64[np.ndarray, "n inner"], domains: Domains) -> Float64[np.ndarray, "n inner"]:  # noqa: ARG002 -- one signature for every step
        """The scaled vectors."""
        parts = vectors.reshape(len(vectors), self.blocks, vectors.shape[1] // self.blocks)
        lengths = np.linalg.norm(parts, axis=2, keepdims=True)
        return np.asarray((parts / np.where(lengths > 0, lengths, 1.0)).reshape(vectors.shape), dtype=np.float64)

    def dim(self, inner: int) -> int:
        """The same length."""
        if self.blocks < 1 or inner % self.blocks:
            raise ValueError(f"a vector of {inner} doesn't fall into {self.blocks} equal blocks")
        return inner

    def settings(self) -> dict[str, Any]:
        """The number of blocks."""
        return {"blocks": int(self.blocks)}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}


def read_step(kind: str, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Step:
    """The step that `settings` and `arrays` describe.

    Raises:
        ValueError: There is no such kind, or something is missing or not finite.
    """
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError(f"the arrays of a step {kind!r} are not finite")
    try:
        match kind:
            case "affine":
                return Affine(arrays["weight"], arrays["bias"], _checked(settings["relu"], bool))
            case "centring":
                names = tuple(_checked(name, str) for name in _checked(settings["names"], list))
                return Centring(names, arrays["centres"], _checked(settings["trust"], float))
            case "power":
                return Power(_checked(settings["exponent"], float))
            case "normalise":
                return Normalise(_checked(settings["blocks"], int))
    except KeyError as error:
        raise ValueError(f"a step {kind!r} lacks {error}") from error
    raise ValueError(f"there is no step of kind {kind!r}")


def _checked(value: Any, kind: type[T]) -> T:
    # By the very type: a bool is an int, a word is true.
    if type(value) is not kind:
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value
