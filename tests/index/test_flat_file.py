"""A flat file written block by block is, byte for byte, what FAISS itself would write."""

from __future__ import annotations

import hashlib
import tracemalloc

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.flat_file import FlatFile
from index.segments import open_segment, write_segment
from invariantselect.errors import CatalogUnavailableError


@given(
    dim=st.integers(1, 70),
    blocks=st.lists(st.integers(0, 40), max_size=6),
    off=st.sampled_from([0, 0, 1, -1, 1000]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_it_is_the_file_that_faiss_would_write(tmp_path_factory, dim, blocks, off, seed):
    folder = tmp_path_factory.mktemp("flat")
    vectors = np.random.default_rng(seed).standard_normal((sum(blocks), dim)).astype(np.float32)
    file = FlatFile(folder / "ours", dim, max(0, len(vectors) + off))
    for block in np.split(vectors, np.cumsum(blocks)):
        file.append(block)
    written = file.close()
    index = faiss.IndexFlatIP(dim)
    index.add(vectors)
    faiss.write_index(index, str(folder / "theirs"))
    content = (folder / "theirs").read_bytes()
    assert (folder / "ours").read_bytes() == content
    assert (written.count, written.sha256) == (len(vectors), hashlib.sha256(content).hexdigest())
    largest = max((float(np.linalg.norm(vector.astype(np.float64))) for vector in vectors), default=0.0)
    assert written.max_norm == pytest.approx(largest)


def test_a_segment_is_written_without_being_held_in_memory(tmp_path):
    dim, block, count = 64, 500, 40  # 5 MB in all, an eighth of a MB at once

    def parts():
        for number in range(count):
            rows = np.arange(number * block, (number + 1) * block)
            yield rows, np.full((block, dim), number, np.float32)

    tracemalloc.start()
    try:
        entry = write_segment(tmp_path, parts(), dim, expected=block * count)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < block * count * dim * 4 / 4
    segment = open_segment(tmp_path, entry, dim)
    assert segment.vectors(np.array([0, block * count - 1]))[:, 0].tolist() == [0, count - 1]


def test_what_breaks_off_leaves_no_file(tmp_path):
    def parts():
        yield np.arange(3), np.ones((3, 4), np.float32)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_segment(tmp_path, parts(), 4)
    assert write_segment(tmp_path, [], 4) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_as_such(tmp_path):
    with pytest.raises(CatalogUnavailableError, match="can't be written"):
        write_segment(tmp_path / "nowhere", [(np.arange(1), np.ones((1, 4), np.float32))], 4)
