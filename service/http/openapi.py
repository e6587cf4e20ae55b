"""The OpenAPI document: our bodies and our problems in the place of FastAPI's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from invariantselect.errors import (
    CatalogUnavailableError,
    ForbiddenError,
    InvalidRequestError,
    InvariantSelectError,
    OverloadedError,
    PayloadTooLargeError,
    PoolNotFoundError,
    RateLimitedError,
    RequestMalformedError,
    RequestTooSlowError,
    StoreCorruptError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
)
from invariantselect.wire.adaptation import AdaptationResult, AdaptRequest, RollbackRequest
from invariantselect.wire.demonstrations import (
    DeleteRequest,
    DemonstrationPatch,
    GetRequest,
    RelabelRequest,
    UpsertRequest,
)
from invariantselect.wire.encoders import EmbeddingsRequest
from invariantselect.wire.evaluation import EvaluateRequest, EvaluationResult
from invariantselect.wire.jobs import ImportRequest, RebuildRequest
from invariantselect.wire.options import ComparableOptions
from invariantselect.wire.pools import PoolCreate
from invariantselect.wire.selections import SelectBatchRequest, SelectRequest
from service.http.problems import MEDIA_TYPE
from service.http.upload_body import UploadedDemonstration

__all__ = ["Problem", "document", "json_request", "problems", "request_content"]

_REQUESTS: tuple[type[BaseModel], ...] = (
    AdaptRequest,
    ComparableOptions,
    DeleteRequest,
    DemonstrationPatch,
    EmbeddingsRequest,
    EvaluateRequest,
    GetRequest,
    ImportRequest,
    PoolCreate,
    RebuildRequest,
    RelabelRequest,
    RollbackRequest,
    SelectBatchRequest,
    SelectRequest,
    UploadedDemonstration,
    UpsertRequest,
)
_ANYWHERE = (UnauthenticatedError, ForbiddenError, InvalidRequestError, CatalogUnavailableError)
_COUNTED = (*_ANYWHERE, RateLimitedError)
_OF_A_BODY = (
    RequestMalformedError,
    RequestTooSlowError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
    OverloadedError,
)
OF_A_POOL = (PoolNotFoundError, StoreCorruptError)


class FieldError(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(examples=["demonstrations.0.label"])
    message: str


class Problem(BaseModel):
    """What went wrong and what to do about it: RFC 9457, https://www.rfc-editor.org/rfc/rfc9457."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="A URI that names the kind of problem; it ends in `code`.")
    title: str
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened, in a sentence.")
    code: str = Field(description="Names the kind of problem; stable.")
    hint: str = Field(description="What to do next.")
    instance: str | None = Field(default=None, description="Path of the request.")
    request_id: str | None = Field(default=None, description="As in X-Request-ID and in the server's log.")
    errors: list[FieldError] | None = Field(default=None, description="Of invalid_request: each field that is wrong.")


def problems(
    *errors: type[InvariantSelectError], body: bool = False, counted: bool = True
) -> dict[int | str, dict[str, Any]]:
    """The ``responses=`` of a route: its problems, and those of every route that asks for a key.

    Args:
        errors: What this route may raise.
        body: Whether it reads a body.
        counted: Whether requests to it are limited in number.
    """
    return only_problems(*(_COUNTED if counted else _ANYWHERE), *(_OF_A_BODY if body else ()), *errors)


def only_problems(*errors: type[InvariantSelectError]) -> dict[int | str, dict[str, Any]]:
    """The ``responses=`` of a route that is open to everyone."""
    by_status: dict[int | str, list[type[InvariantSelectError]]] = {}
    for error in dict.fromkeys(errors):
        by_status.setdefault(error.status, []).append(error)
    return {status: _problem_response(kinds) for status, kinds in sorted(by_status.items(), key=str)}


def json_request(model: type[BaseModel], examples: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The ``openapi_extra=`` of a route that reads JSON.

    Args:
        model: What it reads.
        examples: Bodies by what they show.
        required: Whether there has to be a body.
    """
    return request_content({"application/json": _content(_reference(model), examples)}, required=required)


def request_content(content: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The ``openapi_extra=`` of a route that reads a body of one of several content types."""
    return {"requestBody": {"required": required, "content": dict(content)}}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an app."""
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info=app.license_info,
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for default in ("HTTPValidationError", "ValidationError"):
        schemas.pop(default, None)
    wanted = [(model, "validation") for model in _REQUESTS] + [
        (Problem, "validation"),
        (AdaptationResult, "serialization"),
        (EvaluationResult, "serialization"),
    ]
    _, ours = models_json_schema(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    for name, schema in ours["$defs"].items():
        if schemas.setdefault(name, schema) != schema:
            raise ValueError(f"two schemas are named {name}")
    return made


def _content(schema: Mapping[str, Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema": dict(schema), "examples": {name: {"value": value} for name, value in examples.items()}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _problem_response(kinds: list[type[InvariantSelectError]]) -> dict[str, Any]:
    examples = {
        kind.code: {"summary": kind.title, "value": kind("What happened, in a sentence.").to_problem()}
        for kind in kinds
    }
    return {
        "description": "; ".join(f"{kind.title} (`{kind.code}`)" for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": _reference(Problem), "examples": examples}},
    }
