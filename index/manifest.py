"""The manifest names the segments that a pool's sealed vectors lie in; renaming it is what publishes a seal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from index.durable_files import storing, write_durably
from invariantselect.errors import StoreCorruptError

__all__ = [
    "FILE",
    "Depth",
    "Manifest",
    "ProposerEntry",
    "SegmentEntry",
    "manifest_bytes",
    "read_manifest",
    "write_manifest",
]

FILE = "manifest.json"
FORMAT = 2
_READ = (1, 2)  # format 1 knew no approximate kinds; all else is the same


@dataclass(frozen=True)
class Depth:
    """How well, and how fast, an approximate kind finds the k nearest.

    Attributes:
        k: Of how many neighbours this is true.
        effort: With which efSearch or nprobe it was measured, and is asked.
        recall: Share of the k nearest that it found, from 0 to 1, mean over the queries.
        milliseconds: Median of a search on one thread.
        exact_milliseconds: The same of an exact search.
    """

    k: int
    effort: int
    recall: float
    milliseconds: float
    exact_milliseconds: float


@dataclass(frozen=True)
class ProposerEntry:
    """The approximate half of a segment.

    Attributes:
        file: FAISS file, a name within the pool's folder.
        sha256: Of the file.
        size: Of the file, in bytes: what is mapped must be there.
        parameters: What it was made with, by FAISS's names.
        effort_name: What FAISS calls the effort of a search.
        queries: How many queries it was measured by; `index.proposers.measuring` says which.
        depths: What was measured, in ascending order of k; at least one.
    """

    file: str
    sha256: str
    size: int
    parameters: Mapping[str, int] = field(hash=False)
    effort_name: str
    queries: int
    depths: tuple[Depth, ...]


@dataclass(frozen=True)
class SegmentEntry:
    """One sealed segment.

    Attributes:
        file: FAISS file, a name within the pool's folder.
        rows_file: The rows of its vectors, ascending, a name within the pool's folder.
        count: How many vectors.
        kind: ``flat``: exact; ``hnsw`` or ``ivf``: searched approximately where that is allowed.
        sha256: Of the FAISS file.
        rows_sha256: Of the rows file.
        max_norm: Largest Euclidean norm among the vectors; bounds the rounding of a float32 scan.
        proposer: The approximate half, None for ``flat``.
        note: Why it is of this kind, where somebody asked for a recall.
    """

    file: str
    rows_file: str
    count: int
    kind: str
    sha256: str
    rows_sha256: str
    max_norm: float
    proposer: ProposerEntry | None = None
    note: str = ""

    @property
    def files(self) -> dict[str, str]:
        """The hash of each of its files, by name."""
        named = {self.file: self.sha256, self.rows_file: self.rows_sha256}
        return named if self.proposer is None else {**named, self.proposer.file: self.proposer.sha256}


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
        recall: What the last rebuild was asked for, None for exact search.
    """

    fingerprint: str
    dim: int
    generation: int = 0
    segments: tuple[SegmentEntry, ...] = ()
    sealed_through: int = -1
    version: int = 0
    purged_version: int = 0
    recall: float | None = None

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
    with storing(folder / FILE):
        write_durably(folder / FILE, manifest_bytes(manifest))


def manifest_bytes(manifest: Manifest) -> bytes:
    """What stands in the file of a manifest."""
    body = {"format": FORMAT, **asdict(manifest)}
    return json.dumps({**body, "checksum": _checksum(body)}, indent=1).encode()


def _parse(content: bytes, path: Path) -> Manifest:
    try:
        body = json.loads(content)
        checksum = body.pop("checksum")
        if body.get("format") not in _READ:
            raise StoreCorruptError(f"the manifest {path} has format {body.get('format')}, this version reads {_READ}")
        if _checksum(body) != checksum:
            raise StoreCorruptError(f"the manifest {path} was altered")
        del body["format"]
        segments = tuple(_segment(entry) for entry in body.pop("segments"))
        if any(Path(name).name != name for entry in segments for name in entry.files):
            raise StoreCorruptError(f"the manifest {path} names a file outside its folder")
        return Manifest(**body, segments=segments)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreCorruptError(f"the manifest {path} is damaged") from error


def _segment(body: dict[str, Any]) -> SegmentEntry:
    proposer = body.get("proposer")
    if proposer is not None:
        depths = tuple(Depth(**depth) for depth in proposer["depths"])
        body = {**body, "proposer": ProposerEntry(**{**proposer, "depths": depths})}
    return SegmentEntry(**body)


def _checksum(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
