"""What an exported pool looks like on disk, said once for writing and reading.

A directory with ``pool.json`` (`ExportHeader`), ``demonstrations.parquet`` (`table_schema`) and
``images/<sha256>.<extension>``, each image once.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from index.sources.confined import read_confined
from invariantselect.errors import InvariantSelectError, ManifestInvalidError
from invariantselect.wire.base import PoolName

__all__ = ["EXTENSIONS", "HEADER", "IMAGES", "TABLE", "ExportHeader", "image_name", "read_header", "table_schema"]

HEADER = "pool.json"
TABLE = "demonstrations.parquet"
IMAGES = "images"
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/x-portable-anymap": "pnm",
}
_LARGEST_HEADER = 64 * 1024


class ExportHeader(BaseModel):
    """``pool.json``: what the vectors in the table are, and how many there are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["invariantselect-pool"] = "invariantselect-pool"
    format_version: Literal[1] = 1
    name: PoolName
    encoder: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    fingerprint: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    dim: Annotated[int, Field(ge=1, le=65_536)]
    demonstrations: Annotated[int, Field(ge=0)]
    snapshot: Annotated[int, Field(ge=0, description="Version of the pool that was exported.")]
    created_at: datetime
    exported_at: datetime


def read_header(directory: Path) -> ExportHeader:
    """Read and check ``pool.json``.

    Raises:
        ManifestInvalidError: It is missing, damaged, or of a format this version doesn't read.
    """
    try:
        return ExportHeader.model_validate_json(read_confined(directory, HEADER, max_bytes=_LARGEST_HEADER))
    except InvariantSelectError as error:
        raise ManifestInvalidError(f"The export can't be read: {error.detail}") from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ManifestInvalidError(f"{HEADER} can't be used: {place} {problem['msg']}.".replace("  ", " ")) from error


def table_schema(dim: int) -> pa.Schema:
    """Columns of the table; metadata is JSON text, so that 1, 1.0, true and "1" stay what they are."""
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("label", pa.string(), nullable=False),
            pa.field("domain", pa.string()),
            pa.field("group", pa.string()),
            pa.field("metadata", pa.string(), nullable=False),
            pa.field("image_sha256", pa.string(), nullable=False),
            pa.field("media_type", pa.string(), nullable=False),
            pa.field("width", pa.int32(), nullable=False),
            pa.field("height", pa.int32(), nullable=False),
            pa.field("vector", pa.list_(pa.field("element", pa.float32()), dim), nullable=False),
        ]
    )


def image_name(sha256: str, media_type: str) -> str:
    """Path of an image below the export's directory.

    Raises:
        ValueError: The hash is not 64 lower-case hexadecimal digits, or the media type none of an image we store.
    """
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError(f"{sha256!r:.80} is not a SHA-256")
    if media_type not in EXTENSIONS:
        raise ValueError(f"{media_type!r:.80} is not the media type of a supported image")
    return f"{IMAGES}/{sha256}.{EXTENSIONS[media_type]}"
