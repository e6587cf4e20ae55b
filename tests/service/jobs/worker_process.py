"""A worker with the kinds of the tests beside the real ones, and a small encoder: ``python -m … SECONDS_AN_IMAGE``.

Its settings are its environment.
"""

from __future__ import annotations

import sys
import time

from PIL import Image

from service.jobs.kinds import KINDS
from service.jobs.worker import run_worker
from service.logs import configure_logs
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.jobs.kinds import KINDS as TEST_KINDS


class SlowEncoder(PixelEncoder):
    """Takes its time, so that a test can come in between."""

    def preprocess(self, image: Image.Image):  # type: ignore[no-untyped-def]
        time.sleep(float(sys.argv[1]))
        return super().preprocess(image)


if __name__ == "__main__":
    settings = Settings()
    configure_logs(settings)
    run_worker(settings, load=lambda _name: SlowEncoder(), kinds={**KINDS, **TEST_KINDS})
