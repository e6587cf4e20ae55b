"""Variants of fine-tuning from images on disk to the table; the real tower, two steps."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.quality import ablation, cached_activations, loop, sizes
from benchmarks.quality.ablation import PlainBatches
from benchmarks.quality.ablation_table import ablation_table
from benchmarks.quality.cell import Cell
from benchmarks.quality.options import Options
from benchmarks.quality.record import read_record, write_record
from benchmarks.quality.rows import CENTRED
from benchmarks.quality.sizes_table import loop_table, sizes_table
from benchmarks.quality.variants import DEFAULT, VARIANTS
from encoders.adaptation.finetune import FinetuneOptions

SMALL = FinetuneOptions(blocks=1, side=32, served_side=None, views=2, classes_per_batch=2, images_per_class=4)


@pytest.fixture
def options(tmp_path, monkeypatch):
    for number, domain in enumerate(("art", "photo", "sketch")):
        for kind, name in enumerate(("cat", "dog")):
            for place in range(3):
                path = tmp_path / "data" / "pacs" / domain / name / f"{place}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (16, 16), (80 * number, 200 * kind, 10 * place)).save(path)
    small = {name: replace(variant, options=SMALL) for name, variant in VARIANTS.items()}
    monkeypatch.setattr(ablation, "VARIANTS", small)
    monkeypatch.setattr(cached_activations, "DEFAULT", small["default"])
    monkeypatch.setattr(ablation, "frozen_vectors", lambda images, _: np.ones((len(images), 1), dtype=np.float32))
    return Options(data=str(tmp_path / "data"), results=str(tmp_path), cache=str(tmp_path), steps=2)


def test_every_kind_of_variant_becomes_a_row_of_the_table(options, tmp_path):
    records = []
    for variant in ("default", "plain_batches", "fold_average"):
        cell = Cell("ablation", "pacs", "sketch", variant=variant)
        write_record(ablation.measure(cell, options, lambda _: None), tmp_path)
        records.append(read_record(cell.path(tmp_path)))
    rows = ["finetune", "finetune + closed_form", f"finetune + closed_form{CENTRED}"]
    assert [list(record.rows) for record in records] == [rows] * 3
    # The first computed the activations, the others took them from the disk.
    assert ["activations" in record.facts["phases"] for record in records] == [True, False, False]
    assert "fine-tuning, without art" in records[2].facts["phases"]
    lines = ablation_table(records).splitlines()
    assert lines[0].startswith("| factor | changed to | pacs/sketch, accuracy |")
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| default",
        "| composition",
        "| composition",
        "| sampler",
        "| mean with the folds' weights",
    ]


def test_each_variant_differs_from_the_default_in_something():
    assert VARIANTS["default"] == DEFAULT
    bare = [replace(variant, factor="", value="") for variant in VARIANTS.values()]
    assert all(one != other for place, one in enumerate(bare) for other in bare[:place])


def test_plain_batches_draw_every_image_equally_often():
    batches = PlainBatches(10, 4, seed=0)
    drawn = np.concatenate([batches.batch(step) for step in range(5)])
    assert np.bincount(drawn, minlength=10).tolist() == [2] * 10
    assert batches.batch(3).tolist() == PlainBatches(10, 4, seed=0).batch(3).tolist()


def test_the_training_loop_is_timed_against_a_bare_one(options, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "FinetuneOptions", lambda: SMALL)
    monkeypatch.setattr(loop, "_STEPS", loop._WARM + 2)
    cell = Cell("sizes", "pacs", "", 0, "finetune_2000")
    record = sizes.measure(cell, replace(options, limit=18), lambda _: None)
    cost, phases = record.facts["cost"], record.facts["phases"]
    assert cost["of_bare"] > 0
    assert cost["images_a_second"] == pytest.approx(8 / cost["seconds_a_step"])
    # Two views of 18 images in half precision: 192 channels of one pixel, what the front of 15 blocks gives at 32 px.
    assert cost["activations_mb"] == pytest.approx(18 * 2 * 192 * 2 / 1e6)
    assert phases["steps"]["seconds"] >= 0
    assert "| pacs | 18 |" in loop_table([record])


def test_a_size_is_measured_and_told(options, tmp_path):
    cell = Cell("sizes", "", "", 0, "fit_2000")
    write_record(sizes.measure(cell, replace(options, limit=60), lambda _: None), tmp_path)
    record = read_record(cell.path(tmp_path))
    assert record.facts["cost"]["peak_mb"] >= record.facts["cost"]["before_mb"] > 0
    assert record.facts["cost"]["images"] == 60
    assert "| closed form, one fit | 60 |" in sizes_table([record])
