"""The border between Python and JSON: what goes out is checked here, what comes in is read here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from invariantselect.errors import (
    InvalidRequestError,
    InvariantSelectError,
    PayloadTooLargeError,
    UnexpectedResponseError,
    error_from_problem,
)

__all__ = ["body", "checked", "error_in", "nothing", "reader"]

ModelT = TypeVar("ModelT", bound=BaseModel)

_EXCERPT = 160


def checked(model: type[ModelT], /, **values: Any) -> ModelT:
    """A request of the given type, before it costs a round trip.

    Raises:
        InvalidRequestError: As the server would raise it; ``context["errors"]`` names each field and what is wrong.
    """
    try:
        return model(**values)
    except ValidationError as error:
        errors = [
            {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        first = errors[0]
        where = f"{first['field']}: " if first["field"] else ""
        # `from None`: the cause's text would repeat the input, which may be an image.
        raise InvalidRequestError(f"{where}{first['message']}", errors=errors) from None


def body(request: BaseModel) -> bytes:
    """The JSON of a request. Fields that were not set are left to the server's defaults."""
    return request.model_dump_json(by_alias=True, exclude_unset=True).encode()


def nothing(_response: httpx2.Response) -> None:
    """What is read of an answer without a body."""


def reader(model: type[ModelT]) -> Callable[[httpx2.Response], ModelT]:
    """A function that reads a response as the given type, or raises `UnexpectedResponseError`."""

    def read(response: httpx2.Response) -> ModelT:
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            raise UnexpectedResponseError(
                f"{_told_by(response)}, which is not a {model.__name__}: {where}: {first['msg']}",
                status_received=response.status_code,
            ) from None

    return read


def error_in(response: httpx2.Response) -> InvariantSelectError:
    """The error that an unsuccessful response stands for: the class the server raised, where it says so."""
    problem = _json_object(response)
    if problem is not None:
        error = error_from_problem(problem, status=response.status_code)
    elif response.is_redirect:
        error = UnexpectedResponseError(
            f"{_told_by(response)} to {response.headers.get('location', '')!r:.200}",
            hint="Give the address it redirects to as base_url.",
            status_received=response.status_code,
        )
    elif response.status_code == 413:
        error = PayloadTooLargeError(_told_by(response), hint="A proxy before the server takes no larger requests.")
    else:
        error = UnexpectedResponseError(_told_by(response), status_received=response.status_code)
    request_id = response.headers.get("x-request-id")
    if request_id:
        error.context.setdefault("request_id", request_id)
    return error


def _json_object(response: httpx2.Response) -> dict[str, Any] | None:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in {"application/problem+json", "application/json"}:
        return None
    try:
        document = response.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _told_by(response: httpx2.Response) -> str:
    media_type = response.headers.get("content-type", "no content type").partition(";")[0]
    excerpt = " ".join(response.content[: 4 * _EXCERPT].decode("utf-8", "replace").split())[:_EXCERPT]
    shown = "".join(character for character in excerpt if character.isprintable())
    begins = f" beginning {shown!r}" if shown else ""
    return f"{response.request.url.host} answered {response.status_code} with {media_type:.80}{begins}"
