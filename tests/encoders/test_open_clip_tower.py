"""open_clip's image towers, on a model small enough to be made here; the hub is a server of our own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import shutil
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from encoders.catalog import load_encoder
from encoders.encoder import Encoder
from encoders.open_clip_tower import build_module
from encoders.store import load_stored, save_encoder
from invariantselect.errors import EncoderNotFoundError, EncoderUnavailableError
from tests.encoders.pictures import scene

TEXT = {"context_length": 8, "vocab_size": 50, "width": 16, "heads": 2, "layers": 1}
VISION = {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16}
CONFIGS = {
    "tiny": {"embed_dim": 24, "vision_cfg": VISION, "text_cfg": TEXT},
    "tiny-quickgelu": {"embed_dim": 24, "vision_cfg": VISION, "text_cfg": TEXT, "quick_gelu": True},
    "tiny-custom": {"embed_dim": 24, "vision_cfg": VISION, "text_cfg": TEXT, "custom_text": True},
    "tiny-tokens": {"embed_dim": 24, "vision_cfg": {**VISION, "output_tokens": True}, "text_cfg": TEXT},
    "tiny-resnet": {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None},
        "text_cfg": TEXT,
    },
}


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("configs")
    for name, config in CONFIGS.items():
        (directory / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(directory)


def original(name: str, seed: int = 0) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return open_clip.create_model(name).eval()


def checkpoint(directory: Path, name: str = "tiny", seed: int = 0, file: str = "weights.safetensors") -> Path:
    path = directory / file
    state = {key: value.contiguous() for key, value in original(name, seed).state_dict().items()}
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}, "epoch": 3}, path)
    return path


def load(model: str, source: object) -> Encoder:
    return load_encoder(f"open_clip:{model}/{source}", device="cpu", runtime="torch")


PICTURES = [Image.fromarray(scene(90, 60)), Image.fromarray(scene(20, 70)[::-1].copy())]


# ── a checkpoint on disk ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(CONFIGS))
def test_vectors_equal_open_clips_own(name: str, tmp_path: Path) -> None:
    encoder = load(name, checkpoint(tmp_path, name))
    transform = open_clip.image_transform(32, is_train=False)
    with torch.inference_mode():
        features = original(name).encode_image(torch.stack([transform(image) for image in PICTURES]))
        features = features[0] if isinstance(features, tuple) else features
        expected = torch.nn.functional.normalize(features, dim=-1).numpy()
    np.testing.assert_allclose(encoder.encode(PICTURES), expected, atol=2e-5)
    assert (encoder.identity.dim, encoder.identity.image_size, encoder.identity.runtime) == (24, 32, "torch")


def test_the_space_depends_on_the_weights_and_not_on_the_file(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    same = [
        load("tiny", checkpoint(tmp_path)),
        load("tiny", checkpoint(elsewhere, file="other.safetensors")),
        load("tiny", checkpoint(tmp_path, file="wrapped.pt")),
    ]
    assert len({encoder.identity.fingerprint for encoder in same}) == 1
    assert same[0].identity.name == f"open_clip:tiny/{tmp_path}/weights.safetensors"
    other_weights = load("tiny", checkpoint(elsewhere, seed=1))
    other_gelu = load("tiny-quickgelu", tmp_path / "weights.safetensors")
    assert len({encoder.identity.fingerprint for encoder in (same[0], other_weights, other_gelu)}) == 3


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert load("tiny", "weights.safetensors").identity.name == f"open_clip:tiny/{tmp_path}/weights.safetensors"


def test_the_configuration_beside_a_checkpoint_tells_its_preprocessing(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    plain = load("tiny", path)
    settings = {"mean": [0.5] * 3, "std": [0.25] * 3, "interpolation": "bilinear", "resize_mode": "squash"}
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"preprocess_cfg": settings}))
    configured = load("tiny", path)
    transform = open_clip.image_transform(32, is_train=False, **settings)
    np.testing.assert_allclose(configured.preprocess(PICTURES[0]), transform(PICTURES[0]).numpy(), atol=2e-6)
    assert configured.identity.fingerprint != plain.identity.fingerprint


SIGLIP = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "interpolation": "bicubic", "resize_mode": "squash"}
CLIP = {"mean": (0.48,) * 3, "std": (0.27,) * 3, "interpolation": "bicubic", "resize_mode": "shortest"}


def known_weights(monkeypatch: pytest.MonkeyPatch, **tags: dict[str, object]) -> None:
    monkeypatch.setattr(open_clip, "list_pretrained_tags_by_model", lambda _: list(tags))
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda _, tag: tags.get(tag, {}))


def test_a_checkpoint_alone_is_prepared_for_as_all_weights_of_its_model_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_weights(monkeypatch, webli=SIGLIP, other=SIGLIP)
    loaded = load("tiny", checkpoint(tmp_path))
    transform = open_clip.image_transform(32, is_train=False, **SIGLIP)
    np.testing.assert_allclose(loaded.preprocess(PICTURES[0]), transform(PICTURES[0]).numpy(), atol=2e-6)


def test_a_checkpoint_alone_is_refused_where_weights_of_its_model_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_weights(monkeypatch, openai=CLIP, webli=SIGLIP)
    path = checkpoint(tmp_path)
    with pytest.raises(EncoderUnavailableError, match="'openai' and 'webli' differ") as refused:
        load("tiny", path)
    assert "open_clip_config.json" in refused.value.hint
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"preprocess_cfg": CLIP}))
    load("tiny", path)


@pytest.mark.parametrize(
    "vision",
    [
        {"timm_model_name": "hf-hub:somebody/model"},
        {"timm_model_name": "local-dir:/etc"},
        {"timm_model_name": "no such model"},
        {"layers": 1, "width": 64, "patch_size": 0},
        {"layers": "many", "width": 64, "patch_size": 8},
        {"layers": 1, "width": -8, "patch_size": 8},
    ],
)
def test_a_stored_description_of_no_sense_is_refused_and_nothing_is_fetched(
    vision: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("somebody was asked"))
    architecture = {"embed_dim": 8, "vision_cfg": {"image_size": 32, **vision}, "quick_gelu": False}
    with pytest.raises(EncoderUnavailableError):
        build_module(architecture)


def test_weights_that_timm_would_fetch_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("somebody was asked"))
    vision = {"timm_model_name": "resnet18", "timm_model_pretrained": True, "image_size": 32}
    build_module({"embed_dim": 8, "vision_cfg": vision, "quick_gelu": False})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "not valid JSON"),
        ('{"preprocess_cfg": 3}', "not open_clip's"),
        ('{"preprocess_cfg": {"mean": "grey"}}', "preprocessing"),
        ('{"preprocess_cfg": {"resize_mode": "longest"}}', "longest"),
        ('{"model_cfg": {"quick_gelu": true}}', "QuickGELU"),
    ],
)
def test_an_unusable_configuration_beside_a_checkpoint_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = checkpoint(tmp_path)
    (tmp_path / "open_clip_config.json").write_text(content)
    with pytest.raises(EncoderUnavailableError, match=message):
        load("tiny", path)


class Trap:
    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('code of a checkpoint was run')",))


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, suffix: str) -> None:
    modern, bare = tmp_path / f"modern{suffix}", tmp_path / f"bare{suffix}"
    torch.save({"visual.proj": Trap()}, modern)
    bare.write_bytes(pickle.dumps({"visual.proj": Trap()}, protocol=2))
    for path in (modern, bare):
        with pytest.raises(EncoderUnavailableError, match="more than tensors"):
            load("tiny", path)


@pytest.mark.parametrize("file", ["x.safetensors", "x.pt"])
@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 20, b"\xff" * 100, b"PK\x03\x04" + bytes(50)], ids=["empty", "text", "binary", "zip"]
)
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, file: str, content: bytes) -> None:
    (tmp_path / file).write_bytes(content)
    with pytest.raises(EncoderUnavailableError):
        load("tiny", tmp_path / file)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailableError, match="don't fit"):
        load("tiny", checkpoint(tmp_path, "tiny-resnet"))
    save_file({"something": torch.ones(1)}, tmp_path / "else.safetensors")
    with pytest.raises(EncoderUnavailableError, match="don't fit"):
        load("tiny", tmp_path / "else.safetensors")


def test_an_image_tower_survives_the_store_without_open_clips_configuration(tmp_path: Path) -> None:
    from encoders.open_clip_tower import named_tower

    path = checkpoint(tmp_path)
    _, tower = named_tower(f"open_clip:tiny/{path}")
    save_encoder(tmp_path / "saved", tower, name="mine")
    loaded = load_encoder(str(tmp_path / "saved"), device="cpu", runtime="torch")
    assert loaded.identity.fingerprint == load("tiny", path).identity.fingerprint
    assert load_stored(tmp_path / "saved").trunk.architecture["vision_cfg"] == VISION
    np.testing.assert_allclose(loaded.encode(PICTURES), load("tiny", path).encode(PICTURES), atol=1e-6)


@pytest.mark.parametrize("model", ["tiny", "tiny-resnet"])
def test_a_tower_runs_in_onnx_runtime_on_the_cpu_in_the_same_space(model: str, tmp_path: Path) -> None:
    path = checkpoint(tmp_path, model)
    onnx = load_encoder(f"open_clip:{model}/{path}", device="cpu", store=tmp_path)
    assert (onnx.identity.runtime, onnx.identity.runtime_instead) == ("onnxruntime", None)
    assert onnx.identity.fingerprint == load(model, path).identity.fingerprint
    pictures = [Image.fromarray(scene(40 + 9 * number, 60)[:: 1 - 2 * (number % 2)].copy()) for number in range(9)]
    vectors = onnx.encode(pictures)
    np.testing.assert_allclose(vectors, load(model, path).encode(pictures), atol=1e-5)
    np.testing.assert_array_equal(np.concatenate([onnx.encode([picture]) for picture in pictures]), vectors)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["open_clip:", "open_clip:ViT-Q-32/openai", "open_clip:hf-hub:me/mine", "open_clip:local-dir:x/y"]
)
def test_an_unknown_model_is_refused(name: str) -> None:
    with pytest.raises(EncoderNotFoundError, match="no model"):
        load_encoder(name, device="cpu")
    with pytest.raises(EncoderNotFoundError) as caught:
        load_encoder("open_clip:ViT-B-23/openai", device="cpu")
    assert "ViT-B-32" in caught.value.hint


@pytest.mark.parametrize("source", ["", "no_such_tag", "/no/such/file.safetensors"])
def test_an_unknown_source_is_refused_with_the_tags_there_are(source: str) -> None:
    with pytest.raises(EncoderUnavailableError, match="neither") as caught:
        load("ViT-B-32", source)
    assert "laion2b_s34b_b79k" in caught.value.hint


def test_the_wrong_gelu_is_an_error_that_names_the_right_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EncoderUnavailableError, match="QuickGELU") as caught:
        load("ViT-B-32", "openai")
    assert caught.value.hint == "Use open_clip:ViT-B-32-quickgelu/openai."
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny-quickgelu", {"ours": {"hf_hub": "us/tiny/"}})
    with pytest.raises(EncoderUnavailableError, match="exact GELU") as caught:
        load("tiny-quickgelu", "ours")
    assert caught.value.hint == "Use open_clip:tiny/ours."


# ── the hub ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def tag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pretrained tag 'ours' of the tiny model, and a hub cache of this test's own."""
    settings = {"hf_hub": "us/tiny/", "mean": (0.5,) * 3, "std": (0.5,) * 3, "resize_mode": "squash"}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny", {"ours": settings})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def point_at(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
    template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@contextlib.contextmanager
