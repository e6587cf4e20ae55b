"""Nothing in an export is believed."""

from __future__ import annotations

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from index.transfer import export_pool, import_pool
from invariantselect.errors import (
    ImageNotFoundError,
    ImageUnreadableError,
    InvalidVectorError,
    ManifestInvalidError,
)
from tests.index.sources.files import png
from tests.index.transfer.pools import loader


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
