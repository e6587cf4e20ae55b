"""A query as it was sent, its image as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from invariantselect.wire.queries import Query
from service.http.data_uri import image_from_text

__all__ = ["GivenQuery", "given_query"]


@dataclass(frozen=True)
class GivenQuery:
    """A query before anything was computed: exactly one of image, id and vector.

    Attributes:
        image: An image file.
        id: Of a demonstration stored in the pool.
        vector: Of the encoder version in whose space is searched.
        fingerprint: Of the encoder that made `vector`.
        group: Patient or slide of an image or vector, where known.
        domain: Where an image or vector comes from, where known.
    """

    image: bytes | None = field(default=None, repr=False)
    id: str | None = None
    vector: Sequence[float] | None = None
    fingerprint: str | None = None
    group: str | None = None
    domain: str | None = None


def given_query(query: Query, max_image_bytes: int) -> GivenQuery:
    """A wire query with its image as bytes.

    Raises:
        RequestMalformedError: The image's data URI is broken.
        ImageTooLargeError: The image has more bytes than allowed.
    """
    return GivenQuery(
        image=None if query.image is None else image_from_text(query.image, max_image_bytes),
        id=query.id,
        vector=query.vector,
        fingerprint=query.fingerprint,
        group=query.group,
        domain=query.domain,
    )
