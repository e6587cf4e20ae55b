from __future__ import annotations

import numpy as np
import pytest

from encoders.fingerprint import RawTensor, calibrated_fingerprint, fingerprint, weights_digest

BASE = {
    "architecture": {"family": "x"},
    "weights": "00",
    "preprocessing": {"size": 8},
    "pooling": "average",
    "precision": "float32",
    "normalisation": "l2",
}


def tensor(*numbers: float, shape: tuple[int, ...] | None = None, dtype: str = "F32") -> RawTensor:
    return RawTensor(dtype, shape or (len(numbers),), np.array(numbers, np.float32).tobytes())


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("architecture", {"family": "y"}),
        ("weights", "01"),
        ("preprocessing", {"size": 9}),
        ("pooling", "tower"),
        ("precision", "bfloat16"),
        ("normalisation", "none"),
    ],
)
def test_every_part_counts(part: str, value: object) -> None:
    assert fingerprint(**BASE) != fingerprint(**{**BASE, part: value})
    assert fingerprint(**BASE) == fingerprint(**dict(reversed(BASE.items())))


def test_the_fingerprint_is_stable_across_releases() -> None:
    """Pools on disk carry it: a change here strands them, and needs a new format number and a note to users."""
    assert fingerprint(**BASE) == "122a95a234e34b9c6798c77fa21ccc5f36a8fc1a721ee932f03b3cce8237647c"


def test_what_lies_behind_the_trunk_counts() -> None:
    assert calibrated_fingerprint("aa", None) == "aa"
    hashes = {calibrated_fingerprint(*pair) for pair in [("aa", "bb"), ("aa", "bc"), ("ab", "bb"), ("bb", "aa")]}
    assert len(hashes) == 4
    assert calibrated_fingerprint("aa", "bb") == "fbbdb175120c406e85b17e1ba99a33f3330ee801cc722b1e29f24918fb3cac0d"


def test_names_shapes_formats_and_bytes_of_the_weights_count() -> None:
    base = weights_digest({"a": tensor(1, 2), "b": tensor(3)})
    assert base == weights_digest({"b": tensor(3), "a": tensor(1, 2)})
    others = [
        {"a": tensor(1, 2), "c": tensor(3)},
        {"a": tensor(1, 2, shape=(2, 1)), "b": tensor(3)},
        {"a": tensor(1, 2, dtype="I32"), "b": tensor(3)},
        {"a": tensor(1, 2.0000002), "b": tensor(3)},
        {"a": tensor(1, 2)},
        {"a": tensor(1), "b": tensor(2, 3)},
    ]
    assert base not in {weights_digest(other) for other in others}
