"""Nothing of a query is in what an adaptation sees."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.quality.division import leave_one_domain_out, target_pool
from benchmarks.quality.image_set import read_set
from encoders.adaptation.coding import UNKNOWN


@pytest.fixture
def images(tmp_path):
    """Two classes, three domains, four images of each; each has a colour of its own. `s*-3` are one lesion's."""
    lines = ["lesion_id,image_id"]
    for number, domain in enumerate(("art", "photo", "sketch")):
        for kind in ("cat", "dog"):
            for place in range(4):
                path = tmp_path / domain / kind / f"{domain[0]}{kind[0]}-{place}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (4, 4), (number, "cd".index(kind[0]), place)).save(path)
                lines.append(f"{'shared' if path.stem in ('sc-3', 'pc-3') else path.stem},{path.stem}")
    (tmp_path / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    return read_set(tmp_path)


def test_the_query_domain_is_not_among_the_examples(images):
    division = leave_one_domain_out(images, "sketch")
    marks = np.arange(len(images), dtype=np.float32)[:, None]
    examples = division.examples(marks)
    assert len(division.queries) == 8
    assert examples.known_domains == ("art", "photo")
    asked = set(division.queries.tolist())
    assert asked.isdisjoint(int(mark) for mark in examples.vectors[:, 0])
    assert {examples.image(place).getpixel((0, 0))[0] for place in range(len(examples))} == {0, 1}
    for place, mark in enumerate(examples.vectors[:, 0].astype(int).tolist()):
        assert examples.image(place).tobytes() == images.image(mark).tobytes()
        assert (examples.label_names[place], examples.domain_names[place]) == (
            images.labels[mark],
            images.domains[mark],
        )


def test_a_lesion_that_asks_is_not_in_the_pool_from_another_domain_either(images):
    division = leave_one_domain_out(images, "sketch")
    assert len(division.pool) == 15
    assert set(division.query_groups.tolist()).isdisjoint(division.pool_groups.tolist())


def test_half_of_the_target_domains_groups_are_labelled(images):
    division = target_pool(images, "art", seed=0)
    assert sorted([*division.pool.tolist(), *division.queries.tolist()]) == list(range(24))
    assert len(division.queries) == 4
    assert {images.domains[place] for place in division.queries.tolist()} == {"art"}
    others = [target_pool(images, "art", seed=seed).queries.tolist() for seed in range(4)]
    assert others[0] == division.queries.tolist()
    assert any(other != others[0] for other in others)


def test_labels_have_the_number_of_their_class_in_the_whole_set(images):
    division = leave_one_domain_out(images, "photo")
    assert [division.classes[label] for label in division.query_labels.tolist()] == ["cat"] * 4 + ["dog"] * 4
    assert UNKNOWN not in division.pool_groups.tolist()


def test_a_limit_takes_the_first_of_each_class_and_domain(images):
    assert len(read_set(images.folder, limit=2)) == 12
    with pytest.raises(ValueError, match="can't be divided"):
        leave_one_domain_out(images, "xray")
