"""A server is ready when its encoder has run: loading and the first forward pass take seconds, the second doesn't."""

from __future__ import annotations

import asyncio

import structlog
from PIL import Image

from encoders.encoder import EncoderIdentity
from invariantselect.errors import InvariantSelectError, NotReadyError
from service.embedding.encoder_shelf import EncoderShelf
from service.embedding.engine import Engine

__all__ = ["WarmUp"]

_log = structlog.get_logger("service.embedding.warm_up")


class WarmUp:
    """Runs the default encoder once, while the server already answers what needs no encoder.

    Args:
        encoders: Where it is.
        name: Which one.
    """

    def __init__(self, encoders: EncoderShelf, name: str) -> None:
        self._encoders = encoders
        self._name = name
        self._task: asyncio.Task[EncoderIdentity] | None = None

    def begin(self, engine: Engine) -> None:
        """Load the encoder and put a picture through it, on a thread of the engine."""
        self._task = asyncio.get_running_loop().create_task(engine.run(self._forward))
        self._task.add_done_callback(self._tell)

    async def end(self) -> None:
        """Wait until it is over, however it ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    def check(self) -> None:
        """Pass a server that is ready.

        Raises:
            NotReadyError: The forward pass hasn't run yet, or failed; the detail says why.
        """
        if self._task is None or not self._task.done():
            raise NotReadyError(f"the encoder {self._name} is being loaded", retry_after=1)
        error = self._task.exception()
        if isinstance(error, InvariantSelectError):
            raise NotReadyError(f"the encoder {self._name} can't be used: {error.detail}", hint=error.hint)
        if error is not None:
            raise NotReadyError(f"the encoder {self._name} failed with {type(error).__name__}; see the server's log")

    def _forward(self) -> EncoderIdentity:
        encoder = self._encoders.get(self._name)
        side = encoder.identity.image_size
        encoder.encode([Image.radial_gradient("L").resize((side, side)).convert("RGB")])
        return encoder.identity

    def _tell(self, task: asyncio.Task[EncoderIdentity]) -> None:
        error = task.exception()
        if error is None:
            _log.info("ready", encoder=self._name, fingerprint=task.result().fingerprint)
        else:
            _log.error("warm_up_failed", encoder=self._name, error=str(error), exc_info=error)
