"""Going back to an earlier encoder version of a pool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.encoder_version import FROZEN, EncoderVersion
from index.pool import Pool
from index.recoding import RecodeFor, RowsToEncode
from invariantselect.errors import EncoderVersionNotFoundError, InvalidRequestError, PoolNotAdaptedError

__all__ = ["roll_back"]


def roll_back(pool: Pool, recode_for: RecodeFor, to: int | None = None) -> int:
    """Let an earlier version serve again. What it lacks is encoded first; queries go on meanwhile.

    Args:
        pool: The pool.
        recode_for: What encodes by a version.
        to: Number of the version, `FROZEN` for no adapted one; None for the newest one before the serving one that was
            admitted to serve, else `FROZEN`.

    Returns:
        The number of the version that serves.

    Raises:
        PoolNotAdaptedError: No adapted version serves, and none is named.
        EncoderVersionNotFoundError: There is no such version.
        InvalidRequestError: The version is being made.
        EncoderNotFoundError, EncoderUnavailableError: Its encoder can't be loaded.
        StoreCorruptError, CatalogUnavailableError: As `Pool.switch`.
    """
    versions = pool.versions()
    number = _before(pool.name, versions) if to is None else to
    found = next((version for version in versions if version.number == number), None)
    if found is None:
        raise EncoderVersionNotFoundError(f"the pool {pool.name!r} has no encoder version {number}", pool=pool.name)
    if found.state == "candidate":
        raise InvalidRequestError(
            f"the encoder version {number} of the pool {pool.name!r} is still being made",
            hint="Wait for its job to end, or cancel it.",
        )
    if found.live and number != FROZEN:
        return number
    pool.switch(number, _nothing if number == FROZEN else recode_for(found))
    return number


def _before(pool: str, versions: Sequence[EncoderVersion]) -> int:
    """The newest version before the serving one that was admitted to serve."""
    serving = next((version.number for version in versions if version.state == "serving"), None)
    if serving is None:
        raise PoolNotAdaptedError(
            f"no adapted encoder of the pool {pool!r} serves, so there is nothing to go back from",
            hint="Name a version to go to; GET /v1/pools/{pool}/encoders and 'invariantselect encoders' list them.",
            pool=pool,
        )
    earlier = [
        version.number
        for version in versions
        if version.number < serving and version.state == "retired" and version.lineage.get("admitted", True)
    ]
    return max(earlier, default=FROZEN)


def _nothing(given: RowsToEncode) -> NDArray[np.float32]:
    raise AssertionError(f"the frozen encoder lacks nothing, {len(given.rows)} rows were asked for")
