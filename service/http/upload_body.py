"""Demonstrations as multipart: their images as files, and one JSON part that describes them in the same order."""

from __future__ import annotations

from pydantic import Field, RootModel
from starlette.requests import Request

from invariantselect.errors import InvalidRequestError, UnsupportedMediaTypeError
from invariantselect.wire.base import Identifier, Label, MetadataValue, Sent
from invariantselect.wire.demonstrations import MAX_BATCH
from service.http.bodies import media_type_of, parse_json
from service.http.multipart import read_multipart
from service.upserting import GivenDemonstration

__all__ = ["UploadedDemonstration", "read_upload_body"]


class UploadedDemonstration(Sent):
    """What is known about one of the files."""

    id: Identifier = Field(examples=["photo/dog/056_0001.jpg"])
    label: Label = Field(examples=["dog"])
    domain: Label | None = Field(default=None, examples=["photo"])
    group: Label | None = Field(default=None, description="Patient or slide.", examples=["patient-17"])
    metadata: dict[str, MetadataValue] = Field(default_factory=dict, max_length=64, examples=[{"age": 54}])


class _Descriptions(RootModel[list[UploadedDemonstration]]):
    root: list[UploadedDemonstration] = Field(min_length=1, max_length=MAX_BATCH)


async def read_upload_body(request: Request) -> list[GivenDemonstration]:
    """Read files and their descriptions.

    Raises:
        UnsupportedMediaTypeError: Not multipart.
        RequestMalformedError: Broken multipart or JSON.
        InvalidRequestError: Not as many files as descriptions, or a description that isn't valid.
    """
    media_type = media_type_of(request)
    if media_type != "multipart/form-data":
        raise UnsupportedMediaTypeError(f"the body is {media_type or 'of no content type'}, not multipart/form-data")
    parts = await read_multipart(request, texts={"demonstrations"}, files={"files"}, most_files=MAX_BATCH)
    descriptions = (await parse_json(_Descriptions, parts.texts.get("demonstrations", b""))).root
    files = parts.files["files"]
    if len(files) != len(descriptions):
        raise InvalidRequestError(
            f"there are {len(files)} files and {len(descriptions)} descriptions",
            hint="Send one part 'files' for each entry of 'demonstrations', in the same order.",
        )
    return [
        GivenDemonstration(each.id, image, each.label, each.domain, each.group, each.metadata)
        for each, image in zip(descriptions, files, strict=True)
    ]
