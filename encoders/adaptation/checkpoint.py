"""A training on disk: tensors as safetensors, words as JSON, and a name that changes over to both at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file

from encoders.flush import flush
from invariantselect.errors import StoreCorruptError

__all__ = ["load_checkpoint", "save_checkpoint"]

_NEWEST = "newest.json"


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, torch.Tensor], words: Mapping[str, Any]) -> None:
    """Write a checkpoint; killed at any moment, the one before is still there.

    Args:
        folder: Made if missing; of this training alone.
        step: How many steps were done.
        tensors: What is to go on: weights, averages, the optimiser's moments.
        words: What must agree for a training to go on from here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"step-{step}.safetensors"
    _put(folder / name, lambda part: save_file(_on_cpu(tensors), part))
    told = json.dumps({"step": step, "file": name, "sha256": _sha256(folder / name), "words": dict(words)})
    _put(folder / _NEWEST, lambda part: part.write_text(told, encoding="utf-8"))
    for old in (*folder.glob("step-*.safetensors"), *folder.glob("*.part")):
        if old.name != name:
            old.unlink(missing_ok=True)


def _on_cpu(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}


def _put(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file that is there as a whole or not at all, after a loss of power too."""
    part = path.with_name(f"{path.name}.part")
    write(part)
    flush(part)
    part.replace(path)
    flush(path.parent)


def load_checkpoint(folder: Path, words: Mapping[str, Any]) -> tuple[int, dict[str, torch.Tensor]] | None:
    """Steps done and tensors of the newest checkpoint; None where there is none of a training with these words.

    Args:
        folder: Of `save_checkpoint`.
        words: Of the training that is to go on. One of other data or options begins anew.

    Raises:
        StoreCorruptError: The checkpoint is damaged.
    """
    try:
        newest = json.loads((folder / _NEWEST).read_text(encoding="utf-8"))
        if newest["words"] != json.loads(json.dumps(dict(words))):
            return None
        return int(newest["step"]), _load(folder / Path(str(newest["file"])).name, newest["sha256"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise StoreCorruptError(
            f"The checkpoint in {folder} can't be read: {error}.", hint="Remove that folder; the training begins anew."
        ) from error


def _load(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    if _sha256(path) != sha256:
        raise ValueError(f"{path.name} was altered")
    return load_file(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
