"""Making damaged pools whole again from what is sound: their catalog and their images."""

from __future__ import annotations

from collections.abc import Iterator

from index.encoder_version import FROZEN, EncoderVersion
from index.inspection import inspect
from index.pool import Pool
from index.recoding import recode_by
from invariantselect.errors import CatalogUnavailableError, InvariantSelectError, StoreCorruptError
from service.cli.workplace import decode_limits, load_encoder, open_pools
from service.embedding.encoder_shelf import check_fingerprint
from service.settings import Settings

__all__ = ["repair_pools"]


def repair_pools(settings: Settings) -> Iterator[tuple[str, InvariantSelectError | None]]:
    """Rebuild the segments of each pool in which something is wrong, and name it when it is done.

    What was deleted by whoever died before its files were gone is removed first.

    A pool that can't be rebuilt (its encoder is another by now, or an image is lost or altered too) is named with the
    reason and left as it is; the others go on.
    """
    damaged: dict[str | None, set[int]] = {}
    for finding in inspect(settings.data, settings.database_url, settings.images_url):
        if not finding.harmless and finding.number is not None:  # of an image, no rebuild makes anything better
            damaged.setdefault(finding.pool, set()).add(finding.number)
    with open_pools(settings) as pools:
        try:
            pools.finish_removals()
        except CatalogUnavailableError as error:
            yield "what was deleted", error
        for pool in pools.list():
            if pool.name not in damaged:
                continue
            try:
                _rebuild(settings, pool, damaged[pool.name])
            except InvariantSelectError as error:
                yield pool.name, error
            else:
                yield pool.name, None


def _rebuild(settings: Settings, pool: Pool, numbers: set[int]) -> None:
    """Rebuild the live encoder versions with these numbers, number 1 first."""
    for version in pool.live():
        if version.number not in numbers:
            continue
        encoder = load_encoder(settings, version.encoder)
        check_fingerprint(version.fingerprint, encoder.identity.fingerprint, whose=f"the encoder {version.encoder}")
        first = version.number == FROZEN
        recode = recode_by(encoder, pool.fingerprint, decode_limits(settings), from_images=first)
        pool.rebuild(recode, version.number, recall=_recall(pool, version))


def _recall(pool: Pool, version: EncoderVersion) -> float | None:
    """What the pool was last rebuilt for; exact search where the manifest that says it is what's damaged."""
    try:
        return pool.manifest(version).recall
    except StoreCorruptError:
        return None
