"""Small pools to move, and what is known of one."""

from __future__ import annotations

import numpy as np

from index.sources import Record
from tests.fakes.pixel_encoder import PixelEncoder

ENCODER = PixelEncoder()


def make(pools, name="pool"):
    identity = ENCODER.identity
    return pools.create(name, identity.name, identity.fingerprint, identity.dim)


def record(id, image, label="x", **rest):
    return Record(id, label, lambda: image, id, **rest)


def contents(pool):
    """Everything that a pool knows, types included, in the order of its rows."""
    snapshot = pool.snapshot()
    found = []
    for position in np.flatnonzero(snapshot.alive).tolist():
        each = snapshot.demonstration(position)
        metadata = {name: (type(value), value) for name, value in each.metadata.items()}
        vector = snapshot.vectors(np.array([position]))[0].tobytes()
        words = (each.id, each.label, each.domain, each.group, metadata, each.sha256, each.media_type)
        found.append((*words, each.width, each.height, pool.image(each.id).content, vector))
    return found


def loader(name):
    assert name == ENCODER.identity.name
    return ENCODER
