"""How errors name an endpoint: its address helps its owner, and is none of the business of others who read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Naming"]

_PRIVATE = "The model's endpoint"


@dataclass(frozen=True)
class Naming:
    """What an endpoint is called.

    Attributes:
        base_url: Where it is.
        told: Whether errors say so.
    """

    base_url: str
    told: bool = True

    @property
    def endpoint(self) -> str:
        """Its name, to begin a sentence with."""
        return self.base_url if self.told else _PRIVATE

    def without_address(self, text: str) -> str:
        """What an endpoint said, in which it may have named itself."""
        if self.told:
            return text
        parts = urlsplit(self.base_url)
        host = re.escape(parts.hostname or parts.netloc) + r"(?:\.[\w-]+)*(?::\d+)?"  # also with its domain
        for address in (re.escape(self.base_url), re.escape(parts.netloc), host):
            text = re.sub(rf"(?<![\w.-]){address}(?![\w-])", "[endpoint]", text, flags=re.IGNORECASE)
        return text
