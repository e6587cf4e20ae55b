"""Exports are proven, cached, shared among processes, and made again when the cache goes bad."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from encoders.calibration.calibration import IDENTITY
from encoders.encoder import EncoderIdentity
from encoders.image_encoder import ImageEncoder
from encoders.preprocess import Preprocessing
from encoders.runtime.onnx_cache import Export, exported
from encoders.runtime.onnx_export import check_agreement, export_module
from encoders.runtime.onnx_runtime import OnnxRuntime
from encoders.state_digest import state_digest
from encoders.tower import Tower
from invariantselect.errors import EncoderUnavailableError, StoreCorruptError

SIDE = 16


class Small(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.stem = nn.Conv2d(3, 12, 3, stride=2, padding=1)
            self.norm = nn.BatchNorm2d(12)
            self.act = nn.ReLU6(inplace=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.act(self.norm(self.stem(images))).mean(dim=(2, 3)) + 0.1


def small_tower(seed: int = 0) -> Tower:
    module = Small(seed).eval()
    return Tower(
        architecture={"family": "small"},
        preprocessing=Preprocessing(SIDE, "squash", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        pooling="average",
        dim=12,
        weights=state_digest(module.state_dict()),
        build=lambda: module,
    )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


def test_an_export_equals_its_module_at_any_batch_size(cache: Path) -> None:
    tower = small_tower()
    runtime = OnnxRuntime(exported(tower, cache).path)
    images = np.random.default_rng(1).uniform(-1, 1, (5, 3, SIDE, SIDE)).astype(np.float32)
    with torch.inference_mode():
        expected = tower.build()(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(runtime.features(images), expected, atol=1e-5)
    np.testing.assert_allclose(runtime.features(images[:1]), expected[:1], atol=1e-5)


class BlindInTheDark(nn.Module):
    """Ends in a ReLU, as trained towers do, and makes nothing of a black image."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.stem = nn.Conv2d(3, 12, 3, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.stem(images + 1)).mean(dim=(2, 3))


def test_a_tower_that_sees_nothing_in_an_image_is_exported_and_gives_it_a_vector(tmp_path: Path) -> None:
    module = BlindInTheDark().eval()
    path = tmp_path / "blind.onnx"
    export_module(module, SIDE, path)
    assert check_agreement(module, SIDE, path).cosine > 0.9999
    preprocessing = Preprocessing(SIDE, "squash", "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    identity = EncoderIdentity("blind", "1", "f" * 64, 12, "f" * 64, 12, SIDE, "onnxruntime", "cpu", "float32")
    encoder = ImageEncoder(identity, preprocessing, OnnxRuntime(path), IDENTITY)
    black, grey = (Image.new("RGB", (SIDE, SIDE), (level,) * 3) for level in (0, 99))
    vectors = encoder.encode([black, grey])
    np.testing.assert_allclose(vectors[0], np.full(12, 12**-0.5), rtol=1e-6)
    assert not np.allclose(vectors[1], vectors[0])


def test_an_export_is_one_file_named_by_its_fingerprint_with_the_measured_agreement(cache: Path) -> None:
    tower = small_tower()
    path = exported(tower, cache).path
    assert path == cache / f"{tower.fingerprint()}.onnx"
    assert {entry.suffix for entry in cache.iterdir()} <= {".onnx", ".json", ".lock"}
    assert json.loads(path.with_suffix(".json").read_text())["agreement"]["cosine"] > 0.9999
    before = path.stat().st_mtime_ns
    assert exported(tower, cache) == Export(path, None)
    assert path.stat().st_mtime_ns == before


def test_a_disagreeing_export_is_refused_and_not_made_again(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = exported(small_tower(), cache).path.read_bytes()
    with pytest.raises(EncoderUnavailableError, match="disagrees with torch"):
        check_agreement(small_tower(seed=1).build(), SIDE, exported(small_tower(), cache).path)
    made = []

    def export(module: nn.Module, side: int, path: Path) -> None:
        made.append(path.write_bytes(other))

    monkeypatch.setattr("encoders.runtime.onnx_export.export_module", export)
    for _ in range(2):
        with pytest.raises(EncoderUnavailableError, match="disagrees with torch"):
            exported(small_tower(seed=1), tmp_path / "new")
    assert len(made) == 1
    assert {entry.suffix for entry in (tmp_path / "new").iterdir()} == {".json", ".lock"}
    monkeypatch.setattr("encoders.runtime.onnx_cache._versions", lambda: {"onnxruntime": "99"})
    with pytest.raises(EncoderUnavailableError, match="disagrees with torch"):
        exported(small_tower(seed=1), tmp_path / "new")
    assert len(made) == 2  # a later version may do better


def test_a_damaged_export_is_made_again(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tower = small_tower()
    good = exported(tower, cache).path.read_bytes()
    monkeypatch.setattr("encoders.runtime.onnx_export.export_module", lambda module, side, path: path.write_bytes(good))
    path = tmp_path / f"{tower.fingerprint()}.onnx"
    for damage in (good[:-9], good[:100] + bytes([good[100] ^ 1]) + good[101:]):
        path.write_bytes(damage)
        path.with_suffix(".json").write_bytes((cache / path.name).with_suffix(".json").read_bytes())
        assert exported(tower, tmp_path).path == path
        assert path.read_bytes() == good
    for record in ("[", '{"format": 99}', '{"format": 2}'):
        path.with_suffix(".json").write_text(record)
        assert json.loads(exported(tower, tmp_path).path.with_suffix(".json").read_text())["format"] == 2


def test_a_directory_that_cant_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EncoderUnavailableError, match="can't be written") as caught:
        exported(small_tower(), tmp_path / "file" / "onnx")
    assert "runtime 'torch'" in caught.value.hint


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(StoreCorruptError, match=r"x\.onnx"):
        OnnxRuntime(path)


def test_the_module_is_left_as_it_was(tmp_path: Path) -> None:
    module = Small().train()
    export_module(module, SIDE, tmp_path / "small.onnx")
    assert module.training
    assert module.act.inplace


def test_processes_that_start_together_export_once(tmp_path: Path) -> None:
    script = f"""
import pathlib
from tests.encoders.test_onnx_export import small_tower
from encoders.runtime import onnx_cache, onnx_export
export = onnx_export.export_module
def counted(*arguments):
    export(*arguments)
    print("exported")
onnx_export.export_module = counted
onnx_cache.exported(small_tower(), pathlib.Path({str(tmp_path)!r}))
"""
    processes = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sum(output.count("exported") for output in outputs) == 1


def test_weights_of_every_number_format_have_a_digest() -> None:
    state = {"a": torch.ones(2, 3), "b": torch.ones(2, dtype=torch.bfloat16), "c": torch.tensor(3), "d": torch.zeros(0)}
    digest = state_digest(state)
    assert digest == state_digest({"a": torch.ones(3, 2).T, **{key: state[key] for key in "dcb"}})
    assert digest != state_digest({**state, "b": torch.ones(2, dtype=torch.float16)})
    with pytest.raises(KeyError):
        state_digest({"z": torch.ones(1, dtype=torch.complex64)})
