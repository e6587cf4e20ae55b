from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from evaluation.statistics.demonstrations import cross_domain_share, label_entropy


@given(st.text("abcd", min_size=1, max_size=12))
def test_entropy_is_scipys_in_bits(labels: str) -> None:
    found = label_entropy(list(labels))
    assert found == pytest.approx(entropy(list(Counter(labels).values()), base=2), abs=1e-12)
    assert str(found) != "-0.0"


def test_entropy_of_one_label_and_of_four() -> None:
    assert (label_entropy(["a"] * 5), label_entropy(list("abcd")), label_entropy([])) == (0.0, 2.0, None)


def test_cross_domain_share_counts_what_is_known() -> None:
    assert cross_domain_share("art", ["art", "photo", None, "sketch"]) == pytest.approx(2 / 3)
    assert cross_domain_share(None, ["art"]) is None
    assert cross_domain_share("art", [None]) is None
    assert cross_domain_share("art", []) is None
