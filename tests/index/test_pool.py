"""A pool as its callers see it: write, read, patch, delete."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from index import refresh
from index.pool import Probe
from invariantselect.errors import (
    CatalogUnavailableError,
    DemonstrationInvalidError,
    DemonstrationNotFoundError,
    FingerprintMismatchError,
    InvalidVectorError,
    PoolNotFoundError,
    StoreCorruptError,
)
from tests.catalogs import Pools
from tests.index.entries import FINGERPRINT, entry, make_pool, vector_of_image

pytestmark = pytest.mark.usefixtures("database")


def statuses(outcomes):
    return [outcome.status for outcome in outcomes]


@pytest.fixture
def pool(tmp_path):
    return make_pool(tmp_path)


def test_what_was_written_is_read_back_word_for_word(pool):
    new = entry("a/ü.png", label="dog", domain="photo", group="g", metadata={"b": 1.5, "a": None, "c": "x", "d": True})
    pool.write([new])
    (read,) = pool.get(["a/ü.png"])
    words = (read.id, read.label, read.domain, read.group, read.metadata)
    assert words == ("a/ü.png", "dog", "photo", "g", {"a": None, "b": 1.5, "c": "x", "d": True})
    assert (read.sha256, read.media_type) == (hashlib.sha256(new.image).hexdigest(), "image/png")
    assert (read.width, read.height) == (8, 6)
    snapshot = pool.snapshot()
    assert snapshot.demonstration(snapshot.position_of("a/ü.png")) == read
    np.testing.assert_array_equal(pool.vector_of("a/ü.png"), new.vectors[FINGERPRINT])
    assert pool.image("a/ü.png") == (new.image, "image/png", read.sha256)


def test_writing_tells_created_unchanged_updated_and_replaced_apart(pool):
    assert statuses(pool.write([entry("a"), entry("b"), entry("c")])) == ["created"] * 3
    again = [entry("a"), entry("b", label="dog"), entry("c", b"another image"), entry("d")]
    assert statuses(pool.write(again)) == ["unchanged", "updated", "replaced", "created"]
    np.testing.assert_array_equal(pool.vector_of("c"), vector_of_image(b"another image"))
    assert pool.get(["b"])[0].label == "dog"


def test_writing_what_is_there_already_makes_no_new_version(pool):
    pool.write([entry("a"), entry("b", metadata={"x": 1, "y": 2})])
    before = pool.snapshot()
    assert statuses(pool.write([entry("b", metadata={"y": 2, "x": 1}), entry("a")])) == ["unchanged"] * 2
    assert pool.snapshot() is before


def test_an_id_named_several_times_in_a_batch_ends_as_its_last_entry(pool):
    batch = [entry("a", b"1"), entry("a", b"2"), entry("a", b"2", label="dog"), entry("a", b"3")]
    assert statuses(pool.write(batch)) == ["created", "replaced", "updated", "replaced"]
    assert statuses(pool.write([entry("a", b"4"), entry("a", b"5")])) == ["replaced", "replaced"]
    snapshot = pool.snapshot()
    assert snapshot.alive.sum() == 1
    np.testing.assert_array_equal(pool.vector_of("a"), vector_of_image(b"5"))


def test_an_entry_that_cannot_be_stored_fails_alone(pool):
    bad = [
        entry("a"),
        entry("x" * 513),
        entry("tab\t"),
        entry("surrogate\udcff", b"image"),
        entry("b", label=""),
        entry("c", domain="\x00"),
        entry("e", metadata={"nan": float("nan")}),
        entry("f", vectors={FINGERPRINT: np.zeros(16, np.float32)}),
        entry("g", vectors={FINGERPRINT: np.full(16, np.nan, np.float32)}),
        entry("h", vectors={FINGERPRINT: np.ones(15, np.float32)}),
        entry("z"),
    ]
    outcomes = pool.write(bad)
    assert statuses(outcomes) == ["created"] + ["failed"] * 9 + ["created"]
    kinds = [type(outcome.error) for outcome in outcomes[1:-1]]
    assert kinds == [DemonstrationInvalidError] * 6 + [InvalidVectorError] * 3
    assert [each.id for each in pool.page(None, 10)] == ["a", "z"]


def test_vectors_of_another_encoder_are_refused_whole(pool):
    with pytest.raises(FingerprintMismatchError):
        pool.write([entry("a"), entry("b", vectors={"0" * 64: vector_of_image(b"b")})])
    assert pool.page(None, 10) == []


def test_patching_changes_only_what_is_named(pool):
    pool.write([entry("a", domain="d", group="g", metadata={"k": 1}), entry("b")])
    row = pool.snapshot().rows[pool.snapshot().position_of("a")]
    outcomes = pool.patch({"a": {"label": "dog", "domain": None}, "b": {"label": "cat"}, "none": {"label": "x"}})
    assert statuses(outcomes) == ["updated", "unchanged", "failed"]
    assert isinstance(outcomes[2].error, DemonstrationNotFoundError)
    (read,) = pool.get(["a"])
    assert (read.label, read.domain, read.group, read.metadata) == ("dog", None, "g", {"k": 1})
    snapshot = pool.snapshot()
    assert snapshot.rows[snapshot.position_of("a")] == row
    assert snapshot.labels.value(snapshot.position_of("a")) == "dog"


@pytest.mark.parametrize("changes", [{"label": None}, {"label": ""}, {"metadata": None}, {"id": "b"}, {"group": 3}])
def test_changes_that_make_no_sense_fail(pool, changes):
    pool.write([entry("a")])
    (outcome,) = pool.patch({"a": changes})
    assert isinstance(outcome.error, DemonstrationInvalidError)


def test_a_deleted_demonstration_is_gone_and_its_image_too(pool, tmp_path):
    pool.write([entry("a", b"own"), entry("b", b"shared"), entry("c", b"shared")])
    assert statuses(pool.delete(["a", "b", "b", "none"])) == ["deleted", "deleted", "failed", "failed"]
    assert pool.get(["a", "b", "c"])[:2] == [None, None]
    stored = {path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file()}
    assert stored == {b"shared"}
    assert pool.snapshot().position_of("a") is None
    for read in (pool.image, pool.vector_of):
        with pytest.raises(DemonstrationNotFoundError):
            read("a")


def test_a_replaced_image_is_removed_when_nothing_else_uses_it(pool, tmp_path):
    other = Pools(tmp_path).create("other", "fake", "f" * 64, 16)
    other.write([entry("x", b"in both")])
    pool.write([entry("a", b"in both"), entry("b", b"only here")])
    pool.write([entry("a", b"new a"), entry("b", b"new b")])
    stored = {path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file()}
    assert stored == {b"in both", b"new a", b"new b"}


def test_an_id_that_comes_back_after_its_deletion_is_one_demonstration(pool):
    pool.write([entry("a", b"1")])
    pool.seal()
    pool.delete(["a"])
    assert statuses(pool.write([entry("a", b"1")])) == ["created"]
    snapshot = pool.snapshot()
    assert snapshot.alive.sum() == 1
    assert snapshot.alive[snapshot.position_of("a")]


def test_unchanged_knows_what_a_write_would_not_change(pool):
    stored = entry("a", label="dog", domain="d", metadata={"k": 1})
    pool.write([stored])
    sha256 = hashlib.sha256(stored.image).hexdigest()
    same = Probe("a", sha256, "dog", "d", None, {"k": 1})
    differing = [
        same._replace(id="b"),
        same._replace(sha256="0" * 64),
        same._replace(label="cat"),
        same._replace(domain=None),
        same._replace(group="g"),
        same._replace(metadata={"k": True}),
    ]
    assert pool.unchanged([same, *differing]) == [True] + [False] * len(differing)


def test_pages_follow_one_another_in_the_order_of_code_points(pool):
    ids = ["b", "a", "Z", "é", "a/b", "😀", "\uffee", "a b"]
    pool.write([entry(id) for id in ids])
    seen, after = [], None
    while page := pool.page(after, 3):
        seen += [each.id for each in page]
        after = seen[-1]
    assert seen == sorted(ids)


def test_the_summary_counts_labels_in_domains(pool):
    pool.write([entry("a", domain="x"), entry("b", domain="x"), entry("c"), entry("d", label="dog", domain="y")])
    counts = {(each.label, each.domain): each.count for each in pool.summary().counts}
    assert counts == {("cat", "x"): 2, ("cat", None): 1, ("dog", "y"): 1}
    assert pool.summary().demonstrations == 4
    assert pool.summary().version == pool.snapshot().version


def test_the_summary_is_counted_anew_after_whatever_anybody_wrote(pool, tmp_path):
    pool.write([entry("a"), entry("b")])
    assert pool.summary() is pool.summary()
    with Pools(tmp_path) as elsewhere:
        other = elsewhere.open(pool.name)
        for write, counts in (
            (lambda: other.write([entry("b", label="dog")]), {"cat": 1, "dog": 1}),
            (lambda: other.delete(["a"]), {"dog": 1}),
            (lambda: pool.write([entry("c")]), {"cat": 1, "dog": 1}),
        ):
            write()
            assert {each.label: each.count for each in pool.summary().counts} == counts


def test_an_altered_image_is_noticed_when_it_is_read(pool, tmp_path):
    pool.write([entry("a")])
    (path,) = (path for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(StoreCorruptError, match="altered"):
        pool.image("a")
    path.unlink()
    with pytest.raises(StoreCorruptError, match="lost"):
        pool.image("a")
    pool.write([entry("a")])
    assert pool.image("a").content == b"image of a"


def test_a_dropped_pool_says_so(pool, tmp_path):
    pool.write([entry("a")])
    snapshot = pool.snapshot()
    Pools(tmp_path).drop("pool")
    for call in (pool.snapshot, pool.summary, pool.seal, lambda: pool.write([entry("b")]), lambda: pool.delete(["a"])):
        with pytest.raises(PoolNotFoundError):
            call()
    assert len(snapshot.search(snapshot.vectors(np.array([0])), 1)) == 1
    left = [path for path in tmp_path.rglob("*") if path.is_file() and "catalog" not in path.name]
    assert left == []


def test_a_full_disk_is_told_and_nothing_is_written(pool, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    pool.write([entry("a")])
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(CatalogUnavailableError, match="No space left"):
            pool.write([entry("b")])
        with pytest.raises(CatalogUnavailableError, match="No space left"):
            pool.seal()
    assert pool.get(["b"]) == [None]
    pool.seal()
    assert pool.snapshot().alive.sum() == 1


def test_ids_of_the_dead_are_forgotten_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(refresh, "_DEAD_IDS", 4)
    pool = make_pool(tmp_path)
    before = pool.snapshot()
    for number in range(20):
        pool.write([entry(f"{number}")])
        pool.delete([f"{number}"])
        assert pool.snapshot().position_of(f"{number}") is None
        assert len(pool.snapshot().rows_by_id) <= 5
    pool.write([entry("last")])
    assert (pool.snapshot().position_of("last"), before.position_of("last")) == (pool.snapshot().size - 1, None)
