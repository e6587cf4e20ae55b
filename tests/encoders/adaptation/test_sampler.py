"""What every batch and every run of batches holds, whatever the pool looks like."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.adaptation.coding import code, names_of
from encoders.adaptation.sampler import ClassDomainSampler

ROOT = Path(__file__).parents[3]

Pool = tuple[np.ndarray, np.ndarray]


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    """Long tails, classes of one domain, domains that aren't known, one class, one domain, one image."""
    cells = draw(
        st.dictionaries(
            st.tuples(st.integers(0, 5), st.integers(-1, 3)), st.sampled_from([1, 2, 3, 5, 40]), min_size=1, max_size=12
        )
    )
    order = np.random.default_rng(draw(st.integers(0, 9))).permutation(sum(cells.values()))
    labels = np.repeat([label for label, _ in cells], list(cells.values()))[order]
    domains = np.repeat([domain for _, domain in cells], list(cells.values()))[order]
    return labels.astype(np.int64), domains.astype(np.int64)


SIZES = st.tuples(st.integers(1, 7), st.integers(1, 9))


@settings(deadline=None)
@given(pools(), SIZES, st.integers(0, 3), st.integers(0, 10**6))
def test_a_batch_is_even_over_classes_and_their_domains_and_repeats_only_what_is_short(
    pool: Pool, sizes: tuple[int, int], seed: int, step: int
) -> None:
    labels, domains = pool
    p, k = sizes
    sampler = ClassDomainSampler(labels, domains, classes_per_batch=p, images_per_class=k, seed=seed)
    batch = sampler.batch(step)
    by_class = Counter(labels[batch].tolist())
    assert len(batch) == sampler.batch_size
    assert len(by_class) == min(p, len(set(labels.tolist())))
    assert set(by_class.values()) == {k}
    for label in by_class:
        existing = set(domains[labels == label].tolist())
        by_domain = Counter(dict.fromkeys(existing, 0))
        by_domain.update(domains[batch][labels[batch] == label].tolist())
        assert max(by_domain.values()) - min(by_domain.values()) <= 1
        for domain, share in by_domain.items():
            cell = np.flatnonzero((labels == label) & (domains == domain))
            drawn = Counter(dict.fromkeys(cell.tolist(), 0))
            drawn.update(image for image in batch.tolist() if image in drawn)
            assert sum(drawn.values()) == share
            assert max(drawn.values()) - min(drawn.values()) <= 1


