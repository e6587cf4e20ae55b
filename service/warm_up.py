"""A server is ready when its encoder has run: loading and the first forward pass take seconds, the second doesn't."""

from __future__ import annotations

import structlog
from PIL import Image

from invariantselect.errors import InvariantSelectError, NotReadyError
from service.encoder_shelf import EncoderShelf

__all__ = ["WarmUp"]

_log = structlog.get_logger("service.warm_up")


class WarmUp:
    """Runs the default encoder once.

    Args:
        encoders: Where it is.
        name: Which one.
    """

    def __init__(self, encoders: EncoderShelf, name: str) -> None:
        self._encoders = encoders
        self._name = name
        self._done = False
        self._failure: InvariantSelectError | None = None

    def run(self) -> None:
        """Load the encoder and run a picture through it; a failure is kept for `check` to tell."""
        try:
            encoder = self._encoders.get(self._name)
            side = encoder.identity.image_size
            encoder.encode([Image.radial_gradient("L").resize((side, side)).convert("RGB")])
        except InvariantSelectError as error:
            self._failure = error
            _log.exception("warm_up_failed", encoder=self._name, detail=error.detail, hint=error.hint)
            return
        self._done = True
        _log.info("ready", encoder=self._name, fingerprint=encoder.identity.fingerprint)

    def check(self) -> None:
        """Pass a server that is ready.

        Raises:
            NotReadyError: The forward pass hasn't run yet, or failed; the detail says why.
        """
        if self._failure is not None:
            raise NotReadyError(
                f"the encoder {self._name} can't be used: {self._failure.detail}", hint=self._failure.hint
            )
        if not self._done:
            raise NotReadyError(f"the encoder {self._name} is being loaded", retry_after=1)
