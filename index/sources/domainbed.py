"""Data sets laid out as DomainBed has them, ``<set>/<domain>/<class>/<image>``, found below what an archive unpacks to.

The domains are those of Gulrajani and Lopez-Paz 2021, In Search of Lost Domain Generalization,
https://arxiv.org/abs/2007.01434; its folders: https://github.com/facebookresearch/DomainBed.
"""

from __future__ import annotations

import os
from pathlib import Path

from index.sources.folder import FolderSource, is_folder
from invariantselect.errors import DatasetUnsupportedError

__all__ = ["DomainBedSource", "is_domainbed"]

_DOMAINS = {
    "PACS": {"art_painting", "cartoon", "photo", "sketch"},
    "VLCS": {"Caltech101", "LabelMe", "SUN09", "VOC2007"},
    "OfficeHome": {"Art", "Clipart", "Product", "Real World"},
    "TerraIncognita": {"location_100", "location_38", "location_43", "location_46"},
    "DomainNet": {"clipart", "infograph", "painting", "quickdraw", "real", "sketch"},
}
_DEEPEST = 2


class DomainBedSource(FolderSource):
    """Reads PACS, VLCS, OfficeHome, TerraIncognita or DomainNet, or another set of the same layout.

    The folder may be the set itself or lie up to two above it: the archive of PACS unpacks to ``kfold/``, which is
    often put into ``PACS/`` beside the lists of its splits. An id is the path below the set, ``sketch/dog/n1.png``,
    wherever the search began. Lists of splits are not read: an evaluation divides the pool by its domains.

    Args:
        directory: Where to look.
        max_bytes: Of an image file.

    Raises:
        DatasetUnsupportedError: No set is there, or several are.
    """

    def __init__(self, directory: Path, *, max_bytes: int) -> None:
        known = _sets_below(directory.resolve())
        if len(known) > 1:
            raise DatasetUnsupportedError(
                f"{directory.name} holds several data sets: {', '.join(path.name for path in known[:10])}.",
                hint="Name the folder of one of them.",
            )
        super().__init__(known[0] if known else directory, max_bytes=max_bytes)


def is_domainbed(directory: Path) -> bool:
    """Whether a directory is or holds a data set of DomainBed, by the names of its domains."""
    return bool(_sets_below(directory.resolve()))


def _sets_below(root: Path) -> list[Path]:
    """The folders that hold all domains of a set: the directory itself, or else at one of the two levels below it."""
    level = [root]
    for _ in range(_DEEPEST + 1):
        below = {folder: _folders(folder) for folder in level}
        found = [folder for folder, names in below.items() if _has_domains(names)]
        if found:
            return found
        level = [folder / name for folder, names in below.items() for name in names]
    return []


def _has_domains(names: list[str]) -> bool:
    return any(domains <= set(names) for domains in _DOMAINS.values())


def _folders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted; links aren't followed, and what can't be read has none."""
    try:
        with os.scandir(folder) as listing:
            return sorted(
                entry.name
                for entry in listing
                if is_folder(entry) and not entry.is_symlink() and not entry.name.startswith(".")
            )
    except OSError:
        return []
