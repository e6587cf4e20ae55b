"""Adapting a pool without training: encoder versions whose calibrations are known by their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from fastapi.testclient import TestClient

from encoders.calibration.calibration import Calibration
from encoders.calibration.steps import Affine, Centring
from encoders.decode import DecodeLimits
from encoders.encoder import Encoder
from index.encoder_version import EncoderVersion
from index.pool import Pool
from index.recoding import recode_by
from tests.fakes.pixel_encoder import PixelEncoder

__all__ = ["DOMAINS", "adapt", "adapt_pool", "adapted_encoder", "calibration", "pool_of"]

DOMAINS = ("d0", "d1", "d2")
OTHER_TRUNK = 5
"""Versions from this number on have a trunk of their own."""


def calibration(number: int, domains: Sequence[str] = DOMAINS) -> Calibration:
    """Centring by domain, then a projection to 12 dimensions; other numbers, other maps."""
    rng = np.random.default_rng(number)
    centres = (0.2 * rng.standard_normal((len(domains), 16))).astype(np.float32)
    weight, bias = rng.standard_normal((16, 12)), 0.1 * rng.standard_normal(12)
    return Calibration((Centring(tuple(domains), centres), Affine(weight.astype(np.float32), bias.astype(np.float32))))


def adapted_encoder(number: int, domains: Sequence[str] = DOMAINS) -> PixelEncoder:
    """The encoder of a version, behind the trunk of ``pixel-16-0`` or, from `OTHER_TRUNK` on, one of its own."""
    seed = 0 if number < OTHER_TRUNK else number
    return PixelEncoder(16, seed, calibration=calibration(number, domains), version=str(number))


def adapt_pool(pool: Pool, encoder: Encoder | None = None) -> EncoderVersion:
    """Add the pool's next version and let it serve; its encoder is `adapted_encoder` of its number unless given."""
    number = pool.reserve_number()
    encoder = encoder or adapted_encoder(number)
    version = pool.add_version(
        encoder=f"{pool.key}/{number}",
        fingerprint=encoder.identity.fingerprint,
        dim=encoder.identity.dim,
        looks_at_domains=bool(encoder.domains),
        lineage={"depth": "closed_form"},
        number=number,
    )
    switch(pool, version, encoder)
    return version


def switch(pool: Pool, version: EncoderVersion, encoder: Encoder | None = None) -> None:
    """Let a version serve."""
    encoder = encoder or adapted_encoder(version.number)
    pool.switch(version.number, recode_by(encoder, pool.fingerprint, DecodeLimits()))


def pool_of(client: TestClient, pool: str = "p") -> Pool:
    """The pool that an app in this process serves."""
    opened: Pool = client.app.state.services.pools.open(pool)  # type: ignore[attr-defined]
    return opened


def adapt(client: TestClient, pool: str = "p", encoder: Encoder | None = None) -> EncoderVersion:
    """`adapt_pool` for a pool that an app in this process serves."""
    return adapt_pool(pool_of(client, pool), encoder)
