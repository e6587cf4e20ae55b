"""Taking records into a pool."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from encoders.decode import DecodeLimits, decode
from index.intake import take_in
from index.sources import Ignored, KnownVector, Record, Rejected, open_source
from invariantselect.errors import (
    DemonstrationInvalidError,
    FingerprintMismatchError,
    ImageFormatUnsupportedError,
    ImageTooLargeError,
    ImageUnreadableError,
    InvalidVectorError,
    PoolNotFoundError,
)
from tests.catalogs import Pools
from tests.encoders.pictures import bombs
from tests.fakes.pixel_encoder import PixelEncoder
from tests.index.sources.files import png, put

FILES = ["photo/dog/1.png", "photo/cat/1.png", "sketch/dog/1.png", "sketch/cat/2.png"]


class CountingEncoder(PixelEncoder):
    """Counts the images of each forward pass; may do something before one."""

    def __init__(self, before=lambda number: None, **options):
        super().__init__(**options)
        self.batches: list[int] = []
        self._before = before

    def forward(self, batch):
        self._before(len(self.batches))
        self.batches.append(len(batch))
        return super().forward(batch)


@pytest.fixture
def pools(tmp_path):
    with Pools(tmp_path / "data") as pools:
        yield pools


@pytest.fixture
def pool(pools):
    identity = PixelEncoder().identity
    return pools.create("pool", identity.name, identity.fingerprint, identity.dim)


def record(number: int, **rest) -> Record:
    words = {"id": f"id-{number}", "label": "x", "where": f"record {number}", **rest}
    return Record(read=lambda: png(number), **words)


def counts(report):
    return report.created, report.replaced, report.updated, report.unchanged, len(report.failed), report.encoded


def test_a_folder_goes_in_with_the_vectors_that_the_encoder_makes(pool, tmp_path):
    folder = put(tmp_path / "f", *FILES)
    assert counts(take_in(pool, [PixelEncoder()], open_source(folder))) == (4, 0, 0, 0, 0, 4)
    for number, name in enumerate(FILES):
        (stored,) = pool.get([name])
        assert (stored.domain, stored.label) == tuple(name.split("/")[:2])
        assert (stored.media_type, stored.width, stored.height) == ("image/png", 8, 6)
        assert pool.image(name).content == png(number)
        np.testing.assert_array_equal(pool.vector_of(name), PixelEncoder().encode([decode(png(number))])[0])


def test_the_same_folder_again_decodes_nothing_encodes_nothing_and_makes_no_new_snapshot(pool, tmp_path, monkeypatch):
    folder = put(tmp_path / "f", *FILES, "README.md", "loose.png")
    take_in(pool, [PixelEncoder()], open_source(folder))
    version = pool.snapshot().version

    def refuse(*_):
        raise AssertionError("decoded again")

    monkeypatch.setattr("index.preparation.decode", refuse)
    encoder = CountingEncoder()
    report = take_in(pool, [encoder], open_source(folder))
    assert counts(report) == (0, 0, 0, 4, 1, 0)
    assert encoder.batches == []
    assert pool.snapshot().version == version


def test_a_new_image_is_encoded_and_a_new_word_is_not(pool, tmp_path):
    take_in(pool, [PixelEncoder()], [record(number) for number in range(6)])
    vectors = [pool.vector_of(f"id-{number}") for number in range(6)]
    changed = [
        record(0),
        record(1, label="y"),
        record(2, domain="d"),
        record(3, group="g"),
        record(4, metadata={"age": 1}),
        record(99, id="id-5"),
    ]
    encoder = CountingEncoder()
    assert counts(take_in(pool, [encoder], changed)) == (0, 1, 4, 1, 0, 1)
    assert encoder.batches == [1]
    stored = pool.get([f"id-{number}" for number in range(6)])
    assert [each.label for each in stored] == ["x", "y", "x", "x", "x", "x"]
    assert (stored[2].domain, stored[3].group, stored[4].metadata) == ("d", "g", {"age": 1})
    for number in range(5):
        np.testing.assert_array_equal(pool.vector_of(f"id-{number}"), vectors[number])
    assert not np.array_equal(pool.vector_of("id-5"), vectors[5])
    assert pool.image("id-5").content == png(99)


def test_new_words_for_a_whole_pool_read_it_once(pool, monkeypatch):
    take_in(pool, [PixelEncoder()], [record(number) for number in range(40)])
    vectors = [pool.vector_of(f"id-{number}") for number in range(40)]
    loads, encoder = [], CountingEncoder()
    real = pool.snapshots
    monkeypatch.setattr(pool, "snapshots", lambda: loads.append(1) or real())
    changed = [record(number, label="y") for number in range(40)]
    assert counts(take_in(pool, [encoder], changed, batch=4)) == (0, 0, 40, 0, 0, 0)
    assert (len(loads), encoder.batches) == (1, [])
    for number in range(40):
        np.testing.assert_array_equal(pool.vector_of(f"id-{number}"), vectors[number])


def test_what_can_not_be_taken_is_named_with_its_reason_and_the_rest_goes_in(pool, tmp_path):
    folder = put(tmp_path / "f", *FILES, "loose.png", "notes.txt")
    bad = {"empty.png": b"", "text.png": b"hello", "cut.png": png(1)[:60], "bomb.png": bombs()["png"]}
    for name, content in bad.items():
        put(folder, f"photo/dog/{name}", content=content)
    report = take_in(pool, [PixelEncoder()], open_source(folder))
    assert report.created == report.encoded == len(FILES)
    assert {where: type(error) for where, error in report.failed} == {
        "loose.png": DemonstrationInvalidError,
        "photo/dog/empty.png": ImageUnreadableError,
        "photo/dog/text.png": ImageFormatUnsupportedError,
        "photo/dog/cut.png": ImageUnreadableError,
        "photo/dog/bomb.png": ImageTooLargeError,
    }
    assert [each.where for each in report.ignored] == ["notes.txt"]
    assert pool.summary().demonstrations == len(FILES)


def test_limits_reach_the_decoder(pool):
    report = take_in(pool, [PixelEncoder()], [record(0)], limits=DecodeLimits(max_pixels=47))
    ((where, error),) = report.failed
    assert where == "record 0"
    assert isinstance(error, ImageTooLargeError)


def test_an_encoder_of_another_space_is_refused_before_anything_is_read(pool):
    def read():
        raise AssertionError("read")

    with pytest.raises(FingerprintMismatchError):
        take_in(pool, [PixelEncoder(seed=1)], [replace(record(0), read=read)])


def test_an_id_that_comes_again_fails_and_the_first_stays(pool):
    report = take_in(pool, [PixelEncoder()], [record(0), record(1), record(2, id="id-0", label="other")], batch=2)
    assert (report.created, [each.where for each in report.failed]) == (2, ["record 2"])
    assert isinstance(report.failed[0].error, DemonstrationInvalidError)
    assert pool.get(["id-0"])[0].label == "x"


def test_a_disk_that_fails_fails_one_record(pool):
    def read():
        raise OSError(5, "Input/output error")

    report = take_in(pool, [PixelEncoder()], [record(0), replace(record(1), read=read), record(2)])
    assert (report.created, [each.where for each in report.failed]) == (2, ["record 1"])
    assert "Input/output error" in report.failed[0].error.detail


def test_a_vector_that_is_not_a_number_fails_its_own_image_alone(pool):
    class Sometimes(PixelEncoder):
        def forward(self, batch):
            vectors = super().forward(batch)
            vectors[1] = np.nan
            return vectors

    report = take_in(pool, [Sometimes()], [record(number) for number in range(3)])
    assert (report.created, [each.where for each in report.failed]) == (2, ["record 1"])
    assert isinstance(report.failed[0].error, InvalidVectorError)


def test_vectors_that_come_along_are_used_where_they_are_of_this_space_and_sound(pool):
    fingerprint, dim = pool.fingerprint, pool.dim
    one = np.eye(1, dim, dtype=np.float32)[0]
    given = {
        "used": KnownVector(one, fingerprint),
        "other space": KnownVector(one, "0" * 64),
        "too short": KnownVector(one[:-1], fingerprint),
        "too long": KnownVector(one * 2, fingerprint),
        "nan": KnownVector(one * np.float32(np.nan), fingerprint),
        "infinite": KnownVector(one + np.float32(np.inf), fingerprint),
        "zero": KnownVector(one * 0, fingerprint),
    }
    items = [replace(record(number, id=name), vector=vector) for number, (name, vector) in enumerate(given.items())]
    encoder = CountingEncoder()
    report = take_in(pool, [encoder], items)
    assert encoder.batches == [1]
    np.testing.assert_array_equal(pool.vector_of("used"), one)
    np.testing.assert_array_equal(pool.vector_of("other space"), PixelEncoder().encode([decode(png(1))])[0])
    assert {type(error) for _, error in report.failed} == {InvalidVectorError}
    assert len(report.failed) == 5


def test_progress_grows_to_the_total_and_each_record_is_settled_once(pool, tmp_path):
    broken = Record("broken", "x", lambda: b"", "broken")
    items = [record(0), Rejected("row 7", DemonstrationInvalidError("bad")), Ignored("README", "no image"), broken]
    items += [record(number) for number in range(1, 30)]
    take_in(pool, [PixelEncoder()], items[:1])
    told, settled = [], []
    report = take_in(
        pool,
        [PixelEncoder()],
        items,
        batch=4,
        progress=lambda *numbers: told.append(numbers),
        settled=lambda where, outcome: settled.append((where, outcome.id, outcome.status)),
    )
    assert told == sorted(told, key=lambda numbers: numbers[0])
    assert len(told) >= 7
    assert told[-1] == (32, 33, 2, 29)
    assert report.done == 32
    assert Counter(status for _, _, status in settled) == {"created": 29, "unchanged": 1, "failed": 2}
    assert len({where for where, _, _ in settled}) == 32
    assert ("row 7", "row 7", "failed") in settled


def test_the_total_is_unknown_for_a_stream_and_known_for_a_folder(pool, tmp_path):
    totals = set()
    take_in(pool, [PixelEncoder()], (record(number) for number in range(3)), progress=lambda *n: totals.add(n[1]))
    assert totals == {None}
    folder = put(tmp_path / "f", *FILES, "loose.png", "notes.txt")
    take_in(pool, [PixelEncoder()], open_source(folder), progress=lambda *n: totals.add(n[1]))
    assert totals == {None, 5}


def test_reading_stays_a_bounded_way_ahead_of_writing(pool):
    drawn, furthest = [], []

    def items():
        for number in range(160):
            drawn.append(number)
            yield record(number)

    take_in(pool, [PixelEncoder()], items(), batch=8, progress=lambda done, *_: furthest.append(len(drawn) - done))
    assert len(drawn) == 160
    assert max(furthest) <= 16 + 4 * 8 + 8


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, MemoryError])
def test_what_was_committed_before_an_interrupt_stays_and_the_next_run_goes_on_from_there(pool, interrupt):
    def before(number):
        if number == 3:
            raise interrupt

    items = [record(number) for number in range(20)]
    threads = threading.active_count()
    with pytest.raises(interrupt):
        take_in(pool, [CountingEncoder(before)], items, batch=4)
    assert threading.active_count() == threads
    committed = pool.summary().demonstrations
    assert 8 <= committed <= 12
    encoder = CountingEncoder()
    report = take_in(pool, [encoder], items, batch=4)
    assert counts(report) == (20 - committed, 0, 0, committed, 0, 20 - committed)
    assert sum(encoder.batches) == 20 - committed


def test_a_pool_that_is_dropped_on_the_way_ends_the_intake(pools, pool):
    def before(number):
        if number == 2:
            pools.drop("pool")

    with pytest.raises(PoolNotFoundError):
        take_in(pool, [CountingEncoder(before)], [record(number) for number in range(40)], batch=4)


def test_a_mistake_in_a_reader_is_not_taken_for_a_bad_image(pool):
    def read():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_in(pool, [PixelEncoder()], [replace(record(0), read=read)])


def test_decoding_goes_on_while_the_encoder_is_busy(pool):
    decoded = threading.Semaphore(0)

    class Watching(PixelEncoder):
        def preprocess(self, image):
            decoded.release()
            return super().preprocess(image)

        def forward(self, batch):
            if self.first:
                self.first = False
                for _ in range(7):  # 4 of this batch, and at least 3 of the next
                    assert decoded.acquire(timeout=20)
            return super().forward(batch)

        first = True

    assert take_in(pool, [Watching()], [record(number) for number in range(16)], batch=4).created == 16


def test_an_image_that_another_process_replaced_keeps_the_vector_of_what_it_shows(pool, monkeypatch):
    take_in(pool, [PixelEncoder()], [record(0)])
    real = type(pool).get

    def replaced_behind_our_back(self, ids):
        stored = real(self, ids)
        monkeypatch.setattr(type(pool), "get", real)
        take_in(self, [PixelEncoder()], [record(1, id="id-0")])
        return stored

    monkeypatch.setattr(type(pool), "get", replaced_behind_our_back)
    assert take_in(pool, [PixelEncoder()], [record(0, label="new")]).replaced == 1
    np.testing.assert_array_equal(pool.vector_of("id-0"), PixelEncoder().encode([decode(png(0))])[0])
    assert pool.get(["id-0"])[0].label == "new"
