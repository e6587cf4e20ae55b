"""Taking labelled images into a pool: read, hash, skip what is there, decode, encode, write, each batch durably."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import numpy as np

from encoders.decode import DecodeLimits
from encoders.encoder import Encoder
from index.checking import check_fingerprint
from index.demonstration import Entry, Outcome, Probe
from index.intake_report import Failure, IntakeReport, Progress, Settled, Tally
from index.lookahead import ahead, batches
from index.pool import Pool
from index.preparation import Failed, Prepared, Seen, prepare, read_image
from index.sources.record import Ignored, Item, KnownVector, Record, Rejected
from invariantselect.errors import DemonstrationInvalidError

__all__ = ["Failure", "IntakeReport", "Progress", "Settled", "take_in"]

_READERS = 4
_READ_AHEAD = 16
_BYTES_AT_ONCE = 128 * 1024 * 1024  # of image files, in each of the two places where they wait


def take_in(
    pool: Pool,
    encoder: Encoder,
    records: Iterable[Item],
    *,
    limits: DecodeLimits = DecodeLimits(),  # noqa: B008 -- frozen
    batch: int = 64,
    progress: Progress | None = None,
    workers: int | None = None,
    settled: Settled | None = None,
) -> IntakeReport:
    """Take records into a pool; what can't be taken is reported, and the rest goes in.

    An image is hashed before anything else, and one that is in the pool just so is not even decoded. One whose words
    alone are new keeps its vector. Threads read and decode ahead of the encoder, and one writes behind it; each batch
    is one durable transaction, so that whatever ends an intake, the next one goes on from the last batch. Memory is
    bounded whatever the number of records. An id that comes again fails: it would undo what was taken in before.

    Args:
        pool: Where to.
        encoder: Of the pool's fingerprint.
        records: A source, or any records: an upload's images in memory will do.
        limits: What images are refused.
        batch: How many images are encoded and committed together.
        progress: Called after each batch with (done, total or None, failed, encoded).
        workers: Threads that decode; as many as the machine has cores, at most 8, for None.
        settled: Called once for each record with where it stands and its outcome.

    Returns:
        What became of the records.

    Raises:
        FingerprintMismatchError: The encoder is not the pool's.
        PoolNotFoundError: The pool was dropped.
        CatalogUnavailableError: The database doesn't answer, or the disk is full; committed batches stay.
    """
    check_fingerprint(encoder.identity.fingerprint, pool.fingerprint)
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
            partial(prepare, encoder, limits),
            changed,
            depth=batch,
            weigh=_bytes_of_seen,
            budget=_BYTES_AT_ONCE,
        )
        ready = batches(sound.only_prepared(prepared), batch, weigh=_bytes_of_prepared, budget=_BYTES_AT_ONCE)
        _encode_and_write(pool, encoder, ready, writer, tally)
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
    """Those that aren't in the pool just so; with the vector that the pool has, where only the words are new."""
    for group in batches(images, batch, weigh=_bytes_of_seen, budget=_BYTES_AT_ONCE):
        probes = [_probe(each) for each in group]
        changed = []
        for each, same in zip(group, pool.unchanged(probes), strict=True):
            if same:
                tally.settle(each.record.where, Outcome(each.record.id, "unchanged"))
            else:
                changed.append(each)
        tally.tell()
        yield from _with_known_vectors(pool, changed)


def _probe(seen: Seen) -> Probe:
    record = seen.record
    return Probe(record.id, seen.sha256, record.label, record.domain, record.group, record.metadata)


def _with_known_vectors(pool: Pool, images: Sequence[Seen]) -> Iterator[Seen]:
    stored = pool.get([each.record.id for each in images])
    same_image = [old is not None and old.sha256 == each.sha256 for each, old in zip(images, stored, strict=True)]
    snapshot = pool.snapshot() if any(same_image) else None
    for each, same in zip(images, same_image, strict=True):
        if snapshot is None or not same:
            yield each
            continue
        position = snapshot.position_of(each.record.id)
        # Another process may have replaced the image since: then its vector is not this image's.
        if position is None or snapshot.demonstration(position).sha256 != each.sha256:
            yield each
            continue
        vector = KnownVector(snapshot.vectors(np.array([position], dtype=np.int64))[0], pool.fingerprint)
        yield replace(each, record=replace(each.record, vector=vector))


def _encode_and_write(
    pool: Pool, encoder: Encoder, ready: Iterable[list[Prepared]], writer: ThreadPoolExecutor, tally: Tally
) -> None:
    """Encode one batch while the one before is being written."""
    under_way: tuple[list[Prepared], Future[list[Outcome]]] | None = None
    for group in ready:
        entries = _entries(encoder, group, tally)
        if under_way:
            _settle(*under_way, tally)
        under_way = group, writer.submit(pool.write, entries)
    if under_way:
        _settle(*under_way, tally)


def _settle(group: Sequence[Prepared], written: Future[list[Outcome]], tally: Tally) -> None:
    for each, outcome in zip(group, written.result(), strict=True):
        tally.settle(each.seen.record.where, outcome)
    tally.tell()


def _entries(encoder: Encoder, group: Sequence[Prepared], tally: Tally) -> list[Entry]:
    pixels = [each.pixels for each in group if each.pixels is not None]
    encoded = iter(encoder.forward(np.stack(pixels)) if pixels else ())
    tally.report.encoded += len(pixels)
    entries = []
    for each in group:
        record = each.seen.record
        entry = Entry(
            id=record.id,
            image=each.seen.image,
            header=each.header,
            label=record.label,
            vector=each.vector if each.vector is not None else next(encoded),
            fingerprint=encoder.identity.fingerprint,
            domain=record.domain,
            group=record.group,
            metadata=record.metadata,
        )
        entries.append(entry)
    return entries


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
