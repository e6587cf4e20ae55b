"""Whether the encoders that were adapted to a pool are whole: what they need to be searched, or to be gone back to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from encoders.store import load_stored
from index.encoder_version import EncoderVersion
from invariantselect.errors import StoreCorruptError

__all__ = ["damaged_encoders"]


def damaged_encoders(store: Path, key: str, versions: Sequence[EncoderVersion]) -> Iterator[tuple[EncoderVersion, str]]:
    """The versions whose encoders can't be used, and what is wrong with them. Reads every byte of each.

    An encoder that was named otherwise than by its pool and number lies elsewhere and is looked at when it is loaded.

    Args:
        store: The encoder store.
        key: Of the pool.
        versions: Of the pool.
    """
    for version in versions:
        if version.encoder != f"{key}/{version.number}":
            continue
        try:
            stored = load_stored(store / version.encoder)
        except StoreCorruptError as error:
            yield version, error.detail
        else:
            if stored.name != version.encoder:
                yield version, f"the folder {store / version.encoder} holds the encoder {stored.name!r}"
