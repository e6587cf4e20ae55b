"""Folders and manifests for the tests of sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from index.sources import Ignored, Record, Rejected, Source
from tests.encoders.pictures import encoded


def png(number: int) -> bytes:
    """A small picture, another for each number."""
    return encoded(np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8), "PNG")


def put(root: Path, *names: str, content: bytes | None = None) -> Path:
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number) if content is None else content)
    return root


def records(source: Source) -> list[Record]:
    return [item for item in source if isinstance(item, Record)]


def rejected(source: Source) -> dict[str, str]:
    return {item.where: item.error.detail for item in source if isinstance(item, Rejected)}


def ignored(source: Source) -> dict[str, str]:
    return {item.where: item.reason for item in source if isinstance(item, Ignored)}


@contextmanager
def opening_no_image() -> Iterator[None]:
    """Reading an image fails the test."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("index.sources.confined.os.open", lambda *_: pytest.fail("an image was opened"))
        yield
