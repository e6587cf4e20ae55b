"""A training: it learns, it leaves statistics alone, it can be killed, and small parts give the whole's gradients."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from encoders.adaptation import finetune
from encoders.adaptation.gradients import backward
from encoders.adaptation.watch import Watch
from encoders.objectives.cci import Cci
from encoders.objectives.cross_entropy import CrossEntropy
from invariantselect.errors import JobCancelledError, StoreCorruptError
from tests.encoders.adaptation.toy import DOMAINS, LABELS, STEPS, back_of, training_of

ROOT = Path(__file__).parents[3]


def weights_of(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], rtol=1e-5, atol=1e-6, msg=name)


def test_the_loss_goes_down() -> None:
    losses: list[float] = []
    training_of(steps=60, style_mixing=0.0).run(watch=Watch(lambda *told: losses.append(told[3]["loss"])))
    assert len(losses) == 60
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:5])


def test_weights_change_and_batch_norm_statistics_don_t() -> None:
    before = back_of().state_dict()
    after = training_of(steps=4).run().state_dict()
    for name, value in before.items():
        assert torch.equal(value, after[name]) == ("running" in name or "tracked" in name), name


def test_it_hangs_on_nothing_but_its_seed() -> None:
    torch.manual_seed(1)
    one = weights_of(training_of(steps=5).run())
    torch.manual_seed(2)
    assert_same(one, weights_of(training_of(steps=5).run()))
    other = weights_of(training_of(steps=5, seed=1).run())
    assert not torch.allclose(one["0.weight"], other["0.weight"])


def test_killed_behind_several_steps_and_gone_on_with_it_ends_the_same(tmp_path: Path) -> None:
    """A process of its own each time, killed by SIGKILL: the first behind its 1st step, the next behind its 4th …"""
    expected = weights_of(training_of(objective=CrossEntropy()).run())
    result = tmp_path / "result.safetensors"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")])}
    for dies_behind in (1, 5, 0):
        command = [sys.executable, "-m", "tests.encoders.adaptation.toy", str(tmp_path / "kept"), str(result)]
        ended = subprocess.run([*command, str(dies_behind)], cwd=ROOT, env=environment, check=False)
        assert ended.returncode == (-signal.SIGKILL if dies_behind else 0)
    assert_same(expected, load_file(result))


@pytest.mark.parametrize("stop", range(0, STEPS, 3))
def test_cancelled_at_any_step_it_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    monkeypatch.setattr(finetune, "_CHECKPOINT_EVERY", 0.0)
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked > stop:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError):
        training_of(tmp_path).run(watch=Watch(check=check))
    steps: list[int] = []
    ended = training_of(tmp_path).run(watch=Watch(lambda *told: steps.append(told[1])))
    assert steps == list(range(stop + 1, STEPS + 1))
    assert_same(weights_of(training_of().run()), weights_of(ended))


@pytest.mark.parametrize("changes", [{"seed": 1}, {"decay": 0.1}, {"places": np.arange(35)}, {"objective": Cci(0.2)}])
def test_another_training_begins_anew(tmp_path: Path, changes: dict) -> None:
    training_of(tmp_path).run()
    steps: list[int] = []
    training_of(tmp_path, **changes).run(watch=Watch(lambda *told: steps.append(told[1])))
    assert steps == list(range(1, STEPS + 1))


def test_a_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    training_of(tmp_path).run()
    next(tmp_path.glob("*.safetensors")).write_bytes(b"")
    with pytest.raises(StoreCorruptError):
        training_of(tmp_path).run()


@pytest.mark.parametrize("micro_batch", [1, 5, 6, 11])
@pytest.mark.parametrize("objective", [Cci(), CrossEntropy()])
def test_parts_of_a_batch_give_the_gradients_of_the_whole(micro_batch: int, objective: object) -> None:
    gradients = []
    for size in (0, micro_batch):
        back = back_of().eval().double()
        loss_of = objective.build(5, 3)
        maps = torch.randn(12, 4, 6, 6, generator=torch.Generator().manual_seed(0)).double()
        codes = torch.from_numpy(LABELS[:12]), torch.from_numpy(DOMAINS[:12])
        loss = backward(back, maps, lambda found, of=loss_of, by=codes: of(found, *by), micro_batch=size)
        parameters = [*back.parameters(), *loss_of.parameters()]
        gradients.append([loss, *(parameter.grad for parameter in parameters)])
    for whole, parts in zip(*gradients, strict=True):
        torch.testing.assert_close(parts, whole, rtol=1e-6, atol=1e-9)


def test_a_training_in_parts_ends_the_same() -> None:
    whole, parts = (weights_of(training_of(micro_batch=size, steps=5).run()) for size in (0, 5))
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-3, atol=1e-4, msg=name)
