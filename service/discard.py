"""Giving up an encoder version that doesn't serve: what it learnt, and every vector that was made by it."""

from __future__ import annotations

import shutil
from pathlib import Path

from index.encoder_version import FROZEN
from index.pool import Pool
from invariantselect.errors import EncoderVersionInUseError, EncoderVersionNotFoundError

__all__ = ["check_may_be_discarded", "discard"]


def discard(pool: Pool, number: int, store: Path) -> None:
    """Remove a retired version from a pool and from the disk; its number isn't given again.

    Killed on the way, the version is gone, and a worker removes its files.

    Args:
        pool: The pool.
        number: Of the version.
        store: Where adapted encoders lie.

    Raises:
        EncoderVersionInUseError: It is the encoder that the pool was made with, it serves, it is being made, or another
            pool was made with it.
        EncoderVersionNotFoundError: There is no such version.
        PoolNotFoundError: The pool was dropped.
        CatalogUnavailableError: The database doesn't answer.
    """
    check_may_be_discarded(pool, number)
    pool.discard(number, for_good=True)
    shutil.rmtree(store / pool.key / str(number), ignore_errors=True)


def check_may_be_discarded(pool: Pool, number: int) -> None:
    """Refuse a version that is in use, as `discard` does: for who asks somebody before.

    Raises:
        EncoderVersionInUseError, EncoderVersionNotFoundError, CatalogUnavailableError: As `discard`.
    """
    found = next((version for version in pool.versions() if version.number == number), None)
    if found is None:
        raise EncoderVersionNotFoundError(f"the pool {pool.name!r} has no encoder version {number}", pool=pool.name)
    which = f"the encoder version {number} of the pool {pool.name!r}"
    if number == FROZEN:
        raise EncoderVersionInUseError(f"{which} is the one it was made with, and stays", hint="Drop the pool instead.")
    if found.live:
        raise EncoderVersionInUseError(f"{which} serves", hint="Go back to another version first, or on to number 1.")
    if found.state == "candidate":
        raise EncoderVersionInUseError(f"{which} is still being made", hint="Wait for its job to end, or cancel it.")
