"""A pool of nine pictures, and its export."""

from __future__ import annotations

import pytest

from index.intake import take_in
from index.pools import Pools
from index.transfer import export_pool
from tests.index.sources.files import png
from tests.index.transfer.pools import ENCODER, make, record


@pytest.fixture
def pools(tmp_path):
    with Pools(tmp_path / "data") as pools:
        yield pools


@pytest.fixture
def pool(pools):
    pool = make(pools)
    take_in(pool, [ENCODER], [record(f"d/{number}.png", png(number), group=str(number % 3)) for number in range(9)])
    return pool


@pytest.fixture
def export(pool, tmp_path):
    export_pool(pool, tmp_path / "out")
    return tmp_path / "out"
