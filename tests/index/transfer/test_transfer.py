"""Moving pools: nothing is lost on the way, and what fails leaves nothing behind."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.decode import decode
from index.intake import take_in
from index.pools import Pools
from index.sources import open_source
from index.sources.export_format import table_schema
from index.transfer import export_pool, import_pool
from invariantselect.errors import (
    EncoderUnavailableError,
    InvalidRequestError,
    PoolExistsError,
    PoolNotFoundError,
    StoreCorruptError,
)
from tests.encoders.pictures import encoded, scene
from tests.fakes.pixel_encoder import PixelEncoder
from tests.index.sources.files import png
from tests.index.transfer.pools import ENCODER, contents, loader, make, record


def text(most):
    letters = st.characters(exclude_categories=["Cs"], exclude_characters=[*map(chr, range(32)), "\x7f"])
    return st.text(letters, min_size=1, max_size=most)


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), text(20)
)
WORDS = st.fixed_dictionaries(
    {
        "label": text(256),
        "domain": st.none() | text(20),
        "group": st.none() | text(20),
        "metadata": st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=10), SCALARS, max_size=6
        ),
    }
)
FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(text(40) | st.just("a/../b\\c") | st.just("../x"), st.tuples(WORDS, st.integers(0, 8)), max_size=8)
)
def test_nothing_is_lost_between_export_and_import(demonstrations):
    with tempfile.TemporaryDirectory() as folder, Pools(Path(folder) / "data") as pools:
        pool = make(pools)
        images = [encoded(scene(8 + number, 6), format) for number, format in enumerate([*FORMATS, "PNG", "JPEG"])]
        report = take_in(pool, [ENCODER], [record(id, images[n], **words) for id, (words, n) in demonstrations.items()])
        assert report.created == len(demonstrations)
        out = Path(folder) / "out"
        assert export_pool(pool, out) == len(demonstrations)
        report = import_pool(pools, out, "copy", loader)
        assert (report.created, report.encoded, report.failed) == (len(demonstrations), 0, [])
        copy = pools.open("copy")
        assert contents(copy) == contents(pool)
        assert (copy.encoder, copy.fingerprint, copy.dim) == (pool.encoder, pool.fingerprint, pool.dim)


def test_an_export_is_a_table_that_others_read_and_images_named_by_content(pool, export):
    table = pq.read_table(export / "demonstrations.parquet")
    assert table.schema.equals(table_schema(pool.dim))
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == [f"d/{number}.png" for number in range(9)]
    for number, row in enumerate(rows):
        assert (export / "images" / f"{row['image_sha256']}.png").read_bytes() == png(number)
        assert (row["group"], row["domain"], row["metadata"]) == (str(number % 3), None, "{}")
        np.testing.assert_array_equal(np.float32(row["vector"]), ENCODER.encode([decode(png(number))])[0])
    header = json.loads((export / "pool.json").read_text())
    assert (header["name"], header["demonstrations"], header["dim"]) == ("pool", 9, 16)
    assert datetime.fromisoformat(header["exported_at"]) >= datetime.fromisoformat(header["created_at"])
    assert {path.name for path in export.iterdir()} == {"pool.json", "demonstrations.parquet", "images"}


def test_deleted_and_relabelled_demonstrations_are_exported_as_they_are(pool, pools, tmp_path):
    pool.seal()
    pool.delete(["d/0.png", "d/5.png"])
    pool.patch({"d/1.png": {"label": "new", "group": None}})
    take_in(pool, [ENCODER], [record("d/2.png", png(77))])
    assert export_pool(pool, tmp_path / "out") == 7
    import_pool(pools, tmp_path / "out", "copy", loader)
    assert contents(pools.open("copy")) == contents(pool)


def test_an_image_used_twice_is_written_once_and_an_empty_pool_moves_too(pools, tmp_path):
    pool = make(pools)
    export_pool(pool, tmp_path / "empty")
    assert import_pool(pools, tmp_path / "empty", "copy", loader).created == 0
    take_in(pool, [ENCODER], [record("a", png(1)), record("b", png(1))])
    export_pool(pool, tmp_path / "out")
    assert len(list((tmp_path / "out/images").iterdir())) == 1
    assert import_pool(pools, tmp_path / "out", "twice", loader).created == 2


def test_a_large_pool_is_written_in_several_row_groups_with_progress(pools, pool, tmp_path, monkeypatch):
    monkeypatch.setattr("index.transfer._ROWS_AT_ONCE", 4)
    told = []
    assert export_pool(pool, tmp_path / "out", progress=lambda *numbers: told.append(numbers)) == 9
    assert told == [(4, 9), (8, 9), (9, 9)]
    assert pq.ParquetFile(tmp_path / "out/demonstrations.parquet").num_row_groups == 3
    told.clear()
    assert import_pool(pools, tmp_path / "out", "copy", loader, progress=lambda *n: told.append(n)).created == 9
    assert told[-1] == (9, 9, 0, 0)


def test_with_another_encoder_the_images_are_encoded_again(pools, pool, export):
    other = PixelEncoder(seed=1)
    report = import_pool(pools, export, "copy", lambda _: other)
    assert (report.created, report.encoded) == (9, 9)
    copy = pools.open("copy")
    assert copy.fingerprint == other.identity.fingerprint
    np.testing.assert_array_equal(copy.vector_of("d/3.png"), other.encode([decode(png(3))])[0])


def test_an_export_is_a_source_for_an_ingest_too_and_its_vectors_spare_the_encoder(pools, export):
    pool = make(pools, "other")
    source = open_source(export)
    assert source.total == 9
    assert (report := take_in(pool, [ENCODER], source)).created == 9
    assert report.encoded == 0
    assert take_in(pool, [ENCODER], source).unchanged == 9


# ── whole or absent ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("there", ["file", "folder"])
def test_an_export_overwrites_nothing(pool, tmp_path, there):
    target = tmp_path / "out"
    if there == "file":
        target.write_text("mine")
    else:
        target.mkdir()
        (target / "mine").write_text("mine")
    with pytest.raises(InvalidRequestError, match="already"):
        export_pool(pool, target)
    assert (target if there == "file" else target / "mine").read_text() == "mine"


def test_an_export_into_an_empty_or_missing_folder_is_fine(pool, tmp_path):
    (tmp_path / "empty").mkdir()
    assert export_pool(pool, tmp_path / "empty") == 9
    assert export_pool(pool, tmp_path / "a/b/c") == 9


def test_an_export_that_fails_leaves_nothing(pool, tmp_path):
    images = [path for path in (tmp_path / "data/blobs").rglob("*") if path.is_file()]
    images[4].write_bytes(b"altered")
    with pytest.raises(StoreCorruptError):
        export_pool(pool, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_a_folder_that_can_not_be_written_is_told(pool, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequestError, match="can't be written"):
        export_pool(pool, tmp_path / "file/out")


def test_an_import_that_fails_as_a_whole_makes_no_pool(pools, export):
    class Broken(PixelEncoder):
        def forward(self, batch):
            raise EncoderUnavailableError("the device is gone")

    with pytest.raises(EncoderUnavailableError):
        import_pool(pools, export, "copy", lambda _: Broken(seed=1))
    with pytest.raises(PoolNotFoundError):
        pools.open("copy")


def test_an_import_whose_pool_was_dropped_leaves_a_new_one_of_its_name_alone(pools, export):
    class Dropped(PixelEncoder):
        def forward(self, batch):
            with Pools(pools._data) as elsewhere:
                elsewhere.drop("copy")
                make(elsewhere, "copy")
            return super().forward(batch)

    with pytest.raises(PoolNotFoundError):
        import_pool(pools, export, "copy", lambda _: Dropped(seed=1))
    assert pools.open("copy").summary().demonstrations == 0


def test_an_import_never_writes_into_a_pool_that_exists(pools, pool, export):
    before = contents(pool)
    with pytest.raises(PoolExistsError):
        import_pool(pools, export, "pool", loader)
    assert contents(pool) == before


def test_writes_during_an_export_leave_each_row_true_to_itself(pools, pool, tmp_path):
    real = pool.image
    images = {f"d/{number}.png": png(number) for number in range(9)}

    def image(id):
        pool.image = real
        pool.delete(["d/3.png", "d/0.png"])
        take_in(pool, [ENCODER], [record("d/5.png", png(55)), record("late", png(56))])
        return real(id)

    pool.image = image
    images["d/5.png"] = png(55)
    assert export_pool(pool, tmp_path / "out") == 7
    import_pool(pools, tmp_path / "out", "copy", loader)
    copy = pools.open("copy")
    assert {row[0] for row in contents(copy)} == images.keys() - {"d/0.png", "d/3.png"}
    for id, *_, content, vector in contents(copy):
        assert content == images[id]
        assert vector == ENCODER.encode([decode(content)])[0].tobytes()
