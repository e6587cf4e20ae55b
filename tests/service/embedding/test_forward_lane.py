"""The lane that runs the trunks: what meets in it shares a batch, what is broken fails alone, what left is skipped."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import numpy as np
import pytest

from encoders.decode import decode
from invariantselect.errors import InternalError
from service.embedding.forward_lane import Asker, Forwarded, ForwardLane
from service.metrics import Metrics
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.pictures import png


class Gated(PixelEncoder):
    """Waits for its gate before each batch, and remembers the first pixel of each image of it."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed=seed)
        self.gate = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.batches: list[list[float]] = []

    def forward(self, batch: np.ndarray) -> np.ndarray:
        self.entered.release()
        assert self.gate.acquire(timeout=20)
        self.batches.append([float(image[0, 0, 0]) for image in batch])
        if len(batch) > 1 and any(image[0, 0, 0] < 0 for image in batch):
            raise RuntimeError("the batch fails as a whole")
        if batch[0, 0, 0, 0] < 0:
            raise InternalError("this image fails")
        return super().forward(batch)


@pytest.fixture
def lane() -> Iterator[ForwardLane]:
    made = ForwardLane(Metrics(), patience=0.0)
    yield made
    made.close()


def marked(number: float) -> np.ndarray:
    """An input that can be told from others; a negative one breaks whatever it is in."""
    return np.full((3, 8, 8), number, np.float32)


def submitted(
    lane: ForwardLane, encoder: PixelEncoder, *numbers: float, asker: Asker | None = None
) -> list[Future[Forwarded]]:
    return [lane.submit(encoder, marked(number), asker or Asker()) for number in numbers]


def occupied(lane: ForwardLane, encoder: Gated) -> Future[Forwarded]:
    """Something that keeps the lane busy until its gate is opened once."""
    (first,) = submitted(lane, encoder, 99)
    assert encoder.entered.acquire(timeout=20)
    return first


def test_an_image_alone_is_not_kept_waiting_and_those_that_come_meanwhile_share_a_batch(lane: ForwardLane) -> None:
    encoder = Gated()
    first = occupied(lane, encoder)
    others = submitted(lane, encoder, *range(1, 13))
    encoder.gate.release(3)
    results = [future.result(20) for future in [first, *others]]
    assert encoder.batches == [[99], [1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12]]
    expected = PixelEncoder().forward(np.stack([marked(number) for number in (99, *range(1, 13))]))
    np.testing.assert_array_equal(np.stack([each.vector for each in results]), expected)
    assert all(each.milliseconds >= 0 for each in results)


def test_a_batch_that_fails_as_a_whole_is_tried_one_by_one(lane: ForwardLane) -> None:
    encoder = Gated()
    occupied(lane, encoder)
    one, broken, other = submitted(lane, encoder, 1, -1, 2)
    encoder.gate.release(5)
    assert isinstance(broken.exception(20), InternalError)
    np.testing.assert_array_equal(one.result(20).vector, PixelEncoder().forward(marked(1)[np.newaxis])[0])
    np.testing.assert_array_equal(other.result(20).vector, PixelEncoder().forward(marked(2)[np.newaxis])[0])
    assert encoder.batches[1:] == [[1, -1, 2], [1], [-1], [2]]


def test_who_has_gone_is_skipped_and_takes_no_place_in_a_batch(lane: ForwardLane) -> None:
    encoder = Gated()
    occupied(lane, encoder)
    leaver = Asker()
    gone = submitted(lane, encoder, *range(1, 9), asker=leaver)
    (cancelled,) = submitted(lane, encoder, 20)
    stayed = submitted(lane, encoder, 30, 31)
    leaver.gone = True
    cancelled.cancel()
    encoder.gate.release(2)
    for future in stayed:
        future.result(20)
    assert encoder.batches == [[99], [30, 31]]
    for future in gone:
        with pytest.raises(CancelledError):
            future.result(20)


def test_trunks_share_the_lane_and_never_a_batch(lane: ForwardLane) -> None:
    encoder, other = Gated(), Gated(seed=1)
    occupied(lane, encoder)
    futures = [*submitted(lane, encoder, 1), *submitted(lane, other, 2), *submitted(lane, encoder, 3)]
    encoder.gate.release(2)
    assert other.entered.acquire(timeout=20)
    assert encoder.batches == [[99], [1, 3]]
    other.gate.release()
    np.testing.assert_array_equal(futures[1].result(20).vector, PixelEncoder(seed=1).forward(marked(2)[np.newaxis])[0])


def test_one_image_of_another_passes_a_long_batch_and_is_not_passed_for_ever(lane: ForwardLane) -> None:
    encoder = Gated()
    occupied(lane, encoder)
    many = submitted(lane, encoder, *range(1, 25), asker=Asker())
    (single,) = submitted(lane, encoder, 50)
    encoder.gate.release(2)
    single.result(20)
    assert 50 in encoder.batches[1]
    for _ in range(40):  # others come as fast as the lane is
        submitted(lane, encoder, *[60] * 8)
        encoder.gate.release()
        assert encoder.entered.acquire(timeout=20)
        if many[-1].done():
            break
    assert many[-1].done()
    encoder.gate.release(1000)


def test_it_waits_a_moment_for_what_is_being_decoded() -> None:
    lane, encoder = ForwardLane(Metrics(), patience=20.0), Gated()
    encoder.gate.release(3)
    with lane.expecting():
        first = submitted(lane, encoder, 1)
        second = submitted(lane, encoder, 2)
        assert not first[0].done()
    for future in [*first, *second]:
        future.result(20)
    assert encoder.batches == [[1, 2]]
    with lane.expecting():
        for future in submitted(lane, encoder, *range(8)):  # a full batch waits for nobody
            future.result(10)
    lane.close()


def test_a_moment_is_over_even_if_nothing_comes() -> None:
    lane, encoder = ForwardLane(Metrics(), patience=0.001), Gated()
    encoder.gate.release()
    with lane.expecting():
        submitted(lane, encoder, 1)[0].result(20)
    lane.close()


def test_a_thread_can_wait_for_a_batch_of_its_own(lane: ForwardLane) -> None:
    encoder = Gated()
    encoder.gate.release(100)
    done = lane.forward(encoder, [marked(1), marked(-1), marked(2)])
    assert [isinstance(each, Exception) for each in done] == [False, True, False]


def test_closed_it_ends_what_runs_and_cancels_the_rest() -> None:
    lane, encoder = ForwardLane(Metrics()), Gated()
    running = occupied(lane, encoder)
    (waiting,) = submitted(lane, encoder, 1)
    closing = threading.Thread(target=lane.close)
    closing.start()
    while not submitted(lane, encoder, 2)[0].cancelled():
        pass
    encoder.gate.release()
    closing.join(20)
    assert running.result(0).vector.shape == (16,)
    assert waiting.cancelled()


def test_real_pictures_get_the_vectors_that_they_get_alone(lane: ForwardLane) -> None:
    encoder = PixelEncoder()
    inputs = [encoder.preprocess(decode(png(number))) for number in range(20)]
    together = lane.forward(encoder, inputs)
    for pixels, vector in zip(inputs, together, strict=True):
        np.testing.assert_array_equal(vector, encoder.forward(pixels[np.newaxis])[0])
