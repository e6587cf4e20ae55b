"""How an encoder's directory comes to be: tensors first, its description last and at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from encoders.flush import flush

__all__ = ["DESCRIPTION", "is_stored", "saving"]

DESCRIPTION = "encoder.json"


def is_stored(directory: Path) -> bool:
    """Whether a directory holds an encoder of this project."""
    return (directory / DESCRIPTION).is_file()


@contextmanager
def saving(directory: Path, description: str, files: Sequence[Path]) -> Iterator[None]:
    """The body writes the files; then the description appears. Killed before, it leaves no encoder.

    Args:
        directory: Made if missing.
        description: Of the encoder.
        files: That may be written; what a save that was killed left of them is removed first.

    Raises:
        FileExistsError: The directory holds an encoder already; encoders are never overwritten, pools rely on them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / ".lock"):  # a worker that was given up for dead may come back and save, too
        if is_stored(directory):
            raise FileExistsError(f"{directory} holds an encoder already")
        for left_over in files:
            left_over.unlink(missing_ok=True)
        yield
        part = directory / f"{DESCRIPTION}.part"
        part.write_text(description, encoding="utf-8")
        for path in (*files, part):
            if path.exists():
                flush(path)
        part.replace(directory / DESCRIPTION)
        flush(directory)
