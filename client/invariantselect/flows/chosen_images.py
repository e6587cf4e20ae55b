"""The images of what was chosen. They are fetched after it: where one was replaced between, it is chosen anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from invariantselect.calls import Flow, many, off_the_loop
from invariantselect.errors import DemonstrationNotFoundError, ImageNotFoundError, SelectionOutdatedError
from invariantselect.flows.demonstrations import image_call
from invariantselect.wire.selections import Selected, Selection

__all__ = ["ChosenImages"]

_ATTEMPTS = 3

AskedT = TypeVar("AskedT")
AnswerT = TypeVar("AnswerT")


class ChosenImages:
    """Image files by id, each fetched once however many selections it stands in.

    Args:
        pool: Whose they are.
    """

    def __init__(self, pool: str) -> None:
        self._pool = pool
        self._files: dict[str, bytes] = {}
        self._hashes: dict[str, str] = {}

    def __getitem__(self, id: str) -> bytes:
        return self._files[id]

    def of(self, selection: Selection) -> dict[str, bytes]:
        """The files of one selection."""
        return {chosen.id: self._files[chosen.id] for chosen in selection.demonstrations}

    def fetch(self, ids: Iterable[str]) -> Flow[None]:
        """Fetch those that aren't here."""
        due = [id for id in dict.fromkeys(ids) if id not in self._files]
        files = dict(zip(due, (yield from many([image_call(self._pool, id) for id in due])), strict=True))
        self._hashes |= yield from off_the_loop(partial(_hashes, files))
        self._files |= files

    def asked(
        self,
        asked: Sequence[AskedT],
        ask: Callable[[Sequence[AskedT]], Flow[list[AnswerT]]],
        selections_of: Callable[[AnswerT], Sequence[Selection]],
    ) -> Flow[list[AnswerT]]:
        """Ask, and fetch the images; ask again for what was chosen by an image that isn't the demonstration's any more.

        A label beside an image that it wasn't given to would teach the model something wrong.

        Args:
            asked: Queries.
            ask: Asks for some of them.
            selections_of: What a query's answer chose.

        Returns:
            An answer for each query; the images are here.

        Raises:
            SelectionOutdatedError: Images were replaced each time.
            DemonstrationNotFoundError: A chosen one was gone each time.
            ImageNotFoundError: As before.
        """
        answers: dict[int, AnswerT] = {}
        due = list(range(len(asked)))
        gone: DemonstrationNotFoundError | ImageNotFoundError | None = None
        for _ in range(_ATTEMPTS):
            answers |= dict(zip(due, (yield from ask([asked[place] for place in due])), strict=True))
            chosen = {place: _chosen(selections_of(answers[place])) for place in due}
            for each in (each for some in chosen.values() for each in some):
                if self._outdated(each):  # of an earlier answer, or an earlier attempt
                    del self._files[each.id]
            try:
                yield from self.fetch(each.id for some in chosen.values() for each in some)
            except (DemonstrationNotFoundError, ImageNotFoundError) as error:
                gone = error
                continue
            gone = None
            due = [place for place in due if any(self._outdated(each) for each in chosen[place])]
            if not due:
                return [answers[place] for place in range(len(asked))]
        if gone is not None:
            raise gone
        raise SelectionOutdatedError(f"{len(due)} of {len(asked)} selections hold a demonstration that has a new image")

    def _outdated(self, chosen: Selected) -> bool:
        """Whether the file here is another than was chosen."""
        return chosen.id in self._files and chosen.image_sha256 not in (None, self._hashes[chosen.id])


def _chosen(selections: Sequence[Selection]) -> list[Selected]:
    return [chosen for selection in selections for chosen in selection.demonstrations]


def _hashes(files: dict[str, bytes]) -> dict[str, str]:
    return {id: hashlib.sha256(content).hexdigest() for id, content in files.items()}
