"""Selections: what is asked, and the images that come with the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Unpack

from invariantselect.calls import Call, Flow, many, off_the_loop, one
from invariantselect.checking import body, checked, reader
from invariantselect.comparison import Comparison
from invariantselect.errors import UnexpectedResponseError
from invariantselect.flows.batches import Batches, Sized
from invariantselect.flows.demonstrations import image_call
from invariantselect.flows.paths import pool_path
from invariantselect.image_inputs import data_uri, image_bytes
from invariantselect.inputs import ComparisonKeywords, ImageQuery, QueryInput, SelectionKeywords
from invariantselect.selection import Selection
from invariantselect.wire.options import CentreQueries, Strategy
from invariantselect.wire.queries import Query
from invariantselect.wire.selections import Comparison as WireComparison
from invariantselect.wire.selections import (
    SelectBatchRequest,
    SelectBatchResponse,
    SelectionFailure,
    SelectRequest,
)
from invariantselect.wire.selections import Selection as WireSelection

__all__ = ["compare", "select", "select_batch"]

_QUERIES_IN_A_REQUEST = 256


@dataclass(frozen=True)
class _Origin:
    """Where a query's image is: here, or stored under an id, or nowhere (a vector)."""

    id: str | None
    image: bytes | None = field(repr=False)


@dataclass(frozen=True)
class _Asked(Sized):
    """A query ready to be sent."""

    query: Query
    origin: _Origin


def select(pool: str, query: QueryInput, *, images: bool, **options: Unpack[SelectionKeywords]) -> Flow[Selection]:
    """Select for one query."""
    path = f"{pool_path(pool)}/select"
    asked = yield from off_the_loop(partial(_prepare, query))
    request = checked(SelectRequest, query=asked.query, **options)
    answer = yield from one(Call("POST", path, reader(WireSelection), repeatable=True, body=body(request)))
    if not images:
        return Selection.from_wire(answer)
    fetched = yield from _fetched(pool, [(asked.origin, answer)])
    return _with_images(asked.origin, answer, fetched)


def compare(
    pool: str,
    query: QueryInput,
    *,
    strategies: Sequence[Strategy],
    images: bool,
    **options: Unpack[ComparisonKeywords],
) -> Flow[Comparison]:
    """Select for one query with several strategies, in one request."""
    path = f"{pool_path(pool)}/select"
    asked = yield from off_the_loop(partial(_prepare, query))
    request = checked(SelectRequest, query=asked.query, strategies=list(strategies), **options)
    answer = yield from one(Call("POST", path, reader(WireComparison), repeatable=True, body=body(request)))
    if set(answer.selections) != set(strategies):
        raise UnexpectedResponseError(f"the server answered with {', '.join(answer.selections) or 'no strategy'}")
    fetched: dict[str, bytes] = {}
    if images:
        fetched = yield from _fetched(pool, [(asked.origin, each) for each in answer.selections.values()])
    selections = {
        strategy: _with_images(asked.origin, answer.selections[strategy], fetched)
        if images
        else Selection.from_wire(answer.selections[strategy])
        for strategy in strategies
    }
    return Comparison(pool=answer.pool, selections=selections)


def select_batch(
    pool: str,
    queries: Iterable[QueryInput],
    *,
    images: bool,
    centre_queries: CentreQueries,
    **options: Unpack[SelectionKeywords],
) -> Flow[list[Selection | SelectionFailure]]:
    """Select for several queries with the same options, in as many requests as their size asks for."""
    path = f"{pool_path(pool)}/select:batch"
    # Not sent where it is the default: a server that doesn't know it yet refuses unknown fields.
    centring: dict[str, Any] = {} if centre_queries == "never" else {"centre_queries": centre_queries}
    batches = Batches(queries, _prepare, count=_QUERIES_IN_A_REQUEST)
    origins: list[_Origin] = []
    answers: list[WireSelection | SelectionFailure] = []
    while batch := (yield from batches.next()):
        request = checked(SelectBatchRequest, queries=[asked.query for asked in batch], **centring, **options)
        answer = yield from one(Call("POST", path, reader(SelectBatchResponse), repeatable=True, body=body(request)))
        if len(answer.selections) != len(batch):
            raise UnexpectedResponseError(f"the server answered {len(answer.selections)} of {len(batch)} queries")
        origins += [asked.origin for asked in batch]
        answers += answer.selections
    pairs = list(zip(origins, answers, strict=True))
    if not images:
        return [each if isinstance(each, SelectionFailure) else Selection.from_wire(each) for each in answers]
    fetched = yield from _fetched(pool, [(origin, each) for origin, each in pairs if isinstance(each, WireSelection)])
    return [
        each if isinstance(each, SelectionFailure) else _with_images(origin, each, fetched) for origin, each in pairs
    ]


def _fetched(pool: str, pairs: Iterable[tuple[_Origin, WireSelection]]) -> Flow[dict[str, bytes]]:
    """Image files by id, each fetched once however many selections it stands in."""
    ids: dict[str, None] = {}
    for origin, selection in pairs:
        ids.update(dict.fromkeys(chosen.id for chosen in selection.demonstrations))
        if origin.id is not None:
            ids[origin.id] = None
    files = yield from many([image_call(pool, id) for id in ids])
    return dict(zip(ids, files, strict=True))


def _with_images(origin: _Origin, selection: WireSelection, fetched: Mapping[str, bytes]) -> Selection:
    images = {chosen.id: fetched[chosen.id] for chosen in selection.demonstrations}
    query_image = origin.image if origin.id is None else fetched[origin.id]
    return Selection.from_wire(selection, images=images, query_image=query_image)


def _prepare(given: QueryInput) -> _Asked:
    if isinstance(given, Query):
        image = None if given.image is None else _bytes_of(given.image)
        size = len(given.image or "") + 24 * len(given.vector or [])
        return _Asked(size, query=given, origin=_Origin(given.id, image))
    described = given if isinstance(given, ImageQuery) else ImageQuery(given)
    image = image_bytes(described.image)
    uri = data_uri(image)
    known = {"group": described.group, "domain": described.domain}
    query = checked(Query, image=uri, **{name: value for name, value in known.items() if value is not None})
    return _Asked(len(uri), query=query, origin=_Origin(None, image))


def _bytes_of(image: str) -> bytes:
    return image_bytes(image if image[:5].lower() == "data:" else f"data:;base64,{image}")
