"""What a pool holds, what is written into it, and what becomes of each thing written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

import numpy as np
from jaxtyping import Float32

from encoders.decode import ImageHeader
from invariantselect.errors import InvariantSelectError
from invariantselect.wire.base import MetadataValue
from invariantselect.wire.demonstrations import OutcomeStatus

__all__ = ["Changes", "Demonstration", "Entry", "Metadata", "Outcome", "Probe"]

Metadata = Mapping[str, MetadataValue]


@dataclass(frozen=True)
class Demonstration:
    """A demonstration as stored.

    Attributes:
        id: Unique in its pool.
        label: Its class.
        domain: Where the image comes from, if known.
        group: Patient or slide, if known.
        metadata: Flat JSON; shared between demonstrations, so never to be altered.
        sha256: Content hash of the image file, 64 hexadecimal digits.
        media_type: Of the image file.
        width: In pixels.
        height: In pixels.
    """

    id: str
    label: str
    domain: str | None
    group: str | None
    metadata: Metadata
    sha256: str
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class Entry:
    """A demonstration to insert or replace, with its image and its vectors.

    Attributes:
        id: Unique in the pool; an entry with the id of a stored demonstration replaces it.
        image: The image file's bytes.
        header: What `encoders.decode.probe` says about them.
        label: Its class.
        vectors: By the fingerprint of an encoder what it made of the image, (dim,) float32: one for each of the pool's
            live encoder versions. Those of other encoders are left aside.
        domain: Where the image comes from, if known.
        group: Patient or slide, if known.
        metadata: Flat JSON.
    """

    id: str
    image: bytes
    header: ImageHeader
    label: str
    vectors: Mapping[str, Float32[np.ndarray, " _"]]
    domain: str | None = None
    group: str | None = None
    metadata: Metadata = field(default_factory=dict)


class Probe(NamedTuple):
    """What an entry would be, without its vector: enough to know whether writing it would change anything."""

    id: str
    sha256: str
    label: str
    domain: str | None
    group: str | None
    metadata: Metadata


class Changes(TypedDict, total=False):
    """New values for a stored demonstration; a key left out stays as it is, None clears domain or group."""

    label: str
    domain: str | None
    group: str | None
    metadata: Metadata


@dataclass(frozen=True)
class Outcome:
    """What became of one demonstration of a batch; a failed one carries the reason and leaves the others alone."""

    id: str
    status: OutcomeStatus
    error: InvariantSelectError | None = None
