"""Somebody who inserts, replaces, relabels and deletes demonstrations of their own, and knows what must be stored."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.chaos.ledger import Ledger
from benchmarks.chaos.person import PASSING, Person, was_sent
from benchmarks.chaos.pictures import DOMAINS, LABELS, POOL, Pictures
from benchmarks.chaos.worlds import Change, Deletion, Held, Redomaining, Relabelling, State, Upsert, Worlds
from invariantselect import NewDemonstration
from invariantselect.errors import DemonstrationNotFoundError
from invariantselect.wire.demonstrations import BatchOutcome, Demonstration

__all__ = ["Writer", "held"]

_NEW_IDS = 14
_MOST_WORLDS = 16
_NOBODY = "nobody"


class Writer(Person):
    """Nobody else touches their ids.

    Args:
        addresses: Of the servers.
        seed: Of what is done; also the beginning of their new ids.
        ledger: What happened.
        pictures: What they take images from.
        state: Those of the stored demonstrations that are theirs.
    """

    def __init__(self, addresses: Sequence[str], seed: str, ledger: Ledger, pictures: Pictures, state: State) -> None:
        super().__init__(addresses, seed, ledger)
        self._pictures = pictures
        self.ids = sorted(state) + [f"{seed}/{number}" for number in range(_NEW_IDS)]
        self.worlds = Worlds(state)
        self._again: Change | None = None

    def act(self) -> None:
        """Change something; after a change that wasn't answered, ask for the same again, or look what came of it."""
        if len(self.worlds.likeliest) == 0 or self.worlds.certain:
            self._again = None
        if self._again is not None and self.chance.random() < 0.5:
            self._do(self._again)
        elif self.chance.random() < (0.05 if self.worlds.certain else 0.4) or self._too_many_worlds():
            self.look()
        else:
            self._do(self._change())

    def look(self) -> None:
        """Ask for all that may be theirs.

        Before, something is written, to no effect: of a server that was killed PostgreSQL may still be committing the
        last transaction, and behind the lock that writes take nothing is left that could come to effect.
        """
        if not self.worlds.certain:
            self.client.delete(POOL, [_NOBODY])
        answer = self.client.get_many(POOL, self.ids)
        self.worlds.observed({each.id: held(each) for each in answer.demonstrations})
        self.ledger.count("looks")

    def _too_many_worlds(self) -> bool:
        return len(self.worlds._states) > _MOST_WORLDS

    def _change(self) -> Change:
        kind = self.chance.choices(["upsert", "delete", "relabel", "redomain"], [6, 2, 2, 1])[0]
        if kind == "upsert":
            new = {id: self._invented() for id in self.chance.sample(self.ids, self.chance.randint(1, 6))}
            self.ledger.sent(new)
            return Upsert(new)
        if kind == "delete":
            return Deletion(self.chance.sample(self.ids, self.chance.randint(1, 3)))
        if kind == "relabel":
            labels = {id: self.chance.choice(LABELS) for id in self.chance.sample(self.ids, 3)}
            for id, label in labels.items():
                self.ledger.relabelled(id, label)
            return Relabelling(labels)
        return Redomaining(self.chance.choice(self.ids), self.chance.choice([None, *DOMAINS]))

    def _invented(self) -> Held:
        domain, label = self.chance.choice(DOMAINS), self.chance.choice(LABELS)
        sha256 = self._pictures.some(domain, label, self.chance)
        metadata = {"n": self.chance.randint(0, 3)} if self.chance.random() < 0.5 else {}
        return Held(sha256, label, None if self.chance.random() < 0.2 else domain, metadata)

    def _do(self, change: Change) -> None:
        try:
            statuses = self._send(change)
        except PASSING as error:
            if was_sent(error):
                self.worlds.unanswered(change)
                self._again = change
                self.ledger.count("unanswered changes")
            raise
        self.ledger.count("acknowledged changes")
        self.worlds.answered(change, statuses)

    def _send(self, change: Change) -> Sequence[str]:
        match change:
            case Upsert(new):
                sent = [self._new(id, each) for id, each in new.items()]
                return self._told(self.client.upsert(POOL, sent))
            case Deletion(ids):
                return self._told(self.client.delete(POOL, ids))
            case Relabelling(labels):
                return self._told(self.client.relabel(POOL, labels))
            case Redomaining(id, domain):
                try:
                    self.client.patch(POOL, id, domain=domain)
                except DemonstrationNotFoundError:
                    return ["failed"]
                return ["patched"]
        raise AssertionError(change)

    def _told(self, written: BatchOutcome) -> list[str]:
        self.ledger.wrote(written.snapshot)
        return [each.status for each in written.outcomes]

    def _new(self, id: str, each: Held) -> NewDemonstration:
        image = self._pictures.content(each.sha256)
        return NewDemonstration(id, image, each.label, each.domain, metadata=dict(each.metadata))


def held(stored: Demonstration) -> Held:
    """What the service says of a demonstration, for comparison."""
    metadata = {key: int(value) for key, value in stored.metadata.items() if isinstance(value, int)}
    return Held(stored.image_sha256, stored.label, stored.domain, metadata)
