"""A server is ready when its encoder has run: loading and the first forward pass take seconds, the second doesn't."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from PIL import Image

from encoders.encoder import EncoderIdentity
from invariantselect.errors import InvariantSelectError, NotReadyError
from service.embedding.encoder_shelf import EncoderShelf
from service.embedding.engine import Engine

__all__ = ["WarmUp"]

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_log = structlog.get_logger("service.embedding.warm_up")


class WarmUp:
    """Runs the default encoder once, while the server already answers what needs no encoder.

    Where that fails, it is tried again, less and less often: a model hub or a card's memory may be away for a minute.

    Args:
        encoders: Where it is.
        name: Which one.
    """

    def __init__(self, encoders: EncoderShelf, name: str) -> None:
        self._encoders = encoders
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._ready = False
        self._ending = asyncio.Event()

    def begin(self, engine: Engine) -> None:
        """Load the encoder and put a picture through it, on a thread of the engine."""
        self._task = asyncio.get_running_loop().create_task(self._until_it_runs(engine))

    async def end(self) -> None:
        """Wait until an attempt that has begun is over; there are no more."""
        self._ending.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def check(self, *, tell_why: bool) -> None:
        """Pass a server that is ready.

        Args:
            tell_why: Whether whoever asks may know, and which encoder it is: its name may be a path.

        Raises:
            NotReadyError: The forward pass hasn't run yet, or failed.
        """
        name, error = f"the encoder {self._name}" if tell_why else "the encoder", self._error
        if isinstance(error, InvariantSelectError) and tell_why:
            raise NotReadyError(f"{name} can't be used: {error.detail}", hint=error.hint)
        if error is not None:
            raise NotReadyError(f"{name} failed with {type(error).__name__}; see the server's log")
        if not self._ready:
            raise NotReadyError(f"{name} is being loaded", retry_after=1)

    async def _until_it_runs(self, engine: Engine) -> None:
        pause = _FIRST_PAUSE_S
        while not self._ending.is_set():
            try:
                async with engine.admission(again=True):
                    identity = await engine.run(self._forward)
            except Exception as error:  # noqa: BLE001 -- whatever it is, /readyz tells it
                self._error = error
                _log.error("warm_up_failed", encoder=self._name, error=str(error), exc_info=error, again_in=pause)
            else:
                self._error, self._ready = None, True
                _log.info("ready", encoder=self._name, fingerprint=identity.fingerprint)
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _forward(self) -> EncoderIdentity:
        encoder = self._encoders.get(self._name)
        side = encoder.identity.image_size
        encoder.encode([Image.radial_gradient("L").resize((side, side)).convert("RGB")])
        return encoder.identity
