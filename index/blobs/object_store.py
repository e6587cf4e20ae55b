"""Files in an object store that speaks S3: ``s3://bucket/folder/ab/cd/<sha256>``, as in a folder, so that one copies as
the other.

Credentials, region and endpoint are found as by every program that speaks S3: ``AWS_ACCESS_KEY_ID``, ``AWS_PROFILE``, a
machine's role, ``AWS_ENDPOINT_URL``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar, cast

from invariantselect.errors import CatalogUnavailableError, InvalidRequestError

__all__ = ["ObjectStore"]

_OWNER = "invariantselect.id"
_IN_MEMORY = 1 << 16
# A lost packet is sent again, and so is what was cut off: a store that is mute is told of within 40 seconds.
_PATIENCE: dict[str, object] = {
    "connect_timeout": 5,
    "read_timeout": 10,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}
_TRIES = 2
# What is asked while others wait for the catalog's lock: 4 seconds without a connection or an answer.
_LITTLE_PATIENCE: dict[str, object] = {
    "connect_timeout": 2,
    "read_timeout": 4,
    "retries": {"mode": "standard", "total_max_attempts": 1},
}

_Answer = TypeVar("_Answer")


class ObjectStore:
    """A folder of a bucket, of one data directory alone.

    Args:
        url: ``s3://bucket/folder``; the bucket exists.

    Raises:
        InvalidRequestError: What speaks S3 isn't installed.
    """

    reads_at_once = 32  # each waits for the network, some ten milliseconds
    writes_at_once = 32
    remote = True

    def __init__(self, url: str) -> None:
        try:
            import aiohttp
            import s3fs
            from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError
        except ImportError as error:
            raise InvalidRequestError(
                "images in an object store need the package s3fs",
                hint="pip install 'invariantselect-server[s3]', or unset INVARIANTSELECT_IMAGES_URL.",
            ) from error
        self._url = url.rstrip("/")
        self._root = self._url.removeprefix("s3://")
        # Listings that it remembers would tell of files that are gone.
        fresh = {"use_listings_cache": False, "skip_instance_cache": True}
        self._files = s3fs.S3FileSystem(config_kwargs=_PATIENCE, **fresh)
        self._files.retries = _TRIES
        self._brief = s3fs.S3FileSystem(config_kwargs=_LITTLE_PATIENCE, **fresh)
        self._brief.retries = 1
        self._of_network = (BotoCoreError, ClientError, aiohttp.ClientError)
        self._not_connected = ConnectTimeoutError

    def where(self, sha256: str) -> str:
        """Its URL."""
        return f"s3://{self._path(sha256)}"

    def write(self, sha256: str, content: bytes) -> None:
        """Keep a file: sending it costs what looking whether it is there and whole would."""
        with self._asking():
            self._files.pipe_file(self._path(sha256), content)

    def read(self, sha256: str) -> bytes:
        """A file as it is."""
        with self._looking():
            content: bytes = self._files.cat_file(self._path(sha256))
            return content

    def open(self, sha256: str) -> BinaryIO:
        """A copy, as what is removed here is gone; a large one lies on the disk."""
        content = self.read(sha256)
        copy = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 -- the caller closes it
        copy.write(content)
        copy.seek(0)
        return copy

    def holds(self, sha256: str) -> bool:
        """Whether there is such a file."""
        try:
            with self._looking():
                self._briefly(self._brief.info, sha256)
        except FileNotFoundError:
            return False
        return True

    def remove(self, sha256: str) -> None:
        """Remove a file, if it is there."""
        with self._asking():
            self._briefly(self._brief.rm_file, sha256)

    def stored(self) -> Iterator[str]:
        """The names of all files, one of 256 folders after the other: a listing holds all that it finds in memory."""
        try:
            with self._looking():
                folders: list[str] = self._files.ls(self._root, detail=False)
        except FileNotFoundError:
            return
        for folder in folders:
            with self._asking():
                found: list[str] = self._files.find(folder)
            for path in found:
                yield path.rpartition("/")[2]

    def leftovers(self) -> Iterator[str]:
        """None: an object is there as a whole, or not at all."""
        return iter(())

    def claim(self, owner: str) -> None:
        """Make it somebody's, if it isn't anybody's: two data directories would remove each other's images.

        Args:
            owner: Who they are, a word.

        Raises:
            CatalogUnavailableError: It is another's, there is no such bucket, or the store doesn't answer.
        """
        path = f"{self._root}/{_OWNER}"
        with self._asking():
            try:
                found = self._files.cat_file(path)
            except FileNotFoundError:
                try:
                    self._files.pipe_file(path, owner.encode("ascii"), mode="create")
                except FileExistsError:  # another was faster
                    found = self._files.cat_file(path)
                else:
                    return
        if found != owner.encode("ascii"):
            raise CatalogUnavailableError(
                f"{self._url} has the images of another data directory",
                hint="Give INVARIANTSELECT_IMAGES_URL a folder of its own in the bucket.",
            )

    def _path(self, sha256: str) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256[2:4]}/{sha256}"

    def _briefly(self, ask: Callable[[str], _Answer], sha256: str) -> _Answer:
        try:
            return ask(self._path(sha256))
        except self._not_connected:
            # Its clock ran while this process stood still, too: a machine that is busy is no store that is away.
            return ask(self._path(sha256))

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except (OSError, *self._of_network) as error:
            # Those of the network name hosts, and some of them are OSErrors, too.
            why = "" if isinstance(error, self._of_network) else f": {error}"
            raise CatalogUnavailableError(
                f"the images at {self._url} can't be reached: {type(error).__name__}{why}",
                hint="Check bucket, credentials and network: the AWS_ variables, INVARIANTSELECT_IMAGES_URL.",
            ) from error

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """As `_asking`, but that a file isn't there is an answer."""
        missing: FileNotFoundError | None = None
        with self._asking():
            try:
                yield
            except FileNotFoundError as error:
                missing = error
        if missing is not None:
            raise missing
