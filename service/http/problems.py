"""Whatever goes wrong is answered with an RFC 9457 problem document of `invariantselect.errors`.

Source: RFC 9457, Problem Details for HTTP APIs, 2023, https://www.rfc-editor.org/rfc/rfc9457.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from invariantselect.errors import (
    InternalError,
    InvalidRequestError,
    InvariantSelectError,
    MethodNotAllowedError,
    PayloadTooLargeError,
    RateLimitedError,
    RequestMalformedError,
    RequestTooSlowError,
    RouteNotFoundError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
)
from service.http.discreet import discreet
from service.http.request_ids import request_id

__all__ = [
    "MEDIA_TYPE",
    "exception_handlers",
    "invalid_request",
    "problem_code",
    "problem_of",
    "problem_response",
    "validation_error",
]

MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 50
_MOST_TOLD = 1000
_CODE = "invariantselect.problem_code"


def problem_of(error: InvariantSelectError, scope: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The problem document of an error; with the path and the id of the request that a scope describes."""
    if scope is None:
        return error.to_problem()
    path = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    problem = error.to_problem()
    if "app" in scope:
        problem = discreet(problem, scope["app"].state.settings)
    return {**problem, "instance": path.decode("latin-1"), "request_id": request_id(scope)}


def problem_code(scope: Mapping[str, Any]) -> str | None:
    """The code of the error that the request of a scope was answered with, if it was."""
    return scope.get(_CODE)


def problem_response(error: InvariantSelectError, scope: MutableMapping[str, Any]) -> Response:
    """The response that carries an error."""
    scope[_CODE] = error.code
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = 'Bearer realm="invariantselect"'
    if "retry_after" in error.context:
        headers["Retry-After"] = str(error.context["retry_after"])
    if isinstance(error, RateLimitedError) and "quota" in error.context:
        headers |= _rate_headers(error.context)
    if isinstance(error, PayloadTooLargeError | RequestTooSlowError):
        headers["Connection"] = "close"
    # ASCII only: a context may quote what a client sent, surrogates and all.
    content = json.dumps(problem_of(error, scope), default=str).encode("ascii")
    return Response(content, status_code=error.status, headers=headers, media_type=MEDIA_TYPE)


def _rate_headers(limit: Mapping[str, Any]) -> dict[str, str]:
    """As draft-ietf-httpapi-ratelimit-headers-11 has them: a quota and its seconds; what is left, and when more is."""
    return {
        "RateLimit-Policy": f'"{limit["limited"]}";q={limit["quota"]};w={limit["window_seconds"]}',
        "RateLimit": f'"{limit["limited"]}";r=0;t={limit["retry_after"]}',
    }


def invalid_request(items: Iterable[Mapping[str, Any]], *, skip: int = 0) -> InvalidRequestError:
    """An error that names each field and what is wrong with it, never its value: it may be an image.

    Args:
        items: Pydantic's errors.
        skip: Leading parts of each location that are not the client's (``body``, ``query``).
    """
    errors = [
        {"field": ".".join(str(part) for part in item["loc"][skip:]), "message": str(item["msg"])} for item in items
    ]
    first = errors[0] if errors else {"field": "", "message": "the request is not valid"}
    detail = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    return InvalidRequestError(detail, errors=errors[:_MOST_ERRORS])


def exception_handlers(
    allowed_methods: Callable[[str], list[str]],
) -> dict[int | type[Exception], Callable[[Request, Any], Any]]:
    """What an app does with exceptions.

    Args:
        allowed_methods: The methods that a path takes, for the Allow header of a 405.
    """

    async def ours(request: Request, error: InvariantSelectError) -> Response:
        return problem_response(error, request.scope)

    async def not_valid(request: Request, error: RequestValidationError) -> Response:
        return problem_response(invalid_request(error.errors(), skip=1), request.scope)

    async def from_starlette(request: Request, error: HTTPException) -> Response:
        path = request.scope["path"]
        response = problem_response(_our_error(error, request.method, path), request.scope)
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(allowed_methods(path)) or (error.headers or {}).get("Allow", "")
        return response

    return {InvariantSelectError: ours, RequestValidationError: not_valid, HTTPException: from_starlette}


def validation_error(error: ValidationError) -> InvariantSelectError:
    """Pydantic's verdict on a JSON body: not JSON at all, or not what the route takes."""
    if error.error_count() > _MOST_TOLD:  # each becomes an object: a body of junk fields would be millions
        return InvalidRequestError(f"{error.error_count()} things are wrong with the request", errors=[])
    items = error.errors(include_url=False, include_input=False, include_context=False)
    if items and items[0]["type"] == "json_invalid":
        return RequestMalformedError(items[0]["msg"])
    return invalid_request(items)


def _our_error(error: HTTPException, method: str, path: str) -> InvariantSelectError:
    if error.status_code == 404:
        return RouteNotFoundError(f"nothing is at {path[:200]}")
    if error.status_code == 405:
        return MethodNotAllowedError(f"{path[:200]} doesn't take {method[:20]}")
    if error.status_code == 413:
        return PayloadTooLargeError("the body is too large")
    if error.status_code == 415:
        return UnsupportedMediaTypeError("the content type is not supported")
    if 400 <= error.status_code < 500:
        return RequestMalformedError(str(error.detail))
    return InternalError("the server could not answer")
