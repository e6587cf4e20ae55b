"""Work that threads do ahead of the one who needs it, bounded in number and in memory, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

__all__ = ["ahead", "batches"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def _nothing(_: object) -> int:
    return 0


def ahead(
    executor: Executor,
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    *,
    depth: int,
    weigh: Callable[[_Item], int] = _nothing,
    budget: int = 1,
) -> Iterator[_Result]:
    """Apply a function to items in an executor, beginning with later ones before earlier results are asked for.

    Args:
        executor: Where the function runs; the items are drawn in the caller's thread.
        function: Applied to each item.
        items: Drawn one by one, as late as `depth` allows.
        depth: How many may be under way or waiting, at least 1.
        weigh: Weight of an item, such as its bytes.
        budget: No item is begun while those under way or waiting weigh this much.

    Yields:
        The results in the order of the items; an exception of the function where its result would stand.
    """
    waiting: deque[tuple[Future[_Result], int]] = deque()
    weight = 0
    for item in items:
        waiting.append((executor.submit(function, item), weigh(item)))
        weight += waiting[-1][1]
        while waiting and (len(waiting) >= depth or weight >= budget):
            future, done = waiting.popleft()
            weight -= done
            yield future.result()
    while waiting:
        yield waiting.popleft()[0].result()


def batches(
    items: Iterable[_Item], size: int, *, weigh: Callable[[_Item], int] = _nothing, budget: int = 1
) -> Iterator[list[_Item]]:
    """Lists of up to `size` items that weigh little more than `budget` together, in order, none empty."""
    batch: list[_Item] = []
    weight = 0
    for item in items:
        batch.append(item)
        weight += weigh(item)
        if len(batch) >= size or weight >= budget:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
