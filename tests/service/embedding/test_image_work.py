"""Where a server does the parts of a work: the one image of a request that is alone stays in the thread it began in."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

import service.embedding.image_line
from encoders.decode import DecodeLimits
from invariantselect.errors import ImageUnreadableError, InvariantSelectError
from service.embedding.embedder import Embedder, Passed
from service.embedding.ending import Ending, Together
from service.embedding.engine import Engine
from service.embedding.forward_lane import ForwardLane
from service.embedding.image_line import ImageLine
from service.embedding.image_work import ImageWork, carry_out
from service.metrics import Metrics
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.pictures import png


class Placed(PixelEncoder):
    """Remembers which threads decoded for it."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []

    def preprocess(self, image: Image.Image) -> np.ndarray:
        self.threads.append(threading.current_thread().name.rpartition("_")[0])
        return super().preprocess(image)


@dataclass
class Server:
    """What carries work out, and what was asked of it."""

    engine: Engine
    line: ImageLine
    ending: Ending
    lane: ForwardLane
    encoder: Placed = field(default_factory=Placed)

    async def vectors(self, *images: bytes, inside: int = 1) -> list[np.ndarray]:
        """Of images of one request, while so many requests are inside."""
        embedder = Embedder(self.encoder, DecodeLimits(), forward=self.lane.forward)

        def prepare(passed: Sequence[Passed | InvariantSelectError]) -> list[np.ndarray]:
            return [vector_of(each) for each in passed]

        together = Together("all", prepare, list)
        work = ImageWork(images, [embedder], prepare, together)
        async with contextlib.AsyncExitStack() as others:
            for _ in range(inside):
                await others.enter_async_context(self.engine.admission())
            return await carry_out(self.engine, self.line, self.ending, lambda: work)


def vector_of(passed: Passed | InvariantSelectError) -> np.ndarray:
    if isinstance(passed, InvariantSelectError):
        raise passed
    (vector,) = passed.vectors.values()
    return vector


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    engine, lane = Engine(2, 10, Metrics()), ForwardLane(Metrics())
    made = Server(engine, ImageLine(2, lane), Ending(engine, 1), lane)
    yield made
    engine.close()
    made.line.close()
    lane.close()


async def test_the_image_of_a_request_that_is_alone_stays_where_it_began(server: Server) -> None:
    (alone,) = await server.vectors(png(1))
    assert server.encoder.threads == ["engine"]
    (in_company,) = await server.vectors(png(1), inside=2)
    assert server.encoder.threads == ["engine", "decode"]
    np.testing.assert_array_equal(alone, in_company)


async def test_several_images_are_decoded_at_once(server: Server) -> None:
    await server.vectors(png(1), png(2))
    assert server.encoder.threads == ["decode", "decode"]


async def test_a_large_image_waits_with_its_like(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.embedding.image_line, "_LARGE", 8 * 8 - 1)
    await server.vectors(png(1, side=8))
    assert server.encoder.threads == ["decode-large"]


@pytest.mark.parametrize("inside", [1, 2])
async def test_what_is_wrong_with_an_image_is_told(server: Server, inside: int) -> None:
    with pytest.raises(ImageUnreadableError):
        await server.vectors(b"\x89PNG\r\n\x1a\nbroken", inside=inside)
    with pytest.raises(ImageUnreadableError):
        await server.vectors(png(1)[:60], inside=inside)  # the header can be read
    assert server.encoder.threads == []
