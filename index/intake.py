"""Taking labelled images into a pool: read, hash, skip what is there, decode, encode, write, each batch durably."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from encoders.decode import DecodeLimits
from encoders.encoder import Encoder
from index.demonstration import Outcome, Probe
from index.encoder_version import EncoderVersion
from index.intake_batches import EncodersInUse, IntakeBatch, Reload
from index.intake_report import Failure, IntakeReport, Progress, Settled, Tally
from index.lookahead import ahead, batches
from index.pool import Pool
from index.preparation import Failed, Prepared, Seen, read_image
from index.snapshot import Snapshot
from index.sources.record import Ignored, Item, Record, Rejected
from invariantselect.errors import DemonstrationInvalidError

__all__ = ["Failure", "IntakeReport", "Progress", "Reload", "Settled", "take_in"]


_READERS = 4
_READ_AHEAD = 16
_BYTES_AT_ONCE = 128 * 1024 * 1024  # of image files, in each of the two places where they wait


def take_in(
    pool: Pool,
    encoders: Sequence[Encoder],
    records: Iterable[Item],
    *,
    limits: DecodeLimits = DecodeLimits(),  # noqa: B008 -- frozen
    batch: int = 64,
    progress: Progress | None = None,
    workers: int | None = None,
    settled: Settled | None = None,
    reload: Reload | None = None,
) -> IntakeReport:
    """Take records into a pool; what can't be taken is reported, and the rest goes in.

    An image is hashed before anything else, and one that is in the pool just so is not even decoded. One whose words
    alone are new keeps its vector. Threads read and decode ahead of the encoder, and one writes behind it; each batch
    is one durable transaction, so that whatever ends an intake, the next one goes on from the last batch. An image is
    decoded once, whatever the number of encoders, and encoders with one trunk share its forward pass. In memory are a
    few batches, every record's id and what is to be told of those that fail. An id that comes again fails: it would
    undo what was taken in before.

    Args:
        pool: Where to.
        encoders: Of the pool's live versions (`Pool.live`).
        records: A source, or any records: an upload's images in memory will do.
        limits: What images are refused.
        batch: How many images are encoded and committed together.
        progress: Called after each batch with (done, total or None, failed, encoded).
        workers: Threads that decode; as many as the machine has cores, at most 8, for None.
        settled: Called once for each record with where it stands and its outcome.
        reload: Asked for the encoders of the pool's live versions when a switch comes in between; the batch at hand is
            then encoded by these.

    Returns:
        What became of the records.

    Raises:
        FingerprintMismatchError: None of the encoders is the one that the pool was made with.
        EncoderVersionChangedError: The pool's encoder was switched, and `reload` is None. Committed batches stay; what
            is left is taken in by another intake with the encoders of `Pool.live`.
        PoolNotFoundError: The pool was dropped.
        CatalogUnavailableError: The database doesn't answer, or the disk is full; committed batches stay.
    """
    using = EncodersInUse(pool, encoders, limits, reload)
    tally = Tally(records, progress, settled)
    with ExitStack() as stack:
        readers = stack.enter_context(_threads(_READERS, "intake-read"))
        decoders = stack.enter_context(_threads(workers or min(os.cpu_count() or 1, 8), "intake-decode"))
        writer = stack.enter_context(_threads(1, "intake-write"))
        sound = _Sound(tally)
        read = ahead(readers, read_image, sound.records(records), depth=_READ_AHEAD)
        changed = _changed(pool, sound.only_seen(read), tally, batch)
        prepared = ahead(
            decoders,
            using.prepare,
            changed,
            depth=batch,
            weigh=_bytes_of_seen,
            budget=_BYTES_AT_ONCE,
        )
        ready = batches(sound.only_prepared(prepared), batch, weigh=_bytes_of_prepared, budget=_BYTES_AT_ONCE)
        _encode_and_write(pool, using, ready, writer, tally)
    tally.tell()
    return tally.report


class _Sound:
    """Lets through what is sound and counts the rest."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._ids: set[str] = set()

    def records(self, items: Iterable[Item]) -> Iterator[Record]:
        for item in items:
            if isinstance(item, Rejected):
                self._tally.fail(item.where, item.where, item.error)
            elif isinstance(item, Ignored):
                self._tally.report.ignored.append(item)
            elif item.id in self._ids:
                error = DemonstrationInvalidError(f"The id {item.id!r} was given before in the same intake.")
                self._tally.fail(item.where, item.id, error)
            else:
                self._ids.add(item.id)
                yield item

    def only_seen(self, results: Iterable[Seen | Failed]) -> Iterator[Seen]:
        for result in results:
            if isinstance(result, Seen):
                yield result
            else:
                self._tally.fail(result.record.where, result.record.id, result.error)

    def only_prepared(self, results: Iterable[Prepared | Failed]) -> Iterator[Prepared]:
        for result in results:
            if isinstance(result, Prepared):
                yield result
            else:
                self._tally.fail(result.record.where, result.record.id, result.error)


