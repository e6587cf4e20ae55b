"""An intake into an adapted pool: one decode, one pass a trunk, vectors of every live version, also past a switch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from encoders.calibration.calibration import Calibration
from encoders.calibration.steps import Affine, Centring
from encoders.decode import DecodeLimits, decode
from encoders.encoder import Encoder
from index.encoder_version import EncoderVersion
from index.intake import take_in
from index.pool import Pool
from index.recoding import recode_by
from index.sources.record import Record
from invariantselect.errors import EncoderVersionChangedError, FingerprintMismatchError
from tests.catalogs import Pools
from tests.fakes.pixel_encoder import PixelEncoder
from tests.index.sources.files import png

LIMITS = DecodeLimits()


class CountingEncoder(PixelEncoder):
    """Counts what it is asked for."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.preprocessed = self.passed = 0

    def preprocess(self, image):
        self.preprocessed += 1
        return super().preprocess(image)

    def forward(self, batch):
        self.passed += len(batch)
        return super().forward(batch)


def calibration(dim: int, seed: int) -> Calibration:
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((2, 16)).astype(np.float32) / 8
    weight = generator.standard_normal((16, dim)).astype(np.float32)
    return Calibration((Centring(("d0", "d1"), centres), Affine(weight, np.zeros(dim, np.float32))))


def frozen() -> CountingEncoder:
    return CountingEncoder()


def same_trunk() -> CountingEncoder:
    return CountingEncoder(calibration=calibration(5, 1), version="2")


def other_trunk() -> CountingEncoder:
    return CountingEncoder(seed=7, calibration=calibration(6, 2), version="3")


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    identity = frozen().identity
    return Pools(tmp_path).create("pool", identity.name, identity.fingerprint, identity.dim)


def add(pool: Pool, encoder: Encoder) -> EncoderVersion:
    identity = encoder.identity
    return pool.add_version(
        encoder=identity.name, fingerprint=identity.fingerprint, dim=identity.dim, looks_at_domains=True, lineage={}
    )


def serve(pool: Pool, encoder: Encoder) -> None:
    pool.switch(add(pool, encoder).number, recode_by(encoder, pool.fingerprint, LIMITS))


def record(number: int, **words) -> Record:
    about = {"id": f"id-{number}", "label": "x", "domain": f"d{number % 3}", "where": f"record {number}", **words}
    return Record(read=lambda: png(number), **about)


def check(pool: Pool, encoders: list[Encoder], images: dict[str, int]) -> None:
    """Each live version has the vectors that its encoder makes of these images, with the domains that are stored."""
    together = pool.snapshots()
    snapshots = [together.frozen] if together.adapted is None else [together.frozen, together.adapted]
    assert [each.fingerprint for each in snapshots] == [encoder.identity.fingerprint for encoder in encoders]
    for snapshot, encoder in zip(snapshots, encoders, strict=True):
        assert sorted(snapshot.ids[snapshot.alive]) == sorted(images)
        for id, number in images.items():
            position = snapshot.position_of(id)
            (vector,) = snapshot.vectors(np.array([position]))
            domain = snapshot.domains.value(position)
            np.testing.assert_allclose(vector, encoder.encode([decode(png(number))], [domain])[0], atol=1e-6)


def test_encoders_with_one_trunk_share_its_forward_pass(pool):
    serve(pool, same_trunk())
    first, second = frozen(), same_trunk()
    report = take_in(pool, [first, second], [record(number) for number in range(10)], batch=4)
    assert (report.created, report.encoded) == (10, 10)
    assert sorted([first.passed, second.passed]) == sorted([first.preprocessed, second.preprocessed]) == [0, 10]
    check(pool, [frozen(), same_trunk()], {f"id-{number}": number for number in range(10)})


def test_encoders_with_two_trunks_share_the_decoded_and_preprocessed_image(pool, monkeypatch):
    from index import preparation

    decoded = []
    monkeypatch.setattr(preparation, "decode", lambda *arguments: decoded.append(1) or decode(*arguments))
    serve(pool, other_trunk())
    first, second = frozen(), other_trunk()
    report = take_in(pool, [first, second], [record(number) for number in range(10)], batch=4)
    assert (report.created, report.encoded, len(decoded)) == (10, 10, 10)
    assert (first.passed, second.passed) == (10, 10)
    assert first.preprocessed + second.preprocessed == 10
    check(pool, [frozen(), other_trunk()], {f"id-{number}": number for number in range(10)})


@pytest.mark.parametrize("adapted", [same_trunk, other_trunk])
def test_what_was_taken_in_before_the_switch_is_as_what_is_taken_in_after_it(pool, adapted):
    records = [record(number) for number in range(12)]
    take_in(pool, [frozen()], records[:6])
    serve(pool, adapted())
    take_in(pool, [frozen(), adapted()], records[6:])
    check(pool, [frozen(), adapted()], {f"id-{number}": number for number in range(12)})


