"""Content under its hash, checked on the way out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, TypeVar

from index.blobs.blob_store import BlobStore
from invariantselect.errors import CatalogUnavailableError, ImageNotFoundError, InvariantSelectError, StoreCorruptError

__all__ = ["Blobs"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_UPSERT = "Upsert the demonstration again with its image."
_Each = TypeVar("_Each")
_Made = TypeVar("_Made")


class Blobs:
    """Image files by the hash of their content, shared by all pools of a data directory. Thread- and process-safe.

    Whatever takes a hash raises a ValueError where it isn't 64 lower-case hexadecimal digits, so possibly a path that
    leaves the store; and a CatalogUnavailableError where the store can't be written, or an object store doesn't answer.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    @property
    def remote(self) -> bool:
        """Whether they are kept by a server, which may not answer."""
        return self._store.remote

    def where(self, sha256: str) -> str:
        """Where the content with this hash lies, if it is stored: a path or a URL."""
        return self._store.where(_checked(sha256))

    def put(self, content: bytes) -> str:
        """Store content durably and return its hash. Storing it again heals a damaged file."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._store.write(sha256, content)
        return sha256

    def put_all(self, contents: Collection[bytes]) -> None:
        """Store several contents as `put` does, side by side."""
        _side_by_side(self.put, list(contents), self._store.writes_at_once)

    def put_missing(self, contents: Mapping[str, bytes]) -> None:
        """Store those of some contents, by their hashes, that aren't there."""
        there = _side_by_side(self.holds, list(contents), self._store.reads_at_once)
        self.put_all([content for content, held in zip(contents.values(), there, strict=True) if not held])

    def get(self, sha256: str) -> bytes:
        """The content with this hash, checked against it.

        Raises:
            ImageNotFoundError: Nothing is stored under it.
            StoreCorruptError: The file was altered, or can't be read.
        """
        try:
            content = self._store.read(_checked(sha256))
        except FileNotFoundError as error:
            raise ImageNotFoundError(f"the image {sha256} is not in the store", hint=_UPSERT) from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StoreCorruptError(f"the stored image {sha256} was altered", hint=_UPSERT)
        return content

    def get_all(self, hashes: Sequence[str]) -> list[bytes]:
        """The contents with these hashes, all in memory, as `get` has them. Raises what the first failure raises."""
        return _side_by_side(self.get, hashes, self._store.reads_at_once)

    def problems(self, hashes: Sequence[str]) -> list[InvariantSelectError | None]:
        """What is wrong with each of some contents: `get`'s error; None for those that are there and whole."""
        return _side_by_side(self._problem, hashes, self._store.reads_at_once)

    def open(self, sha256: str) -> BinaryIO:
        """The content with this hash, to be read later, unchecked. It may be discarded meanwhile.

        Raises:
            FileNotFoundError: Nothing is stored under it.
        """
        return self._store.open(_checked(sha256))

    def holds(self, sha256: str) -> bool:
        """Whether something is stored under this hash; it is checked when it is read."""
        return self._store.holds(_checked(sha256))

    def discard(self, sha256: str) -> None:
        """Remove the content with this hash, if it is there."""
        self._store.remove(_checked(sha256))

    def discard_all(self, hashes: Sequence[str]) -> list[CatalogUnavailableError | None]:
        """Remove several contents, side by side: why each couldn't be removed, None for those that are gone.

        A server is asked to remove the first alone, and for no other where it refuses: others wait for who asks.
        """
        if self._store.remote and len(hashes) > 1:
            first = self._refusal(hashes[0])
            return [first] * len(hashes) if first is not None else [None, *self._discard(hashes[1:])]
        return self._discard(hashes)

    def _discard(self, hashes: Sequence[str]) -> list[CatalogUnavailableError | None]:
        return _side_by_side(self._refusal, hashes, self._store.writes_at_once)

    def stored(self) -> Iterator[str]:
        """The hashes of everything that is stored, in no order."""
        return (sha256 for sha256 in self._store.stored() if _SHA256.fullmatch(sha256))

    def leftovers(self) -> Iterator[str]:
        """Where a write that never ended left something behind, or is writing just now: paths."""
        return self._store.leftovers()

    def _problem(self, sha256: str) -> InvariantSelectError | None:
        try:
            self.get(sha256)
        except (ImageNotFoundError, StoreCorruptError) as error:
            return error
        return None

    def _refusal(self, sha256: str) -> CatalogUnavailableError | None:
        try:
            self.discard(sha256)
        except CatalogUnavailableError as error:
            return error
        return None


def _checked(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is not a SHA-256 in hexadecimal")
    return sha256


def _side_by_side(do: Callable[[_Each], _Made], each: Sequence[_Each], at_once: int) -> list[_Made]:
    at_once = min(at_once, len(each))
    if at_once <= 1:
        return [do(one) for one in each]
    with ThreadPoolExecutor(at_once) as threads:
        return list(threads.map(do, each))
