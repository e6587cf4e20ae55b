from __future__ import annotations

import numpy as np
import pytest

from evaluation.shift.familiarity import rehearsed
from evaluation.shift.report import Known, shift_report
from invariantselect.errors import PoolNotDivisibleError

CENTRES = {"cat": (1.0, 0.0, 0.0, 0.0), "dog": (0.0, 1.0, 0.0, 0.0)}
FILES = [str(number) for number in range(200)]
SCANNER = {"old": (0.0, 0.0, 0.6, 0.0), "new": (0.0, 0.0, -0.6, 0.0), "far": (-0.5, -0.5, 0.0, 3.0)}


def images(rng: np.random.Generator, labels: list[str], domains: list[str], noise: float) -> np.ndarray:
    rows = np.array([np.add(CENTRES[label], SCANNER[domain]) for label, domain in zip(labels, domains, strict=True)])
    rows = rows + noise * rng.normal(size=rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def pool() -> Known:
    rng = np.random.default_rng(0)
    labels = rng.choice(["cat", "dog"], 200).tolist()
    domains = rng.choice(["old", "new"], 200).tolist()
    return Known(images(rng, labels, domains, 0.1), labels, domains, [None] * 200, FILES)


def batch(domain: str, count: int = 80) -> np.ndarray:
    rng = np.random.default_rng(1)
    return images(rng, rng.choice(["cat", "dog"], count).tolist(), [domain] * count, 0.1)


def test_a_batch_of_a_known_scanner_is_near_it_and_answered(pool: Known) -> None:
    report = shift_report(batch("old"), pool)
    new, old = report.domains
    assert (new.domain, old.domain) == ("new", "old")
    assert old.share > 0.9
    assert old.own is not None
    assert old.similarity[2] == pytest.approx(old.own[2], abs=0.05)
    assert report.domains_left_out
    assert report.queries == len(report.familiarity) == 80


def test_a_batch_from_far_away_is_told_and_mostly_not_answered(pool: Known) -> None:
    near, far = shift_report(batch("old"), pool, accuracy=0.9), shift_report(batch("far"), pool, accuracy=0.9)
    assert far.test.p_value == 0.001
    assert far.test.effect > near.test.effect
    assert near.threshold == far.threshold is not None
    assert near.answered is not None
    assert far.answered is not None
    assert far.answered < 0.1 < near.answered
    assert np.mean(far.familiarity < far.least_familiarity) > 0.9
    for report in (near, far):
        assert report.threshold is not None
        assert report.answers is not None
        sure = (report.familiarity >= report.least_familiarity) & (report.agreement >= report.threshold.threshold)
        assert report.answers.tolist() == sure.tolist()


def test_few_of_the_pools_own_images_are_unfamiliar(pool: Known) -> None:
    report = shift_report(batch("old"), pool)
    assert report.curve[-1].coverage == pytest.approx(0.95, abs=0.01)
    assert all(point.threshold >= 0 for point in report.curve)
    assert report.ranking is None or 0 <= report.ranking <= 1


def test_the_curve_is_learnt_from_the_pool_alone(pool: Known) -> None:
    assert shift_report(batch("old"), pool).curve == shift_report(batch("far"), pool).curve


def test_an_accuracy_that_nothing_has_gives_no_threshold(pool: Known) -> None:
    unreachable = shift_report(batch("old"), pool, accuracy=1.01)
    assert (unreachable.threshold, unreachable.answered) == (None, None)


def test_a_pool_without_domains_is_halved_instead(pool: Known) -> None:
    nowhere = Known(pool.vectors, pool.labels, [None] * 200, pool.groups, FILES)
    report = shift_report(batch("old"), nowhere, batch_groups=["one patient"] * 80)
    assert report.domains == ()
    assert not report.domains_left_out
    assert report.test.samples == (1, 200)


def test_a_pool_of_one_group_says_nothing(pool: Known) -> None:
    with pytest.raises(PoolNotDivisibleError):
        shift_report(batch("old"), Known(pool.vectors, pool.labels, [None] * 200, ["p"] * 200, FILES))


def test_a_file_under_two_ids_is_no_stranger_to_itself(pool: Known) -> None:
    domains = np.array(pool.domains)
    vectors, files = pool.vectors.copy(), np.array(FILES)
    old, new = (np.flatnonzero(domains == name)[:40] for name in ("old", "new"))
    vectors[new], files[new] = vectors[old], files[old]  # forty pictures of one scanner were filed with the other, too
    twice = Known(vectors, pool.labels, pool.domains, pool.groups, files.tolist())
    unnoticed = Known(vectors, pool.labels, pool.domains, pool.groups, FILES)
    found, copied = (rehearsed(*vars(each).values(), k=1) for each in (twice, unnoticed))
    assert (copied.familiarity > 0.99999).sum() == 80
    assert found.familiarity.max() < 0.99999
    usual, too_usual = (shift_report(batch("old"), each).domains[1].own for each in (twice, unnoticed))
    assert usual == too_usual  # inside of a domain no file is there twice
