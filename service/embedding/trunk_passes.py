"""Image files through one or several trunks: hashed, looked up, and only then decoded, once, and run.

What is looked up and kept are the trunks' vectors, by their fingerprints: encoders that differ only behind the trunk
share one forward pass and one entry of the cache, and an image whose domain changes needs no new one.

`TrunkPasses.run` does it all in the caller's thread; a server does the same steps with many threads, see
`service.embedding.image_line`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image

from encoders.decode import DecodeLimits, ImageHeader, Undecoded, undecoded
from encoders.encoder import Encoder
from invariantselect.errors import InvariantSelectError
from service.embedding.embedding_cache import EmbeddingCache
from service.embedding.forward_each import ForwardEach, Vector, forward_each
from service.metrics import Metrics
from service.tracing.stages import tell_passes

__all__ = ["Begun", "Passed", "Seen", "TrunkPasses"]

_AT_ONCE = 32  # preprocessed images in memory; a decoded picture, which may be a thousand times larger, only one


@dataclass(frozen=True, eq=False)
class Seen:
    """An image file that was hashed and looked up, and not yet opened.

    Attributes:
        image: The file.
        sha256: Its hash.
        known: The vectors that needn't be made, by fingerprint of the trunk.
    """

    image: bytes = field(repr=False)
    sha256: str
    known: Mapping[str, Vector]


@dataclass(eq=False)
class Passed:
    """An image file that went through one or several trunks, not yet calibrated.

    Attributes:
        sha256: Hash of the file.
        header: What the file says about itself.
        vectors: By fingerprint of the trunk, (trunk_dim,) float32, L2-normalised.
        decode_ms: Milliseconds spent on decoding and preprocessing; 0 where all vectors were known.
        encode_ms: Milliseconds spent on forward passes, its share of each batch; likewise.
    """

    sha256: str
    header: ImageHeader
    vectors: dict[str, Vector] = field(default_factory=dict)
    decode_ms: float = 0.0
    encode_ms: float = 0.0

    def gain(self, trunk: str, vector: Vector, milliseconds: float) -> None:
        """Take in what a trunk made of the image, in how long."""
        self.vectors[trunk] = vector
        self.encode_ms += milliseconds


@dataclass(frozen=True, eq=False)
class Begun:
    """An image that was opened, decoded where that was necessary, and has still to go through the trunks it lacks.

    Attributes:
        passed: With the vectors that were known.
        inputs: By fingerprint of each trunk that it lacks, (3, side, side) float32.
    """

    passed: Passed
    inputs: Mapping[str, Vector]


@dataclass(frozen=True, eq=False)
class TrunkPasses:
    """Trunks, and what passing images through them takes.

    Attributes:
        trunks: By fingerprint of the trunk an encoder that has it; at least one.
        limits: What is refused.
        cache: Vectors that are known; None for no cache.
        metrics: Where the stages are timed; None for nowhere.
        forward: Runs a trunk, where `run` does.
    """

    trunks: Mapping[str, Encoder]
    limits: DecodeLimits
    cache: EmbeddingCache | None
    metrics: Metrics | None
    forward: ForwardEach = forward_each

    def run(self, images: Sequence[bytes]) -> list[Passed | InvariantSelectError]:
        """The images with their vectors, in their order; an error in the place of one that can't be used."""
        began = time.time_ns()
        results: list[Passed | InvariantSelectError] = []
        for start in range(0, len(images), _AT_ONCE):
            results += self._run_some(images[start : start + _AT_ONCE])
        tell_passes(began, results)
        return results

    def look_up(self, images: Sequence[bytes]) -> list[Seen]:
        """Hash image files and find the vectors that are known."""
        hashes = [hashlib.sha256(image).hexdigest() for image in images]
        known = {trunk: self._known(encoder, hashes) for trunk, encoder in self.trunks.items()}
        return [
            Seen(image, sha256, {trunk: vector for trunk in known if (vector := known[trunk][number]) is not None})
            for number, (image, sha256) in enumerate(zip(images, hashes, strict=True))
        ]

    def is_known(self, seen: Seen) -> bool:
        """Whether an image needs no pass."""
        return len(seen.known) == len(self.trunks)

    def begin(self, seen: Seen, opened: Undecoded) -> Begun:
        """Decode and preprocess an image, unless all of its vectors are known.

        Args:
            seen: The image.
            opened: The same.

        Raises:
            InvariantSelectError: The image can't be used.
        """
        began = time.perf_counter()
        passed = Passed(seen.sha256, opened.header, dict(seen.known))
        lacking = {trunk: encoder for trunk, encoder in self.trunks.items() if trunk not in seen.known}
        if not lacking:
            return Begun(passed, {})
        inputs = _preprocessed(lacking, opened.decode())
        passed.decode_ms = _ms_since(began)
        return Begun(passed, inputs)

    def pass_one(self, seen: Seen, opened: Undecoded) -> Passed | InvariantSelectError:
        """Decode an image and run the trunks that it lacks, in this thread; or what is wrong with it.

        Args:
            seen: The image.
            opened: The same.
        """
        return self._forwarded([self._begun(seen, opened)])[0]

    def end(self, looked_up: Sequence[Seen], results: Sequence[Passed | InvariantSelectError]) -> None:
        """Keep what is new of images that went through, and tell how long they took.

        Args:
            looked_up: The images as they were before.
            results: As they are now.
        """
        fresh: dict[str, list[tuple[str, Vector]]] = {trunk: [] for trunk in self.trunks}
        for seen, passed in zip(looked_up, results, strict=True):
            if isinstance(passed, InvariantSelectError) or self.is_known(seen):
                continue
            for trunk in passed.vectors.keys() - seen.known.keys():
                fresh[trunk].append((seen.sha256, passed.vectors[trunk]))
            if self.metrics is not None:
                self.metrics.stage("decode", passed.decode_ms)
                self.metrics.stage("encode", passed.encode_ms)
        for trunk, vectors in fresh.items():
            if self.cache is not None and vectors:
                self.cache.put(trunk, vectors)

    def _run_some(self, images: Sequence[bytes]) -> list[Passed | InvariantSelectError]:
        looked_up = self.look_up(images)
        results = self._forwarded([self._begun(seen) for seen in looked_up])
        self.end(looked_up, results)
        return results

    def _forwarded(self, begun: Sequence[Begun | InvariantSelectError]) -> list[Passed | InvariantSelectError]:
        results = [each.passed if isinstance(each, Begun) else each for each in begun]
        for trunk, encoder in self.trunks.items():
            inputs = {
                number: each.inputs[trunk]
                for number, each in enumerate(begun)
                if isinstance(each, Begun) and trunk in each.inputs
            }
            self._forward(encoder, results, inputs)
        return results

    def _begun(self, seen: Seen, opened: Undecoded | None = None) -> Begun | InvariantSelectError:
        try:
            return self.begin(seen, opened or undecoded(seen.image, self.limits))
        except InvariantSelectError as error:
            return error

    def _forward(
        self, encoder: Encoder, results: list[Passed | InvariantSelectError], inputs: Mapping[int, Vector]
    ) -> None:
        if not inputs:
            return
        began = time.perf_counter()
        made = self.forward(encoder, list(inputs.values()))
        share = _ms_since(began) / len(inputs)
        for number, vector in zip(inputs, made, strict=True):
            passed = results[number]
            if isinstance(vector, InvariantSelectError):
                results[number] = vector
            elif isinstance(vector, Exception):
                raise vector
            elif isinstance(passed, Passed):
                passed.gain(encoder.identity.trunk, vector, share)

    def _known(self, encoder: Encoder, hashes: Sequence[str]) -> list[Vector | None]:
        if self.cache is None:
            return [None] * len(hashes)
        return self.cache.get(encoder.identity.trunk, hashes, encoder.identity.trunk_dim)


def _preprocessed(trunks: Mapping[str, Encoder], picture: Image.Image) -> dict[str, Vector]:
    """The input of each trunk; made once for those that take the same."""
    different = {encoder.preprocessing: encoder for encoder in trunks.values()}
    made = {preprocessing: encoder.preprocess(picture) for preprocessing, encoder in different.items()}
    return {trunk: made[encoder.preprocessing] for trunk, encoder in trunks.items()}


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)
