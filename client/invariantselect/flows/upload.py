"""Upserting any number of demonstrations, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from invariantselect.calls import Call, Flow, one
from invariantselect.checking import body, checked, reader
from invariantselect.errors import (
    DemonstrationInvalidError,
    InvalidRequestError,
    InvariantSelectError,
    PayloadTooLargeError,
    UnexpectedResponseError,
)
from invariantselect.flows.batches import BATCH_BYTES, Batches, Sized
from invariantselect.flows.paths import pool_path
from invariantselect.flows.pools import pool as pool_flow
from invariantselect.image_inputs import data_uri, image_bytes
from invariantselect.inputs import Upsertable
from invariantselect.wire.demonstrations import MAX_BATCH, BatchOutcome, DemonstrationInput, Outcome, UpsertRequest

__all__ = ["BATCH_COUNT", "Upload", "upsert"]

BATCH_COUNT = 64


@dataclass(frozen=True)
class _Prepared(Sized):
    """What is sent for one demonstration, or why it can't be."""

    demonstration: DemonstrationInput | None = None
    failure: Outcome | None = None


class Upload:
    """An upsert in progress.

    Args:
        pool: Name of the pool.
        demonstrations: Consumed batch by batch.
        count: Most demonstrations in a request.
        max_bytes: Most bytes in a request.
    """

    def __init__(
        self,
        pool: str,
        demonstrations: Iterable[Upsertable],
        *,
        count: int = BATCH_COUNT,
        max_bytes: int = BATCH_BYTES,
    ) -> None:
        if not 1 <= count <= MAX_BATCH:
            raise InvalidRequestError(f"batch_size is {count}", hint=f"Give 1 to {MAX_BATCH}.")
        self._path = f"{pool_path(pool)}/demonstrations:upsert"
        self._batches = Batches(demonstrations, _prepare, count=count, max_bytes=max_bytes)
        self.snapshot: int | None = None

    def next_outcomes(self) -> Flow[list[Outcome]]:
        """Send the next batch; what became of it, in the order of the demonstrations. Empty at the end.

        Repeatable: the same ids with the same images and labels leave the pool as it is.
        """
        batch = yield from self._batches.next()
        good = [prepared.demonstration for prepared in batch if prepared.demonstration is not None]
        answered = (yield from self._send(good)) if good else []
        return _merged(batch, answered)

    def _send(self, good: list[DemonstrationInput]) -> Flow[list[Outcome]]:
        request = UpsertRequest(demonstrations=good)
        call = Call("POST", self._path, reader(BatchOutcome), repeatable=True, body=body(request))
        try:
            answer = yield from one(call)
        except PayloadTooLargeError as error:  # this server takes less than others: try halves
            if len(good) == 1:
                return [Outcome(id=good[0].id, status="failed", error=error.to_problem())]
            half = len(good) // 2
            return [*(yield from self._send(good[:half])), *(yield from self._send(good[half:]))]
        if len(answer.outcomes) != len(good):
            raise UnexpectedResponseError(
                f"the server answered {len(answer.outcomes)} outcomes for {len(good)} demonstrations"
            )
        self.snapshot = answer.snapshot
        return answer.outcomes


def upsert(pool: str, demonstrations: Iterable[Upsertable], *, count: int, max_bytes: int) -> Flow[BatchOutcome]:
    """Send all batches; all outcomes together."""
    upload = Upload(pool, demonstrations, count=count, max_bytes=max_bytes)
    outcomes: list[Outcome] = []
    while batch := (yield from upload.next_outcomes()):
        outcomes += batch
    snapshot = upload.snapshot
    if snapshot is None:
        snapshot = (yield from pool_flow(pool)).snapshot
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    return BatchOutcome(outcomes=outcomes, snapshot=snapshot, failed=failed)


def _prepare(given: Upsertable) -> _Prepared:
    try:
        demonstration = given if isinstance(given, DemonstrationInput) else _read(given)
    except InvariantSelectError as error:
        return _Prepared(0, failure=Outcome(id=str(given.id), status="failed", error=error.to_problem()))
    return _Prepared(len(demonstration.image), demonstration=demonstration)


def _read(given: Upsertable) -> DemonstrationInput:
    try:
        return checked(
            DemonstrationInput,
            id=given.id,
            image=data_uri(image_bytes(given.image)),
            label=given.label,
            domain=given.domain,
            group=given.group,
            metadata=dict(given.metadata),
        )
    except InvalidRequestError as error:
        raise DemonstrationInvalidError(f"{given.id!r:.100}: {error.detail}", **error.context) from None


def _merged(batch: Sequence[_Prepared], answered: Sequence[Outcome]) -> list[Outcome]:
    remaining = iter(answered)
    return [next(remaining) if prepared.failure is None else prepared.failure for prepared in batch]
