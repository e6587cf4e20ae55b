"""Request bodies: read after the key was checked, by their content type, strictly.

FastAPI reads a body before anything else; here it is a dependency, so that a stranger's body is never parsed.
"""

from __future__ import annotations

from functools import partial
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from invariantselect.errors import RequestMalformedError, UnsupportedMediaTypeError
from service.http.problems import validation_error

__all__ = ["JsonBody", "media_type_of", "parse_json"]

ModelT = TypeVar("ModelT", bound=BaseModel)

_SMALL = 64 * 1024  # parsing this much takes less than moving to another thread


class JsonBody(Generic[ModelT]):
    """A dependency that reads a JSON body as a wire type.

    Args:
        model: The type.
        absent: What no body at all stands for; None where there has to be one.
    """

    def __init__(self, model: type[ModelT], absent: ModelT | None = None) -> None:
        self.model = model
        self.absent = absent

    async def __call__(self, request: Request) -> ModelT:
        """Read and check the body.

        Raises:
            UnsupportedMediaTypeError: It isn't application/json.
            RequestMalformedError: It isn't JSON.
            InvalidRequestError: It isn't what the route takes.
        """
        given = media_type_of(request)
        if not given and self.absent is not None and not await request.body():
            return self.absent
        if given != "application/json":
            raise UnsupportedMediaTypeError(f"the body is {given or 'of no content type'}, not application/json")
        return await parse_json(self.model, await request.body())


async def parse_json(model: type[ModelT], content: bytes | str) -> ModelT:
    """Check JSON against a wire type, off the event loop where it is long.

    Raises:
        RequestMalformedError: It isn't JSON, or is nested too deeply.
        InvalidRequestError: It isn't such a thing.
    """
    if not content:
        raise RequestMalformedError("the body is empty where JSON is expected")
    try:
        if len(content) <= _SMALL:
            return model.model_validate_json(content)
        return await run_in_threadpool(partial(model.model_validate_json, content))
    except ValidationError as error:
        # `from None`: the cause's text would repeat the input, which may be an image.
        raise validation_error(error) from None


def media_type_of(request: Request) -> str:
    """The request's content type in lower case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
