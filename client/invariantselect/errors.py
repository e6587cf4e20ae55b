"""Every error of the project, once: its code, its HTTP status and what the user can do next.

The server raises these classes, RFC 9457 problem documents carry them over the wire, and the client raises the
same class again. A test holds this table, the documentation and both sides together.

Source for the document's shape: RFC 9457, Problem Details for HTTP APIs, 2023,
https://www.rfc-editor.org/rfc/rfc9457.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

__all__ = [
    "ERRORS",
    "CatalogUnavailableError",
    "ConnectionFailedError",
    "DatasetUnsupportedError",
    "DemonstrationInvalidError",
    "DemonstrationNotFoundError",
    "EncoderNotFoundError",
    "EncoderUnavailableError",
    "FingerprintMismatchError",
    "ForbiddenError",
    "ImageFormatUnsupportedError",
    "ImageNotFoundError",
    "ImageTooLargeError",
    "ImageUnreadableError",
    "InternalError",
    "InvalidCursorError",
    "InvalidFilterError",
    "InvalidRequestError",
    "InvalidVectorError",
    "InvariantSelectError",
    "ManifestInvalidError",
    "MethodNotAllowedError",
    "NotReadyError",
    "OverloadedError",
    "PayloadTooLargeError",
    "PoolExistsError",
    "PoolNotFoundError",
    "PromptInvalidError",
    "RequestMalformedError",
    "RouteNotFoundError",
    "StoreCorruptError",
    "TimedOutError",
    "UnauthenticatedError",
    "UnexpectedResponseError",
    "UnsupportedMediaTypeError",
    "error_from_problem",
]

PROBLEM_TYPE_ROOT = "urn:invariantselect:error:"

ERRORS: dict[str, type[InvariantSelectError]] = {}


class InvariantSelectError(Exception):
    """Root of the tree: catch this to catch everything the project raises on purpose.

    Args:
        detail: What happened, in one sentence, for the person who has to act on it.
        hint: What to do next; the class's own hint when not given.
        context: Values worth having by name (``pool="skin"``), carried as extension members of the problem.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"
    default_hint: ClassVar[str] = "See the log of the server for the request id."

    def __init__(self, detail: str, /, *, hint: str | None = None, **context: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint if hint is not None else self.default_hint
        self.context: dict[str, Any] = context

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.code in ERRORS:
            raise TypeError(f"two error classes share the code {cls.code!r}")
        ERRORS[cls.code] = cls

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.detail, self.hint, self.context))

    def to_problem(self, *, instance: str | None = None) -> dict[str, Any]:
        """The RFC 9457 problem document of this error, ready for ``application/problem+json``."""
        problem: dict[str, Any] = {
            "type": PROBLEM_TYPE_ROOT + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
        }
        if instance is not None:
            problem["instance"] = instance
        return {**self.context, **problem}


def _rebuild(cls: type[InvariantSelectError], detail: str, hint: str, context: dict[str, Any]) -> InvariantSelectError:
    return cls(detail, hint=hint, **context)


_STANDARD_MEMBERS = frozenset({"type", "title", "status", "detail", "code", "hint", "instance"})


def error_from_problem(problem: Mapping[str, Any], *, status: int) -> InvariantSelectError:
    """The error that a problem document describes, as the class that the server raised.

    Args:
        problem: A decoded ``application/problem+json`` body; unknown or missing members are tolerated.
        status: The HTTP status it came with, kept in ``context`` when the code is unknown to this client.

    Returns:
        An instance of the class registered for ``problem["code"]``; `UnexpectedResponseError` for a code that this
        version of the client doesn't know.
    """
    context = {str(key): value for key, value in problem.items() if key not in _STANDARD_MEMBERS}
    detail = str(problem.get("detail") or problem.get("title") or f"the server answered {status}")
    hint = problem.get("hint")
    cls = ERRORS.get(str(problem.get("code")))
    if cls is None:
        context["status_received"] = status
        cls = UnexpectedResponseError
    return cls(detail, hint=str(hint) if hint else None, **context)


# ── the request ──────────────────────────────────────────────────────────────────────────────────────────────────


class RequestMalformedError(InvariantSelectError):
    """The body is not what its content type says: broken JSON, broken multipart, a broken data URI."""

    code = "request_malformed"
    status = 400
    title = "The request can't be read"
    default_hint = "Send valid JSON or multipart/form-data; the documentation at /docs shows an example of each route."


class InvalidCursorError(InvariantSelectError):
    """A pagination cursor that this server did not hand out."""

    code = "invalid_cursor"
    status = 400
    title = "The cursor is not valid"
    default_hint = "Use next_cursor from the previous page unchanged, or leave it out to start from the first page."


class UnauthenticatedError(InvariantSelectError):
    """No API key, or one that is unknown or revoked."""

    code = "unauthenticated"
    status = 401
    title = "An API key is needed"
    default_hint = "Send 'Authorization: Bearer <key>'; make a key with 'invariantselect keys create'."


class ForbiddenError(InvariantSelectError):
    """The API key is good but lacks the scope."""

    code = "forbidden"
    status = 403
    title = "The API key may not do this"
    default_hint = "Use a key with the scope named in the detail; 'invariantselect keys create --scope' makes one."


