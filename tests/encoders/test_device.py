from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from encoders.catalog import load_encoder
from encoders.runtime import device
from encoders.runtime.device import resolve_device
from invariantselect.errors import EncoderUnavailableError
from tests.encoders.pictures import scene


@pytest.mark.parametrize(
    ("requested", "devices", "expected"),
    [
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:0"),
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_a_request_means_a_device(requested: str, devices: int, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_cuda_devices", lambda: devices)
    assert resolve_device(requested) == expected


@pytest.mark.parametrize(("requested", "devices"), [("cuda", 0), ("cuda:1", 1), ("cuda:", 1), ("CPU", 1), ("", 1)])
def test_a_device_that_is_not_there_is_refused(requested: str, devices: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_cuda_devices", lambda: devices)
    with pytest.raises(EncoderUnavailableError):
        resolve_device(requested)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_cpus_vectors_and_lower_precision_its_own_space() -> None:
    images = [Image.fromarray(scene(300, 200))]
    cpu = load_encoder("efficientnet-lite0", device="cpu", runtime="torch")
    cuda = load_encoder("efficientnet-lite0", device="cuda")
    assert cuda.identity.fingerprint == cpu.identity.fingerprint
    np.testing.assert_allclose(cuda.encode(images), cpu.encode(images), atol=1e-4)
    for precision in ("bfloat16", "float16"):
        lower = load_encoder("efficientnet-lite0", device="cuda", precision=precision)
        assert lower.identity.fingerprint != cpu.identity.fingerprint
        assert float((lower.encode(images) * cpu.encode(images)).sum()) > 0.99
