"""An encoder survives the way to disk and back, and nothing altered passes for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from encoders import efficientnet_lite0
from encoders.catalog import known_encoders, load_encoder
from encoders.store import is_stored, load_stored, save_encoder
from invariantselect.errors import StoreCorruptError
from tests.encoders.pictures import scene


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("store") / "mine"
    save_encoder(directory, efficientnet_lite0.packaged_tower(), name="mine", version="3")
    return directory


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    for path in saved.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_a_saved_encoder_gives_the_same_vectors_in_the_same_space(saved: Path, encoder_store: Path) -> None:
    original = load_encoder("efficientnet-lite0", store=encoder_store, device="cpu")
    images = [Image.fromarray(scene())]
    for runtime in ("torch", "auto"):
        loaded = load_encoder(str(saved), store=encoder_store, device="cpu", runtime=runtime)
        assert loaded.identity.fingerprint == original.identity.fingerprint
        assert (loaded.identity.name, loaded.identity.version) == (str(saved), "3")
        np.testing.assert_allclose(loaded.encode(images), original.encode(images), atol=1e-5)
    assert loaded.identity.runtime == "onnxruntime"


def test_the_name_of_a_saved_encoder_holds_from_every_directory(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved.parent)
    assert load_encoder("mine", device="cpu", runtime="torch").identity.name == str(saved)


def test_the_fingerprint_does_not_depend_on_where_the_encoder_lies(saved: Path, copy: Path) -> None:
    assert load_stored(saved).trunk.fingerprint() == load_stored(copy).trunk.fingerprint()
    assert load_stored(saved).name == "mine"


def test_saved_encoders_are_known(saved: Path) -> None:
    assert known_encoders(saved.parent) == ["efficientnet-lite0", str(saved)]
    assert known_encoders(saved.parent / "missing") == ["efficientnet-lite0"]


def test_an_encoder_is_never_overwritten(saved: Path) -> None:
    with pytest.raises(FileExistsError, match="already"):
        save_encoder(saved, efficientnet_lite0.packaged_tower(), name="mine")


def test_a_save_that_was_cut_off_is_no_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="power cut"):
        save_encoder(tmp_path, efficientnet_lite0.packaged_tower(), name="mine")
    assert not is_stored(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fingerprint", "0" * 64),
        ("architecture", {"family": "unheard-of"}),
        ("architecture", "efficientnet"),
        ("architecture", {}),
        ("preprocessing", {"size": 8}),
        ("pooling", "tower"),
        ("format", 2),
    ],
)
def test_an_altered_description_is_refused(copy: Path, field: str, value: object) -> None:
    path = copy / "encoder.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(StoreCorruptError):
        load_stored(copy)


def test_an_altered_size_of_the_input_is_refused(copy: Path) -> None:
    path = copy / "encoder.json"
    path.write_text(path.read_text().replace('"size": 224', '"size": 240'))
    with pytest.raises(StoreCorruptError, match="fingerprint"):
        load_encoder(str(copy), device="cpu", runtime="torch")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}"])
def test_a_broken_description_is_refused(copy: Path, content: str) -> None:
    (copy / "encoder.json").write_text(content)
    with pytest.raises(StoreCorruptError):
        load_stored(copy)


def test_altered_weights_are_refused(copy: Path) -> None:
    path = copy / "weights.safetensors"
    tensors = load_file(path)
    tensors["conv_stem.weight"][0, 0, 0, 0] += 1e-6
    save_file(tensors, path)
    with pytest.raises(StoreCorruptError, match="fingerprint"):
        load_stored(copy)


@pytest.mark.parametrize("keep", [0, 4, 1000, -1])
def test_truncated_weights_are_refused(copy: Path, keep: int) -> None:
    path = copy / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreCorruptError):
        load_stored(copy)
    path.unlink()
    with pytest.raises(StoreCorruptError):
        load_stored(copy)