class RouteNotFoundError(InvariantSelectError):
    """No route has this path."""

    code = "route_not_found"
    status = 404
    title = "There is nothing at this path"
    default_hint = "See /docs for the routes; all of them start with /v1."


class MethodNotAllowedError(InvariantSelectError):
    """The path exists but not with this method."""

    code = "method_not_allowed"
    status = 405
    title = "The path doesn't take this method"
    default_hint = "The Allow header names the methods that it takes."


class PayloadTooLargeError(InvariantSelectError):
    """The body is larger than the server takes."""

    code = "payload_too_large"
    status = 413
    title = "The request is too large"
    default_hint = "Send fewer or smaller images in one request; INVARIANTSELECT_MAX_REQUEST_BYTES raises the limit."


class UnsupportedMediaTypeError(InvariantSelectError):
    """The route doesn't read this content type."""

    code = "unsupported_media_type"
    status = 415
    title = "The content type is not supported"
    default_hint = "Send application/json, or multipart/form-data where the route says so."


class InvalidRequestError(InvariantSelectError):
    """Well-formed, but a field is missing, of the wrong type or out of range."""

    code = "invalid_request"
    status = 422
    title = "The request is not valid"
    default_hint = "Each entry of 'errors' names a field and what is wrong with it."


class InvalidFilterError(InvariantSelectError):
    """A ``where`` that names an unknown field or operator."""

    code = "invalid_filter"
    status = 422
    title = "The filter is not valid"
    default_hint = "Fields are label, domain, group and metadata.<key>; operators are eq, in and not."


class InvalidVectorError(InvariantSelectError):
    """A query vector of the wrong dimension, not finite, or all zeros."""

    code = "invalid_vector"
    status = 422
    title = "The vector is not valid"
    default_hint = "Send the embedding of /v1/embeddings unchanged, with the fingerprint that came with it."


class OverloadedError(InvariantSelectError):
    """The queue in front of the encoder is full."""

    code = "overloaded"
    status = 429
    title = "The server is busy"
    default_hint = "Wait for the seconds in Retry-After, then send the request again."


# ── images ───────────────────────────────────────────────────────────────────────────────────────────────────────


class ImageUnreadableError(InvariantSelectError):
    """Empty, truncated or corrupt: it starts like an image and can't be decoded."""

    code = "image_unreadable"
    status = 422
    title = "The image can't be decoded"
    default_hint = "Open the file in a viewer; export it again if it is damaged."


class ImageTooLargeError(InvariantSelectError):
    """More pixels or bytes than allowed, refused from the header before any pixel is decoded."""

    code = "image_too_large"
    status = 413
    title = "The image is too large"
    default_hint = "Downscale it; the limits are INVARIANTSELECT_MAX_IMAGE_PIXELS and INVARIANTSELECT_MAX_IMAGE_BYTES."


class ImageFormatUnsupportedError(InvariantSelectError):
    """Not an image, or of a format that is not decoded on purpose."""

    code = "image_format_unsupported"
    status = 415
    title = "The file is not a supported image"
    default_hint = "Use JPEG, PNG, WebP, GIF, BMP, TIFF or PPM."


class ImageNotFoundError(InvariantSelectError):
    """A manifest, a demonstration or an argument names an image that isn't there, or lies outside the allowed root."""

    code = "image_not_found"
    status = 404
    title = "There is no such image"
    default_hint = "Check the path; paths in a manifest are relative to the manifest and may not leave its folder."


# ── pools and demonstrations ─────────────────────────────────────────────────────────────────────────────────────


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
    """The source of an ingest is none of: folder, manifest, export, saved Hugging Face dataset."""

    code = "dataset_unsupported"
    status = 422
    title = "The source is not a dataset that can be read"
    default_hint = "Give FOLDER/<domain>/<class>/<image>, a .csv, .jsonl or .parquet manifest, or a saved dataset."


# ── encoders and stores ──────────────────────────────────────────────────────────────────────────────────────────


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
    """The database doesn't answer, is locked for too long, or its disk is full."""

    code = "catalog_unavailable"
    status = 503
    title = "The catalog doesn't answer"
    default_hint = "Check the disk and the database, then send the request again."


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


# ── the client's own ─────────────────────────────────────────────────────────────────────────────────────────────


class ConnectionFailedError(InvariantSelectError):
    """The server could not be reached."""

    code = "connection_failed"
    status = 503
    title = "The server can't be reached"
    default_hint = "Check base_url and that 'invariantselect serve' is running."


class TimedOutError(InvariantSelectError):
    """The server did not answer in time."""

    code = "timed_out"
    status = 504
    title = "The server did not answer in time"
    default_hint = "Raise timeout=, or send fewer images in one request."


class UnexpectedResponseError(InvariantSelectError):
    """An answer that this version of the client can't read."""

    code = "unexpected_response"
    status = 502
    title = "The answer can't be read"
    default_hint = "Check that base_url is an invariantselect server, and that client and server versions match."


class PromptInvalidError(InvariantSelectError):
    """A prompt that can't be built from these arguments, or an image budget that can't be met."""

    code = "prompt_invalid"
    status = 422
    title = "The prompt can't be built"
    default_hint = "Check choices, layout and the image budget."
