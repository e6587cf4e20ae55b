"""Selections: what is asked, and the images that come with the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, Unpack

import httpx2

from invariantselect.calls import Call, Flow, many, off_the_loop, one
from invariantselect.checking import body, checked, reader
from invariantselect.comparison import Comparison
from invariantselect.errors import (
    InvalidRequestError,
    InvariantSelectError,
    PayloadTooLargeError,
    UnexpectedResponseError,
)
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


@dataclass(frozen=True)
class _Unasked(Sized):
    """A query that can't be sent, and why."""

    failure: SelectionFailure


AnswerT = TypeVar("AnswerT")


def select(pool: str, query: QueryInput, *, images: bool, **options: Unpack[SelectionKeywords]) -> Flow[Selection]:
    """Select for one query."""
    if "strategies" in options:  # the request takes them, and its answer would be a comparison
        raise InvalidRequestError("strategies: select takes one strategy", hint="Several are for compare.")
    asked = yield from off_the_loop(partial(_prepare, query))
    request = checked(SelectRequest, query=asked.query, **options)
    path = f"{pool_path(pool)}/select"
    call = Call("POST", path, reader(WireSelection), repeatable=True, body=body(request))
    if not images:
        return Selection.from_wire((yield from one(call)))
    fetched = ChosenImages(pool)
    [answer] = yield from fetched.asked([asked], lambda _: many([call]), lambda it: [it])
    yield from fetched.fetch(asked.origin.stored)
    return _with_images(asked.origin, _well(answer), fetched)


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
    [found] = yield from fetched.asked([asked], lambda _: many([call]), lambda it: list(it.selections.values()))
    yield from fetched.fetch(asked.origin.stored)
    answer = _well(found)
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
        call = Call("POST", path, reader(SelectBatchResponse), repeatable=True, body=body(request))
        try:
            answer = yield from one(call)
        except PayloadTooLargeError as error:  # this server takes less than others: try halves
            if len(some) == 1:
                return [_failure(error)]
            if centring:  # halves would be centred by other means
                raise
            half = len(some) // 2
            return [*(yield from ask(some[:half])), *(yield from ask(some[half:]))]
        if len(answer.selections) != len(some):
            raise UnexpectedResponseError(f"the server answered {len(answer.selections)} of {len(some)} queries")
        return answer.selections

    batches = Batches(queries, _tried, count=_QUERIES_IN_A_REQUEST)
    fetched = ChosenImages(pool)
    selections: list[Selection | SelectionFailure] = []
    while batch := (yield from batches.next()):
        good = [each for each in batch if isinstance(each, _Asked)]
        answers: Sequence[WireSelection | SelectionFailure | InvariantSelectError] = []
        if good and images:
            answers = yield from fetched.asked(good, ask, _selections_of, together=bool(centring))
            well = [asked for asked, answer in zip(good, answers, strict=True) if isinstance(answer, WireSelection)]
            yield from fetched.fetch(id for asked in well for id in asked.origin.stored)
        elif good:
            answers = yield from ask(good)
        answered = iter(zip(good, answers, strict=True))
        for each in batch:
            if isinstance(each, _Asked):
                asked, answer = next(answered)
                selections.append(_one_of_many(asked.origin, answer, fetched if images else None))
            else:
                selections.append(each.failure)
    return selections


def _one_of_many(
    origin: _Origin, answer: WireSelection | SelectionFailure | InvariantSelectError, fetched: ChosenImages | None
) -> Selection | SelectionFailure:
    if isinstance(answer, SelectionFailure):
        return answer
    if isinstance(answer, InvariantSelectError):
        return _failure(answer)
    if fetched is None:
        return Selection.from_wire(answer)
    try:
        return _with_images(origin, answer, fetched)
    except InvariantSelectError as error:  # the query's own image is gone
        return _failure(error)


def _selections_of(answer: WireSelection | SelectionFailure) -> list[WireSelection]:
    return [answer] if isinstance(answer, WireSelection) else []


def _failure(error: InvariantSelectError) -> SelectionFailure:
    return SelectionFailure(error=error.to_problem())


def _well(answer: AnswerT | InvariantSelectError) -> AnswerT:
    if isinstance(answer, InvariantSelectError):
        raise answer
    return answer


def _with_images(origin: _Origin, selection: WireSelection, fetched: ChosenImages) -> Selection:
    query_image = origin.image if origin.id is None else fetched[origin.id]
    return Selection.from_wire(selection, images=fetched.of(selection), query_image=query_image)


def _tried(given: QueryInput) -> _Asked | _Unasked:
    try:
        return _prepare(given)
    except InvariantSelectError as error:  # the others are asked all the same
        return _Unasked(0, failure=_failure(error))


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
