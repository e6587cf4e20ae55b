"""What a command works with: the settings, the pools of the data directory and the encoders. No server is needed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer import BadParameter

if TYPE_CHECKING:
    from encoders.decode import DecodeLimits
    from encoders.encoder import Encoder
    from index.catalog.engine import Catalog
    from index.pool import Pool
    from index.pools import Pools
    from service.jobs.desk import JobDesk
    from service.settings import Settings

__all__ = [
    "decode_limits",
    "live_encoders",
    "load_encoder",
    "need_data",
    "open_jobs",
    "open_own_tables",
    "open_pools",
    "read_settings",
]


def read_settings(data: Path, **given: Any) -> Settings:
    """Settings from the environment, with what the command line gave in their place.

    Raises:
        BadParameter: A setting that isn't valid, named by its environment variable.
    """
    from pydantic import ValidationError

    from service.settings import Settings

    try:
        return Settings(data=data, **given)
    except ValidationError as refused:
        first = refused.errors()[0]
        setting = "".join(f"INVARIANTSELECT_{str(part).upper()}: " for part in first["loc"][:1])
        raise BadParameter(setting + first["msg"].removeprefix("Value error, ")) from refused


def open_pools(settings: Settings, *, make: bool = False) -> Pools:
    """The pools of the data directory.

    Args:
        settings: Whose data directory is opened.
        make: Whether a missing directory is made; a command that only reads says that it is missing.

    Raises:
        PoolNotFoundError: There is no data directory and `make` is false.
    """
    from index.pools import Pools

    if not make:
        need_data(settings)
    return Pools(settings.data, database_url=settings.database_url, images_url=settings.images_url)


def open_own_tables(settings: Settings) -> Catalog:
    """The tables of keys, jobs and writes; a missing data directory is made."""
    from service.store import open_store

    return open_store(settings.data, settings.database_url)


def open_jobs(settings: Settings) -> AbstractContextManager[JobDesk]:
    """The jobs of the data directory.

    Raises:
        PoolNotFoundError: There is no data directory.
    """
    from service.jobs.desk import open_desk

    need_data(settings)
    return open_desk(settings)


def need_data(settings: Settings) -> None:
    """Say so where there is no data directory.

    Raises:
        PoolNotFoundError: There is none.
    """
    from invariantselect.errors import PoolNotFoundError

    if not settings.data.is_dir():
        raise PoolNotFoundError(
            f"there is no data directory {settings.data}",
            hint="Make one with 'invariantselect ingest FOLDER --pool NAME', or name yours with --data.",
        )


def load_encoder(settings: Settings, name: str) -> Encoder:
    """An encoder by name, on the device and runtime of the settings."""
    from encoders.catalog import load_encoder as load

    store = settings.data / "encoders" if settings.data.is_dir() else None  # looking around makes no data directory
    return load(name, store=store, device=settings.device, runtime=settings.runtime)


def live_encoders(settings: Settings, pool: Pool, frozen: Encoder) -> list[Encoder]:
    """The encoders of a pool's live versions.

    Args:
        settings: Of the data directory.
        pool: Whose encoders they are.
        frozen: That of version 1, loaded already.

    Raises:
        EncoderUnavailableError: One can't be loaded.
        FingerprintMismatchError: One has changed since its version was made.
    """
    from service.embedding.encoder_shelf import check_fingerprint

    encoders = [frozen]
    for version in pool.live()[1:]:
        encoder = load_encoder(settings, version.encoder)
        check_fingerprint(version.fingerprint, encoder.identity.fingerprint, whose=f"the encoder {version.encoder}")
        encoders.append(encoder)
    return encoders


def decode_limits(settings: Settings) -> DecodeLimits:
    """How large an image may be."""
    from encoders.decode import DecodeLimits

    return DecodeLimits(max_bytes=settings.max_image_bytes, max_pixels=settings.max_image_pixels)
