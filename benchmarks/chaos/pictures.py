"""What is stored and asked: small sheets in three lights, of three colours."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

from benchmarks.chaos.worlds import Held, State
from tests.service.adaptable import POOL
from tests.service.shifted import DOMAINS, LABELS, draw, draw_folder

__all__ = ["DOMAINS", "LABELS", "POOL", "Pictures"]

_EACH = 6
_FIRST, _FIRST_QUERY = 100, 900


class Pictures:
    """Image files by their SHA-256. What is drawn is drawn beforehand, so that threads only read."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}
        self._kinds: dict[tuple[str, str], list[str]] = {}
        for domain in DOMAINS:
            for label in LABELS:
                numbers = range(_FIRST, _FIRST + _EACH)
                self._kinds[domain, label] = [self.add(_png(domain, label, number)) for number in numbers]

    def add(self, content: bytes) -> str:
        """Know one more; its SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._contents[sha256] = content
        return sha256

    def content(self, sha256: str) -> bytes:
        """The file."""
        return self._contents[sha256]

    def some(self, domain: str, label: str, chance: random.Random) -> str:
        """One of a kind."""
        return chance.choice(self._kinds[domain, label])

    @staticmethod
    def query(domain: str, label: str, chance: random.Random) -> bytes:
        """One that is never stored."""
        return _png(domain, label, _FIRST_QUERY + chance.randrange(50))

    def folder(self, root: Path, number: int) -> State:
        """Draw a folder to import, nine images that no other has; what must be stored afterwards."""
        draw_folder(root, each=1, first=1000 + number)
        return self.read(root)

    def read(self, root: Path) -> State:
        """What a folder that was drawn holds."""
        found = {}
        for path in sorted(root.glob("*/*/*.png")):
            domain, label, _ = path.relative_to(root).parts
            found[path.relative_to(root).as_posix()] = Held(self.add(path.read_bytes()), label, domain)
        return found


def _png(domain: str, label: str, number: int) -> bytes:
    buffer = io.BytesIO()
    draw(domain, label, number).save(buffer, "PNG")
    return buffer.getvalue()
