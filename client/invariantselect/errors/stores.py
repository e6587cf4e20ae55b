"""What is wrong with an encoder, a stored file or the server that holds them."""

from __future__ import annotations

from invariantselect.errors.root import InvariantSelectError

__all__ = [
    "BackupInvalidError",
    "CatalogUnavailableError",
    "EncoderNotFoundError",
    "EncoderUnavailableError",
    "FingerprintMismatchError",
    "InternalError",
    "NotReadyError",
    "StoreCorruptError",
]


class EncoderNotFoundError(InvariantSelectError):
    """No encoder has this name."""

    code = "encoder_not_found"
    status = 404
    title = "There is no such encoder"
    default_hint = "Use efficientnet-lite0, open_clip:<model>/<tag or path>, or a directory written by invariantselect."


class EncoderUnavailableError(InvariantSelectError):
    """The encoder is known but its weights or a package it needs are not on this machine."""

    code = "encoder_unavailable"
    status = 503
    title = "The encoder can't be loaded"
    default_hint = "Fetch the weights on a machine with a network and give their local path."


class FingerprintMismatchError(InvariantSelectError):
    """Vectors of two different spaces: same dimension is not same space."""

    code = "fingerprint_mismatch"
    status = 409
    title = "The vectors come from different encoders"
    default_hint = "Encode the query with the pool's encoder, or rebuild the pool with this one."


class StoreCorruptError(InvariantSelectError):
    """A file of the store is missing, truncated or altered."""

    code = "store_corrupt"
    status = 500
    title = "A stored file is damaged"
    default_hint = "Run 'invariantselect doctor' to see what is damaged and how to rebuild it."


class CatalogUnavailableError(InvariantSelectError):
    """The database or the store of images doesn't answer, is locked for too long, or its disk is full."""

    code = "catalog_unavailable"
    status = 503
    title = "The catalog doesn't answer"
    default_hint = "Check the disk and the database, then send the request again."


class BackupInvalidError(InvariantSelectError):
    """What is to be restored is no backup, or a damaged one."""

    code = "backup_invalid"
    status = 422
    title = "The backup can't be restored"
    default_hint = "Take another copy of the backup, or an older one; nothing was put in place."


class NotReadyError(InvariantSelectError):
    """The server has not yet run a forward pass."""

    code = "not_ready"
    status = 503
    title = "The server is not ready"
    default_hint = "Wait until GET /readyz answers 200."


class InternalError(InvariantSelectError):
    """A defect of the server."""

    code = "internal_error"
    status = 500
    title = "The server made a mistake"
    default_hint = "Report it with the request id; the server's log has the traceback."
