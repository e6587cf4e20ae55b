"""The real service behind a real socket, with an encoder that costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.app import create_app
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.live_server import live

ENCODER = "pixel-16-0"


@contextmanager
def live_service(data: Path, **settings: Any) -> Iterator[str]:
    """Its address. Stopped at the end, with every file closed."""
    chosen: dict[str, Any] = {"data": data, "encoder": ENCODER, **settings}
    with live(create_app(Settings(**chosen), load_encoder=lambda _name: PixelEncoder())) as url:
        yield url