def hub(files: dict[str, bytes]) -> Iterator[str]:
    """A model hub with these files, enough of one for its client."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            content = files.get(self.path.rsplit("/", 1)[-1])
            self.send_response(404 if content is None else 200)
            if content is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("ETag", f'"{hashlib.sha256(content or b"").hexdigest()}"')
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if self.command == "GET" and content:
                self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Not on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.usefixtures("tag")
@pytest.mark.parametrize("file", ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"])
def test_a_tag_is_fetched_once_and_then_served_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    content = checkpoint(tmp_path, file=file).read_bytes()
    with hub({file: content}) as endpoint:
        point_at(endpoint, monkeypatch)
        fetched = load("tiny", "ours")
    assert fetched.identity.name == "open_clip:tiny/ours"
    assert load("tiny", "ours").identity.fingerprint == fetched.identity.fingerprint
    shutil.rmtree(tmp_path / "hub")
    with pytest.raises(EncoderUnavailableError):
        load("tiny", "ours")


@pytest.mark.usefixtures("tag")
def test_a_hub_that_refuses_or_never_answers_is_told_in_one_sentence_soon(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("encoders.open_clip_weights._HUB_ANSWERS_WITHIN_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as closing:
        refusing = closing.getsockname()[1]
        closing.close()
        for port in (refusing, silent.getsockname()[1]):
            point_at(f"http://127.0.0.1:{port}", monkeypatch)
            started = time.monotonic()
            with pytest.raises(EncoderUnavailableError, match="not on this machine") as caught:
                load("tiny", "ours")
            assert time.monotonic() - started < 5
            assert caught.value.detail.count(".") == 1
            assert "open_clip_model.safetensors of us/tiny" in caught.value.hint
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("tag")
def test_a_hub_without_the_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with hub({}) as endpoint:
        point_at(endpoint, monkeypatch)
        with pytest.raises(EncoderUnavailableError, match="can't be fetched"):
            load("tiny", "ours")


def test_loading_gives_no_warning(tmp_path: Path) -> None:
    path = checkpoint(tmp_path)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        load("tiny", path).encode(PICTURES)
    assert heard == []


@pytest.mark.parametrize("name", ["~no such user here/encoder", "a" * 5000, f"{'a' * 300}/encoder", "encoder\0"])
def test_a_name_that_can_be_no_path_is_no_encoder(name: str) -> None:
    with pytest.raises(EncoderNotFoundError, match="There is no encoder"):
        load_encoder(name)
    with pytest.raises(EncoderNotFoundError, match="There is no encoder"):
        load("tiny", name)
