"""One thread that runs every trunk, in batches made of whatever images wait, whoever sent them.

Two forward passes at once would only take cores from each other. Nobody waits for a batch to fill while the lane is
free: it takes what is there, and what comes meanwhile is the next batch. Only while further images are being decoded it
waits for them, a few milliseconds at most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias

from encoders.encoder import Encoder
from service.embedding.forward_each import Vector, forward_each
from service.metrics import Metrics

__all__ = ["Asker", "ForwardLane", "Forwarded"]

_PATIENCE = 0.003
# As if each further image of one request had come that many images later: a large batch lets single ones pass, and is
# never passed for ever.
_HANDICAP = 8


@dataclass(eq=False)
class Asker:
    """A request, as the lane knows it.

    Attributes:
        inside: How many of its images are in the lane.
        gone: Nobody waits for its images any more: what hasn't begun is skipped.
    """

    inside: int = 0
    gone: bool = False


@dataclass(frozen=True, eq=False)
class Forwarded:
    """An image that went through a trunk.

    Attributes:
        vector: (trunk_dim,) float32, L2-normalised.
        milliseconds: Its share of the batch's forward pass.
    """

    vector: Vector
    milliseconds: float


@dataclass(order=True)
class _Waiting:
    place: int
    number: int
    encoder: Encoder = field(compare=False)
    pixels: Vector = field(compare=False, repr=False)
    asker: Asker = field(compare=False)
    future: Future[Forwarded] = field(compare=False, default_factory=Future)


_Queue: TypeAlias = list[_Waiting]


class ForwardLane:
    """Runs trunks on a thread of its own. Thread-safe.

    Args:
        metrics: Where batches are told.
        patience: Seconds that it waits at most for images that are being decoded, to fill a batch.
    """

    def __init__(self, metrics: Metrics, *, patience: float = _PATIENCE) -> None:
        self._metrics = metrics
        self._patience = patience
        self._changed = threading.Condition()
        self._queues: dict[str, _Queue] = {}  # heaps by the trunk's fingerprint, none of them empty
        self._numbers = count()
        self._coming = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="forward-lane", daemon=True)
        self._thread.start()

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """While an image is decoded that will be submitted within."""
        with self._changed:
            self._coming += 1
        try:
            yield
        finally:
            with self._changed:
                self._coming -= 1
                self._changed.notify_all()

    def submit(self, encoder: Encoder, pixels: Vector, asker: Asker) -> Future[Forwarded]:
        """Queue a preprocessed image, (3, side, side) float32. The future is cancelled when its asker is gone.

        Args:
            encoder: Through whose trunk.
            pixels: Of the encoder's `preprocess`.
            asker: Who waits for it.
        """
        with self._changed:
            number = next(self._numbers)
            waiting = _Waiting(number + _HANDICAP * asker.inside, number, encoder, pixels, asker)
            if self._closed:
                waiting.future.cancel()
                return waiting.future
            asker.inside += 1
            heappush(self._queues.setdefault(encoder.identity.trunk, []), waiting)
            self._metrics.images_waiting.inc()
            self._changed.notify_all()
        return waiting.future

    def forward(self, encoder: Encoder, inputs: Sequence[Vector]) -> list[Vector | Exception]:
        """As `service.embedding.forward_each.forward_each`, in this lane, for a thread that can wait."""
        asker = Asker()
        futures = [self.submit(encoder, pixels, asker) for pixels in inputs]
        return [future.exception() or future.result().vector for future in futures]  # type: ignore[misc]

    def close(self) -> None:
        """End the batch that runs, and cancel what waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while self._run_next():
            pass
        with self._changed:
            for queue in self._queues.values():
                for waiting in queue:
                    waiting.future.cancel()
            self._queues.clear()

    def _run_next(self) -> bool:
        """A batch of its own call: what is held of it, its encoder too, is let go before the next one is waited for."""
        batch = self._next()
        if batch:
            self._run(batch)
        return batch is not None

    def _next(self) -> _Queue | None:
        """The images of the next batch, waited for, without those that nobody wants any more; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._queues)
            if self._closed:
                return None
            trunk, queue = min(self._queues.items(), key=lambda item: item[1][0])
            most = queue[0].encoder.batch
            self._changed.wait_for(
                lambda: self._closed or not self._coming or len(queue) >= most, timeout=self._patience
            )
            batch: _Queue = []
            while queue and len(batch) < most:
                waiting = heappop(queue)
                waiting.asker.inside -= 1
                self._metrics.images_waiting.dec()
                if _is_wanted(waiting):
                    batch.append(waiting)
            if not queue:
                del self._queues[trunk]
            return batch

    def _run(self, batch: _Queue) -> None:
        began = time.perf_counter()
        results = forward_each(batch[0].encoder, [waiting.pixels for waiting in batch])
        seconds = time.perf_counter() - began
        share = 1000 * seconds / len(batch)
        self._metrics.batch(len(batch), seconds)
        for waiting, result in zip(batch, results, strict=True):
            if isinstance(result, Exception):
                waiting.future.set_exception(result)
            else:
                waiting.future.set_result(Forwarded(result, share))


def _is_wanted(waiting: _Waiting) -> bool:
    if waiting.asker.gone:
        waiting.future.cancel()
    return waiting.future.set_running_or_notify_cancel()
