"""Manifests: what their columns mean, and what becomes of bad rows."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from index.sources import open_source
from index.sources.text_lines import MAX_LINE
from invariantselect.errors import ImageNotFoundError, ImageUnreadableError, ManifestInvalidError
from tests.index.sources.files import ignored, png, put, records, rejected


def csv(tmp_path, content, name="m.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_source(path)


def jsonl(tmp_path, *lines, name="m.jsonl"):
    return csv(tmp_path, "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), name)


def parquet(tmp_path, table, **options):
    pq.write_table(pa.table(table), tmp_path / "m.parquet", **options)
    return open_source(tmp_path / "m.parquet")


ROW = {"image": "a.png", "label": "dog"}


def test_each_column_lands_where_it_belongs(tmp_path):
    put(tmp_path, "images/a.png")
    head, row = "image,label,id,domain,group,split,age", "images/a.png,dog,one,photo,patient-1,train,54"
    (record,) = records(csv(tmp_path, f"{head}\n{row}\n"))
    assert (record.id, record.label, record.domain, record.group) == ("one", "dog", "photo", "patient-1")
    assert record.metadata == {"split": "train", "age": "54"}
    assert record.read() == png(0)
    assert record.where == "m.csv line 2"


def test_the_path_of_the_image_is_the_id_where_none_is_given(tmp_path):
    source = csv(tmp_path, "image,label,id\na.png,dog,\nb/c.png,cat,x\n")
    assert [record.id for record in records(source)] == ["a.png", "x"]


def test_csv_values_stay_text_and_empty_cells_are_missing(tmp_path):
    source = csv(tmp_path, "image,label,domain,age,weight,flag\na.png,007,,054,1.50,true\nb.png, dog ,d,,,\n")
    first, second = records(source)
    assert (first.label, first.domain, first.metadata) == (
        "007",
        None,
        {"age": "054", "weight": "1.50", "flag": "true"},
    )
    assert (second.label, second.domain, second.metadata) == (" dog ", "d", {})


def test_typed_manifests_keep_their_types(tmp_path):
    values = {"age": 54, "weight": 1.0, "flag": True, "note": "54"}
    (from_jsonl,) = records(jsonl(tmp_path, {**ROW, **values, "gone": None}))
    (from_parquet,) = records(parquet(tmp_path, {name: [value] for name, value in {**ROW, **values}.items()}))
    for metadata in (dict(from_jsonl.metadata), from_parquet.metadata):
        assert {name: (type(metadata[name]), metadata[name]) for name in values} == {
            name: (type(value), value) for name, value in values.items()
        }
    assert from_jsonl.metadata["gone"] is None


def test_whole_numbers_become_words_and_floats_do_not(tmp_path):
    source = jsonl(tmp_path, {**ROW, "label": 3, "group": 17, "id": 5}, {**ROW, "label": 3.0}, {**ROW, "label": True})
    (record,) = records(source)
    assert (record.id, record.label, record.group) == ("5", "3", "17")
    assert "3.0" in rejected(source)["m.jsonl line 2"]
    assert "True" in rejected(source)["m.jsonl line 3"]
    (record,) = records(parquet(tmp_path, {"image": ["a.png"], "label": pa.array([3], pa.int8())}))
    assert record.label == "3"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_byte_order_marks_and_line_ends_do_not_matter(tmp_path, mark, line_end):
    source = csv(tmp_path, mark + f"image,label{line_end}a.png,dög{line_end}{line_end}b.png,cat".encode())
    assert [(record.id, record.label) for record in records(source)] == [("a.png", "dög"), ("b.png", "cat")]
    lines = line_end.join(['{"image":"a.png","label":"dög"}', "", '{"image":"b.png","label":"cat"}'])
    source = csv(tmp_path, mark + lines.encode(), "m.jsonl")
    assert [(record.id, record.label) for record in records(source)] == [("a.png", "dög"), ("b.png", "cat")]
    assert source.total == 2


def test_quoted_cells_may_hold_commas_quotes_and_lines(tmp_path):
    source = csv(tmp_path, 'image,label,note\n"a,1.png",dog,"say ""hi""\nand go"\nb.png,cat,x\n')
    first, second = records(source)
    assert (first.id, first.metadata["note"]) == ("a,1.png", 'say "hi"\nand go')
    assert (second.id, second.where) == ("b.png", "m.csv line 4")


def test_broken_rows_are_named_by_line_and_the_rest_goes_on(tmp_path):
    content = (
        b"image,label\na.png,dog\nb.png\nc.png,cat,extra\n\xff\xfe.png,dog\n,dog\nd.png,\n"
        b'e.png,"dog"x\n' + b"f.png," + b"l" * 200_000 + b"\n" + b"g.png," + b"l" * (MAX_LINE + 1) + b"\nlast.png,dog\n"
    )
    source = csv(tmp_path, content)
    assert [record.id for record in records(source)] == ["a.png", "last.png"]
    reasons = rejected(source)
    assert list(reasons) == [f"m.csv line {number}" for number in range(3, 11)]
    for number, words in {3: "1 cells", 4: "3 cells", 5: "UTF-8", 6: "image is missing", 7: "label is missing"}.items():
        assert words in reasons[f"m.csv line {number}"]
    for number, words in {8: "expected after", 9: "field limit", 10: "longer than"}.items():
        assert words in reasons[f"m.csv line {number}"]
    assert source.total == 10


def test_a_quote_that_is_never_closed_costs_the_lines_it_swallows_and_no_more(tmp_path):
    rows = "".join(f"{number}.png,{'l' * 100}\n" for number in range(3000))
    source = csv(tmp_path, f'image,label\nx.png,"open\n{rows}')
    taken = records(source)
    (where,) = [where for where in rejected(source) if "–" in where]
    swallowed = int(where.split("–")[1]) - 1
    assert where.startswith("m.csv line 2–")
    assert 1000 < len(taken) == 3000 - swallowed + 1
    source = csv(tmp_path, 'image,label\na.png,dog\nx.png,"open\ny.png,dog\n')
    assert [record.id for record in records(source)] == ["a.png"]
    assert list(rejected(source)) == ["m.csv line 3–4"]


def test_bad_json_lines_are_named_and_the_rest_goes_on(tmp_path):
    source = jsonl(
        tmp_path,
        ROW,
        "{broken",
        "[1, 2]",
        '{"image": "b.png", "label": "x", "age": NaN}',
        '{"image": "b.png", "label": "x", "age": 1e999}',
        '{"image": "b.png", "label": "x", "label": "y"}',
        '{"image": "b.png", "label": "x", "box": [1, 2]}',
        "[" * 200_000,
        '{"image": "b.png", "label": ""}',
        '{"label": "x"}',
        '{"image": 5, "label": "x"}',
        '{"image": "\\ud800.png", "label": "x"}',
        '{"image": "b.png", "label": "x", "age": ' + "9" * 5000 + "}",
        {"image": "z.png", "label": "last", "big": 2**63},
    )
    assert [record.id for record in records(source)] == ["a.png", "z.png"]
    reasons = rejected(source)
    assert list(reasons) == [f"m.jsonl line {number}" for number in range(2, 14)]
    wanted = {4: "NaN", 5: "finite", 6: "twice", 7: "box", 9: "label", 10: "image is missing", 11: "not a path"}
    for number, words in wanted.items():
        assert words in reasons[f"m.jsonl line {number}"]


def test_nan_in_parquet_is_named_and_null_is_missing(tmp_path):
    table = {"image": ["a.png", "b.png", "c.png"], "label": ["x", "y", None], "age": [None, float("nan"), 1.0]}
    source = parquet(tmp_path, {**table, "age": pa.array([None, float("nan"), 1.0])})
    (record,) = records(source)
    assert (record.id, record.metadata) == ("a.png", {})
    assert "age" in rejected(source)["m.parquet row 2"]
    assert "label is missing" in rejected(source)["m.parquet row 3"]


def test_columns_that_cannot_be_metadata_are_named_once(tmp_path):
    table = {**{name: [value] for name, value in ROW.items()}, "box": [[1, 2]], "raw": [b"x"]}
    source = parquet(tmp_path, table)
    assert set(ignored(source)) == {"m.parquet column box", "m.parquet column raw"}
    assert source.total == len(records(source)) == 1


def test_a_damaged_row_group_costs_its_rows_and_no_others(tmp_path):
    names = [f"{number}.png" for number in range(300)]
    path = tmp_path / "m.parquet"
    pq.write_table(
        pa.table({"image": names, "label": ["x"] * 300}), path, row_group_size=100, compression="none",
        use_dictionary=False, write_page_checksum=False,
    )  # fmt: skip
    content = bytearray(path.read_bytes())
    offset = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[offset : offset + 400] = b"\xff" * 400
    path.write_bytes(content)
    source = open_source(path)
    assert [record.id for record in records(source)] == names[:100] + names[200:]
    assert list(rejected(source)) == ["m.parquet rows 101–200"]


@pytest.mark.parametrize(
    "image",
    ["/etc/passwd", "../outside.png", "a/../../outside.png", "link.png", "https://example.org/a.png", ".", "no.png"],
)
def test_paths_never_leave_the_folder_of_the_manifest(tmp_path, image):
    root = tmp_path / "root"
    root.mkdir()
    put(tmp_path, "outside.png")
    (root / "link.png").symlink_to("../outside.png")
    (record,) = records(jsonl(root, {"image": image, "label": "x"}))
    with pytest.raises((ImageNotFoundError, ImageUnreadableError)):
        record.read()


def test_a_null_in_a_path_is_refused(tmp_path):
    source = jsonl(tmp_path, {"image": "a\0.png", "label": "x", "id": "fine"})
    (record,) = records(source)
    with pytest.raises(ImageNotFoundError):
        record.read()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.csv", b"", "no column image and no column label"),
        ("m.csv", b"image;label\na.png;dog\n", "no column"),
        ("m.csv", b"image,labels\n", "no column label; found 'image', 'labels'"),
        ("m.csv", b"image,label,label\n", "twice"),
        ("m.csv", b"image,label,\n", "without a name"),
        ("m.csv", "image,label\n".encode("utf-16"), "UTF-16"),
        ("m.csv", b"\x89PNG\r\n\x1a\n\xff", "UTF-8"),
        ("m.csv", b"i" * (MAX_LINE + 5), "longer"),
        ("m.jsonl", b"", "empty"),
        ("m.jsonl", b"nonsense\nmore\n", "line 1"),
        ("m.jsonl", b'["image", "label"]\n', "not an object"),
        ("m.parquet", b"PAR1 not really PAR1", "Parquet"),
        ("m.parquet", b"", "Parquet"),
    ],
)
def test_a_manifest_that_is_none_is_refused_as_a_whole(tmp_path, name, content, words):
    with pytest.raises(ManifestInvalidError, match=words):
        csv(tmp_path, content, name)


def test_semicolons_get_a_hint(tmp_path):
    with pytest.raises(ManifestInvalidError) as caught:
        csv(tmp_path, "image;label\na.png;dog\n")
    assert "commas" in caught.value.hint


def test_parquet_without_usable_columns_is_refused(tmp_path):
    with pytest.raises(ManifestInvalidError, match="no column label"):
        parquet(tmp_path, {"image": ["a.png"]})
    with pytest.raises(ManifestInvalidError, match="no column image"):
        parquet(tmp_path, {"image": [{"bytes": b"x"}], "label": ["a"]})


def test_reading_again_gives_the_same(tmp_path):
    source = csv(tmp_path, "image,label\na.png,dog\nb.png,cat\n")
    assert [record.id for record in records(source)] == [record.id for record in records(source)]
