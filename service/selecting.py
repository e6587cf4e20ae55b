"""From a query as it was sent to the selection that answers it. REST and the command line share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from index.pool import Pool
from index.selection.query import ResolvedQuery, stored_query
from index.selection.select import Chosen, select
from index.snapshot import Snapshot
from invariantselect.errors import DemonstrationNotFoundError, InvalidVectorError, InvariantSelectError
from invariantselect.flows.paths import image_path
from invariantselect.wire.options import SelectionOptions
from invariantselect.wire.queries import Query
from invariantselect.wire.selections import Selected, Selection, Timings
from service.data_uri import image_from_text
from service.embedding import Embedded, Embedder
from service.encoder_shelf import check_fingerprint

__all__ = ["GivenQuery", "given_query", "select_each", "select_one"]

_NORMALISED_WITHIN = 1e-4


@dataclass(frozen=True)
class GivenQuery:
    """A query before anything was computed: exactly one of image, id and vector.

    Attributes:
        image: An image file.
        id: Of a demonstration stored in the pool.
        vector: Of the pool's encoder.
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


@dataclass(frozen=True, eq=False)
class _Resolved:
    query: ResolvedQuery
    decode_ms: float = 0.0
    encode_ms: float = 0.0


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


def select_one(pool: Pool, query: GivenQuery, options: SelectionOptions, embedder: Callable[[], Embedder]) -> Selection:
    """The selection for one query.

    Args:
        pool: Where demonstrations are chosen from.
        query: What they are chosen for.
        options: How.
        embedder: Makes what embeds for this pool; called only for a query by image.

    Raises:
        InvariantSelectError: Whatever is wrong with the query, the options or the pool.
    """
    answer = select_each(pool, [query], options, embedder)[0]
    if isinstance(answer, InvariantSelectError):
        raise answer
    return answer


def select_each(
    pool: Pool,
    queries: Sequence[GivenQuery | InvariantSelectError],
    options: SelectionOptions,
    embedder: Callable[[], Embedder],
) -> list[Selection | InvariantSelectError]:
    """A selection for each query, or what is wrong with it; one broken query leaves the others alone.

    All are answered from one snapshot, and each as it would be alone.

    Args:
        pool: Where demonstrations are chosen from.
        queries: What they are chosen for; an error stays in its place.
        options: How, for all of them.
        embedder: Makes what embeds for this pool; called only if there is a query by image.

    Raises:
        InvariantSelectError: What is wrong with all of them: the filter, the pool, the encoder.
    """
    embedded = _embedded(queries, embedder)
    snapshot = pool.snapshot()
    resolved: list[_Resolved | InvariantSelectError] = []
    for number, query in enumerate(queries):
        try:
            resolved.append(_resolve(snapshot, query, embedded.get(number)))
        except InvariantSelectError as error:
            resolved.append(error)
    sound = [each for each in resolved if isinstance(each, _Resolved)]
    chosen = iter(select(snapshot, [each.query for each in sound], options))
    return [
        each if isinstance(each, InvariantSelectError) else _answer(pool, snapshot, options, each, next(chosen))
        for each in resolved
    ]


def _embedded(
    queries: Sequence[GivenQuery | InvariantSelectError], embedder: Callable[[], Embedder]
) -> dict[int, Embedded | InvariantSelectError]:
    images = {
        number: query.image
        for number, query in enumerate(queries)
        if isinstance(query, GivenQuery) and query.image is not None
    }
    if not images:
        return {}
    return dict(zip(images, embedder().embed(list(images.values())), strict=True))


def _resolve(
    snapshot: Snapshot,
    query: GivenQuery | InvariantSelectError,
    embedded: Embedded | InvariantSelectError | None,
) -> _Resolved:
    if isinstance(query, InvariantSelectError):
        raise query
    if isinstance(embedded, InvariantSelectError):
        raise embedded
    if embedded is not None:
        about = ResolvedQuery(embedded.vector, sha256=embedded.sha256, group=query.group, domain=query.domain)
        return _Resolved(about, embedded.decode_ms, embedded.encode_ms)
    if query.id is not None:
        position = snapshot.position_of(query.id)
        if position is None:
            raise DemonstrationNotFoundError(f"the pool has no demonstration {query.id!r}", id=query.id)
        return _Resolved(stored_query(snapshot, position))
    check_fingerprint(snapshot.fingerprint, query.fingerprint or "", whose="the query's vector")
    vector = _unit_vector(query.vector or (), snapshot.dim)
    return _Resolved(ResolvedQuery(vector, group=query.group, domain=query.domain))


def _unit_vector(numbers: Sequence[float], dim: int) -> NDArray[np.float32]:
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


def _answer(
    pool: Pool, snapshot: Snapshot, options: SelectionOptions, resolved: _Resolved, chosen: Chosen
) -> Selection:
    demonstrations = []
    for position, score, rank in zip(chosen.positions, chosen.scores, chosen.ranks, strict=True):
        stored = snapshot.demonstration(int(position))
        demonstrations.append(
            Selected(
                id=stored.id,
                label=stored.label,
                domain=stored.domain,
                group=stored.group,
                score=float(score),
                rank=int(rank),
                image_url=image_path(pool.name, stored.id),
                media_type=stored.media_type,
                metadata=dict(stored.metadata),
            )
        )
    return Selection(
        pool=pool.name,
        snapshot=snapshot.version,
        encoder=pool.encoder,
        fingerprint=pool.fingerprint,
        strategy=options.strategy,
        k=options.k,
        shortfall=chosen.shortfall,
        demonstrations=demonstrations,
        timings=Timings(
            decode_ms=resolved.decode_ms,
            encode_ms=resolved.encode_ms,
            search_ms=chosen.search_ms,
            select_ms=chosen.select_ms,
        ),
    )
