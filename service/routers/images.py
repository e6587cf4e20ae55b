"""Image files of demonstrations, as they were given."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response

from index.pool import Demonstration, StoredImage
from index.pool import Pool as StoredPool
from invariantselect.errors import CatalogUnavailableError, DemonstrationNotFoundError, ImageNotFoundError
from service.access.scoped import READ
from service.http.openapi import OF_A_POOL, problems
from service.routers.parameters import DemonstrationId, Pool, WithServices

router = APIRouter(tags=["demonstrations"])

_HEADERS = {
    # The id may get another image, so a copy is asked about before it is used again.
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization",
    # Somebody else's file: a browser may show it and nothing more.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
}
_ETAG = {"ETag": {"description": "SHA-256 of the file.", "schema": {"type": "string"}}}


class ImageResponse(Response):
    """An image file."""

    media_type = "image/*"


@router.get(
    "/v1/pools/{pool}/images/{id:path}",
    summary="Fetch an image",
    dependencies=[Depends(READ)],
    response_class=ImageResponse,
    responses={
        **problems(*OF_A_POOL, DemonstrationNotFoundError),
        200: {
            "description": "The file.",
            "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
            "headers": _ETAG,
        },
        304: {"description": "The file with this ETag is still the one.", "headers": _ETAG},
    },
    operation_id="get_image",
)
async def get_image(
    pool: Pool,
    id: DemonstrationId,
    services: WithServices,
    if_none_match: Annotated[str | None, Header(description="ETags of copies that you have.")] = None,
) -> Response:
    """The image file of a demonstration, byte for byte."""

    def fetch() -> Response:
        stored = services.pools.open(pool)
        known = _known(stored, id)
        if known is None:
            raise DemonstrationNotFoundError(f"the pool {pool!r} has no demonstration {id!r}", id=id)
        if if_none_match is not None and _names(if_none_match, known.sha256):
            return Response(status_code=304, headers={**_HEADERS, "ETag": f'"{known.sha256}"'})
        image = _image(stored, known)
        headers = {**_HEADERS, "ETag": f'"{image.sha256}"'}
        return Response(image.content, media_type=image.media_type, headers=headers)

    return await services.pictures.run(fetch)


def _known(pool: StoredPool, id: str) -> Demonstration | None:
    try:
        return pool.get([id])[0]
    except CatalogUnavailableError:  # selections are answered all the same, and their pictures belong to them
        known = pool.last_known(id)
        if known is None:
            raise
        return known


def _image(pool: StoredPool, known: Demonstration) -> StoredImage:
    try:
        return StoredImage(pool.content(known.sha256), known.media_type, known.sha256)
    except ImageNotFoundError:  # replaced since it was looked up, or lost
        return pool.image(known.id)


def _names(if_none_match: str, sha256: str) -> bool:
    """Whether one of the ETags is this file's; weak ones count (RFC 9110, section 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or f'"{sha256}"' in tags
