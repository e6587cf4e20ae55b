"""A vector may depend on a domain: then a new domain is a new row, with new vectors in every space."""

from __future__ import annotations

import pytest

from index.pool import Pool
from invariantselect.errors import EncoderVersionChangedError
from tests.catalogs import Pools
from tests.index.entries import (
    SECOND,
    THIRD,
    add_version,
    entry,
    make_pool,
    recode_for,
    recode_second,
    recode_third,
    with_domain,
)
from tests.index.model import Model

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def model() -> Model:
    return Model({f"{n:02d}": entry(f"{n:02d}", domain="xy"[n % 2]) for n in range(10)})


@pytest.fixture
def pool(tmp_path, model) -> Pool:
    pool = make_pool(tmp_path)
    pool.write(list(model.entries.values()))
    add_version(pool, SECOND)
    add_version(pool, THIRD)
    return pool


def test_a_domain_gives_a_new_row_where_a_version_looks_at_domains(pool, model):
    pool.switch(2, recode_second)
    row = pool.snapshot().rows[pool.snapshot().position_of("04")]
    with pytest.raises(EncoderVersionChangedError, match="depend on domains"):
        pool.patch({"04": {"domain": "z"}, "05": {"label": "dog"}})
    model.check_all(pool)
    wanted = {"04": {"domain": "z", "label": "dog"}, "05": {"domain": None}, "06": {"label": "dog"}, "no": {}}
    done = pool.patch(wanted, vectors_for=recode_for)
    assert [each.status for each in done] == ["updated"] * 3 + ["failed"]
    for id, changes in wanted.items():
        if id != "no":
            changed = with_domain(model.entries[id], changes.get("domain", model.entries[id].domain))
            model.entries[id] = entry(
                id, changed.image, domain=changed.domain, label=changes.get("label", changed.label)
            )
    model.check_all(pool)
    assert pool.snapshot().rows[pool.snapshot().position_of("04")] > row
    assert [each.status for each in pool.patch({"04": {"domain": "z"}}, vectors_for=recode_for)] == ["unchanged"]
    (outcome,) = pool.write([entry("08", domain="other")])
    model.entries["08"] = entry("08", domain="other")
    assert outcome.status == "updated"
    model.check_all(pool)
    pool.seal()
    model.check_all(pool)
    sha256 = pool.image("04").sha256  # a new row is no reason to let go of the image
    pool.delete(["04"])
    assert not pool._blobs.holds(sha256)


def test_a_domain_patched_while_others_write_gets_the_right_vectors(pool, model):
    pool.switch(2, recode_second)
    meddled = []

    def vectors_for(version):
        def recode(given):
            if not meddled:
                pool.write([entry("04", b"another", domain="x")])  # what is being encoded is out of date
                meddled.append(1)
            elif len(meddled) == 1:
                meddled.append(1)
                pool.switch(3, recode_third)
                pool.switch(2, recode_second)
            return recode_for(version)(given)

        return recode

    pool.patch({"04": {"domain": "z"}}, vectors_for=vectors_for)
    model.entries["04"] = entry("04", b"another", domain="z")
    assert len(meddled) == 2
    model.check_all(pool)


def test_a_domain_keeps_its_row_where_no_version_looks_at_domains(tmp_path):
    pool = make_pool(tmp_path)
    pool.write([entry("a", domain="x")])
    add_version(pool, THIRD)
    pool.switch(2, recode_third)
    row = pool.snapshot().rows[0]
    pool.patch({"a": {"domain": "y"}})
    pool.write([entry("a", domain="z")])
    assert pool.snapshot().rows.tolist() == [row]
    Model({"a": entry("a", domain="z")}).check_all(pool)


def test_a_pool_made_with_an_encoder_that_looks_at_domains_is_right(tmp_path):
    pool = Pools(tmp_path).create("pool", "adapted", SECOND, 8, looks_at_domains=True)
    pool.write([entry("a", domain="x"), entry("b")])
    pool.patch({"a": {"domain": "y"}}, vectors_for=recode_for)
    model = Model({"a": entry("a", domain="y"), "b": entry("b")})
    model.check_all(pool)
    pool.rebuild(recode_second)
    model.check_all(pool)
