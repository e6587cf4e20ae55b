"""What was measured once and decides how a training goes: kept, so that one that was killed goes on as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from encoders.flush import flush
from invariantselect.errors import StoreCorruptError

__all__ = ["Remembered"]

_FILE = "measured.json"
_Measured = TypeVar("_Measured", bool, int)


class Remembered:
    """Figures by name.

    Args:
        folder: Where they are kept from one attempt to the next; None for nowhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / _FILE

    def once(self, name: str, measure: Callable[[], _Measured]) -> _Measured:
        """What was measured under a name, now or in an attempt before.

        Raises:
            StoreCorruptError: The file is damaged.
        """
        if self._path is None:
            return measure()
        known = self._read(self._path)
        if name in known:
            value = known[name]
        else:
            value = measure()  # which may remember something itself
            self._write(self._path, {**self._read(self._path), name: value})
        return value  # type: ignore[return-value]  # its writer and its reader agree

    def _read(self, path: Path) -> dict[str, bool | int]:
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise _damaged(path, str(error)) from error
        if not isinstance(known, dict) or not all(isinstance(value, int) for value in known.values()):
            raise _damaged(path, "it isn't an object of numbers")
        return known

    def _write(self, path: Path, known: dict[str, bool | int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(known), encoding="utf-8")
        flush(part)
        part.replace(path)
        flush(path.parent)


def _damaged(path: Path, why: str) -> StoreCorruptError:
    return StoreCorruptError(f"{path} can't be read: {why}.", hint="Remove its folder; the trainings begin anew.")
