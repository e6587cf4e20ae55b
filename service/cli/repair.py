"""Making damaged pools whole again from what is sound: their catalog and their images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Float32

from encoders.decode import DecodeLimits, decode
from encoders.encoder import Encoder
from index.inspection import inspect
from service.cli.workplace import decode_limits, load_encoder, open_pools
from service.encoder_shelf import check_fingerprint
from service.settings import Settings

__all__ = ["repair_pools"]


def repair_pools(settings: Settings) -> Iterator[str]:
    """Rebuild the segments of each pool in which something is wrong, and name it when it is done.

    Raises:
        FingerprintMismatchError: The pool's encoder is another by now; the pool is left as it is.
        StoreCorruptError: An image is lost or was altered too; the pool is left as it is.
    """
    damaged = {finding.pool for finding in inspect(settings.data) if not finding.harmless}
    with open_pools(settings) as pools:
        for pool in pools.list():
            if pool.name not in damaged:
                continue
            encoder = load_encoder(settings, pool.encoder)
            check_fingerprint(pool.fingerprint, encoder.identity.fingerprint, whose=f"the encoder {pool.encoder}")
            pool.rebuild(partial(_encode, encoder, decode_limits(settings)))
            yield pool.name


def _encode(encoder: Encoder, limits: DecodeLimits, images: list[bytes]) -> Float32[np.ndarray, "n dim"]:
    return encoder.encode([decode(image, limits) for image in images])
