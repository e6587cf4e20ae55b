"""The encoders of a server: allowed by name, loaded when first needed, kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from encoders.encoder import Encoder, EncoderIdentity
from invariantselect.errors import EncoderNotFoundError, EncoderUnavailableError, FingerprintMismatchError

__all__ = ["EncoderLoader", "EncoderShelf", "check_fingerprint"]

EncoderLoader: TypeAlias = Callable[[str], Encoder]


class EncoderShelf:
    """Encoders by name.

    A name may be a path of this machine, so a request can only use the names that the settings allow.

    Args:
        allowed: The names.
        load: Loads an encoder by name.
    """

    def __init__(self, allowed: Sequence[str], load: EncoderLoader) -> None:
        self._load = load
        self._loaded: dict[str, Encoder] = {}
        self._allowed = list(dict.fromkeys(allowed))
        self._locks = {name: threading.Lock() for name in self._allowed}

    @property
    def names(self) -> list[str]:
        """The allowed names, the default one first."""
        return list(self._allowed)

    def get(self, name: str) -> Encoder:
        """An encoder, loaded if it wasn't; this may take seconds. Two threads that ask at once load it once.

        Raises:
            EncoderNotFoundError: The name is not allowed on this server.
            EncoderUnavailableError: It can't be loaded.
        """
        if name in self._allowed:
            return self._once(name)
        if "/" in name:
            # A pool keeps the full name of its encoder, the settings may have written a path in another way.
            for allowed in self._allowed:
                with suppress(EncoderUnavailableError):
                    if self._once(allowed).identity.name == name:
                        return self._once(allowed)
        raise EncoderNotFoundError(
            f"this server doesn't serve the encoder {name[:200]!r}",
            hint=f"It serves {', '.join(self._allowed)}; its operator allows more with INVARIANTSELECT_ENCODERS.",
        )

    def get_adapted(self, name: str) -> Encoder:
        """An encoder that was adapted to a pool of this data directory. Its name comes from the catalog, not from a
        request, so it needn't be allowed.

        Raises:
            EncoderUnavailableError: It can't be loaded.
        """
        return self._once(name)

    def _once(self, name: str) -> Encoder:
        with self._locks.setdefault(name, threading.Lock()):
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]

    def identity(self, name: str) -> EncoderIdentity | None:
        """Who the encoder is, if it is loaded."""
        encoder = self._loaded.get(name)
        return None if encoder is None else encoder.identity


def check_fingerprint(wanted: str, given: str, *, whose: str) -> None:
    """Refuse to compare vectors of two spaces.

    Raises:
        FingerprintMismatchError: The fingerprints differ.
    """
    if wanted != given:
        raise FingerprintMismatchError(
            f"the pool's vectors have the fingerprint {wanted[:12]}…, {whose} has {given[:64][:12]}…",
            pool_fingerprint=wanted,
        )
