"""The command line in a process of its own, with a small encoder: ``python -m … SECONDS_AN_IMAGE ARGUMENT…``."""

from __future__ import annotations

import sys
import time

from PIL import Image

from encoders import catalog
from encoders.encoder import Encoder
from tests.fakes.pixel_encoder import PixelEncoder


class SlowEncoder(PixelEncoder):
    """Takes its time, so that a test can interrupt it."""

    def preprocess(self, image: Image.Image):  # type: ignore[no-untyped-def]
        time.sleep(seconds)
        return super().preprocess(image)


def load(name: str, **_: object) -> Encoder:
    return SlowEncoder()


if __name__ in ("__main__", "__mp_main__"):  # the second in the worker that a server starts
    seconds = float(sys.argv.pop(1)) if __name__ == "__main__" else 0.0
    catalog.load_encoder = load

if __name__ == "__main__":
    from service.cli import main

    main()