@settings(deadline=None)
@given(pools(), SIZES, st.integers(0, 3))
def test_a_run_is_even_over_classes_domains_and_images(pool: Pool, sizes: tuple[int, int], seed: int) -> None:
    labels, domains = pool
    p, k = sizes
    sampler = ClassDomainSampler(labels, domains, classes_per_batch=p, images_per_class=k, seed=seed)
    drawn = np.zeros(len(labels), dtype=np.int64)
    for step in range(25):
        np.add.at(drawn, sampler.batch(step), 1)
        turns = [drawn[labels == label].sum() // k for label in np.unique(labels)]
        assert max(turns) - min(turns) <= 1
    for label in np.unique(labels):
        cells = [drawn[(labels == label) & (domains == domain)] for domain in np.unique(domains[labels == label])]
        sums = [int(cell.sum()) for cell in cells]
        assert max(sums) - min(sums) <= 1
        for cell in cells:
            # A seam of two laps doubles or skips less than a share each.
            laps = cell.sum() / len(cell)
            assert np.abs(cell - laps).max() <= laps + 1


def test_a_cell_is_gone_through_before_an_image_comes_again() -> None:
    labels, domains = np.zeros(48, np.int64), np.repeat([0, 1], 24)
    sampler = ClassDomainSampler(labels, domains, classes_per_batch=1, images_per_class=8)
    for lap in range(3):
        drawn = np.concatenate([sampler.batch(6 * lap + number) for number in range(6)])
        assert sorted(drawn.tolist()) == list(range(48))


def test_the_seams_even_out() -> None:
    labels, domains = np.zeros(7, np.int64), np.zeros(7, np.int64)
    sampler = ClassDomainSampler(labels, domains, classes_per_batch=1, images_per_class=3)
    drawn = np.bincount(np.concatenate([sampler.batch(step) for step in range(2000)]), minlength=7)
    assert drawn.min() > 0.93 * drawn.mean()


@settings(deadline=None)
@given(pools(), SIZES, st.lists(st.integers(0, 500), min_size=1, max_size=5))
def test_a_batch_is_its_step_s_whatever_was_drawn_before(pool: Pool, sizes: tuple[int, int], steps: list[int]) -> None:
    labels, domains = pool
    p, k = sizes
    one, other = (
        ClassDomainSampler(labels, domains, classes_per_batch=p, images_per_class=k, seed=5) for _ in range(2)
    )
    expected = {step: one.batch(step) for step in sorted(steps)}
    for step in steps:
        np.testing.assert_array_equal(other.batch(step), expected[step])


def test_another_process_draws_the_same() -> None:
    program = (
        "import numpy as np; from encoders.adaptation.sampler import ClassDomainSampler as S;"
        "n = np.arange(100); s = S(n % 7, n % 3 - 1, classes_per_batch=4, images_per_class=4, seed=9);"
        "print(s.batch(123).tolist())"
    )
    command = [sys.executable, "-c", program]
    said = [subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout for _ in range(2)]
    n = np.arange(100)
    here = ClassDomainSampler(n % 7, n % 3 - 1, classes_per_batch=4, images_per_class=4, seed=9).batch(123)
    assert said == [f"{here.tolist()}\n"] * 2


def test_seeds_and_steps_draw_different_batches() -> None:
    n = np.arange(400)
    drawn = {
        ClassDomainSampler(n % 5, n % 3, classes_per_batch=3, images_per_class=4, seed=seed).batch(step).tobytes()
        for seed in range(4)
        for step in range(10)
    }
    assert len(drawn) == 40


def test_all_classes_meet_and_all_domains_of_a_class_meet() -> None:
    n = np.arange(600)
    labels, domains = n % 6, (n // 6) % 5
    sampler = ClassDomainSampler(labels, domains, classes_per_batch=2, images_per_class=2)
    classes, pairs = set(), set()
    for step in range(300):
        batch = sampler.batch(step)
        classes.add(frozenset(labels[batch].tolist()))
        for two in batch.reshape(2, 2):
            pairs.add((int(labels[two[0]]), frozenset(domains[two].tolist())))
    assert len(classes) == 15
    assert len(pairs) == 60


@pytest.mark.parametrize(
    ("labels", "domains", "p", "k", "seed"),
    [
        ([], [], 1, 1, 0),
        ([-1], [0], 1, 1, 0),
        ([0], [-2], 1, 1, 0),
        ([0], [0], 0, 1, 0),
        ([0], [0], 1, 0, 0),
        ([0], [0], 1, 1, -1),
    ],
)
def test_what_can_not_be_drawn_from_is_refused(labels: list, domains: list, p: int, k: int, seed: int) -> None:
    with pytest.raises(ValueError, match=r"must be an image|too small"):
        ClassDomainSampler(
            np.array(labels, np.int64), np.array(domains, np.int64), classes_per_batch=p, images_per_class=k, seed=seed
        )


def test_names_become_numbers_in_the_order_of_the_alphabet() -> None:
    names = names_of(["scanner b", None, "scanner a", "scanner b"])
    assert names == ("scanner a", "scanner b")
    assert code(["scanner b", None, "scanner a", "scanner z"], names).tolist() == [1, -1, 0, -1]
    assert code([], names).tolist() == []


def test_the_example_of_the_docstring_holds() -> None:
    labels, domains = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 0, 0])
    batch = ClassDomainSampler(labels, domains, classes_per_batch=2, images_per_class=2).batch(0)
    assert sorted(zip(labels[batch].tolist(), domains[batch].tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 0)]
