"""A checkpoint that was killed while it was written, that is damaged, or that belongs to another training."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from encoders.adaptation import checkpoint
from encoders.adaptation.checkpoint import load_checkpoint, save_checkpoint
from invariantselect.errors import StoreCorruptError

WORDS = {"seed": 0, "options": {"rate": 0.1, "blocks": None, "pair": (1, 2)}}


def tensors_of(step: int) -> dict[str, torch.Tensor]:
    return {"now.weight": torch.full((3, 2), float(step)), "odd": torch.arange(6.0).reshape(2, 3).T + step}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    for step in (3, 7):
        save_checkpoint(tmp_path / "a", step, tensors_of(step), WORDS)
    step, tensors = load_checkpoint(tmp_path / "a", WORDS) or (0, {})
    assert step == 7
    assert tensors.keys() == tensors_of(7).keys()
    assert all(torch.equal(tensors[key], value) for key, value in tensors_of(7).items())
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"newest.json", "step-7.safetensors"}


def test_there_is_none_before_the_first_and_none_of_another_training(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "a", WORDS) is None
    save_checkpoint(tmp_path, 3, tensors_of(3), WORDS)
    assert load_checkpoint(tmp_path, {**WORDS, "seed": 1}) is None


class Killed(BaseException):
    """Nothing catches it, and nothing runs after it, as after kill -9."""


def dying(real: Callable[..., Any], count: Any, nth: int, after: bool) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        mine = next(count)
        if mine == nth and not after:
            raise Killed
        result = real(*args, **kwargs)
        if mine == nth:
            raise Killed
        return result

    return call


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_call_the_one_before_is_there_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    calls = [(checkpoint, "save_file"), (checkpoint, "flush"), (Path, "write_text"), (Path, "replace")]
    calls.append((Path, "unlink"))
    for nth in range(20):
        folder = tmp_path / str(nth)
        save_checkpoint(folder, 3, tensors_of(3), WORDS)
        with monkeypatch.context() as patch:
            count = itertools.count()
            for owner, name in calls:
                patch.setattr(owner, name, dying(getattr(owner, name), count, nth, after))
            try:
                save_checkpoint(folder, 4, tensors_of(4), WORDS)
            except Killed:
                died = True
            else:
                died = False
        step, tensors = load_checkpoint(folder, WORDS) or (0, {})
        assert step in ((3, 4) if died else (4,))
        assert torch.equal(tensors["odd"], tensors_of(step)["odd"])
        save_checkpoint(folder, 5, tensors_of(5), WORDS)
        assert len(list(folder.iterdir())) == 2
        if not died:
            assert nth > 7
            return
    raise AssertionError("it never lived")


@pytest.mark.parametrize("what", ["tensors cut", "tensors garbage", "words cut", "no step", "a list"])
def test_damage_is_told_with_the_way_out(tmp_path: Path, what: str) -> None:
    save_checkpoint(tmp_path, 3, tensors_of(3), WORDS)
    tensors, words = tmp_path / "step-3.safetensors", tmp_path / "newest.json"
    match what:
        case "tensors cut":
            tensors.write_bytes(tensors.read_bytes()[:-5])
        case "tensors garbage":
            tensors.write_bytes(b"garbage" * 10)
        case "words cut":
            words.write_text(words.read_text()[:20])
        case "no step":
            words.write_text(json.dumps({"words": json.loads(words.read_text())["words"]}))
        case "a list":
            words.write_text("[]")
    with pytest.raises(StoreCorruptError) as caught:
        load_checkpoint(tmp_path, WORDS)
    assert "Remove that folder" in caught.value.hint
