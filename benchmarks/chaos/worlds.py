"""What a writer knows of its demonstrations: one state, or several where requests were never answered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

__all__ = ["Change", "Contradiction", "Deletion", "Held", "Redomaining", "Relabelling", "State", "Upsert", "Worlds"]


@dataclass(frozen=True)
class Held:
    """A demonstration as it is stored.

    Attributes:
        sha256: Of its image.
        label: What it shows.
        domain: Where it comes from.
        metadata: Anything else.
    """

    sha256: str
    label: str
    domain: str | None = None
    metadata: Mapping[str, int] = field(default_factory=dict)


State = Mapping[str, Held]
"""Demonstrations by id. Never changed, only replaced."""


class Contradiction(Exception):  # noqa: N818 -- it is a finding, not a mistake of the caller
    """What the service says can't be, whichever of the unanswered requests came to effect."""


class Change(ABC):
    """What a request asks for; all of it comes to effect or none."""

    @abstractmethod
    def after(self, state: State) -> tuple[State, list[str]]:
        """The state after it, and the status of each demonstration in the answer."""


@dataclass(frozen=True)
class Upsert(Change):
    """Insert or replace.

    Attributes:
        new: By id.
    """

    new: State

    def after(self, state: State) -> tuple[State, list[str]]:
        """As `Change.after`."""
        return {**state, **self.new}, [_status(state.get(id), new) for id, new in self.new.items()]


@dataclass(frozen=True)
class Deletion(Change):
    """Delete.

    Attributes:
        ids: Which.
    """

    ids: Sequence[str]

    def after(self, state: State) -> tuple[State, list[str]]:
        """As `Change.after`."""
        left = {id: held for id, held in state.items() if id not in self.ids}
        return left, ["deleted" if id in state else "failed" for id in self.ids]


@dataclass(frozen=True)
class Relabelling(Change):
    """Give new labels.

    Attributes:
        labels: By id.
    """

    labels: Mapping[str, str]

    def after(self, state: State) -> tuple[State, list[str]]:
        """As `Change.after`."""
        changed = {id: replace(state[id], label=label) for id, label in self.labels.items() if id in state}
        return {**state, **changed}, [_patched(state.get(id), changed.get(id)) for id in self.labels]


@dataclass(frozen=True)
class Redomaining(Change):
    """Give one demonstration a new domain, which gives it new vectors.

    Attributes:
        id: Which.
        domain: The new one.
    """

    id: str
    domain: str | None

    def after(self, state: State) -> tuple[State, list[str]]:
        """As `Change.after`; the status is ``failed`` or ``patched``, as the route doesn't tell more."""
        if self.id not in state:
            return state, ["failed"]
        return {**state, self.id: replace(state[self.id], domain=self.domain)}, ["patched"]


class Worlds:
    """The states that a writer's demonstrations may be in.

    Args:
        state: What they are in at first.
    """

    def __init__(self, state: State) -> None:
        self._states: list[State] = [state]

    @property
    def likeliest(self) -> State:
        """One of them, to choose ids from."""
        return self._states[-1]

    @property
    def certain(self) -> bool:
        """Whether there is only one."""
        return len(self._states) == 1

    def answered(self, change: Change, statuses: Sequence[str]) -> None:
        """A change was acknowledged: only states in which it has this answer were possible.

        Raises:
            Contradiction: There is none.
        """
        outcomes = [change.after(state) for state in self._states]
        left = [after for after, expected in outcomes if expected == list(statuses)]
        if not left:
            expected = " or ".join(str(each) for _, each in outcomes)
            raise Contradiction(f"{change} was answered {list(statuses)}, not {expected}")
        self._states = _distinct(left)

    def unanswered(self, change: Change) -> None:
        """A change was sent, and nobody knows whether it came to effect."""
        self._states = _distinct([*self._states, *(change.after(state)[0] for state in self._states)])

    def observed(self, state: State) -> None:
        """This is what they are in.

        Raises:
            Contradiction: It can't be.
        """
        if state not in self._states:
            raise Contradiction("; or ".join(_difference(possible, state) for possible in self._states))
        self._states = [state]


def _status(old: Held | None, new: Held) -> str:
    if old is None:
        return "created"
    if old.sha256 != new.sha256:
        return "replaced"
    return "unchanged" if old == new else "updated"


def _patched(old: Held | None, new: Held | None) -> str:
    if old is None:
        return "failed"
    return "unchanged" if old == new else "updated"


def _distinct(states: Sequence[State]) -> list[State]:
    kept: list[State] = []
    for state in states:
        if state not in kept:
            kept.append(state)
    return kept


def _difference(expected: State, found: State) -> str:
    told = [f"{id} is lost" for id in expected if id not in found]
    told += [f"{id} came from nowhere" for id in found if id not in expected]
    told += [f"{id} is {found[id]}, not {held}" for id, held in expected.items() if id in found and found[id] != held]
    return ", ".join(told[:5])
