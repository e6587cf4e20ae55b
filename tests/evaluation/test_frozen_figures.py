"""The whole road on real images: source, decoding, preprocessing, encoder, pool, search, selection and metrics.

The expected figures were measured once by other means: exact cosine in NumPy over the reference implementation of the
encoder. They are reached only where every step between file and vote is right.
"""

from __future__ import annotations

import pytest

from evaluation.leave_one_domain_out import leave_one_domain_out
from index.pool import Pool
from invariantselect.wire.options import SelectionOptions

# Encoding thousands of images on a busy machine takes minutes.
pytestmark = pytest.mark.timeout(1200)

TOLERANCE = 0.02

# Domain → (accuracy, macro accuracy, precision at 7).
Figures = dict[str, tuple[float, float, float]]

PACS: Figures = {
    "art_painting": (0.687, 0.687, 0.610),
    "cartoon": (0.543, 0.543, 0.511),
    "photo": (0.952, 0.952, 0.907),
    "sketch": (0.347, 0.353, 0.297),
    "mean": (0.632, 0.634, 0.581),
}
HAM10000: Figures = {
    "rosendahl": (0.285, 0.204, 0.250),
    "vidir_modern": (0.354, 0.281, 0.302),
    "vidir_molemax": (0.362, 0.150, 0.302),
    "vienna_dias": (0.493, 0.238, 0.396),
    "mean": (0.373, 0.218, 0.312),
}


def figures(pool: Pool) -> Figures:
    report = leave_one_domain_out(pool.snapshot(), SelectionOptions(k=7))
    measured = {one.domain: (one.accuracy, one.macro_accuracy, one.precision) for one in report.domains}
    return {**measured, "mean": (report.accuracy, report.macro_accuracy, report.precision)}


def assert_close(measured: Figures, expected: Figures) -> None:
    assert measured.keys() == expected.keys()
    for domain, numbers in expected.items():
        assert measured[domain] == pytest.approx(numbers, abs=TOLERANCE), domain


def test_seven_neighbours_over_styles_come_out_as_measured(pacs_pool: Pool) -> None:
    assert_close(figures(pacs_pool), PACS)


def test_seven_neighbours_over_clinics_come_out_as_measured(ham10000_pool: Pool) -> None:
    assert_close(figures(ham10000_pool), HAM10000)
