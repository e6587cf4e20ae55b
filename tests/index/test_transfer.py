"""Moving pools: nothing is lost on the way, and nothing in an export is believed."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.decode import decode
from index.intake import take_in
from index.pools import Pools
from index.sources import Record, open_source
from index.sources.export_format import table_schema
from index.transfer import export_pool, import_pool
from invariantselect.errors import (
    EncoderUnavailableError,
    ImageNotFoundError,
    ImageUnreadableError,
    InvalidRequestError,
    InvalidVectorError,
    ManifestInvalidError,
    PoolExistsError,
    PoolNotFoundError,
    StoreCorruptError,
)
from tests.encoders.pictures import encoded, scene
from tests.fakes.pixel_encoder import PixelEncoder
from tests.index.sources.files import png

ENCODER = PixelEncoder()


def make(pools, name="pool"):
    identity = ENCODER.identity
    return pools.create(name, identity.name, identity.fingerprint, identity.dim)


def record(id, image, label="x", **rest):
    return Record(id, label, lambda: image, id, **rest)


@pytest.fixture
def pools(tmp_path):
    with Pools(tmp_path / "data") as pools:
        yield pools


@pytest.fixture
def pool(pools):
    pool = make(pools)
    take_in(pool, ENCODER, [record(f"d/{number}.png", png(number), group=str(number % 3)) for number in range(9)])
    return pool


@pytest.fixture
def export(pool, tmp_path):
    export_pool(pool, tmp_path / "out")
    return tmp_path / "out"


def contents(pool):
    """Everything that a pool knows, types included, in the order of its rows."""
    snapshot = pool.snapshot()
    found = []
    for position in np.flatnonzero(snapshot.alive).tolist():
        each = snapshot.demonstration(position)
        metadata = {name: (type(value), value) for name, value in each.metadata.items()}
        vector = snapshot.vectors(np.array([position]))[0].tobytes()
        words = (each.id, each.label, each.domain, each.group, metadata, each.sha256, each.media_type)
        found.append((*words, each.width, each.height, pool.image(each.id).content, vector))
    return found


def loader(name):
    assert name == ENCODER.identity.name
    return ENCODER


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
        report = take_in(pool, ENCODER, [record(id, images[n], **words) for id, (words, n) in demonstrations.items()])
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
    take_in(pool, ENCODER, [record("d/2.png", png(77))])
    assert export_pool(pool, tmp_path / "out") == 7
    import_pool(pools, tmp_path / "out", "copy", loader)
    assert contents(pools.open("copy")) == contents(pool)


def test_an_image_used_twice_is_written_once_and_an_empty_pool_moves_too(pools, tmp_path):
    pool = make(pools)
    export_pool(pool, tmp_path / "empty")
    assert import_pool(pools, tmp_path / "empty", "copy", loader).created == 0
    take_in(pool, ENCODER, [record("a", png(1)), record("b", png(1))])
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
    assert (report := take_in(pool, ENCODER, source)).created == 9
    assert report.encoded == 0
    assert take_in(pool, ENCODER, source).unchanged == 9


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
        take_in(pool, ENCODER, [record("d/5.png", png(55)), record("late", png(56))])
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


# ── hostile exports ──────────────────────────────────────────────────────────────────────────────────────────────


def rewrite(export, **changes):
    """Change columns of the table: name → function of the list of values."""
    path = export / "demonstrations.parquet"
    table = pq.read_table(path)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    for name, change in changes.items():
        columns[name] = change(columns[name])
    fields = [field.with_nullable(True) for field in table.schema]
    pq.write_table(pa.table(columns, schema=pa.schema(fields)), path)


def first(value):
    return lambda values: [value, *values[1:]]


def only_failure(pools, export):
    report = import_pool(pools, export, "copy", loader)
    assert (report.created, len(report.failed)) == (8, 1)
    assert all(not str(path).endswith(".tmp") for path in export.rglob("*"))
    return report.failed[0].error


@pytest.mark.parametrize(
    "value", ["../../../etc/passwd", "/etc/passwd", "", None, "A" * 64, "f" * 63, "f" * 64 + "/..", "f" * 63 + "\n"]
)
def test_an_image_is_never_looked_for_outside_the_export(pools, export, value):
    rewrite(export, image_sha256=first(value))
    assert isinstance(only_failure(pools, export), ManifestInvalidError)


@pytest.mark.parametrize("value", ["../png", "image/svg+xml", "", None])
def test_a_media_type_is_one_of_those_we_know(pools, export, value):
    rewrite(export, media_type=first(value))
    assert isinstance(only_failure(pools, export), ManifestInvalidError)


@pytest.mark.parametrize("column", ["id", "label", "metadata", "vector"])
def test_a_missing_value_fails_its_row(pools, export, column):
    rewrite(export, **{column: first(None)})
    only_failure(pools, export)


@pytest.mark.parametrize("value", ["", "[]", "{", '{"a": NaN}', '{"a": [1]}', '{"a": 1, "a": 2}', "[" * 100_000])
def test_metadata_is_a_flat_object(pools, export, value):
    rewrite(export, metadata=first(value))
    only_failure(pools, export)


@pytest.mark.parametrize(
    "value", [[float("nan")] * 16, [float("inf")] * 16, [0.0] * 16, [1.0] * 16, [None] * 16, [3e38] * 16]
)
def test_a_vector_is_finite_and_of_length_one(pools, export, value):
    rewrite(export, vector=first(value))
    assert isinstance(only_failure(pools, export), InvalidVectorError)


def test_an_image_with_other_content_than_its_name_says_is_refused(pools, export):
    image = min((export / "images").iterdir())
    image.write_bytes(png(1000))
    assert isinstance(only_failure(pools, export), ImageUnreadableError)


def test_an_image_that_is_a_link_out_of_the_export_is_refused(pools, export, tmp_path):
    image = min((export / "images").iterdir())
    image.rename(tmp_path / "moved")
    image.symlink_to(tmp_path / "moved")
    assert isinstance(only_failure(pools, export), ImageNotFoundError)


def test_a_missing_image_fails_its_row(pools, export):
    min((export / "images").iterdir()).unlink()
    assert isinstance(only_failure(pools, export), ImageNotFoundError)


def test_what_is_no_image_is_refused_although_its_hash_is_right(pools, export):
    sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    (export / f"images/{sha256}.png").write_bytes(b"hello")
    rewrite(export, image_sha256=first(sha256))
    only_failure(pools, export)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"}, {"format_version": 2}, {"dim": 0}, {"dim": 17}, {"dim": 10**9}, {"fingerprint": "x"},
        {"name": "../up"}, {"demonstrations": 8}, {"demonstrations": -1}, {"encoder": ""}, {"surprise": 1},
    ],
)  # fmt: skip
def test_a_header_that_lies_refuses_the_export(pools, export, change):
    header = json.loads((export / "pool.json").read_text())
    (export / "pool.json").write_text(json.dumps({**header, **change}))
    with pytest.raises(ManifestInvalidError):
        import_pool(pools, export, "copy", loader)
    assert [pool.name for pool in pools.list()] == ["pool"]


@pytest.mark.parametrize("name", ["pool.json", "demonstrations.parquet"])
@pytest.mark.parametrize("damage", ["absent", "empty", "noise", "huge", "link"])
def test_a_damaged_export_is_refused(pools, export, tmp_path, name, damage):
    path = export / name
    if damage == "link":
        shutil.move(path, tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.unlink()
    if damage in ("empty", "noise", "huge"):
        path.write_bytes({"empty": b"", "noise": b"\xff" * 100, "huge": b" " * 10**6}[damage])
    with pytest.raises(ManifestInvalidError):
        import_pool(pools, export, "copy", loader)


def test_a_table_with_other_columns_is_refused(pools, export):
    path = export / "demonstrations.parquet"
    table = pq.read_table(path)
    for other in (table.drop_columns(["label"]), table.append_column("path", table.column("id"))):
        pq.write_table(other, path)
        with pytest.raises(ManifestInvalidError, match="columns"):
            import_pool(pools, export, "copy", loader)


def test_a_damaged_part_of_the_table_costs_the_rest_and_is_told(pools, pool, tmp_path, monkeypatch):
    monkeypatch.setattr("index.transfer._ROWS_AT_ONCE", 4)
    monkeypatch.setattr("index.sources.export._ROWS_AT_ONCE", 4)
    export_pool(pool, tmp_path / "out")
    path = tmp_path / "out/demonstrations.parquet"
    content = bytearray(path.read_bytes())
    begin = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[begin : begin + 50] = b"\xff" * 50
    path.write_bytes(content)
    report = import_pool(pools, tmp_path / "out", "copy", loader)
    assert report.created == 4
    (failure,) = report.failed
    assert failure.where == "demonstrations.parquet rows 5–9"
