"""Stored demonstrations: fetch, page through, change, delete, and their images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeVar, Unpack

import httpx2
from pydantic import BaseModel

from invariantselect.calls import Call, Flow, one
from invariantselect.checking import body, checked, reader
from invariantselect.errors import UnexpectedResponseError
from invariantselect.flows.paths import demonstration_path, image_path, pool_path
from invariantselect.flows.pools import pool as pool_flow
from invariantselect.inputs import DemonstrationChanges
from invariantselect.wire.demonstrations import (
    MAX_BATCH,
    BatchOutcome,
    DeleteRequest,
    Demonstration,
    DemonstrationList,
    DemonstrationPage,
    DemonstrationPatch,
    GetRequest,
    Outcome,
    RelabelRequest,
)

__all__ = ["delete", "get", "get_many", "image", "image_call", "joined", "page", "patch", "relabel"]

T = TypeVar("T")


def get(pool: str, id: str) -> Flow[Demonstration]:
    """One demonstration."""
    return (yield from one(Call("GET", demonstration_path(pool, id), reader(Demonstration), repeatable=True)))


def get_many(pool: str, ids: Iterable[str]) -> Flow[DemonstrationList]:
    """Demonstrations by id, and which ids are missing."""
    found: list[Demonstration] = []
    missing: list[str] = []
    for request in [checked(GetRequest, ids=chunk) for chunk in _chunks(_all_of(ids))]:
        answer = yield from one(_post(f"{pool_path(pool)}/demonstrations:get", request, DemonstrationList))
        found += answer.demonstrations
        missing += answer.missing
    return DemonstrationList(demonstrations=found, missing=missing)


def page(pool: str, cursor: str | None, limit: int | None) -> Flow[DemonstrationPage]:
    """One page of demonstrations by id, the one that begins at `cursor`."""
    params: dict[str, str | int] = {}
    if cursor is not None:
        params["cursor"] = cursor
    if limit is not None:
        params["limit"] = limit
    path = f"{pool_path(pool)}/demonstrations"
    answer = yield from one(Call("GET", path, reader(DemonstrationPage), repeatable=True, params=params))
    if cursor is not None and answer.next_cursor == cursor:
        raise UnexpectedResponseError("the server answered a page whose next_cursor is the cursor asked for")
    return answer


def patch(pool: str, id: str, **changes: Unpack[DemonstrationChanges]) -> Flow[Demonstration]:
    """Change a demonstration. Repeatable: the new values are absolute."""
    request = checked(DemonstrationPatch, **changes)
    path = demonstration_path(pool, id)
    return (yield from one(Call("PATCH", path, reader(Demonstration), repeatable=True, body=body(request))))


def relabel(pool: str, labels: Mapping[str, str]) -> Flow[BatchOutcome]:
    """Give demonstrations new labels."""
    answers = []
    # All are checked before the first is sent: none is half done because of a slip.
    for request in [checked(RelabelRequest, labels=dict(chunk)) for chunk in _chunks(list(labels.items()))]:
        call = _post(f"{pool_path(pool)}/demonstrations:relabel", request, BatchOutcome)
        answers.append((yield from one(call)))
    return (yield from joined(pool, answers))


def delete(pool: str, ids: str | Iterable[str]) -> Flow[BatchOutcome]:
    """Delete demonstrations."""
    answers = []
    for request in [checked(DeleteRequest, ids=chunk) for chunk in _chunks(_all_of(ids))]:
        call = _post(f"{pool_path(pool)}/demonstrations:delete", request, BatchOutcome)
        answers.append((yield from one(call)))
    return (yield from joined(pool, answers))


def image(pool: str, id: str) -> Flow[bytes]:
    """The encoded image file of a demonstration, as it was upserted."""
    return (yield from one(image_call(pool, id)))


def image_call(pool: str, id: str) -> Call[bytes]:
    """The call for one image, to be made alone or with others."""
    return Call("GET", image_path(pool, id), _content, repeatable=True)


def joined(pool: str, answers: Sequence[BatchOutcome]) -> Flow[BatchOutcome]:
    """The outcomes of several requests as one; for none at all, the pool's snapshot and no outcomes."""
    if len(answers) == 1:
        return answers[0]
    outcomes: list[Outcome] = [outcome for answer in answers for outcome in answer.outcomes]
    snapshot = answers[-1].snapshot if answers else (yield from pool_flow(pool)).snapshot
    return BatchOutcome(outcomes=outcomes, snapshot=snapshot, failed=sum(answer.failed for answer in answers))


AnswerT = TypeVar("AnswerT", bound=BaseModel)


def _post(path: str, request: BaseModel, answer: type[AnswerT]) -> Call[AnswerT]:
    return Call("POST", path, reader(answer), repeatable=True, body=body(request))


def _all_of(ids: str | Iterable[str]) -> list[str]:
    return [ids] if isinstance(ids, str) else list(ids)


def _chunks(items: Sequence[T]) -> Iterable[list[T]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, MAX_BATCH)):
        yield chunk


def _content(response: httpx2.Response) -> bytes:
    return response.content
