"""Work in the middle of which images go through trunks: it begins, the images pass, it ends.

The command line does all of it in one thread (`ImageWork.here`). A server (`carry_out`) does beginning and end on the
engine's threads and lets the images of all requests pass together; but the one image of a request that is alone stays
in the thread where it began, as each change of threads costs it some tenths of a millisecond.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from encoders.decode import undecoded
from invariantselect.errors import InvariantSelectError
from service.embedding.embedder import Embedder, Passed, passes_of
from service.embedding.ending import End, Ending, Together
from service.embedding.engine import Engine
from service.embedding.image_line import ImageLine, is_large
from service.embedding.trunk_passes import Seen, TrunkPasses
from service.tracing.stages import tell_passes

__all__ = ["ImageWork", "carry_out"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class ImageWork(Generic[T]):
    """Work that has begun.

    Attributes:
        images: Image files that it asks for the vectors of.
        embedders: By which encoders; at least one where there is an image.
        finish: Ends it, given what became of each image.
        together: Ends it together with others; None where that isn't possible.
    """

    images: Sequence[bytes]
    embedders: Sequence[Embedder]
    finish: Callable[[Sequence[Passed | InvariantSelectError]], T]
    together: Together[T] | None = None

    def here(self) -> T:
        """Do it in this thread."""
        return self.finish(passes_of(self.embedders).run(self.images) if self.images else [])


@dataclass(frozen=True, eq=False)
class _Halfway(Generic[T]):
    """Work whose images were looked up.

    Attributes:
        known: What became of the images that needn't pass, by number.
    """

    work: ImageWork[T]
    passes: TrunkPasses
    looked_up: Sequence[Seen]
    known: Mapping[int, Passed | InvariantSelectError]

    @property
    def lacking(self) -> list[Seen]:
        return [seen for number, seen in enumerate(self.looked_up) if number not in self.known]

    def settled(self, results: Sequence[Passed | InvariantSelectError]) -> list[Passed | InvariantSelectError]:
        """What became of all images, given what became of those that had to pass."""
        others = iter(results)
        every = [self.known[number] if number in self.known else next(others) for number in range(len(self.looked_up))]
        self.passes.end(self.looked_up, every)
        return every

    def finish(self, results: Sequence[Passed | InvariantSelectError]) -> T:
        """Ends it, given what became of those that had to pass."""
        return self.work.finish(self.settled(results))

    def end_of(self, results: Sequence[Passed | InvariantSelectError], together: Together[T]) -> End[T]:
        """The same, for `service.embedding.ending`."""
        return End(together, lambda: together.prepare(self.settled(results)))


@dataclass(frozen=True, eq=False)
class _Done(Generic[T]):
    result: T


async def carry_out(engine: Engine, line: ImageLine, ending: Ending, begin: Callable[[], ImageWork[T]]) -> T:
    """Do work of a server; cancelled, what hasn't begun is not done.

    Args:
        engine: Where it begins and ends.
        line: Where its images pass.
        ending: Where works that are alike end together.
        begin: Begins it.

    Raises:
        InvariantSelectError: Whatever beginning or end raise.
    """
    started = await engine.run(partial(_start, begin, engine))
    if isinstance(started, _Done):
        return started.result
    began = time.time_ns()
    passed = await line.run(started.passes, started.lacking)
    tell_passes(began, passed)
    together = started.work.together
    if together is None:
        return await engine.run(partial(started.finish, passed))
    return await ending.end(started.end_of(passed, together))


def _start(begin: Callable[[], ImageWork[T]], engine: Engine) -> _Halfway[T] | _Done[T]:
    work = begin()
    if not work.images:
        return _Done(work.finish([]))
    passes = passes_of(work.embedders)
    looked_up = passes.look_up(work.images)
    known = {number: _opened(passes, seen) for number, seen in enumerate(looked_up) if passes.is_known(seen)}
    halfway = _Halfway(work, passes, looked_up, known)
    if not halfway.lacking:
        return _Done(halfway.finish([]))
    passed = _passed_here(passes, looked_up[0]) if engine.alone and len(looked_up) == 1 else None
    return halfway if passed is None else _Done(halfway.finish([passed]))


def _passed_here(passes: TrunkPasses, seen: Seen) -> Passed | InvariantSelectError | None:
    """What became of an image; None where it would hold this thread for long."""
    began = time.time_ns()
    try:
        opened = undecoded(seen.image, passes.limits)
    except InvariantSelectError as error:
        return error
    if is_large(opened.header):
        return None
    passed = passes.pass_one(seen, opened)
    tell_passes(began, [passed])
    return passed


def _opened(passes: TrunkPasses, seen: Seen) -> Passed | InvariantSelectError:
    try:
        return passes.begin(seen, undecoded(seen.image, passes.limits)).passed
    except InvariantSelectError as error:
        return error
