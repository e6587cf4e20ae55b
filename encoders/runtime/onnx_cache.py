"""Exports on disk: made once, by one process, and checked at every load."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from encoders.flush import flush
from encoders.tower import Tower
from invariantselect.errors import EncoderUnavailableError, StoreCorruptError

__all__ = ["Export", "exported"]

_FORMAT = 2


@dataclass(frozen=True)
class Export:
    """An export that agrees with torch.

    Attributes:
        path: The ONNX file.
        batch: How many images may pass at once; None for as many as the runtime likes, 1 where a vector would depend on
            whom its image meets.
    """

    path: Path
    batch: int | None


def exported(tower: Tower, root: Path) -> Export:
    """The ONNX file of a tower, exported now unless it is there already.

    The file is ``<root>/<fingerprint>.onnx``, with its checksum and the measured agreement beside it. A file that
    doesn't match its checksum is only a cache gone bad, and is made again. Several processes may ask at once: one
    exports, the others wait. That a tower can't be exported is kept, too, and it is tried again with other versions of
    torch and ONNX Runtime only: it may take minutes to find out.

    Args:
        tower: Imported into torch only when there is something to export.
        root: Directory of the exports; made if missing.

    Raises:
        EncoderUnavailableError: The tower can't be exported, or its export disagrees with torch; or the directory can't
            be written.
    """
    path = root / f"{tower.fingerprint()}.onnx"
    record = _record(path)
    if record is None:
        try:
            root.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                record = _record(path) or _made(tower, path)
        except OSError as error:
            raise EncoderUnavailableError(
                f"The ONNX export can't be written to {root}: {error.strerror or error}.",
                hint="Give a store on a disk that can be written, or use the runtime 'torch', which needs no export.",
            ) from error
    if "refused" in record:
        raise EncoderUnavailableError(str(record["refused"]), hint="Use the runtime 'torch' for this encoder.")
    return Export(path, None if record["together"] else 1)


def _made(tower: Tower, path: Path) -> dict[str, Any]:
    """Export, and the record of it, or of why it can't be."""
    from encoders.runtime.alone_and_together import probes, same_together
    from encoders.runtime.onnx_export import check_agreement, export_module
    from encoders.runtime.onnx_runtime import OnnxRuntime

    module, side = tower.build(), tower.preprocessing.size
    part = path.with_suffix(".part")
    record: dict[str, Any] = {"format": _FORMAT, "versions": _versions()}
    try:
        export_module(module, side, part)
        record["agreement"] = asdict(check_agreement(module, side, part))
        record["together"] = same_together(OnnxRuntime(part), probes(side))
        record["sha256"] = _sha256(part)
        flush(part)
        part.replace(path)
    except (EncoderUnavailableError, StoreCorruptError) as error:
        record["refused"] = error.detail
    finally:
        part.unlink(missing_ok=True)
    # The record comes last: an export without one is not trusted.
    part.write_text(json.dumps(record, indent=2), encoding="utf-8")
    flush(part)
    part.replace(path.with_suffix(".json"))
    return record


def _record(path: Path) -> dict[str, Any] | None:
    """What is known of an export; None where there is none, or a bad one."""
    try:
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if not isinstance(record, dict) or record.get("format") != _FORMAT:
            return None
        good = record["versions"] == _versions() if "refused" in record else record["sha256"] == _sha256(path)
    except (OSError, ValueError, KeyError):
        return None
    return record if good else None


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "onnx", "onnxruntime", "onnxscript")}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