def test_new_words_cost_no_forward_pass_unless_a_new_domain_needs_one(pool):
    records = [record(number) for number in range(6)]
    take_in(pool, [frozen()], records)
    serve(pool, other_trunk())
    first, second = frozen(), other_trunk()
    relabelled = [record(number, label="y") for number in range(6)]
    assert take_in(pool, [first, second], relabelled).updated == 6
    assert (first.passed, second.passed, first.preprocessed, second.preprocessed) == (0, 0, 0, 0)
    moved = [record(number, domain="d1") for number in range(6)]
    report = take_in(pool, [first, second], moved)
    assert (report.updated, report.encoded) == (6, 4)
    assert (first.passed, second.passed) == (0, 4)  # two were in d1 before
    check(pool, [frozen(), other_trunk()], {f"id-{number}": number for number in range(6)})
    serve(pool, same_trunk())
    first, second = frozen(), same_trunk()
    assert take_in(pool, [first, second], [record(number, domain="d0") for number in range(6)]).updated == 6
    assert (first.passed, second.passed) == (0, 0)
    check(pool, [frozen(), same_trunk()], {f"id-{number}": number for number in range(6)})


def test_a_switch_on_the_way_is_followed_where_the_encoders_can_be_had(pool):
    in_use = [[frozen()]]

    class Switching(CountingEncoder):
        def forward(self, batch):
            if self.passed == 12:
                serve(pool, other_trunk())
                in_use.append([frozen(), other_trunk()])
            return super().forward(batch)

    records = [record(number) for number in range(40)]
    report = take_in(pool, [Switching()], records, batch=4, reload=lambda: in_use[-1])
    assert (report.created, len(report.failed)) == (40, 0)
    first, second = in_use[-1]
    assert first.passed <= 40 - 16  # what version 1 had encoded isn't encoded again
    assert second.passed <= 40 - 8
    check(pool, in_use[-1], {f"id-{number}": number for number in range(40)})


def test_a_switch_on_the_way_ends_an_intake_that_cannot_follow_and_the_next_goes_on(pool):
    class Switching(CountingEncoder):
        def forward(self, batch):
            if self.passed == 12:
                serve(pool, other_trunk())
            return super().forward(batch)

    records = [record(number) for number in range(40)]
    with pytest.raises(EncoderVersionChangedError):
        take_in(pool, [Switching()], records, batch=4)
    committed = pool.summary().demonstrations
    assert 8 <= committed <= 12
    with pytest.raises(EncoderVersionChangedError):
        take_in(pool, [frozen()], records)
    with pytest.raises(FingerprintMismatchError):
        take_in(pool, [other_trunk()], records)
    report = take_in(pool, [frozen(), other_trunk()], records)
    assert (report.created, report.unchanged) == (40 - committed, committed)
    check(pool, [frozen(), other_trunk()], {f"id-{number}": number for number in range(40)})


def test_after_a_way_back_to_version_1_its_encoder_is_enough(pool):
    serve(pool, other_trunk())
    pool.switch(1, recode_by(frozen(), pool.fingerprint, LIMITS))
    take_in(pool, [frozen()], [record(0)])
    take_in(pool, [frozen(), other_trunk()], [record(1)])
    check(pool, [frozen()], {"id-0": 0, "id-1": 1})


def test_vectors_are_made_from_those_of_version_1_only_where_that_is_the_trunk(pool):
    take_in(pool, [frozen()], [record(number) for number in range(5)])
    shared, own = same_trunk(), other_trunk()
    pool.fill(add(pool, shared).number, recode_by(shared, pool.fingerprint, LIMITS))
    pool.fill(add(pool, own).number, recode_by(own, pool.fingerprint, LIMITS))
    assert (shared.passed, own.passed) == (0, 5)
    serve(pool, shared)
    pool.rebuild(recode_by(frozen(), pool.fingerprint, LIMITS, from_images=True))
    pool.rebuild(recode_by(shared, pool.fingerprint, LIMITS), pool.snapshots().serving.number)
    check(pool, [frozen(), same_trunk()], {f"id-{number}": number for number in range(5)})


def test_an_image_that_a_calibration_leaves_no_direction_fails_alone(pool):
    take_in(pool, [frozen()], [record(number) for number in range(4)])
    (centre,) = frozen().encode([decode(png(7))])
    lonely = Calibration((Centring(("d0", "d1"), np.stack([np.zeros(16, np.float32), centre])),))
    serve(pool, PixelEncoder(calibration=lonely))
    records = [record(number) for number in range(5, 10)]
    report = take_in(pool, [frozen(), PixelEncoder(calibration=lonely)], records)
    assert [failure.where for failure in report.failed] == ["record 7"]
    images = {f"id-{number}": number for number in (0, 1, 2, 3, 5, 6, 8, 9)}
    check(pool, [frozen(), PixelEncoder(calibration=lonely)], images)