def _changed(pool: Pool, images: Iterable[Seen], tally: Tally, batch: int) -> Iterator[Seen]:
    """Those that aren't in the pool just so; with the vectors that the pool has, where only the words are new."""
    vectors = _KnownVectors(pool)
    for group in batches(images, batch, weigh=_bytes_of_seen, budget=_BYTES_AT_ONCE):
        probes = [_probe(each) for each in group]
        changed = []
        for each, same in zip(group, pool.unchanged(probes), strict=True):
            if same:
                tally.settle(each.record.where, Outcome(each.record.id, "unchanged"))
            else:
                changed.append(each)
        tally.tell()
        yield from vectors.added(changed)


def _probe(seen: Seen) -> Probe:
    record = seen.record
    return Probe(record.id, seen.sha256, record.label, record.domain, record.group, record.metadata)


class _KnownVectors:
    """The vectors that a pool has, as of when they were first asked for: a row's never change, so an old snapshot does
    for all images that are in it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._snapshots: dict[int, Snapshot] = {}

    def added(self, images: Sequence[Seen]) -> Iterator[Seen]:
        """The images, those that the pool has with their vectors."""
        stored = self._pool.get([each.record.id for each in images])
        same_image = [old is not None and old.sha256 == each.sha256 for each, old in zip(images, stored, strict=True)]
        if not any(same_image):
            yield from images
            return
        versions = {version.number: version for version in self._pool.live()}
        fresh = False
        for each, same in zip(images, same_image, strict=True):
            known = self._of(each, versions) if same else {}
            if same and len(known) < len(versions) and not fresh:
                together, fresh = self._pool.snapshots(), True
                both = [together.frozen] if together.adapted is None else [together.frozen, together.adapted]
                self._snapshots = {snapshot.number: snapshot for snapshot in both}
                known = self._of(each, versions)
            yield replace(each, known=known) if known else each

    def _of(self, image: Seen, versions: Mapping[int, EncoderVersion]) -> dict[str, Float32[np.ndarray, " dim"]]:
        known = {}
        for number, version in versions.items():
            snapshot = self._snapshots.get(number)
            position = None if snapshot is None else snapshot.position_of(image.record.id)
            if snapshot is None or position is None or snapshot.fingerprint != version.fingerprint:
                continue
            old = snapshot.demonstration(position)
            # Another process may have replaced the image since: then its vector is not this image's.
            unmoved = old.domain == image.record.domain or not version.looks_at_domains
            if old.sha256 == image.sha256 and unmoved:
                known[snapshot.fingerprint] = snapshot.vectors(np.array([position], dtype=np.int64))[0]
        return known


def _encode_and_write(
    pool: Pool, using: EncodersInUse, ready: Iterable[list[Prepared]], writer: ThreadPoolExecutor, tally: Tally
) -> None:
    """Encode one batch while the one before is being written."""
    under_way: IntakeBatch | None = None
    for group in ready:
        batch = IntakeBatch(pool, using, group, tally)
        if under_way:
            under_way.settle(writer)
        batch.write(writer)
        under_way = batch
    if under_way:
        under_way.settle(writer)


@contextmanager
def _threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    executor = ThreadPoolExecutor(count, thread_name_prefix=name)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _bytes_of_seen(seen: Seen) -> int:
    return len(seen.image)


def _bytes_of_prepared(prepared: Prepared) -> int:
    return len(prepared.seen.image)
