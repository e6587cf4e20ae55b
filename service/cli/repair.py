"""Making damaged pools whole again from what is sound: their catalog and their images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from jaxtyping import Float32

from encoders.decode import DecodeLimits, decode
from encoders.encoder import Encoder
from index.inspection import inspect
from invariantselect.errors import InvariantSelectError
from service.cli.workplace import decode_limits, load_encoder, open_pools
from service.encoder_shelf import check_fingerprint
from service.settings import Settings

__all__ = ["repair_pools"]


def repair_pools(settings: Settings) -> Iterator[tuple[str, InvariantSelectError | None]]:
    """Rebuild the segments of each pool in which something is wrong, and name it when it is done.

    A pool that can't be rebuilt (its encoder is another by now, or an image is lost or altered too) is named with the
    reason and left as it is; the others go on.
    """
    damaged = {finding.pool for finding in inspect(settings.data) if not finding.harmless}
    with open_pools(settings) as pools:
        for pool in pools.list():
            if pool.name not in damaged:
                continue
            try:
                encoder = load_encoder(settings, pool.encoder)
                check_fingerprint(pool.fingerprint, encoder.identity.fingerprint, whose=f"the encoder {pool.encoder}")
                pool.rebuild(partial(_encode, encoder, decode_limits(settings)))
            except InvariantSelectError as error:
                yield pool.name, error
            else:
                yield pool.name, None


def _encode(encoder: Encoder, limits: DecodeLimits, images: list[bytes]) -> Float32[np.ndarray, "n dim"]:
    # One decoded picture at a time: it may be a thousand times larger than what the encoder sees of it.
    return encoder.forward(np.stack([encoder.preprocess(decode(image, limits)) for image in images]))
