"""What is wrong with a request, whatever it is about."""

from __future__ import annotations

from invariantselect.errors.root import InvariantSelectError

__all__ = [
    "ForbiddenError",
    "InvalidCursorError",
    "InvalidFilterError",
    "InvalidRequestError",
    "InvalidVectorError",
    "MethodNotAllowedError",
    "OverloadedError",
    "PayloadTooLargeError",
    "RateLimitedError",
    "RequestMalformedError",
    "RouteNotFoundError",
    "TimedOutError",
    "UnauthenticatedError",
    "UnsupportedMediaTypeError",
]


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
    default_hint = "/openapi.json has the routes; all but /livez, /readyz and /metrics start with /v1."


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


class HeadTooLargeError(InvariantSelectError):
    """The request line and headers are larger than the server reads."""

    code = "head_too_large"
    status = 431
    title = "The head of the request is too large"
    default_hint = "Send what is long in the body, and fewer headers."


class RequestTooSlowError(InvariantSelectError):
    """The body of a request came so slowly that the server waits no longer."""

    code = "request_too_slow"
    status = 408
    title = "The request came too slowly"
    default_hint = "Send it again, in smaller pieces where the connection is slow."


class OverloadedError(InvariantSelectError):
    """The queue in front of the encoder is full, or there is no room for another body beside those that are held."""

    code = "overloaded"
    status = 429
    title = "The server is busy"
    default_hint = "Wait for the seconds in Retry-After, then send the request again."


class RateLimitedError(InvariantSelectError):
    """The API key, or the address where no keys are asked for, has made as many requests as it may for now."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"
    default_hint = (
        "Wait for the seconds in Retry-After. The server's INVARIANTSELECT_RATE_LIMIT says how many may come."
    )


class TimedOutError(InvariantSelectError):
    """The server did not answer in time: the client waits no longer, or the server gave the request up."""

    code = "timed_out"
    status = 504
    title = "The server did not answer in time"
    default_hint = "Raise timeout=, or send fewer images in one request."
