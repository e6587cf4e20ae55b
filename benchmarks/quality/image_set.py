"""A set of images on disk, `<set>/<domain>/<class>/<file>`: labels, domains and groups, in a fixed order."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from encoders.decode import decode

__all__ = ["ImageSet", "domains_of", "read_set"]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """The images of a set, by their place from 0.

    Attributes:
        folder: Of the set.
        files: Path of each below the folder.
        labels: Of each.
        domains: Of each.
        groups: Patient or lesion of each, None where the set doesn't tell.
    """

    folder: Path
    files: tuple[str, ...]
    labels: tuple[str, ...]
    domains: tuple[str, ...]
    groups: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.files)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, in ascending order."""
        return tuple(sorted(set(self.labels)))

    def image(self, place: int) -> Image.Image:
        """The decoded RGB image of a place."""
        return decode((self.folder / self.files[place]).read_bytes())


def domains_of(folder: Path) -> list[str]:
    """The domains of a set, in ascending order."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def read_set(folder: Path, *, limit: int | None = None) -> ImageSet:
    """Read a set's file names and groups; no image is opened.

    Args:
        folder: Of the set. A `metadata.csv` with the columns `image_id` (the file's stem) and `lesion_id` tells groups.
        limit: Only the first so many images of each class in each domain; None for all.

    Raises:
        FileNotFoundError: There is no such folder, or no image in it.
    """
    rows = [
        (file.relative_to(folder).as_posix(), kind.name, domain)
        for domain in domains_of(folder)
        for kind in sorted(path for path in (folder / domain).iterdir() if path.is_dir())
        for file in sorted(kind.iterdir())[:limit]
    ]
    if not rows:
        raise FileNotFoundError(f"{folder} has no images at <domain>/<class>/<file>")
    files, labels, domains = zip(*rows, strict=True)
    groups = _groups(folder)
    return ImageSet(folder, files, labels, domains, tuple(groups.get(Path(file).stem) for file in files))


def _groups(folder: Path) -> dict[str, str]:
    table = folder / "metadata.csv"
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8", newline="") as lines:
        return {row["image_id"]: row["lesion_id"] for row in csv.DictReader(lines)}
