"""What the query images of one unknown domain share, taken from the queries themselves.

An encoder that centres by domain guesses the centre of a domain that it doesn't know. Several images of that
domain, which need no labels, tell it better: queries that are asked together bring them along.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Float32

from encoders.calibration.different import different
from invariantselect.wire.options import LEAST_CENTRED

__all__ = ["unlabelled_by_domain"]


def unlabelled_by_domain(
    vectors: Float32[np.ndarray, "n trunk_dim"], domains: Sequence[str | None], known: Collection[str]
) -> Mapping[str, Float32[np.ndarray, "_ trunk_dim"]]:
    """The vectors that centre each domain: those of its different images, if there are enough.

    Copies of an image count once.

    Args:
        vectors: (n, trunk_dim) float32, L2-normalised, of the queries' images.
        domains: Domain of each, None where it isn't known; such a query is never centred.
        known: Domains whose centres the encoder knows; these stay as they are.
    """
    found: dict[str, Float32[np.ndarray, "_ trunk_dim"]] = {}
    for domain in sorted({domain for domain in domains if domain is not None} - set(known)):
        mine = different(vectors[[number for number, other in enumerate(domains) if other == domain]])
        if len(mine) >= LEAST_CENTRED:
            found[domain] = mine
    return found
