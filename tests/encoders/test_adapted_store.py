"""Adapted encoders on disk: what comes back is what was saved, trunks are shared, and nothing altered passes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch_file

from encoders import efficientnet_lite0
from encoders.calibration.calibration import IDENTITY
from encoders.catalog import known_encoders, load_encoder
from encoders.state_digest import state_digest
from encoders.store import is_stored, load_stored, save_adapted, save_encoder
from encoders.stored_description import adapted_description
from encoders.tensor_files import read_tensors
from encoders.tower import BaseTrunk, Tower
from encoders.trained_tower import trained_tower
from invariantselect.errors import EncoderNotFoundError, EncoderUnavailableError, StoreCorruptError
from tests.encoders.adapted import DIM, KEY, PREPROCESSING, calibration_of, files_of, lineage_of, tiny_tower
from tests.encoders.pictures import scene

PICTURES = [Image.fromarray(scene(40, 30)), Image.fromarray(scene(30, 50)[::-1].copy())]


def save(store: Path, number: int = 2, **changes: object) -> Path:
    directory = store / KEY / str(number)
    given = {"trunk": tiny_tower(), "calibration": calibration_of(), "lineage": lineage_of(), **changes}
    save_adapted(directory, name=f"{KEY}/{number}", version=str(number), **given)  # type: ignore[arg-type]
    return directory


def base_in(directory: Path, tower: Tower | None = None) -> BaseTrunk:
    """A frozen encoder in a directory of its own, as the trunk of others."""
    tower = tower or tiny_tower()
    save_encoder(directory, tower, name="base")
    return BaseTrunk(str(directory), tower.fingerprint(), DIM)


def load(store: Path, number: int = 2) -> object:
    return load_encoder(f"{KEY}/{number}", store=store, device="cpu", runtime="torch")


def test_an_encoder_with_a_trunk_of_its_own_comes_back(tmp_path: Path) -> None:
    directory = save(tmp_path)
    assert files_of(directory) == {"encoder.json", "weights.safetensors", "calibration.safetensors"}
    stored = load_stored(directory)
    assert (stored.name, stored.version, stored.lineage) == (f"{KEY}/2", "2", lineage_of())
    encoder = load(tmp_path)
    identity = encoder.identity
    assert (identity.name, identity.version, identity.dim, identity.trunk_dim) == (f"{KEY}/2", "2", 8, DIM)
    assert identity.trunk == tiny_tower().fingerprint() != identity.fingerprint
    assert identity.fingerprint == json.loads((directory / "encoder.json").read_text())["fingerprint"]
    frozen = encoder.forward(np.stack([encoder.preprocess(image) for image in PICTURES]))
    with torch.inference_mode():
        images = torch.from_numpy(np.stack([PREPROCESSING.apply(image) for image in PICTURES]))
        expected = torch.nn.functional.normalize(tiny_tower().build()(images), dim=1).numpy()
    np.testing.assert_allclose(frozen, expected, atol=1e-6)
    for domains in (None, ["sketch", "photo é"], ["elsewhere", None]):
        expected = calibration_of().apply(frozen, domains)
        np.testing.assert_array_equal(encoder.calibrate(frozen, domains), expected)
        np.testing.assert_array_equal(encoder.encode(PICTURES, domains), expected)


def test_versions_on_one_frozen_trunk_share_it(tmp_path: Path) -> None:
    store, base = tmp_path / "store", base_in(tmp_path / "base")
    directories = [save(store, number, trunk=base, calibration=calibration_of(number)) for number in (2, 3)]
    assert all(files_of(directory) == {"encoder.json", "calibration.safetensors"} for directory in directories)
    frozen = load_encoder(base.name, store=store, device="cpu", runtime="torch")
    adapted = [load(store, number) for number in (2, 3)]
    assert {encoder.identity.trunk for encoder in adapted} == {frozen.identity.fingerprint}
    assert len({encoder.identity.fingerprint for encoder in (frozen, *adapted)}) == 3
    vectors = frozen.encode(PICTURES)
    np.testing.assert_array_equal(adapted[0].forward(np.stack([frozen.preprocess(p) for p in PICTURES])), vectors)
    np.testing.assert_array_equal(adapted[1].encode(PICTURES), calibration_of(3).apply(vectors))


def test_a_version_may_share_the_trunk_of_another_version(tmp_path: Path) -> None:
    """Also through one that shares it itself: nobody needs to know whose weights they are."""
    base = base_in(tmp_path / "base")
    save(tmp_path, 2, trunk=base)
    save(tmp_path, 3, trunk=replace(base, name=f"{KEY}/2"), calibration=IDENTITY)
    identity = load(tmp_path, 3).identity
    assert identity.fingerprint == identity.trunk == base.fingerprint
    assert identity.dim == identity.trunk_dim == DIM
    assert files_of(tmp_path / KEY / "3") == {"encoder.json"}


def test_an_encoder_that_is_its_own_trunk_is_refused(tmp_path: Path) -> None:
    base = BaseTrunk(f"{KEY}/3", tiny_tower().fingerprint(), DIM)
    save(tmp_path, 2, trunk=base)
    save(tmp_path, 3, trunk=replace(base, name=f"{KEY}/2"))
    with pytest.raises(StoreCorruptError, match="its own trunk"):
        load(tmp_path, 2)


def test_a_trunk_that_has_changed_or_gone_makes_the_version_unavailable(tmp_path: Path) -> None:
    base = base_in(tmp_path / "base", tiny_tower(seed=1))
    save(tmp_path, 2, trunk=replace(base, fingerprint=tiny_tower(seed=2).fingerprint()))
    with pytest.raises(EncoderUnavailableError, match="changed since"):
        load(tmp_path, 2)
    (tmp_path / "base" / "encoder.json").unlink()
    with pytest.raises(EncoderUnavailableError, match="not here any more"):
        load(tmp_path, 2)


def test_a_trained_module_is_a_tower_and_training_on_does_not_change_it(tmp_path: Path) -> None:
    base = tiny_tower()
    module = copy.deepcopy(base.build()).train()
    optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.rand(2, 3, 32, 32)).square().sum().backward()
    optimiser.step()
    larger = replace(PREPROCESSING, mean=(0.4, 0.5, 0.6))
    tower = trained_tower(base, module, preprocessing=larger)
    expected = tower.build()(torch.ones(1, 3, 32, 32))
    optimiser.step()
    assert len({tower.fingerprint(), base.fingerprint(), trained_tower(base, module).fingerprint()}) == 3
    save(tmp_path, trunk=tower)
    stored = load_stored(tmp_path / KEY / "2").trunk
    assert isinstance(stored, Tower)
    assert stored.fingerprint() == tower.fingerprint()
    assert stored.preprocessing == larger
    with torch.inference_mode():
        torch.testing.assert_close(stored.build()(torch.ones(1, 3, 32, 32)), expected)


def test_a_training_that_diverged_gives_no_tower() -> None:
    module = copy.deepcopy(tiny_tower().build())
    next(module.parameters()).data[0] = torch.nan
    with pytest.raises(ValueError, match="not finite"):
        trained_tower(tiny_tower(), module)


def test_weights_that_are_not_the_tower_s_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="trained on since"):
        save(tmp_path, trunk=replace(tiny_tower(), weights="0" * 64))
    assert not is_stored(tmp_path / KEY / "2")


@pytest.mark.parametrize(
    "changes",
    [
        {"calibration": calibration_of(dim=DIM + 1)},
        {"lineage": lineage_of(metrics={"accuracy": float("nan")})},
        {"lineage": lineage_of(options={"model": object()})},
    ],
)
def test_what_could_not_be_read_back_is_not_saved(tmp_path: Path, changes: dict) -> None:
    with pytest.raises(ValueError, match=r"affine|centres|JSON"):
        save(tmp_path, **changes)
    assert not (tmp_path / KEY).exists()


def test_keys_that_are_numbers_survive_as_words(tmp_path: Path) -> None:
    directory = save(tmp_path, lineage=lineage_of(metrics={"k": {2: "b", 10: "a"}}))
    assert load_stored(directory).lineage.metrics == {"k": {"2": "b", "10": "a"}}


def test_a_lineage_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        lineage_of(created_at=datetime(2026, 1, 1))


def test_an_encoder_is_never_overwritten(tmp_path: Path) -> None:
    directory = save(tmp_path)
    before = {name: (directory / name).read_bytes() for name in files_of(directory)}
    with pytest.raises(FileExistsError, match="already"):
        save(tmp_path, trunk=tiny_tower(seed=1))
    assert {name: (directory / name).read_bytes() for name in files_of(directory)} == before


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    [
        *(f"{KEY}/{number}" for number in ("3", "0", "02", "2/", "2\n", "/2", f"../{KEY}/2")),
        *(f"{start}/{KEY}/2" for start in (".", "..", "../store")),
        *(KEY, f"{KEY.upper()}/2", f"{KEY[1:]}/2", "../secret"),
    ],
)
def test_only_a_key_and_a_number_name_a_version(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "store"
    save(store)
    with pytest.raises(EncoderNotFoundError):
        load_encoder(name, store=store, device="cpu", runtime="torch")


def test_a_version_is_not_looked_for_where_the_server_happens_to_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(EncoderNotFoundError):
        load(tmp_path / "store")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / KEY).symlink_to(tmp_path / "here" / KEY)
    with pytest.raises(EncoderNotFoundError):
        load(tmp_path / "store")


def test_versions_are_not_offered_for_new_pools(tmp_path: Path) -> None:
    save(tmp_path)
    assert known_encoders(tmp_path) == ["efficientnet-lite0"]


# ── tampering ────────────────────────────────────────────────────────────────────────────────────────────────────


def altered(name: str) -> Callable[[Path], None]:
    def alter(directory: Path) -> None:
        tensors = load_file(directory / name)
        key = sorted(tensors)[0]
        tensors[key] = tensors[key] + np.float32(1e-6)
        save_file(tensors, directory / name)

    return alter


def broken(name: str) -> Callable[[Path], None]:
    def alter(directory: Path) -> None:
        tensors = load_file(directory / name)
        sorted(tensors.items())[0][1].flat[0] = np.nan
        save_file(tensors, directory / name)

    return alter


def more(name: str) -> Callable[[Path], None]:
    def alter(directory: Path) -> None:
        save_file({**load_file(directory / name), "9.weight": np.zeros(3, np.float32)}, directory / name)

    return alter


def wider(directory: Path) -> None:
    path = directory / "calibration.safetensors"
    save_file({key: array.astype(np.float64) for key, array in load_file(path).items()}, path)


def cut(name: str, keep: int) -> Callable[[Path], None]:
    return lambda directory: (directory / name).write_bytes((directory / name).read_bytes()[:keep]) and None


def gone(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


TENSORS = ("weights.safetensors", "calibration.safetensors")
TAMPERINGS = {
    **{f"{name} altered": altered(name) for name in TENSORS},
    **{f"{name} with a NaN": broken(name) for name in TENSORS},
    **{f"{name} with one more": more(name) for name in TENSORS},
    **{f"{name} cut at {keep}": cut(name, keep) for name in (*TENSORS, "encoder.json") for keep in (0, 7, 100, -1)},
    **{f"{name} gone": gone(name) for name in TENSORS},
    "float64 for float32": wider,
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_a_file_that_was_tampered_with_is_refused(tmp_path: Path, how: str) -> None:
    directory = save(tmp_path)
    TAMPERINGS[how](directory)
    with pytest.raises(StoreCorruptError):
        load(tmp_path)


FIELDS = ["name", "version", "dim", "fingerprint", "trunk", "calibration", "lineage", "checksum", "format"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [None, "3", 3, {}, {"name": "efficientnet-lite0"}])
def test_an_altered_description_is_refused(tmp_path: Path, field: str, value: object) -> None:
    path = save(tmp_path) / "encoder.json"
    fields = json.loads(path.read_text())
    assert set(fields) == set(FIELDS)
    path.write_text(json.dumps({**fields, field: value}))
    with pytest.raises(StoreCorruptError):
        load(tmp_path)


def test_another_calibration_than_the_described_one_is_refused_though_every_file_is_whole(tmp_path: Path) -> None:
    one, other = save(tmp_path, 2), save(tmp_path, 3, calibration=calibration_of(seed=9))
    (one / "calibration.safetensors").write_bytes((other / "calibration.safetensors").read_bytes())
    with pytest.raises(StoreCorruptError, match="fingerprint"):
        load(tmp_path, 2)


def test_a_nan_that_was_saved_with_all_its_hashes_is_refused(tmp_path: Path) -> None:
    module = copy.deepcopy(tiny_tower().build())
    tower = trained_tower(tiny_tower(), module)
    directory = save(tmp_path, trunk=tower)
    path = directory / "weights.safetensors"
    broken("weights.safetensors")(directory)
    state = {key: torch.from_numpy(array) for key, array in load_file(path).items()}
    text = adapted_description(
        replace(tower, weights=state_digest(state)), calibration_of(), lineage_of(), name=f"{KEY}/2", version="2"
    )
    (directory / "encoder.json").write_text(text)
    with pytest.raises(StoreCorruptError, match="not finite"):
        load(tmp_path)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_numbers_of_every_format_are_checked(tmp_path: Path, dtype: torch.dtype) -> None:
    path = tmp_path / "x.safetensors"
    save_torch_file({"a": torch.tensor([0.0, -6e4, 1e-8], dtype=dtype), "b": torch.tensor([3])}, path)
    assert set(read_tensors(path)) == {"a", "b"}
    for number in (torch.inf, -torch.inf, torch.nan):
        save_torch_file({"a": torch.tensor([0.0, number], dtype=dtype)}, path)
        with pytest.raises(ValueError, match="not finite"):
            read_tensors(path)


# ── ONNX Runtime ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_trained_efficientnet_is_served_by_onnx_runtime_at_its_own_input_size(tmp_path: Path) -> None:
    base = efficientnet_lite0.packaged_tower()
    module = base.build()
    with torch.no_grad():
        module.get_parameter("conv_head.weight").mul_(1.01)
        module.get_parameter("conv_stem.weight").mul_(0.9)
    tower = trained_tower(base, module, preprocessing=replace(base.preprocessing, size=96))
    save(tmp_path, trunk=tower, calibration=calibration_of(dim=1280, out=4))
    served = load_encoder(f"{KEY}/2", store=tmp_path, device="cpu")
    by_torch = load(tmp_path)
    assert (served.identity.runtime, by_torch.identity.runtime) == ("onnxruntime", "torch")
    assert served.identity.fingerprint == by_torch.identity.fingerprint
    assert (served.identity.image_size, served.identity.dim, served.identity.trunk_dim) == (96, 4, 1280)
    assert [path.stem for path in (tmp_path / "onnx").glob("*.onnx")] == [served.identity.trunk]
    np.testing.assert_allclose(served.encode(PICTURES), by_torch.encode(PICTURES), atol=1e-4)


def test_a_version_on_the_packaged_trunk_reuses_its_export(tmp_path: Path, encoder_store: Path) -> None:
    frozen = load_encoder("efficientnet-lite0", store=encoder_store, device="cpu")
    (tmp_path / "onnx").symlink_to(encoder_store / "onnx")
    before = set((tmp_path / "onnx").iterdir())
    base = BaseTrunk("efficientnet-lite0", frozen.identity.trunk, 1280)
    save(tmp_path, trunk=base, calibration=calibration_of(dim=1280))
    adapted = load_encoder(f"{KEY}/2", store=tmp_path, device="cpu")
    assert set((tmp_path / "onnx").iterdir()) == before
    assert (adapted.identity.runtime, adapted.identity.trunk) == ("onnxruntime", frozen.identity.fingerprint)
    np.testing.assert_array_equal(
        adapted.encode(PICTURES, ["sketch", None]),
        calibration_of(dim=1280).apply(frozen.encode(PICTURES), ["sketch", None]),
    )
