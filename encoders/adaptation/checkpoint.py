"""A training on disk: tensors as safetensors, words as JSON, and a name that changes over to both at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file

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
    save_file({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, folder / name)
    part = folder / f"{_NEWEST}.part"
    part.write_text(json.dumps({"step": step, "file": name, "words": dict(words)}), encoding="utf-8")
    for path in (folder / name, part):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    part.replace(folder / _NEWEST)
    for old in folder.glob("step-*.safetensors"):
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
    try:
        newest = json.loads((folder / _NEWEST).read_text(encoding="utf-8"))
        if newest["words"] != json.loads(json.dumps(dict(words))):
            return None
        return int(newest["step"]), load_file(folder / Path(str(newest["file"])).name)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise StoreCorruptError(
            f"The checkpoint in {folder} can't be read: {error}.", hint="Remove that folder; the training begins anew."
        ) from error
