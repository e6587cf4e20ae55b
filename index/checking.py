"""What may be written: the words of the wire types, and vectors that can be scored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32
from pydantic import TypeAdapter, ValidationError

from index.demonstration import Changes, Entry, Metadata
from index.encoder_version import FROZEN, EncoderVersion
from index.metadata import metadata_text
from invariantselect.errors import (
    DemonstrationInvalidError,
    EncoderVersionChangedError,
    FingerprintMismatchError,
    InvalidVectorError,
)
from invariantselect.wire.base import Identifier, Label

__all__ = ["check_changes", "check_entry", "check_fingerprints"]

_IDENTIFIER: Callable[..., str] = TypeAdapter(Identifier).validate_python
_LABEL: Callable[..., str] = TypeAdapter(Label).validate_python
_MOST_METADATA = 64
_LARGEST_NORM = 1e6


def check_entry(entry: Entry, versions: Sequence[EncoderVersion]) -> None:
    """Pass an entry that can be stored in a pool with these encoder versions.

    Raises:
        DemonstrationInvalidError: Its id, label, domain, group or metadata is not allowed.
        InvalidVectorError: One of its vectors is of another length, not finite, all zeros, or far from normalised.
    """
    _check(_IDENTIFIER, "id", entry.id)
    _check(_LABEL, "label", entry.label)
    for name in ("domain", "group"):
        if getattr(entry, name) is not None:
            _check(_LABEL, name, getattr(entry, name))
    _check_metadata(entry.metadata)
    for version in versions:
        if version.fingerprint in entry.vectors:
            _check_vector(entry.vectors[version.fingerprint], version.dim)


def _check_vector(vector: Float32[np.ndarray, " _"], dim: int) -> None:
    if vector.shape != (dim,) or vector.dtype != np.float32:
        raise InvalidVectorError(f"the vector is {vector.dtype} {vector.shape}, the pool holds float32 ({dim},)")
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    if not 1 / _LARGEST_NORM < norm < _LARGEST_NORM:
        raise InvalidVectorError(f"the vector has length {norm}; encoders make vectors of length 1")


def check_fingerprints(given: Collection[str], live: Sequence[EncoderVersion]) -> None:
    """Pass vectors, or encoders, among which there is one for each of a pool's live encoder versions.

    Raises:
        FingerprintMismatchError: None of the encoder that the pool was made with.
        EncoderVersionChangedError: None of the version that serves.
    """
    for version in live:
        if version.fingerprint in given:
            continue
        theirs = ", ".join(f"{fingerprint[:12]}…" for fingerprint in given) or "none"
        told = f"the vectors have fingerprint {theirs}, the pool's have {version.fingerprint[:12]}…"
        if version.number == FROZEN:
            raise FingerprintMismatchError(told)
        raise EncoderVersionChangedError(f"{told} since its encoder version {version.number} serves")


def check_changes(changes: Changes) -> None:
    """Pass changes that a stored demonstration can take.

    Raises:
        DemonstrationInvalidError: A label, domain, group or metadata that is not allowed, or something else altogether.
    """
    for name, value in changes.items():
        if name == "metadata" and isinstance(value, dict):
            _check_metadata(value)
        elif name == "label" or (name in ("domain", "group") and value is not None):
            _check(_LABEL, name, value)
        elif name not in ("domain", "group"):
            raise DemonstrationInvalidError(f"{name} can't be changed to {value!r}")


def _check(validate: Callable[..., str], name: str, value: Any) -> None:
    try:
        validate(value, strict=True)
    except ValidationError as error:
        raise DemonstrationInvalidError(f"{name} {value!r}: {error.errors()[0]['msg']}") from error


def _check_metadata(metadata: Metadata) -> None:
    if len(metadata) > _MOST_METADATA:
        raise DemonstrationInvalidError(f"metadata has {len(metadata)} keys, at most {_MOST_METADATA} are allowed")
    metadata_text(metadata)
