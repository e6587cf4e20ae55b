"""The shift of a batch of images from a pool: they are encoded as the pool was, and compared in that space.

It is always the space of the encoder that the pool was made with: an adapted one was made to see no difference between
domains, and the pool's own images would be answered by what it learnt from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32

from evaluation.protocols.fold import units_of
from evaluation.shift.report import Known, ShiftReport, shift_report
from index.pool import Pool
from index.snapshot import Snapshot
from invariantselect.errors import ImageUnreadableError, InvariantSelectError, PoolNotDivisibleError
from service.embedding.embedder import Embedded, Embedder

__all__ = ["BatchImage", "BatchShift", "LeftOut", "shift_of"]

_AT_ONCE = 32


@dataclass(frozen=True)
class BatchImage:
    """An image of the batch.

    Attributes:
        name: For a person.
        read: Returns the image file's bytes; raises an InvariantSelectError or OSError.
        group: Patient or slide, where known.
    """

    name: str
    read: Callable[[], bytes]
    group: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """An image that is not in the report, and why: it can't be read, or (error None) the pool has this very file."""

    name: str
    error: InvariantSelectError | None = None

    @property
    def reason(self) -> str:
        """Why, as a sentence."""
        return "The pool has this very file." if self.error is None else self.error.detail


@dataclass(frozen=True, eq=False)
class BatchShift:
    """A report, and what it is about.

    Attributes:
        pool: Name of the pool.
        snapshot: Its number.
        encoder: In whose space was compared.
        demonstrations: How many the pool has.
        accuracy: That was wanted of what is answered.
        k: How many nearest demonstrations vote.
        names: Of the images in the report, in the order of `ShiftReport.familiarity`.
        left_out: The others.
        report: What came out.
    """

    pool: str
    snapshot: int
    encoder: str
    demonstrations: int
    accuracy: float
    k: int
    names: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    report: ShiftReport

    def least_familiar(self) -> list[int]:
        """Places of the images, the least familiar first; of equals the earlier name first."""
        return sorted(range(len(self.names)), key=lambda n: (float(self.report.familiarity[n]), self.names[n]))

    def is_answered(self, place: int) -> bool | None:
        """Whether an image is answered; None where there is no threshold."""
        answers = self.report.answers
        return None if answers is None else bool(answers[place])


@dataclass
class _Batch:
    names: list[str] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    vectors: list[Float32[np.ndarray, " dim"]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def shift_of(
    pool: Pool,
    images: Sequence[BatchImage],
    embedder: Embedder,
    *,
    accuracy: float = 0.8,
    k: int = 7,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> BatchShift:
    """The shift of a batch, in the space of the encoder that the pool was made with.

    An image that can't be used is left out, and so is one that the pool has: it would be its own nearest demonstration.

    Args:
        pool: What the batch is compared with; at least two groups, or images without one.
        images: The batch; at least one.
        embedder: Of the pool's first encoder.
        accuracy: Wanted of what is answered.
        k: How many nearest demonstrations vote, and make up familiarity and agreement.
        seed: Of all that is drawn.
        progress: Called with how many images are encoded.

    Raises:
        PoolNotDivisibleError: The pool has fewer than two groups.
        ImageUnreadableError: No image of the batch can be used.
    """
    snapshot = pool.snapshot()
    known = _known(snapshot)
    if units_of(known.groups).max(initial=0) < 1:
        raise PoolNotDivisibleError(
            f"the pool {pool.name} has fewer than two groups, so it can't rehearse", hint="Take more images into it."
        )
    batch = _encoded(images, embedder, {bytes(each) for each in snapshot.sha256[snapshot.alive]}, progress)
    if not batch.names:
        first = batch.left_out[0]
        raise ImageUnreadableError(
            f"none of the {len(images)} images can be compared; {first.name}: {first.reason}",
            hint="Give images that the pool doesn't have yet.",
        )
    report = shift_report(np.stack(batch.vectors), known, batch_groups=batch.groups, accuracy=accuracy, k=k, seed=seed)
    return BatchShift(
        pool=pool.name,
        snapshot=snapshot.version,
        encoder=pool.encoder,
        demonstrations=len(known.labels),
        accuracy=accuracy,
        k=k,
        names=tuple(batch.names),
        left_out=tuple(batch.left_out),
        report=report,
    )


def _known(snapshot: Snapshot) -> Known:
    places = np.flatnonzero(snapshot.alive)
    return Known(
        vectors=snapshot.vectors(places),
        labels=[snapshot.labels.value(place) or "" for place in places.tolist()],
        domains=[snapshot.domains.value(place) for place in places.tolist()],
        groups=[snapshot.groups.value(place) for place in places.tolist()],
        sha256=[bytes(each).decode() for each in snapshot.sha256[places]],
    )


def _encoded(
    images: Sequence[BatchImage], embedder: Embedder, stored: set[bytes], progress: Callable[[int], None] | None
) -> _Batch:
    batch = _Batch()
    for begin in range(0, len(images), _AT_ONCE):
        some = images[begin : begin + _AT_ONCE]
        for image, result in _embedded(some, embedder):
            if isinstance(result, InvariantSelectError):
                batch.left_out.append(LeftOut(image.name, result))
            elif result.sha256.encode() in stored:
                batch.left_out.append(LeftOut(image.name))
            else:
                batch.names.append(image.name)
                batch.groups.append(image.group)
                batch.vectors.append(result.vector)
        if progress is not None:
            progress(begin + len(some))
    return batch


def _embedded(
    images: Sequence[BatchImage], embedder: Embedder
) -> Iterator[tuple[BatchImage, Embedded | InvariantSelectError]]:
    contents = [_content(image) for image in images]
    results = iter(embedder.embed([content for content in contents if isinstance(content, bytes)]))
    for image, content in zip(images, contents, strict=True):
        yield image, content if isinstance(content, InvariantSelectError) else next(results)


def _content(image: BatchImage) -> bytes | InvariantSelectError:
    try:
        return image.read()
    except InvariantSelectError as error:
        return error
    except OSError as error:
        return ImageUnreadableError(f"{image.name} can't be read: {error.strerror}.")
