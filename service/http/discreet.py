"""Where this server keeps its files is its operator's business: the log tells it, answers don't."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from service.settings import Settings

__all__ = ["discreet"]


def discreet(problem: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """A problem document in whose texts the data directory and the object store are only hinted at."""
    places = list(_places(settings))
    return {name: _hinted(value, places) if isinstance(value, str) else value for name, value in problem.items()}


def _places(settings: Settings) -> Iterator[tuple[str, str]]:
    for data in {str(settings.data), str(settings.data.absolute())}:
        if data.startswith("/"):  # a relative name tells nothing, and may be a part of any word
            yield f"{re.escape(data)}/", "…/"
            yield _whole(data), "the data directory"
    if settings.images_url is not None:
        url = settings.images_url.rstrip("/")
        yield _whole(url), "the object store"
        yield _whole(url.removeprefix("s3://")), "the object store"


def _whole(place: str) -> str:
    """A pattern of a place that isn't the beginning of another's name."""
    return rf"{re.escape(place)}(?![\w-]|\.\w)"


def _hinted(text: str, places: list[tuple[str, str]]) -> str:
    for place, hint in places:
        text = re.sub(rf"(?<![\w/.-]){place}", hint, text)
    return text
