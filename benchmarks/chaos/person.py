"""Somebody who uses the service while parts of it die, and takes note of what it answers."""

from __future__ import annotations

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence

import httpx2

from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.worlds import Contradiction
from invariantselect import Client
from invariantselect.errors import (
    CatalogUnavailableError,
    ConnectionFailedError,
    EncoderVersionChangedError,
    InvariantSelectError,
    NotReadyError,
    OverloadedError,
)

__all__ = ["PASSING", "Person", "was_sent"]

PASSING = (
    CatalogUnavailableError,
    ConnectionFailedError,
    EncoderVersionChangedError,
    NotReadyError,
    OverloadedError,
)
"""What somebody who asks a service that is being killed has to expect; any other error is a finding."""

_PAUSE = 0.1


class Person(threading.Thread, ABC):
    """Acts again and again until told to stop.

    Args:
        addresses: Of the servers; each time one of them is asked.
        seed: Of what is done.
        ledger: What happened.
    """

    def __init__(self, addresses: Sequence[str], seed: str, ledger: Ledger) -> None:
        super().__init__(name=f"{type(self).__name__} {seed}", daemon=True)
        self._clients = [Client(address, max_retries=0, timeout=300) for address in addresses]
        self.client = self._clients[0]
        self.chance = random.Random(seed)
        self.ledger = ledger
        self._stop_asked = threading.Event()

    @abstractmethod
    def act(self) -> None:
        """Ask for one thing; a passing error may leave it."""

    def run(self) -> None:
        """Act until told to stop."""
        while not self._stop_asked.is_set():
            self.client = self.chance.choice(self._clients)
            try:
                self.act()
            except Contradiction as wrong:
                self.ledger.finding(f"{self.name}: {wrong}")
                return
            except PASSING as error:
                self.ledger.count(f"passing {error.code}")
                self._stop_asked.wait(_PAUSE)
            except InvariantSelectError as error:
                self.ledger.finding(f"{self.name}: {error.code}: {error.detail}")
                self._stop_asked.wait(_PAUSE)
            except Exception as error:  # noqa: BLE001 -- whatever it is, it's a finding and not the end of the drive
                self.ledger.finding(f"{self.name}: {type(error).__name__}: {error}")
                return

    def stop(self) -> None:
        """Stop after what is being done."""
        self._stop_asked.set()


def was_sent(error: InvariantSelectError) -> bool:
    """Whether the request that failed so may have come to effect."""
    return not isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
