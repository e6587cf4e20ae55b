"""The manifest names the segments that a pool's sealed vectors lie in; renaming it is what publishes a seal."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from index.durable_files import storing, write_durably
from invariantselect.errors import StoreCorruptError

__all__ = ["Manifest", "SegmentEntry", "read_manifest", "write_manifest"]

FILE = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class SegmentEntry:
    """One sealed segment.

    Attributes:
        file: FAISS file, a name within the pool's folder.
        rows_file: The rows of its vectors, ascending, a name within the pool's folder.
        count: How many vectors.
        kind: ``flat``: exact.
        sha256: Of the FAISS file.
        rows_sha256: Of the rows file.
        max_norm: Largest Euclidean norm among the vectors; bounds the rounding of a float32 scan.
    """

    file: str
    rows_file: str
    count: int
    kind: str
    sha256: str
    rows_sha256: str
    max_norm: float


@dataclass(frozen=True)
class Manifest:
    """What is sealed.

    Attributes:
        fingerprint: Of the encoder that made the vectors.
        dim: Length of a vector.
        generation: One more with each seal; 0 before the first.
        segments: In ascending order of rows, without overlap.
        sealed_through: Every living row up to this one lies in a segment; −1 before the first seal.
        version: The pool's version that was sealed.
        purged_version: Tombstones up to this version may be gone. A reader that has seen at least this version learns
            of every death since from the tombstones; another reads everything again.
    """

    fingerprint: str
    dim: int
    generation: int = 0
    segments: tuple[SegmentEntry, ...] = ()
    sealed_through: int = -1
    version: int = 0
    purged_version: int = 0

    def next(self, segments: tuple[SegmentEntry, ...], *, sealed_through: int, version: int) -> Manifest:
        """The manifest after a seal; tombstones older than the seal before are spent."""
        return replace(
            self,
            generation=self.generation + 1,
            segments=segments,
            sealed_through=sealed_through,
            version=version,
            purged_version=self.version,
        )


def read_manifest(folder: Path, *, fingerprint: str, dim: int) -> Manifest:
    """The manifest in a pool's folder; an empty one where nothing was sealed yet.

    Raises:
        StoreCorruptError: It was altered, is of another format, or belongs to another pool.
    """
    try:
        content = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return Manifest(fingerprint=fingerprint, dim=dim)
    except OSError as error:
        raise StoreCorruptError(f"the manifest {folder / FILE} can't be read: {error.strerror}") from error
    manifest = _parse(content, folder / FILE)
    if (manifest.fingerprint, manifest.dim) != (fingerprint, dim):
        raise StoreCorruptError(f"the manifest {folder / FILE} belongs to vectors of another encoder")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the folder's present one, at once and durably.

    Raises:
        CatalogUnavailableError: The disk is full or can't be written.
    """
    body = {"format": FORMAT, **asdict(manifest)}
    with storing(folder / FILE):
        write_durably(folder / FILE, json.dumps({**body, "checksum": _checksum(body)}, indent=1).encode())


def _parse(content: bytes, path: Path) -> Manifest:
    try:
        body = json.loads(content)
        checksum = body.pop("checksum")
        if body.get("format") != FORMAT:
            raise StoreCorruptError(f"the manifest {path} has format {body.get('format')}, this version reads {FORMAT}")
        if _checksum(body) != checksum:
            raise StoreCorruptError(f"the manifest {path} was altered")
        del body["format"]
        segments = tuple(SegmentEntry(**entry) for entry in body.pop("segments"))
        if any(Path(name).name != name for entry in segments for name in (entry.file, entry.rows_file)):
            raise StoreCorruptError(f"the manifest {path} names a file outside its folder")
        return Manifest(**body, segments=segments)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreCorruptError(f"the manifest {path} is damaged") from error


def _checksum(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
