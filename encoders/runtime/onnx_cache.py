"""Exports on disk: made once, by one process, and checked at every load."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock

from encoders.flush import flush
from encoders.tower import Tower
from invariantselect.errors import EncoderUnavailableError

__all__ = ["exported"]

_FORMAT = 1


def exported(tower: Tower, root: Path) -> Path:
    """The ONNX file of a tower, exported now unless it is there already.

    The file is ``<root>/<fingerprint>.onnx``, with its checksum and the measured agreement beside it. A file that
    doesn't match its checksum is only a cache gone bad, and is made again. Several processes may ask at once: one
    exports, the others wait.

    Args:
        tower: Imported into torch only when there is something to export.
        root: Directory of the exports; made if missing.

    Raises:
        EncoderUnavailableError: The export disagrees with torch, and nothing is left behind; or the directory can't
            be written.
    """
    path = root / f"{tower.fingerprint()}.onnx"
    if _intact(path):
        return path
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not _intact(path):
                _make(tower, path)
    except OSError as error:
        raise EncoderUnavailableError(
            f"The ONNX export can't be written to {root}: {error.strerror or error}.",
            hint="Give a store on a disk that can be written, or use the runtime 'torch', which needs no export.",
        ) from error
    return path


def _make(tower: Tower, path: Path) -> None:
    from encoders.runtime.onnx_export import check_agreement, export_module

    module, side = tower.build(), tower.preprocessing.size
    part = path.with_suffix(".part")
    try:
        export_module(module, side, part)
        agreement = check_agreement(module, side, part)
        record = {"format": _FORMAT, "sha256": _sha256(part), "agreement": asdict(agreement)}
        flush(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    # The record comes last: an export without one is not trusted.
    part.write_text(json.dumps(record, indent=2), encoding="utf-8")
    flush(part)
    part.replace(path.with_suffix(".json"))


def _intact(path: Path) -> bool:
    try:
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        return isinstance(record, dict) and record.get("format") == _FORMAT and record.get("sha256") == _sha256(path)
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
