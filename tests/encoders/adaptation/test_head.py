"""The head in NumPy is the network that was trained, and it learns what it is for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from encoders.adaptation.head import HeadOptions, _head, _steps, train_head
from encoders.adaptation.watch import Watch
from encoders.calibration.calibration import Calibration
from encoders.objectives.cci import Cci
from encoders.objectives.cross_entropy import CrossEntropy
from invariantselect.errors import JobCancelledError

OPTIONS = HeadOptions(hidden=16, dim=8, steps=60, classes_per_batch=3, images_per_class=6, rate=1e-2)


def pool_of(seed: int, each: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three classes in three domains whose shift is larger than that of the classes."""
    rng = np.random.default_rng(seed)
    labels, domains = np.repeat(np.tile(np.arange(3), 3), each), np.repeat(np.arange(3), 3 * each)
    shared = np.random.default_rng(99)  # classes and domains look the same for each seed
    rows = 0.5 * rng.standard_normal((len(labels), 24)) + shared.standard_normal((3, 24))[labels]
    rows += 2 * shared.standard_normal((3, 24))[domains]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), labels, domains


def spread(vectors: np.ndarray, labels: np.ndarray, domains: np.ndarray) -> float:
    """Mean similarity within a class across domains, less that within a domain across classes."""
    products = vectors @ vectors.T
    same, home = labels[:, None] == labels, domains[:, None] == domains
    return float(products[same & ~home].mean() - products[~same & home].mean())


@pytest.mark.parametrize("hidden", [0, 16])
def test_images_of_a_class_come_together_also_those_that_it_never_saw(hidden: int) -> None:
    vectors, labels, domains = pool_of(0)
    head = train_head(vectors, labels, domains, Cci(), replace(OPTIONS, hidden=hidden, steps=200))
    others, their_labels, their_domains = pool_of(1)
    assert spread(others, their_labels, their_domains) < 0
    assert spread(head.apply(others), their_labels, their_domains) > 0.3
    assert head.dim(24) == 8
    assert not head.looks_at_domains


@pytest.mark.parametrize("hidden", [0, 5])
def test_the_affine_maps_are_the_network_with_the_scaling_of_its_input(hidden: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = _head(24, replace(OPTIONS, hidden=hidden)).eval()
    inputs = np.random.default_rng(0).standard_normal((7, 24)).astype(np.float32)
    centre, scale = inputs.mean(axis=0), 0.3
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    with torch.inference_mode():
        expected = network(torch.from_numpy((inputs - centre) / np.float32(scale))).numpy()
    found = Calibration(tuple(_steps(layers, centre, scale))).apply(inputs)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_seed_decides_everything_and_the_caller_s_random_numbers_are_left_alone() -> None:
    vectors, labels, domains = pool_of(0)
    torch.manual_seed(5)
    one = train_head(vectors, labels, domains, CrossEntropy(), OPTIONS, seed=3)
    drawn = torch.rand(1)
    torch.manual_seed(6)
    again = train_head(vectors, labels, domains, CrossEntropy(), OPTIONS, seed=3)
    other = train_head(vectors, labels, domains, CrossEntropy(), OPTIONS, seed=4)
    assert one.digest() == again.digest() != other.digest()
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(1))


def test_one_class_and_unknown_domains_are_no_obstacle() -> None:
    vectors, labels, domains = pool_of(0, 2)
    head = train_head(vectors, np.zeros_like(labels), np.full_like(domains, -1), Cci(), OPTIONS)
    assert np.isfinite(head.apply(vectors)).all()


def test_it_can_be_stopped() -> None:
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError):
        train_head(*pool_of(0), Cci(), OPTIONS, watch=Watch(check=check))
