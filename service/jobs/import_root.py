"""The one folder from which the server imports, and paths below it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from invariantselect.errors import DatasetUnsupportedError, ImportDisabledError, InvalidRequestError

__all__ = ["below_import_root"]


def below_import_root(root: Path | None, source: str) -> Path:
    """The file or folder that a source names.

    Links are followed as long as they stay below the root; what lies outside is answered like what isn't there, so
    that nobody learns what else the machine has.

    Args:
        root: The setting `import_root`.
        source: Path relative to it, with slashes.

    Returns:
        The path without links.

    Raises:
        ImportDisabledError: There is no root.
        InvalidRequestError: The path is absolute or has ``..`` in it.
        DatasetUnsupportedError: Nothing is there.
    """
    if root is None:
        raise ImportDisabledError("this server has no folder to import from")
    relative = PurePosixPath(source)
    if relative.is_absolute() or ".." in relative.parts or "\0" in source or Path(source).drive:
        raise InvalidRequestError(
            "source: the path is absolute or has '..' in it",
            hint="Give a path relative to the server's import root, such as 2024/lesions.csv.",
        )
    nothing = DatasetUnsupportedError(f"there is nothing at {source} below the import root")
    try:
        top = root.resolve(strict=True)
        found = (top / relative).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links in a circle
        raise nothing from None
    if not found.is_relative_to(top):
        raise nothing
    return found
