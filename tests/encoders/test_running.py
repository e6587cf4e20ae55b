"""The runtime of a tower is the faster one where it can run it, and the reason is told where it can't."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from encoders.preprocess import Preprocessing
from encoders.runtime.onnx_export import export_module
from encoders.runtime.running import Running, run
from encoders.state_digest import state_digest
from encoders.tower import Tower
from invariantselect.errors import EncoderUnavailableError

SIDE = 16


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.stem = nn.Conv2d(3, 12, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.stem(images).mean(dim=(2, 3)) + 0.1


class LooksAtNumbers(Small):
    """Goes one way or another by what is in the images, which no graph can."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images) * (2 if images.sum().item() > 0 else 1)


class LooksAround(Small):
    """Its vectors hang, in their last bits, on the other images of the batch."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        own = super().forward(images)
        return own + 3e-6 * own.mean(dim=0)


def tower(module: nn.Module) -> Tower:
    module.eval()
    return Tower(
        architecture={"family": type(module).__name__},
        preprocessing=Preprocessing(SIDE, "squash", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        pooling="average",
        dim=12,
        weights=state_digest(module.state_dict()),
        build=lambda: module,
    )


def running(module: nn.Module, exports: Path, runtime: str = "auto", precision: str | None = None) -> Running:
    return run(tower(module), name="mine", runtime=runtime, device="cpu", precision=precision, exports=exports)


def test_auto_takes_onnx_runtime_on_the_cpu(tmp_path: Path) -> None:
    runtime, instead = running(Small(), tmp_path)
    assert (runtime.name, runtime.batch, instead) == ("onnxruntime", 8, None)


def test_a_tower_that_cant_be_exported_runs_in_torch_and_the_reason_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def counted(module: nn.Module, side: int, path: Path) -> None:
        tries.append(path)
        export_module(module, side, path)

    monkeypatch.setattr("encoders.runtime.onnx_export.export_module", counted)
    for _ in range(2):
        with caplog.at_level(logging.WARNING, "encoders.runtime"):
            runtime, instead = running(LooksAtNumbers(), tmp_path)
        assert runtime.name == "torch"
        assert instead is not None
        assert "can't be exported" in instead
        told = [record.getMessage() for record in caplog.records if record.name == "encoders.runtime"]
        assert told == [f"the encoder mine runs in torch, not in ONNX Runtime: {instead}"]
        caplog.clear()
    assert len(tries) == 1
    with pytest.raises(EncoderUnavailableError, match="can't be exported") as caught:
        running(LooksAtNumbers(), tmp_path, "onnxruntime")
    assert "runtime 'torch'" in caught.value.hint
    assert running(LooksAtNumbers(), tmp_path, "torch").instead is None


def test_where_no_export_can_be_written_torch_runs_and_the_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    runtime, instead = running(Small(), tmp_path / "file" / "onnx")
    assert runtime.name == "torch"
    assert instead is not None
    assert "can't be written" in instead


def test_images_pass_one_by_one_where_a_vector_would_depend_on_the_others(tmp_path: Path) -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (2, 3, SIDE, SIDE)).astype(np.float32)
    for _ in range(2):  # exported, and then remembered
        runtime, instead = running(LooksAround(), tmp_path)
        assert (runtime.name, runtime.batch, instead) == ("onnxruntime", 1, None)
    assert not np.array_equal(runtime.features(images)[:1], runtime.features(images[:1]))


def test_int8_is_never_what_auto_gives_and_not_a_precision_of_another_encoder(tmp_path: Path) -> None:
    assert running(Small(), tmp_path).runtime.precision == "float32"
    with pytest.raises(EncoderUnavailableError, match="not in int8") as caught:
        running(Small(), tmp_path, precision="int8")
    assert "quantise" in caught.value.hint
