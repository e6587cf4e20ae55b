"""A cell from images on disk to its record, with the real tower fine-tuned for a step or two."""

from functools import partial

import numpy as np
import pytest
from PIL import Image

from benchmarks.quality import adapting
from benchmarks.quality.cell import Cell
from benchmarks.quality.options import Options
from benchmarks.quality.record import read_record, write_record
from benchmarks.quality.rows import CENTRED
from encoders.adaptation import closed_form
from encoders.adaptation.finetune import FinetuneOptions
from encoders.adaptation.head import HeadOptions
from encoders.adaptation.plan import Plan
from encoders.calibration.discriminant import ClosedForm
from encoders.normalise import l2_normalised


@pytest.fixture
def options(tmp_path, monkeypatch):
    """Three domains of two classes, and two steps of fine-tuning."""
    for number, domain in enumerate(("art", "photo", "sketch")):
        for kind, name in enumerate(("cat", "dog")):
            for place in range(4):
                path = tmp_path / "data" / "set" / domain / name / f"{place}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (16, 16), (80 * number, 200 * kind, 10 * place)).save(path)
    rng = np.random.default_rng(0)
    vectors = l2_normalised(rng.standard_normal((24, 1280)).astype(np.float32))
    monkeypatch.setattr(adapting, "frozen_vectors", lambda *_: vectors)
    # An export takes ten seconds, to encode eight images.
    monkeypatch.setattr(adapting, "trunk_vectors", partial(adapting.trunk_vectors, runtime="torch"))
    # Hundreds of 1280 × 1280 systems are solved otherwise.
    monkeypatch.setattr(closed_form, "_FORMS", (ClosedForm(shrinkages=(0.5,)),))
    small = FinetuneOptions(blocks=1, side=32, served_side=None, views=1, classes_per_batch=2, images_per_class=4)
    monkeypatch.setattr(adapting, "Plan", partial(Plan, head=HeadOptions(hidden=4, dim=4, steps=2), finetune=small))
    return Options(data=str(tmp_path / "data"), results=str(tmp_path), cache=str(tmp_path), steps=2)


def test_one_adaptation_gives_every_row(options, tmp_path):
    cell = Cell("leave_one_domain_out", "set", "sketch")
    write_record(adapting.measure(cell, options, lambda _: None), tmp_path)
    record = read_record(cell.path(tmp_path))
    names = ["closed_form", "head", "head + closed_form", "finetune", "finetune + closed_form"]
    names += ["finetune + frozen + closed_form", "auto"]
    centred = [f"{name}{CENTRED}" for name in names if "closed_form" in name or name == "auto"]
    assert {"random", "topk_nearest", *names, *centred} <= set(record.rows)
    assert record.labels.tolist() == [0] * 4 + [1] * 4
    assert record.facts["images"] == {"pool": 16, "queries": 8}
    assert record.facts["report"]["domains"] == ["art", "photo"]
    for row in record.rows.values():
        assert len(row.classes) == len(row.hits) == 8
        assert row.hits.min() >= 0
        assert row.hits.max() <= 7
    assert record.facts["resumed"] is False
    assert adapting.measure(cell, options, lambda _: None).facts["resumed"] is True
    winner = record.facts["report"]["winner"].replace("frozen", "topk_nearest")
    assert record.rows["auto"].classes.tolist() == record.rows[winner].classes.tolist()


def test_a_pool_that_has_the_domain_is_asked_with_and_without_its_name(options):
    record = adapting.measure(Cell("target_pool", "set", "sketch"), options, lambda _: None)
    assert len(record.labels) == 4
    assert "auto, domain given" in record.rows
    assert "closed_form by domain, domain given" in record.rows
    assert not any(CENTRED in name for name in record.rows)
