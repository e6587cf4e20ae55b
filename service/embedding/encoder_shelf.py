"""The encoders of a server: allowed by name, loaded when first needed, kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from encoders.encoder import Encoder, EncoderIdentity
from index.encoder_version import FROZEN, EncoderVersion
from invariantselect.errors import EncoderNotFoundError, EncoderUnavailableError, FingerprintMismatchError
from service.embedding.adapted_encoders import AdaptedEncoders
from service.embedding.loading import LoadFailures, LoadNeededError, may_wait

__all__ = ["EncoderLoader", "EncoderShelf", "check_fingerprint"]

EncoderLoader: TypeAlias = Callable[[str], Encoder]


class EncoderShelf:
    """Encoders by name.

    A name may be a path of this machine, so a request can only use the names that the settings allow.

    Args:
        allowed: The names.
        load: Loads an encoder by name.
        most_adapted: How many encoders that were adapted to pools stay loaded.

    Attributes:
        adapted: Those that were adapted to pools.
    """

    def __init__(self, allowed: Sequence[str], load: EncoderLoader, *, most_adapted: int = 4) -> None:
        self.adapted = AdaptedEncoders(load, most_adapted)
        self._load = load
        self._loaded: dict[str, Encoder] = {}
        self._failures = LoadFailures()
        self._locks = {name: threading.Lock() for name in allowed}

    @property
    def names(self) -> list[str]:
        """The allowed names, the default one first."""
        return list(self._locks)

    def get(self, name: str) -> Encoder:
        """An encoder, loaded if it wasn't; this may take seconds. Two threads that ask at once load it once.

        Raises:
            EncoderNotFoundError: The name is not allowed on this server.
            EncoderUnavailableError: It can't be loaded.
            LoadNeededError: It isn't loaded, and this thread may not wait.
        """
        if name in self._locks:
            return self._once(name)
        if "/" in name:
            # A pool keeps the full name of its encoder, the settings may have written a path in another way.
            for allowed in self._locks:
                with suppress(EncoderUnavailableError):
                    if self._once(allowed).identity.name == name:
                        return self._once(allowed)
        raise EncoderNotFoundError(
            f"this server doesn't serve the encoder {name[:200]!r}",
            hint=f"It serves {', '.join(self._locks)}; its operator allows more with INVARIANTSELECT_ENCODERS.",
        )

    def get_version(self, pool_key: str, version: EncoderVersion) -> Encoder:
        """The encoder of a pool's version. An adapted one has the name that its pool and its number give it, which no
        request has a say in; so it needn't be allowed.

        Raises:
            EncoderNotFoundError: The version names another encoder, and that isn't allowed on this server.
            EncoderUnavailableError: It can't be loaded.
        """
        if version.number != FROZEN and version.encoder == f"{pool_key}/{version.number}":
            return self.adapted.get(pool_key, version.number)
        return self.get(version.encoder)

    def _once(self, name: str) -> Encoder:
        loaded = self._loaded.get(name)
        if loaded is not None:
            return loaded
        if not may_wait():
            self._failures.check(name)
            raise LoadNeededError(name, partial(self._once, name))
        with self._locks[name]:
            if name not in self._loaded:
                with self._failures.noted(name):
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
