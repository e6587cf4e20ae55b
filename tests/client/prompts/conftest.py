"""Images and selections that the prompt tests share."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from invariantselect.selection import Selection
from invariantselect.wire.selections import Selected
from invariantselect.wire.selections import Selection as WireSelection


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """A picture that compresses badly."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def make_selection(labels: list[str], *, query: bytes | None = None, side: int = 40) -> Selection:
    shown = [
        Selected(id=f"{label}/{place}", label=label, score=0.5, rank=place + 1, image_url="/x", media_type="image/png")
        for place, label in enumerate(labels)
    ]
    wire = WireSelection(
        pool="animals",
        snapshot=1,
        encoder="e",
        fingerprint="f",
        strategy="topk_nearest",
        k=len(labels),
        shortfall=0,
        demonstrations=shown,
    )
    images = {each.id: encoded(noise(side, side, place)) for place, each in enumerate(shown)}
    return Selection.from_wire(wire, images=images, query_image=query)


@pytest.fixture
def selection() -> Selection:
    """Three demonstrations (cat, dog, cat) and a query image."""
    return make_selection(["cat", "dog", "cat"], query=encoded(noise(50, 30, 99)))


@pytest.fixture
def selection_of() -> Callable[..., Selection]:
    return make_selection
