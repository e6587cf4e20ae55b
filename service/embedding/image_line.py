"""The way of a server's images through decoding and trunks: many at once, each at its own pace.

Images are decoded on threads of their own and meet in the lane (`service.embedding.forward_lane`). Between the two
there is room for a limited number, so that decoded pixels take a limited memory. A large picture, which takes seconds
to decode, waits for other threads than the small ones: it holds up nobody but its like.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from encoders.decode import ImageHeader, Undecoded, undecoded
from invariantselect.errors import InvariantSelectError
from service.embedding.forward_lane import Asker, Forwarded, ForwardLane
from service.embedding.trunk_passes import Passed, Seen, TrunkPasses

__all__ = ["ImageLine", "is_large"]

T = TypeVar("T")

_ROOM = 32  # preprocessed images in memory, 600 kB each at 224 pixels
_LARGE_ROOM = 8
_AT_ONCE = 8  # of one request, so that a large batch leaves room for others
_LARGE = 4_000_000  # pixels; 40 ms of decoding


def is_large(header: ImageHeader) -> bool:
    """Whether decoding takes so long that a thread that others wait for isn't to do it."""
    return header.width * header.height > _LARGE


@dataclass(frozen=True, eq=False)
class _Submitted:
    """A decoded image with what it waits for in the lane, by fingerprint of the trunk."""

    passed: Passed
    futures: Mapping[str, Future[Forwarded]]


class ImageLine:
    """Decodes images and puts them through trunks.

    Args:
        threads: How many images are decoded at once; half as many large ones beside them.
        lane: Runs the trunks.
    """

    def __init__(self, threads: int, lane: ForwardLane) -> None:
        self._lane = lane
        self._small = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._large = ThreadPoolExecutor(max(1, threads // 2), thread_name_prefix="decode-large")
        self._room = asyncio.Semaphore(_ROOM)
        self._large_room = asyncio.Semaphore(_LARGE_ROOM)

    async def run(self, passes: TrunkPasses, images: Sequence[Seen]) -> list[Passed | InvariantSelectError]:
        """The images with their vectors, in their order; an error in the place of one that can't be used.

        Cancelled, it leaves the line: what of it hasn't begun is not done.

        Args:
            passes: What they go through.
            images: Looked up by it.
        """
        asker = Asker()
        try:
            if len(images) == 1:
                return [await self._pass(passes, images[0], asker)]
            return await self._pass_each(passes, images, asker)
        finally:
            asker.gone = True

    def close(self) -> None:
        """Let the images that are being decoded finish, and drop what waits."""
        self._small.shutdown(wait=True, cancel_futures=True)
        self._large.shutdown(wait=True, cancel_futures=True)

    async def _pass_each(
        self, passes: TrunkPasses, images: Sequence[Seen], asker: Asker
    ) -> list[Passed | InvariantSelectError]:
        window = asyncio.Semaphore(_AT_ONCE)

        async def in_turn(seen: Seen) -> Passed | InvariantSelectError:
            async with window:
                return await self._pass(passes, seen, asker)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(in_turn(seen)) for seen in images]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the others were cancelled because of it
        return [task.result() for task in tasks]

    async def _pass(self, passes: TrunkPasses, seen: Seen, asker: Asker) -> Passed | InvariantSelectError:
        try:
            async with self._room:
                submitted = await _on(self._small, partial(self._submit_small, passes, seen, asker))
                if submitted is not None:
                    return await _forwarded(submitted)
            # Room of their own: those that wait for so long would soon have taken all of it.
            async with self._large_room:
                return await _forwarded(await _on(self._large, partial(self._submit, passes, seen, asker)))
        except InvariantSelectError as error:
            return error

    def _submit_small(self, passes: TrunkPasses, seen: Seen, asker: Asker) -> _Submitted | None:
        opened = undecoded(seen.image, passes.limits)
        return None if is_large(opened.header) else self._submit(passes, seen, asker, opened)

    def _submit(self, passes: TrunkPasses, seen: Seen, asker: Asker, opened: Undecoded | None = None) -> _Submitted:
        """Decode an image and hand it to the lane from this very thread: the event loop may be busy."""
        with self._lane.expecting():
            begun = passes.begin(seen, opened or undecoded(seen.image, passes.limits))
            futures = {
                trunk: self._lane.submit(passes.trunks[trunk], pixels, asker) for trunk, pixels in begun.inputs.items()
            }
        return _Submitted(begun.passed, futures)


async def _forwarded(submitted: _Submitted) -> Passed:
    for trunk, future in submitted.futures.items():
        forwarded = await asyncio.wrap_future(future)
        submitted.passed.gain(trunk, forwarded.vector, forwarded.milliseconds)
    return submitted.passed


async def _on(executor: Executor, work: Callable[[], T]) -> T:
    return await asyncio.wrap_future(executor.submit(contextvars.copy_context().run, work))
