"""Answers on disk one by one, while they come: whoever is killed goes on with the answer that was on the way.

The first line says what is evaluated, every further one is an answer, all as JSON. An answer is one write, so that a
killed process leaves whole lines and at most one torn one at the end, which the next one cuts off. Writing reaches the
kernel at once, so no answer is lost with its process; `Journal.sync` brings them to the disk, where a power cut leaves
them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from evaluation.answers.answered import Answered, Key
from evaluation.answers.cells import from_values, to_values
from invariantselect.errors import AnswersInvalidError

__all__ = ["Journal"]

_FORMAT = "invariantselect answers 1"


class Journal:
    """The answers of one evaluation, to be added to. One process at a time adds to it.

    Args:
        path: Of the file; made where there is none.
        plan: What is evaluated, as JSON values: all that an answer hangs on besides its key (pool and its version,
            encoders, protocol, seed, learners' settings). Answers of another plan are not gone on with.

    Raises:
        AnswersInvalidError: The file is no journal, is one of another plan, or is damaged before its last line.

    Example:
        >>> with Journal(path, plan) as journal:
        ...     for answered in answers_of(plan):
        ...         if answered.key not in journal:
        ...             journal.append(answered)
    """

    def __init__(self, path: Path, plan: Mapping[str, Any]) -> None:
        self._path = path
        self._answers: dict[Key, Answered] = {}
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            self._open(json.loads(json.dumps(plan)))
        except BaseException:
            os.close(self._file)
            raise

    @property
    def answers(self) -> list[Answered]:
        """All answers, those of earlier processes too, in the order they came."""
        return list(self._answers.values())

    def __contains__(self, key: object) -> bool:
        return key in self._answers

    def append(self, answered: Answered) -> None:
        """Add an answer.

        Raises:
            ValueError: There is one of this key already.
            OSError: The disk is full, or fails; the next process begins behind the last whole line.
        """
        if answered.key in self._answers:
            raise ValueError(f"{answered.key} has been answered already")
        self._write(to_values(answered))
        self._answers[answered.key] = answered

    def sync(self) -> None:
        """Wait until all answers are on the disk: after those that cost money."""
        os.fsync(self._file)

    def close(self) -> None:
        """Bring all answers to the disk and close the file."""
        if self._file >= 0:
            os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, plan: Any) -> None:
        lines = enumerate(self._whole_lines(), 1)
        for number, line in lines:
            header = self._value(line, number)
            if header.get("format") != _FORMAT:
                raise AnswersInvalidError(f"{self._path} is no journal of answers")
            if header.get("plan") != plan:
                raise AnswersInvalidError(f"{self._path} holds answers of another evaluation")
            break
        else:
            self._write({"format": _FORMAT, "plan": plan})
        for number, line in lines:
            try:
                answered = from_values(self._value(line, number))
            except AnswersInvalidError as error:
                raise AnswersInvalidError(f"{self._path}, line {number}: {error}") from error
            # Two workers of one job, one of which didn't know yet that it had lost it, may both have answered.
            self._answers.setdefault(answered.key, answered)

    def _whole_lines(self) -> Iterator[bytes]:
        """One by one all lines that were written to their end; a last one that wasn't is cut off, in any file but a
        stranger's."""
        begins, whole = b'{"format": "invariantselect', 0
        with self._path.open("rb") as file:
            for line in file:
                if not whole and not line.startswith(begins[: len(line)]):
                    raise AnswersInvalidError(f"{self._path} is no journal of answers")
                if not line.endswith(b"\n"):
                    os.ftruncate(self._file, whole)
                    return
                whole += len(line)
                yield line

    def _value(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError as error:
            raise AnswersInvalidError(f"{self._path}, line {number} can't be read: {error}") from error
        if not isinstance(value, dict):
            raise AnswersInvalidError(f"{self._path}, line {number} holds no object")
        return value

    def _write(self, value: Mapping[str, Any]) -> None:
        line = json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        if os.write(self._file, line) < len(line):
            # Nothing may follow half a line.
            self.close()
            raise OSError(f"{self._path} could not be written: is the disk full?")
