"""A calibration: the maps behind an encoder's trunk, as one immutable value that can be hashed, stored and applied."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from encoders.calibration.steps import Centring, Domains, Step, read_step
from encoders.fingerprint import RawTensor, weights_digest
from encoders.normalise import l2_normalised

__all__ = ["IDENTITY", "Calibration"]

_ROWS_AT_ONCE = 8192  # in float64, and several maps of each


@dataclass(frozen=True, eq=False)
class Calibration:
    """A chain of maps on a trunk's vectors, followed by scaling to length one.

    Attributes:
        steps: Applied in this order; none for an encoder that wasn't adapted behind its trunk.

    Raises:
        ValueError: An array isn't float32: it would be hashed and stored as another one than is applied.
    """

    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        for name, array in self.arrays().items():
            if array.dtype != np.float32:
                raise ValueError(f"the array {name!r} is {array.dtype}, not float32")

    @property
    def looks_at_domains(self) -> bool:
        """Whether a vector depends on the domain of its image."""
        return any(isinstance(step, Centring) and len(step.names) > 1 for step in self.steps)

    @property
    def centres_queries(self) -> bool:
        """Whether `knowing` changes anything: vectors are centred, be it by their domain's centre or by that of all."""
        return any(isinstance(step, Centring) for step in self.steps)

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains whose centres are known."""
        return next((step.names for step in self.steps if isinstance(step, Centring)), ())

    def apply(
        self, vectors: Float32[np.ndarray, "n trunk"], domains: Domains | None = None
    ) -> Float32[np.ndarray, "n dim"]:
        """The calibrated vectors, L2-normalised. Each is the same, bit for bit, alone and in a batch of any size.

        Args:
            vectors: (n, trunk_dim) float32, L2-normalised, of the trunk.
            domains: Domain of each, None where it isn't known; None for none known.

        Raises:
            ValueError: There are more domains than vectors, or fewer; or the vectors don't fit.
            InternalError: A calibrated vector is zero or not finite.
        """
        if domains is not None and len(domains) != len(vectors):
            raise ValueError(f"{len(domains)} domains are given for {len(vectors)} vectors")
        if not self.steps:
            return vectors
        known = [None] * len(vectors) if domains is None else domains
        mapped = np.empty((len(vectors), self.dim(vectors.shape[1])), np.float32)
        for start in range(0, len(vectors), _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            mapped[some] = l2_normalised(self._through(self.steps, vectors[some], known[some]).astype(np.float32))
        return mapped

    def knowing(self, domain: str, vectors: Float32[np.ndarray, "n trunk"]) -> Calibration:
        """The same calibration, with a domain's centre estimated from unlabelled vectors of the trunk.

        The way to serve queries of a hospital that isn't in the pool: no labels are needed, some images are.

        Args:
            domain: Its name.
            vectors: (n, trunk_dim) float32, L2-normalised; at least one.

        Raises:
            ValueError: There is no vector.
        """
        done: list[Step] = []
        for step in self.steps:
            if isinstance(step, Centring):
                done.append(step.knowing(domain, self._through(done, vectors, [domain] * len(vectors))))
            else:
                done.append(step)
        return Calibration(tuple(done))

    def then(self, *steps: Step) -> Calibration:
        """With further steps behind."""
        return Calibration((*self.steps, *steps))

    def dim(self, inner: int) -> int:
        """Length of a calibrated vector.

        Raises:
            ValueError: The steps don't fit vectors of length `inner`, or one another.
        """
        for step in self.steps:
            inner = step.dim(inner)
        return inner

    def digest(self) -> str | None:
        """Hash of everything a calibrated vector depends on, 64 hexadecimal digits; None where there are no steps."""
        if not self.steps:
            return None
        arrays = {
            name: RawTensor("F32", array.shape, np.ascontiguousarray(array, dtype="<f4").tobytes())
            for name, array in self.arrays().items()
        }
        words = json.dumps(self.description(), sort_keys=True).encode()
        arrays[""] = RawTensor("U8", (len(words),), words)
        return weights_digest(arrays)

    def description(self) -> list[dict[str, Any]]:
        """The steps without their arrays, as JSON values."""
        return [{"kind": step.kind, **step.settings()} for step in self.steps]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of all steps, as ``<number of the step>.<name>``."""
        return {
            f"{number}.{name}": array for number, step in enumerate(self.steps) for name, array in step.arrays().items()
        }

    @classmethod
    def from_parts(cls, description: Sequence[Mapping[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> Calibration:
        """The inverse of `description` and `arrays`.

        Raises:
            ValueError: They don't describe a calibration.
        """
        steps = []
        for number, settings in enumerate(description):
            prefix = f"{number}."
            mine = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            steps.append(read_step(str(settings.get("kind")), settings, mine))
        calibration = cls(tuple(steps))
        if strangers := arrays.keys() - calibration.arrays().keys():
            raise ValueError(f"the array {sorted(strangers)[0]!r} belongs to no step")
        return calibration

    @staticmethod
    def _through(steps: Sequence[Step], vectors: NDArray[np.float32], domains: Domains) -> NDArray[np.float64]:
        mapped = vectors.astype(np.float64, order="C")  # sums along rows hang on where the numbers lie
        for step in steps:
            mapped = step.apply(mapped, domains)
        return mapped


IDENTITY = Calibration()
