"""An intake's batches on their way from the encoders into the pool, and what a switch on the way does to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeAlias

from encoders.decode import DecodeLimits
from encoders.encoder import Encoder
from index.checking import check_fingerprints
from index.demonstration import Entry, Outcome
from index.encoding import entries_of
from index.intake_report import Tally
from index.pool import Pool
from index.preparation import Failed, Prepared, Seen, prepare, serves
from invariantselect.errors import EncoderVersionChangedError, InternalError

__all__ = ["EncodersInUse", "IntakeBatch", "Reload"]

Reload: TypeAlias = Callable[[], Sequence[Encoder]]
"""Gives the encoders of a pool's live versions, as they are now."""


class EncodersInUse:
    """The encoders of an intake, which a switch may change on the way.

    Args:
        pool: Where to.
        encoders: Of its live versions.
        limits: What images are refused.
        reload: Gives the encoders after a switch; None to give up.

    Raises:
        FingerprintMismatchError: None of the encoders is the one that the pool was made with.
        EncoderVersionChangedError: That of the version that serves is missing, and `reload` is None.
    """

    def __init__(self, pool: Pool, encoders: Sequence[Encoder], limits: DecodeLimits, reload: Reload | None) -> None:
        self._pool = pool
        self._limits = limits
        self._reload = reload
        self.encoders = list(encoders)
        try:
            self._check()
        except EncoderVersionChangedError as error:
            self.change(error)

    def prepare(self, seen: Seen) -> Prepared | Failed:
        """Decode and preprocess for all of them."""
        return prepare(self.encoders, self._limits, seen)

    def change(self, error: EncoderVersionChangedError) -> None:
        """Take the encoders of the versions that are live by now; raise the error where they can't be had."""
        if self._reload is None:
            raise error
        self.encoders = list(self._reload())
        self._check()

    def _check(self) -> None:
        check_fingerprints([encoder.identity.fingerprint for encoder in self.encoders], self._pool.live())


class IntakeBatch:
    """One batch: encoded when it is made, then written, then settled."""

    def __init__(self, pool: Pool, using: EncodersInUse, group: Sequence[Prepared], tally: Tally) -> None:
        self._pool = pool
        self._using = using
        self._tally = tally
        self._group = list(group)
        self._entries = self._encoded()
        self._written: Future[list[Outcome]] = Future()

    def write(self, writer: ThreadPoolExecutor) -> None:
        """Begin to write it."""
        self._written = writer.submit(self._pool.write, self._entries)

    def settle(self, writer: ThreadPoolExecutor) -> None:
        """Wait until it is written; when the pool's encoder was switched meanwhile, encode it again, and write it."""
        while True:
            try:
                outcomes = self._written.result()
                break
            except EncoderVersionChangedError as error:
                self._using.change(error)
                pairs = zip(self._group, self._entries, strict=True)
                self._group = [replace(each, known={**each.known, **entry.vectors}) for each, entry in pairs]
                self._entries = self._encoded()
                self.write(writer)
        for each, outcome in zip(self._group, outcomes, strict=True):
            self._tally.settle(each.seen.record.where, outcome)
        self._tally.tell()

    def _encoded(self) -> list[Entry]:
        encoders = self._using.encoders
        self._group = [each if serves(each, encoders) else self._prepared_again(each) for each in self._group]
        self._tally.report.encoded += sum(any(trunk not in each.known for trunk in each.pixels) for each in self._group)
        results = entries_of(encoders, self._group)
        for each, result in zip(self._group, results, strict=True):
            if isinstance(result, InternalError):
                self._tally.fail(each.seen.record.where, each.seen.record.id, result)
        sound = [not isinstance(result, InternalError) for result in results]
        self._group = [each for each, kept in zip(self._group, sound, strict=True) if kept]
        return [result for result in results if isinstance(result, Entry)]

    def _prepared_again(self, each: Prepared) -> Prepared:
        again = self._using.prepare(replace(each.seen, known=each.known))
        if isinstance(again, Failed):  # it was decoded before, so only memory can be short
            raise again.error
        return again
