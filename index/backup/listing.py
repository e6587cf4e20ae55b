"""What a backup holds: one file in it, ``backup.jsonl``, names all others with their sizes and checksums."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from invariantselect.errors import BackupInvalidError

__all__ = ["CATALOG", "LISTING", "Listed", "Listing", "parse_listing"]

CATALOG = "catalog.sqlite3"
LISTING = "backup.jsonl"
_FORMAT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Never a dot first: neither hidden, nor the folder above.
_PART = r"[^/\\:.\x00-\x1f\x7f][^/\\:\x00-\x1f\x7f]{0,254}"
_NAME = re.compile(
    rf"catalog\.sqlite3|blobs/[0-9a-f]{{2}}/[0-9a-f]{{2}}/[0-9a-f]{{64}}"
    rf"|pools/[0-9a-f]{{32}}/(?:versions/[0-9]{{1,9}}/)?{_PART}|(?:encoders|reports)(?:/{_PART}){{1,4}}"
)


@dataclass(frozen=True)
class Listed:
    """A file of a backup.

    Attributes:
        name: Its path in the data directory, with slashes.
        bytes: Its size.
        sha256: Of its content.
    """

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Listing:
    """All files of a backup.

    Attributes:
        created_at: The moment that the backup shows.
        code_version: What made it.
        files: In ascending order of names, the catalog among them.
    """

    created_at: datetime
    code_version: str
    files: tuple[Listed, ...]

    def dump(self) -> bytes:
        """The content of ``backup.jsonl``: a line about the backup, and one for each file."""
        lines = "".join(f"{json.dumps(asdict(file))}\n" for file in self.files).encode()
        about = {
            "format": _FORMAT,
            "created_at": self.created_at.isoformat(),
            "code_version": self.code_version,
            "files": len(self.files),
            "sha256": hashlib.sha256(lines).hexdigest(),
        }
        return f"{json.dumps(about)}\n".encode() + lines


def parse_listing(content: bytes) -> Listing:
    """Read ``backup.jsonl``, which may come from anybody: every name in it stays within a data directory.

    Raises:
        BackupInvalidError: It is damaged, of another format, or names what a backup never holds.
    """
    first, _, rest = content.partition(b"\n")
    try:
        about = json.loads(first)
        if about["format"] != _FORMAT:
            raise BackupInvalidError(f"the backup has format {about['format']!r}, this version reads {_FORMAT}")
        if hashlib.sha256(rest).hexdigest() != about["sha256"]:
            raise BackupInvalidError(f"{LISTING} was altered or cut off")
        files = tuple(_listed(json.loads(line)) for line in rest.splitlines())
        created_at = datetime.fromisoformat(about["created_at"])
        listing = Listing(created_at, str(about["code_version"]), files)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BackupInvalidError(f"{LISTING} is damaged") from error
    _check_names(files)
    return listing


def _listed(values: dict[str, Any]) -> Listed:
    name, size, sha256 = values["name"], values["bytes"], values["sha256"]
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise BackupInvalidError(f"{LISTING} names {str(name)[:200]!r}, which no data directory holds")
    if type(size) is not int or size < 0 or not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise BackupInvalidError(f"{LISTING} says nothing sound of {name}")
    if name.startswith("blobs/") and name != f"blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}":
        raise BackupInvalidError(f"{LISTING} names an image {name} by another hash than its own")
    return Listed(name, size, sha256)


def _check_names(files: Iterable[Listed]) -> None:
    names = [file.name for file in files]
    folders = {name[:end] for name in names for end in range(len(name)) if name[end] == "/"}
    if len({name.casefold() for name in names}) < len(names) or folders & set(names):
        raise BackupInvalidError(f"{LISTING} names a file twice, or a file as a folder")
    if CATALOG not in names:
        raise BackupInvalidError(f"{LISTING} names no {CATALOG}")
