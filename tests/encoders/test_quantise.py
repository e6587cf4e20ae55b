"""An int8 encoder is one of its own: measured when it is made, sound when it is read, and never mixed with another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from encoders.catalog import load_encoder, load_tower
from encoders.quantisation.effect import effect_of
from encoders.quantisation.making import quantise
from encoders.quantised_store import save_quantised
from encoders.store import load_stored, save_adapted
from encoders.tower import BaseTrunk
from invariantselect.errors import EncoderUnavailableError, InvalidRequestError, StoreCorruptError
from tests.encoders.adapted import KEY, calibration_of, files_of, lineage_of
from tests.encoders.rounded import pictures, save_float32

KINDS = ("static", "dynamic")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For each kind a store with the encoder in float32 and in int8."""
    root = tmp_path_factory.mktemp("int8")
    for kind in KINDS:
        name = str(save_float32(root / kind / "float32", kind))
        quantise(name, pictures(72), root / kind / "int8", store=root / kind, calibrate=24, k=5)
    return root


@pytest.mark.parametrize("kind", KINDS)
def test_an_int8_encoder_is_near_its_original_in_a_space_of_its_own(made: Path, kind: str) -> None:
    original, rounded = (
        load_encoder(str(made / kind / precision), store=made / kind, device="cpu") for precision in ("float32", "int8")
    )
    assert rounded.identity.fingerprint != original.identity.fingerprint
    assert (rounded.identity.precision, rounded.identity.runtime) == ("int8", "onnxruntime")
    assert original.identity.precision == "float32"  # what `auto` gives, with an int8 one beside it
    images = [each.image for each in pictures(12, seed=1)]
    vectors, expected = rounded.encode(images), original.encode(images)
    assert np.einsum("nd,nd->n", vectors, expected).min() > 0.95
    assert not np.allclose(vectors, expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_is_the_same_bit_for_bit_alone_and_in_a_batch(made: Path, kind: str) -> None:
    rounded = load_encoder(str(made / kind / "int8"), device="cpu")
    images = [each.image for each in pictures(9, seed=2)]
    alone = np.concatenate([rounded.encode([image]) for image in images])
    np.testing.assert_array_equal(rounded.encode(images), alone)
    together = rounded.identity.quantisation is not None and rounded.identity.quantisation.together
    assert (together, rounded.batch) == ((True, 8) if kind == "static" else (False, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_effect_is_that_of_the_images_it_was_not_fitted_to(made: Path, kind: str) -> None:
    record = json.loads((made / kind / "int8" / "encoder.json").read_text())["quantisation"]
    assert record["kind"] == kind
    assert record["calibration_images"] == (24 if kind == "static" else 0)
    rest = list(pictures(72))[record["calibration_images"] :]
    effect = record["effect"]
    assert (effect["images"], effect["k"]) == (len(rest), 5)
    images = [each.image for each in rest]
    before, after = (
        load_encoder(str(made / kind / precision), store=made / kind, device="cpu").encode(images).astype(np.float64)
        for precision in ("float32", "int8")
    )
    cosines = [float(a @ b) for a, b in zip(before, after, strict=True)]
    assert effect["cosine_mean"] == pytest.approx(np.mean(cosines), abs=1e-6)
    assert effect["cosine_min"] == pytest.approx(min(cosines), abs=1e-6)

    def found(vectors: np.ndarray, place: int, may: Callable[[int], bool]) -> list[int]:
        others = [other for other in range(len(rest)) if may(other)]
        return sorted(others, key=lambda other: (-np.float32(vectors[place] @ vectors[other]), other))[:5]

    kept, rightly, across = 0, {"before": 0, "after": 0}, {"before": 0, "after": 0}
    for place, own in enumerate(rest):
        nearest = {}
        for name, vectors in (("before", before), ("after", after)):
            nearest[name] = found(vectors, place, lambda other, own=own: rest[other].group != own.group)
            rightly[name] += sum(rest[other].label == own.label for other in nearest[name])
            elsewhere = found(
                vectors,
                place,
                lambda other, own=own: rest[other].domain != own.domain and rest[other].group != own.group,
            )
            across[name] += sum(rest[other].label == own.label for other in elsewhere)
        kept += len(set(nearest["before"]) & set(nearest["after"]))
    asked = 5 * len(rest)
    assert effect["overlap"] == pytest.approx(kept / asked)
    assert effect["precision"] == pytest.approx(rightly["after"] / asked)
    assert effect["precision_float32"] == pytest.approx(rightly["before"] / asked)
    assert effect["precision_across"] == pytest.approx(across["after"] / asked)
    assert effect["precision_across_float32"] == pytest.approx(across["before"] / asked)


def test_the_same_images_make_the_same_encoder(made: Path, tmp_path: Path) -> None:
    name, first = str(made / "static" / "float32"), load_stored(made / "static" / "int8").trunk
    again = quantise(name, pictures(72), tmp_path / "again", store=made / "static", calibrate=24, k=5)
    assert again.fingerprint() == first.fingerprint()
    other = quantise(name, pictures(72), tmp_path / "other", store=made / "static", calibrate=36, k=5)
    assert other.fingerprint() != first.fingerprint()


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    directory = tmp_path / "copy"
    directory.mkdir()
    for name in files_of(made / "static" / "int8"):
        (directory / name).write_bytes((made / "static" / "int8" / name).read_bytes())
    return directory


def test_nothing_altered_passes_for_it(copy: Path) -> None:
    assert files_of(copy) == {"encoder.json", "int8.onnx"}
    load_stored(copy)
    description, numbers = (copy / "encoder.json").read_text(), (copy / "int8.onnx").read_bytes()
    overlap = json.loads(description)["quantisation"]["effect"]["overlap"]
    for altered in (
        description.replace(f'"overlap": {overlap}', '"overlap": 1.5'),
        description.replace('"precision": "int8"', '"precision": "int4"'),
        description[:-9],
    ):
        assert altered != description
        (copy / "encoder.json").write_text(altered)
        with pytest.raises(StoreCorruptError):
            load_stored(copy)
    (copy / "encoder.json").write_text(description)
    for damage in (numbers[:-1], numbers[:500] + bytes([numbers[500] ^ 1]) + numbers[501:], None):
        (copy / "int8.onnx").unlink() if damage is None else (copy / "int8.onnx").write_bytes(damage)
        with pytest.raises(StoreCorruptError):
            load_encoder(str(copy), device="cpu")


def test_a_file_that_was_changed_since_is_not_saved(copy: Path, tmp_path: Path) -> None:
    tower = load_stored(copy).trunk
    (copy / "int8.onnx").write_bytes(b"another")
    with pytest.raises(ValueError, match="changed since"):
        save_quantised(tmp_path / "new", tower, name="new")
    assert not (tmp_path / "new" / "encoder.json").exists()


@pytest.mark.parametrize("asked", [{"runtime": "torch"}, {"device": "cuda"}, {"precision": "float32"}])
def test_it_runs_in_no_other_way(made: Path, asked: dict[str, str]) -> None:
    with pytest.raises(EncoderUnavailableError, match="int8 encoder runs"):
        load_encoder(str(made / "static" / "int8"), **{"device": "cpu", **asked})
    assert load_encoder(str(made / "static" / "int8"), precision="int8").identity.device == "cpu"


def test_it_is_not_trained_but_what_lies_behind_it_is_adapted(made: Path, tmp_path: Path) -> None:
    name = str(made / "static" / "int8")
    with pytest.raises(EncoderUnavailableError, match="could be trained") as caught:
        load_tower(name)
    assert "closed_form" in caught.value.hint
    rounded = load_encoder(name)
    shared = BaseTrunk(name, rounded.identity.fingerprint, rounded.identity.dim)
    where = tmp_path / KEY / "2"
    calibration = calibration_of(dim=24)
    save_adapted(where, name=f"{KEY}/2", version="2", trunk=shared, calibration=calibration, lineage=lineage_of())
    adapted = load_encoder(f"{KEY}/2", store=tmp_path)
    assert (adapted.identity.trunk, adapted.identity.precision) == (rounded.identity.fingerprint, "int8")
    images = [each.image for each in pictures(2)]
    np.testing.assert_array_equal(adapted.encode(images), calibration.apply(rounded.encode(images)))
    with pytest.raises(InvalidRequestError, match="adapted"):
        quantise(f"{KEY}/2", pictures(72), tmp_path / "new", store=tmp_path)


def test_what_cant_be_measured_is_not_made(made: Path, tmp_path: Path) -> None:
    name, store = str(made / "static" / "float32"), made / "static"
    with pytest.raises(InvalidRequestError, match="5 are left"):
        quantise(name, pictures(29), tmp_path / "new", store=store, calibrate=24, k=5)
    assert not (tmp_path / "new").exists()
    with pytest.raises(InvalidRequestError, match="holds an encoder already"):
        quantise(name, pictures(72), made / "static" / "int8", store=store)
    with pytest.raises(EncoderUnavailableError, match="could be trained"):
        quantise(str(made / "static" / "int8"), pictures(72), tmp_path / "new", store=store)


def test_a_patient_seen_by_two_scanners_is_not_found_by_the_other() -> None:
    rng = np.random.default_rng(0)
    patients = rng.standard_normal((40, 16)).astype(np.float32)
    vectors = np.concatenate([patients, patients + 0.01 * rng.standard_normal((40, 16)).astype(np.float32)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [str(number) for number in rng.integers(0, 4, 40)] * 2
    domains, groups = ["a"] * 40 + ["b"] * 40, [f"p{number}" for number in range(40)] * 2
    effect = effect_of(vectors, vectors, labels, domains, groups, k=1)
    rightly = 0
    for place in range(80):
        others = [n for n in range(80) if domains[n] != domains[place] and groups[n] != groups[place]]
        rightly += labels[max(others, key=lambda n, place=place: vectors[n] @ vectors[place])] == labels[place]
    assert effect.precision_across == effect.precision_across_float32 == pytest.approx(rightly / 80)
