"""Datasets saved by the real Hugging Face library."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from index.sources import open_source
from invariantselect.errors import DatasetUnsupportedError
from tests.index.sources.files import ignored, png, records, rejected

datasets = pytest.importorskip("datasets", reason="the extra 'datasets' is not installed")


def saved(path, columns, features, *, split=None):
    made = datasets.Dataset.from_dict(columns, features=datasets.Features(features), split=split)
    made.save_to_disk(str(path))
    return path


def images(count):
    return [{"bytes": png(number), "path": None} for number in range(count)]


def labelled(*names):
    return datasets.ClassLabel(names=list(names))


def test_class_labels_count_by_name_and_images_stay_as_they_are(tmp_path):
    path = saved(
        tmp_path / "d",
        {
            "image": images(2), "label": [1, 0], "domain": [0, 0],
            "age": [54, None], "w": [0.5, 1.5], "ok": [True, False],
        },
        {
            "image": datasets.Image(), "label": labelled("cat", "dog"), "domain": labelled("photo"),
            "age": datasets.Value("int32"), "w": datasets.Value("float64"), "ok": datasets.Value("bool"),
        },
        split="train",
    )  # fmt: skip
    source = open_source(path)
    first, second = records(source)
    assert (first.id, first.label, first.domain) == ("0", "dog", "photo")
    assert first.metadata == {"age": 54, "w": 0.5, "ok": True, "split": "train"}
    assert (second.label, second.metadata) == ("cat", {"w": 1.5, "ok": False, "split": "train"})
    assert [record.read() for record in (first, second)] == [png(0), png(1)]
    assert source.total == 2


def test_a_dictionary_of_datasets_is_read_split_by_split(tmp_path):
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    parts = {
        name: datasets.Dataset.from_dict({"image": images(count), "label": ["x"] * count}, features=features)
        for name, count in (("train", 2), ("test", 1))
    }
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "d"))
    source = open_source(tmp_path / "d")
    assert [record.id for record in records(source)] == ["train/0", "train/1", "test/0"]
    assert [record.metadata["split"] for record in records(source)] == ["train", "train", "test"]
    assert source.total == 3


def test_the_only_image_and_the_only_class_label_are_found_by_their_kind(tmp_path):
    path = saved(tmp_path / "d", {"img": images(1), "fine": [0]}, {"img": datasets.Image(), "fine": labelled("oak")})
    (record,) = records(open_source(path))
    assert (record.label, record.metadata) == ("oak", {})


def test_own_ids_groups_and_whole_numbers_are_used(tmp_path):
    path = saved(
        tmp_path / "d",
        {"image": images(1), "label": [3], "id": ["a/b"], "group": [17]},
        {
            "image": datasets.Image(), "label": datasets.Value("int64"),
            "id": datasets.Value("string"), "group": datasets.Value("int64"),
        },
    )  # fmt: skip
    (record,) = records(open_source(path))
    assert (record.id, record.label, record.group) == ("a/b", "3", "17")


def test_pictures_given_as_objects_are_read_too(tmp_path):
    picture = Image.open(io.BytesIO(png(0)))
    path = saved(
        tmp_path / "d",
        {"image": [picture], "label": ["x"]},
        {"image": datasets.Image(), "label": datasets.Value("string")},
    )
    (record,) = records(open_source(path))
    assert Image.open(io.BytesIO(record.read())).size == (8, 6)


def test_rows_without_an_image_or_label_are_rejected_by_number(tmp_path):
    rows = [*images(2), None, {"bytes": None, "path": "/etc/passwd"}]
    features = {"image": datasets.Image(), "label": labelled("a"), "box": datasets.List(datasets.Value("int32"))}
    table = pa.table(
        {
            "image": pa.array(rows, pa.struct({"bytes": pa.binary(), "path": pa.string()})),
            "label": [0, None, 0, 0],
            "box": [[1], [2], [3], [4]],
        }
    )
    dataset = datasets.Dataset(table.cast(datasets.Features(features).arrow_schema))
    state = saved(tmp_path / "d", {"image": images(1), "label": [0], "box": [[1]]}, features)
    (file,) = state.glob("*.arrow")
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, dataset.data.table.schema) as writer:
        writer.write_table(dataset.data.table)
    source = open_source(state)
    assert [record.id for record in records(source)] == ["0"]
    reasons = rejected(source)
    assert list(reasons) == ["row 1", "row 2", "row 3"]
    assert "label is missing" in reasons["row 1"]
    assert "no image of its own" in reasons["row 3"]
    assert list(ignored(source)) == ["dataset column box"]


@pytest.mark.parametrize(
    ("columns", "features"),
    [
        ({"label": [0]}, {"label": datasets.Value("int64")}),
        ({"image": ["a.png"], "label": ["x"]}, {"image": datasets.Value("string"), "label": datasets.Value("string")}),
        ({"image": images(1), "text": ["x"]}, {"image": datasets.Image(), "text": datasets.Value("string")}),
    ],
)
def test_a_dataset_without_images_or_labels_is_refused(tmp_path, columns, features):
    with pytest.raises(DatasetUnsupportedError, match="no column"):
        open_source(saved(tmp_path / "d", columns, features))


def simple(tmp_path):
    return saved(
        tmp_path / "d",
        {"image": images(1), "label": ["x"]},
        {"image": datasets.Image(), "label": datasets.Value("string")},
    )


@pytest.mark.parametrize("name", ["../elsewhere.arrow", "/etc/passwd", "..", ""])
def test_files_elsewhere_are_not_opened(tmp_path, name):
    path = simple(tmp_path)
    state = json.loads((path / "state.json").read_text())
    state["_data_files"] = [{"filename": name}]
    (path / "state.json").write_text(json.dumps(state))
    with pytest.raises(DatasetUnsupportedError, match="its own folder"):
        open_source(path)


def test_splits_elsewhere_are_not_opened(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/dataset_dict.json").write_text('{"splits": ["../../etc"]}')
    with pytest.raises(DatasetUnsupportedError, match="its own folder"):
        open_source(tmp_path / "d")


@pytest.mark.parametrize("file", ["state.json", "dataset_info.json", "data-00000-of-00001.arrow"])
@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff" * 50])
def test_a_damaged_dataset_is_refused_with_our_error(tmp_path, file, content):
    path = simple(tmp_path)
    (path / file).write_bytes(content)
    with pytest.raises(DatasetUnsupportedError):
        open_source(path)


def test_text_that_is_no_text_costs_its_rows_and_no_others(tmp_path):
    features = {"image": datasets.Image(), "label": datasets.Value("string")}
    path = saved(tmp_path / "d", {"image": images(40), "label": ["x"] * 39 + ["unique"]}, features)
    (file,) = path.glob("*.arrow")
    file.write_bytes(file.read_bytes().replace(b"unique", b"\xff\xff\xff\xff\xff\xff"))
    source = open_source(path)
    assert len(records(source)) == 32
    assert list(rejected(source)) == ["rows 32–39 of dataset"]


def test_lengths_that_lie_are_refused_and_never_followed_out_of_memory(tmp_path):
    features = {"image": datasets.Image(), "label": datasets.Value("string")}
    path = saved(tmp_path / "d", {"image": images(70), "label": ["x"] * 70}, features)
    (file,) = path.glob("*.arrow")
    lengths = np.cumsum([0, *(len(each["bytes"]) for each in images(70))]).astype("<i4").tobytes()
    content = file.read_bytes()
    assert content.count(lengths) == 1
    at = content.index(lengths) + 4 * 40
    file.write_bytes(content[:at] + b"\xff\xff\xff\x7f" + content[at + 4 :])
    source = open_source(path)
    assert records(source) == []  # Arrow judges the lengths of a record batch as one
    assert list(rejected(source)) == [f"rows {rows} of dataset" for rows in ("0–31", "32–63", "64–69")]


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    path = simple(tmp_path)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DatasetUnsupportedError) as caught:
        open_source(path)
    assert "invariantselect-server[datasets]" in caught.value.hint
