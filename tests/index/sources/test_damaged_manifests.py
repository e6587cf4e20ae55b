"""Manifests damaged at random places: rows, rejections or one refusal, and nothing else."""

from __future__ import annotations

import csv
import json
import tempfile
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.sources import Ignored, open_source
from index.sources.record import Rejected
from index.sources.text_lines import MAX_LINE
from invariantselect.errors import ManifestInvalidError
from tests.index.sources.published import camelyon17, ham10000

ROWS = [{"image": f"{n}.png", "label": "dög", "age": n, "weight": n / 2, "note": 'a "q",\nx'} for n in range(60)]


def sound(path: Path) -> bytes:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=20)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in ROWS))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ROWS[0].keys())
            writer.writeheader()
            writer.writerows(ROWS)
    return path.read_bytes()


PATCHES = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 20),
        st.binary(max_size=12) | st.text('"\n\r,{}[]\\0', max_size=8).map(str.encode),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@settings(max_examples=50, deadline=None)
@given(patches=PATCHES)
def test_damage_never_gets_past_our_errors(suffix, patches):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"m{suffix}"
        content = bytearray(sound(path))
        for place, removed, added in patches:
            at = int(place * len(content))
            content[at : at + removed] = added
        path.write_bytes(content)
        try:
            source = open_source(path)
        except ManifestInvalidError:
            return
        items = [item for item in source if not isinstance(item, Ignored)]
        assert all(item.where.startswith("m.") for item in items)
        if suffix != ".parquet":  # its footer may lie about the rows, but only by damage
            assert source.total == len(items)


@pytest.mark.parametrize("publish", [camelyon17, ham10000])
@settings(max_examples=50, deadline=None)
@given(patches=PATCHES)
def test_damage_of_a_published_table_never_gets_past_our_errors(publish, patches):
    with tempfile.TemporaryDirectory() as folder:
        root = publish(Path(folder))
        name = "metadata.csv" if publish is camelyon17 else "HAM10000_metadata"
        content = bytearray((root / name).read_bytes())
        for place, removed, added in patches:
            at = int(place * len(content))
            content[at : at + removed] = added
        (root / name).write_bytes(content)
        format = "camelyon17" if publish is camelyon17 else "ham10000"
        try:
            source = open_source(root, format=format)
        except ManifestInvalidError:
            return
        items = [item for item in source if not isinstance(item, Ignored)]
        assert all(item.where.startswith(name) for item in items)
        assert source.total == len(items)


def test_a_small_file_of_long_texts_takes_little_memory(tmp_path: Path) -> None:
    long = "x" * (MAX_LINE + 1)
    table = pa.table({"image": [f"{number}.png" for number in range(600)], "label": ["a"] * 300 + [long] * 300})
    pq.write_table(table, tmp_path / "manifest.parquet", compression="zstd", row_group_size=300)
    assert (tmp_path / "manifest.parquet").stat().st_size < 20_000
    tracemalloc.start()
    allocated = pa.total_allocated_bytes()
    items = []
    for item in open_source(tmp_path / "manifest.parquet"):
        items.append(item)
        assert pa.total_allocated_bytes() - allocated < 16 * MAX_LINE
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * MAX_LINE
    assert [isinstance(item, Rejected) for item in items] == [False] * 300 + [True] * 300
    assert f"row 600 can't be used: the text in the column label has {MAX_LINE + 1} bytes" in str(items[-1].error)


def test_a_long_text_costs_its_own_row_alone(tmp_path: Path) -> None:
    labels = ["a", "x" * (MAX_LINE + 1), "b", None, "x" * MAX_LINE]
    pq.write_table(pa.table({"image": ["i.png"] * 5, "label": ["a"] * 5, "note": labels}), tmp_path / "m.parquet")
    items = [*open_source(tmp_path / "m.parquet")]
    assert [isinstance(item, Rejected) and "column note" in str(item.error) for item in items][:4] == [
        False,
        True,
        False,
        False,
    ]
    assert len(items) == 5
