"""Images on their way through a server: slow, large, broken and forsaken ones harm nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

import service.embedding.image_line
from encoders.decode import DecodeLimits, Undecoded
from invariantselect.errors import ImageUnreadableError, InvariantSelectError
from service.embedding.embedder import Embedder, passes_of
from service.embedding.forward_lane import ForwardLane
from service.embedding.image_line import ImageLine
from service.embedding.trunk_passes import Passed
from service.metrics import Metrics
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.pictures import png


class Watched(PixelEncoder):
    """Counts the images it has seen; waits while its gate is shut."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.seen = 0

    def forward(self, batch: np.ndarray) -> np.ndarray:
        assert self.gate.wait(20)
        self.seen += len(batch)
        return super().forward(batch)


class SlowPictures:
    """Pictures of one width take until their gate is opened to be decoded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
        self.gate = threading.Event()
        self.begun = 0
        plain = Undecoded.decode

        def decode(opened: Undecoded) -> Image.Image:
            if opened.header.width == width:
                self.begun += 1
                assert self.gate.wait(20)
            return plain(opened)

        monkeypatch.setattr(Undecoded, "decode", decode)


@pytest.fixture
def lane() -> Any:
    made = ForwardLane(Metrics())
    yield made
    made.close()


@pytest.fixture
async def line(lane: ForwardLane) -> AsyncIterator[ImageLine]:
    made = ImageLine(2, lane)
    yield made
    made.close()


async def run(line: ImageLine, encoder: PixelEncoder, *images: bytes) -> list[Passed | InvariantSelectError]:
    passes = passes_of([Embedder(encoder, DecodeLimits())])
    return await line.run(passes, passes.look_up(images))


def vector(result: Passed | InvariantSelectError) -> np.ndarray:
    assert isinstance(result, Passed)
    (made,) = result.vectors.values()
    return made


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- threads change it
            await asyncio.sleep(0.001)


async def test_it_gives_what_one_thread_gives(line: ImageLine) -> None:
    images = [png(number) for number in range(40)]
    expected = passes_of([Embedder(PixelEncoder(), DecodeLimits())]).run(images)
    got = await run(line, PixelEncoder(), *images)
    np.testing.assert_array_equal(np.stack(list(map(vector, got))), np.stack(list(map(vector, expected))))
    assert all(each.decode_ms > 0 and each.encode_ms > 0 for each in got if isinstance(each, Passed))


async def test_a_broken_image_fails_alone(line: ImageLine) -> None:
    got = await run(line, PixelEncoder(), png(1), b"\x89PNG\r\n\x1a\nbroken", png(2))
    assert [isinstance(each, ImageUnreadableError) for each in got] == [False, True, False]


async def test_a_slow_image_holds_up_nobody(line: ImageLine, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowPictures(monkeypatch, width=9)
    waiting = asyncio.create_task(run(line, PixelEncoder(), png(1, side=9)))
    await until(lambda: slow.begun)
    for number in range(5):
        await asyncio.wait_for(run(line, PixelEncoder(), png(number)), 20)
    assert not waiting.done()
    slow.gate.set()
    assert isinstance((await waiting)[0], Passed)


async def test_large_images_hold_up_only_large_ones(line: ImageLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.embedding.image_line, "_LARGE", 200)
    slow = SlowPictures(monkeypatch, width=20)
    large = [asyncio.create_task(run(line, PixelEncoder(), png(number, side=20))) for number in range(50)]
    await until(lambda: slow.begun)
    for number in range(5):
        await asyncio.wait_for(run(line, PixelEncoder(), png(number)), 20)
    assert slow.begun == 1
    slow.gate.set()
    assert all(isinstance(result, Passed) for (result,) in await asyncio.gather(*large))


async def test_a_request_that_is_cancelled_leaves_the_line(line: ImageLine) -> None:
    encoder = Watched()
    encoder.gate.clear()
    first = asyncio.create_task(run(line, encoder, png(0)))
    forsaken = [asyncio.create_task(run(line, encoder, *map(png, range(1, 30)))) for _ in range(4)]
    await asyncio.sleep(0.01)
    for task in forsaken:
        task.cancel()
    await asyncio.wait(forsaken)
    last = asyncio.create_task(run(line, encoder, png(1)))  # there is room for it again
    encoder.gate.set()
    assert isinstance((await first)[0], Passed)
    assert isinstance((await last)[0], Passed)
    assert encoder.seen <= 1 + 8 + 1  # one batch may have begun with them


async def test_a_fault_of_the_encoder_reaches_who_asked_and_nobody_else(line: ImageLine) -> None:
    class Faulty(PixelEncoder):
        def forward(self, batch: np.ndarray) -> np.ndarray:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run(line, Faulty(), *map(png, range(20)))
    assert len(await run(line, PixelEncoder(), *map(png, range(20)))) == 20


async def test_decoded_images_that_wait_are_few(line: ImageLine, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, decoded, most = Watched(), 0, 0
    encoder.gate.clear()
    plain = Undecoded.decode

    def decode(opened: Undecoded) -> Image.Image:
        nonlocal decoded, most
        decoded += 1
        most = max(most, decoded - encoder.seen)
        return plain(opened)

    monkeypatch.setattr(Undecoded, "decode", decode)
    requests = [asyncio.create_task(run(line, encoder, *map(png, range(40)))) for _ in range(6)]
    await until(lambda: decoded == 32)
    encoder.gate.set()
    for results in await asyncio.gather(*requests):
        assert all(isinstance(each, Passed) for each in results)
    assert most <= 32 + 2  # a thread may decode the next before another has counted its batch
