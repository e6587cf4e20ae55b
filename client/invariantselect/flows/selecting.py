"""Selections: what is asked, and the images that come with the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Unpack

import httpx2

from invariantselect.calls import Call, Flow, many, off_the_loop, one
from invariantselect.checking import body, checked, reader
from invariantselect.comparison import Comparison
from invariantselect.errors import UnexpectedResponseError
from invariantselect.flows.batches import Batches, Sized
from invariantselect.flows.chosen_images import ChosenImages
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

    @property
    def stored(self) -> list[str]:
        """The id that its image is fetched by, if there is one."""
        return [] if self.id is None else [self.id]


@dataclass(frozen=True)
class _Asked(Sized):
    """A query ready to be sent."""

    query: Query
    origin: _Origin


def select(pool: str, query: QueryInput, *, images: bool, **options: Unpack[SelectionKeywords]) -> Flow[Selection]:
    """Select for one query."""
    asked = yield from off_the_loop(partial(_prepare, query))
    request = checked(SelectRequest, query=asked.query, **options)
    path = f"{pool_path(pool)}/select"
    call = Call("POST", path, reader(WireSelection), repeatable=True, body=body(request))
    if not images:
        return Selection.from_wire((yield from one(call)))
    fetched = ChosenImages(pool)
    [answer] = yield from fetched.asked([asked], lambda _: many([call]), lambda it: [it])
    yield from fetched.fetch(asked.origin.stored)
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
    asked = yield from off_the_loop(partial(_prepare, query))
    request = checked(SelectRequest, query=asked.query, strategies=list(strategies), **options)
    path = f"{pool_path(pool)}/select"
    call = Call("POST", path, partial(_compared, strategies), repeatable=True, body=body(request))
    if not images:
        answer = yield from one(call)
        chosen = {strategy: Selection.from_wire(answer.selections[strategy]) for strategy in strategies}
        return Comparison(pool=answer.pool, selections=chosen)
    fetched = ChosenImages(pool)
    [answer] = yield from fetched.asked([asked], lambda _: many([call]), lambda it: list(it.selections.values()))
    yield from fetched.fetch(asked.origin.stored)
    chosen = {strategy: _with_images(asked.origin, answer.selections[strategy], fetched) for strategy in strategies}
    return Comparison(pool=answer.pool, selections=chosen)


def _compared(strategies: Sequence[Strategy], response: httpx2.Response) -> WireComparison:
    answer = reader(WireComparison)(response)
    if set(answer.selections) != set(strategies):
        raise UnexpectedResponseError(f"the server answered with {', '.join(answer.selections) or 'no strategy'}")
    return answer


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

    def ask(some: Sequence[_Asked]) -> Flow[list[WireSelection | SelectionFailure]]:
        request = checked(SelectBatchRequest, queries=[asked.query for asked in some], **centring, **options)
        answer = yield from one(Call("POST", path, reader(SelectBatchResponse), repeatable=True, body=body(request)))
        if len(answer.selections) != len(some):
            raise UnexpectedResponseError(f"the server answered {len(answer.selections)} of {len(some)} queries")
        return answer.selections

    batches = Batches(queries, _prepare, count=_QUERIES_IN_A_REQUEST)
    fetched = ChosenImages(pool)
    selections: list[Selection | SelectionFailure] = []
    while batch := (yield from batches.next()):
        if not images:
            answers = yield from ask(batch)
            selections += [_without_images(answer) for answer in answers]
            continue
        answers = yield from fetched.asked(batch, ask, lambda it: [it] if isinstance(it, WireSelection) else [])
        pairs = [(asked.origin, answer) for asked, answer in zip(batch, answers, strict=True)]
        yield from fetched.fetch(
            id for origin, answer in pairs if isinstance(answer, WireSelection) for id in origin.stored
        )
        selections += [
            _with_images(origin, answer, fetched) if isinstance(answer, WireSelection) else answer
            for origin, answer in pairs
        ]
    return selections


def _without_images(answer: WireSelection | SelectionFailure) -> Selection | SelectionFailure:
    return Selection.from_wire(answer) if isinstance(answer, WireSelection) else answer


def _with_images(origin: _Origin, selection: WireSelection, fetched: ChosenImages) -> Selection:
    query_image = origin.image if origin.id is None else fetched[origin.id]
    return Selection.from_wire(selection, images=fetched.of(selection), query_image=query_image)


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
