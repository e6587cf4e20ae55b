"""A training on disk: tensors as safetensors, words as JSON, and a name that changes over to both at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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
    tensors_part, words_part = folder / f"{name}.part", folder / f"{_NEWEST}.part"
    save_file({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, tensors_part)
    newest = {"step": step, "file": name, "sha256": _digest(tensors_part), "words": dict(words)}
    words_part.write_text(json.dumps(newest), encoding="utf-8")
    flush(tensors_part)
    flush(words_part)
    # A training has one state after a step, so that a file of this name is replaced by its equal.
    tensors_part.replace(folder / name)
    words_part.replace(folder / _NEWEST)
    flush(folder)
    for old in folder.glob("step-*.safetensors*"):
        if old.name != name:
            old.unlink(missing_ok=True)


def load_checkpoint(folder: Path, words: Mapping[str, Any]) -> tuple[int, dict[str, torch.Tensor]] | None:
    """Steps done and tensors of the newest checkpoint; None where there is none of a training with these words.

    Args:
        folder: Of `save_checkpoint`.
        words: Of the training that is to go on. One of other data or options begins anew.

    Raises:
        StoreCorruptError: The checkpoint is damaged.
    """
    if not (folder / _NEWEST).exists():
        return None
    try:
        newest = json.loads((folder / _NEWEST).read_text(encoding="utf-8"))
        if newest["words"] != json.loads(json.dumps(dict(words))):
            return None
        path = folder / Path(str(newest["file"])).name
        if _digest(path) != newest["sha256"]:
            raise ValueError(f"{path.name} is not what was written")  # noqa: TRY301 -- one message for all damage
        return int(newest["step"]), load_file(path)
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise StoreCorruptError(
            f"The checkpoint in {folder} can't be read: {error}.", hint="Remove that folder; the training begins anew."
        ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
