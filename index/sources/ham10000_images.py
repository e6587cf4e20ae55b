"""Which image file belongs to which image of HAM10000, wherever its parts were unpacked."""

from __future__ import annotations

import os
from collections import Counter, deque
from pathlib import Path

from index.sources.folder import SUFFIXES, is_folder

__all__ = ["images_below"]

_DEEPEST = 2


def images_below(root: Path) -> tuple[dict[str, str], dict[str, int], dict[str, str]]:
    """The image files in a folder and up to two folders below it, by their names without the suffix.

    The upper folders are looked through first, and those of a level in the order of their paths; of files with the same
    name the first counts. Names that begin with a dot are passed over, and so are links to folders outside.

    Args:
        root: The folder, resolved.

    Returns:
        The path of each image below the root, by name; how many further files of known names each folder has; and the
        folders that can't be read, with the reason.
    """
    found: dict[str, str] = {}
    twins: Counter[str] = Counter()
    closed: dict[str, str] = {}
    waiting: deque[tuple[str, ...]] = deque([()])
    while waiting:
        parts = waiting.popleft()
        try:
            entries = _entries(root.joinpath(*parts))
        except OSError as error:
            closed["/".join(parts) or root.name] = str(error.strerror)
            continue
        for entry in entries:
            below = (*parts, entry.name)
            if is_folder(entry):
                if len(below) <= _DEEPEST and Path(entry.path).resolve().is_relative_to(root):
                    waiting.append(below)
                continue
            name = Path(entry.name)
            if name.suffix.lower() not in SUFFIXES:
                continue
            if name.stem in found:
                twins["/".join(parts) or root.name] += 1
            else:
                found[name.stem] = "/".join(below)
    return found, dict(twins), closed


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as listing:
        visible = [entry for entry in listing if not entry.name.startswith(".")]
    return sorted(visible, key=lambda entry: entry.name)
