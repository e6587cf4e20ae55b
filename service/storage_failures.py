"""What a disk that is full or can't be written does to code that only foresees that files can be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from invariantselect.errors import CatalogUnavailableError

__all__ = ["storage_failure"]

_ERRNOS = (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO)
_WORDS = tuple(os.strerror(number) for number in _ERRNOS)


def storage_failure(error: BaseException) -> CatalogUnavailableError | None:
    """What to say of an exception in place of a defect, if the disk is its cause; None where it isn't.

    Libraries hide the system's error behind ones of their own, with its words in their text.
    """
    for each in _chain(error):
        number = getattr(each, "errno", None)
        if isinstance(each, OSError) and number in _ERRNOS:
            return CatalogUnavailableError(f"the disk refuses what is to be written: {os.strerror(number)}")
        for words in _WORDS:
            if words in str(each):
                return CatalogUnavailableError(f"the disk refuses what is to be written: {words}")
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
