"""Demonstrations as they were sent become entries of a pool. What is already there as sent is not encoded again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from index.demonstration import Entry, Probe
from index.pool import Pool
from invariantselect.errors import InvariantSelectError
from invariantselect.wire.base import MetadataValue
from invariantselect.wire.demonstrations import DemonstrationInput, Outcome
from service.embedding.embedder import Embedded, Embedder, embed_by_each
from service.http.data_uri import image_from_text
from service.stored import outcome

__all__ = ["Encoded", "GivenDemonstration", "encode", "given_demonstration"]


@dataclass(frozen=True)
class GivenDemonstration:
    """A demonstration as sent, before anything was computed.

    Attributes:
        id: Unique in its pool.
        image: An image file, or why there is none.
        label: What it shows.
        domain: Where it comes from.
        group: Patient or slide.
        metadata: Anything else.
    """

    id: str
    image: bytes | InvariantSelectError = field(repr=False)
    label: str
    domain: str | None = None
    group: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)


def given_demonstration(sent: DemonstrationInput, max_image_bytes: int) -> GivenDemonstration:
    """A wire demonstration with its image as bytes; a broken data URI takes the image's place."""
    image: bytes | InvariantSelectError
    try:
        image = image_from_text(sent.image, max_image_bytes)
    except InvariantSelectError as error:
        image = error
    return GivenDemonstration(sent.id, image, sent.label, sent.domain, sent.group, sent.metadata)


@dataclass(frozen=True)
class Encoded:
    """Demonstrations that are ready to be written.

    Attributes:
        outcomes: By number: of those that fail, or are there already as they were sent.
        entries: By number: the others.
    """

    outcomes: Mapping[int, Outcome]
    entries: Mapping[int, Entry]

    def write(self, pool: Pool) -> list[Outcome]:
        """Insert or replace them, in one transaction.

        Returns:
            An outcome for each of all, in their order.

        Raises:
            EncoderVersionChangedError: A switch came in between: encode them again.
            InvariantSelectError: As `Pool.write`.
        """
        written = pool.write(list(self.entries.values())) if self.entries else []
        outcomes = dict(self.outcomes)
        outcomes |= {number: outcome(done) for number, done in zip(self.entries, written, strict=True)}
        return [outcomes[number] for number in range(len(outcomes))]


def encode(pool: Pool, given: Sequence[GivenDemonstration], embedders: Callable[[], Sequence[Embedder]]) -> Encoded:
    """Make demonstrations ready to be inserted or to replace others; one that can't be used fails alone.

    Args:
        pool: Where they are to go.
        given: In any number.
        embedders: Makes what embeds for the pool's live encoder versions; called only if something has to be encoded.

    Raises:
        InvariantSelectError: What is wrong with all of them: the pool, the encoder.
    """
    outcomes: dict[int, Outcome] = {}
    usable: dict[int, tuple[GivenDemonstration, bytes]] = {}
    for number, each in enumerate(given):
        if isinstance(each.image, InvariantSelectError):
            outcomes[number] = Outcome(id=each.id, status="failed", error=each.image.to_problem())
        else:
            usable[number] = (each, each.image)
    same = pool.unchanged([_probe(each, image) for each, image in usable.values()])
    # The last of several with one id wins, so a repeated id is written even where it agrees with what is stored.
    times = Counter(each.id for each, _ in usable.values())
    for (number, (each, _)), unchanged in zip(list(usable.items()), same, strict=True):
        if unchanged and times[each.id] == 1:
            outcomes[number] = Outcome(id=each.id, status="unchanged")
            del usable[number]
    failed, entries = _encoded(usable, embedders()) if usable else ({}, {})
    return Encoded(outcomes | failed, entries)


def _encoded(
    usable: Mapping[int, tuple[GivenDemonstration, bytes]], embedders: Sequence[Embedder]
) -> tuple[dict[int, Outcome], dict[int, Entry]]:
    outcomes: dict[int, Outcome] = {}
    entries: dict[int, Entry] = {}
    images = [image for _, image in usable.values()]
    embedded = embed_by_each(embedders, images, [each.domain for each, _ in usable.values()])
    for (number, (each, image)), result in zip(usable.items(), embedded, strict=True):
        if isinstance(result, InvariantSelectError):
            outcomes[number] = Outcome(id=each.id, status="failed", error=result.to_problem())
        else:
            entries[number] = _entry(each, image, result)
    return outcomes, entries


def _entry(each: GivenDemonstration, image: bytes, results: Mapping[str, Embedded]) -> Entry:
    return Entry(
        id=each.id,
        image=image,
        header=next(iter(results.values())).header,
        label=each.label,
        vectors={fingerprint: result.vector for fingerprint, result in results.items()},
        domain=each.domain,
        group=each.group,
        metadata=each.metadata,
    )


def _probe(each: GivenDemonstration, image: bytes) -> Probe:
    sha256 = hashlib.sha256(image).hexdigest()
    return Probe(each.id, sha256, each.label, each.domain, each.group, each.metadata)
