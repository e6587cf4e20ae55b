"""The three ways to send a query: JSON, an image file as the body, or multipart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query as QueryParameter
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from invariantselect.errors import InvalidRequestError, UnsupportedMediaTypeError
from invariantselect.wire.base import Label
from invariantselect.wire.options import ComparableOptions
from invariantselect.wire.selections import SelectRequest
from service.http.bodies import media_type_of, parse_json
from service.http.multipart import read_multipart
from service.http.problems import invalid_request
from service.selecting.given_query import GivenQuery, given_query
from service.services import services_of

__all__ = ["SelectBody", "read_select_body"]

_LABEL: TypeAdapter[str] = TypeAdapter(Label)


@dataclass(frozen=True)
class SelectBody:
    """What one call of select asks for."""

    query: GivenQuery
    options: ComparableOptions


async def read_select_body(
    request: Request,
    options: Annotated[
        str | None, QueryParameter(description="JSON of the options, when the body is an image file.")
    ] = None,
    group: Annotated[
        Label | None, QueryParameter(description="The query's group, when the body is an image file.")
    ] = None,
    domain: Annotated[
        Label | None, QueryParameter(description="The query's domain, when the body is an image file.")
    ] = None,
) -> SelectBody:
    """Read the query and its options.

    Raises:
        UnsupportedMediaTypeError: None of the three.
        RequestMalformedError: Broken JSON, base64 or multipart.
        InvalidRequestError: Not what the route takes.
    """
    media_type = media_type_of(request)
    if media_type.startswith("image/") or media_type == "application/octet-stream":
        query = GivenQuery(image=await request.body(), group=group, domain=domain)
        return SelectBody(query, await _options(options))
    if (options, group, domain) != (None, None, None):
        raise InvalidRequestError(
            "options, group and domain stand in the URL only when the body is an image file",
            hint="Send them in the body.",
        )
    if media_type == "application/json":
        return await _from_json(request)
    if media_type == "multipart/form-data":
        return await _from_multipart(request)
    raise UnsupportedMediaTypeError(
        f"the body is {media_type or 'of no content type'}",
        hint="Send application/json, multipart/form-data, or an image file as image/*.",
    )


async def _from_json(request: Request) -> SelectBody:
    sent = await parse_json(SelectRequest, await request.body())
    limit = services_of(request).settings.max_image_bytes
    return SelectBody(given_query(sent.query, limit), sent)


async def _from_multipart(request: Request) -> SelectBody:
    parts = await read_multipart(request, texts={"options", "group", "domain"}, files={"image"}, most_files=1)
    if len(parts.files["image"]) != 1:
        raise InvalidRequestError("the part image is missing: send one file under this name", hint="-F image=@file")
    query = GivenQuery(
        image=parts.files["image"][0], group=_text(parts.texts, "group"), domain=_text(parts.texts, "domain")
    )
    return SelectBody(query, await _options(parts.texts.get("options")))


async def _options(content: bytes | str | None) -> ComparableOptions:
    return ComparableOptions() if not content else await parse_json(ComparableOptions, content)


def _text(fields: Mapping[str, bytes], name: str) -> str | None:
    if name not in fields:
        return None
    try:
        return _LABEL.validate_python(fields[name].decode())
    except UnicodeDecodeError:
        raise InvalidRequestError(f"{name}: not UTF-8") from None
    except ValidationError as error:
        raise invalid_request([{**each, "loc": (name,)} for each in error.errors(include_url=False)]) from None
