"""Many things become requests of a size that a server takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from invariantselect.calls import Flow, off_the_loop

__all__ = ["BATCH_BYTES", "Batches", "Sized"]

BATCH_BYTES = 16 * 1024 * 1024
"""Bytes of base64 in one request, unless a single image is larger."""

ItemT = TypeVar("ItemT")
PreparedT = TypeVar("PreparedT", bound="Sized")


@dataclass(frozen=True)
class Sized:
    """Something ready to be sent that knows its size.

    Attributes:
        size: Bytes that it takes in a request, roughly.
    """

    size: int


class Batches(Generic[ItemT, PreparedT]):
    """Takes items one by one, prepares each (its image is read then) and groups them by count and bytes.

    Only one batch is in memory at a time, and the item that didn't fit any more.

    Args:
        items: Any iterable; a generator is consumed as the batches are sent.
        prepare: Turns an item into what is sent.
        count: Most items in a batch.
        max_bytes: Most bytes in a batch; an item that alone is larger makes a batch of its own.
    """

    def __init__(
        self, items: Iterable[ItemT], prepare: Callable[[ItemT], PreparedT], *, count: int, max_bytes: int = BATCH_BYTES
    ) -> None:
        self._items: Iterator[ItemT] = iter(items)
        self._prepare = prepare
        self._count = count
        self._max_bytes = max_bytes
        self._held: PreparedT | None = None

    def next(self) -> Flow[list[PreparedT]]:
        """The next batch; empty when there is nothing left."""
        batch = [] if self._held is None else [self._held]
        size = 0 if self._held is None else self._held.size
        self._held = None
        while len(batch) < self._count:
            try:
                item = next(self._items)
            except StopIteration:
                break
            prepared = yield from off_the_loop(partial(self._prepare, item))
            if batch and size + prepared.size > self._max_bytes:
                self._held = prepared
                break
            batch.append(prepared)
            size += prepared.size
        return batch
