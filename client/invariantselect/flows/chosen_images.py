"""The images of what was chosen. They are fetched after it: where one was replaced between, it is chosen anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

from invariantselect.calls import Flow, many, off_the_loop
from invariantselect.errors import (
    DemonstrationNotFoundError,
    ImageNotFoundError,
    InvariantSelectError,
    SelectionOutdatedError,
    StoreCorruptError,
)
from invariantselect.flows.demonstrations import image_call
from invariantselect.wire.selections import Selected, Selection

__all__ = ["ChosenImages"]

_ATTEMPTS = 3
_OF_ONE_IMAGE = (DemonstrationNotFoundError, ImageNotFoundError, StoreCorruptError)

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")
Ask: TypeAlias = Callable[[Sequence[AskedT]], Flow[list[AnswerT]]]


class ChosenImages:
    """Image files by id, each fetched once however many selections it stands in.

    Args:
        pool: Whose they are.
    """

    def __init__(self, pool: str) -> None:
        self._pool = pool
        self._files: dict[str, bytes] = {}
        self._hashes: dict[str, str] = {}
        self._failed: dict[str, InvariantSelectError] = {}

    def __getitem__(self, id: str) -> bytes:
        if id in self._failed:
            raise self._failed[id]
        return self._files[id]

    def of(self, selection: Selection) -> dict[str, bytes]:
        """The files of one selection."""
        return {chosen.id: self._files[chosen.id] for chosen in selection.demonstrations}

    def fetch(self, ids: Iterable[str]) -> Flow[None]:
        """Fetch those that aren't here. What is wrong with one of them is told when it is asked for."""
        files = yield from self._fetched([id for id in dict.fromkeys(ids) if id not in self._files])
        self._hashes |= yield from off_the_loop(partial(_hashes, files))
        self._files |= files
        for id in files:
            self._failed.pop(id, None)

    def _fetched(self, ids: Sequence[str]) -> Flow[dict[str, bytes]]:
        """Those of the images that are there; halves tell which isn't, and are still fetched side by side."""
        try:
            return dict(zip(ids, (yield from many([image_call(self._pool, id) for id in ids])), strict=True))
        except _OF_ONE_IMAGE as error:
            if len(ids) == 1:
                self._failed[ids[0]] = error
                return {}
        half = len(ids) // 2
        return {**(yield from self._fetched(ids[:half])), **(yield from self._fetched(ids[half:]))}

    def asked(
        self,
        asked: Sequence[AskedT],
        ask: Ask[AskedT, AnswerT],
        selections_of: Callable[[AnswerT], Sequence[Selection]],
        *,
        together: bool = False,
    ) -> Flow[list[AnswerT | InvariantSelectError]]:
        """Ask, and fetch the images; ask again for what was chosen by an image that isn't the demonstration's any more.

        A label beside an image that it wasn't given to would teach the model something wrong.

        Args:
            asked: Queries.
            ask: Asks for some of them.
            selections_of: What a query's answer chose.
            together: Whether answers hang on what else is asked: all are asked again then.

        Returns:
            For each query its answer, the images here; or the error, where one of its images was replaced each time
            (`SelectionOutdatedError`), is gone or lost.
        """
        answers: dict[int, AnswerT] = {}
        wrong: dict[int, InvariantSelectError] = {}
        due = list(range(len(asked)))
        for _ in range(_ATTEMPTS):
            answers |= dict(zip(due, (yield from ask([asked[place] for place in due])), strict=True))
            chosen = {place: _chosen(selections_of(answer)) for place, answer in answers.items()}
            for each in (each for some in chosen.values() for each in some):
                if self._replaced(each):  # the file is of an earlier answer
                    del self._files[each.id]
            yield from self.fetch(each.id for some in chosen.values() for each in some)
            wrong = {place: error for place in chosen if (error := self._wrong_with(chosen[place])) is not None}
            due = [place for place, error in wrong.items() if not isinstance(error, StoreCorruptError)]
            if not due:
                break
            due = list(answers) if together else due
        return [wrong.get(place, answers[place]) for place in range(len(asked))]

    def _replaced(self, chosen: Selected) -> bool:
        """Whether the file here is another than was chosen."""
        return chosen.id in self._files and chosen.image_sha256 not in (None, self._hashes[chosen.id])

    def _wrong_with(self, chosen: Sequence[Selected]) -> InvariantSelectError | None:
        for each in chosen:
            if each.id in self._failed:
                return self._failed[each.id]
            if self._replaced(each):
                return SelectionOutdatedError(f"the demonstration {each.id!r:.100} has a new image", id=each.id)
        return None


def _chosen(selections: Sequence[Selection]) -> list[Selected]:
    return [chosen for selection in selections for chosen in selection.demonstrations]


def _hashes(files: dict[str, bytes]) -> dict[str, str]:
    return {id: hashlib.sha256(content).hexdigest() for id, content in files.items()}
