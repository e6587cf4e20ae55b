"""Replies that were paid for, on disk by what was asked: a file for each, whole or absent.

A file's first line is the SHA-256 of the rest, so that damage is noticed; what is damaged is asked again.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from evaluation.learners.lmm.reply import Reply
from index.durable_files import make_directory, write_durably

__all__ = ["KeptReplies"]

_Kept = TypeVar("_Kept")

_REPLY = TypeAdapter(Reply)
_REFUSED = TypeAdapter(tuple[str, ...])

_log = logging.getLogger(__name__)


class KeptReplies:
    """A folder of replies; any number of processes and threads may share it.

    Args:
        folder: Made where there is none; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def reply(self, key: str) -> Reply | None:
        """The reply to a request; None if there is none, or it is damaged.

        Args:
            key: SHA-256 of the request, 64 hexadecimal digits.
        """
        kept = self._read(key, _REPLY.validate_json)
        if kept is not None and (path := self._path(key)) is not None:
            with suppress(OSError):  # it tells how long ago the reply was of use, and nothing hangs on it
                os.utime(path)
        return kept

    def keep_reply(self, key: str, reply: Reply) -> None:
        """Keep a reply, before anything else is done with it.

        Raises:
            OSError: The disk is full, or fails.
        """
        self._write(key, _REPLY.dump_json(reply))

    def refused(self, key: str) -> tuple[str, ...]:
        """Names of the settings that an endpoint refused; none if none are kept.

        Args:
            key: SHA-256 of the settings, 64 hexadecimal digits.
        """
        return self._read(key, _REFUSED.validate_json) or ()

    def keep_refused(self, key: str, names: tuple[str, ...]) -> None:
        """Keep the names of the settings that an endpoint refuses."""
        self._write(key, _REFUSED.dump_json(names))

    def _read(self, key: str, parse: Callable[[bytes], _Kept]) -> _Kept | None:
        path = self._path(key)
        if path is None:
            return None
        try:
            sum_, _, payload = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        if hashlib.sha256(payload).hexdigest().encode() == sum_:
            try:
                return parse(payload)
            except ValidationError:  # whole, but of another version
                pass
        _log.warning("the kept reply %s is damaged and will be asked for again", path)
        return None

    def _write(self, key: str, payload: bytes) -> None:
        path = self._path(key)
        if path is None or self._folder is None:
            return
        make_directory(path.parent, below=self._folder)
        write_durably(path, hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload)

    def _path(self, key: str) -> Path | None:
        return None if self._folder is None else self._folder / key[:2] / f"{key}.reply"
