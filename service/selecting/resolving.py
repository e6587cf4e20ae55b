"""From queries as they were sent to vectors: what the trunks made of their images is calibrated by each encoder version
that is searched."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from encoders.calibration.query_centring import unlabelled_by_domain
from index.encoder_version import EncoderVersion
from index.selection.query import ResolvedQuery, stored_query
from index.snapshot import Snapshot
from invariantselect.errors import (
    DemonstrationNotFoundError,
    FingerprintMismatchError,
    InvalidVectorError,
    InvariantSelectError,
)
from invariantselect.wire.options import CentreQueries
from service.embedding.embedder import Embedded, Embedder, Passed
from service.selecting.given_query import GivenQuery
from service.selecting.searched_space import SearchedSpace

__all__ = ["Asked", "EmbedderOf", "Resolved", "ask"]

EmbedderOf: TypeAlias = Callable[[EncoderVersion | None], Embedder]
"""Makes what embeds by an adapted encoder version of a pool; by the encoder that the pool was made with for None."""

_NORMALISED_WITHIN = 1e-4


@dataclass(frozen=True, eq=False)
class Resolved:
    """A query that is ready to be searched in one space.

    Attributes:
        query: Its vector and what is known of it.
        decode_ms: Milliseconds spent on decoding and preprocessing, for all spaces.
        encode_ms: Milliseconds spent on encoding, likewise.
        centred_by: By how many images of the batch it was centred; None where it wasn't.
    """

    query: ResolvedQuery
    decode_ms: float = 0.0
    encode_ms: float = 0.0
    centred_by: int | None = None


@dataclass(frozen=True, eq=False)
class _Encoded:
    embedded: Embedded
    centred_by: int | None


@dataclass(frozen=True, eq=False)
class Asked:
    """Queries and where they are searched, before their images went through a trunk.

    Attributes:
        searched: The spaces, by the number of the encoder version.
        queries: As they were sent; an error stays in its place.
        embedders: What embeds for each space; empty where no query has an image.
        images: The image files by the number of their query.
    """

    searched: Mapping[int, SearchedSpace]
    queries: Sequence[GivenQuery | InvariantSelectError]
    embedders: Mapping[int, Embedder]
    images: Mapping[int, bytes]

    def resolved(
        self, passed: Sequence[Passed | InvariantSelectError], centre_queries: CentreQueries = "never"
    ) -> dict[int, list[Resolved | InvariantSelectError]]:
        """The queries in each space, by the number of its encoder version; an error in the place of a broken query.

        Args:
            passed: What the embedders' trunks made of each image.
            centre_queries: See `invariantselect.wire.selections.SelectBatchRequest`.
        """
        by_number = dict(zip(self.images, passed, strict=True))
        domains = {number: query.domain for number, query in enumerate(self.queries) if isinstance(query, GivenQuery)}
        resolved: dict[int, list[Resolved | InvariantSelectError]] = {}
        for version, space in self.searched.items():
            encoded = _encoded(self.embedders[version], by_number, domains, centre_queries) if by_number else {}
            resolved[version] = [
                _resolved(space, query, encoded.get(number)) for number, query in enumerate(self.queries)
            ]
        return resolved


def ask(
    spaces: Sequence[SearchedSpace], queries: Sequence[GivenQuery | InvariantSelectError], embedder_of: EmbedderOf
) -> Asked:
    """What has to be known of queries before they can be searched.

    Args:
        spaces: Where they are searched.
        queries: As they were sent; an error stays in its place.
        embedder_of: Called only if there is a query by image, once for each encoder version.

    Raises:
        InvariantSelectError: An encoder can't be used.
    """
    searched = {space.number: space for space in spaces}
    images = {
        number: query.image
        for number, query in enumerate(queries)
        if isinstance(query, GivenQuery) and query.image is not None
    }
    embedders = {number: embedder_of(space.adapted) for number, space in searched.items()} if images else {}
    return Asked(searched, queries, embedders, images)


def _encoded(
    embedder: Embedder,
    passed: Mapping[int, Passed | InvariantSelectError],
    domain_of: Mapping[int, str | None],
    centre_queries: CentreQueries,
) -> dict[int, _Encoded | InvariantSelectError]:
    """What one encoder makes of what its trunk made, by the number of the query."""
    encoded: dict[int, _Encoded | InvariantSelectError] = {
        number: each for number, each in passed.items() if isinstance(each, InvariantSelectError)
    }
    sound = {number: each for number, each in passed.items() if isinstance(each, Passed)}
    unlabelled: Mapping[str, NDArray[np.float32]] = {}
    if centre_queries == "by_domain" and sound:
        unlabelled = _unlabelled(embedder, sound, domain_of)
    # Apart: with one centre more to choose from, the domain of an image that names none might be guessed otherwise.
    centred = {number: each for number, each in sound.items() if domain_of[number] in unlabelled}
    others = {number: each for number, each in sound.items() if number not in centred}
    for part, centres in ((centred, unlabelled), (others, {})):
        began = time.perf_counter()
        domains = [domain_of[number] for number in part]
        calibrated = embedder.calibrate(list(part.values()), domains, unlabelled=centres)
        share = 1e3 * (time.perf_counter() - began) / max(len(part), 1)
        for number, domain, made in zip(part, domains, calibrated, strict=True):
            if isinstance(made, InvariantSelectError):
                encoded[number] = made
                continue
            centre = None if domain is None else centres.get(domain)
            timed = replace(made, encode_ms=made.encode_ms + share)
            encoded[number] = _Encoded(timed, None if centre is None else len(centre))
    return encoded


def _unlabelled(
    embedder: Embedder, passed: Mapping[int, Passed], domain_of: Mapping[int, str | None]
) -> Mapping[str, NDArray[np.float32]]:
    if not embedder.encoder.centres_queries:
        return {}
    trunk = np.stack([each.vectors[embedder.identity.trunk] for each in passed.values()])
    return unlabelled_by_domain(trunk, [domain_of[number] for number in passed], embedder.encoder.domains)


def _resolved(
    space: SearchedSpace, query: GivenQuery | InvariantSelectError, encoded: _Encoded | InvariantSelectError | None
) -> Resolved | InvariantSelectError:
    if isinstance(query, InvariantSelectError):
        return query
    if isinstance(encoded, InvariantSelectError):
        return encoded
    if encoded is not None:
        of = encoded.embedded
        about = ResolvedQuery(of.vector, sha256=of.sha256, group=query.group, domain=query.domain)
        return Resolved(about, of.decode_ms, of.encode_ms, encoded.centred_by)
    try:
        return Resolved(_by_id(space.snapshot, query.id) if query.id is not None else _by_vector(space, query))
    except InvariantSelectError as error:
        return error


def _by_id(snapshot: Snapshot, id: str) -> ResolvedQuery:
    position = snapshot.position_of(id)
    if position is None:
        raise DemonstrationNotFoundError(f"the pool has no demonstration {id!r}", id=id)
    return stored_query(snapshot, position)


def _by_vector(space: SearchedSpace, query: GivenQuery) -> ResolvedQuery:
    wanted, given = space.snapshot.fingerprint, query.fingerprint or ""
    if wanted != given:
        raise FingerprintMismatchError(
            f"the pool's vectors of encoder version {space.number} have the fingerprint {wanted[:12]}…, the query's "
            f"vector has {given[:64][:12]}…",
            hint="Send the image, or its vector by this encoder version.",
            pool_fingerprint=wanted,
        )
    return ResolvedQuery(_unit(query.vector or (), space.snapshot.dim), group=query.group, domain=query.domain)


def _unit(numbers: Sequence[float], dim: int) -> NDArray[np.float32]:
    if len(numbers) != dim:
        raise InvalidVectorError(f"the query's vector has {len(numbers)} numbers, the pool's have {dim}")
    vector = np.array(numbers, dtype=np.float64)
    largest = float(np.abs(vector).max())
    if not 0.0 < largest < np.inf:
        raise InvalidVectorError("the query's vector is not finite, or all zeros")
    scaled = vector / largest  # so that no square overflows
    length = float(np.linalg.norm(scaled))
    # A vector of /v1/embeddings comes back bit for bit, so that it scores as its image does.
    unit = vector if abs(length * largest - 1) < _NORMALISED_WITHIN else scaled / length
    return unit.astype(np.float32)
