"""What is wrong with a pool, a demonstration or a source of them."""

from __future__ import annotations

from invariantselect.errors.root import InvariantSelectError

__all__ = [
    "DatasetUnsupportedError",
    "DemonstrationInvalidError",
    "DemonstrationNotFoundError",
    "EncoderVersionChangedError",
    "EncoderVersionInUseError",
    "EncoderVersionNotFoundError",
    "ManifestInvalidError",
    "PoolExistsError",
    "PoolNotAdaptedError",
    "PoolNotFoundError",
]


class PoolNotFoundError(InvariantSelectError):
    """No pool has this name."""

    code = "pool_not_found"
    status = 404
    title = "There is no such pool"
    default_hint = "'invariantselect pools' and GET /v1/pools list them; 'invariantselect ingest' makes one."


class PoolExistsError(InvariantSelectError):
    """A pool with this name exists already."""

    code = "pool_exists"
    status = 409
    title = "The pool exists already"
    default_hint = "Choose another name, or drop the pool first."


class DemonstrationNotFoundError(InvariantSelectError):
    """The pool has no demonstration with this id."""

    code = "demonstration_not_found"
    status = 404
    title = "There is no such demonstration"
    default_hint = "GET /v1/pools/{pool}/demonstrations lists the ids."


class PoolNotAdaptedError(InvariantSelectError):
    """The pool has no adapted encoder that serves, or not the one asked for."""

    code = "pool_not_adapted"
    status = 409
    title = "The pool is not adapted"
    default_hint = "Adapt it first: invariantselect adapt --pool NAME, or POST /v1/pools/NAME/adapt."


class EncoderVersionNotFoundError(InvariantSelectError):
    """The pool has no encoder version of this number."""

    code = "encoder_version_not_found"
    status = 404
    title = "There is no such encoder version"
    default_hint = "'invariantselect encoders --pool NAME' and GET /v1/pools/{pool}/encoders list them."


class EncoderVersionInUseError(InvariantSelectError):
    """The encoder version can't be removed: it is searched, it is being made, or another pool was made with it."""

    code = "encoder_version_in_use"
    status = 409
    title = "The encoder version is in use"
    default_hint = "Go back to another version first: invariantselect rollback, or POST /v1/pools/{pool}/rollback."


class EncoderVersionChangedError(InvariantSelectError):
    """The pool's encoder was switched while something was being encoded for it; nothing was written."""

    code = "encoder_version_changed"
    status = 409
    title = "The pool's encoder was switched meanwhile"
    default_hint = "Send the request again: it is then encoded by the version that serves now."


class DemonstrationInvalidError(InvariantSelectError):
    """A demonstration whose id, label, domain, group or metadata is missing, too long or of the wrong type."""

    code = "demonstration_invalid"
    status = 422
    title = "The demonstration is not valid"
    default_hint = "An id and a label are non-empty strings; domain and group are strings or absent; metadata is flat."


class ManifestInvalidError(InvariantSelectError):
    """A manifest or an export whose columns or format can't be used."""

    code = "manifest_invalid"
    status = 422
    title = "The manifest can't be used"
    default_hint = "A manifest is CSV, JSONL or Parquet with the columns image and label."


class DatasetUnsupportedError(InvariantSelectError):
    """The source of an ingest is none of: folder, manifest, export, saved Hugging Face or published dataset."""

    code = "dataset_unsupported"
    status = 422
    title = "The source is not a dataset that can be read"
    default_hint = "Give FOLDER/<domain>/<class>/<image>, a .csv, .jsonl or .parquet manifest, an export, or a dataset."
